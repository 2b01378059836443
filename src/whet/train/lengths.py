"""What becomes of rows that are longer than the model's context: never a silent cut.

Unless a policy is chosen the run stops, with the lengths of all rows in the message. ``drop`` leaves such
rows out; ``cut_start`` leaves out their oldest turns, whole exchanges at a time. Either way the rows are
listed. Knows no tokenizer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from whet.errors import InputError, many
from whet.models.layout import Conversation, Layout
from whet.train.reading import Reading, read
from whet.train.turns import Learn, learned_turns

TooLong = Literal["stop", "drop", "cut_start"]
BELOW = 4  # halvings of the limit that make the histogram's bars below it
BAR = 40  # characters of the longest bar
LONGEST = 5  # rows named in the message


@dataclass(frozen=True, slots=True)
class Kept:
    """The rows that fit, and what had to go for it, by source."""

    readings: tuple[Reading, ...]
    dropped: tuple[str, ...] = ()
    cut: tuple[str, ...] = ()


def fitting(
    conversations: Sequence[Conversation],
    layout: Layout,
    learn: Learn,
    *,
    context: int | None,
    too_long: TooLong,
) -> Kept:
    """Read all conversations, and bring them to at most ``context`` tokens.

    Raises:
        InputError: rows are too long and the policy is to stop; no policy helps; nothing is left.
    """
    found = read(conversations, layout, learn)
    long = [n for n, reading in enumerate(found) if context is not None and reading.length > context]
    if context is None or not long:
        return Kept(tuple(found))
    if too_long == "stop":
        raise _stopped(found, context)
    if too_long == "drop":
        return _dropped(found, set(long), context)
    return _cut(conversations, found, long, layout, learn, context)


def histogram(lengths: Sequence[int], context: int) -> str:
    """Rows by their tokens, a line each doubling; the limit is a border.

    ::

        1-256        12  ████
        257-512      60  ████████████████████
        513-1,024     3  █  too long
    """
    borders = _borders(max(lengths), context)
    bars = list(zip([0, *borders], borders, strict=False))
    counts = [sum(low < length <= high for length in lengths) for low, high in bars]
    names = [f"{low + 1:,}-{high:,}" for low, high in bars]
    wide, digits = max(map(len, names)), max(len(f"{count:,}") for count in counts)
    lines = [
        f"  {name:<{wide}}  {count:>{digits},}  {_bar(count, max(counts))}{'  too long' * (low >= context)}"
        for (low, _), name, count in zip(bars, names, counts, strict=True)
    ]
    return "\n".join(line.rstrip() for line in lines)


def shorter(conversation: Conversation, learn: Learn) -> Iterator[Conversation]:
    """The conversation without its oldest exchanges, one more each time. The system turns at its head stay,
    and so does the last learned turn with the user turn before it."""
    turns = conversation.turns
    head = next((n for n, turn in enumerate(turns) if turn.role not in {"system", "developer"}), len(turns))
    last = max(learned_turns(conversation, learn))
    for start in range(head + 1, last):
        if turns[start].role == "user":
            yield replace(conversation, turns=turns[:head] + turns[start:])


def _borders(longest: int, context: int) -> list[int]:
    borders = sorted({context >> halved for halved in range(BELOW + 1)} - {0})
    while borders[-1] < longest:
        borders.append(borders[-1] * 2)
    return borders


def _bar(count: int, most: int) -> str:
    return "█" * -(-count * BAR // most)


def _stopped(found: Sequence[Reading], context: int) -> InputError:
    lengths = [reading.length for reading in found]
    over = sum(length > context for length in lengths)
    longest = sorted(found, key=lambda reading: -reading.length)[:LONGEST]
    named = ", ".join(
        f"{reading.source} ({reading.length:,})" for reading in longest if reading.length > context
    )
    return InputError(
        f"{over:,} of {len(found):,} rows ({over / len(found):.1%}) are longer than the context of "
        f"{context:,} tokens; nothing was cut. Tokens, rows:\n{histogram(lengths, context)}\n"
        f"  The longest: {named}",
        fix="shorten them, allow a longer context, or choose what becomes of them: `too_long: drop` leaves "
        "them out, `too_long: cut_start` leaves out their oldest turns.",
    )


def _dropped(found: Sequence[Reading], long: set[int], context: int) -> Kept:
    if len(long) == len(found):
        raise InputError(
            f"every row is longer than the context of {context:,} tokens; none is left to learn from.",
            fix="shorten the rows, or use a model with a longer context.",
        )
    kept = tuple(reading for n, reading in enumerate(found) if n not in long)
    return Kept(kept, dropped=tuple(found[n].source for n in sorted(long)))


def _cut(
    conversations: Sequence[Conversation],
    found: list[Reading],
    long: Sequence[int],
    layout: Layout,
    learn: Learn,
    context: int,
) -> Kept:
    cut = {n: _first_that_fits(conversations[n], layout, learn, context) for n in long}
    whole = [f"{found[n].source}: {found[n].length:,} tokens" for n in long if cut[n] is None]
    if whole:
        raise many(
            whole,
            what=f"{len(whole):,} row(s) stay longer than the context of {context:,} tokens without their "
            "older turns; texts are not cut:",
            where="",
            fix="shorten them, allow a longer context, or leave them out (`too_long: drop`).",
        )
    readings = tuple(cut.get(n) or reading for n, reading in enumerate(found))
    return Kept(readings, cut=tuple(found[n].source for n in long))


def _first_that_fits(
    conversation: Conversation, layout: Layout, learn: Learn, context: int
) -> Reading | None:
    for less in shorter(conversation, learn):
        (reading,) = read([less], layout, learn)
        if reading.length <= context:
            return reading
    return None
