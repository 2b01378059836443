"""Which labels look wrong, and how much of the data is noise: confident learning on held-out probabilities.

Northcutt, Jiang, Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", JAIR 70 (2021).
A row counts for a label when its held-out probability reaches the mean that the label's own rows have;
rows that count for another label than they carry are the off-diagonal of the confident joint, and estimate
the noise. As many rows as it says are flagged, by normalised margin. Two things are added: to count for
another label, a row must find it ``ODDS`` times as probable as its own, and labels of fewer than ``LEAST``
rows are not judged; without them, 1,000 rows of 77 labels gave more false alarms than finds
(``docs/proofs/tried.md``).

Probabilities are the mean of a logistic head and the votes of the nearest neighbours, both in five-fold
cross-validation in which near-duplicates keep to one fold, so that a copy cannot vouch for a wrong label.
It does not know errors that a whole group of alike rows share: those look right.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_matrix
from scipy.special import expit, softmax

from whet.evaluate.stats import Interval, wilson
from whet.train.linear import fit_linear

if TYPE_CHECKING:
    from numpy.typing import NDArray

    BoolArray = NDArray[np.bool_]
    IntArray = NDArray[np.int64]
    Vectors = NDArray[np.float32]

FOLDS = 5
STRENGTH = 3.0
"""C of the head."""
NEIGHBOURS, WARMTH = 20, 0.1
"""A neighbour of cosine similarity s votes with weight exp(s / WARMTH)."""
ODDS = 5.0
LEAST = 10
HEAD_ROWS, VOTE_ROWS = 50_000, 20_000
"""A fold's head and votes learn from at most this many rows, drawn at random: time grows no further."""
_BLOCK = 1000


@dataclass(frozen=True, slots=True)
class Suspects:
    """What confident learning says about n rows of one label each."""

    wrong: BoolArray
    """Whether the given label looks wrong [n]: as many rows as the noise says, the largest margins first."""
    likely: IntArray
    """The most probable other label [n]."""
    margin: NDArray[np.float64]
    """The probability of ``likely`` less that of the given label, in -1..1 [n]: ranks the rows."""
    counts: IntArray
    """For each label: rows, rows that surely look like it, rows that surely look like another [labels, 3]."""

    @property
    def judged(self) -> int:
        """How many labels have enough rows to be judged."""
        return int((self.counts[:, 0] >= LEAST).sum())


def suspects(probabilities: NDArray[np.floating], given: IntArray) -> Suspects:
    """Rows whose label looks wrong.

    Args:
        probabilities: held-out probabilities [n, labels].
        given: the labels as they stand, as columns of ``probabilities`` [n].
    """
    rows = np.arange(len(given))
    counts = _joint(probabilities, given)
    enough = counts[:, 0] >= LEAST
    others = probabilities.astype(np.float64)
    others[rows, given] = -1.0
    likely = others.argmax(axis=1)
    margin = others[rows, likely] - probabilities[rows, given]
    doubtful = np.flatnonzero((margin > 0) & enough[given] & enough[likely])
    expected = noise(counts)
    surest = doubtful[np.argsort(-margin[doubtful], kind="stable")][: round(expected.value * expected.n)]
    wrong = np.zeros(len(given), bool)
    wrong[surest] = True
    return Suspects(wrong, likely, margin, counts)


def _joint(probabilities: NDArray[np.floating], given: IntArray) -> IntArray:
    """What is needed of the confident joint: ``Suspects.counts``."""
    rows, labels = np.arange(len(given)), probabilities.shape[1]
    own = probabilities[rows, given]
    total = np.bincount(given, minlength=labels)
    enough = total >= LEAST
    thresholds = np.bincount(given, weights=own, minlength=labels) / np.maximum(total, 1)
    sure = np.where((probabilities >= thresholds) & enough, probabilities, -1.0)
    looks = sure.argmax(axis=1)
    counted = (sure[rows, looks] >= 0) & enough[given]
    right = counted & (looks == given)
    wrong = counted & (looks != given) & (sure[rows, looks] >= ODDS * own)
    return np.stack([np.bincount(given[kept], minlength=labels) for kept in (rows, right, wrong)], axis=1)


