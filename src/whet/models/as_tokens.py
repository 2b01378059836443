"""A request as a local model reads it: tokens, the room that its answer needs, and the answer to a choice.

Knows no model, no task and no rung.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from whet.models.base import Answer, Request
from whet.models.folder import UNSET_LENGTH
from whet.models.layout import Conversation, Layout, encode, render

if TYPE_CHECKING:
    from whet.models.choices import Choices

TAIL = 8
"""Last tokens of what is asked, on which it hangs how an answer's first tokens are cut."""


@dataclass(frozen=True, slots=True)
class AsTokens:
    """A request as tokens."""

    request: Request
    text: str
    ids: tuple[int, ...]
    choices: Choices = ()


def too_long(layout: Layout, context: int, requests: Sequence[Request]) -> list[bool]:
    """Which requests leave no room, in so many tokens, for those that they ask for."""
    if context >= UNSET_LENGTH:
        return [False] * len(requests)
    texts = [render(layout, Conversation(one.turns, "a request"), prompt=True) for one in requests]
    lengths = [len(encoded.ids) for encoded in encode(layout, texts)]
    return [n + one.tokens > context for n, one in zip(lengths, requests, strict=True)]


def alike(one: Sequence[int], other: Sequence[int]) -> int:
    """Tokens that both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (left, right) in pairs if left != right), min(len(one), len(other)))


def least(asked: AsTokens) -> int:
    """Tokens that the answer must have room for: the longest choice, or one."""
    return max(1, *map(len, asked.choices)) if asked.choices else 1


def choice_of(asked: AsTokens, logprobs: Sequence[float]) -> Answer:
    """The answer to a request for a choice, of which these are the log-probabilities."""
    from whet.models.choices import shares

    request = asked.request
    found = shares(logprobs)
    best = max(range(len(found)), key=found.__getitem__)
    if request.temperature:
        heated = shares([value / request.temperature for value in logprobs])
        best = random.Random(request.seed).choices(range(len(found)), weights=heated)[0]
    return Answer(
        text=request.form.choices[best] if request.form else "",
        logprob=math.log(found[best]) if found[best] else -math.inf,
        choices=found,
        tokens_in=len(asked.ids),
        tokens_out=len(asked.choices[best]) + 1,
    )
