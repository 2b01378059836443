"""Which specialist answers to which name, now: loaded when first asked for, and looked at again and again.

A ``Source`` says what may be served: the registry (``approved.py``), or one folder on trial (``trial.py``). A
name's release is asked for anew when the source's stamp changes: what was retired answers no more, what went
live answers at once. A canary takes a share of a name's requests, a shadow answers beside and is not seen.
Loading is done on a thread, one at a time. Knows no HTTP.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from whet.config_monitor import Monitoring
from whet.errors import WhetError
from whet.serve.asking import Answering
from whet.serve.faults import Fault, busy, no_model

FRESH = 30.0
"""Seconds for which a name's release counts as known while the source's stamp stands."""
LOADED = 16
"""Specialists in memory; the one that was not asked for longest goes, once no answer of it can be in work."""


@dataclass(frozen=True, slots=True)
class About:
    """A release, as far as serving must know it."""

    id: str
    name: str
    digest: str
    """Of the specialist's files."""
    rung: str = ""
    trial: bool = False
    created: int = 0
    task: str = ""
    keeping: Monitoring = field(default_factory=Monitoring)
    """What its task allows to be kept of requests."""
    threshold: float | None = None
    """Confidence under which a person must look, by its own calibration; None: none could be promised."""


class Source(Protocol):
    """What may be served. Its methods are called on threads."""

    def names(self) -> list[About]:
        """What a client may ask for by name."""

    def stamp(self) -> object:
        """Changes whenever it may answer otherwise; quick, and called on the loop."""

    def release(self, name: str) -> About:
        """The release that answers to a name, an id or an alias; raises a ``WhetError`` where none may."""

    def open(self, about: About) -> Answering:
        """Load it, checked; raises a ``WhetError`` where it is not what was approved."""


@dataclass(frozen=True, slots=True)
class Served:
    """A release that is loaded."""

    about: About
    answering: Answering
    threshold: float
    """Answers of a lower confidence are unsure."""
    shadow: Served | None = None
    """Answers beside, unseen."""
    part: str = "live"
    """live or canary."""


@dataclass(frozen=True, slots=True)
class Shares:
    """How the requests of one name are divided."""

    canary: str = ""
    """Id of the release that takes a share."""
    canary_share: float = 0.0
    shadow: str = ""
    shadow_share: float = 0.0


@dataclass(slots=True)
class _Known:
    about: About
    seen: float
    stamp: object


@dataclass
class Catalogue:
    """Names and what answers to them."""

    source: Source
    threshold: float | None = None
    """For every release; None: each by its own calibration, and where that promises nothing, 0.5 where
    answers come from a list, else none."""
    shares: Mapping[str, Shares] = field(default_factory=dict)
    _known: dict[str, _Known] = field(default_factory=dict)
    _loaded: dict[str, Answering] = field(default_factory=dict)
    quiet: float = 180.0
    """Seconds after which no answer can be in work any more that was asked for before."""
    _asked: dict[str, float] = field(default_factory=dict)
    """When each that is loaded was last asked for."""
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def names(self) -> list[About]:
        return await asyncio.to_thread(self.source.names)

    async def find(self, name: str) -> Served:
        """What answers to a name, an id or an alias.

        Raises:
            Fault: nothing does.
        """
        about = await self._about(name)
        answering = self._loaded.get(about.id) or await self._open(about)
        self._asked[about.id] = time.monotonic()
        return Served(about, answering, self._threshold(about, answering))

    async def pick(self, name: str, by: str) -> Served:
        """As ``find``, with the name's canary and shadow.

        Args:
            by: what decides; the same text is always sent the same way.
        """
        shares = self.shares.get(name, Shares())
        at = place(by)
        if shares.canary and at < shares.canary_share:
            found = await self.find(shares.canary)
            return Served(found.about, found.answering, found.threshold, None, "canary")
        found = await self.find(name)
        if not shares.shadow or place(by + " shadow") >= shares.shadow_share:
            return found
        beside = await self.find(shares.shadow)
        return Served(found.about, found.answering, found.threshold, beside)

    def stuck(self) -> float:
        return max((one.stuck() for one in self._loaded.values()), default=0.0)

    def close(self) -> None:
        for one in self._loaded.values():
            one.close()
        self._loaded.clear()

    async def _about(self, name: str) -> About:
        known, stamp = self._known.get(name), self.source.stamp()
        if known is not None and known.stamp == stamp and time.monotonic() - known.seen < FRESH:
            return known.about
        try:
            about = await asyncio.to_thread(self.source.release, name)
        except WhetError as error:
            self._known.pop(name, None)
            raise no_model(name) from error
        if known is None and len(self._known) > 8 * LOADED:
            self._known.clear()
        self._known[name] = _Known(about, time.monotonic(), stamp)
        return about

    async def _open(self, about: About) -> Answering:
        async with self._lock:
            if about.id not in self._loaded:
                try:
                    self._loaded[about.id] = await asyncio.to_thread(self.source.open, about)
                except WhetError as error:
                    raise Fault(
                        503, f"The model {about.name!r} cannot be served: {error.what}", code="not_servable"
                    ) from error
                except MemoryError as error:
                    raise busy("There is no memory for this model.") from error
                self._asked[about.id] = time.monotonic()
                await self._let_go()
            return self._loaded[about.id]

    async def _let_go(self) -> None:
        """Those that were not asked for longest; more stay than should where all may be at work."""
        by_age = sorted(self._loaded, key=lambda one: self._asked.get(one, 0.0))
        for oldest in by_age[: max(0, len(self._loaded) - LOADED)]:
            if time.monotonic() - self._asked.get(oldest, 0.0) > self.quiet:
                await asyncio.to_thread(self._loaded.pop(oldest).close)

    def _threshold(self, about: About, answering: Answering) -> float:
        for own in (self.threshold, about.threshold):
            if own is not None:
                return own
        return 0.5 if answering.chooses else 0.0


def place(text: str) -> float:
    """A text's place in 0..1, evenly spread and always the same."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "replace")).digest()[:8], "big") / 2**64
