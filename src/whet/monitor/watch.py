"""``whet watch``: look, keep what was found, tell people; once, or again and again beside the server.

    rows whose days are over go -> reference -> look (``drift.py``) -> alarm, once -> webhook

An alarm is opened once for what moved and stays open until a person closes it; what moves later joins it. An
alarm is on disk before anyone is told. Where a pass was missed, the next one looks at the hours between.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import insert, select, update

from whet.database import reading, writing
from whet.errors import InputError
from whet.monitor.advice import Moved
from whet.monitor.drift import REFERENCE, look, settle
from whet.monitor.looking import Found, Look, Span, hour
from whet.monitor.novelty import fill
from whet.monitor.review import Queue
from whet.monitor.scan import DAY
from whet.monitor.tables import ALARMS, WATCHES, moment, stamp

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sqlalchemy import Row

    from whet.monitor.implied import Calibrated
    from whet.monitor.traffic import Traffic

WAIT = 5.0  # seconds for a webhook's answer
NEW_KIND = "new label"  # of an alarm
Send = Callable[[str, bytes], None]


@dataclass(frozen=True, slots=True)
class Alarm:
    """What people are told."""

    id: int
    time: str
    task: str
    release: str
    since: str
    moved: tuple[Moved, ...]
    examples: tuple[str, ...]
    """Ids of requests."""
    kind: str
    advice: str
    closed: str | None = None

    def lines(self, texts: Sequence[str] = ()) -> list[str]:
        """For the terminal: what moved, since when, examples, what to do."""
        return [
            f"alarm {self.id}: {self.release}",
            *(f"  {one.said()}" for one in self.moved),
            *(["  for example:"] if texts else []),
            *(f"    {text}" for text in texts),
            f"  what to do ({self.kind}): {self.advice}",
        ]


@dataclass(frozen=True)
class Pass:
    """One pass of the watch."""

    release: str
    state: str
    """``settling in``, ``quiet`` or ``alarm``."""
    found: Found | None = None
    alarm: Alarm | None = None
    """Opened, or grown, in this pass."""
    said: tuple[str, ...] = ()
    forgotten: int = 0
    queued: int = 0


@dataclass(frozen=True)
class Watch:
    """Watches one release of a store."""

    traffic: Traffic
    release: str
    task: str
    calibrated: Calibrated | None = None
    """What the release's held-out rows say of its confidence."""
    learned: NDArray[np.float32] | None = None
    """Unit vectors of what it learned [n, dim]; without, its first requests stand in."""
    policy: str = ""
    """Digest of the document that says what a right answer is."""
    send: Send = field(default_factory=lambda: post)

    def once(self, at: str = "") -> Pass:
        """Look at everything up to the last whole hour.

        Args:
            at: the moment to look at; empty: now.
        """
        forgotten = self.traffic.prune(at)
        end = float(np.floor(moment(at or stamp()).timestamp() / 3600))
        row = self._row() or self._settled(hour(end))
        if row is None:
            rows = self.traffic.count(release=self.release)
            need = f"a reference needs {REFERENCE:,} requests and a whole day; there are {rows:,} so far"
            return Pass(self.release, "settling in", said=(need,), forgotten=forgotten)
        known = frozenset(one.signal for alarm in self.open_alarms() for one in alarm.moved)
        tested = moment(row.vectors).timestamp() / 3600 if row.vectors else -np.inf
        this = Look(
            self.traffic,
            self.release,
            Span(row.first, row.last),
            end,
            moment(row.looked).timestamp() / 3600,
            self.traffic.keeping.alarms_per_week,
            known,
            end - tested >= DAY,
            self._new_kind(),
            self.calibrated,
        )
        if end <= this.start:
            return Pass(self.release, "quiet", said=("nothing since the reference",), forgotten=forgotten)
        fill(self.traffic, self.release, this.reference, self.learned)
        found = look(this)
        alarm = self._keep(found, hour(end), row)
        queue = Queue(self.traffic)
        queued = queue.forward(found.kind, found.far) if self._new_kind() else 0
        queued += queue.offer(self.release, row.queued or row.first, hour(end), far=found.far)
        queued += queue.complained(self.release, row.queued or row.first, far=found.far)
        state = "alarm" if alarm else "quiet" if found.reference else "blind"
        gone = () if found.reference else ("no row of the reference is left to hold the traffic against",)
        return Pass(self.release, state, found, alarm, (*found.notes, *gone), forgotten, queued)

    def _new_kind(self) -> bool:
        return any(alarm.kind == NEW_KIND for alarm in self.open_alarms())

    def _row(self) -> Row[Any] | None:
        with reading(self.traffic.engine) as connection:
            return connection.execute(select(WATCHES).where(WATCHES.c.release == self.release)).first()

    def _settled(self, at: str) -> Row[Any] | None:
        """Settle on a reference, for good: what is watched must not follow what it watches."""
        span = settle(self.traffic, self.release, at)
        if span is None:
            return None
        with writing(self.traffic.engine) as connection:
            mine = WATCHES.c.release == self.release
            if connection.execute(select(WATCHES.c.release).where(mine)).first() is None:
                values = {
                    "release": self.release,
                    "task": self.task,
                    "looked": span.last,
                    "policy": self.policy,
                }
                connection.execute(insert(WATCHES).values(**values, **asdict(span)))
        return self._row()

    def _keep(self, found: Found, at: str, row: Row[Any]) -> Alarm | None:
        """Write down what was found; the alarm is sent when it is on disk."""
        with writing(self.traffic.engine) as connection:
            mine = WATCHES.c.release == self.release
            now = connection.execute(select(WATCHES.c.looked).where(mine)).scalar_one()
            values = {"looked": max(at, now), "told": json.dumps(shown(found)), "queued": at}
            values |= {"vectors": at} if found.vectors_tested else {}
            connection.execute(update(WATCHES).where(mine).values(values))
            if not found.moved or found.advice is None or now > row.looked:  # another watch was first
                return None
            number = self._opened(connection, found, at)
        alarm = next(one for one in self.open_alarms() if one.id == number)
        self._tell(alarm)
        return alarm

    def _opened(self, connection: Any, found: Found, at: str) -> int:
        """A new alarm, or the open one with what joined it."""
        assert found.advice is not None
        query = select(ALARMS).where(ALARMS.c.release == self.release, ALARMS.c.closed.is_(None))
        row = connection.execute(query).first()
        before = json.loads(row.moved) if row else []
        moved = [*before, *(asdict(one) for one in found.moved)]
        values = {
            "moved": json.dumps(moved),
            "since": min(one["since"] for one in moved),
            "examples": json.dumps(list(found.examples)),
            "kind": found.advice.kind,
            "advice": found.advice.said,
        }
        if row:
            connection.execute(update(ALARMS).where(ALARMS.c.id == row.id).values(values))
            return int(row.id)
        about = {"time": at, "task": self.task, "release": self.release}
        return int(connection.execute(insert(ALARMS).values(**about, **values)).inserted_primary_key[0])

    def _tell(self, alarm: Alarm) -> None:
        """Send an alarm to the task's webhook; what came of it is kept with the alarm."""
        address = self.traffic.keeping.webhook
        if address is None:
            return
        try:
            self.send(address, json.dumps(asdict(alarm), ensure_ascii=False).encode())
            came = "sent"
        except OSError as problem:
            came = f"not sent: {problem}"
        with writing(self.traffic.engine) as connection:
            connection.execute(update(ALARMS).where(ALARMS.c.id == alarm.id).values(webhook=came))

    def open_alarms(self) -> list[Alarm]:
        return alarms(self.traffic, release=self.release, open_only=True)


