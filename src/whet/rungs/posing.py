"""An input with what is shown beside it, as far as the model can read it and still answer.

    input, demonstrations, passages -> too long? -> without the last passage, then the first demonstration

What the model has no room for is left out, never cut; the input itself and the instruction stay whole. Knows
no model but by whether it can read a request.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from whet.rungs.frame import Frame, Shot

if TYPE_CHECKING:
    from whet.models.base import Request
    from whet.records import Passage

TooLong = Callable[[Sequence["Request"]], list[bool]]


@dataclass(frozen=True, slots=True)
class Posed:
    """An input as it is asked."""

    request: Request
    passages: tuple[Passage, ...] = ()
    shots: tuple[Shot, ...] = ()
    """Demonstrations."""
    seconds: float = 0.0
    """Share of the time that finding took."""


def posed_as(frame: Frame, text: str, near: Sequence[Shot], passages: Sequence[Passage]) -> Posed:
    """An input with all that is to be shown: the frame's demonstrations, then those for this input."""
    shots = (*frame.shots, *near)
    request = replace(frame, shots=()).request(text, shots, [one.shown for one in passages])
    return Posed(request, tuple(passages), shots)


def within(frame: Frame, rows: Sequence[Posed], inputs: Sequence[str], too_long: TooLong) -> list[Posed]:
    """The same, each with as much beside it as the model can read."""
    found, waiting = list(rows), [n for n, one in enumerate(rows) if one.passages or one.shots]
    bare = replace(frame, shots=())
    while waiting:
        over = too_long([found[n].request for n in waiting])
        waiting = [n for n, much in zip(waiting, over, strict=True) if much]
        for n in waiting:
            found[n] = replace(_less(bare, found[n], inputs[n]), seconds=found[n].seconds)
        waiting = [n for n in waiting if found[n].passages or found[n].shots]
    return found


def _less(bare: Frame, one: Posed, text: str) -> Posed:
    """Passages stand best first, demonstrations nearest last."""
    if one.passages:
        return posed_as(bare, text, one.shots, one.passages[:-1])
    return posed_as(bare, text, one.shots[1:], ())


def left_out(rows: Sequence[Posed], shots: int, passages: int) -> list[str]:
    """What did not fit, said: of so many demonstrations and passages that were to be shown."""
    fewer = {
        f"examples than {shots}": sum(len(one.shots) < shots for one in rows),
        f"passages than {passages}": sum(len(one.passages) < passages for one in rows),
    }
    return [
        f"{count:,} of {len(rows):,} dev rows left room for fewer {what}"
        for what, count in fewer.items()
        if count
    ]
