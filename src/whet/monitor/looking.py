"""The records of one look at a release's traffic: what it needs, and what it found.

``drift.py`` looks. Knows no arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from whet.monitor.scan import WEEK
from whet.monitor.tables import moment, stamp

if TYPE_CHECKING:
    from whet.evaluate.stats import Interval
    from whet.monitor.advice import Advice, Moved
    from whet.monitor.implied import Calibrated, Implied
    from whet.monitor.traffic import Traffic


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a release's traffic, in whole hours: from ``first`` to before ``last``, ISO 8601."""

    first: str
    last: str


@dataclass(frozen=True, slots=True)
class State:
    """One signal now, as a page shows it."""

    name: str
    about: str
    group: str
    unit: str
    share: bool
    was: float
    now: float
    z: float
    limit: float


@dataclass(frozen=True)
class Found:
    """What one look found."""

    moved: tuple[Moved, ...] = ()
    examples: tuple[str, ...] = ()
    """Ids of requests that show it best."""
    advice: Advice | None = None
    states: tuple[State, ...] = ()
    implied: Implied | None = None
    quality: dict[str, Interval] = field(default_factory=dict)
    """Right answers, by what was said of them: ``feedback`` and ``labels``; always valid."""
    rows: int = 0
    reference: int = 0
    notes: tuple[str, ...] = ()
    vectors_tested: bool = False
    far: float = float("inf")
    """Novelty beyond which a request is unlike what was learned."""
    kind: tuple[str, ...] = ()
    """Ids of requests that seem to be of new kinds, one of each kind in turn."""


@dataclass(frozen=True)
class Look:
    """What one look needs: the reference, the last two weeks, and where it left off."""

    traffic: Traffic
    release: str
    reference: Span
    at: float
    """Hours since 1970: rows before this whole hour are seen."""
    looked: float
    """Hours before this one were looked at."""
    alpha: float
    known: frozenset[str] = frozenset()
    """Signals of which an alarm is open: they are not reported again."""
    test_vectors: bool = True
    seek: bool = False
    """An alarm of a new kind is open: look for more of it."""
    calibrated: Calibrated | None = None

    @property
    def start(self) -> float:
        return max(moment(self.reference.last).timestamp() / 3600, self.at - 2 * WEEK)


@dataclass(frozen=True, slots=True)
class Kind:
    """Requests of new kinds, if there are any."""

    ids: tuple[str, ...] = ()
    first: tuple[str, ...] = ()
    """Those of the largest group."""
    name: str = ""
    """Words that mark it."""
    share: float = 0.0
    """Of the requests since."""


def hour(hours: float) -> str:
    """Hours since 1970 as a moment."""
    return stamp(datetime.fromtimestamp(hours * 3600, UTC))
