"""fewshot: a few examples, k of them, k chosen on dev.

With a sentence encoder, the examples of a label are averaged to a centroid (prototypical networks,
Snell and others, arXiv 1703.05175, without the training); an input gets the nearest centroid's label.
A model that writes is shown k examples as turns of the conversation: a fixed draw, or a diverse one.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from whet.records import Example, Specialist
from whet.rungs.asked import Asked, best_of, encoder_for, fit_asked, frame_for, load_asked
from whet.rungs.asked import Candidate as Asking
from whet.rungs.base import CHOOSES, WRITES, Setting
from whet.rungs.shots import diverse, fixed
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
DEMONSTRATIONS = (2, 4, 8)


def score(arrays: Arrays, vectors: NDArray[np.float32]) -> NDArray[np.floating[Any]]:
    """Cosine of inputs [n, dim] and centroids [labels, dim]; a label without examples is zero."""
    return np.asarray(vectors @ arrays["centroids"].T)


@dataclass(frozen=True)
class Fewshot:
    """Nearest centroid of k examples a label."""

    name: ClassVar[str] = "fewshot"
    kinds: ClassVar[tuple[str, ...]] = ("classify", "extract", "write")
    trains: ClassVar[bool] = False
    forms: ClassVar[tuple[str, ...]] = (CHOOSES, WRITES)

    setting: Setting = field(default_factory=Setting)
    choices: Mapping[str, Any] = field(default_factory=dict)

    def fit(self, train: Sequence[Example], dev: Sequence[Example]) -> Specialist:
        return best_of([self._by_vectors(train, dev), self._by_asking(train, dev)])

    def _by_vectors(self, train: Sequence[Example], dev: Sequence[Example]) -> VectorSpecialist | None:
        if not self.setting.chooses or "model" in self.choices:
            return None
        setting = with_choices(self.setting, self.choices)
        return fit_vectors(self.name, setting, score, self._propose, train, dev)

    def _by_asking(self, train: Sequence[Example], dev: Sequence[Example]) -> Asked | None:
        if "encoder" in self.choices:
            return None
        return fit_asked(self.name, self.setting, partial(shown_frames, train), dev, self.choices)

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
    def load(cls, folder: Path, card: Mapping[str, Any]) -> Specialist:
        return load_asked(folder, card) if "frame" in card else load_vectors(folder, card, score)


def shown_frames(train: Sequence[Example], setting: Setting) -> list[Asking]:
    """Frames with demonstrations: fewer before more, a fixed draw before a diverse one."""
    bare = frame_for(setting)
    vectors = encoder_for(setting).encode([example.input for example in train]).vectors
    found = []
    for k in sorted({min(k, len(train)) for k in DEMONSTRATIONS}):
        drawn = {"fixed": fixed(train, k, setting.seed), "diverse": diverse(train, vectors, k)}
        for how, shots in drawn.items():
            found.append(Asking({"k": k, "selection": how}, replace(bare, shots=shots)))
    return found


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
