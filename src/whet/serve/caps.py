"""What a client may ask for, at most; every size that somebody outside can choose has its limit here.

The bars are those of docs/serve.md. Limits of one key stand with the key (``release/keys.py``); what is over
a limit is refused by name, never cut. Knows no route.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """Limits of one server."""

    head_bytes: int = 16 << 10
    """Request line and headers together (431)."""
    head_seconds: float = 10.0
    """From the first byte, or the connection, to the end of the headers."""
    body_bytes: int = 1 << 20
    """Of a request that is JSON (413)."""
    upload_bytes: int = 512 << 20
    """Of an uploaded file."""
    body_seconds: float = 30.0
    """From the headers to the end of a JSON body (408)."""
    connections: int = 1024
    rows: int = 256
    """Answers in work or waiting; one more is refused (503)."""
    seconds: float = 120.0
    """From acceptance to the last byte of the answer."""
    drain_seconds: float = 30.0
    """What is in work at SIGTERM may take so long to its end."""
    stuck_seconds: float = 30.0
    """Without progress for so long while there is work, the server is not healthy."""
    keep_alive: int = 15
    """Seconds that an idle connection stays open."""


N = 8
"""Answers to one request (``n``)."""
TOKENS = 4_096
"""Of one answer."""
STOPS, STOP_CHARS = 4, 64
TOP_LOGPROBS = 20
SCHEMA_BYTES = 32 << 10
"""Of a JSON Schema, or of all tools together."""
DEEPEST = 32
"""Objects and lists within each other, in a schema or in tools."""
MESSAGES = 512
TOOLS = 64
INPUTS = 256
"""Texts of one request for predictions or embeddings."""
NAME = 256
"""Characters of a model's name, or of any other name."""
