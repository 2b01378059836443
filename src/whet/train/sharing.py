"""Which rows of a step share a beginning, so that it is read once.

Rows of one task begin with the same instruction. Read once for n rows instead of n times, a prefix of P
tokens saves (n - 1) P of them. The rows are the leaves of a trie; what is chosen are subtrees that do not
overlap and save most, which recursion over the trie finds exactly. The prefix ends one token before the
first that is learned, so that everything the loss sees lies in the rows' own parts. Knows no model.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

LEAST_SAVED = 64
"""Tokens; below it, the extra pass through the model costs more than it saves."""


@dataclass(frozen=True, slots=True)
class Row:
    """One example as tokens."""

    ids: tuple[int, ...]
    weights: tuple[float, ...]
    """Of each token as something to predict; 0: only read. Same length as ``ids``."""
    said: tuple[int, ...] = ()
    """The tokens, where ``ids`` are places of kept states (``frozen_rows.py``)."""

    @property
    def tokens(self) -> tuple[int, ...]:
        return self.said or self.ids

    @property
    def shareable(self) -> int:
        """How many tokens, at most, may be read for this row by somebody else: the token before the first
        learned one predicts it, and so is the row's own."""
        first = next((place for place, weight in enumerate(self.weights) if weight), len(self.ids))
        return max(0, first - 1)


@dataclass(frozen=True, slots=True)
class Group:
    """Rows, as indices, that begin with the same ``prefix`` tokens; 0: with nothing worth sharing."""

    rows: tuple[int, ...]
    prefix: int

    @property
    def saved(self) -> int:
        return (len(self.rows) - 1) * self.prefix


def groups(rows: Sequence[Row], *, least: int = LEAST_SAVED) -> list[Group]:
    """Split rows into groups that save most; rows that share nothing make the last group, with prefix 0."""
    order = sorted((index for index, row in enumerate(rows)), key=lambda index: rows[index].ids)
    shared = [_common(rows[one], rows[other]) for one, other in itertools.pairwise(order)]
    found = [group for group in _best(order, shared, rows) if group.saved >= least]
    held = {row for group in found for row in group.rows}
    rest = tuple(index for index in range(len(rows)) if index not in held)
    return [*found, Group(rest, 0)] if rest else found


def unshared(rows: Sequence[Row]) -> list[Group]:
    """One group without a prefix."""
    return [Group(tuple(range(len(rows))), 0)]


def _common(one: Row, other: Row) -> int:
    """Length of the common beginning of two rows, as far as both may share it."""
    most = min(one.shareable, other.shareable)
    low, high = 0, most
    while low < high:  # the slices compare at the speed of C
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one.ids[:middle] == other.ids[:middle] else (low, middle - 1)
    return low


def _best(order: list[int], shared: list[int], rows: Sequence[Row]) -> list[Group]:
    """The groups within a subtree of the trie: itself, or the best of its branches."""
    if len(order) < 2:
        return []
    prefix = min(shared)
    whole = Group(tuple(sorted(order)), prefix)
    parts, start = list[Group](), 0
    for place in [*(n for n, length in enumerate(shared) if length == prefix), len(order) - 1]:
        if place - start + 1 < len(order):
            parts += _best(order[start : place + 1], shared[start:place], rows)
        start = place + 1
    return parts if sum(part.saved for part in parts) > whole.saved else [whole]
