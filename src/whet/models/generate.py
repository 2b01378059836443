"""Fast generation: tokens in, tokens out, for many rows at once.

    rows -> their common beginning, read once -> rows of like length side by side -> next tokens -> rows that
    end make room for others -> tokens, in the order of the rows

Greedy by default. A row's result does not depend on what else is written: it draws with a seed of its own,
and in fp32 logits move with the company by rounding alone. Where a guide forces tokens, they are read
together, without asking the model one by one. Knows no text.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch import Tensor

from whet.models.readers import Make, Reader, reading

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from whet.models.base import Ended

ROWS = 64
"""Side by side, at most."""
CACHE_BYTES = 1 << 31
"""Of keys and values, at most, or one row's."""
REFILL = 4
"""Rows wait until this part of the places is free: those that enter together are read together."""


class Guide(Protocol):
    """What the tokens of one row must follow."""

    def fill(self, mask: NDArray[np.int32]) -> None:
        """Write which tokens may come next, a bit each.

        Raises:
            GuideError: none may.
        """

    def take(self, token: int, left: int, *, ahead: bool) -> list[int]:
        """A token was chosen that the mask allows and that ends nothing.

        Args:
            left: tokens that may be written, this one included.
            ahead: whether tokens that must follow may be given with it.

        Returns:
            what is written: the token and what must follow it, or another way to the end, where only that
            fits into what is left.
        """

    @property
    def complete(self) -> bool:
        """The end may follow."""

    @property
    def done(self) -> bool:
        """Nothing can follow but the end."""


class GuideError(Exception):
    """The form cannot be followed by this model's tokens."""


@dataclass(frozen=True, slots=True)
class Row:
    """What to go on from, and how."""

    ids: Sequence[int]
    tokens: int
    """Written at most."""
    guide: Guide | None = None
    temperature: float = 0.0
    seed: int = 0
    stopped: Callable[[Sequence[int]], bool] | None = None
    """Whether what is written ends the row."""


@dataclass(frozen=True, slots=True)
class Written:
    """What was written for a row."""

    ids: tuple[int, ...]
    """Without the token that ended it."""
    ended: Ended
    logprob: float
    """Summed over what was chosen, the end included, among what the guide allowed; at temperature 1."""
    failed: str = ""


@dataclass
class Going:
    """A row on its way."""

    row: Row
    pending: list[int]
    """Tokens not read yet."""
    ids: list[int] = field(default_factory=list)
    logprob: float = 0.0
    ended: Ended | None = None
    failed: str = ""
    draw: random.Random = field(default_factory=random.Random)

    @property
    def left(self) -> int:
        return self.row.tokens - len(self.ids)


def write(
    model: Any,
    rows: Sequence[Row],
    ends: frozenset[int],
    tell: Callable[[int, int], None] = lambda done, total: None,
    *,
    make: Make | None = None,
) -> tuple[list[Written], str]:
    """Go on from every row.

    Args:
        model: a causal model of ``transformers`` in eval mode, PEFT's wrapping or not.
        ends: tokens that end a row.
        tell: is told how many rows are done, of how many.
        make: the reader; None: the fastest that fits the model.

    Returns:
        what was written, row by row; and what was done otherwise than fast, and why ('': nothing).
    """
    if not rows:
        return [], ""
    with torch.no_grad(), reading(model, make) as (chosen, why):
        prefix = common([row.ids for row in rows])
        own = [Going(row, list(row.ids[prefix:]), draw=random.Random(row.seed)) for row in rows]
        waiting = sorted(own, key=lambda going: len(going.pending))
        places, room = sizes(model, [len(going.pending) + going.row.tokens for going in own])
        reader = chosen(model, rows[0].ids[:prefix], places, room)
        _all(reader, waiting, places, ends, lambda left: tell(len(rows) - left, len(rows)))
    return [Written(tuple(g.ids), g.ended or "length", g.logprob, g.failed) for g in own], why


def common(rows: Sequence[Sequence[int]]) -> int:
    """Tokens that all rows begin with; one less than the shortest has, so that each is asked for itself."""
    first, last = min(map(tuple, rows)), max(map(tuple, rows))
    most = min(map(len, rows)) - 1
    return next((n for n in range(most) if first[n] != last[n]), most)


