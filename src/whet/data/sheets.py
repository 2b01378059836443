"""XLSX to rows: the one sheet that is filled, or the one named behind ``::``.

Read by openpyxl as a stream, values only. A time at midnight is a date, for Excel keeps no other kind of
date; ``_x000D_`` and its like are the characters they stand for (ECMA-376, part 1, 22.9.2.19, ST_Xstring).
"""

from __future__ import annotations

import re
import warnings
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from whet.data.rows import Faults, Row, column_names, needed, plain
from whet.data.unpack import Opened, archive_of, refuse_bomb
from whet.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_ROWS = 1 << 20  # of a sheet, by Excel's own rule
BATCH = 1000
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")
AGAIN = "open it in a spreadsheet program and save it as .xlsx again."


def read_workbook(found: Opened, faults: Faults) -> Iterator[Row]:
    """Rows of a workbook; the first filled row of the sheet is the header.

    Raises:
        InputError: no workbook, several filled sheets, openpyxl not installed.
    """
    openpyxl = needed("openpyxl", "XLSX")
    with archive_of(found) as archive:
        refuse_bomb(sum(member.file_size for member in archive.infolist()), found.path)
    with found.on_disk().open("rb") as stream:
        try:
            with _quiet():
                book = openpyxl.load_workbook(stream, read_only=True, data_only=True, keep_links=False)
        except Exception as error:  # openpyxl lets through whatever its XML leads to
            raise InputError(f"is not a whole workbook: {error}.", where=faults.path, fix=AGAIN) from error
        sheet = _sheet(book.worksheets, found.part, found.path)
        yield from _rows(sheet, faults)


def _quiet() -> warnings.catch_warnings[Any]:
    """openpyxl warns of styles and validations that it leaves out; values are all we read."""
    return warnings.catch_warnings(action="ignore")


def _sheet(sheets: list[Any], part: str | None, path: Path) -> Any:
    filled = [sheet for sheet in sheets if _filled(sheet)]
    chosen = filled if part is None else [sheet for sheet in sheets if sheet.title == part]
    if len(chosen) == 1:
        return chosen[0]
    if not filled:
        raise InputError("there is no sheet with rows.", where=path, fix="give a file with examples.")
    names = ", ".join(repr(sheet.title) for sheet in filled)
    raise InputError(
        f"the filled sheets are {names}; one of them must be the data.",
        where=path,
        fix=f"name it: {path.name}::{filled[0].title}",
    )


def _filled(sheet: Any) -> bool:
    return any(cells for _, cells, error in _lines(sheet) if not error)


def _rows(sheet: Any, faults: Faults) -> Iterator[Row]:
    header: list[str] = []
    for line, cells, error in _lines(sheet):
        if error:
            faults.add(line, f"the sheet cannot be read from here on: {error}.", AGAIN)
        elif not cells:
            continue
        elif not header:
            header = column_names(faults.path, line, ["" if cell is None else str(cell) for cell in cells])
        elif len(cells) > len(header):
            rule = f"{len(cells)} cells; the header has {len(header)}."
            faults.add(line, rule, "name the column, or empty the cell.", value=cells[len(header) :])
        else:
            yield Row(line, dict(zip(header, cells + [None] * (len(header) - len(cells)), strict=True)))


def _lines(sheet: Any) -> Iterator[tuple[int, list[Any], str]]:
    """Line, its cells up to the last filled one, and why nothing more can be read, or the empty text."""
    sheet.reset_dimensions()  # what the file says of its size is often wrong
    numbered = enumerate(sheet.iter_rows(values_only=True), start=1)
    line, error = 0, ""
    while not error:
        lines: list[tuple[int, tuple[Any, ...]]] = []
        try:
            with _quiet():
                lines.extend(islice(numbered, BATCH))
        except Exception as caught:  # as above
            error = str(caught) or type(caught).__name__
        for line, cells in lines:
            yield line, _values(cells), ""
        if not lines:
            break
        if line >= MAX_ROWS:
            error = f"a sheet has at most {MAX_ROWS:,} rows"
    if error:
        yield line + 1, [], error


def _values(cells: tuple[Any, ...]) -> list[Any]:
    values = [_value(cell) for cell in cells]
    while values and values[-1] in (None, ""):
        values.pop()
    return values


def _value(cell: Any) -> Any:
    if isinstance(cell, str):
        return _ESCAPED.sub(_character, cell) if "_x" in cell else cell
    if isinstance(cell, datetime) and cell.time() == datetime.min.time():
        return cell.date().isoformat()
    return plain(cell)


def _character(found: re.Match[str]) -> str:
    code = int(found[1], 16)
    return found[0] if 0xD800 <= code <= 0xDFFF else chr(code)
