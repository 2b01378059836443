"""Rows side by side behind one prefix: what an engine's next pass reads of them, and who leaves.

    prefix, read once -> lane: steady rows, then rows whose prompts are being read -> parts of a pass

A lane's rows have room for so many tokens each, a power of two, so that a long row does not make short ones
wide; lanes of one prefix share its keys and values. A prompt is read in pieces, so that others are not kept
waiting by a long one. Knows no thread, no text and no adapter but its name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from whet.models.flat import Part, Store
from whet.models.generate import ROWS, Going, leaving
from whet.models.passes import Piece, planned

if TYPE_CHECKING:
    from torch import Tensor

    from whet.models.choices import Tree

LEAST_ROOM = 256  # tokens: a lane of its own costs a row more than the places that it leaves empty
SMALL = 8
"""Tokens of a prompt that are worth no piece of their own."""


@dataclass(eq=False)
class Prefix:
    """A beginning that rows share, under one adapter."""

    adapter: str
    ids: tuple[int, ...]
    owner: str = ""
    """Whose rows may share it; empty: everybody's, since it is the specialist's own."""
    store: Store = field(init=False)
    read: int = 0
    used: int = 0
    """The step in which it was last of use."""

    def __post_init__(self) -> None:
        self.store = Store(1, max(1, len(self.ids)))

    @property
    def ready(self) -> bool:
        return self.read == len(self.ids)

    @property
    def ahead(self) -> Store | None:
        return self.store if self.ids else None

    def fits(self, ids: Sequence[int], adapter: str, owner: str) -> bool:
        """Whether a row begins with it, and goes on."""
        own = self.adapter == adapter and self.owner in ("", owner)
        return own and len(self.ids) < len(ids) and self.ids == tuple(ids[: len(self.ids)])


@dataclass(eq=False)
class Sitting:
    """A row in a lane."""

    going: Going
    """Its ``pending`` are the tokens that are not read yet."""
    need: int
    """Tokens that it reads at most, the prefix not counted."""
    tree: Tree | None = None
    """Choices to be scored once the prompt is read; such a row writes nothing."""
    steady: bool = False


@dataclass(eq=False)
class Lane:
    """Rows behind one prefix."""

    prefix: Prefix
    room: int
    rows: list[Sitting] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    store: Store = field(init=False)

    def __post_init__(self) -> None:
        self.store = Store(1, self.room)

    @property
    def full(self) -> bool:
        return len(self.rows) >= ROWS

    def tokens(self, more: int = 0) -> int:
        """Places for tokens that it holds, with so many rows more."""
        rows = self.store.rows
        while rows < len(self.rows) + more:
            rows *= 2
        return rows * self.room

    def enter(self, row: Sitting) -> None:
        self.rows.append(row)
        self.lengths.append(0)
        while self.store.rows < len(self.rows):
            self.store = wider(self.store)

    def leave(self) -> list[Sitting]:
        """Take out the rows that ended; returns them."""
        gone = [row for row in self.rows if row.going.ended is not None]
        if not gone:
            return []
        steady = sum(row.steady for row in self.rows)
        front = leaving([row.going for row in self.rows[:steady]])
        back = [n for n in range(steady, len(self.rows)) if self.rows[n].going.ended is None]
        order = [*front, *back]
        for place, row in enumerate(order):
            if place != row:
                self.store.move(row, place, self.lengths[row])
        self.rows = [self.rows[row] for row in order]
        self.lengths = [self.lengths[row] for row in order]
        return gone


def wider(store: Store) -> Store:
    """The same rows with room for as many more."""
    found = Store(store.rows * 2, store.room)
    for old, new in ((store.keys, found.keys), (store.values, found.values)):
        for layer, side in old.items():
            new[layer] = torch.cat([side, torch.zeros_like(side)])
    return found


def room_of(need: int) -> int:
    room = LEAST_ROOM
    while room < need:
        room *= 2
    return room


@dataclass(eq=False)
class Plan:
    """What one pass reads."""

    device: torch.device
    left: int
    """Tokens that may still be added."""
    parts: list[Part] = field(default_factory=list)
    segments: list[tuple[slice, str]] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    last: list[int] = field(default_factory=list)
    done: list[tuple[Sitting, int]] = field(default_factory=list)
    """Rows whose next token can be chosen, or whose choices are scored, with how many logits are theirs."""

    def prefix(self, prefix: Prefix) -> None:
        """The next piece of a prefix."""
        some = prefix.ids[prefix.read : prefix.read + max(self.left, SMALL)]
        self.left -= len(some)
        laid = planned([Piece(some)], [prefix.read], first=0, before=0, device=self.device)
        self._add(Part(laid, prefix.store, None, len(self.ids)), prefix.adapter, [*some])
        prefix.read += len(some)

    def steady(self, lane: Lane) -> None:
        """The next tokens of all rows that write."""
        rows = [row for row in lane.rows if row.steady]
        self.left -= sum(len(row.going.pending) for row in rows)
        self._rows(lane, rows, 0, [row.going.pending for row in rows])

    def reading(self, lane: Lane) -> None:
        """Pieces of the prompts that are being read, in their order, as far as there is room."""
        first = sum(row.steady for row in lane.rows)
        rows, pieces = list[Sitting](), list[list[int]]()
        for row in lane.rows[first:]:
            if self.left <= 0:
                break
            size = len(row.going.pending)
            some = row.going.pending[: self.left if size > self.left + SMALL else size]
            rows.append(row)
            pieces.append(some)
            self.left -= len(some)
        self._rows(lane, rows, first, pieces)

    def _rows(self, lane: Lane, rows: Sequence[Sitting], first: int, pieces: Sequence[list[int]]) -> None:
        if not rows:
            return
        read, laid = lane.lengths[first : first + len(rows)], list[Piece]()
        start = len(self.ids)
        at, ids = start, list[int]()
        for number, (row, some) in enumerate(zip(rows, pieces, strict=True), first):
            piece = Piece(some)
            lane.lengths[number] += len(some)
            whole = len(some) == len(row.going.pending)
            row.going.pending = row.going.pending[len(some) :]
            end = at + len(some)
            if whole and row.tree is not None:
                piece = with_tree(some, row.tree)
            if whole:
                wanted = [*range(end - 1, at + len(piece.ids))] if row.tree is not None else [end - 1]
                self.last += wanted
                self.done.append((row, len(wanted)))
            at += len(piece.ids)
            ids += piece.ids
            laid.append(piece)
        before = len(lane.prefix.ids)
        plan = planned(laid, read, first=first, before=before, device=self.device)
        self._add(Part(plan, lane.store, lane.prefix.ahead, start), lane.prefix.adapter, ids)

    def _add(self, part: Part, adapter: str, ids: list[int]) -> None:
        self.parts.append(part)
        self.ids += ids
        if adapter:
            self.segments.append((part.place, adapter))

    def tensors(self) -> tuple[Tensor, Tensor]:
        """The tokens [N], and the places after which logits are wanted; one at least."""
        last = self.last or [len(self.ids) - 1]
        return torch.tensor(self.ids, device=self.device), torch.tensor(last, device=self.device)


def with_tree(ids: Sequence[int], tree: Tree) -> Piece:
    """The end of a prompt and the tree of choices behind it."""
    size = len(ids)
    parents = [*range(-1, size - 1), *(size - 1 if parent < 0 else size + parent for parent in tree.parents)]
    return Piece([*ids, *tree.ids], parents)
