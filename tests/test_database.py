"""The database: writers that read before they write never lose each other's work."""

from __future__ import annotations

import multiprocessing
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import Column, Connection, Integer, MetaData, Table, func, insert, select

from whet.database import FILE, home, opened, reading, writing
from whet.errors import WorldError

METADATA = MetaData()
COUNTS = Table("counts", METADATA, Column("id", Integer, primary_key=True), Column("n", Integer))
TIMES, WRITERS = 40, 3


def _insert_and_fail(connection: Connection) -> None:
    connection.execute(insert(COUNTS).values(n=1))
    raise ZeroDivisionError


def count_up(folder: Path) -> None:
    engine = opened(folder, METADATA)
    for _ in range(TIMES):
        with writing(engine) as connection:
            last = connection.execute(select(func.coalesce(func.max(COUNTS.c.n), 0))).scalar_one()
            connection.execute(insert(COUNTS).values(n=last + 1))


def test_writers_take_turns(tmp_path: Path) -> None:
    engine = opened(tmp_path, METADATA)
    context = multiprocessing.get_context("spawn")
    at_work = [context.Process(target=count_up, args=(tmp_path,)) for _ in range(WRITERS)]
    for process in at_work:
        process.start()
    for process in at_work:
        process.join()
        assert process.exitcode == 0
    with reading(engine) as connection:
        assert connection.execute(select(func.max(COUNTS.c.n))).scalar_one() == TIMES * WRITERS


def test_who_writes_holds_the_lock_from_the_start(tmp_path: Path) -> None:
    """A second writer is turned away before it has read; who begins without the lock (the control) is not."""
    engine = opened(tmp_path, METADATA)
    with sqlite3.connect(tmp_path / FILE, timeout=0, isolation_level=None) as other, writing(engine):
        other.execute("BEGIN")
        assert other.execute("SELECT count(*) FROM counts").fetchone() == (0,)
        other.execute("COMMIT")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")


def test_who_reads_waits_for_no_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands is read while another transaction writes; a reader that took the lock would wait for it."""
    monkeypatch.setattr("whet.database.WAITS", 0.1)
    engine = opened(tmp_path, METADATA)
    with writing(engine) as writer:
        writer.execute(insert(COUNTS).values(n=1))
        with reading(engine) as reader:
            assert reader.execute(select(func.count()).select_from(COUNTS)).scalar_one() == 0


def test_a_failed_block_leaves_nothing(tmp_path: Path) -> None:
    engine = opened(tmp_path, METADATA)
    with pytest.raises(ZeroDivisionError), writing(engine) as connection:
        _insert_and_fail(connection)
    with reading(engine) as connection:
        assert connection.execute(select(func.count()).select_from(COUNTS)).scalar_one() == 0


def test_what_is_no_database_is_said(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no database " * 100)
    with pytest.raises(WorldError, match="store cannot be opened"):
        opened(tmp_path, METADATA)


def test_the_store_is_named_by_hand_or_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert home(Path("here")) == Path("here")
    monkeypatch.setenv("WHET_STORE", "elsewhere")
    assert home() == Path("elsewhere")