def sizes(model: Any, lengths: Sequence[int]) -> tuple[int, int]:
    """Rows side by side, and tokens that each can read, for rows that will have these lengths."""
    config = model.config.get_text_config()
    room = max(lengths)
    heads = getattr(config, "num_attention_heads", None) or 1
    share = (getattr(config, "num_key_value_heads", None) or heads) / heads
    number = next(model.parameters()).element_size()
    token = 2 * config.num_hidden_layers * config.hidden_size * share * number
    return max(1, min(ROWS, len(lengths), int(CACHE_BYTES / (token * room)))), room


def _all(
    reader: Reader, waiting: list[Going], places: int, ends: frozenset[int], tell: Callable[[int], None]
) -> None:
    """Until no row is left."""
    going = list[Going]()
    while going or waiting:
        if new := _entering(reader, waiting, places - len(going), places):
            logits = reader.add([one.pending for one in new])
        else:
            new, logits = going, reader.go_on([one.pending for one in going])
        _choose(new, logits, ends, even=reader.even)
        going = going if new is going else going + new
        order = leaving(going)
        if order != list(range(len(going))):
            going = [going[row] for row in order]
            tell(len(going) + len(waiting))
            reader.keep(order)


def _entering(reader: Reader, waiting: list[Going], free: int, places: int) -> list[Going]:
    """Rows taken from those that wait, the shortest first."""
    if not waiting or free < (places if reader.even else max(1, places // REFILL)):
        return []
    new = waiting[: min(free, len(waiting))]
    if reader.even:
        new = [one for one in new if len(one.pending) == len(new[0].pending)]
    del waiting[: len(new)]
    return new


def leaving(going: Sequence[Going]) -> list[int]:
    """The rows that go on; the last of them stand where others ended, so that few have to move."""
    stay = [row for row, one in enumerate(going) if one.ended is None]
    order = list(range(len(stay)))
    holes = [row for row in order if going[row].ended is not None]
    movers = [row for row in stay if row >= len(stay)]
    for hole, mover in zip(holes, movers, strict=True):
        order[hole] = mover
    return order


def _choose(going: Sequence[Going], logits: Tensor, ends: frozenset[int], *, even: bool) -> None:
    """The next token of every row, from logits [n, V]; those that end are marked."""
    logits = guided(going, logits)
    best = logits.argmax(-1).tolist()
    totals = logits.logsumexp(-1).tolist()
    for row, one in enumerate(going):
        if one.ended is not None:
            continue
        token = best[row] if not one.row.temperature else drawn(one, logits[row])
        one.logprob += float(logits[row, token]) - totals[row]
        take(one, token, ends, even=even)


def guided(going: Sequence[Going], logits: Tensor) -> Tensor:
    """The logits with what guides rule out at minus infinity."""
    rows = [row for row, one in enumerate(going) if one.row.guide is not None]
    if not rows:
        return logits
    masks = np.zeros((len(rows), -(-logits.shape[1] // 32)), dtype=np.int32)
    for mask, row in zip(masks, rows, strict=True):
        one = going[row]
        try:
            if one.row.guide is not None:
                one.row.guide.fill(mask)
        except GuideError as error:
            one.ended, one.failed = "failed", str(error)
            mask[:] = -1
    bits = np.unpackbits(masks.view(np.uint8), axis=1, bitorder="little")[:, : logits.shape[1]]
    logits[rows] = logits[rows].masked_fill(torch.from_numpy(bits == 0).to(logits.device), -math.inf)
    return logits


def drawn(one: Going, logits: Tensor) -> int:
    """A token by its probability: in fp64, so that the draw hangs on the seed and not on rounding."""
    shares = (logits.double() / one.row.temperature).softmax(-1).cumsum(-1)
    place = torch.searchsorted(shares, one.draw.random() * float(shares[-1]), right=True)
    return min(int(place), int((logits > -math.inf).nonzero().max()))


def take(one: Going, token: int, ends: frozenset[int], *, even: bool) -> None:
    """Note a row's token, and whether the row ends with it."""
    guide = one.row.guide
    if token in ends:
        one.ended = "end"
        return
    try:
        one.pending = [token] if guide is None else guide.take(token, one.left, ahead=not even)
    except GuideError as error:
        one.ended, one.failed = "failed", str(error)
        return
    one.ids += one.pending
    if one.row.stopped is not None and one.row.stopped(one.ids):
        one.ended = "stop"
    elif guide is not None and (guide.done or (not one.left and guide.complete)):
        one.ended = "end"
    elif not one.left:
        one.ended = "length"
