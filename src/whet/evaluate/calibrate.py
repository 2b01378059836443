"""Whether a stated confidence can be believed: calibration, and what a threshold on it promises.

Everything is a function of confidences [n] in 0..1 and of which answers were right [n], or of scores per
label. Knows no model. Sources: temperature scaling, Guo and others (ICML 2017, arXiv 1706.04599); equal-mass
bins, Nguyen and O'Connor (EMNLP 2015); a fixed sequence of tests with several starts, Angelopoulos and
others, *Learn then Test* (arXiv 2110.01052), with exact binomial tests.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit
from scipy.stats import binom

from whet.evaluate.stats import Interval, bootstrap_means, percentile_interval, wilson

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]

BINS = 15
RESAMPLES = 1000
SPAN = (-4.0, 4.0)  # of log temperature: 0.018 to 55
EDGE = 1e-6
STARTS = (10, 30, 50, 70, 90)  # hundredths of the traffic, where sequences of tests begin


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers of like confidence."""

    confidence: float
    """Mean of what was stated."""
    right: Interval
    """Share of right answers."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """Answers of at least this confidence go out without a person."""

    confidence: float
    share: float
    """Of the traffic that goes out; the rest goes to a person."""
    precision: Interval
    """Share of right answers among them."""


def temperature(scores: ArrayLike, truth: ArrayLike) -> float:
    """The T that makes softmax(scores / T) most likely.

    Args:
        scores: logits [n, labels] of examples that the model has not learned.
        truth: place of the right label [n].
    """
    logits, places = np.asarray(scores, float), np.asarray(truth, int)
    logits = logits - logits.max(axis=1, keepdims=True)
    own = logits[np.arange(len(places)), places]

    def loss(log_t: float) -> float:
        scale = math.exp(-log_t)
        return float(np.mean(np.log(np.exp(logits * scale).sum(axis=1)) - own * scale))

    return math.exp(minimize_scalar(loss, bounds=SPAN, method="bounded").x)


def temperature_of(confidence: ArrayLike, right: ArrayLike) -> float:
    """The same where only the confidence of an answer is known: of its log odds."""
    odds, truth = log_odds(confidence), np.asarray(right, float)

    def loss(log_t: float) -> float:
        scaled = odds * math.exp(-log_t)
        return float(np.mean(np.logaddexp(0.0, scaled) - truth * scaled))

    return math.exp(minimize_scalar(loss, bounds=SPAN, method="bounded").x)


def tempered(confidence: ArrayLike, t: float) -> FloatArray:
    """Confidences [n] whose log odds are divided by ``t``."""
    return np.asarray(expit(log_odds(confidence) / t))


def log_odds(confidence: ArrayLike) -> FloatArray:
    p = np.clip(np.asarray(confidence, float), EDGE, 1 - EDGE)
    return np.asarray(np.log(p / (1 - p)))


def reliability(confidence: ArrayLike, right: ArrayLike, bins: int = BINS) -> list[Bin]:
    """Points of a reliability diagram: bins of equally many answers, least sure first."""
    p, ok = np.asarray(confidence, float), np.asarray(right, float)
    parts = np.array_split(np.argsort(p, kind="stable"), min(bins, max(1, len(p))))
    return [Bin(float(p[part].mean()), wilson(int(ok[part].sum()), len(part))) for part in parts if len(part)]


def ece(confidence: ArrayLike, right: ArrayLike, bins: int = BINS) -> float:
    """Expected calibration error over equal-mass bins: sum of n_b / n |share right - mean confidence|."""
    p, ok = np.asarray(confidence, float), np.asarray(right, float)
    return float(_errors(p[None], ok[None], bins)[0])


def _errors(p: FloatArray, ok: FloatArray, bins: int) -> FloatArray:
    """ECE of each row of [rows, n]."""
    order = np.argsort(p, axis=1, kind="stable")
    gap = np.take_along_axis(ok - p, order, axis=1)
    edges = np.linspace(0, p.shape[1], min(bins, p.shape[1]) + 1).astype(int)[:-1]
    return np.asarray(np.abs(np.add.reduceat(gap, edges, axis=1)).sum(axis=1) / p.shape[1])


def ece_interval(confidence: ArrayLike, right: ArrayLike, bins: int = BINS, seed: int = 0) -> Interval:
    """ECE with a 95 % percentile interval of the bootstrap over examples.

    A resample has more noise in each bin than the sample, so that both ends err upward: the interval is
    conservative where a low error is to be shown. ``ece_by_chance`` tells the part that is noise.
    """
    p, ok = np.asarray(confidence, float), np.asarray(right, float)
    value = ece(p, ok, bins)
    picks = np.random.default_rng(seed).integers(0, len(p), size=(RESAMPLES, len(p)))
    draws = np.concatenate([_errors(p[part], ok[part], bins) for part in np.array_split(picks, 10)])
    found = percentile_interval(value, draws, len(p))
    return Interval(value, min(found.low, value), max(found.high, value), len(p))


def ece_by_chance(confidence: ArrayLike, bins: int = BINS, seed: int = 0) -> float:
    """The ECE that a perfectly honest model with these confidences shows on so many examples, on average."""
    p = np.asarray(confidence, float)
    ok = (np.random.default_rng(seed).random((200, len(p))) < p).astype(float)
    return float(_errors(np.broadcast_to(p, ok.shape), ok, bins).mean())


def brier(confidence: ArrayLike, right: ArrayLike, seed: int = 0) -> Interval:
    """Mean squared difference of the stated confidence and 1 or 0 (Brier 1950), of the answer given."""
    squared = (np.asarray(confidence, float) - np.asarray(right, float)) ** 2
    return percentile_interval(float(squared.mean()), bootstrap_means(squared, seed), len(squared))


def risk_coverage(confidence: ArrayLike, right: ArrayLike, points: int = 50) -> list[tuple[float, float]]:
    """(share of the traffic that is answered, share of wrong among them), the surest first."""
    p, ok = np.asarray(confidence, float), np.asarray(right, float)
    wrong = np.cumsum(1 - ok[np.argsort(-p, kind="stable")])
    n = len(p)
    ends = sorted({max(1, round(n * k / points)) for k in range(1, points + 1)})
    return [(end / n, float(wrong[end - 1] / end)) for end in ends]


def coverage_at(confidence: ArrayLike, right: ArrayLike, precision: float) -> float:
    """The largest share of the traffic that has this precision in these very examples: no promise for
    others, as the threshold was chosen by looking."""
    p, ok = np.asarray(confidence, float), np.asarray(right, float)
    ordered = ok[np.argsort(-p, kind="stable")]
    good = np.flatnonzero(np.cumsum(ordered) >= precision * np.arange(1, len(p) + 1) - 1e-9)
    return float((good[-1] + 1) / len(p)) if len(good) else 0.0


def threshold_for(
    confidence: ArrayLike, right: ArrayLike, precision: float, alpha: float = 0.05
) -> Threshold | None:
    """The lowest threshold whose precision is at least ``precision``, with error at most ``alpha``.

    The traffic is cut at every hundredth; from each of five starts the tests go on towards more traffic
    for as long as the exact binomial test at alpha / 5 says that the precision holds. So the promise is
    true although the best of many thresholds is taken. None: no threshold can be promised.
    """
    p, ok = np.asarray(confidence, float), np.asarray(right, float)
    if not len(p):
        return None
    ordered = np.sort(p)[::-1]
    found: Threshold | None = None
    for start in STARTS:
        for hundredths in range(start, 101):
            cut = float(ordered[max(0, -(-hundredths * len(p) // 100) - 1)])
            inside = p >= cut
            n, good = int(inside.sum()), int(ok[inside].sum())
            if binom.cdf(n - good, n, 1 - precision) > alpha / len(STARTS):
                break
            if found is None or n / len(p) > found.share:
                found = Threshold(cut, n / len(p), wilson(good, n))
    return found


def examples_for_precision(precision: float, observed: float, alpha: float = 0.05) -> int:
    """Answers above a threshold after which a true precision ``observed`` would be shown to be at least
    ``precision`` (normal approximation, 80 % power); 0 where it is not above."""
    if observed <= precision:
        return 0
    floor = math.ceil(math.log(alpha / len(STARTS)) / math.log(precision))
    spread = 2.58 * math.sqrt(precision * (1 - precision)) + 0.84 * math.sqrt(observed * (1 - observed))
    return max(floor, math.ceil((spread / (observed - precision)) ** 2))


def conformal_cut(scores: ArrayLike, alpha: float = 0.1) -> float:
    """Split conformal: the (1 - alpha)(n + 1)-th smallest score of the calibration examples.

    A label belongs to the set where its score is at most this; the score is 1 - its probability. Sets hold
    the right label with probability 1 - alpha or more (Vovk; Sadinle, Lei and Wasserman 2019).
    """
    ordered = np.sort(np.asarray(scores, float))
    at = math.ceil((len(ordered) + 1) * (1 - alpha))
    return float(ordered[at - 1]) if at <= len(ordered) else math.inf


def conformal_sets(probabilities: ArrayLike, cut: float) -> list[tuple[int, ...]]:
    """Places of the labels in each example's set; never empty: the likeliest is always in it."""
    table = np.asarray(probabilities, float)
    inside = 1 - table <= cut
    inside[np.arange(len(table)), table.argmax(axis=1)] = True
    return [tuple(np.flatnonzero(row).tolist()) for row in inside]


@dataclass(frozen=True, slots=True)
class Resplit:
    """Conformal sets over many halves of the same examples."""

    coverage: Interval
    """Mean, and the middle 95 % of the resplits."""
    size: float
    """Labels in a set, on average."""


def resplit(
    probabilities: ArrayLike, truth: Sequence[int], *, alpha: float = 0.1, times: int = 200, seed: int = 0
) -> Resplit:
    """Calibrate on one half, look at the other, many times; coverage counts only what conformity gives."""
    table, places = np.asarray(probabilities, float), np.asarray(truth, int)
    rng, n = np.random.default_rng(seed), len(places)
    own = 1 - table[np.arange(n), places]
    covered, sizes = np.zeros(times), np.zeros(times)
    for time in range(times):
        order = rng.permutation(n)
        half, rest = order[: n // 2], order[n // 2 :]
        cut = conformal_cut(own[half], alpha)
        covered[time] = (own[rest] <= cut).mean()
        sizes[time] = np.maximum((1 - table[rest] <= cut).sum(axis=1), 1).mean()
    low, high = np.quantile(covered, [0.025, 0.975])
    return Resplit(Interval(float(covered.mean()), float(low), float(high), n), float(sizes.mean()))
