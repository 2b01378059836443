"""What each key may use a minute, and how many answers are in work at all.

A token bucket a key and a measure (requests, tokens): it fills evenly and holds one minute. Tokens are
counted when they are known, so that a bucket may go below zero once and is then waited for. Knows no HTTP.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from whet.serve.faults import Fault, busy

if TYPE_CHECKING:
    from whet.release.keys import Limits

MINUTE = 60.0


@dataclass(slots=True)
class Bucket:
    """So much a minute."""

    most: float
    left: float
    at: float

    def waits(self, now: float) -> float:
        """Seconds until there is one; 0: there is."""
        self.left = min(self.most, self.left + (now - self.at) * self.most / MINUTE)
        self.at = now
        needed = min(1.0, self.most)
        return 0.0 if self.left >= needed else (needed - self.left) * MINUTE / self.most


@dataclass(slots=True)
class _Used:
    requests: Bucket | None
    tokens: Bucket | None
    at_once: int = 0


@dataclass
class Limiter:
    """Limits of all keys; one loop calls it."""

    clock: Callable[[], float] = time.monotonic
    _used: dict[str, _Used] = field(default_factory=dict)

    @contextmanager
    def request(self, key: str, limits: Limits) -> Iterator[None]:
        """Count a request of a key while the block runs.

        Raises:
            Fault: 429, with the seconds after which it is worth trying again.
        """
        used = self._of(key, limits)
        if limits.at_once is not None and used.at_once >= limits.at_once:
            raise _over(f"{limits.at_once} requests at once", 1.0)
        now = self.clock()
        for bucket, what in ((used.requests, "requests a minute"), (used.tokens, "tokens a minute")):
            if bucket is not None and (wait := bucket.waits(now)):
                raise _over(f"{bucket.most:g} {what}", wait)
        if used.requests is not None:
            used.requests.left -= 1
        used.at_once += 1
        try:
            yield
        finally:
            used.at_once -= 1

    def spent(self, key: str, tokens: int) -> None:
        """Tokens that a request has used."""
        used = self._used.get(key)
        if used is not None and used.tokens is not None:
            used.tokens.waits(self.clock())
            used.tokens.left -= tokens

    def _of(self, key: str, limits: Limits) -> _Used:
        now = self.clock()

        def bucket(most: int | None, before: Bucket | None) -> Bucket | None:
            if most is None:
                return None
            return before if before is not None and before.most == most else Bucket(most, most, now)

        known = self._used.get(key) or _Used(None, None)
        known.requests = bucket(limits.requests_per_minute, known.requests)
        known.tokens = bucket(limits.tokens_per_minute, known.tokens)
        self._used[key] = known
        return known


def _over(what: str, wait: float) -> Fault:
    said = f"Rate limit reached: this key may use {what}. Try again in {max(1, round(wait))} s."
    return Fault(429, said, code="rate_limit_exceeded", after=max(1.0, wait))


@dataclass
class Room:
    """Answers in work or waiting, of all clients; one loop calls it."""

    most: int
    used: int = 0

    def check(self, rows: int) -> None:
        """Raises a ``Fault`` (503) where there are not as many places."""
        if self.used + rows > self.most:
            raise busy("The server has as much work as it can hold.")

    @contextmanager
    def take(self, rows: int) -> Iterator[None]:
        """Places for so many answers while the block runs; errors as in ``check``."""
        self.check(rows)
        self.used += rows
        try:
            yield
        finally:
            self.used -= rows
