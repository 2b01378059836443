"""How sure a figure is: intervals, paired tests, Holm, and what a test set could have seen.

Formulas and sources stand at each function. Everything is a function of numbers; nothing here knows a
rung or a file. Differences are always *first minus second*, in the metric's unit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import binom, norm

from whet.evaluate.metrics import macro_f1

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

RESAMPLES = 4000
POWER = 0.8


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with its 95 % interval and the number of examples behind it."""

    value: float
    low: float
    high: float
    n: int


def wilson(successes: int, n: int, alpha: float = 0.05) -> Interval:
    """Wilson's score interval for a share (Wilson 1927; Brown, Cai, DasGupta 2001)."""
    if n == 0:
        return Interval(0.0, 0.0, 1.0, 0)
    z = float(norm.ppf(1 - alpha / 2))
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return Interval(share, max(0.0, centre - half), min(1.0, centre + half), n)


def bootstrap_means(values: FloatArray, seed: int = 0) -> FloatArray:
    """Means of ``values`` [n] over resamples of the examples: [RESAMPLES]."""
    return np.concatenate([weights @ values / len(values) for weights in _weights(len(values), seed)])


def bootstrap_macro_f1(tables: Sequence[FloatArray], seed: int = 0) -> list[FloatArray]:
    """Macro-F1 of each table [n, labels, 3] over the same resamples: a list of [RESAMPLES]."""
    flat = [table.reshape(len(table), -1) for table in tables]
    parts: list[list[FloatArray]] = [[] for _ in tables]
    for weights in _weights(len(tables[0]), seed):
        for index, table in enumerate(tables):
            totals = (weights @ flat[index]).reshape(len(weights), *table.shape[1:])
            parts[index].append(macro_f1(totals))
    return [np.concatenate(part) for part in parts]


def _weights(n: int, seed: int, chunk: int = 500) -> list[FloatArray]:
    """Multinomial resampling weights, in chunks of rows, the same for the same seed."""
    rng = np.random.default_rng(seed)
    share = np.full(n, 1.0 / n)
    sizes = [min(chunk, RESAMPLES - start) for start in range(0, RESAMPLES, chunk)]
    return [rng.multinomial(n, share, size=size).astype(np.float64) for size in sizes]


def percentile_interval(value: float, draws: FloatArray, n: int, alpha: float = 0.05) -> Interval:
    """Percentile bootstrap interval (Efron 1979)."""
    low, high = np.quantile(draws, [alpha / 2, 1 - alpha / 2])
    return Interval(value, float(low), float(high), n)


@dataclass(frozen=True, slots=True)
class Paired:
    """Evidence on the difference of two rungs on the same examples (first minus second)."""

    difference: float
    n: int
    discordance: float
    """Variance of the per-example differences plus the squared difference; for accuracy, the share
    of examples on which exactly one of the two is right."""
    p_ahead: float
    """One-sided p of "the first is not ahead": small means that the second is worse."""
    p_within: Callable[[float], float]
    """One-sided p of "the second trails by the margin or more": small means good enough."""
    lower: Callable[[float], float]
    """One-sided lower bound of the difference at level alpha."""
    upper: Callable[[float], float]
    """One-sided upper bound of the difference at level alpha."""


def paired_right(first: FloatArray, second: FloatArray) -> Paired:
    """Compare right (1) and wrong (0) answers example by example.

    Ahead: McNemar's test in its exact, one-sided form (binomial on the discordant pairs). Bounds and
    margin test: Tango's score method (Statistics in Medicine 17, 1998), which stays valid when few
    pairs disagree. Where the exact test says "ahead", the lower bound is held at or above zero, and
    where it cannot, at or below, so that bound and test never contradict each other.
    """
    n = len(first)
    only_first = int(np.sum((first == 1) & (second == 0)))
    only_second = int(np.sum((first == 0) & (second == 1)))
    p_ahead = _exact_ahead(only_first, only_second)

    def lower(alpha: float) -> float:
        bound = tango_bound(only_first, only_second, n, -float(norm.ppf(1 - alpha)))
        return max(bound, 0.0) if p_ahead <= alpha else min(bound, 0.0)

    return Paired(
        difference=(only_first - only_second) / n,
        n=n,
        discordance=(only_first + only_second) / n,
        p_ahead=p_ahead,
        p_within=lambda margin: float(norm.cdf(tango_score(only_first, only_second, n, margin))),
        lower=lower,
        upper=lambda alpha: tango_bound(only_first, only_second, n, float(norm.ppf(1 - alpha))),
    )


