"""Pairs of labels that cannot be told apart, by a sentence encoder.

*Confused*: in cross-validation the head and the neighbours (``confident.held_out``) give at least two in
five rows of each label of a pair to the other, at the threshold that errs equally often both ways; half
would be pure chance. *Same meaning*: the centroids of
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
CONFUSED = 0.4
SHUFFLES, CHANCE = 200, 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Rows of the labels that have enough of them, with one label each."""

    rows: IntArray
    """[n] Rows of the subject."""
    given: IntArray
    """[n] Label of each, as an index into ``names``."""
    names: tuple[str, ...]
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
    return Sample(chosen, given, names, tools.encode([subject.inputs[row] for row in chosen]))


def confused_pairs(subject: Subject, tools: Tools) -> Iterator[Finding]:
    judged = sample(subject, tools)
    if judged is None:
        return
    table = np.eye(len(judged.names), dtype=np.float32)[judged.given]
    groups = near_groups([subject.inputs[row] for row in judged.rows])
    found = held_out(judged.vectors, table, groups, several=False, seed=tools.seed)
    flags, figures = [], dict[str, float | int | str]()
    for one, other, error in confused(found, judged.given):
        figures[f"{judged.names[one]} / {judged.names[other]}"] = f"{error:.0%} given to the other"
        flags += _taken(judged, found, one, other) + _taken(judged, found, other, one)
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


def confused(probabilities: NDArray[np.floating], given: IntArray) -> Iterator[tuple[int, int, float]]:
    """Pairs of labels, and the share of each that goes to the other when there are only the two.

    Args:
        probabilities: held-out probabilities [n, labels].
        given: label of each row [n].
    """
    logs = np.log(np.maximum(probabilities, 1e-12))
    labels = [logs[given == label] for label in range(probabilities.shape[1])]
    lost = np.stack([(own > own[:, [label]]).mean(axis=0) for label, own in enumerate(labels)])
    for one, other in np.argwhere(np.triu(lost + lost.T, k=1) >= CONFUSED):
        own, foreign = labels[one], labels[other]
        error = equal_error(own[:, other] - own[:, one], foreign[:, other] - foreign[:, one])
        if error >= CONFUSED:
            yield int(one), int(other), error


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


def _taken(judged: Sample, found: NDArray[np.floating], label: int, other: int) -> list[Flag]:
    """The rows of a label that look more like the other."""
    own = judged.of(label)
    wins = own[found[own, other] > found[own, label]]
    note = f"{judged.names[label]!r}, but as much like {judged.names[other]!r}"
    return [Flag(int(judged.rows[place]), "output", note) for place in wins]


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
