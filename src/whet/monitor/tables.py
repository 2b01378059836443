"""The tables of what is watched: requests, alarms, items to review and decisions, proposals to retrain.

Columns and indexes only; what they mean stands in the modules that write them. Times are UTC, ISO 8601, with
microseconds, so that the order of texts is the order of time.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

METADATA = MetaData()

TRAFFIC = Table(
    "traffic",
    METADATA,
    Column("id", String(80), primary_key=True),
    Column("time", String(32), nullable=False),
    Column("until", String(32), nullable=False),
    Column("task", String(200), nullable=False),
    Column("release", String(200), nullable=False),
    Column("person", String(64)),
    Column("input", Text),
    Column("output", Text),
    Column("label", String(200)),
    Column("chars_in", Integer, nullable=False),
    Column("chars_out", Integer, nullable=False),
    Column("confidence", Float),
    Column("novelty", Float),
    Column("refused", Boolean, nullable=False),
    Column("seconds", Float),
    Column("tokens_in", Integer),
    Column("tokens_out", Integer),
    Column("usd", Float),
    Column("feedback", Float),
    Column("comment", Text),
    Column("truth", Text),
    Column("told", String(32)),
    Column("embedding", LargeBinary),
    Column("shadow", String(200)),
    Column("shadow_output", Text),
    Column("flags", Text),
    Index("traffic_by_task", "task", "time"),
    Index("traffic_by_release", "release", "time"),
    Index("traffic_by_end", "until"),
    Index("traffic_by_person", "person"),
    Index(  # covers what a page draws, so that texts and vectors are not read for it
        "traffic_figures",
        *("release", "time", "confidence", "refused", "seconds", "usd", "feedback", "told"),
    ),
)

WATCHES = Table(
    "watches",
    METADATA,
    Column("release", String(200), primary_key=True),
    Column("task", String(200), nullable=False),
    Column("first", String(32), nullable=False),  # of the reference: rows from here
    Column("last", String(32), nullable=False),  # to before here
    Column("looked", String(32), nullable=False),  # hours before this one were looked at
    Column("vectors", String(32)),  # when the inputs' vectors were last tested
    Column("policy", String(64)),  # digest of the document that says what is right, as it was then
    Column("queued", String(32)),  # rows before this moment were offered for review
    Column("told", Text),  # the last pass, as JSON: what a page shows
)

ALARMS = Table(
    "alarms",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("time", String(32), nullable=False),
    Column("task", String(200), nullable=False),
    Column("release", String(200), nullable=False),
    Column("since", String(32), nullable=False),
    Column("moved", Text, nullable=False),  # JSON: one mapping a signal
    Column("examples", Text, nullable=False),  # JSON: ids of requests
    Column("kind", String(40), nullable=False),
    Column("advice", Text, nullable=False),
    Column("closed", String(32)),
    Column("closed_by", String(200)),
    Column("webhook", Text),
    Index("alarms_by_release", "release", "time"),
)

ITEMS = Table(
    "review_items",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("request", String(80), nullable=False, unique=True),
    Column("task", String(200), nullable=False),
    Column("release", String(200), nullable=False),
    Column("time", String(32), nullable=False),
    Column("reasons", Text, nullable=False),  # JSON
    Column("weight", Float),  # of the random sample: one over the chance to be drawn
    Column("double", Boolean, nullable=False),
    Index("items_by_task", "task", "time"),
)

SEATS = Table(
    "review_seats",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("item", ForeignKey("review_items.id", ondelete="CASCADE"), nullable=False),
    Column("task", String(200), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("state", String(10), nullable=False),  # open, done, skipped
    Column("reviewer", String(200)),  # who holds it, or held it last
    Column("until", String(32), nullable=False),  # of the lease; empty: nobody holds it
    Column("not_for", String(200)),  # who holds or decided the item's other seat, or skipped it
    Index("seats_next", "task", "state", "priority", "id"),
    Index("seats_by_item", "item"),
    Index("seats_by_reviewer", "reviewer", "state", "until"),
)

DECISIONS = Table(
    "review_decisions",
    METADATA,
    Column("key", String(80), primary_key=True),
    Column("seat", Integer, unique=True),  # none for what was skipped
    Column("item", ForeignKey("review_items.id", ondelete="CASCADE"), nullable=False),
    Column("task", String(200), nullable=False),
    Column("time", String(32), nullable=False),
    Column("reviewer", String(200), nullable=False),
    Column("verdict", String(10), nullable=False),
    Column("output", Text),
    Column("comment", Text),
    Index("decisions_by_task", "task", "time"),
    Index("decisions_by_item", "item"),
)

PROPOSALS = Table(
    "retrainings",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("time", String(32), nullable=False),
    Column("task", String(200), nullable=False),
    Column("release", String(200), nullable=False),
    Column("reasons", Text, nullable=False),  # JSON
    Column("state", String(20), nullable=False),  # proposed, running, candidate, refused
    Column("run", Text),
    Column("candidate", String(200)),
    Column("said", Text),
    Index("retrainings_by_release", "release", "time"),
)

TRIGGERS = Table(
    "retraining_triggers",
    METADATA,
    Column("key", String(300), primary_key=True),  # an event proposes once
    Column("proposal", ForeignKey("retrainings.id", ondelete="CASCADE"), nullable=False),
)


def stamp(moment: datetime | None = None, *, days: float = 0.0, hours: float = 0.0) -> str:
    """A moment as the tables have it; without one, now; moved by days and hours."""
    at = (moment or datetime.now(UTC)).astimezone(UTC) + timedelta(days=days, hours=hours)
    return at.isoformat(timespec="microseconds")


def moment(text: str) -> datetime:
    """The moment that a table's time names."""
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)
