"""Pairs of labels that cannot be told apart, by a sentence encoder.

*Confused*: in cross-validation the head and the neighbours (``confident.held_out``) give at least two in
five rows of each label of a pair to the other, at the threshold that errs equally often both ways; half
would be pure chance. Only pairs that centroids tell apart badly are tried. *Same meaning*: the centroids of
two labels lie no farther apart than those of two random halves of both together (a permutation test), so
that the data show no difference at all. Both judge labels with enough rows only, a random sample of the
largest. It does not know what the labels mean to people.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from whet.check.confident import held_out
from whet.check.findings import Finding, Flag
from whet.check.saying import counted
from whet.data.neardup import near_groups

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from whet.check.subject import Subject, Tools

    IntArray = NDArray[np.int64]
    Vectors = NDArray[np.float32]

LEAST, MOST_A_LABEL, MOST = 20, 200, 6_000
"""Rows of a label from which it is judged, that are looked at of one label, and of all."""
CONFUSED, CLOSE, PAIRS = 0.4, 0.3, 40
"""Error between two labels from which they are confused; by centroids, to be looked at; pairs looked at."""
SHUFFLES, CHANCE = 200, 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Rows of the labels that have enough of them, with one label each."""

    rows: IntArray
    """[n] Rows of the subject."""
    given: IntArray
    """[n] Label of each, as an index into ``names``."""
    names: tuple[str, ...]
    texts: tuple[str, ...]
    """[n] The inputs."""
    vectors: Vectors
    """[n, dim] Unit vectors of the inputs."""

    def of(self, label: int) -> IntArray:
        """Places in the sample that carry a label."""
        return np.flatnonzero(self.given == label)


