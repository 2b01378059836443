"""GGUF by the converter of a llama.cpp checkout that the user names, and what its header says of the
template.

The script ``convert_hf_to_gguf.py`` is run as a list of arguments on the merged model; it is the checkout's
code and runs as you. Of the file only the header is read (magic, counts, keys and values), with bounds on
every length. Source: the GGUF specification of ggml, version 3. Knows no weights.
"""

from __future__ import annotations

import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from whet.errors import InputError, WorldError
from whet.release.exports.decoders import write_merged
from whet.store import make_folder

if TYPE_CHECKING:
    from whet.release.exports.parts import WriterParts

SCRIPT, FILE, MODEL = "convert_hf_to_gguf.py", "model.gguf", "model"
TEMPLATE_KEY = "tokenizer.chat_template"
MINUTES = 60.0
MAGIC, STRING, ARRAY = b"GGUF", 8, 9
NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
MOST_KEYS, MOST_BYTES, MOST_ITEMS = 100_000, 1 << 26, 1 << 24


def script_of(checkout: Path | None) -> Path:
    """The converter of a checkout.

    Raises:
        InputError: none was named, or it has none.
    """
    if checkout is None:
        fix = "git clone https://github.com/ggml-org/llama.cpp, then --llama-cpp FOLDER."
        raise InputError("GGUF is written by llama.cpp: name a checkout of it.", where="--llama-cpp", fix=fix)
    script = checkout / SCRIPT
    if not script.is_file():
        raise InputError(f"there is no {SCRIPT}.", where=checkout, fix="name the checkout's own folder.")
    return script.resolve()


def write_gguf(
    parts: WriterParts, folder: Path, script: Path, *, kind: str = "f16", python: str = sys.executable
) -> list[str]:
    """The merged model, and what the converter makes of it.

    Args:
        kind: the converter's ``--outtype``.
        python: the interpreter that has the converter's own requirements.

    Raises:
        WorldError: the converter failed.
    """
    make_folder(folder)
    notes = write_merged(parts, folder / MODEL)
    command = [python, str(script), str(folder / MODEL), "--outfile", str(folder / FILE), "--outtype", kind]
    _run(command, script)
    if not (folder / FILE).is_file():
        raise WorldError("the converter ended well and wrote no file.", where=script)
    return [*notes, f"the GGUF is in {kind}; answers of other precisions may differ in near ties"]


def _run(command: list[str], script: Path) -> None:
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=60 * MINUTES)
    except subprocess.TimeoutExpired as error:
        raise WorldError(f"the converter took more than {MINUTES:g} minutes.", where=script) from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        last = said[-1][:300] if said else "it said nothing"
        fix = "see whether the checkout knows this kind of model, and whether its requirements are installed."
        raise WorldError(f"the converter failed: {last}", where=script, fix=fix)


def template_of(path: Path) -> str | None:
    """The chat template in a GGUF's header; None where it has none.

    Raises:
        InputError: not a GGUF of version 2 or 3, or damaged.
    """
    with path.open("rb") as stream:
        try:
            return _template(stream)
        except (struct.error, UnicodeDecodeError, KeyError, ValueError) as error:
            raise InputError(f"is no GGUF that can be read ({error}).", where=path) from None


def _template(stream: BinaryIO) -> str | None:
    if stream.read(4) != MAGIC or _number(stream, "I") not in (2, 3):
        raise ValueError("its first bytes are others")
    _number(stream, "Q")  # tensors
    for _ in range(_most(_number(stream, "Q"), MOST_KEYS)):
        key, kind = _string(stream), _number(stream, "I")
        value = _value(stream, kind)
        if key == TEMPLATE_KEY:
            return str(value)
    return None


def _value(stream: BinaryIO, kind: int) -> Any:
    if kind == STRING:
        return _string(stream)
    if kind != ARRAY:
        return _number(stream, NUMBERS[kind])
    inner, count = _number(stream, "I"), _most(_number(stream, "Q"), MOST_ITEMS)
    if inner == ARRAY:
        raise ValueError("lists in lists")
    read: Callable[[], Any] = (
        (lambda: _string(stream)) if inner == STRING else (lambda: _number(stream, NUMBERS[inner]))
    )
    return [read() for _ in range(count)]


def _number(stream: BinaryIO, form: str) -> Any:
    return struct.unpack(f"<{form}", stream.read(struct.calcsize(f"<{form}")))[0]


def _string(stream: BinaryIO) -> str:
    length = _most(_number(stream, "Q"), MOST_BYTES)
    data = stream.read(length)
    if len(data) != length:
        raise ValueError("it ends too early")
    return data.decode("utf-8")


def _most(value: int, most: int) -> int:
    if value > most:
        raise ValueError(f"{value:,} is too large a count")
    return value
