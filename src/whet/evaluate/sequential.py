"""Intervals that may be looked at after every value, and stay right: for quality that is watched day by day.

An ordinary 95 % interval is right at one look; looked at daily it misses the truth sooner or later. Here the
truth of a mean of values from 0 to 1 stays inside for all time with the stated probability. Hedged betting
(Waudby-Smith and Ramdas, Journal of the Royal Statistical Society B 86, 2024, section 4): for every possible
mean two gamblers bet that it is higher, and that it is lower; a mean against which one of them has grown rich
is given up for good. Knows no table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from whet.evaluate.stats import Interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]

GRID = 1001  # possible means
CAP = 0.5  # of what a gambler may lose at once
AT_ONCE = 500  # values


def always_valid(values: Floats, alpha: float = 0.05) -> Interval:
    """The mean of values from 0 to 1, in the order in which they came, with its interval at this moment."""
    if not len(values):
        return Interval(0.5, 0.0, 1.0, 0)
    low, high = running(values, alpha)
    return Interval(float(np.mean(values)), float(low[-1]), float(high[-1]), len(values))


def running(values: Floats, alpha: float = 0.05) -> tuple[Floats, Floats]:
    """Lower and upper ends after each value [n], narrowing only."""
    means = np.linspace(0.0, 1.0, GRID)
    bets = _bets(np.asarray(values, np.float64), alpha)
    wealth = np.zeros((2, GRID))
    open_, ends = np.ones(GRID, bool), []
    rich = np.log(2.0 / alpha)  # each gambler has half of the stake
    for start in range(0, len(values), AT_ONCE):
        part, bet = (array[start : start + AT_ONCE, None] for array in (np.asarray(values, float), bets))
        up = np.log1p(np.minimum(bet, CAP / np.maximum(means, 1e-9)) * (part - means))
        down = np.log1p(-np.minimum(bet, CAP / np.maximum(1 - means, 1e-9)) * (part - means))
        paths = wealth[:, None] + np.cumsum(np.stack([up, down]), axis=1)
        over = np.logical_or.accumulate((paths > rich).any(axis=0), axis=0)
        alive = open_ & ~over
        ends.append(np.stack([_first(alive, means), _last(alive, means)]))
        wealth, open_ = paths[:, -1], alive[-1]
    low, high = np.concatenate(ends, axis=1) if ends else np.zeros((2, 0))
    return low, high


def _bets(values: Floats, alpha: float) -> Floats:
    """The predictable plug-in bets: each is made before its value is seen [n]."""
    t = np.arange(1, len(values) + 1)
    means = (0.5 + np.cumsum(values)) / (t + 1)
    variances = (0.25 + np.cumsum((values - means) ** 2)) / (t + 1)
    before = np.concatenate([[0.25], variances[:-1]])
    return np.asarray(np.sqrt(2 * np.log(2 / alpha) / (before * t * np.log1p(t))))


def _first(alive: NDArray[np.bool_], means: Floats) -> Floats:
    """The lowest mean that is still possible, one step below it for the grid's width [n]."""
    place = np.where(alive.any(axis=1), alive.argmax(axis=1), 0)
    return np.asarray(means[np.maximum(place - 1, 0)])


def _last(alive: NDArray[np.bool_], means: Floats) -> Floats:
    place = GRID - 1 - np.where(alive.any(axis=1), alive[:, ::-1].argmax(axis=1), 0)
    return np.asarray(means[np.minimum(place + 1, GRID - 1)])


def weighted(values: Floats, weights: Floats, alpha: float = 0.05) -> Interval:
    """The mean of a whole of which values from 0 to 1 are a sample, each with the inverse of its chance to be
    drawn as its weight (Horvitz and Thompson 1952); always valid while the largest weight does not grow.

    With equal weights this is ``always_valid``. Else what was not drawn counts as 0 and 1 in turn: the
    values are scaled by their weight, which costs width where weights differ much.
    """
    if not len(values) or np.ptp(weights) < 1e-12:
        return always_valid(values, alpha)
    share = np.asarray(weights, float) / np.max(weights)
    right, wrong = (always_valid(share * side, alpha / 2) for side in (values, 1 - values))
    total = float(share.mean())
    mean = float(np.average(values, weights=weights))
    low = right.low / max(right.low + wrong.high, 1e-12)
    high = right.high / max(right.high + wrong.low, 1e-12)
    return Interval(mean, min(low, mean), max(high, mean), len(values)) if total else always_valid(values)
