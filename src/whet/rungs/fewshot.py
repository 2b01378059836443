"""fewshot: a few examples of each label, k of them, k chosen on dev.

With a sentence encoder, the examples of a label are averaged to a centroid (prototypical networks,
Snell and others, arXiv 1703.05175, without the training); an input gets the nearest centroid's label.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from whet.records import Example
from whet.rungs.base import Setting
from whet.rungs.vectors import (
    Arrays,
    Candidate,
    VectorSpecialist,
    fit_vectors,
    load_vectors,
    with_choices,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from whet.models.encoder import TextEncoder

SHOTS = (1, 2, 4, 8, 16, 32)


def score(arrays: Arrays, vectors: NDArray[np.float32]) -> NDArray[np.floating[Any]]:
    """Cosine of inputs [n, dim] and centroids [labels, dim]; a label without examples is zero."""
    return np.asarray(vectors @ arrays["centroids"].T)


@dataclass(frozen=True)
class Fewshot:
    """Nearest centroid of k examples a label."""

    name: ClassVar[str] = "fewshot"
    kinds: ClassVar[tuple[str, ...]] = ("classify",)
    trains: ClassVar[bool] = False

    setting: Setting = field(default_factory=Setting)
    choices: Mapping[str, Any] = field(default_factory=dict)

    def fit(self, train: Sequence[Example], dev: Sequence[Example]) -> VectorSpecialist:
        setting = with_choices(self.setting, self.choices)
        return fit_vectors(self.name, setting, score, self._propose, train, dev)

    def _propose(
        self, encoder: TextEncoder, train: Sequence[Example], labels: tuple[str, ...]
    ) -> list[Candidate]:
        vectors = encoder.encode([example.input for example in train], precise=False).vectors
        members = self._members(train, labels)
        chosen = self.choices.get("k")
        return [
            Candidate({"k": k}, {"centroids": _centroids(vectors, members, k)})
            for k in ((chosen,) if chosen else SHOTS)
        ]

    def _members(self, train: Sequence[Example], labels: tuple[str, ...]) -> list[list[int]]:
        """Rows of each label in a seeded order, so that four shots contain the two."""
        order = list(range(len(train)))
        random.Random(self.setting.seed).shuffle(order)
        return [[i for i in order if _has(train[i], label)] for label in labels]

    @classmethod
    def load(cls, folder: Path, card: Mapping[str, Any]) -> VectorSpecialist:
        return load_vectors(folder, card, score)


def _has(example: Example, label: str) -> bool:
    return example.output == label if isinstance(example.output, str) else label in example.output


def _centroids(vectors: NDArray[np.float32], members: list[list[int]], k: int) -> NDArray[np.float32]:
    """Unit mean vectors [labels, dim] of the first k members."""
    out = np.zeros((len(members), vectors.shape[1]), dtype=np.float32)
    for row, rows in enumerate(members):
        if rows:
            mean = vectors[rows[:k]].mean(axis=0)
            out[row] = mean / max(float(np.linalg.norm(mean)), 1e-12)
    return out
