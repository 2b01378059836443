"""Consistent: how far annotators agree, where a column of the data names them: the one that the task says, or
one with a usual name.

An item is an input that two annotators at least have rated, each in a row of their own; of two ratings by the
same annotator the last counts. ``agreement.py`` has the formulas.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from whet.check.against import equals
from whet.check.agreement import Pair, fleiss, pairs_of
from whet.check.findings import Finding, Flag
from whet.check.near import alike
from whet.check.spelling import numbers_of

if TYPE_CHECKING:
    from whet.check.subject import Subject, Tools
    from whet.check.words import IntArray
    from whet.evaluate.stats import Interval

PAIRS = 10
"""Pairs of annotators in the figures, those first who share most."""


def annotators(subject: Subject, tools: Tools) -> Iterator[Finding]:
    """Inputs on which annotators disagree, and their agreement beyond chance."""
    column = subject.columns.get("annotator", "")
    if column not in subject.meta:
        return
    classes, numbers = alike(subject).exact, numbers_of(subject)
    ratings = _ratings(classes, numbers, subject.meta[column])
    disputed = [name for name, given in ratings.items() if len(set(given.values())) > 1]
    if not disputed:
        return
    rows = np.flatnonzero(np.isin(classes, disputed) & (numbers >= 0))
    against = equals(classes, numbers, rows, lambda own, other: own != other)
    pairs = pairs_of(list(ratings.values()))
    kappa = pairs[0].kappa if len(pairs) == 1 else fleiss(list(ratings.values()))
    name = "Cohen's kappa" if len(pairs) == 1 else "Fleiss' kappa"
    yield Finding(
        "consistent.annotators",
        "consistent",
        "advice",
        f"Annotators (column {column!r}) disagree on {len(disputed):,} of the {len(ratings):,} inputs that "
        f"two or more of them have rated; {name} is {_said(kappa)}.",
        "A model cannot agree with people more than they agree with each other. Where they do not, the "
        "guideline is unclear, or somebody reads it otherwise.",
        "Settle these rows together, and write down the rule that settles them.",
        tuple(Flag(row, "output", "", others) for row, others in against),
        _figures(name, kappa, pairs, len(disputed)),
    )


def _ratings(classes: IntArray, numbers: IntArray, people: Sequence[str]) -> dict[int, Mapping[str, int]]:
    """Item to annotator to the number of their output, of items with two annotators at least."""
    given: dict[int, dict[str, int]] = defaultdict(dict)
    for name, number, person in zip(classes.tolist(), numbers.tolist(), people, strict=True):
        if person and number >= 0:
            given[name][person] = number
    return {name: ratings for name, ratings in given.items() if len(ratings) > 1}


def _figures(name: str, kappa: Interval, pairs: list[Pair], disputed: int) -> dict[str, float | int | str]:
    """Kappa with its interval, and a line for each pair."""
    figures: dict[str, float | int | str] = {
        name: round(kappa.value, 3),
        "low": round(kappa.low, 3),
        "high": round(kappa.high, 3),
        "inputs": kappa.n,
        "disputed": disputed,
    }
    for pair in pairs[:PAIRS]:
        agreed, beyond = pair.agreement, pair.kappa
        figures[f"{_short(pair.first)} and {_short(pair.second)}"] = (
            f"agree on {agreed.value:.0%} of {agreed.n:,} ({agreed.low:.0%} to {agreed.high:.0%}), "
            f"kappa {_said(beyond)}"
        )
    return figures


def _said(kappa: Interval) -> str:
    return f"{kappa.value:.2f} (95 % interval {kappa.low:.2f} to {kappa.high:.2f})"


def _short(person: str) -> str:
    """A name as it may be shown: of an e-mail address, the beginning."""
    return f"{person.split('@')[0][:3]}…" if "@" in person else person
