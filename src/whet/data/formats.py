"""Files to rows: CSV, TSV, JSONL and JSON arrays, with the line of every row.

Knows no columns by meaning and no task. What it promises: a byte-order mark and CRLF are accepted, a
line that is too long, another encoding or a broken record is an error with its place, and no row is
dropped in silence.
"""

from __future__ import annotations

import csv
import io
import json
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from whet.errors import InputError, many

if TYPE_CHECKING:
    from pathlib import Path

MAX_LINE = 10_000_000  # bytes; a longer line is a broken file, not an example
DELIMITERS = ",;\t|"
MISSING = frozenset({"", "null", "none", "nan", "na", "n/a"})


@dataclass(frozen=True, slots=True)
class Row:
    """One record and the line it starts on (1-based, the header is line 1)."""

    line: int
    values: dict[str, Any]

    def text(self, column: str) -> str:
        """The value as stripped text; missing values are the empty text."""
        value = self.values.get(column)
        if value is None:
            return ""
        if isinstance(value, bool):
            return str(value).lower()
        return str(value).strip()


@dataclass(frozen=True, slots=True)
class Table:
    """All rows of a file, in its order."""

    path: Path
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    """What was set aside, for the user to know."""

    def where(self, row: Row) -> str:
        return f"{self.path.name}:{row.line}"


def read_table(path: Path) -> Table:
    """Read a file of records, by its content rather than its ending.

    Raises:
        InputError: missing, empty, not UTF-8, over-long line, broken record.
    """
    text = read_text(path)
    body = text.lstrip()
    if not body:
        raise InputError("the file is empty.", where=path, fix="give a file with examples.")
    if path.suffix.lower() in {".csv", ".tsv"}:
        table = _read_csv(path, text)
    elif body.startswith("["):
        table = _read_json_array(path, text)
    elif body.startswith("{"):
        table = _read_jsonl(path, text)
    else:
        table = _read_csv(path, text)
    if not table.rows:
        raise InputError("there is a header and no row.", where=path, fix="give a file with examples.")
    return table


def read_text(path: Path) -> str:
    """The file as text: UTF-8, with or without a byte-order mark."""
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise InputError("no such file.", where=path, fix="check the path.") from error
    except IsADirectoryError as error:
        raise InputError("is a folder, not a file.", where=path, fix="name the file.") from error
    except OSError as error:
        raise InputError(f"cannot read: {error.strerror}.", where=path) from error
    _refuse_long_lines(path, data)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _encoding_error(path, data, error.start) from error
    if _guess_encoding(data) == "UTF-16":  # without a byte-order mark it decodes, full of NULs
        raise _encoding_error(path, data, data.index(0))
    return text


def _refuse_long_lines(path: Path, data: bytes) -> None:
    array = data.lstrip()[:1] == b"["  # a JSON array may well stand on one line
    start, line = 0, 1
    while start < len(data):
        end = data.find(b"\n", start)
        end = len(data) if end < 0 else end
        if end - start > MAX_LINE and not array:
            raise InputError(
                f"the line has {end - start:,} bytes; at most {MAX_LINE:,} are read.",
                where=f"{path}:{line}",
                fix="look for a missing line break or an unclosed quote; one record, one line.",
            )
        start, line = end + 1, line + 1


def _encoding_error(path: Path, data: bytes, place: int) -> InputError:
    line = data.count(b"\n", 0, place) + 1
    name = _guess_encoding(data)
    return InputError(
        f"is not UTF-8 (byte {place:,} is 0x{data[place]:02x}); it looks like {name}.",
        where=f"{path}:{line}",
        fix=f"convert it: iconv -f {name} -t UTF-8 {shlex.quote(path.name)} > "
        f"{shlex.quote(f'{path.stem}.utf8{path.suffix}')}",
    )