def noise(counts: IntArray) -> Interval:
    """The share of wrong labels among the rows of the judged labels, with a 95 % interval.

    Each label's share is wrong / (wrong + right) among the rows that count (the calibrated joint); shares
    are weighted by the labels' rows. The interval is Wilson's at the effective sample size of that
    weighted mean. It holds the chance of this sample, not what the model gets wrong: where labels are hard
    to tell apart the estimate leans high, by one or two points (``docs/proofs/label-errors.jsonl``).

    Args:
        counts: as in ``Suspects.counts``.
    """
    kept = counts[(counts[:, 0] >= LEAST) & (counts[:, 1] + counts[:, 2] > 0)].astype(float)
    total = kept[:, 0].sum()
    if not total:
        return wilson(0, 0)
    seen = kept[:, 1] + kept[:, 2]
    share, weight = kept[:, 2] / seen, kept[:, 0] / total
    value = float(weight @ share)
    variance = float((weight**2 * share * (1 - share) / seen).sum())
    effective = value * (1 - value) / variance if variance else float(seen.sum())
    bounds = wilson(round(value * effective), round(effective))
    return Interval(value, min(bounds.low, value), max(bounds.high, value), int(total))


def held_out(
    vectors: Vectors,
    table: NDArray[np.floating],
    groups: list[int],
    *,
    several: bool,
    seed: int = 0,
    strength: float = STRENGTH,
    but: BoolArray | None = None,
) -> NDArray[np.float64]:
    """Probability of each label, for each row by models that saw neither it nor its group [n, labels].

    Args:
        vectors: unit vectors [n, dim].
        table: given labels as 0 and 1 [n, labels].
        groups: rows with equal numbers keep to one fold [n].
        several: a row may have several labels; else probabilities of a row sum to one.
        seed: of the folds.
        strength: C of the head.
        but: rows that nothing is learned from; they are answered like all others [n].
    """
    rng = np.random.default_rng(seed)
    fold = deal(groups, rng)
    found = np.zeros(table.shape)
    for number in range(FOLDS):
        held = fold == number
        rest = np.flatnonzero(~held if but is None else ~held & ~but)
        head, voters = _sample(rest, HEAD_ROWS, rng), _sample(rest, VOTE_ROWS, rng)
        linear = fit_linear(vectors[head], table[head], strength, several=several)
        logits = vectors[held] @ linear.weight.T + linear.bias
        fitted = expit(logits) if several else softmax(logits, axis=1)
        found[held] = (fitted + votes(vectors[held], vectors[voters], table[voters])) / 2
    return found


def deal(groups: list[int], rng: np.random.Generator) -> IntArray:
    """A fold for each row, whole groups together: the largest first, each to the emptiest fold."""
    _, member = np.unique(groups, return_inverse=True)
    sizes = np.bincount(member)
    order = rng.permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    fold, load = np.zeros(len(sizes), np.int64), np.zeros(FOLDS, np.int64)
    for group in order:
        fold[group] = load.argmin()
        load[fold[group]] += sizes[group]
    return np.asarray(fold[member])


def votes(vectors: Vectors, voters: Vectors, table: NDArray[np.floating]) -> NDArray[np.float64]:
    """Weighted share of each label among the nearest voters [n, labels].

    Args:
        vectors: of the rows that ask [n, dim].
        voters: of the rows that answer [m, dim].
        table: the labels of those that answer, as 0 and 1 [m, labels].
    """
    count = min(NEIGHBOURS, len(voters))
    parts = [np.zeros((0, table.shape[1]))]
    for near, similarity in nearest(vectors, voters, count):
        weights = np.exp((similarity - 1) / WARMTH)
        weights /= weights.sum(axis=1, keepdims=True)
        starts = np.arange(len(near) + 1) * count
        parts.append(csr_matrix((weights.ravel(), near.ravel(), starts), (len(near), len(voters))) @ table)
    return np.concatenate(parts)


def nearest(vectors: Vectors, among: Vectors, count: int) -> Iterator[tuple[IntArray, Vectors]]:
    """The ``count`` nearest of ``among`` and their cosines, in no order, for blocks of rows [rows, count]."""
    for start in range(0, len(vectors), _BLOCK):
        similarity = vectors[start : start + _BLOCK] @ among.T
        near = np.argpartition(similarity, -count, axis=1)[:, -count:]
        yield near, np.take_along_axis(similarity, near, axis=1)


def _sample(rows: IntArray, most: int, rng: np.random.Generator) -> IntArray:
    return rows if len(rows) <= most else np.sort(rng.choice(rows, most, replace=False))
