"""How far annotators agree beyond chance: Cohen's kappa of two, Fleiss' kappa of many.

Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological Measurement 20 (1960);
Fleiss, "Measuring nominal scale agreement among many raters", Psychological Bulletin 76 (1971), here with as
many ratings as each item has. Intervals are the jackknife's over items (Miller, "The jackknife: a review",
Biometrika 61, 1974), since items, not ratings, are independent. Knows rows and outputs by number only.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import norm

from whet.evaluate.stats import Interval, wilson

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]

Ratings = Sequence[Mapping[str, int]]
"""For each item: annotator to the number of the output that they gave."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two annotators on the items that both have rated."""

    first: str
    second: str
    agreement: Interval
    """Share of the items on which they say the same, with Wilson's interval."""
    kappa: Interval
    """Cohen's kappa, at most 1; nan where chance alone would make them agree on everything."""


def pairs_of(ratings: Ratings) -> list[Pair]:
    """Every two annotators who share an item, those who share most first."""
    shared: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for item in ratings:
        for one, other in combinations(sorted(item), 2):
            shared[one, other].append((item[one], item[other]))
    found = []
    for one, other in sorted(shared, key=lambda names: (-len(shared[names]), names)):
        first, second = np.array(shared[one, other]).T
        agreed = int((first == second).sum())
        found.append(Pair(one, other, wilson(agreed, len(first)), cohen(first, second)))
    return found


def cohen(first: IntArray, second: IntArray) -> Interval:
    """kappa = (p_o - p_e) / (1 - p_e): p_o is the share agreed on, p_e what the two margins give by chance.

    Args:
        first, second: the outputs that the two gave to the same n items [n].
    """
    n, width = len(first), int(max(first.max(), second.max())) + 1
    a, b = np.bincount(first, minlength=width), np.bincount(second, minlength=width)
    same = first == second
    whole = _beyond(same.mean(), (a * b).sum() / n**2)
    if n < 2:
        return _interval(float(whole), np.empty(0), n)
    without = (a * b).sum() - b[first] - a[second] + same
    return _interval(float(whole), _beyond((same.sum() - same) / (n - 1), without / (n - 1) ** 2), n)


def fleiss(ratings: Ratings) -> Interval:
    """Fleiss' kappa over the n items with two ratings at least.

    The agreement of an item is the share of its pairs of ratings that say the same; chance is the sum of the
    squared shares that the outputs have among all ratings.
    """
    items = [list(item.values()) for item in ratings if len(item) > 1]
    n, size = len(items), np.array([len(item) for item in items])
    given = np.stack([np.repeat(np.arange(n), size), [value for item in items for value in item]], axis=1)
    cells, times = np.unique(given, axis=0, return_counts=True)
    item, value = cells.T
    squares = np.bincount(item, times**2, n)
    agreed = (squares - size) / (size * (size - 1))
    totals, total = np.bincount(value, times), size.sum()
    whole = _beyond(agreed.mean(), (totals**2).sum() / total**2)
    if n < 2:
        return _interval(float(whole), np.empty(0), n)
    without = (totals**2).sum() - 2 * np.bincount(item, totals[value] * times, n) + squares
    chance = without / (total - size) ** 2
    return _interval(float(whole), _beyond((agreed.sum() - agreed) / (n - 1), chance), n)


def _beyond(agreed: FloatArray, chance: FloatArray) -> FloatArray:
    """The share of what chance leaves open; nan where it leaves nothing."""
    agreed, chance = np.asarray(agreed, float), np.asarray(chance, float)
    open_ = 1 - chance
    return np.divide(agreed - chance, open_, out=np.full_like(open_, np.nan), where=open_ > 1e-12)


def _interval(value: float, without: FloatArray, n: int, alpha: float = 0.05) -> Interval:
    """Value -+ z times the jackknife's standard error, from the values without one item each [n]."""
    known = without[~np.isnan(without)]
    if len(known) < 2 or math.isnan(value):
        return Interval(value, -1.0, 1.0, n)
    error = math.sqrt((len(known) - 1) * float(known.var()))
    half = float(norm.ppf(1 - alpha / 2)) * error
    return Interval(value, max(-1.0, value - half), min(1.0, value + half), n)
