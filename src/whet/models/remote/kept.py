"""Answers that were paid for, and the account of what was paid: one SQLite file in a run's cache.

An answer is found by the digest of everything that was asked: server, model, messages, parameters. A call
is entered before it is sent, at the most that it can cost, and settled together with its answer in one
transaction. A process that is killed in between leaves the entry open: it counts in full, because the
server may have answered. No key is ever written here.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from whet.errors import InputError, WorldError
from whet.models.base import Answer
from whet.runs import now
from whet.store import make_folder

FILE = "endpoint-answers.sqlite"
TABLES = """
CREATE TABLE IF NOT EXISTS answers (
  key TEXT PRIMARY KEY, who TEXT NOT NULL, answer TEXT NOT NULL, without TEXT NOT NULL, at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS calls (
  id INTEGER PRIMARY KEY, who TEXT NOT NULL, key TEXT NOT NULL, most_usd REAL NOT NULL, usd REAL,
  at TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Found:
    """An answer from before."""

    answer: Answer
    without: frozenset[str]
    """What the server had refused to do for it."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What calls have cost; open ones count at the most that they can cost."""

    usd: float
    requests: int


class Kept:
    """Answers and account of one run folder; without a folder they live as long as this object."""

    def __init__(self, folder: Path | None = None):
        self._path = folder / FILE if folder is not None else None
        if folder is not None:
            make_folder(folder)
        with self._careful():
            # One thread at a time uses it; which one depends on where `answer` is called from.
            self._database = sqlite3.connect(self._path or ":memory:", check_same_thread=False)
            weakref.finalize(self, self._database.close)
            self._database.execute("PRAGMA synchronous = FULL")
            self._database.executescript(TABLES)

    def find(self, key: str) -> Found | None:
        """The kept answer to what ``key`` stands for, marked as cached and free."""
        with self._careful():
            row = self._database.execute(
                "SELECT answer, without FROM answers WHERE key = ?", (key,)
            ).fetchone()
        if row is None:
            return None
        values = json.loads(row[0])
        values["choices"] = tuple(values["choices"])
        return Found(Answer(**{**values, "usd": 0.0, "cached": True}), frozenset(json.loads(row[1])))

    def open(self, who: str, key: str, most_usd: float) -> int:
        """Enter a call that is about to be sent; its number."""
        with self._careful(), self._database:
            entry = self._database.execute(
                "INSERT INTO calls (who, key, most_usd, at) VALUES (?, ?, ?, ?)", (who, key, most_usd, now())
            )
        return int(entry.lastrowid or 0)

    def settle(self, call: int, usd: float) -> None:
        """The call brought no answer, and cost ``usd``."""
        with self._careful(), self._database:
            self._database.execute("UPDATE calls SET usd = ? WHERE id = ?", (usd, call))

    def keep(self, call: int, key: str, who: str, answer: Answer, without: frozenset[str]) -> None:
        """The call brought ``answer``: kept and settled at once, or neither."""
        text = json.dumps(asdict(answer), ensure_ascii=False)
        with self._careful(), self._database:
            self._database.execute("UPDATE calls SET usd = ? WHERE id = ?", (answer.usd, call))
            self._database.execute(
                "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?)",
                (key, who, text, json.dumps(sorted(without)), now()),
            )

    def spent(self, who: str) -> Spent:
        """All calls to ``who`` so far, those of earlier processes included."""
        with self._careful():
            usd, requests = self._database.execute(
                "SELECT coalesce(sum(coalesce(usd, most_usd)), 0), count(*) FROM calls WHERE who = ?", (who,)
            ).fetchone()
        return Spent(float(usd), int(requests))

    def account(self) -> dict[str, Mapping[str, Any]]:
        """For every model asked: calls, US dollars, and how many calls have an unknown price."""
        with self._careful():
            rows = self._database.execute(
                "SELECT who, count(*), sum(coalesce(usd, most_usd)), sum(usd IS NULL) FROM calls GROUP BY who"
            ).fetchall()
        return {who: {"requests": n, "usd": usd, "open": left} for who, n, usd, left in rows}

    @contextlib.contextmanager
    def _careful(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise WorldError(
                f"answers cannot be kept: {error}.",
                where=self._path or "memory",
                fix="free space, then run the same command again: kept answers are not paid again.",
            ) from error
        except sqlite3.DatabaseError as error:
            raise InputError(
                f"is not a store of answers: {error}.", where=self._path or "memory", fix="move it away."
            ) from error
