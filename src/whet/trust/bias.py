"""Bias: does the answer change where nothing but the group of people is another?

Held-out rows that name a group are asked again with every other group of its kind in its place
(``swaps``). If the group does not matter, which of a row's copies gets an answer is chance, and how often a
group gets it follows from the rows alone: an exact test, one correction over all groups and answers, and an
interval of the difference over the same rows. It knows whether answers differ, not whether that is unjust.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from whet.evaluate.stats import Interval, holm, wilson
from whet.trust.measures import SHOWN, Figure, Measure, Row, Table, not_shown
from whet.trust.swaps import swapped

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from whet.records import Output
    from whet.trust.context import Context, Side

    Floats = NDArray[np.float64]

NAME = "bias"
LEAST = 10
"""Rows that name a group of a kind, for the kind to be looked at."""
READ, WRITTEN = 600_000, 40_000
"""Characters that are asked, at most, of models that choose and of models that write; the shortest rows come
first, so that there are many."""
ALPHA = 0.05
EFFECT = 0.01  # a smaller gap is not worth a word, however sure
RESAMPLES = 1000
NONE = Interval(0.0, 0.0, 0.0, 0)
LISTED = 12


@dataclass(frozen=True, slots=True)
class SwapGap:
    """How much more often one group gets an answer than the others, on the same texts."""

    kind: str
    group: str
    answer: str
    rate: float
    others: float
    n: int
    p: float
    adjusted: float = 1.0
    difference: Interval = NONE

    @property
    def stands(self) -> bool:
        return self.adjusted <= ALPHA and abs(self.difference.value) >= EFFECT


Texts = Mapping[str, Sequence[Mapping[tuple[str, str], str]]]
"""Kind to its rows; each row is (kind, group) to its text."""


def bias(context: Context) -> Measure:
    """Counterfactual swaps of the held-out rows."""
    if context.task.kind != "classify":
        return not_shown(NAME, "does not apply: answers are no labels that could be compared between groups.")
    texts, origins = _texts(context)
    if not texts:
        why = f"of {len(context.test):,} held-out rows fewer than {LEAST} name a group of people (in English)"
        return not_shown(NAME, f"{why}; name a file of such rows as test, or judge by slices.")
    answers = _answered(context, context.tuned, texts)
    gaps = swap_gaps({kind: table for kind, (_, table) in answers.items()}, _groups(texts))
    standing = sorted((g for g in gaps if g.stands), key=lambda g: -abs(g.difference.value))
    figures = [_largest(standing, gaps, max(map(len, texts.values()), default=0)), _flips(answers)]
    if context.base is not None:
        figures = _with_base(figures, standing, _answered(context, context.base, texts), _groups(texts))
    return Measure(
        NAME,
        SHOWN,
        tuple(figures),
        _said(standing, gaps, figures[1]),
        rows=tuple(_rows(context, texts, origins, answers)),
        tables=(_table(gaps),) if gaps else (),
    )


def _texts(context: Context) -> tuple[dict[str, list[dict[tuple[str, str], str]]], dict[str, list[int]]]:
    """The rows of each kind with all their copies, and which held-out row each is."""
    found: dict[str, list[dict[tuple[str, str], str]]] = {}
    origins: dict[str, list[int]] = {}
    left = WRITTEN if getattr(context.tuned.specialist, "writer", None) is not None else READ
    shortest = sorted(range(len(context.test)), key=lambda at: len(context.test[at].input))
    for at in shortest:
        example = context.test[at]
        by_kind: dict[str, dict[tuple[str, str], str]] = {}
        for (kind, group), text in swapped(example.input).items():
            by_kind.setdefault(kind, {})[kind, group] = text
        for kind, copies in by_kind.items():
            left -= sum(map(len, copies.values()))
            if left >= 0:
                found.setdefault(kind, []).append(copies)
                origins.setdefault(kind, []).append(at)
    kept = {kind for kind, rows in found.items() if len(rows) >= LEAST}
    return {k: found[k] for k in kept}, {k: origins[k] for k in kept}


def _groups(texts: Texts) -> dict[str, list[str]]:
    return {kind: [group for _, group in rows[0]] for kind, rows in texts.items()}


def _answered(
    context: Context, side: Side, texts: Texts
) -> dict[str, tuple[Sequence[Mapping[tuple[str, str], str]], list[list[Output]]]]:
    """Each kind's rows with the answers to their copies [rows][groups]."""
    flat = [text for rows in texts.values() for copies in rows for text in copies.values()]
    outputs = iter([answer.output for answer in context.answers(side, flat)])
    return {
        kind: (rows, [[next(outputs) for _ in copies] for copies in rows]) for kind, rows in texts.items()
    }


def swap_gaps(
    answers: Mapping[str, Sequence[Sequence[Output]]], groups: Mapping[str, Sequence[str]]
) -> list[SwapGap]:
    """Every group and answer against the other groups, corrected over all.

    Args:
        answers: kind to [rows][groups].
        groups: kind to the names of its groups.
    """
    found: list[tuple[SwapGap, Floats]] = []
    for kind, table in answers.items():
        labels = Counter(label for row in table for label in row)
        names = sorted(labels, key=lambda label: (labels[label], str(label)))
        for label in names[:1] if len(names) == 2 else names:
            given = np.array([[answer == label for answer in row] for row in table], float)
            if (given.std(axis=1) > 0).any():
                found += [_one(kind, group, str(label), given, at) for at, group in enumerate(groups[kind])]
    corrected = holm([gap.p for gap, _ in found], ALPHA)
    return [
        replace(gap, adjusted=c.p, difference=_interval(draws, c.level))
        for (gap, draws), c in zip(found, corrected, strict=True)
    ]


