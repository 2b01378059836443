"""Bytes to lines of text: UTF-8, with or without a byte-order mark, one line in memory at a time.

Another encoding is recognised and refused with the command that converts it, never guessed at: a wrong
guess would change every accent in silence. Only ``\\n`` ends a line here; what a lone ``\\r`` means is the
business of the CSV reader.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from whet.data.rows import MAX_LINE, Faults
from whet.errors import InputError

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator
    from pathlib import Path

BOM = b"\xef\xbb\xbf"
CHARSET_SAMPLE = 100_000
NULS_OF_UTF16 = 20  # in the first 200 bytes


def text_lines(stream: io.BufferedReader, faults: Faults) -> Iterator[tuple[int, str]]:
    """Number (1-based) and text of every line, with its line end. An over-long line is a fault.

    Raises:
        InputError: the stream is not UTF-8.
    """
    sample = stream.peek()[:CHARSET_SAMPLE]
    _refuse_utf16(faults.path, sample)
    number = offset = 0
    while raw := stream.readline(MAX_LINE + 1):
        number += 1
        if len(raw) > MAX_LINE and not raw.endswith(b"\n"):
            offset += _skip_line(stream, len(raw), number, faults)
            continue
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            place = offset + error.start
            raise encoding_error(faults.path, number, place, raw[error.start], sample + raw) from error
        offset += len(raw)
        yield number, text.removeprefix("\ufeff") if number == 1 else text


def _skip_line(stream: io.BufferedReader, size: int, number: int, faults: Faults) -> int:
    """Read past the rest of an over-long line; its length with the line end."""
    while rest := stream.readline(MAX_LINE):
        size += len(rest)
        if rest.endswith(b"\n"):
            break
    length = size - 1 if rest else size
    faults.doubt(
        number,
        f"the line has {length:,} bytes; at most {MAX_LINE:,} are read.",
        "look for a missing line break or an unclosed quote; one record, one line.",
    )
    return size


def whole_text(stream: io.BufferedReader, path: Path) -> str:
    """All of a stream as text, for formats that cannot be read by the line.

    Raises:
        InputError: the stream is not UTF-8.
    """
    data = stream.read()
    _refuse_utf16(path, data)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise encoding_error(path, line, error.start, data[error.start], data) from error


def _refuse_utf16(path: Path, data: bytes) -> None:
    """UTF-16 without a byte-order mark decodes as UTF-8, full of NULs, until the first accent."""
    if data[:200].count(0) <= NULS_OF_UTF16:
        return
    try:
        data.decode("utf-8")
        place = data.index(0)
    except UnicodeDecodeError as error:
        place = error.start
    raise encoding_error(path, data.count(b"\n", 0, place) + 1, place, data[place], data)


def encoding_error(path: Path, line: int, place: int, byte: int, sample: bytes) -> InputError:
    """What is said of text in another encoding. ``place`` is the offset of ``byte`` in the file."""
    name = _guess_encoding(sample)
    return InputError(
        f"is not UTF-8 (byte {place:,} is 0x{byte:02x}); it looks like {name}.",
        where=f"{path}:{line}",
        fix=f"convert it: iconv -f {name} -t UTF-8 {shlex.quote(path.name)} > "
        f"{shlex.quote(f'{path.stem}.utf8{path.suffix}')}",
    )


def _guess_encoding(data: bytes) -> str:
    """A name that ``iconv`` understands. A guess for the message, never used to read."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or data[:200].count(0) > NULS_OF_UTF16:
        return "UTF-16"
    if any(0x80 <= byte <= 0x9F for byte in data[:CHARSET_SAMPLE]):
        return "WINDOWS-1252"
    return "ISO-8859-1"