def _guess_encoding(data: bytes) -> str:
    """A name that ``iconv`` understands. A guess for the message, never used to read."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or data[:200].count(0) > 20:
        return "UTF-16"
    if any(0x80 <= byte <= 0x9F for byte in data[:CHARSET_SAMPLE]):
        return "WINDOWS-1252"
    return "ISO-8859-1"


CHARSET_SAMPLE = 100_000


def _read_csv(path: Path, text: str) -> Table:
    """RFC 4180 with any of four delimiters; the header names the columns."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(path, text), strict=True)
    csv.field_size_limit(MAX_LINE)
    header: list[str] = []
    rows: list[Row] = []
    broken: list[str] = []
    notes: tuple[str, ...] = ()
    line = 1
    try:
        for record in reader:
            start, line = line, reader.line_num + 1
            if not record or record == [""]:
                continue
            if not header:
                header = _header(path, record)
            elif len(record) > len(header):
                broken.append(f"line {start}: {len(record)} fields; the header has {len(header)}.")
            else:
                rows.append(Row(start, _record(header, record)))
    except csv.Error as error:
        if not rows or not _cut_off(text, line):
            raise InputError(
                f"is not valid CSV: {error}.", where=f"{path}:{line}", fix="look for an unclosed quote."
            ) from error
        notes = (f"{path.name}:{line}: the file is cut off within its last row, which is set aside",)
    if broken:
        raise many(broken, what="rows do not fit the header:", where=path, fix="quote the commas.")
    return Table(path, tuple(header), tuple(rows), notes)


def _cut_off(text: str, line: int) -> bool:
    """Whether the record that starts on ``line`` is the file's last line: a download that broke off. An
    unclosed quote further up would swallow good rows, and is an error."""
    return line >= text.rstrip("\r\n").count("\n") + 1


def _record(header: list[str], record: list[str]) -> dict[str, Any]:
    """A short record lacks its last fields: a file cut off keeps its good rows."""
    padded: list[str | None] = [*record, *[None] * (len(header) - len(record))]
    return dict(zip(header, padded, strict=True))


def _delimiter(path: Path, text: str) -> str:
    if path.suffix.lower() == ".tsv":
        return "\t"
    first = text.split("\n", 1)[0]
    return max(DELIMITERS, key=first.count)


def _header(path: Path, record: list[str]) -> list[str]:
    names = [name.strip() for name in record]
    twice = sorted({name for name in names if names.count(name) > 1 and name})
    if twice:
        raise InputError(f"the column {twice[0]!r} is there twice.", where=f"{path}:1", fix="rename one.")
    return [name or f"column_{index + 1}" for index, name in enumerate(names)]


def _read_jsonl(path: Path, text: str) -> Table:
    rows: list[Row] = []
    broken: list[str] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            broken.append(f"{path.name}:{number}: not valid JSON: {error}")
            continue
        if isinstance(value, dict):
            rows.append(Row(number, value))
        else:
            broken.append(f"{path.name}:{number}: {_kind(value)}; each line must be an object.")
    if broken:
        raise many(broken, what=f"{len(broken):,} broken line(s):", where=path, fix="mend these lines.")
    return Table(path, _columns(rows), tuple(rows))


def _read_json_array(path: Path, text: str) -> Table:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        raise InputError(
            f"is not valid JSON: {error}.", where=f"{path}:{line}", fix="mend this line."
        ) from error
    bad = [i for i, value in enumerate(values) if not isinstance(value, dict)]
    if bad:
        raise InputError(
            f"record {bad[0] + 1} is {_kind(values[bad[0]])}; each record must be an object.",
            where=path,
        )
    rows = [Row(number, value) for number, value in enumerate(values, start=1)]
    return Table(path, _columns(rows), tuple(rows))


def _columns(rows: list[Row]) -> tuple[str, ...]:
    """The keys of all records, in the order in which they first occur."""
    return tuple(dict.fromkeys(key for row in rows for key in row.values))


def _kind(value: Any) -> str:
    names = {list: "a list", str: "a text", int: "a number", float: "a number", type(None): "null"}
    return names.get(type(value), type(value).__name__)
