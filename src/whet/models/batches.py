"""Batches of like length: what padding would cost is not paid.

Knows lengths only. On a CPU, a batch whose rows are equally long runs without a mask, which is the
fastest path; sorting within a window of shuffled rows gets close to that and keeps the order random.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

WINDOW = 50  # batches that are shuffled together, then sorted by length


def length_batches(lengths: Sequence[int], tokens: int) -> list[list[int]]:
    """Indices in batches of like length and at most ``tokens`` tokens, for reading; longest first, so
    that memory peaks at once. A text longer than ``tokens`` has a batch of its own."""
    order = sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
    batches: list[list[int]] = []
    start = 0
    while start < len(order):
        rows = max(1, tokens // max(lengths[order[start]], 1))
        batches.append(order[start : start + rows])
        start += rows
    return batches


def shuffled_batches(lengths: Sequence[int], size: int, rng: random.Random) -> list[list[int]]:
    """Indices in batches of like length, in random order, for training. Every index once."""
    order = list(range(len(lengths)))
    rng.shuffle(order)
    batches: list[list[int]] = []
    for start in range(0, len(order), size * WINDOW):
        window = sorted(order[start : start + size * WINDOW], key=lambda i: lengths[i])
        batches.extend(window[at : at + size] for at in range(0, len(window), size))
    rng.shuffle(batches)
    return batches
