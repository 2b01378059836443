"""Consistent: one input has one output, one output has one spelling, and annotators agree.

Contradictions are told apart by how alike the inputs are: equal, equal but for case, space and punctuation,
and near (``whet.check.near``). Most near twins with other labels are right: one decisive word differs.
``whet.check.telling`` ranks them, so that those come first whose differing words do not tell the labels
apart. Near twins are compared for labels only: in an extraction a changed word rightly changes the answer,
and a reply may always be put otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from operator import ne
from typing import TYPE_CHECKING

import numpy as np

from whet.check.against import Twins, equals, extremes, flag_twins, mixed, twins
from whet.check.annotators import annotators
from whet.check.findings import Check, Finding, Flag
from whet.check.near import alike
from whet.check.saying import counted
from whet.check.spelling import numbers_of, spelling
from whet.check.telling import undecided

if TYPE_CHECKING:
    from collections.abc import Sequence

    from whet.check.against import BoolArray
    from whet.check.near import Alike
    from whet.check.subject import Subject, Tools
    from whet.check.words import IntArray

TELLING = 0.05
"""Below this score (``telling.undecided``) the words that differ explain why the labels differ."""
_TAUGHT = "A model that is taught two outputs for one input learns neither well: no score can reach 100 %."
_ASK = "A person decides which is right: `whet repair` puts the rows into the review file."
_WEIGH = "Copies weigh more than other rows, and lead a model to memorise them (Lee et al., ACL 2022)."


def contradiction(subject: Subject, tools: Tools) -> Iterator[Finding]:
    """Equal inputs with different outputs."""
    classes, numbers = alike(subject).exact, numbers_of(subject)
    yield from _equal_contradiction(
        "consistent.contradiction",
        "with different outputs",
        classes,
        numbers,
        np.flatnonzero(mixed(classes, numbers) & (numbers >= 0)),
    )


def near_contradiction(subject: Subject, tools: Tools) -> Iterator[Finding]:
    """Inputs that are equal but for writing, or near, with different outputs."""
    found, numbers = alike(subject), numbers_of(subject)
    only_folded = mixed(found.folded, numbers) & ~mixed(found.exact, numbers)
    yield from _equal_contradiction(
        "consistent.near-contradiction",
        "with different outputs where only case, space or punctuation differ",
        found.folded,
        numbers,
        np.flatnonzero(only_folded & (numbers >= 0)),
    )
    if subject.kind == "classify":
        yield from _near_contradiction(found, numbers)


def _equal_contradiction(
    name: str, how: str, classes: IntArray, numbers: IntArray, rows: IntArray
) -> Iterator[Finding]:
    if not len(rows):
        return
    inputs = len(np.unique(classes[rows]))
    yield Finding(
        name,
        "consistent",
        "advice",
        f"{counted(inputs, 'input occurs', 'inputs occur')} {how}, in {len(rows):,} rows.",
        _TAUGHT,
        _ASK,
        tuple(Flag(row, "output", "", others) for row, others in equals(classes, numbers, rows, ne)),
        {"inputs": inputs, "rows": len(rows)},
    )


def _near_contradiction(found: Alike, numbers: IntArray) -> Iterator[Finding]:
    """Two findings: rows whose differing words do not tell the labels apart, and the others."""
    flags = flag_twins(found.folded, numbers, _labelled_otherwise(found, numbers), lambda score: "")
    doubtful = [flag for flag in flags if (flag.score or 0.0) >= TELLING]
    what = "near-identical to a row with another label"
    if doubtful:
        yield _near(
            doubtful,
            f"{counted(len(doubtful), 'row is', 'rows are')} {what}, and the words that differ do not tell "
            "the labels apart.",
            _TAUGHT,
            _ASK,
        )
    if told := flags[len(doubtful) :]:
        yield _near(
            told,
            f"{counted(len(told), 'row is', 'rows are')} {what}, but the words that differ go with the "
            "labels: most of them will be right.",
            "Where one word decides, a model needs examples of both sides: these rows show the border.",
            "Read the first few. Where they are right, leave them.",
        )


def _near(flags: Sequence[Flag], what: str, why: str, repair: str) -> Finding:
    name = "consistent.near-contradiction"
    figures = {"rows": len(flags), "telling below": TELLING}
    return Finding(name, "consistent", "advice", what, why, repair, tuple(flags), figures)


def _labelled_otherwise(found: Alike, numbers: IntArray) -> Twins:
    """Near pairs of which the left side has one label, and the right side another."""
    least, largest = extremes(found.folded, numbers)
    pairs = twins(found, numbers)
    other = np.where(least[pairs.right] != least[pairs.left], least[pairs.right], largest[pairs.right])
    clear = (least[pairs.left] == largest[pairs.left]) & (largest[pairs.right] >= 0)
    chosen = clear & (other != least[pairs.left])
    pairs = replace(pairs, sort=other).only(chosen).strongest()
    said = np.stack([least[pairs.left], pairs.sort], axis=1)
    rows = np.stack([pairs.left, pairs.right], axis=1)
    return replace(pairs, score=undecided(found.words, numbers, rows, said))


def duplicates(subject: Subject, tools: Tools) -> Iterator[Finding]:
    """Rows that repeat an earlier row: the same input, the same output."""
    first = _first_equal(alike(subject).exact, numbers_of(subject))
    rows = np.flatnonzero(first != np.arange(len(first)))
    if len(rows):
        flags = [Flag(row, "input", "", (earlier,)) for row, earlier in _both(rows, first[rows])]
        yield _repeats(
            "consistent.duplicates",
            f"{counted(len(rows), 'row repeats', 'rows repeat')} an earlier row: same input, same output.",
            "`whet repair` keeps the first of them (rule `exact-duplicates`).",
            flags,
        )


def near_duplicates(subject: Subject, tools: Tools) -> Iterator[Finding]:
    """Rows that say nearly what an earlier row says, with the same output."""
    found, numbers = alike(subject), numbers_of(subject)
    exact, folded = _first_equal(found.exact, numbers), _first_equal(found.folded, numbers)
    own = np.arange(len(numbers))
    written = np.flatnonzero((folded != own) & (exact == own))
    flags = [
        Flag(row, "input", "case, space or punctuation differ", (earlier,), 1.0)
        for row, earlier in _both(written, folded[written])
    ]
    flags += _near_repeats(found, numbers, own == folded)
    if flags:
        yield _repeats(
            "consistent.near-duplicates",
            f"{counted(len(flags), 'row is', 'rows are')} near-identical to an earlier row with the same "
            "output: at most one word in five differs.",
            "`whet repair` merges the nearest of them (rule `near-duplicates`).",
            flags,
        )


def _near_repeats(found: Alike, numbers: IntArray, first: BoolArray) -> list[Flag]:
    """Rows, ``first`` of their kind, with a near twin before them that has the same output."""
    least, largest = extremes(found.folded, numbers)
    earlier, later = found.near.T
    same = (least == largest)[earlier] & (least[earlier] == largest[later]) & (least[later] == largest[later])
    earlier, later, similarity = earlier[same], later[same], found.similarity[same]
    pairs = Twins(later, earlier, least[earlier], similarity)
    flags = flag_twins(found.folded, numbers, pairs, lambda score: f"{score:.0%} of the words are the same")
    return [flag for flag in flags if first[flag.row]]


def _first_equal(classes: IntArray, numbers: IntArray) -> IntArray:
    """First row of the same class and output [n]."""
    keys = classes * (int(numbers.max(initial=0)) + 2) + numbers + 1
    _, first, which = np.unique(keys, return_index=True, return_inverse=True)
    found: IntArray = first[which]
    return found


def _both(rows: IntArray, others: IntArray) -> Iterator[tuple[int, int]]:
    return zip(rows.tolist(), others.tolist(), strict=True)


def _repeats(name: str, what: str, repair: str, flags: list[Flag]) -> Finding:
    others = len({other for flag in flags for other in flag.others[:1]})
    figures = {"rows": len(flags), "repeated": others}
    return Finding(name, "consistent", "advice", what, _WEIGH, repair, tuple(flags), figures)


CHECKS: tuple[Check, ...] = (
    Check("consistent.contradiction", "consistent", contradiction),
    Check("consistent.near-contradiction", "consistent", near_contradiction, kinds=("classify", "extract")),
    Check("consistent.spelling", "consistent", spelling, kinds=("classify", "extract")),
    Check("consistent.annotators", "consistent", annotators, kinds=("classify", "extract")),
    Check("consistent.duplicates", "consistent", duplicates),
    Check("consistent.near-duplicates", "consistent", near_duplicates),
)
