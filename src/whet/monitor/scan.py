"""Has a signal moved, and since when: a scan over the last week that knows how little its reference knows.

    reference rows -> baseline (mean, daily cycle, noise) -> every stretch of hours up to a week -> z -> limit

For each hour the mean of every stretch that ends there (1, 2, 3 ... 168 hours) is held against what the
baseline says of those hours of the day. It is the window-limited generalised likelihood-ratio form of CUSUM
(Lai, Statistica Sinica 8, 1998): no size of shift has to be named beforehand, and the best stretch says since
when. The variance of a difference has four parts, and leaving one out is how false alarms are made:

    1/n of the stretch, the error of the baseline itself, what hours differ among themselves, what days do

How far is too far, ``whet.monitor.level`` says. Pure functions of numbers: it knows no table and no request.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import fdtrc, ndtri

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]

DAY, WEEK = 24, 168  # hours
LENGTHS = np.array([1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48, 72, 96, 120, 144, 168])
"""Stretches, in hours: nearly geometric, so that every change has one close to it."""
HARMONICS = 3
"""Waves of the daily cycle: once, twice, three times a day. What they miss counts as noise between hours."""
CYCLE = 0.5
"""How large the wave of once a day may be, in standard deviations, where the reference does not show it (a
ridge prior); that of k times a day is k times smaller."""
SHARE_CYCLE = 1.0
"""The same of a share, in shares: what is asked mainly at one time of the day swings by all of its mean."""
UNEVEN = 0.1
"""How large the daily wave of a row's variance may be, beside its mean, before it is seen."""
LEAST = 20  # rows of a stretch that can tell anything
ENOUGH = 5  # rows of an hour whose mean can be held against its neighbour's
MEDIAN_OF_SQUARE = 0.4549  # of a standard normal variable


@dataclass(frozen=True, slots=True)
class Baseline:
    """What signals are when nothing has changed [signals], from n reference rows."""

    share: NDArray[np.bool_]
    """Whether a signal is a share of rows (0 or 1 each), or a mean of scores."""
    coefficients: Floats
    """[signals, waves]"""
    error: Floats
    """Covariance of the coefficients for a variance of one [signals, waves, waves]."""
    deviation: Floats
    """Of one row, around the daily cycle."""
    uneven: Floats
    """How a row's variance goes over the day, 1 on average [signals, waves]: what moves with the day is most
    often spread with it, and hours with more spread would cry wolf. Of a share, it follows from the share."""
    hourly: Floats
    """Variance of what is common to the rows of one hour, for a row's variance of one."""
    daily: Floats
    """The same, of one day."""
    rows: Floats
    """How many reference rows have the signal."""


def waves(hours: Floats) -> Floats:
    """1 and the sines and cosines of the daily cycle [..., waves], of hours since any midnight (UTC)."""
    turns = 2 * np.pi * hours[..., None] / DAY * np.arange(1, HARMONICS + 1)
    return np.concatenate([np.ones((*hours.shape, 1)), np.sin(turns), np.cos(turns)], axis=-1)


def prior_of(cycle: float = CYCLE) -> Floats:
    """Precision of each coefficient before anything is seen [waves], for a row's variance of one."""
    each = (np.arange(1, HARMONICS + 1) / cycle) ** 2
    return np.concatenate([[0.0], each, each])


def scores(values: Floats, reference: Floats) -> Floats:
    """Normal scores of values by their rank in a sorted reference (van der Waerden 1952).

    Whatever a signal's distribution, its scores have a mean of about 0 and a deviation of about 1 where
    nothing has changed, and one wild value cannot carry a mean away. Ties share their rank; NaN stays.
    """
    left = np.searchsorted(reference, values, "left")
    if (np.diff(reference) == 0).any():
        below = left + np.searchsorted(reference, values, "right")
    else:  # without ties, one search is enough
        below = 2 * left + (reference[np.minimum(left, len(reference) - 1)] == values)
    ranks = (np.arange(2 * len(reference) + 1) / 2 + 0.5) / (len(reference) + 1)
    return np.where(np.isnan(values), np.nan, ndtri(ranks)[below])


def baseline(values: Floats, hours: Floats, share: Sequence[bool] | NDArray[np.bool_]) -> Baseline:
    """Fit mean, cycle and noise of signals.

    Args:
        values: reference rows [rows, signals]: scores, or 0 and 1; NaN where a row has none.
        hours: when each row was, in hours since a midnight [rows].
        share: which signals are shares.
    """
    fits = [_fit(column, hours, bool(part)) for column, part in zip(values.T, share, strict=True)]
    parts = (np.array(part) for part in zip(*fits, strict=True))
    return Baseline(np.asarray(share, bool), *parts)


