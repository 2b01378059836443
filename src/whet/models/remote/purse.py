"""The hard budget: a call is made only if the most that it can cost still fits.

The account is ``kept``'s, so that it goes on over interruptions. Calls under way count at their most; where
one of them may come back cheaper and make room, the next call waits for it. Knows no protocol.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from whet.config_models import EndpointModel
from whet.models.base import Answer
from whet.models.remote.kept import Kept


class Empty(Exception):
    """The next call does not fit into the budget; the text says which limit it meets."""


@dataclass
class Purse:
    """What one model may still cost."""

    spec: EndpointModel
    kept: Kept
    _back: asyncio.Event | None = field(default=None, init=False)
    """Set when a call comes back; a new one for each wait, because an event belongs to one loop."""
    _out: set[int] = field(default_factory=set, init=False)
    """Calls under way."""

    @property
    def who(self) -> str:
        return f"{self.spec.model} at {self.spec.endpoint}"

    def usd(self, tokens_in: int, tokens_out: int) -> float:
        """Price of so many tokens; 0 where the task file names no prices."""
        prices = self.spec.usd_per_million
        if prices is None:
            return 0.0
        return (tokens_in * prices.read + tokens_out * prices.written) / 1e6

    async def take(self, key: str, most: float) -> int:
        """Enter a call that costs ``most`` US dollars at the most; its number.

        Raises:
            Empty: it does not fit, and nothing under way can make room.
        """
        while (reason := self._missing(most)) is not None:
            if not self._out or "usd" not in reason:
                raise Empty(reason)
            if self._back is None or self._back.is_set():
                self._back = asyncio.Event()
            await self._back.wait()
        call = self.kept.open(self.who, key, most)
        self._out.add(call)
        return call

    def _missing(self, most: float) -> str | None:
        spent, budget = self.kept.spent(self.who), self.spec.budget
        if budget.requests is not None and spent.requests >= budget.requests:
            return f"budget.requests of {budget.requests:,} is used up"
        if budget.usd is not None and spent.usd + most > budget.usd:
            return (
                f"budget.usd of {budget.usd:g} does not cover the next call: "
                f"{spent.usd:.6f} are spent, and it may cost {most:.6f}"
            )
        return None

    def free(self, call: int) -> None:
        """The call brought nothing and costs nothing."""
        self.kept.settle(call, 0.0)
        self._came_back(call)

    def doubt(self, call: int) -> None:
        """The call brought nothing, but the server may have written an answer: it counts at its most."""
        self._came_back(call)

    def pay(self, call: int, key: str, answer: Answer, without: frozenset[str]) -> None:
        """The call brought ``answer``, which says what it cost."""
        self.kept.keep(call, key, self.who, answer, without)
        self._came_back(call)

    def _came_back(self, call: int) -> None:
        self._out.discard(call)
        if self._back is not None:
            self._back.set()
