"""The words that the reader's texts are made of, and which of them are kept apart for the figures.

Made-up words, codes and sentence frames fall in two halves by a digest of their text: most are learned from,
the rest only measured with. Plain words stand in both: what a word is about is knowledge, and a token that
was never met cannot be written. Knows no task.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

HERE = Path(__file__).resolve().parent
WORDS = 12
"""Of a topic, at most: each has to be met often enough."""
PART = 6
"""One in so many is kept apart."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A kind of thing: how it is called, how a definition says it, and its words."""

    name: str
    said: tuple[str, ...]
    words: tuple[str, ...]


def lines(name: str) -> list[list[str]]:
    """The fields of each line of a list beside this file."""
    text = (HERE / name).read_text(encoding="utf-8").splitlines()
    return [[part.strip() for part in line.split("|")] for line in text if line and line[0] != "#"]


def split(text: str, mark: str = ",") -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(mark) if part.strip())


@lru_cache(maxsize=1)
def topics() -> tuple[Topic, ...]:
    """All topics; a word that stands in two of them is in none."""
    rows = lines("words.txt")
    times = Counter(word for *_, words in rows for word in split(words))
    return tuple(
        Topic(name, split(said, ";"), tuple(word for word in split(words) if times[word] == 1)[:WORDS])
        for name, said, words in rows
    )


@lru_cache(maxsize=1)
def lists() -> dict[str, tuple[str, ...]]:
    return {name: split(words) for name, words in lines("lists.txt")}


def apart(text: str) -> bool:
    """Whether a word or a frame is kept for the figures."""
    return hashlib.sha256(text.encode()).digest()[0] % PART == 0


class Draw:
    """Draws from the lists, for learning (``held`` False) or from what is kept apart."""

    def __init__(self, rng: random.Random, *, held: bool, hard: float = 1.0, single: bool = False):
        """``hard``: from 0, the shortest items, to 1; ``single``: one question an item."""
        self.rng, self.held, self.hard, self.single = rng, held, hard, single

    def size(self, least: int, most: int) -> int:
        """How many of something: up to the least at first, up to the most later."""
        return self.rng.randint(least, least + round(self.hard * (most - least)))

    def questions(self, least: int, most: int) -> int:
        """How many questions an item has."""
        return 1 if self.single else self.rng.randint(least, most)

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def frame(self, frames: Sequence[str]) -> str:
        """One of some sentence frames of this half."""
        mine = [frame for frame in frames if apart(frame) == self.held]
        return self.rng.choice(mine or list(frames))

    def word(self, name: str) -> str:
        """A word of a list; these stand in both halves."""
        return self.rng.choice(lists()[name])

    def some(self, values: Sequence[str], count: int) -> list[str]:
        return self.rng.sample(list(values), min(count, len(values)))

    def nonsense(self) -> str:
        """A word that means nothing: ``zwoft``, ``bleackum``."""
        while True:
            word = "".join(
                "".join(self.rng.choice(lists()[part]) for part in ("fronts", "middles", "backs"))
                for _ in range(1 if self.chance(0.6) else 2)
            )
            if apart(word) == self.held:
                return word

    def code(self) -> str:
        """``K7``, ``ZX-41``, ``7730``."""
        while True:
            letters = "".join(
                self.rng.choice("ABCDEFGHJKLMNPQRSTUVWXYZ") for _ in range(self.rng.choice((1, 2)))
            )
            digits = str(self.rng.randrange(1, 10 ** self.rng.randrange(1, 4)))
            made = self.rng.choice(
                (letters + digits, f"{letters}-{digits}", str(self.rng.randrange(100, 9999)))
            )
            if apart(made) == self.held:
                return made

    def number(self, most: int = 99) -> str:
        return str(self.rng.randrange(2, most))

    def person(self) -> str:
        name = self.word("people")
        return f"{name} {self.surname()}" if self.chance(0.5) else name

    def surname(self) -> str:
        return self.word("surnames") if self.chance(0.6) else self.nonsense().capitalize()

    def city(self) -> str:
        return (
            self.word("cities")
            if self.chance(0.6)
            else self.nonsense().capitalize() + self.rng.choice(("ton", "berg", "ville", "ford"))
        )

    def firm(self) -> str:
        return f"{self.nonsense().capitalize()} {self.word('firms')}"

    def date(self) -> str:
        return f"{self.rng.randrange(1, 29)} {self.word('months')}"

    def label(self) -> str:
        """What an answer may be called: a made-up word, a code, a plain word."""
        kind = self.rng.random()
        if kind < 0.5:
            return self.nonsense()
        return self.code() if kind < 0.7 else self.word("common")

    def labels(self, count: int) -> list[str]:
        """Different ones, mostly of one kind."""
        make = self.rng.choice((self.nonsense, self.nonsense, self.code, self.label))
        found = dict.fromkeys(make() for _ in range(count))
        while len(found) < count:
            found[self.label()] = None
        return list(found)

    def topics(self, count: int) -> list[Topic]:
        return self.rng.sample(topics(), count)
