"""Rows to files, by the ending of the name: JSONL, JSON, CSV, TSV, XLSX, Parquet, and gzip of the text ones.

Written whole or not at all. Nothing is changed to fit: lists and objects go into the cells of a table as
JSON text, and what a format cannot hold otherwise is an error with its record. Two things no table keeps:
whether an empty cell was missing or the empty text, and (CSV, TSV) whether a value was a number.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import re
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from whet.data.rows import needed
from whet.errors import InputError
from whet.halves import HALF
from whet.store import writing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    Rows = Iterable[Mapping[str, Any]]
    Writer = Callable[[Path, Rows, Sequence[str] | None, BinaryIO], int]

MAX_CELL, MAX_SHEET_ROWS = 32_767, 1 << 20  # characters, rows: Excel's own limits
# Characters that XML cannot hold, and texts that would be read as such (ECMA-376, ST_Xstring).
_TO_ESCAPE = re.compile("[\0-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
AS_JSONL = "write JSON lines (.jsonl), which hold any value."


def write_rows(path: Path, rows: Rows, *, columns: Sequence[str] | None = None) -> int:
    """Write records; the number written.

    Args:
        path: ``.jsonl``, ``.ndjson``, ``.json``, ``.csv``, ``.tsv`` (each also with ``.gz``), ``.xlsx`` or
            ``.parquet``.
        rows: records; those of a table are held in memory unless ``columns`` are given (Parquet: always).
        columns: of a table, in order; all keys that occur where it is None.

    Raises:
        InputError: unknown ending, no rows, a value that the format cannot hold; nothing was written.
        WorldError: the disk fails; the old file, if any, still stands.
    """
    writer, packed = _writer(path)
    with writing(path) as file, _packing(file, packed) as out:
        count = writer(path, rows, columns, out)
        if not count:
            raise InputError("there are no rows to write.", where=path)
    return count


@contextmanager
def _packing(file: BinaryIO, packed: bool) -> Iterator[BinaryIO]:
    """The file, or gzip into it: no name and no time in its head, so that equal rows make equal bytes."""
    if not packed:
        yield file
        return
    with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as out:
        yield cast("BinaryIO", out)


def _writer(path: Path) -> tuple[Writer, bool]:
    text: dict[str, Writer] = {
        ".jsonl": _write_jsonl,
        ".ndjson": _write_jsonl,
        ".json": _write_json,
        ".csv": _write_csv,
        ".tsv": _write_csv,
    }
    tables: dict[str, Writer] = {".xlsx": _write_workbook, ".parquet": _write_parquet}
    packed = path.suffix.lower() == ".gz"
    ending = (path.with_suffix("") if packed else path).suffix.lower()
    known = text if packed else {**text, **tables}
    if ending not in known:
        raise InputError(
            f"the ending {''.join(path.suffixes[-2:]) or '(none)'!r} names no format that is written.",
            where=path,
            fix=f"end it in {', '.join([*text, *tables])}; .gz may follow the first five.",
        )
    return known[ending], packed


def _write_jsonl(path: Path, rows: Rows, columns: Sequence[str] | None, out: BinaryIO) -> int:
    count = 0
    for count, row in enumerate(rows, start=1):
        out.write(_json_bytes(path, count, row) + b"\n")
    return count


def _write_json(path: Path, rows: Rows, columns: Sequence[str] | None, out: BinaryIO) -> int:
    count = 0
    for count, row in enumerate(rows, start=1):
        out.write((b",\n" if count > 1 else b"[\n") + _json_bytes(path, count, row))
    out.write(b"\n]\n")
    return count


def _json_bytes(path: Path, number: int, row: Mapping[str, Any]) -> bytes:
    """One record as JSON; readable, but for half characters, which only an escape can name."""
    try:
        text = json.dumps(dict(row), ensure_ascii=False)
        return (json.dumps(dict(row)) if HALF.search(text) else text).encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"cannot be written as JSON: {error}.", where=f"{path}: record {number}") from error


def _write_csv(path: Path, rows: Rows, columns: Sequence[str] | None, out: BinaryIO) -> int:
    tabs = ".tsv" in path.suffixes[-2:]
    names, rows = _columns(path, rows, columns)
    text = io.TextIOWrapper(out, encoding="utf-8", newline="")
    # RFC 4180 ends lines with CRLF; csv then quotes a lone carriage return too, which it would lose.
    writer = csv.writer(text, delimiter="\t" if tabs else ",", lineterminator="\r\n")
    _header_writer(text, names, tabs).writerow(names)
    count = 0
    for count, row in enumerate(rows, start=1):
        writer.writerow(_texts(path, count, row, names))
    text.detach()
    return count


def _header_writer(text: io.TextIOBase, names: Sequence[str], tabs: bool) -> Any:
    """Names that hold another delimiter or look like JSON are quoted, so that they mislead no reader."""
    odd = any(sign in name for name in names for sign in ",;\t|[{")
    return csv.writer(
        text,
        delimiter="\t" if tabs else ",",
        lineterminator="\r\n",
        quoting=csv.QUOTE_ALL if odd else csv.QUOTE_MINIMAL,
    )


def _columns(path: Path, rows: Rows, columns: Sequence[str] | None) -> tuple[Sequence[str], Rows]:
    """The columns of a table, and its rows."""
    if columns is None:
        rows = list(rows)
        columns = list(dict.fromkeys(key for row in rows for key in row))
    if not columns:
        raise InputError("there are no rows to write.", where=path)
    return columns, rows


def _texts(path: Path, number: int, row: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """The cells of a record as text."""
    _refuse_others(path, number, row, names)
    return [_text(path, number, name, row.get(name)) for name in names]


def _refuse_others(path: Path, number: int, row: Mapping[str, Any], names: Sequence[str]) -> None:
    others = row.keys() - set(names)
    if others:
        raise InputError(
            f"the column {min(others)!r} is not in the header.", where=f"{path}: record {number}"
        )


def _text(path: Path, number: int, name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        text = value
    elif isinstance(value, bool | list | tuple | dict):
        text = _json_bytes(path, number, {"": value}).decode("utf-8")[len('{"": ') : -1]
    else:
        text = str(value)
    if half := HALF.search(text):
        raise InputError(
            f"holds {half[0]!r}, half of a character.", where=f"{path}: record {number}: {name}", fix=AS_JSONL
        )
    return text


def _write_workbook(path: Path, rows: Rows, columns: Sequence[str] | None, out: BinaryIO) -> int:
    openpyxl = needed("openpyxl", "XLSX")
    names, rows = _columns(path, rows, columns)
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("rows")
    with closing(sheet):  # else an error leaves its temporary file open
        sheet.append([_cell(sheet, path, 0, name, name) for name in names])
        count = 0
        for count, row in enumerate(rows, start=1):
            if count >= MAX_SHEET_ROWS:
                raise InputError(f"a sheet holds at most {MAX_SHEET_ROWS:,} rows.", where=path, fix=AS_JSONL)
            _refuse_others(path, count, row, names)
            sheet.append([_cell(sheet, path, count, name, row.get(name)) for name in names])
    book.save(out)
    return count


def _cell(sheet: Any, path: Path, number: int, name: str, value: Any) -> Any:
    """A cell: numbers as numbers, everything else as text, never as a formula."""
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    text = _TO_ESCAPE.sub(lambda found: f"_x{ord(found[0]):04X}_", _text(path, number, name, value))
    if len(text) > MAX_CELL:
        raise InputError(
            f"has {len(text):,} characters; a cell of XLSX holds {MAX_CELL:,}.",
            where=f"{path}: record {number}: {name}",
            fix=AS_JSONL,
        )
    cell = needed("openpyxl.cell", "XLSX").WriteOnlyCell(sheet, value=text)
    cell.data_type = "s"
    return cell


def _write_parquet(path: Path, rows: Rows, columns: Sequence[str] | None, out: BinaryIO) -> int:
    arrow, parquet = needed("pyarrow", "Parquet"), needed("pyarrow.parquet", "Parquet")
    rows = list(rows)
    names, rows = _columns(path, rows, columns)
    held: dict[str, Any] = {}
    for number, row in enumerate(rows, start=1):
        _refuse_others(path, number, row, names)
    for name in names:
        with _one_type(path, name):
            held[name] = arrow.array([row.get(name) for row in rows])
    with _one_type(path, "a column"):
        table = arrow.table(held)
        parquet.write_table(table, out, row_group_size=10_000)
    return int(table.num_rows)


@contextmanager
def _one_type(path: Path, name: str) -> Iterator[None]:
    """A Parquet column has one type; Arrow says in its own words what does not fit."""
    try:
        yield
    except (ValueError, TypeError, OverflowError, NotImplementedError, KeyError) as error:
        raise InputError(
            f"does not fit a column of Parquet: {error}.", where=f"{path}: {name}", fix=AS_JSONL
        ) from error
