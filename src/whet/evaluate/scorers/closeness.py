"""Closeness: the cosine between the meanings of an output and of the approved one, by a sentence encoder.

The encoder comes in as a function. A cosine below zero scores zero. Texts that say the opposite in the same
words are close: this scorer stands beside others, never alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from whet.evaluate.scorers.base import Scored, text_of
from whet.records import Example, Output

if TYPE_CHECKING:
    from numpy.typing import NDArray

Encode = Callable[[Sequence[str]], "NDArray[np.float32]"]
"""Texts to vectors [n, dim]."""


@dataclass(frozen=True)
class Closeness:
    """Cosine with the approved output."""

    encode: Encode
    name: str = "closeness"

    def score(self, examples: Sequence[Example], outputs: Sequence[Output]) -> list[Scored]:
        if not examples:
            return []
        texts = [text_of(o) for o in outputs] + [text_of(e.output) for e in examples]
        vectors = np.asarray(self.encode(texts), dtype=np.float64)
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        given, wanted = np.split(vectors, 2)
        cosines = (given * wanted).sum(axis=1)
        return [self._scored(float(c), a == b) for c, a, b in zip(cosines, *_halves(texts), strict=True)]

    def _scored(self, cosine: float, same: bool) -> Scored:
        value = 1.0 if same else min(max(cosine, 0.0), 1.0)  # rounding aside
        return Scored(value, f"The output is {value:.2f} close to the approved one in meaning.")


def _halves(texts: list[str]) -> tuple[list[str], list[str]]:
    middle = len(texts) // 2
    return texts[:middle], texts[middle:]
