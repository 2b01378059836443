"""reviewed for bias: do outcomes differ between groups of people, and do words for them decide a label?

Outcome rates of each group, named by a column or by words in the input (``identity``), are compared with
the rest (``gaps``); copies of a row count once. It does not know whether a gap is unjust: groups may ask for
different things. Nor does a met standard mean that there is no bias: what could hide in these data is stated.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from whet.check.findings import Check, Finding, Flag
from whet.check.gaps import GROUP, Gap, Group, compared, detectable
from whet.check.identity import mentions
from whet.data.neardup import fold

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from whet.check.identity import Mentions
    from whet.check.subject import Subject, Tools

    BoolArray = NDArray[np.bool_]

MOST = 100
"""Groups of a column that are compared, the largest; a column with more is hardly one of groups."""
BLIND = 0.1
"""Where gaps up to this size could hide in a column that the task names, that is said."""
SHOWN = 3


def outcome_gap(subject: Subject, tools: Tools) -> Iterator[Finding]:
    """``fair.outcome-gap``: outcomes that are more or less frequent in a group than in the rest."""
    given = [frozenset(labels) for labels in subject.label_sets()]
    read = [mentions(text) for text in subject.inputs]
    groups = [*_named_groups(subject), *_mentioned_groups(read)]
    found = compared(groups, given, _first_of_each(subject, given))
    by_kind: dict[tuple[str, bool], list[Gap]] = defaultdict(list)
    for gap in found:
        by_kind[gap.group.kind, gap.group.named].append(gap)
    for (kind, named), gaps in by_kind.items():
        standing = sorted((gap for gap in gaps if gap.stands), key=lambda gap: gap.adjusted)
        unseen = max(detectable(gap, len(found)) for gap in gaps)
        if standing:
            yield _gap_finding(kind, standing, gaps, unseen, given)
        elif named and unseen > BLIND:
            yield _blind_finding(kind, gaps, unseen)


def _named_groups(subject: Subject) -> Iterator[Group]:
    """Groups of the columns that the task names, the smallest first; of two, the smaller says it all."""
    for column in subject.groups:
        values = [value.strip() for value in subject.meta.get(column, ())]
        counts = Counter(value for value in values if value)
        known = [name for name, count in counts.most_common(MOST) if count >= GROUP][::-1]
        place = {name: code for code, name in enumerate(known)} | {"": -1}
        codes = np.array([place.get(value, len(known)) for value in values])
        for code, name in enumerate(known[:1] if len(known) == 2 else known):
            yield Group(column, name, codes == code, (codes != code) & (codes >= 0), True)


def _mentioned_groups(read: Sequence[Mentions | None]) -> Iterator[Group]:
    """Groups of people that inputs mention."""
    rows: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row, found in enumerate(read):
        for group in found.groups if found else ():
            rows[group].append(row)
    for kind, name in sorted(rows):
        inside = np.zeros(len(read), bool)
        inside[rows[kind, name]] = True
        yield Group(kind, name, inside, ~inside, False)


def _first_of_each(subject: Subject, given: Sequence[frozenset[str]]) -> BoolArray:
    """The first of rows that say the same: same input after folding, labels and groups [n]."""
    columns = [subject.meta[name] for name in subject.groups if name in subject.meta]
    seen, first = set[object](), np.zeros(len(subject), bool)
    for row, text in enumerate(subject.inputs):
        key = (fold(text) or text, given[row], *(column[row] for column in columns))
        first[row] = key not in seen
        seen.add(key)
    return first


def _gap_finding(
    kind: str, standing: Sequence[Gap], gaps: Sequence[Gap], unseen: float, given: Sequence[frozenset[str]]
) -> Finding:
    more = f"; and {len(standing) - SHOWN:,} more" if len(standing) > SHOWN else ""
    said = "; ".join(_said(gap) for gap in standing[:SHOWN]) + more
    return Finding(
        check="fair.outcome-gap",
        standard="reviewed for bias",
        severity="advice",
        what=f"{len(standing):,} of {len(gaps):,} outcome rates by {kind} differ from the rest: {said}.",
        why="A model learns such a gap as it stands, and answers people by their group.",
        repair="Ask why: mend labels that are unfair, add rows of the group, or say why the gap is right.",
        flags=tuple(flag for gap in standing for flag in _rows(gap, given)),
        figures={"compared": len(gaps), "gap_seen_in_every_group": round(unseen, 4), **_figures(standing)},
    )


def _said(gap: Gap) -> str:
    k, n, rest_k, rest_n = gap.counts
    between = gap.interval
    points = f"{between.value * 100:+.0f} points, {between.low * 100:+.0f} to {between.high * 100:+.0f}"
    here, there = _share(k / n), _share(rest_k / rest_n)
    return f"{gap.label!r} for {here} of {n:,} rows with {gap.group.words}, {there} of the rest ({points})"


def _share(rate: float) -> str:
    return f"{rate:.0%}" if rate >= 0.1 else f"{rate:.1%}"


def _figures(gaps: Sequence[Gap]) -> dict[str, float]:
    """Difference, bounds and Holm's p of every gap, by group and label."""
    found = {}
    for gap in gaps:
        name, between = f"{gap.group.name}: {gap.label}", gap.interval
        found[name] = round(between.value, 4)
        found[f"{name}, low"], found[f"{name}, high"] = round(between.low, 4), round(between.high, 4)
        found[f"{name}, p"] = float(f"{gap.adjusted:.3g}")
    return found


