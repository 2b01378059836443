"""What can go wrong, and what the user is told.

    WhetError
    ├── InputError     exit 2   wrong use or wrong input; nothing was written
    ├── Refused        exit 1   whet says no: a failed check, gate or target
    └── WorldError     exit 3   disk, memory, network or budget; nothing is lost

Every error says what is wrong, where, by which rule, and what to do next. It knows nothing of
terminals: the command line prints ``str(error)``.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

SHOWN = 20  # errors shown of a long list; the rest are counted


class WhetError(Exception):
    """An error meant for the user.

    Args:
        what: what is wrong, one sentence.
        where: ``file``, ``file:line`` or ``file:line: field``, where there is one.
        fix: the next step.
    """

    exit_code = 2

    def __init__(self, what: str, *, where: object = "", fix: str = "") -> None:
        self.what, self.where, self.fix = what, str(where), fix
        place = f"{self.where}: " if self.where else ""
        step = f"\n  Fix: {fix}" if fix else ""
        super().__init__(f"{place}{what}{step}")


class InputError(WhetError):
    """Wrong use or wrong input. Nothing was written."""

    exit_code = 2


class Refused(WhetError):
    """The tool says no: a check, a gate or a target is not met."""

    exit_code = 1


class WorldError(WhetError):
    """The world failed: disk, memory, network, budget. What was done is kept."""

    exit_code = 3


def nearest(word: str, known: Iterable[str]) -> str:
    """``Did you mean 'labels'?``, or the list of what is known."""
    choices = list(known)
    close = get_close_matches(word, choices, n=1, cutoff=0.5)
    if close:
        return f"Did you mean {close[0]!r}?"
    return f"Known: {', '.join(choices)}."


def many(errors: list[str], *, what: str, where: Path | str, fix: str) -> InputError:
    """One error out of many: the first ``SHOWN`` and a count of the rest."""
    lines = "".join(f"\n  {line}" for line in errors[:SHOWN])
    more = len(errors) - SHOWN
    rest = f"\n  ... and {more:,} more" if more > 0 else ""
    return InputError(f"{what}{lines}{rest}", where=where, fix=fix)
