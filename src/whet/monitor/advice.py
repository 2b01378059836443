"""What moved, in plain words, and what to do about it.

Rules of thumb over what moved together: they say what to look at first, and a person decides. It knows
signals and rows, no tables. A group of requests that nothing was learned for is named by the words that mark
it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from whet.records import Example
from whet.rungs.keywords import keywords

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from whet.monitor.signals import Signal

NEAR = 0.65  # cosine from which two inputs are of one kind
SHOWN = 5  # examples
WORDS = 4

NEW_LABEL = (
    "{share:.0%} of the requests are alike, and unlike anything that was learned; they speak of {name}. "
    "Look at the examples in the review queue: if this is a new kind, give it a label, decide some, retrain."
)
POLICY_CHANGE = (
    "The requests look as before, and the answers are called wrong more often. Has the rule changed of what "
    "a right answer is? Review the examples, mend the policy or the labels, then retrain."
)
RETRAIN = "What is asked has changed, and the answers suffer. Decide the queued items, then run whet retrain."
SERVER = "Only time or cost moved. The answers are as they were: look at the server, not at the specialist."
NOTHING = (
    "The mix of requests moved, and confidence and quality did not: nothing has to be done. "
    "If the examples are right, close the alarm."
)


@dataclass(frozen=True, slots=True)
class Moved:
    """A signal that left its reference."""

    signal: str
    group: str
    about: str
    since: str
    """UTC, ISO 8601, to the hour."""
    was: float
    now: float
    """Shares, or medians in the signal's unit."""
    unit: str
    share: bool
    z: float
    """How many standard deviations; of vectors, 0."""
    p: float = 0.0
    """Of a permutation test; 0 for others."""

    @property
    def up(self) -> bool:
        return self.now > self.was

    def said(self) -> str:
        """``share of 'refund' went from 12 % to 19 % since ...``"""
        if self.signal == VECTORS:
            return f"{self.about} since {when(self.since)} (p = {self.p:.4f})"
        was, now = (f"{x:.1%}" if self.share else _figure(x, self.unit) for x in (self.was, self.now))
        return f"{self.about}: {was} -> {now} since {when(self.since)}"


VECTORS = "vectors"


def when(time: str) -> str:
    """``2026-01-05 14:00 UTC``"""
    return f"{time[:16].replace('T', ' ')} UTC"


def _figure(value: float, unit: str) -> str:
    return f"{value:.3g} {unit}".strip()


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do, and why."""

    kind: str
    """``new label``, ``policy change``, ``retrain``, ``look at the server`` or ``nothing``."""
    said: str


def advise(moved: Sequence[Moved], name: str = "", unlike: float = 0.0) -> Advice:
    """What to do about what moved.

    Args:
        name: words that mark a group of requests unlike what was learned; empty: there is none.
        unlike: share of recent requests that are of such a group.
    """
    groups = {one.group for one in moved}
    worse = any(one.group == "quality" and one.up for one in moved)
    unsure = any(one.signal == "confidence" and not one.up for one in moved)
    if name and groups & {"input", "confidence"}:
        return Advice("new label", NEW_LABEL.format(share=unlike, name=name))
    if worse and not groups & {"input", "output"}:
        return Advice("policy change", POLICY_CHANGE)
    if worse or unsure:
        return Advice("retrain", RETRAIN)
    if groups <= {"cost"}:
        return Advice("look at the server", SERVER)
    return Advice("nothing", NOTHING)


def group_of(vectors: NDArray[np.floating], far: NDArray[np.bool_]) -> NDArray[np.intp]:
    """The largest group of alike rows among those that are far from what was learned, the most typical first.

    Each far row is tried as a middle; the one with the most far rows within ``NEAR`` wins.

    Args:
        vectors: unit vectors [n, dim].
        far: which rows are far [n].
    """
    rows = np.flatnonzero(far)
    if len(rows) < SHOWN:
        return rows[:0]
    there = np.asarray(vectors[rows], np.float64)
    alike = there @ there.T
    middle = int((alike >= NEAR).sum(axis=1).argmax())
    inside = np.flatnonzero(alike[middle] >= NEAR)
    centre = there[inside].mean(axis=0)
    return np.asarray(rows[inside[np.argsort(-(there[inside] @ centre), kind="stable")]])


def name_of(texts: Sequence[str], others: Sequence[str]) -> str:
    """Words that mark a group of texts beside others: ``'top up', 'limit'``; empty where none do."""
    rows = [Example(str(n), text, "new", "") for n, text in enumerate(texts)]
    rows += [Example(f"o{n}", text, "old", "") for n, text in enumerate(others)]
    words = keywords(rows, ["new"])["new"] if texts and others else []
    return ", ".join(f"'{word}'" for word in words[:WORDS])


def typical(values: NDArray[np.float64], signal: Signal, up: bool) -> NDArray[np.intp]:
    """The rows that show best how a signal moved, at most ``SHOWN``."""
    order = np.argsort(-values if up else values, kind="stable")
    return np.asarray([row for row in order if not np.isnan(values[row])][:SHOWN], np.intp)
