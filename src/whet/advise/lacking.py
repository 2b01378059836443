"""Why wrong answers are wrong: a fact was missing, or the model behaved otherwise than it should.

Missing facts are mended by the passage that holds them (an *oracle passage*: the approved output chose
it); behaviour is not. Where a model that writes is at hand, the passage is put before each wrong answer's
input and the model is asked again. Else there is a sign: the approved output holds values (numbers, names,
codes; of short outputs every word) that occur in neither the input nor any training output, but in a passage
that speaks of the input. Values that stand nowhere at all have to be looked up by something else.

On dev, never on test. Knows no rung: asking comes as a function.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from whet.evaluate.scorers.base import text_of
from whet.records import Example, Output

What = Literal["fact", "elsewhere", "behaviour"]
How = Literal["an oracle passage was tried", "a sign in the examples"]
TRIED, SIGN = How.__args__  # type: ignore[attr-defined]
Ask = Callable[[Sequence[str], Sequence[str]], Sequence[Output]]
"""Inputs and a passage for each, to answers."""
Gains = Callable[[Sequence[Example], Sequence[Output]], Sequence[float]]
"""How good each answer is; a right one has 1."""

WORD = re.compile(r"\w+(?:[.,:/@'’-]\w+)*")
SHORT = 4  # words of an output; all of a short one is a value
TELLING = 4  # letters of a word that can say what a text is about
HALF = 0.5
SHOWN = 3


@dataclass(frozen=True, slots=True)
class Lacking:
    """One wrong answer."""

    example: Example
    answer: Output | None
    """What was answered; None where no answers are known."""
    what: What
    values: tuple[str, ...] = ()
    passage: str = ""


@dataclass(frozen=True, slots=True)
class Sorted:
    """Wrong answers (or, without a run, outputs), each with what would mend it."""

    rung: str
    """Whose answers they are; empty where none are known."""
    how: How
    rows: tuple[Lacking, ...]

    def count(self, what: What) -> int:
        return sum(row.what == what for row in self.rows)

    def share(self, what: What) -> float:
        return self.count(what) / len(self.rows) if self.rows else 0.0


def sort_wrong(
    rung: str,
    wrong: Sequence[tuple[Example, Output | None]],
    train: Sequence[Example],
    passages: Sequence[str],
    *,
    ask: Ask | None = None,
    gains: Gains | None = None,
) -> Sorted:
    """Sort wrong answers into missing facts and behaviour.

    Args:
        rung: whose answers they are.
        wrong: examples of dev with what was answered.
        train: what could be learned from.
        passages: of the task's documents.
        ask: asks the model of the rung again, with a passage before each input; without it the sign decides.
        gains: judges what it then answers.
    """
    known = {word for example in train for word in words(text_of(example.output))}
    rows = [_signed(example, answer, known, passages) for example, answer in wrong]
    if ask is None or gains is None:
        return Sorted(rung, SIGN, tuple(rows))
    return Sorted(rung, TRIED, tuple(_tried(rows, ask, gains)))


def words(text: str) -> set[str]:
    """The words of a text, folded."""
    return {word.casefold() for word in WORD.findall(text)}


def values(output: Output) -> set[str]:
    """What of an output may be a fact: numbers, names and codes; of a short one every word."""
    text = text_of(output)
    found = WORD.findall(text)
    if len(found) <= SHORT or text.startswith(("{", "[")):
        return {word.casefold() for word in found}
    inside = [m[0] for m in WORD.finditer(text) if not _starts_sentence(text, m.start())]
    named = {word.casefold() for word in inside if word[:1].isupper() and len(word) > 1}
    return named | {word.casefold() for word in found if any(c.isdigit() for c in word)}


def _starts_sentence(text: str, place: int) -> bool:
    before = text[:place].rstrip(" \"'“(")
    return not before or before[-1] in ".!?:\n"


def _signed(example: Example, answer: Output | None, known: set[str], passages: Sequence[str]) -> Lacking:
    said = words(text_of(answer)) if answer is not None else set[str]()
    new = values(example.output) - words(example.input) - known - said
    if not new:
        return Lacking(example, answer, "behaviour")
    passage = oracle(example, new, passages)
    what: What = "fact" if passage else "elsewhere"
    return Lacking(example, answer, what, tuple(sorted(new)), passage)


def oracle(example: Example, new: set[str], passages: Sequence[str]) -> str:
    """The passage that holds all of these values and speaks of the input; empty where none does."""
    about = {word for word in words(example.input) if len(word) >= TELLING}
    best, most = "", 0
    for passage in passages:
        there = words(passage)
        shared = len(about & there)
        if new <= there and shared > most:
            best, most = passage, shared
    return best


def _tried(rows: Sequence[Lacking], ask: Ask, gains: Gains) -> list[Lacking]:
    """Those with a passage asked again: a fact was missing where the passage mends the answer."""
    there = [row for row in rows if row.passage]
    answers = ask([row.example.input for row in there], [row.passage for row in there])
    examples = [row.example for row in there]
    after = gains(examples, answers)
    before = gains(examples, [row.answer if row.answer is not None else "" for row in there])
    mended = {
        row.example.id
        for row, old, new in zip(there, before, after, strict=True)
        if new - old >= HALF * (1.0 - old) > 0
    }
    return [row if not row.passage or row.example.id in mended else _as_behaviour(row) for row in rows]


def _as_behaviour(row: Lacking) -> Lacking:
    return Lacking(row.example, row.answer, "behaviour", row.values, row.passage)