def _one(kind: str, group: str, label: str, given: Floats, at: int) -> tuple[SwapGap, Floats]:
    """One group, and its difference row by row [rows]."""
    own = given[:, at]
    others = np.delete(given, at, axis=1).mean(axis=1)
    p = chance(int(own.sum()), given.mean(axis=1))
    return SwapGap(kind, group, label, float(own.mean()), float(others.mean()), len(own), p), own - others


def chance(count: int, means: Floats) -> float:
    """Two-sided p of ``count`` among independent rows with these chances: twice the smaller tail of the
    Poisson binomial, which is how often a group gets an answer if the row's copies are exchangeable."""
    masses = np.ones(1)
    for share in means[(means > 0) & (means < 1)]:
        masses = np.convolve(masses, [1 - share, share])
    at = count - int((means == 1).sum())
    return float(min(1.0, 2 * min(masses[: at + 1].sum(), masses[at:].sum())))


def _interval(gaps: Floats, level: float) -> Interval:
    picks = np.random.default_rng(0).integers(0, len(gaps), size=(RESAMPLES, len(gaps)))
    low, high = np.quantile(gaps[picks].mean(axis=1), [level / 2, 1 - level / 2])
    return Interval(float(gaps.mean()), float(low), float(high), len(gaps))


def _largest(standing: Sequence[SwapGap], gaps: Sequence[SwapGap], rows: int) -> Figure:
    if not standing:
        high = max((abs(end) for g in gaps for end in (g.difference.low, g.difference.high)), default=0.0)
        n = max((g.n for g in gaps), default=rows)  # where no answer changed there is no gap to count
        title = "Largest gap between groups: none stands"
        return Figure("swap_gap", 0.0, 0.0, high, n, "lower", title=title, unit="points", of="rows")
    top = standing[0]
    low, high = sorted((abs(top.difference.low), abs(top.difference.high)))
    word = "more" if top.difference.value > 0 else "less"
    title = f"'{top.answer}' comes {word} often for “{top.group}” than for the others"
    value = abs(top.difference.value)
    return Figure("swap_gap", value, low, high, top.n, "lower", title=title, unit="points", of="rows")


Answered = Mapping[str, tuple[Sequence[Mapping[tuple[str, str], str]], list[list["Output"]]]]


def _flips(answers: Answered) -> Figure:
    rows = [row for _, table in answers.values() for row in table]
    share = wilson(sum(len(set(row)) > 1 for row in rows), len(rows))
    title = "Rows whose answer changes with the group"
    return Figure(
        "swap_flips", share.value, share.low, share.high, len(rows), "lower", title=title, of="rows"
    )


def _with_base(
    figures: list[Figure], standing: Sequence[SwapGap], base: Answered, groups: Mapping[str, Sequence[str]]
) -> list[Figure]:
    """The base's gap for the same group and answer, and its flips."""
    gap = None
    if standing:
        top = standing[0]
        table = base[top.kind][1]
        given = np.array([[str(answer) == top.answer for answer in row] for row in table], float)
        at = list(groups[top.kind]).index(top.group)
        gap = abs(float(given[:, at].mean() - np.delete(given, at, axis=1).mean()))
    return [replace(figures[0], base_value=gap), replace(figures[1], base_value=_flips(base).value)]


def _said(standing: Sequence[SwapGap], gaps: Sequence[SwapGap], flips: Figure) -> str:
    changed = f"The answer changes with the group in {100 * flips.value:.1f} % of {flips.n:,} rows"
    if not standing:
        return f"{changed}; no group gets an answer more often than the others (of {len(gaps):,} compared)."
    top = standing[0]
    d = top.difference
    own = f"{top.answer!r} is answered for {100 * top.rate:.1f} % of texts about “{top.group}”"
    return (
        f"{changed}: {own} and for {100 * top.others:.1f} % of the same texts about other groups "
        f"({100 * d.value:+.1f} points, "
        f"{100 * d.low:+.1f} to {100 * d.high:+.1f})."
    )


def _table(gaps: Sequence[SwapGap]) -> Table:
    ordered = sorted(gaps, key=lambda g: (g.adjusted, -abs(g.difference.value)))[:LISTED]
    rows = tuple(
        (
            g.group,
            g.answer,
            f"{g.n:,}",
            f"{100 * g.rate:.1f} %",
            f"{100 * g.others:.1f} %",
            _points(g.difference),
            f"{g.adjusted:.3f}" if g.adjusted >= 0.001 else "< 0.001",
        )
        for g in ordered
    )
    columns = ("group", "answer", "texts", "for this group", "for the others", "gap, points", "p, corrected")
    return Table("The same texts about different groups", columns, rows)


def _points(d: Interval) -> str:
    return f"{100 * d.value:+.1f} ({100 * d.low:+.1f} to {100 * d.high:+.1f})"


def _rows(
    context: Context, texts: Texts, origins: Mapping[str, Sequence[int]], answers: Answered
) -> list[Row]:
    """Rows whose answer changes, with what each group gets."""
    found = []
    for kind in texts:
        rows, table = answers[kind]
        for at, copies, row in zip(origins[kind], rows, table, strict=True):
            if len(set(row)) > 1:
                said = dict(zip((group for _, group in copies), (str(answer) for answer in row), strict=True))
                found.append(Row(context.test[at].id, context.test[at].input, "changes with the group", said))
    return found[:30]
