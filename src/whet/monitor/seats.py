"""Items of the review queue and their seats, as rows of the database: made, leased, decided.

``review.py`` says what is looked at and why; every function here works within a transaction of its caller.
A decision's key is unique in the database, so that one which is sent twice is written once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from whet.errors import Refused
from whet.monitor.tables import DECISIONS, ITEMS, SEATS, TRAFFIC, moment, stamp

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from whet.monitor.traffic import Logged

LEASE = 0.25  # hours
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


def drawn(request: str, share: float, salt: str) -> bool:
    """Whether a request is in a random share of all: the same answer whoever asks, and when."""
    digest = hashlib.sha256(f"{salt}\0{request}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2.0**64


def queue(
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


def bring_forward(connection: Connection, requests: Sequence[str]) -> None:
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


def next_item(connection: Connection, task: str, reviewer: str, now: str) -> Item | None:
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


def decided(
    connection: Connection, seat: int, reviewer: str, verdict: str, key: str, texts: Sequence[str | None]
) -> Decision:
    """Write a decision, unless its key was written before."""
    there = select(DECISIONS).where(DECISIONS.c.key == key)
    row = connection.execute(there).first()
    if row is None:
        held = _still_held(connection, seat, reviewer)
        _write(connection, held, key, reviewer, verdict, texts)
        row = connection.execute(there).one()
    return decision(row)


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


def decision(row: Row[Any]) -> Decision:
    return Decision(row.key, row.item, row.reviewer, row.verdict, row.output, row.comment or "", row.time)
