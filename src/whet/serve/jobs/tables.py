"""Tables of files, jobs, their events and checkpoints, evals and their runs.

Times are UTC ISO 8601 with microseconds, so that text order is time order; what OpenAI's shapes hold as
objects is JSON text. Knows no route.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Integer, MetaData, String, Table, Text, UniqueConstraint

METADATA = MetaData()

FILES = Table(
    "hosted_files",
    METADATA,
    Column("id", String(40), primary_key=True),
    Column("created_at", String(32), nullable=False),
    Column("owner", String(200), nullable=False),
    Column("filename", Text, nullable=False),
    Column("purpose", String(40), nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
)

JOBS = Table(
    "hosted_jobs",
    METADATA,
    Column("id", String(40), primary_key=True),
    Column("created_at", String(32), nullable=False),
    Column("finished_at", String(32)),
    Column("owner", String(200), nullable=False),
    Column("status", String(20), nullable=False),
    Column("request", Text, nullable=False),
    Column("base", Text, nullable=False),
    Column("seed", Integer, nullable=False),
    Column("fine_tuned_model", String(200)),
    Column("error", Text),
    Column("trained_tokens", Integer),
    Column("result_files", Text, nullable=False),
    Column("worker", String(200)),
    Column("lease_until", String(32)),
)

EVENTS = Table(
    "hosted_events",
    METADATA,
    Column("id", String(40), primary_key=True),
    Column("job", String(40), nullable=False, index=True),
    Column("created_at", String(32), nullable=False),
    Column("level", String(10), nullable=False),
    Column("type", String(10), nullable=False),
    Column("message", Text, nullable=False),
    Column("data", Text, nullable=False),
)

CHECKPOINTS = Table(
    "hosted_checkpoints",
    METADATA,
    Column("id", String(40), primary_key=True),
    Column("job", String(40), nullable=False, index=True),
    Column("created_at", String(32), nullable=False),
    Column("step", Integer, nullable=False),
    Column("name", String(220), nullable=False),
    Column("metrics", Text, nullable=False),
    UniqueConstraint("job", "step"),
)

EVALS = Table(
    "hosted_evals",
    METADATA,
    Column("id", String(40), primary_key=True),
    Column("created_at", String(32), nullable=False),
    Column("owner", String(200), nullable=False),
    Column("body", Text, nullable=False),
)

RUNS = Table(
    "hosted_eval_runs",
    METADATA,
    Column("id", String(40), primary_key=True),
    Column("eval", String(40), nullable=False, index=True),
    Column("created_at", String(32), nullable=False),
    Column("status", String(20), nullable=False),
    Column("body", Text, nullable=False),
    Column("error", Text),
    Column("stop", Boolean, nullable=False),
)

ITEMS = Table(
    "hosted_eval_items",
    METADATA,
    Column("id", String(40), primary_key=True),
    Column("run", String(40), nullable=False, index=True),
    Column("created_at", String(32), nullable=False),
    Column("number", Integer, nullable=False),
    Column("status", String(10), nullable=False),
    Column("body", Text, nullable=False),
    UniqueConstraint("run", "number"),
)
