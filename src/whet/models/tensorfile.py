"""The header of a safetensors file, read with distrust: shapes by name, without loading a number.

The format (huggingface/safetensors, README "Format"): eight bytes with the length of the header, the header
as JSON, the tensors' bytes. A reader that believes a lying header reads past the file or allocates what it
says; so every tensor must fill its own bytes, and all of them together the whole file, without overlap or
hole. Knows no models.
"""

from __future__ import annotations

import json
import math
import struct
from collections import Counter
from typing import TYPE_CHECKING, Any, NoReturn

from whet.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

LARGEST_HEADER = 100_000_000  # bytes; the format's own bound
MOST_PARTS = 3_000_000  # brackets and commas; a matrix has eight, and each takes some 60 bytes when parsed
LARGEST_SIDE = 1 << 40
MOST_SIDES = 64  # dimensions of a tensor; torch's own bound
BITS = {
    **dict.fromkeys(("F64", "I64", "U64", "C64"), 64),
    **dict.fromkeys(("F32", "I32", "U32"), 32),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 16),
    **dict.fromkeys(("BOOL", "I8", "U8", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
    **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
    "F4": 4,
}


def check_safetensors(path: Path) -> int:
    """Check a file's header against its bytes, and count its parameters.

    Raises:
        InputError: no such file, or the header lies.
    """
    return sum(math.prod(shape) for shape in tensor_shapes(path).values())


def tensor_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """The shapes of a file's tensors by name; errors as in ``check_safetensors``."""
    header, data = _header(path)
    header.pop("__metadata__", None)
    shapes, spans = {}, []
    for name, entry in header.items():
        shapes[name], span = _tensor(path, name, entry)
        spans.append((*span, name))
    _covered(path, sorted(spans), data)
    return shapes


def _header(path: Path) -> tuple[dict[str, Any], int]:
    """The header and how many bytes of tensors follow it."""
    if not path.is_file():
        raise InputError("there is no such file.", where=path, fix="fetch the model again, whole.")
    size = path.stat().st_size
    with path.open("rb") as stream:
        start = stream.read(8)
        if len(start) < 8:
            _refuse(path, "is cut off: the file has fewer than eight bytes")
        (length,) = struct.unpack("<Q", start)
        if length > LARGEST_HEADER:
            _refuse(path, f"says that it is {length:,} bytes long; the format allows {LARGEST_HEADER:,}")
        if length > size - 8:
            _refuse(path, f"says that it is {length:,} bytes long; the file has {size:,}")
        header = _parse(path, stream.read(length))
    return header, size - 8 - length


def _parse(path: Path, text: bytes) -> dict[str, Any]:
    if sum(text.count(sign) for sign in (b"[", b"{", b",")) > MOST_PARTS:
        _refuse(path, f"has more than {MOST_PARTS:,} parts")
    try:
        header = json.loads(text.decode("utf-8"), object_pairs_hook=_once)
    except RecursionError:
        _refuse(path, "is nested too deep")
    except ValueError as error:
        _refuse(path, f"is not valid JSON: {error}")
    if not isinstance(header, dict):
        _refuse(path, "is no JSON object")
    metadata = header.get("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        _refuse(path, "has a __metadata__ that is not text by name")
    return header


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two readers may take two different values of a key that stands twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
        raise ValueError(f"the key {twice!r} stands there twice")
    return found


def _tensor(path: Path, name: str, entry: Any) -> tuple[tuple[int, ...], tuple[int, int]]:
    """Shape and bytes (begin, end) of one tensor."""
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        _refuse(path, f"must give {name!r} a dtype, a shape, data_offsets and nothing else")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    bits = BITS.get(dtype) if isinstance(dtype, str) else None
    if bits is None:
        _refuse(path, f"gives {name!r} the dtype {dtype!r}, which the format does not have")
    if not _whole_numbers(shape) or len(shape) > MOST_SIDES or max(shape, default=0) > LARGEST_SIDE:
        _refuse(path, f"gives {name!r} a shape of negative, huge or no whole numbers")
    if not _whole_numbers(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        _refuse(path, f"gives {name!r} the offsets {str(offsets)[:60]}, which are not begin and end")
    begin, end = offsets
    needed = math.prod(shape) * bits
    if needed != (end - begin) * 8:
        _refuse(path, f"gives {name!r} {end - begin:,} bytes; its shape and dtype need {needed / 8:,.0f}")
    return tuple(shape), (begin, end)


def _whole_numbers(values: Any) -> bool:
    return isinstance(values, list) and all(type(value) is int and value >= 0 for value in values)


def _covered(path: Path, spans: list[tuple[int, int, str]], data: int) -> None:
    """``spans``, sorted, must cover the ``data`` bytes one after the other."""
    reached = 0
    for begin, end, name in spans:
        if begin < reached:
            _refuse(path, f"lets {name!r} overlap the tensor before it")
        if begin > reached:
            _refuse(path, f"leaves a hole of {begin - reached:,} bytes before {name!r}")
        reached = end
    if reached > data:
        _refuse(path, f"names {reached:,} bytes of tensors; the file holds {data:,}")
    if reached < data:
        _refuse(path, f"leaves {data - reached:,} bytes at the end of the file unnamed")


def _refuse(path: Path, what: str) -> NoReturn:
    fix = "delete this copy and fetch it again; do not use it."
    raise InputError(f"the safetensors header {what}.", where=path, fix=fix)
