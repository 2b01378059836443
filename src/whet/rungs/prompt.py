"""prompt: the instruction, the label's names and descriptions, and no example (zero-shot).

With a sentence encoder, the prompt is a sentence about each label; an input gets the label whose
sentence is nearest. A model that writes is given the instruction, with the labels or the schema or without.
The wording is chosen on dev among a few; labels are all the rung sees of a task.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from whet.records import Example, Label, Specialist
from whet.rungs.asked import Asked, best_of, fit_asked, frame_for, load_asked
from whet.rungs.asked import Candidate as Asking
from whet.rungs.base import CHOOSES, WRITES, Setting
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
    kinds: ClassVar[tuple[str, ...]] = ("classify", "extract", "write")
    trains: ClassVar[bool] = False
    forms: ClassVar[tuple[str, ...]] = (CHOOSES, WRITES)

    setting: Setting = field(default_factory=Setting)
    choices: Mapping[str, Any] = field(default_factory=dict)

    def fit(self, train: Sequence[Example], dev: Sequence[Example]) -> Specialist:
        return best_of([self._by_vectors(train, dev), self._by_asking(dev)])

    def _by_vectors(self, train: Sequence[Example], dev: Sequence[Example]) -> VectorSpecialist | None:
        if not self.setting.chooses or "model" in self.choices:
            return None
        setting = with_choices(self.setting, self.choices)
        return fit_vectors(self.name, setting, score, self._propose, train, dev)

    def _by_asking(self, dev: Sequence[Example]) -> Asked | None:
        if "encoder" in self.choices:
            return None
        return fit_asked(self.name, self.setting, plain_frames, dev, self.choices)

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
    def load(cls, folder: Path, card: Mapping[str, Any]) -> Specialist:
        return load_asked(folder, card) if "frame" in card else load_vectors(folder, card, score)


def plain_frames(setting: Setting) -> list[Asking]:
    """The instruction alone, and with the labels or the schema under it."""
    bare = frame_for(setting)
    listed = replace(bare, list_labels=setting.kind == "classify", show_schema=setting.kind == "extract")
    there = setting.labels if setting.kind == "classify" else setting.schema
    frames = {"as it is": bare, "with labels" if listed.list_labels else "with schema": listed}
    kept = frames if there and setting.kind != "write" else {"as it is": bare}
    return [Asking({"wording": name}, frame) for name, frame in reversed(kept.items())]


def spoken(label: Label) -> str:
    """A label as one would say it: ``cardNotArrived``, ``card_not_arrived`` -> card not arrived."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", label.name)
    name = re.sub(r"[_\-/.]+", " ", spaced).strip().lower()
    return f"{name}: {label.description}" if label.description else name or label.name
