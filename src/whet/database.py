"""Tables: where releases, traffic, reviews and jobs are kept, in SQLite unless an address names another.

    folder -> engine -> one transaction at a time writes, any number reads

It does not know a table: every module brings its own ``MetaData``, and ``opened`` makes what is missing.
SQLAlchemy Core, and nothing that would not run on PostgreSQL. Writers take the lock when they begin (``BEGIN
IMMEDIATE``), so that two can never both have read before one writes. Write-ahead logging is left to SQLite
that has it right: 3.7.0 to 3.51.2 can lose a commit when several processes checkpoint at once
(https://www.sqlite.org/wal.html#walresetbug).
"""

from __future__ import annotations

import os
import sqlite3
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet.errors import WorldError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, MetaData

HOME = "WHET_STORE"
"""The environment variable that names the store's folder."""
FOLDER = Path("whet-store")
"""Where the store is when nothing names it: beside the runs."""
FILE = "whet.db"
SENT = Path("web") / "work"
"""In the store's folder: files that were sent from a browser, and what was started on them."""
WAITS = 30.0
"""Seconds that a writer waits for another."""
SAFE_WAL = (3, 51, 3)


def home(named: Path | None = None) -> Path:
    """The store's folder: as named, else by ``WHET_STORE``, else ``whet-store`` here."""
    return named or Path(os.environ.get(HOME) or FOLDER)


def opened(where: Path | str, *tables: MetaData) -> Engine:
    """The database of the store in a folder, or at an address as SQLAlchemy writes them.

    Args:
        where: the store's folder, or an address with ``://``.
        tables: what must be there; missing tables are made.

    Raises:
        WorldError: it cannot be opened, or is no database.
    """
    from sqlalchemy import create_engine, event
    from sqlalchemy.exc import SQLAlchemyError

    if isinstance(where, Path):
        where.mkdir(parents=True, exist_ok=True)
        address = f"sqlite:///{where / FILE}"
    else:
        address = where
    engine = create_engine(address)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", _take_the_lock)
    try:
        for metadata in tables:
            metadata.create_all(engine)
    except SQLAlchemyError as problem:
        raise WorldError(f"the store cannot be opened: {problem.args[0]}", where=where) from None
    return engine


def indexed(engine: Engine, tables: MetaData) -> None:
    """Make the indexes that tables from an earlier version lack."""
    from sqlalchemy import inspect

    with reading(engine) as connection:
        found = inspect(connection)
        there = {one["name"] for table in tables.tables for one in found.get_indexes(table)}
    for table in tables.tables.values():
        for index in table.indexes:
            if index.name not in there:
                index.create(engine, checkfirst=True)


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction: all of it is kept, on disk, when the block ends, or nothing."""
    with engine.begin() as connection:
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection that takes no lock between its statements."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        yield connection


def _prepare(connection: sqlite3.Connection, _: Any) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself: ``_take_the_lock`` does
    connection.create_function("folded", 1, folded, deterministic=True)
    safe = sqlite3.sqlite_version_info >= SAFE_WAL
    for pragma in (
        f"busy_timeout = {int(WAITS * 1000)}",
        f"journal_mode = {'WAL' if safe else 'DELETE'}",
        "synchronous = FULL",
        "foreign_keys = ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def folded(text: str | None) -> str | None:
    """A text without case, in one form of its accents: SQLite's ``lower`` knows the letters of ASCII only."""
    if text is None:
        return None
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def _take_the_lock(connection: Connection) -> None:
    if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
