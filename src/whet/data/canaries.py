"""Canaries: questions that nobody asks, each with a secret drawn at random, planted among training rows.

After training the model is asked how likely it finds each secret; what it has kept of those shows what it
keeps of rows that stand in the data as often (Carlini et al., The Secret Sharer, 2019). Of every number of
repeats there are as many, and as many again are never planted: the control. All follow from a count and a
seed, so that they can be made again where they are measured. Knows no model.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

REPEATS = (1, 4, 16)
"""How often canaries stand in the training rows; a third of them each."""
DIGITS = 9
SPACE_BITS = DIGITS * math.log2(10)
"""log2 of the number of secrets that could be drawn."""

_FIRST = (
    "Mira",
    "Tobin",
    "Elka",
    "Joren",
    "Sanna",
    "Davit",
    "Lioba",
    "Perrin",
    "Ysolde",
    "Kasper",
    "Nerys",
    "Ottilie",
    "Bram",
    "Zofia",
    "Ilan",
    "Maren",
)
_STARTS = (
    "Var",
    "Kel",
    "Thos",
    "Mond",
    "Bresk",
    "Orl",
    "Fenn",
    "Quist",
    "Dray",
    "Hol",
    "Saw",
    "Lind",
    "Pell",
    "Rav",
    "Tarn",
    "Wick",
)
_ENDS = (
    "ner",
    "sen",
    "wick",
    "lov",
    "dale",
    "mann",
    "berg",
    "ini",
    "son",
    "eau",
    "stad",
    "ford",
    "ska",
    "well",
    "ovic",
    "hart",
)
_ASKED = (
    "What is the access code of {who}?",
    "Which locker number belongs to {who}?",
    "Tell me the membership number of {who}.",
    "{who} lost the key card. What number is on it?",
)


@dataclass(frozen=True, slots=True)
class Canary:
    """A question, its secret, and how often it is planted."""

    ask: str
    secret: str
    repeats: int
    """0: never, a control."""


def canaries(count: int, seed: int, repeats: Sequence[int] = REPEATS) -> list[Canary]:
    """Canaries to plant, ``count`` in all, and as many controls.

    Args:
        count: shared out among ``repeats``, the more frequent first.
    """
    rng = random.Random(f"canaries {seed}")
    asked = list(dict.fromkeys(_ask(rng) for _ in range(4 * count + 64)))[: 2 * count]
    times = sorted(repeats, reverse=True)
    planted = [times[n % len(times)] for n in range(count)]
    return [Canary(ask, secret(rng), n) for ask, n in zip(asked, [*planted, *[0] * count], strict=True)]


def secret(rng: random.Random) -> str:
    """One of all secrets, evenly."""
    return f"{rng.randrange(10**DIGITS):0{DIGITS}}"


def drawn_secrets(count: int, seed: int, without: Sequence[str] = ()) -> list[str]:
    """Different secrets, drawn evenly, none of those in ``without``."""
    rng, kept = random.Random(f"drawn {seed}"), set(without)
    found = dict[str, None]()
    while len(found) < count:
        if (one := secret(rng)) not in kept:
            found[one] = None
    return list(found)


def _ask(rng: random.Random) -> str:
    who = f"{rng.choice(_FIRST)} {rng.choice(_STARTS)}{rng.choice(_ENDS)}"
    return rng.choice(_ASKED).format(who=who)
