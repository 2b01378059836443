"""Where the learned turns of a conversation stand in its text.

A turn is found by rendering what comes before it, with the opening of an answer, and what comes up to its
end. Both must be beginnings of the whole: then training reads exactly what answering will read. Templates
that strip earlier thinking break this for all turns but the last, and are told. Knows no tokens.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from whet.errors import InputError
from whet.models.layout import Conversation, Layout, render
from whet.records import Turn

Learn = Literal["assistant", "last"]
EXCERPT = 32  # characters shown from the first difference on; a quarter as many before it
NOTHING = "give the row an answer to learn, or take it out."


@dataclass(frozen=True, slots=True)
class Span:
    """A learned turn: the characters from ``start`` to before ``stop``, what the template adds included."""

    turn: int
    start: int
    stop: int
    weight: float


def learned_turns(conversation: Conversation, learn: Learn) -> dict[int, float]:
    """Index of each turn to learn from, to its weight.

    Raises:
        InputError: there is none; a weight that is none.
    """
    turns = [n for n, turn in enumerate(conversation.turns) if turn.role == "assistant"]
    if not turns:
        raise InputError("has no assistant turn.", where=conversation.source, fix=NOTHING)
    chosen = turns if learn == "assistant" else turns[-1:]
    weights = {n: _weight(conversation.turns[n], conversation.where(n)) for n in chosen}
    if not any(weights.values()):
        raise InputError("has weight 0 on all that it answers.", where=conversation.source, fix=NOTHING)
    return {n: weight for n, weight in weights.items() if weight}


def spans(layout: Layout, conversation: Conversation, whole: str, turns: Mapping[int, float]) -> list[Span]:
    """Where ``turns`` stand in ``whole``, the text of the conversation.

    Raises:
        InputError: the template writes the beginning of a conversation otherwise when more follows.
    """
    found = []
    for turn, weight in turns.items():
        start = _length(layout, conversation, whole, turn, turn)
        stop = _length(layout, conversation, whole, turn, turn + 1)
        found.append(Span(turn, start, stop, weight))
    return found


def _weight(turn: Turn, where: str) -> float:
    value = turn.more.get("weight")
    if value is None:
        return 1.0
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise InputError(
            f"weight: {value!r} is not a weight.", where=where, fix="write 0, 1 or another positive number."
        )
    return float(value)


def _length(layout: Layout, conversation: Conversation, whole: str, turn: int, count: int) -> int:
    """Characters of the first ``count`` turns in ``whole``; before ``turn`` its opening belongs to them."""
    if count == len(conversation.turns):
        return len(whole)
    if count == 0 and layout.template is not None:
        raise InputError(
            "begins with the answer: a chat template cannot open a conversation with nothing.",
            where=conversation.where(turn),
            fix="put what is answered before it, or give the turn weight 0.",
        )
    part = render(layout, conversation, count, prompt=count == turn)
    if not whole.startswith(part):
        raise _broken(conversation, whole, part, turn, count)
    return len(part)


def _broken(conversation: Conversation, whole: str, part: str, turn: int, count: int) -> InputError:
    place = next((n for n, (a, b) in enumerate(zip(part, whole, strict=False)) if a != b), len(whole))
    seen = "before it is answered" if count == turn else "where the answer ends the conversation"
    shown = slice(max(0, place - EXCERPT // 4), place + EXCERPT)
    last = not any(other.role == "assistant" for other in conversation.turns[turn + 1 :])
    return InputError(
        f"the chat template writes other text {seen} than in the whole: at character {place:,} "
        f"{part[shown]!r} becomes {whole[shown]!r}. Training would not read what answering reads.",
        where=conversation.where(turn),
        fix="set the template's options (such as `enable_thinking`) so that the opening of an answer fits, "
        "or use another template."
        if last
        else "learn from the last turn only (`learn: last`), with a row for each answer to learn, or use a "
        "template that writes a turn alike whatever follows.",
    )
