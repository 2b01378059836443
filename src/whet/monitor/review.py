"""The review queue: requests that people look at, each for a reason; no decision is ever lost or doubled.

    offer -> item with one seat, or two -> next (a lease) -> decide (with a key of its own) -> example

An item of the double share has two seats, which two people take; no other item is ever before two people at
once. A lease that is not decided runs out, and the item comes to somebody else. A decision carries a key
that its page made before it was sent: sent twice, after a crash on either side, it is one decision. The
random sample is drawn by a digest of the request's id, whatever else speaks for it, and keeps a priority of
its own, so that what was decided of it is a fair sample at every moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sqlalchemy import func, select

from whet.database import reading, writing
from whet.errors import InputError
from whet.monitor.seats import (
    KIND,
    PRIORITY,
    SAMPLED,
    Decision,
    Item,
    bring_forward,
    decided,
    decision,
    drawn,
    next_item,
    queue,
)
from whet.monitor.tables import DECISIONS, ITEMS, SEATS, stamp

if TYPE_CHECKING:
    from whet.monitor.traffic import Logged, Traffic

Verdict = Literal["accept", "correct", "reject", "skip"]
VERDICTS = ("accept", "correct", "reject", "skip")
UNSURE = 0.6  # confidence below which a person looks
AT_ONCE = 500


def reasons_of(row: Logged, far: float = float("inf"), unsure: float = UNSURE) -> list[str]:
    """Why a person should look at a request, the random sample aside."""
    told = {
        "rule": bool(row.flags),
        "feedback": row.feedback is not None and row.feedback < 0.5,
        "novel": row.novelty is not None and row.novelty > far,
        "shadow": row.shadow_output is not None and row.shadow_output != row.output,
        "uncertain": row.refused or (row.confidence is not None and row.confidence < unsure),
    }
    return [reason for reason in PRIORITY if told.get(reason)]


@dataclass(frozen=True)
class Queue:
    """The review queue of a store."""

    traffic: Traffic

    def offer(
        self, release: str, since: str, until: str, *, far: float = float("inf"), unsure: float = UNSURE
    ) -> int:
        """Queue what should be looked at of a stretch of a release's traffic; how many items are new."""
        added, rows = 0, list[tuple["Logged", list[str]]]()
        for row in self.traffic.since(since, release=release, until=until):
            rows.append((row, reasons_of(row, far, unsure)))
            if len(rows) == AT_ONCE:
                added, rows = added + self.add(rows), []
        return added + self.add(rows)

    def complained(
        self, release: str, since: str, *, far: float = float("inf"), unsure: float = UNSURE
    ) -> int:
        """Queue what was offered before, and was called bad since then; how many items are new."""
        rows = self.traffic.rows(self.traffic.told_since(release, since))
        return self.add([(row, reasons_of(row, far, unsure)) for row in rows])

    def forward(self, requests: Sequence[str], far: float = float("inf"), unsure: float = UNSURE) -> int:
        """Queue requests that seem to be of a new kind, before those that are merely odd; those that are
        queued already come forward. What was asked twice in the same words is queued once. How many items
        are new."""
        rows = list({row.input: row for row in reversed(self.traffic.rows(requests))}.values())[::-1]
        added = self.add([(row, [KIND, *reasons_of(row, far, unsure)]) for row in rows])
        with writing(self.traffic.engine) as connection:
            for start in range(0, len(rows), AT_ONCE):
                some = [row.id for row in rows[start : start + AT_ONCE]]
                bring_forward(connection, some)
        return added

    def add(self, rows: Sequence[tuple[Logged, Sequence[str]]]) -> int:
        """Queue requests for their reasons, and those of the random sample; a request is queued once.

        Returns:
            how many items are new.
        """
        keeping = self.traffic.keeping
        wanted = []
        for row, given in rows:
            sampled = drawn(row.id, keeping.reviewed, SAMPLED)
            reasons = [r for r in PRIORITY if r in given or (r == SAMPLED and sampled)]
            if reasons:
                wanted.append((row, reasons, 1 / keeping.reviewed if sampled else None))
        with writing(self.traffic.engine) as connection:
            named = [row.id for row, _, _ in wanted]
            there = set(connection.scalars(select(ITEMS.c.request).where(ITEMS.c.request.in_(named))))
            new = [one for one in wanted if one[0].id not in there]
            if new:
                queue(connection, new, keeping.double)
        return len(new)

    def next(self, task: str, reviewer: str, *, at: str = "") -> Item | None:
        """The next item for a reviewer, held for a quarter of an hour; None: there is nothing to do.

        An item that the reviewer holds already comes again, so that a page that is loaded anew loses nothing.
        """
        _named(reviewer)
        with writing(self.traffic.engine) as connection:
            return next_item(connection, task, reviewer, at or stamp())

    def decide(
        self,
        seat: int,
        reviewer: str,
        verdict: str,
        *,
        key: str,
        output: str | None = None,
        comment: str = "",
    ) -> Decision:
        """Decide an item; on disk when this returns. The same key again gives the same decision back.

        Args:
            seat: as ``next`` gave it.
            verdict: ``accept``, ``correct`` (with ``output``), ``reject`` or ``skip``.
            key: made by whoever decides, one for each decision.

        Raises:
            InputError: no such verdict; a correction without an output, or an output without a correction.
            Refused: somebody else holds the item by now, or it is decided.
        """
        _named(reviewer)
        _fits(verdict, output, key)
        texts = self.traffic.allowed([output, comment or None])
        with writing(self.traffic.engine) as connection:
            return decided(connection, seat, reviewer, verdict, key, texts)

    def decide_and_next(
        self,
        task: str,
        seat: int,
        reviewer: str,
        verdict: str,
        *,
        key: str,
        output: str | None = None,
        comment: str = "",
    ) -> Item | None:
        """``decide`` and ``next`` in one transaction, for a page that waits; errors as in ``decide``."""
        _named(reviewer)
        _fits(verdict, output, key)
        texts = self.traffic.allowed([output, comment or None])
        with writing(self.traffic.engine) as connection:
            decided(connection, seat, reviewer, verdict, key, texts)
            return next_item(connection, task, reviewer, stamp())

    def left(self, task: str) -> int:
        """Items that are open."""
        query = select(func.count(func.distinct(SEATS.c.item)))
        with reading(self.traffic.engine) as connection:
            mine = (SEATS.c.task == task) & (SEATS.c.state == "open")
            return int(connection.execute(query.where(mine)).scalar_one())

    def decisions(self, task: str, since: str = "") -> list[Decision]:
        """Decisions on a task's items, the oldest first."""
        query = select(DECISIONS).where(DECISIONS.c.task == task, DECISIONS.c.time >= since)
        with reading(self.traffic.engine) as connection:
            return [
                decision(row) for row in connection.execute(query.order_by(DECISIONS.c.time, DECISIONS.c.key))
            ]


def _named(reviewer: str) -> None:
    if not reviewer.strip():
        raise InputError("a review is by a named person.", fix="--by NAME.")


def _fits(verdict: str, output: str | None, key: str) -> None:
    if verdict not in VERDICTS:
        raise InputError(f"{verdict!r} is no verdict.", fix=f"one of {', '.join(VERDICTS)}.")
    if (verdict == "correct") != (output is not None):
        raise InputError("a correction, and nothing else, comes with an output.", where=verdict)
    if not 8 <= len(key) <= 80:
        raise InputError(
            "the key of a decision has 8 to 80 characters.", fix="take a random one, such as a UUID."
        )
