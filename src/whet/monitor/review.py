"""The review queue: requests that people look at, each for a reason; no decision is ever lost or doubled.

    offer -> item with one seat, or two -> next (a lease) -> decide (with a key of its own) -> example

An item of the double share has two seats, which two people take; no other item is ever before two people at
once. A lease that is not decided runs out, and the item comes to somebody else. A decision carries a key
that its page made before it was sent: sent twice, after a crash on either side, it is one decision. The
random sample is drawn by a digest of the request's id, whatever else speaks for it, and keeps a priority of
its own, so that what was decided of it is a fair sample at every moment.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import func, insert, select, update

from whet.database import reading, writing
from whet.errors import InputError, Refused
from whet.monitor.tables import DECISIONS, ITEMS, SEATS, TRAFFIC, moment, stamp

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from whet.monitor.traffic import Logged, Traffic

Verdict = Literal["accept", "correct", "reject", "skip"]
VERDICTS = ("accept", "correct", "reject", "skip")
LEASE = 0.25  # hours
UNSURE = 0.6  # confidence below which a person looks
SAMPLED = "sample"
KIND = "kind"
PRIORITY = {"rule": 60, "feedback": 50, KIND: 45, "novel": 40, SAMPLED: 30, "shadow": 20, "uncertain": 10}
"""What comes first; the reasons stand in this order for a reader."""
SAID = {
    "rule": "the answer broke a rule",
    "feedback": "somebody called the answer bad",
    KIND: "one of many of a new kind, it seems",
    "novel": "unlike anything that was learned",
    SAMPLED: "drawn at random",
    "shadow": "the shadow release answered otherwise",
    "uncertain": "the answer was uncertain",
}
AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Item:
    """What a reviewer sees."""

    seat: int
    item: int
    request: str
    reasons: tuple[str, ...]
    input: str
    output: str
    confidence: float | None
    shadow_output: str | None
    until: str
    """When the lease runs out."""

    @property
    def why(self) -> str:
        return "; ".join(SAID.get(reason, reason) for reason in self.reasons)


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody decided."""

    key: str
    item: int
    reviewer: str
    verdict: str
    output: str | None
    comment: str
    time: str


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


def drawn(request: str, share: float, salt: str) -> bool:
    """Whether a request is in a random share of all: the same answer whoever asks, and when."""
    digest = hashlib.sha256(f"{salt}\0{request}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2.0**64


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

    def forward(self, requests: Sequence[str], far: float = float("inf"), unsure: float = UNSURE) -> int:
        """Queue requests that seem to be of a new kind, before those that are merely odd; those that are
        queued already come forward. What was asked twice in the same words is queued once. How many items
        are new."""
        rows = list({row.input: row for row in reversed(self.traffic.rows(requests))}.values())[::-1]
        added = self.add([(row, [KIND, *reasons_of(row, far, unsure)]) for row in rows])
        with writing(self.traffic.engine) as connection:
            for start in range(0, len(rows), AT_ONCE):
                some = [row.id for row in rows[start : start + AT_ONCE]]
                _bring_forward(connection, some)
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
                _queue(connection, new, keeping.double)
        return len(new)

    def next(self, task: str, reviewer: str, *, at: str = "") -> Item | None:
        """The next item for a reviewer, held for a quarter of an hour; None: there is nothing to do.

        An item that the reviewer holds already comes again, so that a page that is loaded anew loses nothing.
        """
        _named(reviewer)
        with writing(self.traffic.engine) as connection:
            return _next(connection, task, reviewer, at or stamp())

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
            return _decided(connection, seat, reviewer, verdict, key, texts)

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
            _decided(connection, seat, reviewer, verdict, key, texts)
            return _next(connection, task, reviewer, stamp())

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
                _decision(row)
                for row in connection.execute(query.order_by(DECISIONS.c.time, DECISIONS.c.key))
            ]


def _queue(
    connection: Connection, new: Sequence[tuple[Logged, Sequence[str], float | None]], double: float
) -> None:
    """Write items and their seats."""
    items = [
        {
            **{"request": row.id, "task": row.task, "release": row.release, "time": row.time},
            **{"reasons": json.dumps(list(reasons)), "weight": weight},
            "double": drawn(row.id, double, "double"),
        }
        for row, reasons, weight in new
    ]
    connection.execute(insert(ITEMS), items)
    named = select(ITEMS.c.request, ITEMS.c.id).where(ITEMS.c.request.in_([one["request"] for one in items]))
    number = {row.request: row.id for row in connection.execute(named)}
    seats = [
        {
            **{"item": number[row.id], "task": row.task, "state": "open", "until": ""},
            "priority": -_priority(reasons),
        }
        for (row, reasons, _), item in zip(new, items, strict=True)
        for _ in range(2 if item["double"] else 1)
    ]
    connection.execute(insert(SEATS), seats)


