"""How likely each of a list of answers is, exactly, in one pass over a tree of their tokens.

    p(c) = Π p(token | before) · p(end | c),   normalised over the choices

Choices that begin alike share their beginning, and all rows share theirs. The end counts, so that a choice
that begins another is no likelier for being shorter. Knows no text.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from whet.models.generate import common, sizes
from whet.models.passes import Piece
from whet.models.readers import Make, Reader, reading

Choices = tuple[tuple[int, ...], ...]
"""The tokens of each choice, without an end."""


@dataclass(frozen=True, slots=True)
class Tree:
    """Choices as one tree of tokens; node -1 is what is asked."""

    ids: tuple[int, ...]
    parents: tuple[int, ...]
    lasts: tuple[int, ...]
    """The node where each choice ends."""


def tree_of(choices: Choices) -> Tree:
    ids, parents, lasts = list[int](), list[int](), list[int]()
    known = dict[tuple[int, int], int]()
    for choice in choices:
        node = -1
        for token in choice:
            if (node, token) not in known:
                known[node, token] = len(ids)
                ids.append(token)
                parents.append(node)
            node = known[node, token]
        lasts.append(node)
    return Tree(tuple(ids), tuple(parents), tuple(lasts))


def score(
    model: Any,
    rows: Sequence[Sequence[int]],
    choices: Choices,
    ends: frozenset[int],
    tell: Callable[[int, int], None] = lambda done, total: None,
    *,
    make: Make | None = None,
) -> tuple[list[list[float]], str]:
    """The log-probability of each choice after each row, its end included and not normalised.

    Args:
        ends: tokens that end an answer; their probabilities are added up.

    Returns:
        row by row; and what was done otherwise than fast, and why ('': nothing).
    """
    tree = tree_of(choices)
    found = dict[int, list[float]]()
    with torch.no_grad(), reading(model, make) as (chosen, why):
        prefix = common(rows)
        own = [list(row[prefix:]) for row in rows]
        places, room = sizes(model, [len(row) + len(tree.ids) for row in own])
        reader = chosen(model, rows[0][:prefix], places, room)
        for part in _parts(own, places, even=reader.even):
            found |= zip(part, _scored(reader, [own[row] for row in part], tree, sorted(ends)), strict=True)
            reader.keep([])
            tell(len(found), len(rows))
    return [found[row] for row in range(len(rows))], why


def shares(logprobs: Sequence[float]) -> tuple[float, ...]:
    """Log-probabilities as shares of their sum."""
    top = max(logprobs)
    raised = [math.exp(value - top) for value in logprobs]
    return tuple(value / sum(raised) for value in raised)


def _parts(own: Sequence[Sequence[int]], places: int, *, even: bool) -> Iterator[list[int]]:
    """Rows of like length (of one, if ``even``), as many as there are places."""
    part = list[int]()
    for row in sorted(range(len(own)), key=lambda row: len(own[row])):
        if part and (len(part) == places or (even and len(own[row]) != len(own[part[0]]))):
            yield part
            part = []
        part.append(row)
    yield part


def _scored(
    reader: Reader, own: Sequence[Sequence[int]], tree: Tree, ends: list[int]
) -> Iterator[list[float]]:
    asked = reader.add(own)
    if not tree.ids:
        yield from (summed(first[None], tree, ends) for first in asked)
        return
    for first, after in zip(asked, reader.branch(Piece(tree.ids, tree.parents)), strict=True):
        yield summed(torch.cat([after, first[None]]), tree, ends)


def summed(logits: Tensor, tree: Tree, ends: list[int]) -> list[float]:
    """Log-probabilities of the choices from the logits after every node [nodes + 1, V], the last of which is
    what is asked, node -1."""
    totals = logits.logsumexp(-1)
    ending = (logits[:, ends].logsumexp(-1) - totals).tolist()
    parents = torch.tensor(tree.parents, dtype=torch.long) % len(totals)
    steps = (logits[parents, list(tree.ids)] - totals[parents]).tolist()
    sums = list[float]()
    for node, parent in enumerate(tree.parents):
        sums.append(steps[node] + (sums[parent] if parent >= 0 else 0.0))
    return [(sums[last] if last >= 0 else 0.0) + ending[last] for last in tree.lasts]
