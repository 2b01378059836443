"""The book of jobs: who asked for what, how it stands, who works on it, and what was told on the way.

    create -> validating_files -> queued -> running -> succeeded | failed | cancelled
                                    running <-> paused

A worker holds a job by a lease that it renews; what it writes counts only while it still holds it. Cancelling
and pausing change the row, and the worker sees at its next beat that the job is no longer its own. Knows no
training.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet.database import opened, reading, writing
from whet.serve.faults import Fault
from whet.serve.jobs import shown
from whet.serve.jobs.asked import NewJob
from whet.serve.jobs.rows import found, new_id, now, page
from whet.serve.jobs.tables import CHECKPOINTS, EVENTS, JOBS, METADATA

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Engine

OPEN = ("validating_files", "queued", "running")
ENDED = ("succeeded", "failed", "cancelled")
LEASE = 30.0
"""Seconds after which a worker that says nothing holds its job no more."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job as a worker needs it."""

    id: str
    asked: NewJob
    base: str
    """The model's folder or id; empty: the offline encoder."""
    seed: int
    owner: str


class Lost(Exception):
    """The job is not this worker's any more: cancelled, paused, or taken by another."""


class Book:
    """The jobs of a store."""

    def __init__(self, home: Path, engine: Engine | None = None) -> None:
        self.home = home
        self._engine = engine or opened(home, METADATA)

    def create(self, asked: NewJob, base: str, *, owner: str) -> dict[str, Any]:
        """A new job, which waits for a worker."""
        from sqlalchemy import insert

        seed = random.SystemRandom().randrange(2**31) if asked.seed is None else asked.seed
        row = {"id": new_id("ftjob-"), "created_at": now(), "owner": owner, "status": "validating_files"}
        row |= {"request": asked.model_dump_json(), "base": base, "result_files": "[]"}
        with writing(self._engine) as connection:
            connection.execute(insert(JOBS).values({**row, "seed": seed}))
        self.tell(str(row["id"]), f"Created fine-tuning job: {row['id']}")
        self.tell(str(row["id"]), f"Validating training file: {asked.training_file}")
        return self.show(str(row["id"]))

    def show(self, id_: str) -> dict[str, Any]:
        with reading(self._engine) as connection:
            return shown.job(found(connection, JOBS, id_, no_job(id_)))

    def listed(
        self, *, after: str | None, limit: int, metadata: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """A page of jobs, or of those that carry all of ``metadata``."""
        where: list[ColumnElement[bool]] = []
        if metadata:
            where.append(JOBS.c.id.in_(self._with_metadata(metadata)))
        with reading(self._engine) as connection:
            return page(connection, JOBS, shown.job, *where, after=after, limit=limit)

    def events(self, id_: str, *, after: str | None, limit: int) -> dict[str, Any]:
        with reading(self._engine) as connection:
            found(connection, JOBS, id_, no_job(id_))
            return page(connection, EVENTS, shown.event, EVENTS.c.job == id_, after=after, limit=limit)

    def checkpoints(self, id_: str, *, after: str | None, limit: int) -> dict[str, Any]:
        with reading(self._engine) as connection:
            found(connection, JOBS, id_, no_job(id_))
            where = CHECKPOINTS.c.job == id_
            return page(connection, CHECKPOINTS, shown.checkpoint, where, after=after, limit=limit)

    def cancel(self, id_: str) -> dict[str, Any]:
        """End a job that has not ended."""
        ended = {"status": "cancelled", "finished_at": now(), "worker": None, "lease_until": None}
        self._turn(id_, (*OPEN, "paused"), ended)
        self.tell(id_, "The job was cancelled.")
        return self.show(id_)

    def pause(self, id_: str) -> dict[str, Any]:
        """Let a job wait; what it has done is kept."""
        self._turn(id_, OPEN, {"status": "paused", "worker": None, "lease_until": None})
        self.tell(id_, "The job was paused.")
        return self.show(id_)

    def resume(self, id_: str) -> dict[str, Any]:
        """Let a paused job go on where it stopped."""
        self._turn(id_, ("paused",), {"status": "queued"})
        self.tell(id_, "The job goes on.")
        return self.show(id_)

    def _turn(self, id_: str, states: tuple[str, ...], values: Mapping[str, Any]) -> None:
        """Change a job that is in one of ``states``; another state is the client's error."""
        from sqlalchemy import update

        with writing(self._engine) as connection:
            row = found(connection, JOBS, id_, no_job(id_))
            if row["status"] not in states:
                said = f"Job {id_} is {row['status']}: it cannot be changed this way."
                raise Fault(400, said, code="invalid_job_state", param="fine_tuning_job_id")
            connection.execute(update(JOBS).where(JOBS.c.id == id_).values(**values))

    def _with_metadata(self, wanted: Mapping[str, str]) -> list[str]:
        from sqlalchemy import select

        with reading(self._engine) as connection:
            rows = connection.execute(select(JOBS.c.id, JOBS.c.request)).all()
        return [
            row.id for row in rows if wanted.items() <= (json.loads(row.request)["metadata"] or {}).items()
        ]

    def waiting(self) -> bool:
        """Whether a job is there that nobody holds, or whose worker has fallen silent."""
        from sqlalchemy import select

        with reading(self._engine) as connection:
            return connection.execute(select(JOBS.c.id).where(*_free("")).limit(1)).first() is not None

    def claim(self, worker: str, *, host: str = "") -> Job | None:
        """Take the oldest job that is free.

        Args:
            host: workers of this machine are known to be gone: the caller holds the only place for one.
        """
        from sqlalchemy import select, update

        with writing(self._engine) as connection:
            asked = select(JOBS).where(*_free(host)).order_by(JOBS.c.created_at, JOBS.c.id).limit(1)
            row = connection.execute(asked).first()
            if row is None:
                return None
            held = {"worker": worker, "lease_until": _later(LEASE)}
            connection.execute(update(JOBS).where(JOBS.c.id == row.id).values(**held))
        return Job(row.id, NewJob.model_validate_json(row.request), row.base, row.seed, row.owner)

    def change(self, id_: str, worker: str, /, **values: Any) -> None:
        """Write to a job that this worker holds, and renew its lease.

        Raises:
            Lost: it does not hold it any more.
        """
        from sqlalchemy import update

        mine = (JOBS.c.id == id_, JOBS.c.worker == worker, JOBS.c.status.in_(OPEN))
        values = {"lease_until": _later(LEASE), **values}
        with writing(self._engine) as connection:
            if not connection.execute(update(JOBS).where(*mine).values(**values)).rowcount:
                raise Lost

    def end(self, id_: str, worker: str, status: str, /, **values: Any) -> None:
        """A job's end; errors as in ``change``."""
        more = {"finished_at": now(), "worker": None, "lease_until": None}
        self.change(id_, worker, **{**more, "status": status, **values})

    def tell(
        self, id_: str, message: str, *, level: str = "info", data: Mapping[str, Any] | None = None
    ) -> None:
        """An event; with ``data`` it is one of figures."""
        from sqlalchemy import insert

        row = {"id": new_id("ftevent-"), "job": id_, "created_at": now(), "level": level, "message": message}
        row |= {"type": "metrics" if data else "message", "data": json.dumps(data or {})}
        with writing(self._engine) as connection:
            connection.execute(insert(EVENTS).values(row))

    def mark(self, id_: str, step: int, name: str, metrics: Mapping[str, Any]) -> None:
        """A checkpoint; one that is there already stays."""
        from sqlalchemy import insert, select

        row = {"id": new_id("ftckpt_"), "job": id_, "created_at": now(), "step": step, "name": name}
        same = select(CHECKPOINTS.c.id).where(CHECKPOINTS.c.job == id_, CHECKPOINTS.c.step == step)
        with writing(self._engine) as connection:
            if connection.execute(same).first() is None:
                connection.execute(insert(CHECKPOINTS).values({**row, "metrics": json.dumps(dict(metrics))}))


def no_job(id_: str) -> Fault:
    return Fault(
        404, f"Could not find fine tune: {id_[:60]}", code="fine_tune_not_found", param="fine_tuning_job_id"
    )


def _free(host: str) -> tuple[ColumnElement[bool], ...]:
    """Jobs that may be taken: held by nobody, by one whose lease has run out, or by one of this machine."""
    from sqlalchemy import or_

    ways = [JOBS.c.worker.is_(None), JOBS.c.lease_until < now()]
    if host:
        ways.append(JOBS.c.worker.startswith(f"{host}:", autoescape=True))
    return JOBS.c.status.in_(OPEN), or_(*ways)


def _later(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="microseconds")
