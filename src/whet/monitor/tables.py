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
)


def stamp(moment: datetime | None = None, *, days: float = 0.0, hours: float = 0.0) -> str:
    """A moment as the tables have it; without one, now; moved by days and hours."""
    at = (moment or datetime.now(UTC)).astimezone(UTC) + timedelta(days=days, hours=hours)
    return at.isoformat(timespec="microseconds")


def moment(text: str) -> datetime:
    """The moment that a table's time names."""
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)
