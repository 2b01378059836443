"""When the next call may start: the server's limits a minute, and its wish to be left alone.

Calls are spread evenly, without bursts: a call of t tokens takes max(60 / requests, 60 t / tokens) seconds
of the line (the generic cell rate algorithm of ITU-T I.371 with no tolerance). Knows no protocol.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field


@dataclass
class Pace:
    """One line before one server."""

    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _free: float = field(default=0.0, init=False)
    """When the line is free again."""
    _held: float = field(default=0.0, init=False)
    """Until when the server wants no call."""

    async def turn(self, tokens: int) -> None:
        """Wait until a call of about ``tokens`` tokens, read and written, may start."""
        start = max(self.clock(), self._free)
        self._free = start + self._seconds(tokens)
        await self._until(start)
        while (held := self._held) > self.clock():  # asked to wait while it stood in the line
            await self._until(held)

    def hold(self, seconds: float) -> None:
        """Let no call start for so long: the server said so."""
        self._held = max(self._held, self.clock() + seconds)

    def _seconds(self, tokens: int) -> float:
        calls = 60.0 / self.requests_per_minute if self.requests_per_minute else 0.0
        share = 60.0 * tokens / self.tokens_per_minute if self.tokens_per_minute else 0.0
        return max(calls, share)

    async def _until(self, moment: float) -> None:
        if (left := moment - self.clock()) > 0:
            await self.sleep(left)


@dataclass(frozen=True)
class Patience:
    """How often to try, and how long to wait in between."""

    tries: int = 6
    first: float = 0.5
    """Seconds before the second try; doubled each time."""
    most: float = 30.0
    longest: float = 300.0
    """Seconds that a server may ask us to wait; when it asks for more, the run ends and can go on later."""

    def wait(self, tried: int, asked: float | None = None) -> float:
        """Seconds before the next try, after ``tried`` of them: half of it fixed, half of it chance.

        Chance keeps many callers from coming back all at once ("equal jitter", Brooker 2015). What the
        server asked for (``Retry-After``) comes first, for the same reason.
        """
        whole = min(self.most, self.first * 2.0 ** (tried - 1))
        return (asked or 0.0) + whole / 2 + random.uniform(0, whole / 2)
