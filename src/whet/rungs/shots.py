"""Which training examples a model is shown as demonstrations, and in which order.

``fixed``: a seeded draw, every label in turn; ``diverse``: examples far from each other (k-center, greedy:
Gonzalez 1985); ``nearest``: for each input, the examples most like it, the nearest last, where models look
most (Liu and others, arXiv 2101.06804). Only training examples are ever shown. Knows no model that writes.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from whet.records import Example, Output
from whet.rungs.frame import Shot

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from whet.models.encoder import TextEncoder

LONGEST = 2_000
"""Characters of a demonstration; a longer example would crowd out the others."""


def usable(train: Sequence[Example]) -> list[int]:
    """Rows that can be shown: of a length that leaves room for others; all, where none is."""
    short = [n for n, e in enumerate(train) if len(e.input) + len(str(e.output)) <= LONGEST]
    return short or list(range(len(train)))


def fixed(train: Sequence[Example], k: int, seed: int) -> tuple[Shot, ...]:
    """k examples in a seeded order, outputs in turn, so that no label is shown twice before all were once."""
    rows = usable(train)
    random.Random(seed).shuffle(rows)
    waiting: dict[Output, list[int]] = defaultdict(list)
    for row in rows:
        waiting[train[row].output].append(row)
    chosen: list[int] = []
    while len(chosen) < min(k, len(rows)):
        for left in waiting.values():
            if left and len(chosen) < k:
                chosen.append(left.pop(0))
    return tuple(_shot(train[row]) for row in chosen)


def diverse(train: Sequence[Example], vectors: NDArray[np.float32], k: int) -> tuple[Shot, ...]:
    """k examples, each the farthest from those before it; the first is the one nearest the middle.

    Args:
        vectors: unit vectors of the inputs [n, dim].
    """
    rows = usable(train)
    own = vectors[rows]
    first = int((own @ own.mean(axis=0)).argmax())
    chosen, near = [first], own @ own[first]
    while len(chosen) < min(k, len(rows)):
        chosen.append(int(near.argmin()))
        near = np.maximum(near, own @ own[chosen[-1]])
    return tuple(_shot(train[rows[place]]) for place in chosen)


@dataclass(frozen=True)
class Neighbours:
    """Finds the examples most like an input."""

    encoder: TextEncoder
    pool: tuple[Shot, ...]
    vectors: NDArray[np.float32]
    """Unit vectors of the pool's inputs [n, dim]."""
    k: int

    def find(self, inputs: Sequence[str]) -> list[tuple[Shot, ...]]:
        """The k nearest of each input, the nearest last."""
        if not inputs:
            return []
        near = self.encoder.encode(inputs).vectors @ self.vectors.T
        order = np.argsort(-near, axis=1, kind="stable")[:, : self.k]
        return [tuple(self.pool[place] for place in row[::-1]) for row in order]


def neighbours(train: Sequence[Example], encoder: TextEncoder, k: int) -> Neighbours:
    """All usable training examples as a pool."""
    rows = usable(train)
    vectors = encoder.encode([train[row].input for row in rows]).vectors
    return Neighbours(encoder, tuple(_shot(train[row]) for row in rows), vectors, k)


def _shot(example: Example) -> Shot:
    return Shot(example.input, example.output)
