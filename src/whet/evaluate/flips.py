"""The same examples answered before and after: how much is right, what was lost, what was gained.

Paired, example by example: bounds by Tango's score, tests by McNemar (``stats.paired_right``). Knows no
models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from whet.evaluate.stats import Interval, paired_right, wilson


@dataclass(frozen=True, slots=True)
class Change:
    """Two lists of right and wrong, side by side."""

    before: Interval
    after: Interval
    difference: Interval
    """After minus before, with its paired 95 % interval."""
    lost: tuple[int, ...]
    """Places that were right before and are wrong after."""
    gained: tuple[int, ...]
    p_fell: float
    """One-sided p of "it did not fall"."""


def change(before: Sequence[bool], after: Sequence[bool]) -> Change:
    """Compare n examples.

    Raises:
        ValueError: not as many before as after, or none.
    """
    if len(before) != len(after) or not before:
        raise ValueError(f"{len(before)} answers before and {len(after)} after cannot be compared")
    n = len(before)
    first, second = (np.array(side, dtype=np.float64) for side in (before, after))
    fallen = paired_right(first, second)
    pairs = list(enumerate(zip(before, after, strict=True)))
    return Change(
        before=wilson(sum(map(bool, before)), n),
        after=wilson(sum(map(bool, after)), n),
        difference=Interval(-fallen.difference, -fallen.upper(0.025), -fallen.lower(0.025), n),
        lost=tuple(place for place, (was, now) in pairs if was and not now),
        gained=tuple(place for place, (was, now) in pairs if now and not was),
        p_fell=fallen.p_ahead,
    )