def _exact_ahead(only_first: int, only_second: int) -> float:
    """P(at least ``only_first`` of the discordant pairs | a fair coin)."""
    total = only_first + only_second
    return float(binom.sf(only_first - 1, total, 0.5)) if total else 1.0


def tango_score(b: int, c: int, n: int, delta: float) -> float:
    """Tango's z for the paired difference b/n - c/n against ``delta``.

    z = (b - c - n delta) / sqrt(n (2 q + delta (1 - delta))), where q is the maximum-likelihood share
    of the second kind of discordance given the difference ``delta``.
    """
    first = 2.0 * n
    second = -b - c + (2.0 * n - b + c) * delta
    third = -c * delta * (1.0 - delta)
    q = (math.sqrt(max(second * second - 4 * first * third, 0.0)) - second) / (2 * first)
    variance = n * (2.0 * q + delta * (1.0 - delta))
    gap = b - c - n * delta
    if variance <= 1e-12:
        return 0.0 if abs(gap) < 1e-12 else math.copysign(math.inf, gap)
    return gap / math.sqrt(variance)


def tango_bound(b: int, c: int, n: int, z: float) -> float:
    """The delta at which Tango's score equals -z: an upper bound for z > 0, a lower for z < 0."""
    low, high = -1.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if tango_score(b, c, n, middle) > -z:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def paired_draws(difference: float, draws: FloatArray, n: int, spread: float) -> Paired:
    """Compare by a paired bootstrap: ``draws`` are resampled differences, ``spread`` their
    per-example second moment. p-values are shares of draws with the usual +1 (Davison, Hinkley);
    bounds are the draws at which these p-values cross alpha."""
    total = len(draws) + 1
    ordered = np.sort(draws)

    def beyond(alpha: float) -> int:
        """Draws that may lie beyond a bound at level alpha."""
        return max(math.floor(alpha * total) - 1, 0)

    return Paired(
        difference=difference,
        n=n,
        discordance=spread,
        p_ahead=(1 + int(np.sum(draws <= 0))) / total,
        p_within=lambda margin: (1 + int(np.sum(draws >= margin))) / total,
        lower=lambda alpha: float(ordered[beyond(alpha)]),
        upper=lambda alpha: float(ordered[-1 - beyond(alpha)]),
    )


@dataclass(frozen=True, slots=True)
class Adjusted:
    """Holm's result for one hypothesis."""

    p: float
    """Adjusted p."""
    level: float
    """The level at which this hypothesis was tested; bounds at it agree with the decision."""
    rejected: bool


def holm(p_values: Sequence[float], alpha: float) -> list[Adjusted]:
    """Holm's step-down procedure (Scandinavian Journal of Statistics 6, 1979).

    The k-th smallest of m p-values is tested at alpha / (m - k + 1); the first that fails ends it.
    Hypotheses that are not rejected share the level of the step that failed.
    """
    count = len(p_values)
    order = sorted(range(count), key=lambda i: p_values[i])
    out: dict[int, Adjusted] = {}
    running, stopped = 0.0, 0.0
    for step, index in enumerate(order):
        running = max(running, min(1.0, (count - step) * p_values[index]))
        level = stopped or alpha / (count - step)
        rejected = not stopped and p_values[index] <= level
        if not rejected and not stopped:
            stopped = level
        out[index] = Adjusted(running, level, rejected)
    return [out[index] for index in range(count)]


def detectable(n: int, discordance: float, alpha: float) -> float:
    """The smallest true difference found with 80 % power by a one-sided paired test.

    delta = (z_alpha + z_power) sqrt((discordance - delta^2) / n), solved for delta (Connor 1987).
    """
    z = float(norm.ppf(1 - alpha) + norm.ppf(POWER))
    return z * math.sqrt(discordance / (n + z * z)) if n else math.inf


def examples_for(difference: float, discordance: float, alpha: float) -> int:
    """Examples after which a true ``difference`` would be found with 80 % power."""
    if difference <= 0:
        return 0
    z = float(norm.ppf(1 - alpha) + norm.ppf(POWER))
    return math.ceil(z * z * max(discordance - difference**2, 0.0) / difference**2)
