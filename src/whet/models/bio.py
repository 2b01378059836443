"""BIO tags of words (Ramshaw and Marcus 1995): B- begins a span of a kind, I- goes on, O is outside.

The best legal sequence of tags is found by Viterbi's algorithm (1967). Knows no texts and no models.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

OUTSIDE = "O"


def tags_for(kinds: Sequence[str]) -> tuple[str, ...]:
    """``O``, then B- and I- of each kind."""
    return (OUTSIDE, *(f"{place}-{kind}" for kind in kinds for place in "BI"))


@lru_cache(maxsize=8)
def transitions(tags: tuple[str, ...]) -> NDArray[np.float32]:
    """0 where a tag may follow a tag, minus infinity where not [tags, tags]: I-X follows B-X or I-X."""
    table = np.zeros((len(tags), len(tags)), np.float32)
    for column, tag in enumerate(tags):
        if tag.startswith("I-"):
            table[:, column] = -np.inf
            for row, before in enumerate(tags):
                if before in {tag, f"B-{tag[2:]}"}:
                    table[row, column] = 0
    return table


def viterbi(scores: NDArray[np.float32], allowed: NDArray[np.float32]) -> list[int]:
    """The best sequence of tags for the words of one text."""
    best, back = scores[0] + allowed[0], []  # what may begin is what may follow O
    for row in scores[1:]:
        step = best[:, None] + allowed
        back.append(step.argmax(axis=0))
        best = step.max(axis=0) + row
    path = [int(best.argmax())]
    for pointers in reversed(back):
        path.append(int(pointers[path[-1]]))
    return path[::-1]
