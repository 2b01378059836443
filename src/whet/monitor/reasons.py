"""Why to train again: what speaks for it now, and what was proposed; an event proposes once.

It trains nothing: ``retrain.py`` does.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select

from whet.database import reading, writing
from whet.monitor.reviewed import Reviewed, reviewed
from whet.monitor.tables import PROPOSALS, TRIGGERS, WATCHES, moment, stamp
from whet.monitor.watch import alarms
from whet.store import read_jsonl

if TYPE_CHECKING:
    from whet.monitor.subject import Subject

RETRAINS = frozenset({"new label", "policy change", "retrain"})
"""Alarms that a training can mend."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why to train again."""

    kind: str
    """``alarm``, ``corrections``, ``age``, ``labels`` or ``policy``."""
    said: str
    key: str
    """The event: it proposes once."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A training that was proposed."""

    id: int
    time: str
    task: str
    release: str
    reasons: tuple[str, ...]
    state: str
    run: str | None
    candidate: str | None
    said: str | None


def reasons(subject: Subject, at: str = "") -> list[Reason]:
    """Everything that speaks for a training now, whether it was proposed before or not."""
    return [
        *_alarms(subject),
        *_corrections(subject),
        *_age(subject, at),
        *_labels(subject),
        *_policy(subject),
    ]


def _alarms(subject: Subject) -> list[Reason]:
    open_ = alarms(subject.traffic, release=subject.release.id, open_only=True)
    return [
        Reason("alarm", f"alarm {one.id} ({one.kind}): {one.moved[0].said()}", f"alarm {one.id}")
        for one in open_
        if one.kind in RETRAINS
    ]


def _corrections(subject: Subject) -> list[Reason]:
    wanted = subject.task.monitor.corrections
    rows = new_examples(subject)
    wrong = sum(row.right is False for row in rows)
    if len(rows) < wanted:
        return []
    said = f"{len(rows):,} reviewed examples wait, {wrong:,} of them corrections ({wanted:,} are asked for)"
    return [Reason("corrections", said, f"{subject.release.id} corrections {len(rows) // wanted}")]


def _age(subject: Subject, at: str) -> list[Reason]:
    most = subject.task.monitor.max_age_days
    days = (moment(at or stamp()) - utc(subject.release.made_at)).days
    if days < most:
        return []
    return [
        Reason("age", f"the release is {days} days old ({most} are asked for)", f"{subject.release.id} age")
    ]


def _labels(subject: Subject) -> list[Reason]:
    """Labels that reviewers use and the task does not list."""
    known = {row["output"] for row in run_rows(subject) if isinstance(row["output"], str)}
    known |= {label.name for label in subject.task.labels or []}
    if subject.task.kind != "classify":
        return []
    new = sorted({str(row.output) for row in new_examples(subject)} - known)
    if not new:
        return []
    return [Reason("labels", f"reviewers use new labels: {', '.join(new)}", f"labels {', '.join(new)}"[:300])]


def _policy(subject: Subject) -> list[Reason]:
    with reading(subject.traffic.engine) as connection:
        mine = WATCHES.c.release == subject.release.id
        before = connection.scalars(select(WATCHES.c.policy).where(mine)).first()
    if not before or not subject.policy or before == subject.policy:
        return []
    said = f"{subject.task.monitor.policy} has changed since the release: what is right may be another thing"
    return [Reason("policy", said, f"policy {subject.policy}")]


def propose(subject: Subject, at: str = "") -> Proposal | None:
    """Propose a training where something new speaks for it; None: nothing, or it was proposed before."""
    found = reasons(subject, at)
    with writing(subject.traffic.engine) as connection:
        named = [one.key for one in found]
        known = set(connection.scalars(select(TRIGGERS.c.key).where(TRIGGERS.c.key.in_(named))))
        new = [one for one in found if one.key not in known]
        if not new:
            return None
        about = {
            "time": stamp(),
            "task": subject.task.task,
            "release": subject.release.id,
            "state": "proposed",
        }
        said = json.dumps([one.said for one in found])
        made = connection.execute(insert(PROPOSALS).values(**about, reasons=said)).inserted_primary_key
        assert made is not None
        rows = [{"key": one.key, "proposal": made[0]} for one in new]
        connection.execute(insert(TRIGGERS), rows)
    return next(one for one in proposals(subject) if one.id == made[0])


def proposals(subject: Subject) -> list[Proposal]:
    """Those of a release, the oldest first."""
    query = select(PROPOSALS).where(PROPOSALS.c.release == subject.release.id).order_by(PROPOSALS.c.id)
    with reading(subject.traffic.engine) as connection:
        rows = [dict(row._mapping) for row in connection.execute(query)]
    return [Proposal(**{**row, "reasons": tuple(json.loads(row["reasons"]))}) for row in rows]


def new_examples(subject: Subject) -> list[Reviewed]:
    """Reviewed requests with a right output, decided since the release was made."""
    since = stamp(utc(subject.release.made_at))
    return [row for row in reviewed(subject.traffic, subject.task.task, since) if row.output is not None]


def run_rows(subject: Subject) -> list[dict[str, Any]]:
    path = subject.run / "01-examples.jsonl"
    return read_jsonl(path) if path.is_file() else []


def utc(time: str) -> datetime:
    at = datetime.fromisoformat(time)
    return at if at.tzinfo else at.replace(tzinfo=UTC)
