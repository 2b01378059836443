"""SQLite to rows: the one table of a file that is filled, or the one named behind ``::``.

Opened for reading only, by SQLite itself; views and virtual tables, which can run what a file says, are
not read. Text that is not UTF-8 is a fault of its row.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

from whet.data.rows import Faults, Row, column_names, plain
from whet.errors import InputError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from whet.data.unpack import Opened

AGAIN = "mend it: sqlite3 FILE .recover | sqlite3 NEW"
_TABLES = """SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'
    AND coalesce(sql, '') NOT LIKE 'CREATE VIRTUAL%' ORDER BY name"""
_DAMAGE = (sqlite3.Error, ValueError, OverflowError, MemoryError)


class _Text(bytes):
    """A value that the file calls text; a plain ``bytes`` is a blob."""


def read_database(found: Opened, faults: Faults) -> Iterator[Row]:
    """Rows of one table, in its own order; a row's line is its number.

    Raises:
        InputError: no database; several tables and none named.
    """
    try:
        connection = sqlite3.connect(f"{found.on_disk().absolute().as_uri()}?mode=ro", uri=True)
        connection.text_factory = _Text
    except _DAMAGE as error:
        raise _unreadable(error, faults.path) from error
    with closing(connection):
        try:
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA cell_size_check = ON")
            tables = [bytes(name).decode("utf-8") for (name,) in connection.execute(_TABLES)]
            filled = [table for table in tables if _filled(connection, table)] if len(tables) > 1 else tables
            table = _table(tables, found.part, found.path, filled)
            records = connection.execute(f"SELECT * FROM {_quoted(table)}")
            names = [column[0] for column in records.description]
        except _DAMAGE as error:
            raise _unreadable(error, faults.path) from error
        yield from _rows(records, column_names(faults.path, 1, names), faults)


def _unreadable(error: Exception, path: Path) -> InputError:
    return InputError(f"is not a whole SQLite file: {error}.", where=path, fix=AGAIN)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _filled(connection: sqlite3.Connection, table: str) -> bool:
    return connection.execute(f"SELECT 1 FROM {_quoted(table)} LIMIT 1").fetchone() is not None


def _table(tables: list[str], part: str | None, path: Path, filled: list[str]) -> str:
    if part is None and len(filled) == 1:
        return filled[0]
    if part in tables:
        return part
    if not tables:
        raise InputError("there is no table.", where=path, fix="give a file with examples.")
    if part is not None:
        raise InputError(f"there is no table {part!r}.", where=path, fix=nearest(part, tables))
    raise InputError(
        f"the tables are {', '.join(tables)}; one of them must be the data.",
        where=path,
        fix=f"name it: {path.name}::{(filled or tables)[0]}",
    )


def _rows(records: Iterator[tuple[Any, ...]], names: list[str], faults: Faults) -> Iterator[Row]:
    number = 0
    try:
        for number, record in enumerate(records, start=1):
            values = {name: _value(value) for name, value in zip(names, record, strict=True)}
            bad = [name for name, value in values.items() if isinstance(value, _Text)]
            if bad:
                faults.add(number, "the text is not UTF-8.", "mend it.", column=bad[0], value=values[bad[0]])
            else:
                yield Row(number, values)
    except _DAMAGE as error:
        faults.add(number + 1, f"cannot be read from here on: {error}.", AGAIN)


def _value(value: Any) -> Any:
    """The value as JSON has it; text that is not UTF-8 stays as it is."""
    if not isinstance(value, _Text):
        return plain(value)
    try:
        return bytes(value).decode("utf-8")
    except UnicodeDecodeError:
        return value
