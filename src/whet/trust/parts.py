"""Slices: parts of the held-out rows where the specialist errs more often than elsewhere.

By every metadata column of the user's files, length, language, topic and mention, with one correction over
all, and the smallest gap that could have been seen. Metadata are read from the source files again, by
``file:line``; a file that has changed since the run gives none. Knows no page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from whet.check.gaps import ALPHA, Gap, newcombe
from whet.check.load import load_subject
from whet.errors import WhetError
from whet.trust.measures import SHOWN, Figure, Measure, Row, Table, not_shown
from whet.trust.slices import compare, slices_of, smallest

if TYPE_CHECKING:
    from whet.records import Example
    from whet.trust.context import Context

NAME = "slices"
LISTED = 12
ROWS = 5  # shown of a slice that stands out
PEOPLE = ("religion", "gender", "orientation", "ethnicity and nationality", "disability", "age")


def slices(context: Context) -> Measure:
    """Every part against the rest."""
    columns, note = metadata(context)
    inputs = [e.input for e in context.test]
    vectors = context.encoders[0].encode(inputs).vectors if context.encoders and inputs else None
    right = context.right(context.tuned)
    gaps = compare(slices_of(inputs, columns, vectors), right)
    if not gaps:
        why = f"{len(inputs):,} held-out rows: no part is large enough to be compared."
        return not_shown(NAME, f"{why} {note}".strip())
    gaps.sort(key=lambda gap: (gap.adjusted, -_worse(gap)))
    standing = [gap for gap in gaps if gap.stands and _worse(gap) > 0]
    figures = (_worst(context, gaps, standing), *_seen(gaps))
    return Measure(
        NAME,
        SHOWN,
        figures,
        f"{_said(gaps, standing)} {note}".strip(),
        rows=tuple(row for gap in standing for row in _rows(context, gap, right)),
        tables=(_table(context, gaps),),
    )


def metadata(context: Context) -> tuple[Mapping[str, Sequence[str]], str]:
    """Metadata columns of the held-out rows, and what is to be said of them."""
    try:
        subject = load_subject(context.task, context.folder)
    except (WhetError, OSError):
        return {}, "The files of examples are not at hand any more, so that their columns are not compared."
    place = {subject.source(row): row for row in range(len(subject))}
    rows = [place.get(example.source, -1) for example in context.test]
    if any(
        not _same(subject.inputs[row] if row >= 0 else None, e)
        for row, e in zip(rows, context.test, strict=True)
    ):
        return {}, "The files of examples have changed since the run, so that their columns are not compared."
    left = {context.task.fields.id, *_split_columns(subject.meta)}
    found = {name: [column[row] for row in rows] for name, column in subject.meta.items() if name not in left}
    return found, ""


def _same(text: str | None, example: Example) -> bool:
    return text is not None and text.strip() == example.input.strip()


def _split_columns(meta: Mapping[str, Sequence[str]]) -> set[str]:
    return {name for name in meta if name.lower().endswith("split")}


def _worse(gap: Gap) -> float:
    """How much more often it is wrong inside than outside."""
    k, n, rest_k, rest_n = gap.counts
    return k / n - rest_k / rest_n


def _worst(context: Context, gaps: Sequence[Gap], standing: Sequence[Gap]) -> Figure:
    """The largest gap that is no chance; where there is none, 0 with the interval of the widest."""
    if not standing:
        widest = max(gaps, key=_worse)
        high = max(0.0, newcombe(*widest.counts, alpha=ALPHA / len(gaps)).high)
        n = sum(widest.counts[1::2])
        title = "Largest gap that is no chance: none"
        return Figure("worst_gap", 0.0, 0.0, high, n, "lower", title=title, unit="points")
    worst = max(standing, key=_worse)
    found = worst.interval
    title = f"Largest gap: wrong more often where {worst.group.words}"
    return Figure(
        "worst_gap",
        found.value,
        found.low,
        found.high,
        found.n,
        "lower",
        base_value=_of_base(context, worst),
        title=title,
        unit="points",
    )


def _of_base(context: Context, gap: Gap) -> float | None:
    if context.base is None:
        return None
    right = context.right(context.base)
    wrong = [
        [not ok for ok, on in zip(right, part, strict=True) if on]
        for part in (gap.group.inside, gap.group.rest)
    ]
    return sum(wrong[0]) / len(wrong[0]) - sum(wrong[1]) / len(wrong[1])


def _seen(gaps: Sequence[Gap]) -> list[Figure]:
    """What could hide."""
    least, most = smallest(gaps)
    n = sum(gaps[0].counts[1::2])
    title = "Smallest gap that could be seen, in the largest part"
    every = "Smallest gap that could be seen in every part"
    return [
        Figure("seen_best", least, least, least, n, "lower", title=title, unit="points"),
        Figure("seen_everywhere", most, most, most, n, "lower", title=every, unit="points"),
    ]


def _said(gaps: Sequence[Gap], standing: Sequence[Gap]) -> str:
    if not standing:
        seen = 100 * smallest(gaps)[1]
        return f"None of {len(gaps):,} parts is worse than the rest; gaps under {seen:.0f} points could hide."
    worst = max(standing, key=_worse)
    k, n, rest_k, rest_n = worst.counts
    there = f"{100 * k / n:.1f} % wrong of {n:,} rows against {100 * rest_k / rest_n:.1f} %"
    return (
        f"{len(standing):,} of {len(gaps):,} parts are worse than the rest: most of all where "
        f"{worst.group.words}, with {there}."
    )


def _table(context: Context, gaps: Sequence[Gap]) -> Table:
    rows = []
    for gap in gaps[:LISTED]:
        k, n, rest_k, rest_n = gap.counts
        between = gap.interval
        base = _of_base(context, gap)
        rows.append(
            (
                gap.group.words,
                f"{n:,}",
                f"{100 * k / n:.1f} %",
                f"{100 * rest_k / rest_n:.1f} %",
                f"{100 * between.value:+.1f} ({100 * between.low:+.1f} to {100 * between.high:+.1f})",
                "–" if base is None else f"{100 * base:+.1f}",
                f"{gap.adjusted:.3f}" if gap.adjusted >= 0.001 else "< 0.001",
            )
        )
    columns = (
        "part",
        "rows",
        "wrong here",
        "wrong elsewhere",
        "gap, points",
        "gap of the base",
        "p, corrected",
    )
    more = f" (the first {LISTED} of {len(gaps):,})" if len(gaps) > LISTED else ""
    return Table(f"Parts, surest gap first{more}", columns, tuple(rows))


def _rows(context: Context, gap: Gap, right: Sequence[bool]) -> list[Row]:
    wrong = [at for at, ok in enumerate(right) if not ok and gap.group.inside[at]]
    return [
        Row(
            context.test[at].id,
            context.test[at].input,
            f"wrong, where {gap.group.words}",
            {"approved": str(context.test[at].output), "specialist": str(context.tuned.outputs[at])},
        )
        for at in wrong[:ROWS]
    ]
