"""How often the reader meets each skill, and the rows that it learns from, each made when it is asked for.

    number of the row -> how hard -> skill -> conversation -> tokens

A row is a function of the seed and its number. The first are short, and mostly of copying and looking up:
heads that copy come before everything that needs them (Olsson and others, arXiv 2209.11895).
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, overload

from reader import definitions, facts, forms, labels, orders
from reader.items import Item
from reader.lists import Draw, lists
from reader.tokens import SMALL

if TYPE_CHECKING:
    from whet.models.layout import Layout
    from whet.train.sharing import Row

Make = Callable[[Draw], Item]
# Skill to its share at the start and at the end.
SHARES: Mapping[Make, tuple[float, float]] = {
    orders.again: (8, 1),
    orders.looked_up: (8, 2),
    orders.orders: (3, 3),
    labels.partners: (8, 4),
    labels.examples: (3, 8),
    definitions.meant: (45, 14),
    labels.names: (3, 3),
    labels.several: (0.2, 1),
    labels.whether: (0.5, 1),
    facts.passages: (5, 8),
    facts.nothing: (0.2, 0.4),
    forms.objects: (1, 4),
    forms.single: (2, 3),
    forms.house: (1, 4),
}
# The shares of the last part: less of what is learned already, more of what whet's rungs ask for.
LAST: Mapping[Make, float] = {
    orders.orders: 1.5,
    orders.looked_up: 1,
    labels.partners: 1.5,
    labels.examples: 8,
    definitions.meant: 12,
    labels.names: 2,
    labels.several: 0.5,
    labels.whether: 0.3,
    facts.passages: 11,
    facts.nothing: 0.7,
    forms.objects: 7,
    forms.single: 3,
    forms.house: 4,
}
EASY = 14_000
"""Rows over which items grow to their full size."""


def item(seed: str, hard: float, *, held: bool = False) -> Item:
    """One item of the mixture."""
    rng = random.Random(seed)
    draw = Draw(rng, held=held, hard=hard)
    shares = [first + hard * (last - first) for first, last in SHARES.values()]
    return rng.choices(list(SHARES), shares)[0](draw)


def last(seed: str) -> Item:
    """One item of the last part."""
    rng = random.Random(seed)
    return rng.choices(list(LAST), list(LAST.values()))[0](Draw(rng, held=False))


def held_out(make: Make, count: int, seed: int = 0) -> list[Item]:
    """Items of one skill from what is kept apart, with one question each."""
    return [make(Draw(random.Random(f"held/{seed}/{n}"), held=True, single=True)) for n in range(count)]


def plain() -> list[str]:
    """What stands around words that matter: frames without what fills them."""
    frames = (
        *labels.SAYING,
        *definitions.ABOUT,
        *definitions.SUCH,
        *facts.STATED,
        *facts.ASKED,
        *forms.TEXTS,
    )
    small = (*lists()["days"], *lists()["adjectives"], *lists()["people"])
    return [*(re.sub(r"\{\w+\}", " ", frame) for frame in frames), *small, " ".join(SMALL.split("|"))]


class Rows(Sequence["Row"]):
    """The rows of a training, as tokens."""

    def __init__(self, layout: Layout, count: int, seed: int, easy: int):
        """``easy``: rows over which items grow; 0: it is the last part."""
        self.layout, self.rows, self.seed, self.easy = layout, count, seed, easy

    def __len__(self) -> int:
        return self.rows

    @overload
    def __getitem__(self, place: int) -> Row: ...
    @overload
    def __getitem__(self, place: slice) -> list[Row]: ...
    def __getitem__(self, place: int | slice) -> Row | list[Row]:
        if isinstance(place, slice):
            return [self[n] for n in range(*place.indices(self.rows))]
        seed = f"{self.seed}/{place}"
        made = item(seed, min(1.0, place / self.easy)) if self.easy else last(seed)
        return row_of(made, self.layout)


def row_of(made: Item, layout: Layout) -> Row:
    """As ``whet.train.reading.read`` reads it (a test compares them), five times as fast: the template writes
    special tokens around every turn, so that turns can be made tokens by themselves."""
    from whet.train.sharing import Row

    tokenizer = layout.tokenizer
    contents = tokenizer([turn.text for turn in made.turns], add_special_tokens=False)["input_ids"]
    ids, weights = [tokenizer.bos_token_id], [0.0]
    for turn, content in zip(made.turns, contents, strict=True):
        own = float(turn.more.get("weight", 1)) if turn.role == "assistant" else 0.0
        ids += [tokenizer.convert_tokens_to_ids(f"<|{turn.role}|>"), *content, tokenizer.eos_token_id]
        weights += [0.0, *[own] * (len(content) + 1)]
    return Row(tuple(ids), tuple(weights))