def _fit(column: Floats, hours: Floats, share: bool) -> tuple[Floats | float, ...]:
    """The fields of a baseline, after the first, of one signal."""
    known = ~np.isnan(column)
    y, x = column[known], waves(hours[known])
    part = min(max(float(y.mean()), 0.5 / (len(y) + 1)), 0.5)
    # of a rare label half a deviation would be many times the share itself
    prior = np.diag(prior_of(SHARE_CYCLE * float(np.sqrt(part / (1 - part))) if share else CYCLE))
    error = np.linalg.inv(x.T @ x + prior + 1e-9 * np.eye(x.shape[1]))
    mean = error @ (x.T @ y)
    left = y - x @ mean
    variance = max(float(left @ left) / max(len(y) - x.shape[1], 1), 1e-12)
    at = np.floor(hours[known]).astype(np.int64)
    hourly, in_hours = _between(left, at, variance)
    daily, in_days = _between(left, at // DAY, variance)
    daily = max(daily - hourly * in_hours / max(in_days, 1.0), 0.0)
    inflated = 1.0 + hourly * in_hours + daily * in_days
    uneven = np.eye(x.shape[1])[0]
    if not share:
        uneven = np.linalg.solve(x.T @ x + np.diag(2 * prior_of(UNEVEN)), x.T @ (left**2 / variance))
    return mean, error * inflated, float(np.sqrt(variance)), uneven, hourly, daily, float(len(y))


def _between(left: Floats, group: NDArray[np.int64], variance: float) -> tuple[float, float]:
    """Variance between groups, in units of ``variance``, by the analysis of variance; and the size of the
    group that a row stands in, on average."""
    _, index, sizes = np.unique(group, return_inverse=True, return_counts=True)
    rows, groups = len(left), len(sizes)
    typical = float(sizes @ sizes) / rows
    if groups < 3 or rows <= groups:
        return 0.0, typical
    means = np.bincount(index, left) / sizes
    within = float(left @ left - sizes @ means**2) / (rows - groups)
    among = float(sizes @ (means - left.mean()) ** 2) / (groups - 1)
    spread = (rows - typical) / (groups - 1)
    if within <= 0 or fdtrc(groups - 1, rows - groups, among / within) > 0.05:
        return 0.0, typical  # no more than chance makes; counting it would cost hours of delay
    return (among - within) / spread / variance, typical


@dataclass(frozen=True, slots=True)
class Scan:
    """How far every stretch stands from the baseline, in standard deviations [signals, lengths, hours]."""

    z: Floats
    """Positive: more than the baseline; NaN: too few rows, or the stretch would begin before the first
    hour."""
    mean: Floats
    """What the stretch has."""
    expected: Floats
    """What the baseline says of it."""

    def greatest(self) -> Floats:
        """Of the stretches that end at each hour, the largest distance [signals, hours]; 0 where none can
        tell."""
        return np.asarray(np.nan_to_num(np.abs(self.z), nan=0.0).max(axis=1))

    def since(self, signal: int, hour: int) -> int:
        """The hour at which the stretch begins that tells most of a signal at an hour."""
        best = int(np.nanargmax(np.abs(self.z[signal, :, hour])))
        return hour - int(LENGTHS[best]) + 1


def scan(known: Baseline, sums: Floats, counts: Floats, hours: Floats) -> Scan:
    """Hold every stretch of hours against the baseline.

    Args:
        sums: of each signal in each hour [signals, hours].
        counts: rows that have the signal [signals, hours].
        hours: since a midnight, the middle of each hour [hours], without gaps.
    """
    counts = counts[:1] if (counts == counts[:1]).all() else counts  # most often every row has all signals
    n = stretches(counts)
    few = n < LEAST
    n = np.where(few, 1.0, n)
    mean = stretches(sums) / n
    shape = stretches(counts[..., None] * waves(hours), axis=1) / n[..., None]
    expected = (shape @ known.coefficients[:, None, :, None])[..., 0]
    reference = ((shape @ known.error[:, None]) * shape).sum(axis=-1)
    hourly, daily = _restless(known, sums, counts, hours)
    bursts = hourly[:, None] * stretches(counts**2) / n**2
    days = daily[:, None] / np.maximum(LENGTHS / DAY, 1.0)[None, :, None]
    spread = np.clip(known.uneven @ waves(hours).T, 0.5, 2.0)
    now = stretches(counts * spread) / n**2 + bursts + days
    z = (mean - expected) / (known.deviation[:, None, None] * np.sqrt(now + reference))
    if known.share.any():
        part = known.share
        noise = np.broadcast_to(now, z.shape)[part]
        z[part] = _of_shares(mean[part], expected[part], noise, reference[part], known.rows[part])
    return Scan(np.where(few | _before(len(hours)), np.nan, z), mean, expected)


def _restless(known: Baseline, sums: Floats, counts: Floats, hours: Floats) -> tuple[Floats, Floats]:
    """What hours and days differ among themselves, as known by the end of each hour [signals, hours].

    From the stream itself, once it is a day old (four for days): neighbours differ by noise alone, however
    far all of them have moved from the baseline. Of hours the mean square of successive differences (von
    Neumann 1941), of days the median, which one jump does not carry away; the reference has its say on days.
    """
    expected = known.coefficients @ waves(hours).T
    square, noise = _neighbours(known, expected, sums, counts)
    known_by = np.cumsum(~np.isnan(square), axis=1)
    spread = np.cumsum(np.nan_to_num(square - noise), axis=1) / 2 / np.maximum(known_by, 1)
    hourly = np.where(known_by >= DAY, np.maximum(spread, 0.0), known.hourly[:, None])
    hourly = np.concatenate([known.hourly[:, None], hourly], axis=1)[:, : len(hours)]
    daily = np.tile(known.daily[:, None], (1, len(hours)))
    whole = len(hours) // DAY
    days = [
        array[:, : whole * DAY].reshape(len(array), whole, DAY) for array in (counts * expected, sums, counts)
    ]
    usual, sums, counts = (array.sum(axis=2) for array in days)
    square, noise = _neighbours(known, usual / np.maximum(counts, 1.0), sums, counts)
    for day in range(4, whole + 1):
        told = (~np.isnan(square[:, : day - 1])).sum(axis=1) >= 3
        middle = np.nanmedian(square[told, : day - 1], axis=1) / MEDIAN_OF_SQUARE
        found = (middle - np.nanmean(noise[told, : day - 1], axis=1)) / 2 - hourly[told, day * DAY - 1] / DAY
        daily[told, day * DAY :] = np.maximum(found, known.daily[told])[:, None]
    return hourly, daily


def _neighbours(known: Baseline, expected: Floats, sums: Floats, counts: Floats) -> tuple[Floats, Floats]:
    """Squared differences of neighbouring means, beyond the daily cycle, for a row's variance of one, and
    what rows alone make of them; NaN: too few rows. A share's variance is that of where it stands by now."""
    enough = counts >= ENOUGH
    mean = np.where(enough, sums / np.maximum(counts, 1.0), np.nan)
    noise = np.where(enough, 1.0 / np.maximum(counts, 1.0), np.nan)
    rows = counts[:, 1:] + counts[:, :-1]
    now = (sums[:, 1:] + sums[:, :-1] + 0.5) / (rows + 1.0)
    variance = np.where(known.share[:, None], now * (1 - now), known.deviation[:, None] ** 2)
    square = np.diff(mean - expected, axis=1) ** 2 / variance
    return square, np.broadcast_to(noise[:, 1:] + noise[:, :-1], square.shape)


def stretches(values: Floats, axis: int = -1) -> Floats:
    """Sums over the stretches that end at each hour: [..., hours, ...] -> [..., lengths, hours, ...]."""
    total = np.cumsum(np.moveaxis(values, axis, 0), axis=0)
    total = np.concatenate([np.zeros((1, *total.shape[1:])), total])
    ends = np.arange(1, len(total))
    found = total[ends] - total[np.maximum(ends - LENGTHS[:, None], 0)]  # [lengths, hours, ...]
    return np.moveaxis(found, (0, 1), (axis - 1, axis) if axis < 0 else (axis, axis + 1))


def _before(hours: int) -> NDArray[np.bool_]:
    """Stretches that would begin before the first hour [1, lengths, hours]."""
    return np.asarray((np.arange(hours) - LENGTHS[:, None] + 1 < 0)[None])


def _of_shares(mean: Floats, expected: Floats, now: Floats, reference: Floats, rows: Floats) -> Floats:
    """Signed root of the likelihood ratio of two shares, each moved half a row towards the other.

    Rare labels have long tails, on which a difference of means would call wolf; the signed root with its
    correction follows the exact tail down to a few rows. The rows that count are those that would have the
    variances ``now`` and ``reference``.
    """
    n1, n0 = 1.0 / now, 1.0 / np.maximum(reference, 1e-12)
    least = 0.5 / (rows[:, None, None] + 1.0)
    p0 = np.clip(expected, least, 1.0 - least)
    gap = mean - p0
    p1 = p0 + np.sign(gap) * np.maximum(np.abs(gap) - 0.5 / n1, 0.0)
    p1 = np.clip(p1, 0.0, 1.0)
    both = (n1 * p1 + n0 * p0) / (n1 + n0)
    ratio = n1 * _divergence(p1, both) + n0 * _divergence(p0, both)
    return np.asarray(np.sign(gap) * np.sqrt(2.0 * np.maximum(ratio, 0.0)))


def _divergence(p: Floats, q: Floats) -> Floats:
    """Kullback-Leibler divergence of two shares; q is never 0 or 1."""
    tiny = 1e-300
    return np.asarray(
        p * np.log(np.maximum(p, tiny) / q) + (1 - p) * np.log(np.maximum(1 - p, tiny) / (1 - q))
    )