def sample(subject: Subject, tools: Tools) -> Sample | None:
    """The rows to judge labels by; None where there are not two labels to compare."""
    rows: dict[str, list[int]] = {}
    for row, labels in enumerate(subject.label_sets()):
        if len(labels) == 1 and subject.inputs[row].strip():
            rows.setdefault(labels[0], []).append(row)
    names = tuple(label for label, found in rows.items() if len(found) >= LEAST)
    if len(names) < 2 or tools.encode is None:
        return None
    rng = np.random.default_rng(tools.seed)
    most = max(LEAST, min(MOST_A_LABEL, MOST // len(names)))
    parts = [np.sort(rng.permutation(rows[name])[:most]) for name in names]
    chosen = np.concatenate(parts)
    given = np.repeat(np.arange(len(names)), [len(part) for part in parts])
    texts = tuple(subject.inputs[row] for row in chosen)
    return Sample(chosen, given, names, texts, tools.encode(texts))


def confused_pairs(subject: Subject, tools: Tools) -> Iterator[Finding]:
    judged = sample(subject, tools)
    if judged is None:
        return
    flags, figures = [], dict[str, float | int | str]()
    for one, other in near_pairs(judged.vectors, judged.given)[:PAIRS]:
        places = np.flatnonzero((judged.given == one) | (judged.given == other))
        odds = _held_out_odds(judged, places, other, tools.seed)
        right = judged.given[places] == other
        error = equal_error(odds[~right], odds[right])
        if error >= CONFUSED:
            figures[f"{judged.names[one]} / {judged.names[other]}"] = f"{error:.0%} given to the other"
            flags += _taken(judged, places, (odds > 0) != right, (one, other))
    if flags:
        yield Finding(
            "labelled.confused-pairs",
            "well labelled",
            "advice",
            f"The data cannot tell {counted(len(figures), 'pair of labels', 'pairs of labels')} apart: "
            f"{'; '.join(list(figures)[:3])}.",
            "Whatever tells these labels apart is not in the text, so no model can learn it.",
            "Merge the labels, write down what tells them apart and relabel by it, or add the missing input.",
            tuple(sorted(flags, key=lambda flag: flag.row)),
            {"rows judged": len(judged.rows), **figures},
        )


def near_pairs(vectors: Vectors, given: IntArray) -> list[tuple[int, int]]:
    """Pairs of labels that centroids alone tell apart badly, the worst first: those worth a closer look.

    A row's own label is judged by the mean of its other rows, so that no row vouches for itself.

    Args:
        vectors: unit vectors [n, dim].
        given: label of each row, each with two rows or more [n].
    """
    counts = np.bincount(given)
    sums = np.stack([vectors[given == label].sum(axis=0) for label in range(len(counts))])
    scores = vectors @ (sums / counts[:, None]).T
    rows = np.arange(len(given))
    scores[rows, given] = ((vectors * sums[given]).sum(axis=1) - 1) / (counts[given] - 1)
    of = [scores[given == label] for label in range(len(counts))]
    lost = np.stack([(own > own[:, [label]]).mean(axis=0) for label, own in enumerate(of)])
    found = []
    for one, other in np.argwhere(np.triu(lost + lost.T, k=1) >= CLOSE):
        error = equal_error(of[one][:, other] - of[one][:, one], of[other][:, other] - of[other][:, one])
        found.append((-error, int(one), int(other)))
    return [(one, other) for error, one, other in sorted(found) if -error >= CLOSE]


def _held_out_odds(judged: Sample, places: IntArray, other: int, seed: int) -> NDArray[np.float64]:
    """Log odds of the label ``other`` for rows of a pair [places], by models that did not see them."""
    groups = near_groups([judged.texts[place] for place in places])
    table = np.eye(2, dtype=np.float32)[(judged.given[places] == other).astype(int)]
    found = held_out(judged.vectors[places], table, groups, several=False, seed=seed)
    odds: NDArray[np.float64] = np.log(np.maximum(found[:, 1], 1e-12) / np.maximum(found[:, 0], 1e-12))
    return odds


def equal_error(low: NDArray[np.floating], high: NDArray[np.floating]) -> float:
    """The error rate at the threshold where as large a share of ``low`` [n] lies above it as of ``high`` [m]
    lies below: 0 where the two are apart, 0.5 where they are alike. A label's size has no say in it."""
    values = np.unique(np.concatenate([low, high]))
    cuts = np.concatenate([values, (values[1:] + values[:-1]) / 2])
    above, below = 1 - _share_below(low, cuts), _share_below(high, cuts)
    return float(np.maximum(above, below).min())


def _share_below(values: NDArray[np.floating], cuts: NDArray[np.floating]) -> NDArray[np.float64]:
    """Share of values [n] below each cut [m]; one that is equal counts half."""
    ordered = np.sort(values)
    places = np.searchsorted(ordered, cuts, side="left") + np.searchsorted(ordered, cuts, side="right")
    return places / (2 * len(values))


def _taken(judged: Sample, places: IntArray, wrong: NDArray[np.bool_], pair: tuple[int, int]) -> list[Flag]:
    """The rows of a pair that look more like the other label."""
    flags = []
    for place in places[wrong]:
        own = judged.given[place]
        other = pair[0] if own == pair[1] else pair[1]
        note = f"{judged.names[own]!r}, but as much like {judged.names[other]!r}"
        flags.append(Flag(int(judged.rows[place]), "output", note))
    return flags


def same_meaning(subject: Subject, tools: Tools) -> Iterator[Finding]:
    judged = sample(subject, tools)
    if judged is None:
        return
    rng = np.random.default_rng(tools.seed)
    figures, flags = dict[str, float | int | str](), []
    for one, other in _nearest_pairs(judged):
        chance = indistinct(judged.vectors[judged.of(one)], judged.vectors[judged.of(other)], rng)
        if chance > CHANCE:
            figures[f"{judged.names[one]} / {judged.names[other]}"] = f"p = {chance:.2f}"
            rare = min(one, other, key=lambda label: len(judged.of(label)))
            twin = other if rare == one else one
            note = f"{judged.names[rare]!r} is said like {judged.names[twin]!r}"
            twins = (int(judged.rows[judged.of(twin)[0]]),)
            flags += [Flag(int(judged.rows[place]), "output", note, twins) for place in judged.of(rare)]
    if flags:
        yield Finding(
            "labelled.same-meaning",
            "well labelled",
            "advice",
            f"{counted(len(figures), 'pair of labels means', 'pairs of labels mean')} the same as far as "
            f"the texts show: {'; '.join(list(figures)[:3])}.",
            "The model learns to choose between two names of one thing by chance.",
            "Merge the labels, or write down what tells them apart and relabel by it.",
            tuple(sorted(flags, key=lambda flag: flag.row)),
            figures,
        )


def _nearest_pairs(judged: Sample) -> list[tuple[int, int]]:
    """Each label with the one whose centroid is nearest."""
    centroids = np.stack(
        [judged.vectors[judged.of(label)].mean(axis=0) for label in range(len(judged.names))]
    )
    gaps = np.linalg.norm(centroids[:, None] - centroids[None], axis=2)
    np.fill_diagonal(gaps, np.inf)
    return sorted({(min(one, int(two)), max(one, int(two))) for one, two in enumerate(gaps.argmin(axis=1))})


def indistinct(one: Vectors, other: Vectors, rng: np.random.Generator) -> float:
    """Chance that two random halves of both lie as far apart as the two do: the p-value of a permutation
    test on the distance of the centroids.

    Args:
        one, other: unit vectors of two labels [n, dim] and [m, dim].
    """
    both = np.concatenate([one, other])
    weights = np.concatenate([np.full(len(one), 1 / len(one)), np.full(len(other), -1 / len(other))])
    shuffled = np.stack([weights, *(rng.permutation(weights) for _ in range(SHUFFLES))]).astype(np.float32)
    gaps = np.linalg.norm(shuffled @ both, axis=1)
    return float((gaps >= gaps[0]).mean())
