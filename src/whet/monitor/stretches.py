"""A release's traffic as figures by stretch of time, counted in the database: what a page draws.

    release, from, until -> equal stretches -> one row each: how many, means of confidence, time, price ...

Each stretch is one query over an index that covers it (``traffic_figures``): no row is brought here, and no
text is read. Right answers are counted among those of which something was said later. Knows no page.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import case, func, select

from whet.database import reading
from whet.monitor.tables import TRAFFIC, WATCHES, moment, stamp

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine


@dataclass(frozen=True, slots=True)
class Stretch:
    """One stretch of a release's traffic; None: nothing is known of it."""

    start: str
    """UTC, ISO 8601."""
    end: str
    rows: int
    confidence: float | None
    refused: float | None
    """Share without an answer."""
    seconds: float | None
    usd: float
    """Of all together."""
    good: float | None
    """Mean of what callers said, 0 to 1."""
    told: int
    """Rows of which something was said later."""
    right: int
    """Of those with a label that came later: answers like it."""
    labelled: int


@dataclass(frozen=True, slots=True)
class Watched:
    """A release that was asked, and its span."""

    release: str
    first: str
    last: str
    looked: str
    """Until when it was watched; empty: never."""


def watched(engine: Engine) -> list[Watched]:
    """Releases that have traffic or were watched, by name; the index is skipped through, not read."""
    names, last = set[str](), ""
    with reading(engine) as connection:
        after = select(func.min(TRAFFIC.c.release))
        while (name := connection.execute(after.where(TRAFFIC.c.release > last)).scalar()) is not None:
            names.add(name)
            last = name
        looked = {
            row.release: row.looked for row in connection.execute(select(WATCHES.c.release, WATCHES.c.looked))
        }
        return [
            Watched(name, *_ends(connection, name), looked.get(name, ""))
            for name in sorted(names | {*looked})
        ]


def _ends(connection: Any, release: str) -> tuple[str, str]:
    mine = TRAFFIC.c.release == release
    first = connection.execute(select(func.min(TRAFFIC.c.time)).where(mine)).scalar()
    last = connection.execute(select(func.max(TRAFFIC.c.time)).where(mine)).scalar()
    return first or "", last or ""


def ends_of(start: str, until: str, many: int) -> list[str]:
    """The borders of equal stretches of whole hours, at most so many; the last one holds ``until``."""
    first = moment(start).replace(minute=0, second=0, microsecond=0)
    hours = (moment(until) - first).total_seconds() / 3600
    size = next((h for h in (1, 2, 3, 6, 12, 24, 48, 168) if hours < h * many), int(hours // many) + 1)
    count = int(hours // size) + 1
    return [stamp(first + timedelta(hours=size * number)) for number in range(count + 1)]


def stretch(connection: Connection, release: str, start: str, end: str) -> Stretch:
    """The figures of one stretch."""
    mine = (TRAFFIC.c.release == release) & (TRAFFIC.c.time >= start) & (TRAFFIC.c.time < end)
    t = TRAFFIC.c
    refusing = func.avg(case((t.refused, 1.0), else_=0.0))
    means = (func.avg(t.confidence), refusing, func.avg(t.seconds), func.coalesce(func.sum(t.usd), 0.0))
    counted = select(func.count(), *means, func.avg(t.feedback), func.count(t.told)).where(mine)
    rows, confidence, refused, seconds, usd, good, told = connection.execute(counted).one()
    right, labelled = _labelled(connection, mine) if told else (0, 0)
    return Stretch(start, end, rows, confidence, refused, seconds, usd, good, told, right, labelled)


def _labelled(connection: Any, mine: Any) -> tuple[int, int]:
    answered = func.coalesce(TRAFFIC.c.output, TRAFFIC.c.label)
    alike = func.sum(case((TRAFFIC.c.truth == answered, 1), else_=0))
    query = select(alike, func.count()).where(mine, TRAFFIC.c.told.is_not(None), TRAFFIC.c.truth.is_not(None))
    right, labelled = connection.execute(query).one()
    return int(right or 0), int(labelled)
