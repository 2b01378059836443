"""A short way to the end of an answer that has a form: which tokens complete it, whatever the model says.

Greedy and drawn, not searched: of the tokens that the form allows, those that close are taken before those
that open; among the others one is drawn, with a fixed seed, so that no loop goes on for ever. Every other
draw takes marks before letters within a text: an address needs its ``@``, and chance alone rarely finds it.
Knows no model.
"""

from __future__ import annotations

import random
import string
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

TRIES = 4
END, CLOSES, GOES_ON, MARKS, NEUTRAL, QUOTES, OPENS = range(7)


@dataclass(frozen=True, slots=True)
class Quotes:
    """Whether JSON that breaks off here breaks off within a text."""

    inside: bool = False
    escaped: bool = False

    def after(self, text: str) -> Quotes:
        inside, escaped = self.inside, self.escaped
        for sign in text:
            if escaped:
                escaped = False
            elif sign == "\\":
                escaped = inside
            elif sign == '"':
                inside = not inside
        return Quotes(inside, escaped)


class Ways:
    """Ways to the end, in one tokenizer's tokens."""

    def __init__(self, tokens: Any, ends: frozenset[int]):
        """``tokens``: an ``LLTokenizer``."""
        self._tokens = tokens
        texts = [tokens.decode_str([token]) for token in range(tokens.vocab_size)]
        self._outside = np.array([_outside(text) for text in texts], dtype=np.int8)
        self._inside = np.array([_inside(text) for text in texts], dtype=np.int8)
        marks = np.array([len(text) == 1 and text in string.punctuation for text in texts])
        self._marks = np.where(marks & (self._inside == NEUTRAL), MARKS, self._inside).astype(np.int8)
        self._plain = np.full(len(texts), NEUTRAL, dtype=np.int8)
        for ranks in (self._outside, self._inside, self._marks, self._plain):
            ranks[sorted(ends)] = END
        self._ends = ends

    def find(self, matcher: Any, most: int, quotes: Quotes | None) -> list[int] | None:
        """At most ``most`` tokens from where ``matcher`` stands to an end; None: none was found.

        Args:
            quotes: where the answer stands, if it is JSON, where a bracket in a text closes nothing.
        """
        ways = (self._drawn(matcher.deep_copy(), most, quotes, seed) for seed in range(TRIES))
        return next((way for way in ways if way is not None), None)

    def _drawn(self, matcher: Any, most: int, quotes: Quotes | None, seed: int) -> list[int] | None:
        way, rng = list[int](), random.Random(seed)
        inside = self._marks if seed % 2 else self._inside
        while not (matcher.is_accepting() or matcher.is_stopped()):
            if len(way) >= most or matcher.is_error():
                return None
            more = matcher.compute_ff_tokens() or [self._next(matcher, quotes, inside, rng)]
            if not matcher.consume_tokens(more):
                return None
            way += more
            quotes = quotes and quotes.after(self._tokens.decode_str(more))
        return way if len(way) <= most and not matcher.is_error() else None

    def _next(self, matcher: Any, quotes: Quotes | None, inside: NDArray[np.int8], rng: random.Random) -> int:
        allowed = allowed_tokens(matcher, self._tokens.vocab_size)
        ranks = self._plain
        if quotes is not None:
            ranks = inside if quotes.inside else self._outside
        best = np.flatnonzero(allowed & (ranks == ranks[allowed].min(initial=OPENS)))
        return int(best[rng.randrange(len(best))]) if len(best) else min(self._ends)


def allowed_tokens(matcher: Any, vocabulary: int) -> NDArray[np.bool_]:
    """Which tokens may come next [V]."""
    import llguidance.numpy

    mask = np.zeros((1, -(-vocabulary // 32)), dtype=np.int32)
    llguidance.numpy.fill_next_token_bitmask(matcher, mask)
    bits: NDArray[np.bool_] = np.unpackbits(mask.view(np.uint8), bitorder="little")[:vocabulary] == 1
    return bits


def _outside(text: str) -> int:
    if text[:1] in {"}", "]"}:
        return CLOSES if not text.strip("}]") else NEUTRAL
    if text[:1] == ",":  # a number could otherwise go on for ever, where more must follow it
        return GOES_ON
    if text[:1] in {"{", "["}:
        return OPENS
    return QUOTES if text[:1] == '"' else NEUTRAL


def _inside(text: str) -> int:
    if text[:1] == '"':
        return CLOSES if not text.strip('"}]') else NEUTRAL
    return OPENS if "\\" in text else NEUTRAL
