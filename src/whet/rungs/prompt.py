"""prompt: the label's name and description, and no example (zero-shot).

With a sentence encoder, the prompt is a sentence about each label; an input gets the label whose
sentence is nearest. The wording is chosen on dev among a few; labels are all the rung sees of a task.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from whet.records import Example, Label
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

WORDINGS = (
    "{text}",
    "This is about {text}.",
    "The customer asks about {text}.",
    "I have a question about {text}.",
)


def score(arrays: Arrays, vectors: NDArray[np.float32]) -> NDArray[np.floating[Any]]:
    """Cosine of inputs [n, dim] and label sentences [labels, dim]."""
    return np.asarray(vectors @ arrays["labels"].T)


@dataclass(frozen=True)
class Prompt:
    """Zero-shot from label names and descriptions."""

    name: ClassVar[str] = "prompt"
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
        described = {label.name: label for label in self.setting.labels}
        texts = [spoken(described.get(name, Label(name))) for name in labels]
        chosen = self.choices.get("wording")
        candidates = []
        for wording in (chosen,) if chosen else WORDINGS:
            sentences = [wording.format(text=text) for text in texts]
            vectors = encoder.encode(sentences).vectors
            candidates.append(Candidate({"wording": wording}, {"labels": vectors}))
        return candidates

    @classmethod
    def load(cls, folder: Path, card: Mapping[str, Any]) -> VectorSpecialist:
        return load_vectors(folder, card, score)


def spoken(label: Label) -> str:
    """A label as one would say it: ``cardNotArrived``, ``card_not_arrived`` -> card not arrived."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", label.name)
    name = re.sub(r"[_\-/.]+", " ", spaced).strip().lower()
    return f"{name}: {label.description}" if label.description else name or label.name
