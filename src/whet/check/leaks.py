"""Split: held-out rows that training has seen, told apart by how surely.

Exact leaks (white space at the ends aside), leaks that differ in case, space and punctuation only, near
leaks (``whet.check.near``), groups on two sides, and training on the future. Each held-out row stands in the
surest of the first three. A dev row leaks from train; a test row from train or dev, as both are learned
from. Only exact leaks block: everything else may be meant, and a person can tell. Runs where sides are given;
does not know paraphrases.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from operator import gt
from typing import TYPE_CHECKING

import numpy as np

from whet.check.against import equals, extremes, flag_twins, twins
from whet.check.findings import Check, Finding, Flag, Severity
from whet.check.near import alike
from whet.check.saying import counted
from whet.data.load import is_time, moment

if TYPE_CHECKING:
    from whet.check.against import BoolArray
    from whet.check.subject import Subject, Tools
    from whet.check.words import IntArray

SIDES = ("train", "dev", "test")
"""In the order in which they are opened: a row leaks when its like stands on an earlier side."""
WHY = (
    "A held-out row that was learned from measures memory. The score looks better than the model is, most of "
    "all for the rungs that train."
)
OUT = "Leave the training copies out. `whet run` does so; in a split of your own, mend the training file."
READ = "Read the first few. `whet run` leaves out the training rows most like a test row; the others stay."


@dataclass(frozen=True, slots=True)
class Level:
    """How sure a leak is."""

    name: str
    severity: Severity
    how: str
    repair: str = OUT


EXACT = Level("split.exact-leak", "blocks", "also stand, word for word, in what is learned from")
FOLDED = Level(
    "split.folded-leak",
    "advice",
    "stand in what is learned from but for case, space and punctuation (exact copies apart)",
)
NEAR = Level(
    "split.near-leak",
    "advice",
    "differ in at most one word in five from a row that is learned from (equal ones apart)",
    READ,
)


def exact_leak(subject: Subject, tools: Tools) -> Iterator[Finding]:
    """Held-out inputs that stand in training, too."""
    side = _side(subject)
    if side is not None:
        classes = alike(subject).exact
        yield from _leak(subject, EXACT, side, _equal(classes, side, _seen(classes, side)))


def folded_leak(subject: Subject, tools: Tools) -> Iterator[Finding]:
    """Held-out inputs that stand in training, written otherwise."""
    side = _side(subject)
    if side is not None:
        found = alike(subject)
        only_folded = _seen(found.folded, side) & ~_seen(found.exact, side)
        yield from _leak(subject, FOLDED, side, _equal(found.folded, side, only_folded))


def near_leak(subject: Subject, tools: Tools) -> Iterator[Finding]:
    """Held-out inputs of which training has a near-duplicate."""
    side = _side(subject)
    if side is not None:
        found = alike(subject)
        earliest, _ = extremes(found.folded, side)
        pairs = twins(found, side)
        across = pairs.only(earliest[pairs.right] < earliest[pairs.left])
        flags = flag_twins(found.folded, side, across, lambda score: f"{score:.0%} of the words are the same")
        yield from _leak(subject, NEAR, side, flags)


def _equal(classes: IntArray, side: IntArray, leaks: BoolArray) -> list[Flag]:
    rows = np.flatnonzero(leaks)
    return [Flag(row, "input", "", others) for row, others in equals(classes, side, rows, gt)]


def _leak(subject: Subject, level: Level, side: IntArray, flags: list[Flag]) -> Iterator[Finding]:
    if not flags:
        return
    said = subject.outputs
    otherwise = sum(all(said[other] != said[flag.row] for other in flag.others) for flag in flags)
    yield Finding(
        level.name,
        "split",
        level.severity,
        f"{_of([flag.row for flag in flags], side)} {level.how}.",
        WHY,
        level.repair,
        tuple(flags),
        {"rows": len(flags), "of": int((side > 0).sum()), "with another output there": otherwise},
    )


def group_leak(subject: Subject, tools: Tools) -> Iterator[Finding]:
    """Groups (a customer, a document) with rows on two sides."""
    side, column = _side(subject), subject.columns.get("group", "")
    if side is None or column not in subject.meta:
        return
    first: dict[str, int] = {}
    names = subject.meta[column]
    classes = np.array([first.setdefault(name or f"\0{row}", row) for row, name in enumerate(names)])
    leaks = np.flatnonzero(_seen(classes, side))
    if not len(leaks):
        return
    split = len(np.unique(classes[leaks]))
    yield Finding(
        "split.group-leak",
        "split",
        "advice",
        f"{counted(split, 'group')} of `{column}` {'stands' if split == 1 else 'stand'} on two sides of the "
        f"split, with {_of(leaks.tolist(), side)}.",
        "Rows of one group share more than the task: a model that knows the group from training does better "
        "on it than on a new one.",
        f"Set `split: {{group_by: {column}}}`, or move the rows of these groups to one side.",
        tuple(Flag(row, column, "", others) for row, others in equals(classes, side, leaks, gt)),
        {"groups": split, "rows": len(leaks), "of": int((side > 0).sum())},
    )


def future(subject: Subject, tools: Tools) -> Iterator[Finding]:
    """Rows that are learned from and dated after the test rows begin."""
    side, column = _side(subject), subject.columns.get("time", "")
    if side is None or column not in subject.meta:
        return
    times = [moment(text) if is_time(text) else None for text in subject.meta[column]]
    held = int(side.max())
    begin = min((time for time, own in zip(times, side, strict=True) if own == held and time), default=None)
    late = [row for row, time in enumerate(times) if begin and time and side[row] < held and time > begin]
    if begin is None or not late:
        return
    yield Finding(
        "split.future",
        "split",
        "advice",
        f"{len(late):,} of {int((side < held).sum()):,} rows that are learned from are later than "
        f"{_day(begin)}, when the {SIDES[held]} rows begin.",
        "In use, a model never knows what comes after the request. Learned from the future, it looks better "
        "than it will be.",
        f"Split by time: set `split: {{time: {column}}}`, or take the later rows out of training.",
        tuple(Flag(row, column, f"later than {_day(begin)}") for row in late),
        {"rows": len(late), "begins": _day(begin), "without a readable date": sum(t is None for t in times)},
    )


def _side(subject: Subject) -> IntArray | None:
    """The side of each row as a number, where there are two sides at least."""
    if subject.sides is None:
        return None
    numbers = {name: number for number, name in enumerate(SIDES)}
    side = np.fromiter((numbers[name] for name in subject.sides), np.int64, len(subject))
    return side if len(side) and side.min() < side.max() else None


def _seen(classes: IntArray, side: IntArray) -> BoolArray:
    """Which rows have an equal on an earlier side."""
    earliest, _ = extremes(classes, side)
    return earliest[classes] < side


def _of(rows: list[int], side: IntArray) -> str:
    """``6 of 3,080 test rows and 1 of 900 dev rows``"""
    counts = [(name, int((side[rows] == n).sum()), int((side == n).sum())) for n, name in enumerate(SIDES)]
    return " and ".join(f"{found:,} of {all_:,} {name} rows" for name, found, all_ in counts[::-1] if found)


def _day(time: datetime) -> str:
    """As text, without a time of day where there is none."""
    return time.date().isoformat() if time.time() == datetime.min.time() else time.isoformat()


CHECKS: tuple[Check, ...] = (
    Check("split.exact-leak", "split", exact_leak, needs=("split",), on_test=True),
    Check("split.folded-leak", "split", folded_leak, needs=("split",), on_test=True),
    Check("split.near-leak", "split", near_leak, needs=("split",), on_test=True),
    Check("split.group-leak", "split", group_leak, needs=("split",), on_test=True),
    Check("split.future", "split", future, needs=("split",), on_test=True),
)
