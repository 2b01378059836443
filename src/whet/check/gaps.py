"""Outcome rates of groups against the rest: exact tests, one correction over all, intervals, and power.

Fisher's exact test given the totals; Holm over every group and label; Newcombe's interval of the difference
at the level that Holm tested it at. Groups and labels too small for any test to speak are left out by their
totals alone, which such a test is conditioned on anyway. Knows rows and labels, not what a group is.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import hypergeom, norm

from whet.evaluate.stats import POWER, Interval, holm, wilson

if TYPE_CHECKING:
    from numpy.typing import NDArray

    BoolArray = NDArray[np.bool_]
    Counts = NDArray[np.int64]

ALPHA = 0.05
GROUP, LABEL = 20, 5
"""Distinct rows that a group, and a label, need to be compared."""
EFFECT = 0.1
"""Cohen's h under which a difference is not worth a word, however sure: half of what he calls small."""


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that belong together, and those that they are compared with."""

    kind: str
    """The column, or the kind of identity: ``religion``."""
    name: str
    inside: BoolArray
    """Rows of the group [n]."""
    rest: BoolArray
    """Rows that they are compared with [n]."""
    named: bool
    """Whether the task names it, by a column."""

    @property
    def words(self) -> str:
        return f"{self.kind} = {self.name}" if self.named else f"a mention of {self.name}"


@dataclass(frozen=True, slots=True)
class Gap:
    """One outcome in one group against the rest."""

    group: Group
    label: str
    counts: tuple[int, int, int, int]
    """With the label and all, in the group; with the label and all, in the rest."""
    p: float
    """Fisher's exact test, two-sided by doubling."""
    adjusted: float = 1.0
    """Holm's p over all that were compared."""
    level: float = ALPHA
    """The level at which Holm tested it."""

    @property
    def interval(self) -> Interval:
        """Difference of the rates, group minus rest, at the level it was tested at."""
        return newcombe(*self.counts, alpha=self.level)

    @property
    def effect(self) -> float:
        """Cohen's h."""
        k, n, rest_k, rest_n = self.counts
        return 2 * math.asin(math.sqrt(k / n)) - 2 * math.asin(math.sqrt(rest_k / rest_n))

    @property
    def stands(self) -> bool:
        return self.adjusted <= ALPHA and abs(self.effect) >= EFFECT


def newcombe(k: int, n: int, rest_k: int, rest_n: int, *, alpha: float) -> Interval:
    """Interval of k / n - rest_k / rest_n: Newcombe, Statistics in Medicine 17 (1998), method 10."""
    first, second = wilson(k, n, alpha), wilson(rest_k, rest_n, alpha)
    gap = first.value - second.value
    low = gap - math.hypot(first.value - first.low, second.high - second.value)
    high = gap + math.hypot(first.high - first.value, second.value - second.low)
    return Interval(gap, low, high, n + rest_n)


def compared(groups: Sequence[Group], given: Sequence[frozenset[str]], counted: BoolArray) -> list[Gap]:
    """Every outcome in every group against the rest, with Holm's correction over all of them.

    Args:
        groups: who is compared.
        given: the labels of each row [n].
        counted: which rows count [n].
    """
    rows = np.flatnonzero(counted)
    labels = _labels([given[row] for row in rows.tolist()])
    place = {label: index for index, label in enumerate(labels)}
    pairs = [(row, place[label]) for row in rows.tolist() for label in given[row] if label in place]
    table = np.array(pairs, np.int64).reshape(-1, 2)
    gaps = [gap for group in groups for gap in _against_rest(group, labels, rows, table)]
    corrected = holm([gap.p for gap in gaps], ALPHA)
    return [replace(gap, adjusted=c.p, level=c.level) for gap, c in zip(gaps, corrected, strict=True)]


def _labels(given: Sequence[frozenset[str]]) -> list[str]:
    """Labels frequent enough to be compared; of two that exclude each other, the rarer says it all."""
    totals = Counter(label for labels in given for label in labels)
    often = sorted((label for label, count in totals.items() if count >= LABEL), key=lambda x: (totals[x], x))
    mirrored = len(totals) == 2 and all(len(labels) == 1 for labels in given)
    return often[:1] if mirrored else sorted(often)


def _against_rest(group: Group, labels: Sequence[str], rows: Counts, table: Counts) -> list[Gap]:
    """One group's outcomes, uncorrected; ``table`` holds pairs of row and label [m, 2]."""
    n, rest_n = int(group.inside[rows].sum()), int(group.rest[rows].sum())
    if min(n, rest_n) < GROUP:
        return []
    owner, column = table.T
    k = np.bincount(column[group.inside[owner]], minlength=len(labels))
    rest_k = np.bincount(column[group.rest[owner]], minlength=len(labels))
    p = fisher(k, n, rest_k, rest_n)
    return [
        Gap(group, labels[at], (int(k[at]), n, int(rest_k[at]), rest_n), float(p[at]))
        for at in np.flatnonzero(k + rest_k >= LABEL).tolist()
    ]


def fisher(k: Counts, n: int, rest_k: Counts, rest_n: int) -> NDArray[np.float64]:
    """Exact p of equal rates given the totals: twice the smaller tail of the hypergeometric [labels]."""
    total = k + rest_k
    low = hypergeom.cdf(k, n + rest_n, total, n)
    high = hypergeom.sf(k - 1, n + rest_n, total, n)
    return np.asarray(np.minimum(1.0, 2 * np.minimum(low, high)))


def detectable(gap: Gap, tests: int) -> float:
    """The smallest difference found with 80 % power, if this were tested first in Holm's order."""
    k, n, rest_k, rest_n = gap.counts
    rate = (k + rest_k) / (n + rest_n)
    z = float(norm.ppf(1 - ALPHA / (2 * tests)) + norm.ppf(POWER))
    return z * math.sqrt(rate * (1 - rate) * (1 / n + 1 / rest_n))
