"""Forgetting: what the base could do and the specialist no longer can.

The same items are asked of both, bare (no instruction of the task before them), answered greedily and
graded by deterministic checks: whet's own general suite, and any evaluation files that the user names.
Compared item by item; every item that flipped is shown with both answers. Knows no run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from whet.evaluate.flips import Change, change
from whet.trust.items import Graded, Item, graded, groups, suite
from whet.trust.measures import SHOWN, Figure, Measure, Row, Table, not_shown

if TYPE_CHECKING:
    from whet.models.base import Tell, Writer

NAME = "forgetting"
LEAST = 20
"""Items that the base must have right for a loss to be seen; fewer: not shown."""
MOST_ROWS = 200


def forgetting(
    tuned: Writer,
    base: Writer,
    *,
    own: Sequence[Item] | None = None,
    files: Mapping[str, Sequence[Item]] | None = None,
    previous: Writer | None = None,
    tell: Tell | None = None,
) -> Measure:
    """Ask both, and compare.

    Args:
        own: what is asked of every model; the general suite unless given.
        files: the user's evaluation files by name, beside the general suite.
        previous: the release before this one.
    """
    general = suite("general") if own is None else own
    items = [*general, *(item for file in (files or {}).values() for item in file)]
    before, after = (graded(items, writer, tell) for writer in (base, tuned))
    able = sum(one.right for one in before)
    if able < LEAST:
        why = f"the base itself answers {able} of {len(items)} items right; a loss could not be seen"
        return not_shown(NAME, f"{why}. Name a file of what it can do (forgetting: FILE).")
    last = graded(items, previous, tell) if previous else None
    return _measured(items, before, after, last, files or {})


def _measured(
    items: Sequence[Item],
    base: Sequence[Graded],
    tuned: Sequence[Graded],
    previous: Sequence[Graded] | None,
    files: Mapping[str, Sequence[Item]],
) -> Measure:
    found = _change(base, tuned)
    last = None if previous is None else sum(one.right for one in previous) / len(previous)
    figures = [
        _fall("fall", found, "Loss against the base"),
        _right(found, last),
        *_own(items, base, tuned, files),
    ]
    flipped = [*found.lost, *found.gained][:MOST_ROWS]
    return Measure(
        NAME,
        SHOWN,
        tuple(figures),
        _said(found),
        rows=tuple(_row(base[place], tuned[place]) for place in flipped),
        tables=(_table(items, base, tuned),),
    )


def _change(base: Sequence[Graded], tuned: Sequence[Graded]) -> Change:
    return change([one.right for one in base], [one.right for one in tuned])


def _fall(name: str, found: Change, title: str) -> Figure:
    gap = found.difference
    return Figure(
        name, -gap.value, -gap.high, -gap.low, gap.n, "lower", title=title, unit="points", of="items"
    )


def _right(found: Change, previous: float | None) -> Figure:
    after, gap = found.after, found.difference
    return Figure(
        "right",
        after.value,
        after.low,
        after.high,
        after.n,
        "higher",
        found.before.value,
        gap.low,
        gap.high,
        previous,
        title="Items answered right",
        of="items",
    )


def _own(
    items: Sequence[Item],
    base: Sequence[Graded],
    tuned: Sequence[Graded],
    files: Mapping[str, Sequence[Item]],
) -> list[Figure]:
    """The loss on the user's own files alone."""
    start = len(items) - sum(map(len, files.values()))
    if start == len(items):
        return []
    return [_fall("fall_own", _change(base[start:], tuned[start:]), "Loss on your own items")]


def _said(found: Change) -> str:
    gap = found.difference
    return (
        f"Of {gap.n:,} general items the base answers {found.before.value:.0%} right and the specialist "
        f"{found.after.value:.0%}: {len(found.lost)} were lost, {len(found.gained)} gained "
        f"({gap.value * 100:+.1f} points, {gap.low * 100:+.1f} to {gap.high * 100:+.1f})."
    )


def _row(base: Graded, tuned: Graded) -> Row:
    said = "lost: base right, specialist wrong" if base.right else "gained: base wrong, specialist right"
    answers = {"base": base.answer.strip()[:300], "specialist": tuned.answer.strip()[:300]}
    return Row(base.item.id, base.item.shown, said, answers)


def _table(items: Sequence[Item], base: Sequence[Graded], tuned: Sequence[Graded]) -> Table:
    rows = []
    for group in groups(items):
        places = [place for place, item in enumerate(items) if item.group == group]
        found = _change([base[place] for place in places], [tuned[place] for place in places])
        gap = found.difference
        sides = [f"{side.value:.0%}" for side in (found.before, found.after)]
        span = f"{gap.value * 100:+.0f} ({gap.low * 100:+.0f} to {gap.high * 100:+.0f})"
        rows.append((group, str(len(places)), *sides, span, str(len(found.lost)), str(len(found.gained))))
    columns = ("items", "n", "base", "specialist", "difference, points", "lost", "gained")
    return Table("By kind of item", columns, tuple(rows))
