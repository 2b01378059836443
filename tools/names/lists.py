"""The word lists beside this file: ``words.txt`` (people, places, streets, jobs, and words that look like
names and are none), ``firms.txt`` (parts of the names of firms), ``towns.txt`` (of towns by language)."""

from __future__ import annotations

import random
import re
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent


class Language(NamedTuple):
    """What the towns of one language are made of."""

    fronts: tuple[str, ...]
    backs: tuple[str, ...]
    forms: tuple[str, ...]


@lru_cache(maxsize=4)
def words(name: str = "words") -> dict[str, tuple[str, ...]]:
    """Section to its words."""
    text = (HERE / f"{name}.txt").read_text(encoding="utf-8")
    parts = re.split(r"^\[(\w+)\]$", text, flags=re.MULTILINE)[1:]
    return {section: split(body) for section, body in zip(parts[::2], parts[1::2], strict=True)}


def split(body: str) -> tuple[str, ...]:
    return tuple(word for word in (part.strip() for part in " ".join(body.split()).split(";")) if word)


@lru_cache(maxsize=1)
def languages() -> dict[str, Language]:
    """Language to the parts of its towns; ``saints`` and ``things`` have fronts only."""
    lines = (HERE / "towns.txt").read_text(encoding="utf-8").splitlines()
    rows = [line.split(":", 1) for line in lines if re.match(r"\w+:", line)]
    plain = {name: Language(split(body), (), ()) for name, body in rows}
    full = [[part.strip() for part in line.split("|")] for line in lines if "|" in line and line[0] != "#"]
    return plain | {name: Language(*map(split, parts)) for name, *parts in full}


def pick(rng: random.Random, section: str) -> str:
    return rng.choice(words()[section])
