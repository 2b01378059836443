"""Maintenance: what the specialist depends on, and when somebody should look at it again.

Labels, policies, documents and base model are named with their digests, so that a change is seen. Each has
a date of review, from how often the task says the job changes (``costs.retrain_per_year``). It does not watch
anything; ``whet watch`` does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from whet.runs import MANIFEST
from whet.store import file_digest, read_json, value_digest
from whet.trust.measures import SHOWN, Figure, Measure, Table

if TYPE_CHECKING:
    from whet.trust.context import Context

NAME = "maintenance"
YEAR = 365


@dataclass(frozen=True, slots=True)
class Dependency:
    """One thing whose change makes the specialist out of date."""

    what: str
    which: str
    digest: str
    since: datetime
    review: datetime


def maintenance(context: Context, today: datetime | None = None) -> Measure:
    """What it depends on, and what is overdue."""
    now = today or datetime.now(UTC)
    found = list(dependencies(context))
    late = [one for one in found if one.review < now]
    first = min(found, key=lambda one: one.review)
    due = f"the next review is due on {first.review:%Y-%m-%d}: {first.what}"
    said = (
        f"{len(late):,} of {len(found):,} things it depends on are overdue for review: {late[0].what} first."
        if late
        else f"It depends on {len(found):,} things; {due}."
    )
    rows = tuple(
        (d.what, d.which, d.digest[:12] or "–", f"{d.since:%Y-%m-%d}", f"{d.review:%Y-%m-%d}") for d in found
    )
    table = Table("What it depends on", ("what", "which", "digest", "since", "review by"), rows)
    n = len(found)
    overdue = Figure(
        "overdue",
        len(late),
        len(late),
        len(late),
        n,
        "lower",
        title="Overdue reviews",
        unit="count",
        of="things",
    )
    return Measure(NAME, SHOWN, (overdue,), said, tables=(table,))


def dependencies(context: Context) -> Iterator[Dependency]:
    """Labels or schema, instruction, policies, documents, data, and the models behind it."""
    task, made = context.task, _made(context)
    period = timedelta(days=YEAR / max(task.costs.retrain_per_year, 0.5))
    half = period / 2
    if task.kind == "classify":
        names = sorted({name for e in context.train for name in _names(e.output)})
        yield Dependency("labels", f"{len(names):,} labels", value_digest(names), made, made + half)
    if task.json_schema is not None:
        yield Dependency("schema", "of the answers", value_digest(task.json_schema), made, made + half)
    if task.instruction:
        yield Dependency("instruction", "of the task", value_digest(task.instruction), made, made + half)
    if task.check.policy_date:
        since = _moment(task.check.policy_date)
        yield Dependency("policies", f"in force since {task.check.policy_date}", "", since, since + period)
    if (known := context.tuned.card.get("knowledge")) is not None:
        yield Dependency(
            "documents", "that it looks things up in", str(known.get("digest", "")), made, made + half
        )
    data = context.run / "01-examples.jsonl"
    rows = f"{len(context.train):,} training rows"
    yield Dependency("examples", rows, file_digest(data), made, made + period)
    for name, digest in _models(context.tuned.card):
        yield Dependency("base model", name, digest, made, made + period)


def _names(output: str | tuple[str, ...]) -> tuple[str, ...]:
    return (output,) if isinstance(output, str) else output


def _made(context: Context) -> datetime:
    """When the specialist was fitted."""
    steps = read_json(context.run / MANIFEST)["steps"]
    at = steps.get(f"rung {context.tuned.name}", {}).get("at")
    return _moment(at) if at else datetime.now(UTC)


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _models(card: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Name and digest of every model that a specialist's card names."""
    for value in card.values():
        if isinstance(value, Mapping):
            name = value.get("decoder") or (value.get("name") if "sha256" in value else None)
            if name:
                yield str(name), str(value.get("sha256", ""))
            elif isinstance(value.get("endpoint"), Mapping):
                yield str(value["endpoint"].get("model", "a served model")), ""
