"""accurate, read on: rows whose labels come next in doubt, once the surest wrong ones no longer teach.

    labels that look wrong -> left out -> models of the rest -> the rows whose own label they believe least

As many rows are flagged as wrong (``accurate.label-errors``) as the estimate of the noise says; some of them
are right, so that as many wrong ones are not among them. Most of those stand here: of 78 that were planted in
the demo's tickets 68 are among 117 flags, and the other ten among the next 93 (``docs/proofs/tried.md``). The
order goes by the belief in the label that a row has, not by how much likelier another is: a row that fits
nowhere well has no rival. Fitting again without suspects: "prune and fit" of Northcutt and others, JAIR 70.
It knows nothing but the order: most of these rows are right.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from whet.check.accurate import believed, judged_labels
from whet.check.confident import LEAST, suspects
from whet.check.findings import Check, Finding, Flag

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from whet.check.accurate import Judged
    from whet.check.subject import Subject, Tools


def doubtful_labels(subject: Subject, tools: Tools) -> Iterator[Finding]:
    """``accurate.doubtful-labels``: as many rows as look wrong once more, those to read next."""
    judged = judged_labels(subject, tools)
    if judged is None or judged.data.separator is not None:
        return
    given = judged.data.table.argmax(axis=1)
    wrong = suspects(judged.probabilities, given).wrong
    if not wrong.any():
        return
    without = believed(
        judged.seen, judged.data.table, judged.groups, several=False, seed=tools.seed, but=wrong
    )
    if flags := [_flag(judged, without[row], row, given[row]) for row in read_next(without, given, wrong)]:
        yield _finding(flags, int(wrong.sum()))


def read_next(
    probabilities: NDArray[np.floating], given: NDArray[np.int64], wrong: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """The rows to read next, the least believed first: as many as look wrong, of labels with enough rows."""
    own = probabilities[np.arange(len(given)), given]
    judged = np.bincount(given, minlength=probabilities.shape[1])[given] >= LEAST
    left = np.flatnonzero(~wrong & judged)
    return left[np.argsort(own[left], kind="stable")][: wrong.sum()]


def _flag(judged: Judged, probabilities: NDArray[np.floating], row: int, given: int) -> Flag:
    names, own = judged.data.names, float(probabilities[given])
    others = np.where(np.arange(len(names)) == given, -1.0, probabilities)
    likely = names[int(others.argmax())]
    note = f"{names[given]!r} is believed to {own:.0%}; {likely!r} to {others.max():.0%}"
    return Flag(judged.data.rows[row], "output", note, (), 1 - own, likely)


def _finding(flags: list[Flag], before: int) -> Finding:
    return Finding(
        check="accurate.doubtful-labels",
        standard="accurate",
        severity="advice",
        what=f"{len(flags):,} more rows come next in doubt, after the {before:,} whose label looks wrong.",
        why="Some rows that look wrong are right, so as many wrong ones are missed; most of those are here.",
        repair="Read them after the others, where what is left matters; most of them are right.",
        flags=tuple(flags),
    )


CHECKS: tuple[Check, ...] = (
    Check("accurate.doubtful-labels", "accurate", doubtful_labels, needs=("encoder",), kinds=("classify",)),
)
