"""What is personal in traffic: stand-ins for it before anything is written, and marks by which it is found.

The stand-ins are those of ``whet repair`` (``check/pii``), made with a secret that belongs to the store, so
that the same person has the same stand-in in every request, and ``whet forget`` finds it. It does not know
what a task allows: ``traffic.py`` asks only for what is to be redacted.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

from whet.check.pii.patterns import find_personal
from whet.check.pii.pseudonyms import Pseudonyms, redact
from whet.check.subject import Span
from whet.store import make_folder, world

KEY = "stand-ins.key"
SIZE = 32  # bytes

Redact = Callable[[Sequence[str]], list[str]]
"""Texts to the same texts with stand-ins."""
Finder = Callable[[Sequence[str]], list[list[Span]]]


def secret_of(home: Path) -> bytes:
    """The store's secret, made at the first call; readable for its owner alone."""
    make_folder(home)
    path = home / KEY
    with world(path):
        try:
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            return _read(path)
        with os.fdopen(handle, "wb") as out:
            out.write(secrets.token_bytes(SIZE))
            out.flush()
            os.fsync(out.fileno())
    return _read(path)


def _read(path: Path) -> bytes:
    """The whole secret: who made the file at the same moment may still be writing it."""
    for _ in range(1000):
        found = path.read_bytes()
        if len(found) == SIZE:
            return found
        os.sched_yield()
    path.unlink()  # a kill between making and writing it: nothing was redacted with it yet
    return secret_of(path.parent)


def redactor(home: Path, names: Finder | None = None) -> Redact:
    """Stand-ins for personal data and secrets, the same in every process of the store.

    Args:
        names: finds names of people, where a model for that is at hand (``whet.checkup.names_of``).
    """
    secret = secret_of(home)

    def redacted(texts: Sequence[str]) -> list[str]:
        made = Pseudonyms(secret)
        spans = find_personal(texts, names)
        return [redact(text, found, made) for text, found in zip(texts, spans, strict=True)]

    return redacted


def mark_of(home: Path, person: str) -> str:
    """What stands for a caller's own id in the tables: nobody can turn it back, equal ids are equal."""
    key = " ".join(person.split()).casefold()
    return hmac.new(secret_of(home), f"person\0{key}".encode(), hashlib.sha256).hexdigest()
