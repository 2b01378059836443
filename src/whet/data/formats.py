"""Files to rows: the one door to every container that users bring, and to one that holds tables.

| container | what is read |
|---|---|
| JSONL, JSON array | objects; an array is read whole, as text; one object that holds the rows is opened |
| CSV, TSV | the header names the columns; comma, semicolon, tab or bar |
| XLSX, SQLite | the one sheet or table that is filled; else ``book.xlsx::Sheet1``, ``file.db::table`` |
| Parquet, Arrow, Feather | row groups and batches, one at a time |
| a folder of ``save_to_disk``, a hub id | all splits, with a column ``split``; or ``folder::train`` |
| gzip, zip | any of the files above, alone in its archive; else ``data.zip::member`` |

A file is known by its content; its ending only breaks ties. What it promises: a byte-order mark and CRLF are
accepted, a line that is too long, another encoding or a broken record is an error with its place, and no
row is dropped in silence. Knows no columns by meaning and no task.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from whet.data.columnar import read_arrow, read_parquet
from whet.data.database import read_database
from whet.data.delimited import read_delimited
from whet.data.hub import is_hub_id, is_saved, read_hub, read_saved
from whet.data.jsontext import read_json, read_jsonl
from whet.data.lines import BOM, text_lines
from whet.data.rows import MAX_LINE, MISSING, Broken, Faults, Row, Table
from whet.data.sheets import read_workbook
from whet.data.unpack import HEAD, ZIP, Opened, open_file, opened
from whet.data.wrapped import unwrapped
from whet.errors import InputError, WorldError, many

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "MAX_LINE",
    "MISSING",
    "Broken",
    "Row",
    "Table",
    "named_part",
    "read_lenient",
    "read_rows",
    "read_table",
    "read_text",
]

# What files that are not read begin with, what they are, and what to do.
FOREIGN = {
    b"\xd0\xcf\x11\xe0": ("an old Excel file (.xls) or another OLE document", "save it as .xlsx or .csv."),
    b"FEA1": ("a Feather file of version 1", "write it again with pyarrow: feather.write_feather."),
    b"PARE": ("an encrypted Parquet file", "write it without encryption."),
    b"ORC": ("an ORC file", "write it as Parquet."),
    b"Obj\x01": ("an Avro file", "write it as Parquet or JSONL."),
    b"%PDF": ("a PDF document", "give the examples as a table or as JSON lines."),
    b"BZh": ("packed with bzip2", "unpack it first: bunzip2"),
    b"\xfd7zXZ": ("packed with xz", "unpack it first: unxz"),
    b"\x28\xb5\x2f\xfd": ("packed with zstd", "unpack it first: unzstd"),
    b"7z\xbc\xaf": ("packed with 7-Zip", "unpack it first: 7z x"),
}
_SURELY_JSON = re.compile(rb'\{\s*"|\[\s*[\[{]')


def read_rows(path: Path, *, broken: list[Broken], notes: list[str] | None = None) -> Iterator[Row]:
    """The rows of a file as they are read: memory does not grow with it (a JSON array's text is held).

    What is wrong with single records is added to ``broken``, what was set aside to ``notes``.

    Raises:
        InputError: missing, empty, not UTF-8, an unknown or damaged container, a bad header.
        WorldError: the hub or the disk fails.
    """
    faults = Faults(path, broken, [] if notes is None else notes)
    return _some_rows(faults)


def read_lenient(path: Path) -> tuple[Table, list[Broken]]:
    """All good rows of a file, and the records that are not.

    Raises:
        InputError, WorldError: as ``read_rows``.
    """
    faults = Faults(path)
    rows = tuple(_some_rows(faults))
    return Table(path, _columns(rows), rows, tuple(faults.notes)), faults.broken


def read_table(path: Path) -> Table:
    """All rows of a file, every one of them good.

    Raises:
        InputError: as ``read_rows``; a broken record.
        WorldError: as ``read_rows``.
    """
    faults = Faults(path, strict=True)
    rows = tuple(_some_rows(faults))
    if faults.broken:
        lines = [f"{broken.source}: {broken.rule}" for broken in faults.broken]
        fix = faults.broken[0].fix
        raise many(lines, what=f"{len(lines):,} broken line(s):", where=path, fix=fix)
    return Table(path, _columns(rows), rows, tuple(faults.notes))


def read_text(path: Path) -> str:
    """The file as text: UTF-8, with or without a byte-order mark.

    Raises:
        InputError: missing, not UTF-8, an over-long line.
    """
    with open_file(path) as stream:
        return "".join(text for _, text in text_lines(stream, Faults(path, strict=True)))


def _columns(rows: tuple[Row, ...]) -> tuple[str, ...]:
    """The keys of all records, in the order in which they first occur."""
    return tuple(dict.fromkeys(key for row in rows for key in row.values))


def _some_rows(faults: Faults) -> Iterator[Row]:
    empty = True
    try:
        for row in _rows(faults):
            empty = False
            yield row
    except OSError as error:
        raise WorldError(f"cannot read: {error.strerror or error}.", where=faults.path) from error
    if empty and not faults.broken:
        raise InputError("there is a header and no row.", where=faults.path, fix="give a file with examples.")


def _rows(faults: Faults) -> Iterator[Row]:
    path, part = named_part(faults.path)
    if is_saved(path):
        yield from read_saved(path, part, faults)
    elif is_hub_id(path):
        yield from read_hub(str(path), part)
    else:
        with opened(path, part, faults) as found:
            yield from _file_rows(found, faults)


def named_part(path: Path) -> tuple[Path, str | None]:
    """A file and the part of it that is named: ``file.db::table``, unless a file has this very name."""
    file, mark, part = str(path).rpartition("::")
    return (Path(file), part) if mark and file and part and not path.exists() else (path, None)


def _file_rows(found: Opened, faults: Faults) -> Iterator[Row]:
    head = found.stream.peek()
    if head.startswith(ZIP):
        return read_workbook(found, faults)
    if head.startswith(b"SQLite format 3\0"):
        return read_database(found, faults)
    if found.part is not None:
        raise InputError(
            f"has no parts, but {found.part!r} is asked for.", where=found.path, fix="name the file alone."
        )
    if head.startswith(b"PAR1"):
        return read_parquet(found.on_disk(), faults)
    if head.startswith((b"ARROW1", b"\xff\xff\xff\xff")):
        return read_arrow(found.on_disk(), faults)
    for sign, (kind, fix) in FOREIGN.items():
        if head.startswith(sign):
            raise InputError(f"is {kind}, which is not read.", where=faults.path, fix=fix)
    return _text_rows(found, head, faults)


def _text_rows(found: Opened, head: bytes, faults: Faults) -> Iterator[Row]:
    body = head.removeprefix(BOM).lstrip()
    if not body and len(head) < HEAD:
        raise InputError("the file is empty.", where=faults.path, fix="give a file with examples.")
    table = found.ending in {".csv", ".tsv"} and not _SURELY_JSON.match(body)
    if table or not body.startswith((b"{", b"[")):
        return read_delimited(found.stream, found.ending, faults)
    if body.startswith(b"[") or body.split(b"\n", 1)[0].strip() == b"{":
        return unwrapped(read_json(found.stream, faults), faults)
    return unwrapped(read_jsonl(found.stream, faults), faults)
