"""Which rows a row stands against: its equals and its near twins, a few of each, for any number of rows.

Works on the classes of ``near.Alike``, each named by its first row. The *sort* of a row is a number that must
differ between two rows for one to stand against the other: its output, or its side of the split; -1 is none.
Knows no finding.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from whet.check.findings import Flag

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from whet.check.near import Alike
    from whet.check.words import IntArray

    BoolArray = NDArray[np.bool_]
    FloatArray = NDArray[np.floating]

SHOWN = 5
"""Rows named that a row stands against; more say no more."""


def extremes(classes: IntArray, sort: IntArray) -> tuple[IntArray, IntArray]:
    """Least and largest sort in each class, at the place of its name: [n] each.

    Where no row of a class has a sort, the least is larger than the largest, which is -1.
    """
    some = sort >= 0
    least = np.full(len(classes), np.iinfo(np.int64).max)
    largest = np.full(len(classes), -1, np.int64)
    np.minimum.at(least, classes[some], sort[some])
    np.maximum.at(largest, classes[some], sort[some])
    return least, largest


def mixed(classes: IntArray, sort: IntArray) -> BoolArray:
    """Which rows stand in a class of several sorts [n]."""
    least, largest = extremes(classes, sort)
    return (least < largest)[classes]


def few(classes: IntArray, sort: IntArray, wanted: IntArray) -> Mapping[int, Mapping[int, list[int]]]:
    """Wanted class to sort to the first rows of it."""
    found: dict[int, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    chosen = np.zeros(len(classes), bool)
    chosen[wanted] = True
    rows = np.flatnonzero(chosen[classes] & (sort >= 0))
    for row, name, own in zip(rows.tolist(), classes[rows].tolist(), sort[rows].tolist(), strict=True):
        if len(found[name][own]) < SHOWN:
            found[name][own].append(row)
    return found


def equals(
    classes: IntArray, sort: IntArray, rows: IntArray, against: Callable[[int, int], bool]
) -> list[tuple[int, tuple[int, ...]]]:
    """Each row with a few of its class ``against`` whose sort its own stands."""
    members = few(classes, sort, classes[rows])
    found = []
    for row, name, own in zip(rows.tolist(), classes[rows].tolist(), sort[rows].tolist(), strict=True):
        others = [r for other, group in sorted(members[name].items()) if against(own, other) for r in group]
        found.append((row, tuple(others[:SHOWN])))
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Twins:
    """m near pairs, each seen from one side."""

    left: IntArray
    """[m] The class whose rows are flagged."""
    right: IntArray
    """[m] The class that it stands against."""
    sort: IntArray
    """[m] The sort of the row that is named of ``right``."""
    score: FloatArray
    """[m] How strongly they stand against each other."""

    def only(self, chosen: BoolArray) -> Twins:
        return Twins(self.left[chosen], self.right[chosen], self.sort[chosen], self.score[chosen])

    def strongest(self) -> Twins:
        """The ``SHOWN`` strongest of each left class, strongest first."""
        order = np.lexsort((self.right, -self.score, self.left))
        left = self.left[order]
        begins = np.flatnonzero(np.diff(left, prepend=-1))
        sizes = np.diff(begins, append=len(left))
        first = order[np.arange(len(left)) - np.repeat(begins, sizes) < SHOWN]
        return Twins(self.left[first], self.right[first], self.sort[first], self.score[first])


def twins(alike: Alike, sort: IntArray) -> Twins:
    """Every near pair from both sides; the sort is the least of the right side."""
    left, right = np.concatenate([alike.near, alike.near[:, ::-1]]).T
    least, _ = extremes(alike.folded, sort)
    return Twins(left, right, least[right], np.concatenate([alike.similarity, alike.similarity]))


def flag_twins(classes: IntArray, sort: IntArray, found: Twins, note: Callable[[float], str]) -> list[Flag]:
    """A flag for each row of a left class that has the class's least sort, the strongest first."""
    found = found.strongest()
    members = few(classes, sort, found.right)
    against: dict[int, list[tuple[int, float]]] = defaultdict(list)
    columns = (found.left, found.right, found.sort, found.score)
    for name, twin, other, score in zip(*(column.tolist() for column in columns), strict=True):
        against[name].append((members[twin][other][0], score))
    least, _ = extremes(classes, sort)
    chosen = np.zeros(len(classes), bool)
    chosen[found.left] = True
    flags = []
    for row in np.flatnonzero(chosen[classes] & (sort == least[classes])).tolist():
        ranked = against[int(classes[row])]
        flags.append(Flag(row, "input", note(ranked[0][1]), tuple(r for r, _ in ranked), ranked[0][1]))
    return sorted(flags, key=lambda flag: (-(flag.score or 0.0), flag.row))