def alarms(traffic: Traffic, *, release: str | None = None, open_only: bool = False) -> list[Alarm]:
    """Alarms, the oldest first."""
    query = select(ALARMS).order_by(ALARMS.c.id)
    query = query.where(ALARMS.c.release == release) if release else query
    query = query.where(ALARMS.c.closed.is_(None)) if open_only else query
    with reading(traffic.engine) as connection:
        return [_alarm(row._mapping) for row in connection.execute(query)]


def _alarm(row: Mapping[Any, Any]) -> Alarm:
    plain = {
        name: row[name] for name in ("id", "time", "task", "release", "since", "kind", "advice", "closed")
    }
    moved = tuple(Moved(**one) for one in json.loads(row["moved"]))
    return Alarm(**plain, moved=moved, examples=tuple(json.loads(row["examples"])))


def close(traffic: Traffic, number: int, by: str) -> None:
    """Close an alarm: its signals are watched again.

    Raises:
        InputError: no such alarm is open, or nobody is named.
    """
    if not by.strip():
        raise InputError("an alarm is closed by a named person.", fix="--by NAME.")
    with writing(traffic.engine) as connection:
        open_ = (ALARMS.c.id == number) & ALARMS.c.closed.is_(None)
        done = connection.execute(update(ALARMS).where(open_).values(closed=stamp(), closed_by=by))
    if done.rowcount == 0:
        raise InputError(
            "no such alarm is open.", where=f"alarm {number}", fix="whet watch shows those that are."
        )


def post(address: str, body: bytes) -> None:
    """Send JSON.

    Raises:
        OSError: it did not arrive.
    """
    kind = {"Content-Type": "application/json"}
    request = urllib.request.Request(address, data=body, headers=kind, method="POST")
    with urllib.request.urlopen(request, timeout=WAIT):
        pass


def shown(found: Found) -> dict[str, Any]:
    """What a pass found, as plain JSON: for ``--json``, the table and the page."""
    told = asdict(found) | {"kind": len(found.kind)}
    for one in (told["implied"], *told["states"], *told["moved"]):
        for name, value in (one or {}).items():
            if isinstance(value, float) and np.isnan(value):
                one[name] = None
    return told
