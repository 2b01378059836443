"""Which passages stand in a training row: the right one among others that are like it, and sometimes none.

As in RAFT (Zhang and others, arXiv 2403.10131): the right passage stands at any place among distractors,
which were found for the same input; in a fifth of the rows there are distractors only, so that a model does
not believe whatever stands first. RAFT is told which passage is right; here it is the best one that holds the
answer, or, where none does, the best one. Knows no model.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from whet.records import Example, Passage
from whet.rungs.lookup import Lookup, holds

PLACES = 3
"""Passages of a training row."""
FOUND = 12
"""Passages among which distractors are looked for."""
WITHOUT = 0.2
"""Share of the rows without the right passage."""

TooLong = Callable[[Example, Sequence[Passage]], bool]


def placed(
    lookup: Lookup, train: Sequence[Example], seed: int, too_long: TooLong
) -> list[tuple[Passage, ...]]:
    """The passages of each training row. A row's draw hangs on the seed and its input alone."""
    found = lookup.index.find([example.input for example in train], FOUND)
    return [
        _placed(example, passages, random.Random(f"{seed}:{example.input}"), too_long)
        for example, passages in zip(train, found, strict=True)
    ]


def _placed(
    example: Example, found: Sequence[Passage], draw: random.Random, too_long: TooLong
) -> tuple[Passage, ...]:
    right, others = _parted(example, found)
    draw.shuffle(others)
    without = draw.random() < WITHOUT and bool(others)
    shown = [*([] if without else right[:1]), *others][:PLACES]
    while shown and too_long(example, shown):
        shown.pop()  # the right one stands first until now
    draw.shuffle(shown)
    return tuple(shown)


def _parted(example: Example, found: Sequence[Passage]) -> tuple[list[Passage], list[Passage]]:
    """The right passages, best first, and those that do not hold the answer."""
    right = [passage for passage in found if holds(passage, example.output)] or list(found[:1])
    return right, [passage for passage in found if passage not in right]
