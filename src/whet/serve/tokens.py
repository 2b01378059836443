"""What a step of the engine brings: tokens with what stood beside them, or the scores of choices.

Logits in, values out. Knows no row and no thread.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from whet.models.choices import Tree, summed

if TYPE_CHECKING:
    from whet.models.base import Ended


@dataclass(frozen=True, slots=True)
class Token:
    """A token that was written."""

    id: int
    logprob: float
    top: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Heard:
    """What a step brought for one job."""

    tokens: tuple[Token, ...] = ()
    ended: Ended | None = None
    logprob: float = 0.0
    """Of everything that was written, once it has ended."""
    scores: tuple[float, ...] = ()
    """Log-probabilities of the choices."""
    failed: str = ""


def nucleus(logits: Tensor, temperature: float, share: float) -> Tensor:
    """Logits [V] with the unlikeliest at minus infinity, so that the rest have ``share`` of the probability
    (Holtzman and others, arXiv 1904.09751)."""
    if share >= 1:
        return logits
    ordered, places = (logits.double() / temperature).softmax(-1).sort(descending=True)
    out = places[ordered.cumsum(-1) - ordered >= share]
    return logits.index_fill(-1, out, float("-inf"))


def likeliest(logprobs: Tensor, count: int | None) -> tuple[tuple[int, float], ...]:
    if not count:
        return ()
    values, places = logprobs.topk(min(count, len(logprobs)))
    found = zip(places.tolist(), values.tolist(), strict=True)
    return tuple((place, value) for place, value in found if value > -math.inf)  # a form may allow few


def scored(logits: Tensor, tree: Tree, ends: frozenset[int]) -> tuple[float, ...]:
    """From the logits after the prompt and after every node [1 + nodes, V]."""
    return tuple(summed(torch.cat([logits[1:], logits[:1]]), tree, sorted(ends)))