def _bring_forward(connection: Connection, requests: Sequence[str]) -> None:
    """Give items the reason of a new kind, and their seats its place, unless they are of the sample."""
    queued = select(ITEMS.c.id, ITEMS.c.reasons).where(ITEMS.c.request.in_(requests))
    for item in connection.execute(queued).all():
        before = json.loads(item.reasons)
        if KIND not in before:
            reasons = [one for one in PRIORITY if one in (*before, KIND)]
            mine = ITEMS.c.id == item.id
            connection.execute(update(ITEMS).where(mine).values(reasons=json.dumps(reasons)))
            seats = (SEATS.c.item == item.id) & (SEATS.c.state == "open")
            connection.execute(update(SEATS).where(seats).values(priority=-_priority(reasons)))


def _priority(reasons: Sequence[str]) -> int:
    """The sample keeps to its own place in the queue, whatever else speaks for an item: see above."""
    return PRIORITY[SAMPLED if SAMPLED in reasons else reasons[0]]


def _next(connection: Connection, task: str, reviewer: str, now: str) -> Item | None:
    """Lease the next item to a reviewer."""
    seat = _held(connection, task, reviewer, now) or _free(connection, task, reviewer, now)
    if seat is None:
        return None
    until = stamp(moment(now), hours=LEASE)
    mine = SEATS.c.id == seat.id
    connection.execute(update(SEATS).where(mine).values(reviewer=reviewer, until=until))
    others = (SEATS.c.item == seat.item) & (SEATS.c.id != seat.id) & (SEATS.c.state == "open")
    connection.execute(update(SEATS).where(others).values(not_for=reviewer))
    return _item(connection, seat, until)


def _decided(
    connection: Connection, seat: int, reviewer: str, verdict: str, key: str, texts: Sequence[str | None]
) -> Decision:
    """Write a decision, unless its key was written before."""
    there = select(DECISIONS).where(DECISIONS.c.key == key)
    row = connection.execute(there).first()
    if row is None:
        held = _still_held(connection, seat, reviewer)
        _write(connection, held, key, reviewer, verdict, texts)
        row = connection.execute(there).one()
    return _decision(row)


def _held(connection: Connection, task: str, reviewer: str, now: str) -> Row[Any] | None:
    mine = (SEATS.c.task == task) & (SEATS.c.state == "open") & (SEATS.c.reviewer == reviewer)
    return connection.execute(select(SEATS).where(mine & (SEATS.c.until > now)).limit(1)).first()


def _free(connection: Connection, task: str, reviewer: str, now: str) -> Row[Any] | None:
    free = (SEATS.c.task == task) & (SEATS.c.state == "open") & (SEATS.c.until <= now)
    other = SEATS.c.not_for.is_(None) | (SEATS.c.not_for != reviewer)
    query = select(SEATS).where(free & other).order_by(SEATS.c.priority, SEATS.c.id).limit(1)
    return connection.execute(query).first()


def _item(connection: Connection, seat: Row[Any], until: str) -> Item:
    item = connection.execute(select(ITEMS).where(ITEMS.c.id == seat.item)).one()
    row = connection.execute(select(TRAFFIC).where(TRAFFIC.c.id == item.request)).first()
    return Item(
        seat=seat.id,
        item=item.id,
        request=item.request,
        reasons=tuple(json.loads(item.reasons)),
        input=(row.input or "") if row else "(no longer kept)",
        output=(row.output or row.label or "") if row else "",
        confidence=row.confidence if row else None,
        shadow_output=row.shadow_output if row else None,
        until=until,
    )


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


def _still_held(connection: Connection, seat: int, reviewer: str) -> Row[Any]:
    """The seat, where this reviewer was the last to hold it; that the lease ran out does not matter then."""
    row = connection.execute(select(SEATS).where(SEATS.c.id == seat)).first()
    if row is None or row.state != "open" or row.reviewer != reviewer:
        why = "is decided" if row is not None and row.state != "open" else "is somebody else's by now"
        raise Refused(f"the item {why}; nothing was written.", where=f"seat {seat}", fix="take the next one.")
    return row


def _write(
    connection: Connection,
    seat: Row[Any],
    key: str,
    reviewer: str,
    verdict: str,
    texts: Sequence[str | None],
) -> None:
    skipped = verdict == "skip"
    values = {"key": key, "item": seat.item, "task": seat.task, "time": stamp(), "reviewer": reviewer}
    values |= {"seat": None if skipped else seat.id, "verdict": verdict}
    values |= {"output": texts[0], "comment": texts[1]}
    connection.execute(insert(DECISIONS).values(values))
    again = skipped and seat.not_for is None  # the second who skips it ends it
    after = (
        {"state": "open", "until": "", "not_for": reviewer}
        if again
        else {"state": "skipped" if skipped else "done"}
    )
    connection.execute(update(SEATS).where(SEATS.c.id == seat.id).values(**after))


def _decision(row: Row[Any]) -> Decision:
    return Decision(row.key, row.item, row.reviewer, row.verdict, row.output, row.comment or "", row.time)
