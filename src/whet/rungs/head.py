"""head: logistic regression on a frozen encoder. Learns labels, changes nothing inside the model.

The encoder reads every text once; the strength C is chosen on dev. Where answers are JSON whose values stand
in the inputs, words are labelled instead of texts (``spanhead.py``); where both can be done, dev chooses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from whet.records import Example, Specialist
from whet.rungs.asked import best_of
from whet.rungs.base import CHOOSES, FINDS, Setting
from whet.rungs.deciding import targets
from whet.rungs.spanhead import fit_span_head, load_span_head
from whet.rungs.vectors import (
    Arrays,
    Candidate,
    Propose,
    VectorSpecialist,
    fit_vectors,
    load_vectors,
    with_choices,
)
from whet.train.linear import LinearHead, fit_linear

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from whet.models.encoder import TextEncoder

STRENGTHS = (3.0, 10.0, 30.0, 100.0)


def score(arrays: Arrays, vectors: NDArray[np.float32]) -> NDArray[np.floating[Any]]:
    """Logits [n, labels]."""
    return np.asarray(vectors @ arrays["weight"].T + arrays["bias"])


@dataclass(frozen=True)
class Head:
    """Logistic regression on frozen vectors."""

    name: ClassVar[str] = "head"
    kinds: ClassVar[tuple[str, ...]] = ("classify", "extract", "write")
    trains: ClassVar[bool] = True
    forms: ClassVar[tuple[str, ...]] = (CHOOSES, FINDS)

    setting: Setting = field(default_factory=Setting)
    choices: Mapping[str, Any] = field(default_factory=dict)

    def fit(self, train: Sequence[Example], dev: Sequence[Example]) -> Specialist:
        return best_of([self._by_vectors(train, dev), self._by_spans(train, dev)])

    def _by_spans(self, train: Sequence[Example], dev: Sequence[Example]) -> Specialist | None:
        if not self.setting.finds or not self.choices.get("spans", not self.choices):
            return None
        return fit_span_head(self.setting, self.choices, train, dev)

    def _by_vectors(self, train: Sequence[Example], dev: Sequence[Example]) -> VectorSpecialist | None:
        if not self.setting.chooses or "spans" in self.choices:
            return None
        setting = with_choices(self.setting, self.choices)
        return fit_vectors(self.name, setting, score, self._propose, train, dev, again=self._again)

    def chosen(self, train: Sequence[Example], dev: Sequence[Example]) -> VectorSpecialist:
        """The head that dev likes best, which has not learned from dev: where ``tune`` starts."""
        setting = with_choices(self.setting, self.choices)
        return fit_vectors(self.name, setting, score, self._propose, train, dev)

    def _again(self, choices: Mapping[str, Any]) -> Propose:
        return replace(self, choices=choices)._propose

    def _propose(
        self, encoder: TextEncoder, train: Sequence[Example], labels: tuple[str, ...]
    ) -> list[Candidate]:
        vectors = encoder.encode([example.input for example in train], precise=False).vectors
        table = targets([example.output for example in train], labels)
        candidates: list[Candidate] = []
        linear: LinearHead | None = None
        for strength in (self.choices["C"],) if "C" in self.choices else STRENGTHS:
            several = self.setting.multi_label
            linear = fit_linear(vectors, table, strength, several=several, start=linear)
            arrays = {"weight": linear.weight, "bias": linear.bias}
            candidates.append(Candidate({"C": strength}, arrays, linear.parameters))
        return candidates

    @classmethod
    def load(cls, folder: Path, card: Mapping[str, Any]) -> Specialist:
        if "spans" in card:
            return load_span_head(folder, card)
        return load_vectors(folder, card, score)
