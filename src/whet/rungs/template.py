"""template: the same question, and an answer that cannot break its form.

A model that writes is asked as ``prompt`` and ``fewshot`` ask, and held to the form while it writes: one of
the labels, with their probabilities; the task's JSON Schema; the pattern of a reply. What form cannot give is
a right answer: it ends invalid ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from whet.records import Example
from whet.rungs.asked import Asked, Candidate, fit_asked, load_asked
from whet.rungs.base import WRITES, Setting
from whet.rungs.fewshot import shown_frames
from whet.rungs.prompt import plain_frames


@dataclass(frozen=True)
class Template:
    """The best of plain and shown frames, with the form enforced."""

    name: ClassVar[str] = "template"
    kinds: ClassVar[tuple[str, ...]] = ("classify", "extract", "write")
    trains: ClassVar[bool] = False
    forms: ClassVar[tuple[str, ...]] = (WRITES,)

    setting: Setting = field(default_factory=Setting)
    choices: Mapping[str, Any] = field(default_factory=dict)

    def fit(self, train: Sequence[Example], dev: Sequence[Example]) -> Asked:
        found = fit_asked(self.name, self.setting, partial(strict_frames, train), dev, self.choices)
        assert found is not None, "no model writes"
        return found

    @classmethod
    def load(cls, folder: Path, card: Mapping[str, Any]) -> Asked:
        return load_asked(folder, card)


def strict_frames(train: Sequence[Example], setting: Setting) -> list[Candidate]:
    """Every frame of the lower rungs, held to its form."""
    lower = [*plain_frames(setting), *shown_frames(train, setting)]
    return [replace(candidate, frame=replace(candidate.frame, strict=True)) for candidate in lower]
