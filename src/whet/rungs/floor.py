"""floor: always the most frequent answer. What any other rung has to beat.

Looks at no input. The confidence is the answer's share in training.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from whet.records import Example, FitInfo, Output, Prediction
from whet.rungs.base import Setting
from whet.rungs.vectors import write_card
from whet.store import make_folder


@dataclass(frozen=True)
class Constant:
    """Answers the same to everything."""

    output: Output
    confidence: float
    info: FitInfo

    def predict(self, inputs: Sequence[str]) -> list[Prediction]:
        return [Prediction(self.output, self.confidence) for _ in inputs]

    def save(self, folder: Path) -> None:
        make_folder(folder)
        write_card(folder, "floor", self.info, output=self.output, confidence=self.confidence)


@dataclass(frozen=True)
class Floor:
    """The most frequent output of train; of equals, the first in sorted order."""

    name: ClassVar[str] = "floor"
    kinds: ClassVar[tuple[str, ...]] = ("classify", "extract", "write")
    trains: ClassVar[bool] = False

    setting: Setting = field(default_factory=Setting)
    choices: Mapping[str, Any] = field(default_factory=dict)

    def fit(self, train: Sequence[Example], dev: Sequence[Example]) -> Constant:
        start = time.perf_counter()
        counts = Counter(example.output for example in train)
        output = min(counts, key=lambda o: (-counts[o], o))
        gain = self.setting.metric.on(dev, [output] * len(dev))
        info = FitInfo({}, gain, 0, time.perf_counter() - start)
        return Constant(output, counts[output] / len(train), info)

    @classmethod
    def load(cls, folder: Path, card: Mapping[str, Any]) -> Constant:
        output = card["output"]
        fixed: Output = output if isinstance(output, str) else tuple(output)
        return Constant(fixed, float(card["confidence"]), FitInfo(**card["info"]))
