"""What the attention of one pass has to know, when many rows are read as one.

A pass is one flat row of N tokens: some of each of n rows, laid end to end. A token sees the prefix that all
rows share, what its own row has read before, and those of the tokens read with it that lead to it: all before
it in a chain, its ancestors in a tree. Knows no model. S: most tokens of one row; L: most that a row has
read, these included; P: tokens of the prefix.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Piece:
    """Tokens that one row reads at once."""

    ids: Sequence[int]
    parents: Sequence[int] = ()
    """Of each token the one before it, among these; -1: what the row read last. Empty: a chain."""


@dataclass(frozen=True)
class Pass:
    """n rows of a store from ``first`` on, and what each reads."""

    first: int
    index: Tensor
    """Place in the flat row of each token [n, S]; of padding, any."""
    real: Tensor
    """Whether it is a token [n, S]."""
    slots: Tensor
    """The row of each token [N]."""
    places: Tensor
    """Where in its row each token is kept [N]."""
    positions: Tensor
    """Of each token [N], the prefix counted."""
    before: int
    """P"""
    longest: int
    """L"""
    seen: Tensor
    """Which of its row's tokens each token sees [n, S, L], windows aside."""
    own: Tensor
    """Position of each token [n, S], the prefix not counted."""
    kept: Tensor
    """Position of each that its row has read [n, L], the prefix not counted."""
    known: dict[int | None, tuple[Tensor | None, Tensor]] = field(default_factory=dict)
    sights: dict[int | None, Tensor] = field(default_factory=dict)

    def visible(self, window: int | None) -> tuple[Tensor | None, Tensor]:
        """Which tokens of the prefix [n, S, P] (None: all) and of its row [n, S, L] each token sees."""
        if window not in self.known:
            self.known[window] = self._visible(window)
        return self.known[window]

    def sight(self, window: int | None, group: int, dtype: torch.dtype) -> Tensor:
        """What each token sees of its row, to be added to scores [n, 1, G S, L]: 0, or minus infinity."""
        if window not in self.sights:
            seen = self.visible(window)[1]
            sight = torch.zeros(seen.shape, dtype=dtype, device=seen.device)
            sight = sight.masked_fill_(~seen, float("-inf"))[:, None]
            self.sights[window] = sight.repeat(1, 1, group, 1)
        return self.sights[window]

    def _visible(self, window: int | None) -> tuple[Tensor | None, Tensor]:
        if window is None or int(self.positions.max()) < window:
            return None, self.seen
        apart = self.own[..., None] - self.kept[:, None]
        ahead = torch.arange(self.before, device=self.own.device) - self.before
        return self.own[..., None] - ahead < window, self.seen & (apart < window)


def planned(
    pieces: Sequence[Piece], read: Sequence[int], *, first: int, before: int, device: torch.device
) -> Pass:
    """A pass over ``pieces``, of rows from ``first`` on that have read so many tokens behind the prefix."""
    sizes = torch.tensor([len(piece.ids) for piece in pieces])
    offsets = torch.tensor(read)
    steps = torch.arange(int(sizes.max()))
    starts = (sizes.cumsum(0) - sizes)[:, None]
    real = steps < sizes[:, None]
    slots = torch.repeat_interleave(torch.arange(len(pieces)), sizes) + first
    kept = (offsets[:, None] + steps)[real]
    longest = int((offsets + sizes).max())
    keys = torch.arange(longest)
    seen = keys <= (offsets[:, None] + steps)[..., None]  # [n, S, L]
    depths = steps.repeat(len(pieces), 1)
    places = keys.repeat(len(pieces), 1)
    for row, piece in enumerate(pieces):
        if piece.parents:
            _branch(piece, read[row], depths[row], places[row], seen[row])
    positions = offsets[:, None] + depths
    return Pass(
        first,
        (starts + steps.minimum(sizes[:, None] - 1)).to(device),
        real.to(device),
        slots.to(device),
        kept.to(device),
        (positions[real] + before).to(device),
        before,
        longest,
        seen.to(device),
        positions.to(device),
        places.to(device),
    )


def _branch(piece: Piece, read: int, depths: Tensor, places: Tensor, seen: Tensor) -> None:
    """Write into a row's depths [S], places [L] and sight [S, L] that its tokens are a tree."""
    size = len(piece.ids)
    lines = torch.zeros(size, size, dtype=torch.bool)
    levels = list[int]()
    for node, parent in enumerate(piece.parents):
        levels.append(0 if parent < 0 else levels[parent] + 1)
        if parent >= 0:
            lines[node] = lines[parent]
        lines[node, node] = True
    depths[:size] = torch.tensor(levels)
    places[read : read + size] = read + depths[:size]
    seen[:size, read : read + size] = lines


def parts(sizes: Sequence[int], most: int) -> list[range]:
    """Consecutive rows, as many at once as ``most`` tokens allow; a larger one alone."""
    cuts, held = [0], 0
    for row, size in enumerate(sizes):
        if held and held + size > most:
            cuts.append(row)
            held = 0
        held += size
    return [range(start, stop) for start, stop in itertools.pairwise([*cuts, len(sizes)])]