def _rows(gap: Gap, given: Sequence[frozenset[str]]) -> Iterator[Flag]:
    """The group's rows that make the gap: with the label where it is frequent, without where it is rare."""
    k, n, rest_k, rest_n = gap.counts
    often = k * rest_n > rest_k * n
    more = "more" if often else "less"
    note = f"{gap.group.words}: {gap.label!r} is {more} frequent here than in the rest"
    for row in np.flatnonzero(gap.group.inside).tolist():
        if (gap.label in given[row]) == often:
            yield Flag(row, "output", note, score=abs(gap.effect))


def _blind_finding(kind: str, gaps: Sequence[Gap], unseen: float) -> Finding:
    groups = len({gap.group.name for gap in gaps})
    return Finding(
        check="fair.outcome-gap",
        standard="reviewed for bias",
        severity="advice",
        what=f"No outcome rate by {kind} stands out, but a gap under {unseen * 100:.0f} points could hide.",
        why="Few rows cannot show that groups are treated alike.",
        repair=f"Add rows of the {groups:,} groups compared, or read this as not known.",
        figures={"compared": len(gaps), "gap_seen_in_every_group": round(unseen, 4)},
    )


def counterfactual(subject: Subject, tools: Tools) -> Iterator[Finding]:
    """``fair.counterfactual``: the same text about another group of people, with another label."""
    given = [frozenset(labels) for labels in subject.label_sets()]
    alike: dict[str, dict[tuple[object, ...], list[int]]] = defaultdict(lambda: defaultdict(list))
    for row, text in enumerate(subject.inputs):
        if given[row] and (found := mentions(text)):
            alike[found.masked][found.words].append(row)
    flags = [flag for texts in alike.values() for flag in _swapped(list(texts.values()), given)]
    pairs = sum(len(flag.others) for flag in flags)
    if flags:
        yield Finding(
            check="fair.counterfactual",
            standard="reviewed for bias",
            severity="advice",
            what=f"{pairs:,} pairs of inputs differ only in words for people, and carry different labels.",
            why="A model learns from such a pair that the group decides.",
            repair="Give both rows the label that fits whoever is meant; a person must say which.",
            flags=tuple(sorted(flags, key=lambda flag: flag.row)),
        )


def _swapped(texts: list[list[int]], given: Sequence[frozenset[str]]) -> Iterator[Flag]:
    """Rows whose labels share nothing with those of the same text about most other groups.

    A text that stands with several labels itself is a contradiction of its own, and says nothing here.
    """
    sure = [rows for rows in texts if len({given[row] for row in rows}) == 1]
    counts = Counter(given[rows[0]] for rows in sure)
    if len(counts) < 2:
        return
    usual = max(counts, key=lambda labels: (counts[labels], sorted(labels)))
    others = [rows[0] for rows in sure if given[rows[0]] == usual]
    for rows in sure:
        if not given[rows[0]] & usual:
            note = f"{_names(given[rows[0]])} here, {_names(usual)} with other words for people"
            yield Flag(rows[0], "output", note, others=tuple(others))


def _names(labels: frozenset[str]) -> str:
    return ", ".join(repr(label) for label in sorted(labels))


CHECKS: tuple[Check, ...] = (
    Check("fair.outcome-gap", "reviewed for bias", outcome_gap, kinds=("classify",)),
    Check("fair.counterfactual", "reviewed for bias", counterfactual, kinds=("classify",)),
)
