"""Which beginnings are kept at an engine: a specialist's own, and those that one caller's requests share.

A beginning that only one caller's requests share is kept for that caller: by the time that an answer takes,
nobody may tell what others ask (arXiv 2409.20002). Knows no model.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from whet.models.generate import common
from whet.serve.lanes import Prefix

WORTH = 32
"""Tokens that must be shared for them to be read apart and kept."""
SPLIT = 128
"""Tokens that must be shared beyond a beginning that is kept already: a row behind a longer one is read
apart from those behind the shorter, at each step: requests that are asked again would each stand alone."""
BLOCK = 16
"""Tokens by which what is shared is counted: questions that begin with the same word share no more for it."""
KEPT = 16
"""Beginnings at once."""
RECENT = 16
"""Requests that a new one is compared with."""


@dataclass(eq=False)
class Prefixes:
    """The beginnings of one engine."""

    kept: list[Prefix] = field(default_factory=list)
    _recent: deque[tuple[str, str, tuple[int, ...]]] = field(default_factory=lambda: deque(maxlen=RECENT))

    def keep(self, adapter: str, ids: Sequence[int]) -> None:
        """What all requests of a specialist begin with."""
        self.kept.append(Prefix(adapter, tuple(ids)))

    def of(self, row: Sequence[int], adapter: str, owner: str, step: int, held: Collection[Prefix]) -> Prefix:
        """The longest beginning of a row that is kept, or is worth keeping from now on.

        Args:
            owner: whose request it is.
            held: those that rows stand behind, which must stay.
        """
        ids = tuple(row)
        found = [one for one in self.kept if one.fits(ids, adapter, owner)]
        best = max(found, key=lambda one: len(one.ids), default=None)
        alike = [other for *whose, other in self._recent if whose == [adapter, owner]]
        shared = max((common([ids, other]) for other in alike), default=0) // BLOCK * BLOCK
        self._recent.append((adapter, owner, ids))
        if best is None or shared >= len(best.ids) + (SPLIT if best.ids else WORTH):
            worth = shared >= WORTH
            best = Prefix(adapter, ids[:shared] if worth else (), owner if worth else "")
            self.kept.append(best)
        best.used = step
        self._forget(step, held)
        return best

    def tokens(self) -> int:
        return sum(len(one.ids) for one in self.kept)

    def renew(self) -> None:
        """Forget what was read: the specialists' own are read again, the others learned again."""
        self.kept = [Prefix(one.adapter, one.ids) for one in self.kept if not one.owner]

    def _forget(self, step: int, held: Collection[Prefix]) -> None:
        """Those of no use for longest go, a specialist's own last."""
        while len(self.kept) > KEPT:
            idle = [one for one in self.kept if one not in held and one.used < step]
            if not idle:
                return
            self.kept.remove(min(idle, key=lambda one: (bool(one.ids) and not one.owner, one.used)))
