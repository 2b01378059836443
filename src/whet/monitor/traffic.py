"""Traffic becomes data: every request with its answer, what it cost, and what was said of it later.

    served -> redacted, as the task allows -> one row -> feedback, label -> forgotten when its days are over

It does not know who serves, nor what is made of the rows: ``drift.py`` watches them, ``review.py`` shows them
to people. A row is on disk when ``log`` returns; several requests in one call are one transaction.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import delete, exists, func, insert, or_, select, update

from whet.config_monitor import Monitoring
from whet.database import opened, reading, writing
from whet.errors import InputError
from whet.monitor.private import Finder, mark_of, redactor
from whet.monitor.rows import FIGURES, Columns, Logged, Served, Vectors, columns_of, label_of, logged
from whet.monitor.tables import METADATA, TRAFFIC, WATCHES, moment, stamp
from whet.release.policy import FILE, policy_of

if TYPE_CHECKING:
    from sqlalchemy import Engine

__all__ = ["Columns", "Logged", "Served", "Traffic", "Vectors"]

AT_ONCE = 5_000  # rows read at a time

_LOGGED = [TRAFFIC.c[name] for name in Logged.__dataclass_fields__]


@dataclass
class Traffic:
    """The traffic of a store.

    Args:
        home: the store's folder.
        keeping: what the task allows to be kept, and for how long.
        names: finds names of people, where a model for that is at hand.
    """

    home: Path
    keeping: Monitoring = field(default_factory=Monitoring)
    names: Finder | None = None

    @cached_property
    def engine(self) -> Engine:
        return opened(self.home, METADATA)

    @cached_property
    def days(self) -> int:
        """How long a request is kept: as long as task and policy both allow; 0: not at all."""
        if not (self.home / FILE).is_file():
            return self.keeping.days
        return min(self.keeping.days, policy_of(self.home).retention.traffic_days)

    @cached_property
    def _redact(self) -> Any:
        return redactor(self.home, self.names)

    def log(self, *served: Served) -> None:
        """Keep requests: on disk when this returns. A request id that is there already is left as it is."""
        rows = self._rows(served) if self.days else []
        if not rows:
            return
        with writing(self.engine) as connection:
            named = [row["id"] for row in rows]
            there = set(connection.scalars(select(TRAFFIC.c.id).where(TRAFFIC.c.id.in_(named))))
            new = list({row["id"]: row for row in rows if row["id"] not in there}.values())
            if new:
                connection.execute(insert(TRAFFIC), new)

    def _rows(self, served: Sequence[Served]) -> list[dict[str, Any]]:
        texts = self._kept([text for one in served for text in (one.input, one.output, one.shadow_output)])
        parts = [texts[start : start + 3] for start in range(0, len(texts), 3)]
        return [self._row(one, *part) for one, part in zip(served, parts, strict=True)]

    def allowed(self, texts: Sequence[str | None]) -> list[str | None]:
        """Texts of people who work with the traffic, as they may be written: with stand-ins, unless all is
        kept as it came."""
        if self.keeping.keep == "whole":
            return list(texts)
        new = iter(self._redact([text for text in texts if text is not None]))
        return [None if text is None else next(new) for text in texts]

    def _kept(self, texts: Sequence[str | None]) -> list[str | None]:
        """Texts of requests and answers, as they may be written."""
        if self.keeping.keep == "figures":
            return [None] * len(texts)
        return self.allowed(texts)

    def _row(self, one: Served, text: str | None, output: str | None, shadow: str | None) -> dict[str, Any]:
        at = stamp(moment(one.time)) if one.time else stamp()
        vector = None if one.embedding is None or self.keeping.keep == "figures" else one.embedding
        return {
            **{name: getattr(one, name) for name in _AS_IT_IS},
            "time": at,
            "until": stamp(moment(at), days=self.days),
            "person": mark_of(self.home, one.person) if one.person else None,
            "input": text,
            "output": output,
            "label": label_of(one.output if output is None else output),
            "chars_in": len(one.input),
            "chars_out": len(one.output),
            "embedding": None if vector is None else np.asarray(vector, np.float16).tobytes(),
            "shadow": one.shadow or None,
            "shadow_output": shadow,
            "flags": json.dumps(list(one.flags)) if one.flags else None,
        }

    def feedback(self, request: str, good: float, comment: str = "") -> None:
        """What the caller said of an answer: 1 good, 0 bad, or between; the last word counts.

        Raises:
            InputError: no such request, or a value outside 0 to 1.
        """
        if not 0.0 <= good <= 1.0:
            raise InputError(f"feedback is from 0 (bad) to 1 (good), got {good!r}.", where=request)
        kept = self._kept([comment or None])[0]
        self._tell(request, feedback=float(good), comment=kept)

    def truth(self, request: str, output: str) -> None:
        """The right output of a request, when it comes to be known."""
        self._tell(request, truth=self._kept([output])[0] or label_of(output))

    def _tell(self, request: str, **values: Any) -> None:
        with writing(self.engine) as connection:
            mine = TRAFFIC.c.id == request
            done = connection.execute(update(TRAFFIC).where(mine).values(**values, told=stamp()))
        if done.rowcount == 0:
            raise InputError(
                "there is no such request.",
                where=request,
                fix=f"use the id that came with the answer; requests are kept for {self.keeping.days} days.",
            )

    def since(
        self, time: str = "", *, task: str | None = None, release: str | None = None, until: str = ""
    ) -> Iterator[Logged]:
        """Rows from a moment on, in the order of time; read in pages, so that any number fits."""
        last = ("", "")
        while True:
            query = self._chosen(select(*_LOGGED), time, until, task, release)
            query = query.order_by(TRAFFIC.c.time, TRAFFIC.c.id).limit(AT_ONCE)
            if last[0]:
                query = query.where(_after(*last))
            with reading(self.engine) as connection:
                rows = connection.execute(query).all()
            yield from map(logged, rows)
            if len(rows) < AT_ONCE:
                return
            last = rows[-1].time, rows[-1].id

    def rows(self, ids: Sequence[str]) -> list[Logged]:
        """The rows of some ids, in their order; those that are gone are left out."""
        with reading(self.engine) as connection:
            found = connection.execute(select(*_LOGGED).where(TRAFFIC.c.id.in_(list(ids)))).all()
        place = {one: index for index, one in enumerate(ids)}
        return sorted(map(logged, found), key=lambda row: place[row.id])

    def columns(
        self,
        time: str = "",
        *,
        task: str | None = None,
        release: str | None = None,
        until: str = "",
        told: bool = False,
    ) -> Columns:
        """The figures of the rows from a moment on, as arrays; ``told``: only those of which something was
        said later."""
        wanted = ("id", "time", *FIGURES, "label", "truth", "shadow", "shadow_output", "output")
        query = self._chosen(select(*(TRAFFIC.c[name] for name in wanted)), time, until, task, release)
        query = query.where(TRAFFIC.c.told.is_not(None)) if told else query
        with reading(self.engine) as connection:
            rows = connection.execute(query.order_by(TRAFFIC.c.time, TRAFFIC.c.id)).all()
        return columns_of(rows)

    def vectors(
        self,
        time: str = "",
        *,
        release: str | None = None,
        until: str = "",
        most: int = 5_000,
        unread: bool = False,
    ) -> Vectors:
        """The newest rows that have a vector, in the order of time; ``unread``: those without a novelty."""
        wanted = select(TRAFFIC.c.id, TRAFFIC.c.time, TRAFFIC.c.embedding)
        query = self._chosen(wanted, time, until, None, release).where(TRAFFIC.c.embedding.is_not(None))
        query = query.where(TRAFFIC.c.novelty.is_(None)) if unread else query
        with reading(self.engine) as connection:
            rows = connection.execute(query.order_by(TRAFFIC.c.time.desc()).limit(most)).all()[::-1]
        there = [np.frombuffer(row.embedding, np.float16) for row in rows]
        return Vectors(
            [row.id for row in rows],
            np.array([moment(row.time).timestamp() / 3600 for row in rows]),
            np.array(there, np.float32) if rows else np.zeros((0, 0), np.float32),
        )

    def count(self, *, task: str | None = None, release: str | None = None) -> int:
        query = self._chosen(select(func.count()).select_from(TRAFFIC), "", "", task, release)
        with reading(self.engine) as connection:
            return int(connection.execute(query).scalar_one())

    def told_since(self, release: str, since: str) -> list[str]:
        """Requests from before a moment of which something was told after it."""
        query = self._chosen(select(TRAFFIC.c.id), "", since, None, release).where(TRAFFIC.c.told >= since)
        with reading(self.engine) as connection:
            return list(connection.scalars(query.order_by(TRAFFIC.c.time)))

    def prune(self, at: str = "") -> int:
        """Forget the rows whose days are over; how many they were. Of a reference, which all later hours are
        held against, figures and labels stay."""
        over = TRAFFIC.c.until < (at or stamp())
        mine = (WATCHES.c.release == TRAFFIC.c.release) & (TRAFFIC.c.time >= WATCHES.c.first)
        held = exists().where(mine & (TRAFFIC.c.time < WATCHES.c.last))
        told = or_(*(TRAFFIC.c[name].is_not(None) for name in SAID))
        with writing(self.engine) as connection:
            blanked = connection.execute(
                update(TRAFFIC).where(over & held & told).values(dict.fromkeys(SAID))
            ).rowcount
            return int(blanked + connection.execute(delete(TRAFFIC).where(over & ~held)).rowcount)

    @staticmethod
    def _chosen(query: Any, time: str, until: str, task: str | None, release: str | None) -> Any:
        query = query.where(TRAFFIC.c.time >= time) if time else query
        query = query.where(TRAFFIC.c.time < until) if until else query
        query = query.where(TRAFFIC.c.task == task) if task else query
        return query.where(TRAFFIC.c.release == release) if release else query


SAID = ("person", "input", "output", "comment", "truth", "embedding", "shadow_output")
"""What was said, in columns that may be empty; the others are figures and labels."""
_AS_IT_IS = (
    *("id", "task", "release", "confidence", "novelty", "refused"),
    *("seconds", "tokens_in", "tokens_out", "usd"),
)


def _after(time: str, one: str) -> Any:
    return (TRAFFIC.c.time > time) | ((TRAFFIC.c.time == time) & (TRAFFIC.c.id > one))
