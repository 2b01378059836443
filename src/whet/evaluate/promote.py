"""Whether a new model may take the old one's place, asked as often as one likes.

A test at 5 % that is looked at ten times errs far more often than at 5 %. Here evidence is a bet that grows
with every example on which the new model does better, and the chance that it ever reaches 1 / alpha, if the
new one is not better, is alpha at most, however often it is looked at and whenever one stops (Ville 1939;
Waudby-Smith and Ramdas, JRSS B 86, 2024). Knows numbers only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from whet.evaluate.stats import Interval

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]

ALPHA = 0.05
BETS = np.linspace(0.02, 0.98, 49)
"""Shares of the stake that may be lost on one example, mixed evenly: no one has to be guessed."""


@dataclass(frozen=True, slots=True)
class Promotion:
    """What the evidence says after these examples."""

    promotes: bool
    evidence: float
    """How much a bet against "the new one trails by the margin or more" has won; 1 at the start."""
    needed: float
    """1 / alpha."""
    difference: Interval
    """New minus old, with bounds that hold at all looks together."""
    better: int
    """Examples on which the new one does better."""
    worse: int
    more: int | None
    """About how many more examples such as these would promote; None: such as these never would."""

    @property
    def sentence(self) -> str:
        d = self.difference
        points = f"{100 * d.value:+.1f} points ({100 * d.low:+.1f} to {100 * d.high:+.1f}, n={d.n:,})"
        if self.promotes:
            return f"The new one may take over: {points}."
        if self.more is None:
            return f"Nothing speaks for the new one: {points}."
        return f"Not shown yet: {points}; about {self.more:,} more examples such as these would show it."


def promotion(new: ArrayLike, old: ArrayLike, *, margin: float = 0.0, alpha: float = ALPHA) -> Promotion:
    """Look once more at all examples so far.

    Args:
        new, old: gain of each example, 0..1, on the same examples in the order they came [n].
        margin: how much worse the new one may be; 0: it must be better.
    """
    gaps = np.asarray(new, float) - np.asarray(old, float)
    if len(gaps) and np.abs(gaps).max() > 1 + 1e-9:
        raise ValueError("gains must lie in 0..1")
    won = evidence(gaps, margin)
    low, high = -anytime_upper(-gaps, alpha / 2), anytime_upper(gaps, alpha / 2)
    value = float(gaps.mean()) if len(gaps) else 0.0
    return Promotion(
        promotes=won >= 1 / alpha,
        evidence=won,
        needed=1 / alpha,
        difference=Interval(value, low, high, len(gaps)),
        better=int((gaps > 0).sum()),
        worse=int((gaps < 0).sum()),
        more=_more(gaps, margin, alpha),
    )


def evidence(gaps: ArrayLike, margin: float = 0.0) -> float:
    """Mean over bets of prod(1 + bet (gap + margin) / (1 - margin)): a fair game at best, if the mean gap is
    -margin or less. For 1 and -1 and no margin this is a mixture of likelihood ratios on discordant pairs."""
    return float(np.exp(min(_log_won(*_counted(gaps), margin), 700.0)))


def _counted(gaps: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Different gaps, and how often each occurs."""
    values, counts = np.unique(np.asarray(gaps, float), return_counts=True)
    return values, counts.astype(float)


def _log_won(values: FloatArray, counts: FloatArray, margin: float) -> float:
    steps = np.log1p(BETS[:, None] * (values[None] + margin) / (1 - margin))  # [bets, values]
    logs = steps @ counts if len(values) else np.zeros(len(BETS))
    top = float(logs.max())
    return top + math.log(float(np.exp(logs - top).mean()))


def anytime_upper(gaps: ArrayLike, alpha: float) -> float:
    """A bound that the true mean gap stays under at all looks together, with probability 1 - alpha.

    The largest m for which a bet against "the mean is m or more" has not won 1 / alpha.
    """
    values, counts = _counted(gaps)
    low, high = -1.0 + 1e-9, 1.0
    for _ in range(40):
        m = (low + high) / 2
        if _log_won(-values, counts, m) >= math.log(1 / alpha):
            high = m
        else:
            low = m
    return high


def _more(gaps: FloatArray, margin: float, alpha: float) -> int | None:
    """Examples until the best bet's growth is enough, were all such as these."""
    if not len(gaps):
        return None
    values, counts = _counted(gaps)
    steps = np.log1p(BETS[:, None] * (values[None] + margin) / (1 - margin))
    growth = float((steps @ counts).max() / len(gaps))
    if growth <= 0:
        return None
    left = math.log(1 / alpha) - _log_won(values, counts, margin)
    return max(0, math.ceil(left / growth))
