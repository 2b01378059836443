"""Tables of releases and keys. What state a release is in, the audit log says (``history.py``)."""

from __future__ import annotations

from sqlalchemy import Column, Integer, MetaData, String, Table, Text, UniqueConstraint

METADATA = MetaData()

KEYS = Table(
    "api_keys",
    METADATA,
    Column("id", String(40), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("role", String(20), nullable=False),
    Column("shown", String(20), nullable=False),
    Column("hash", String(64), nullable=False, unique=True),
    Column("limits", Text, nullable=False),
    Column("made_at", String(32), nullable=False),
    Column("revoked_at", String(32)),
)

RELEASES = Table(
    "releases",
    METADATA,
    Column("id", String(120), primary_key=True),
    Column("name", String(100), nullable=False),
    Column("number", Integer, nullable=False),
    Column("task", Text, nullable=False),
    Column("rung", String(60), nullable=False),
    Column("source", Text, nullable=False),
    Column("made_at", String(32), nullable=False),
    Column("made_of", Text, nullable=False),
    UniqueConstraint("name", "number"),
)
