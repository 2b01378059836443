"""retrieve: what is nearest to each input is found: training examples, and passages of the task's documents.

With a sentence encoder alone, the votes of the k nearest examples are softmax(cosine / tau); a label's score
is the log of its share. A model that writes is shown the k nearest as demonstrations, or passages, or both;
which and how many dev decides, as it does k and tau. The index of examples holds training examples only.
"""

from __future__ import annotations

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
from whet.rungs.deciding import targets
from whet.rungs.lookup import lookup_for
from whet.rungs.prompt import plain_frames
from whet.rungs.shots import neighbours
from whet.rungs.vectors import (
    Arrays,
    Candidate,
    Propose,
    VectorSpecialist,
    fit_vectors,
    load_vectors,
    with_choices,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from whet.models.encoder import TextEncoder

NEIGHBOURS = (1, 3, 5, 10, 20, 40)
TAUS = (0.02, 0.04, 0.08)
ROWS_AT_ONCE = 1024
FAINT = 1e-4  # the share of a label that no neighbour has
DEMONSTRATIONS = (2, 4, 8)
PASSAGES = (1, 3, 5)
BOTH = (3, 4)
"""Passages, and examples beside them."""


def score(arrays: Arrays, vectors: NDArray[np.float32]) -> NDArray[np.floating[Any]]:
    """Log vote shares [n, labels]; for several labels per input, log odds."""
    parts = [
        _shares(arrays, vectors[start : start + ROWS_AT_ONCE])
        for start in range(0, len(vectors), ROWS_AT_ONCE)
    ]
    shares = np.concatenate(parts) if parts else np.zeros((0, arrays["table"].shape[1]))
    shares = np.clip(shares, FAINT, 1 - FAINT)
    return np.log(shares / (1 - shares)) if int(arrays["several"][0]) else np.log(shares)


def _shares(arrays: Arrays, vectors: NDArray[np.float32]) -> NDArray[np.floating[Any]]:
    k, tau = int(arrays["k"][0]), float(arrays["tau"][0])
    cosines = vectors @ arrays["index"].T  # [n, train]
    near = np.argpartition(-cosines, min(k, cosines.shape[1]) - 1, axis=1)[:, :k]
    weights = np.take_along_axis(cosines, near, axis=1) / tau
    weights = np.exp(weights - weights.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    return np.asarray(np.einsum("nk,nkl->nl", weights, arrays["table"][near].astype(np.float32)))


@dataclass(frozen=True)
class Retrieve:
    """Nearest examples, weighted vote."""

    name: ClassVar[str] = "retrieve"
    kinds: ClassVar[tuple[str, ...]] = ("classify", "extract", "write")
    trains: ClassVar[bool] = False
    forms: ClassVar[tuple[str, ...]] = (CHOOSES, WRITES)
    reads_documents: ClassVar[bool] = True

    setting: Setting = field(default_factory=Setting)
    choices: Mapping[str, Any] = field(default_factory=dict)

    def fit(self, train: Sequence[Example], dev: Sequence[Example]) -> Specialist:
        return best_of([self._by_vectors(train, dev), self._by_asking(train, dev)])

    def _by_vectors(self, train: Sequence[Example], dev: Sequence[Example]) -> VectorSpecialist | None:
        if not self.setting.chooses or "model" in self.choices:
            return None
        setting = with_choices(self.setting, self.choices)
        return fit_vectors(self.name, setting, score, self._propose, train, dev, again=self._again)

    def _by_asking(self, train: Sequence[Example], dev: Sequence[Example]) -> Asked | None:
        if "encoder" in self.choices:
            return None
        return fit_asked(self.name, self.setting, partial(found_frames, train), dev, self.choices)

    def _again(self, choices: Mapping[str, Any]) -> Propose:
        return replace(self, choices=choices)._propose

    def _propose(
        self, encoder: TextEncoder, train: Sequence[Example], labels: tuple[str, ...]
    ) -> list[Candidate]:
        vectors = encoder.encode([example.input for example in train], precise=False).vectors
        table = targets([example.output for example in train], labels).astype(np.uint8)
        several = np.array([self.setting.multi_label], dtype=np.int64)
        fixed: dict[str, NDArray[Any]] = {"index": vectors, "table": table, "several": several}
        return [
            Candidate({"k": k, "tau": tau}, {**fixed, "k": np.array([k]), "tau": np.array([tau])})
            for k, tau in self._grid(len(train))
        ]

    def _grid(self, n: int) -> list[tuple[int, float]]:
        if "k" in self.choices:
            return [(min(int(self.choices["k"]), n), float(self.choices["tau"]))]
        ks = sorted({min(k, n) for k in NEIGHBOURS})
        return [(k, tau) for k in ks for tau in TAUS]

    @classmethod
    def load(cls, folder: Path, card: Mapping[str, Any]) -> Specialist:
        return load_asked(folder, card) if "frame" in card else load_vectors(folder, card, score)


def found_frames(train: Sequence[Example], setting: Setting) -> list[Asking]:
    """Passages, nearest examples, and both; what is shorter before what is longer."""
    near, lookup = near_frames(train, setting), lookup_for(setting)
    if lookup is None:
        return near
    plain = plain_frames(setting)[0].frame
    alone = [
        Asking({"passages": k, "k": 0}, plain, lookup=replace(lookup, k=k))
        for k in sorted({min(k, len(lookup.index.passages)) for k in PASSAGES})
    ]
    shown = [replace(one, choices={"passages": 0, **one.choices}) for one in near]
    k, few = BOTH
    both = [
        replace(one, choices={**one.choices, "passages": k}, lookup=replace(lookup, k=k))
        for one in shown
        if one.choices["k"] == few
    ]
    return [*alone, *shown, *both]


def near_frames(train: Sequence[Example], setting: Setting) -> list[Asking]:
    """Frames whose demonstrations are found anew for each input: fewer before more."""
    bare, pool = frame_for(setting), neighbours(train, encoder_for(setting), 1)
    ks = sorted({min(k, len(pool.pool)) for k in DEMONSTRATIONS})
    return [Asking({"k": k, "selection": "nearest"}, bare, replace(pool, k=k)) for k in ks]
