"""One thing for the reader to learn or to be measured by, and what all skills share. Knows no skill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from whet.records import Turn


@dataclass(frozen=True, slots=True)
class Item:
    """A conversation whose last turn is the answer."""

    skill: str
    turns: tuple[Turn, ...]
    control: tuple[Turn, ...] = ()
    """What is asked without that from which the answer could be known: no examples, no passages."""
    choices: tuple[str, ...] = ()
    """Where the answer is one of some labels: all of them."""

    @property
    def asked(self) -> tuple[Turn, ...]:
        return self.turns[:-1]

    @property
    def answer(self) -> str:
        return self.turns[-1].text


def told(text: str) -> list[Turn]:
    """A system turn, or none."""
    return [Turn("system", text)] if text else []


def pairs(rows: Sequence[tuple[str, str]]) -> list[Turn]:
    """Questions with their answers, as turns."""
    return [turn for asked, answer in rows for turn in (Turn("user", asked), Turn("assistant", answer))]


def guessed(rows: Sequence[tuple[str, str]]) -> list[Turn]:
    """As ``pairs``, where answers can be known from earlier ones alone: the first of a kind is only read."""
    found, seen = list[Turn](), set[str]()
    for asked, answer in rows:
        more = {} if answer in seen else {"weight": 0}
        found += [Turn("user", asked), Turn("assistant", answer, more)]
        seen.add(answer)
    return found


def listed(labels: Sequence[tuple[str, str]]) -> str:
    """Labels as ``whet.rungs.frame`` lists them."""
    return "Labels:\n" + "\n".join(f"- {name}: {said}" if said else f"- {name}" for name, said in labels)
