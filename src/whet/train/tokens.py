"""Rows to learn from: conversations as tokens with weights, checked, counted and of a length that fits.

The way: ``layout`` writes a conversation as text, ``turns`` finds the learned turns in it, ``reading`` makes
tokens of it, ``lengths`` says what becomes of long ones. ``shown`` shows one. Knows no model and no step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from whet.errors import SHOWN, InputError, nearest
from whet.models.layout import Conversation, layout_of
from whet.train.lengths import TooLong, fitting
from whet.train.sharing import Row
from whet.train.turns import Learn


@dataclass(frozen=True, slots=True)
class Tokenized:
    """All rows as tokens, and what there is to say about them."""

    rows: tuple[Row, ...]
    sources: tuple[str, ...]
    """``file:line`` of each row."""
    template: str
    """SHA-256 of the chat template, or of the plain layout's name; it travels with the specialist."""
    tokens: int
    learned: int
    """Tokens with a weight."""
    ends: tuple[int, ...]
    """Tokens that end a learned turn: where answering has to stop."""
    dropped: tuple[str, ...] = ()
    """Sources of rows left out for their length."""
    cut: tuple[str, ...] = ()
    """Sources of rows whose older turns were left out for their length."""
    straddled: tuple[str, ...] = ()
    """Sources of rows where a token that begins an answer also ends what is asked, and is only read."""
    altered: tuple[str, ...] = ()
    """Sources of rows where the chat template leaves out a piece of an answer."""
    unknown: tuple[str, ...] = ()
    """Sources of rows with characters that the tokenizer does not know, and drops or changes."""
    empty: tuple[str, ...] = ()
    """Sources of rows with an answer that is nothing but its end."""

    def notes(self) -> list[str]:
        """What the user should know."""
        said = {
            "left out: too long": self.dropped,
            "older turns left out: too long": self.cut,
            "an answer's first token is only read, since it also ends what is asked": self.straddled,
            "the chat template leaves out a piece of the answer": self.altered,
            "the tokenizer drops or changes some characters": self.unknown,
            "the answer is empty, and nothing but its end is learned": self.empty,
        }
        return [f"{len(rows):,} row(s): {why} ({_listed(rows)})" for why, rows in said.items() if rows]


def tokenize(
    conversations: Sequence[Conversation],
    tokenizer: Any,
    *,
    learn: Learn = "assistant",
    context: int | None = None,
    too_long: TooLong = "stop",
    options: Mapping[str, Any] | None = None,
    ends: Iterable[int] = (),
) -> Tokenized:
    """Rows for the training step.

    Args:
        conversations: a prompt with its completion is two turns. ``weight`` of an assistant turn (0: only
            read) multiplies the weight of its tokens.
        tokenizer: a fast tokenizer of ``transformers``, with or without a chat template.
        learn: from every assistant turn, or from the last of a row.
        context: tokens that a row may have; None: any number.
        too_long: what becomes of longer rows: ``stop``; ``drop`` them; ``cut_start``: leave out the oldest
            turns, whole, up to a user turn, and keep the system turn and the last learned turn.
        options: variables of the chat template, such as ``enable_thinking``.
        ends: tokens that end a turn, beside the tokenizer's special tokens (the generation config's).

    Raises:
        InputError: rows that cannot be learned as they stand, by line; rows that are too long.
    """
    _known("learn", learn, get_args(Learn))
    _known("too_long", too_long, get_args(TooLong))
    if context is not None and context < 1:
        raise InputError(f"{context} is not a number of tokens.", where="context", fix="give at least 1.")
    layout = layout_of(tokenizer, options=options, ends=ends)
    kept = fitting(conversations, layout, learn, context=context, too_long=too_long)
    found = kept.readings
    return Tokenized(
        rows=tuple(reading.row for reading in found),
        sources=tuple(reading.source for reading in found),
        template=layout.digest,
        tokens=sum(reading.length for reading in found),
        learned=sum(reading.learned for reading in found),
        ends=tuple(sorted(frozenset().union(*(reading.ends for reading in found)))),
        dropped=kept.dropped,
        cut=kept.cut,
        straddled=tuple(reading.source for reading in found if reading.straddled),
        altered=tuple(reading.source for reading in found if reading.altered),
        unknown=tuple(reading.source for reading in found if reading.unknown),
        empty=tuple(reading.source for reading in found if reading.empty),
    )


def _known(name: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise InputError(f"{value!r} is not a choice.", where=name, fix=nearest(value, known))


def _listed(sources: Sequence[str]) -> str:
    more = f", and {len(sources) - SHOWN:,} more" if len(sources) > SHOWN else ""
    return ", ".join(sources[:SHOWN]) + more
