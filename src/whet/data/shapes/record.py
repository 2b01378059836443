"""One record for every shape: what a row says, whatever file it came in.

The conversation is kept in OpenAI's terms (``whet.records.Turn``), because every other shape can be
said in them. What a shape has beyond that is a field of its own; every key that no field claims stays
in ``more``, unchanged. Knows no files and no shapes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from whet.errors import InputError
from whet.records import Turn

SHOWN_VALUE = 80  # characters of a wrong value that a message shows

Turns = tuple[Turn, ...]
Label = str | int | float | tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """One row, in full. Fields that a row has nothing for are empty or None."""

    turns: Turns = ()
    """The conversation. Where answers stand apart (``chosen``, ``completions``): what comes before them."""
    tools: tuple[Mapping[str, Any], ...] | None = None
    """Tool definitions, as OpenAI has them: ``{"type": "function", "function": {...}}``."""
    chosen: Turns | None = None
    """Of a preference: the better answer."""
    rejected: Turns | None = None
    """Of a preference: the worse answer."""
    completions: tuple[Turns, ...] | None = None
    """Several answers, or the steps of one."""
    marks: tuple[bool | int, ...] | None = None
    """One a completion: whether the step is right, or the answer's rank (1 is best)."""
    desirable: bool | None = None
    """Whether the answer is one to learn from (KTO)."""
    label: Label | None = None
    """Of a classification: a name, several names, or the number of a class whose name is not known."""
    instruction: str | None = None
    """What to do, where the row keeps it apart from the input that the last user turn holds (Alpaca)."""
    learn_from: int | None = None
    """Index of the first turn to learn from, where the row says so (a completion after earlier answers).
    None: every assistant turn, but for those of weight 0."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """Every other key of the row."""


class Problem(InputError):
    """A value that breaks a rule of its shape, or that a shape cannot hold.

    Args:
        field: the key, with the way down to it: ``messages[2].role``.
        value: the value as it stands, None where there is none; the message shows its start.
        rule: what is asked.
        fix: the next step.
    """

    def __init__(self, field: str, value: object, rule: str, fix: str = "", *, where: object = "") -> None:
        self.field, self.value, self.rule = field, value, rule
        parts = [field, "" if value is None else cut(value), rule]
        super().__init__(": ".join(filter(None, parts)), where=where, fix=fix)

    def at(self, where: object) -> Problem:
        """The same problem, with its ``file:line``."""
        return Problem(self.field, self.value, self.rule, self.fix, where=where)


def cut(value: object) -> str:
    """The value as Python writes it, at most ``SHOWN_VALUE`` characters."""
    text = repr(value)
    return text if len(text) <= SHOWN_VALUE else f"{text[: SHOWN_VALUE - 1]}…"
