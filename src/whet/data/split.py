"""Examples to train, dev and test, before anything else looks at them.

Rule 1 of ``docs/design.md``: near-duplicates, groups and time keep to one side. Where rows have to go
so that this holds, they are left out and counted, never moved in silence:

- shares: whole groups are dealt out, stratified by label, seeded;
- files given by the user: the test file stays as it is; training rows like its rows are left out;
- time: train on the past, test on the latest; later rows that stand in the past already are left out.

A row repeated inside dev or test (same input after folding, same output) counts once: copies are not
evidence. Knows no models.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from whet.data.load import Loaded, load_more, moment
from whet.data.neardup import fold, near_groups
from whet.data.outputs import names_of
from whet.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from whet.config import Task
    from whet.records import Example, Label

MIN_TEST = 10  # fewer held-out rows cannot say anything


@dataclass(frozen=True, slots=True)
class Splits:
    """Three disjoint sets, what was left out of them and why."""

    train: tuple[Example, ...]
    dev: tuple[Example, ...]
    test: tuple[Example, ...]
    labels: tuple[Label, ...]
    left_out: dict[str, tuple[str, ...]]
    """Reason to the ids (``file:line`` where the file has no ids) that it took."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Row:
    """An example and the number of the group that it must stay with."""

    example: Example
    group: int


def split_examples(task: Task, loaded: Loaded, folder: Path) -> Splits:
    """Hold out test, then dev. Fitting twice gives the same split.

    Raises:
        InputError: too few rows on a side; a given file that cannot be used.
    """
    labels = loaded.labels
    given: dict[str, tuple[Example, ...]] = {}
    notes = list(loaded.notes)
    for name in ("test", "dev"):
        source = getattr(task.split, name)
        if isinstance(source, str):
            more = load_more(task, (folder / source).resolve(), labels)
            given[name], labels = more.examples, more.labels
            notes.extend(more.notes)
    splits = split_given(task, loaded.examples, given, labels)
    return replace(splits, notes=(*notes, *splits.notes))


def split_given(
    task: Task,
    examples: Sequence[Example],
    given: Mapping[str, Sequence[Example]],
    labels: tuple[Label, ...] = (),
) -> Splits:
    """As ``split_examples``, of examples that are loaded already.

    Args:
        given: examples of ``test`` and ``dev`` from files of their own, where the task names some.
    """
    rows = _grouped(examples, given.get("test", ()), given.get("dev", ()))
    splits = _deal(task, rows, labels)
    _enough(task, splits)
    return replace(splits, notes=_notes(task, splits))


def _grouped(*parts: Sequence[Example]) -> tuple[list[_Row], list[_Row], list[_Row]]:
    """The rows of main, test and dev, with groups that hold across all three."""
    everything = [example for part in parts for example in part]
    near = near_groups([example.input for example in everything])
    groups = _joined(near, [example.group for example in everything])
    rows = [_Row(example, group) for example, group in zip(everything, groups, strict=True)]
    first, second = len(parts[0]), len(parts[0]) + len(parts[1])
    return rows[:first], rows[first:second], rows[second:]


def _joined(near: list[int], stated: list[str | None]) -> list[int]:
    """Union of near-duplicate groups and the task's own groups, by union-find."""
    parent: dict[object, object] = {}

    def root(node: object) -> object:
        while parent.setdefault(node, node) != node:
            node = parent[node]
        return node

    for group, name in zip(near, stated, strict=True):
        if name is not None:
            parent[root(("stated", name))] = root(group)
    numbers: dict[object, int] = {}
    return [numbers.setdefault(root(group), len(numbers)) for group in near]


def _deal(task: Task, rows: tuple[list[_Row], list[_Row], list[_Row]], labels: tuple[Label, ...]) -> Splits:
    pool, test, dev = rows
    left: dict[str, list[str]] = defaultdict(list)
    total = len(pool)
    if isinstance(task.split.test, float):
        pool, test = _hold_out(task, pool, task.split.test, left, "test")
    else:
        pool = _apart(pool, test, left, "training rows like a row of the test file")
        total = len(pool)
    if isinstance(task.split.dev, float):
        share = task.split.dev * total / max(len(pool), 1)
        pool, dev = _hold_out(task, pool, min(share, 0.5), left, "dev")
    else:
        dev = _apart(dev, test, left, "dev rows like a test row")
        pool = _apart(pool, dev, left, "training rows like a row of the dev file")
    if isinstance(task.split.test, float):
        test = _once(test, left, "repeats inside test")
    dev = _once(dev, left, "repeats inside dev")
    return Splits(
        train=tuple(row.example for row in pool),
        dev=tuple(row.example for row in dev),
        test=tuple(row.example for row in test),
        labels=labels,
        left_out={why: tuple(ids) for why, ids in left.items()},
    )


def _hold_out(
    task: Task, pool: list[_Row], share: float, left: dict[str, list[str]], name: str
) -> tuple[list[_Row], list[_Row]]:
    """(what stays, what is held out)."""
    if task.split.time:
        ordered = sorted(pool, key=lambda row: moment(row.example.time))
        cut = round(len(ordered) * (1 - share))
        past, late = ordered[:cut], ordered[cut:]
        why = f"{name} rows that stand in the past already"
        return past, _apart(late, past, left, why)
    rng = random.Random(f"{task.seed}-{name}")
    held = _stratified(pool, share, rng) if task.kind == "classify" else _drawn(pool, share, rng)
    return (
        [row for row in pool if row.group not in held],
        [row for row in pool if row.group in held],
    )


def _stratified(pool: list[_Row], share: float, rng: random.Random) -> set[int]:
    """Groups to hold out: for each label, whole groups until its share is full.

    Rarest labels choose first. A group larger than what is still wanted stays, so that one great
    cluster of near-copies cannot fill a test set; a label's last group always stays in training.
    """
    members: dict[int, list[_Row]] = defaultdict(list)
    for row in pool:
        members[row.group].append(row)
    counts = Counter(name for row in pool for name in names_of(row.example.output))
    by_label: dict[str, list[int]] = defaultdict(list)
    for group, rows in members.items():
        names = [name for row in rows for name in names_of(row.example.output)]
        by_label[min(names, key=lambda n: (counts[n], n), default="")].append(group)
    held: set[int] = set()
    for name in sorted(by_label, key=lambda n: (counts[n], n)):
        groups = by_label[name]
        rng.shuffle(groups)
        held |= _fill(groups[:-1], members, share * sum(len(members[g]) for g in groups))
    return held


def _drawn(pool: list[_Row], share: float, rng: random.Random) -> set[int]:
    """Groups to hold out where outputs are no labels: whole groups until the share is full."""
    members: dict[int, list[_Row]] = defaultdict(list)
    for row in pool:
        members[row.group].append(row)
    groups = list(members)
    rng.shuffle(groups)
    return _fill(groups, members, share * len(pool))


def _fill(groups: list[int], members: dict[int, list[_Row]], wanted: float) -> set[int]:
    held: set[int] = set()
    for group in groups:
        size = len(members[group])
        if wanted >= 0.5 and size <= max(1.0, wanted + 0.5):
            held.add(group)
            wanted -= size
    return held


def _apart(rows: list[_Row], others: list[_Row], left: dict[str, list[str]], why: str) -> list[_Row]:
    """``rows`` without those whose group stands among ``others``; what goes is noted."""
    taken = {row.group for row in others}
    gone = [row.example.id for row in rows if row.group in taken]
    if gone:
        left[why].extend(gone)
    return [row for row in rows if row.group not in taken]


def _once(rows: list[_Row], left: dict[str, list[str]], why: str) -> list[_Row]:
    seen: set[tuple[str, object]] = set()
    kept = []
    for row in rows:
        key = (fold(row.example.input) or row.example.input, row.example.output)
        if key in seen:
            left[why].append(row.example.id)
        else:
            seen.add(key)
            kept.append(row)
    return kept


def _enough(task: Task, splits: Splits) -> None:
    sizes = {"train": len(splits.train), "dev": len(splits.dev), "test": len(splits.test)}
    least = {"train": 2, "dev": 2, "test": MIN_TEST}
    for name, size in sizes.items():
        if size < least[name]:
            gone = sum(map(len, splits.left_out.values()))
            raise InputError(
                f"{name} would hold {size} example(s) (train {sizes['train']}, dev {sizes['dev']}, "
                f"test {sizes['test']}, left out {gone}); it needs at least {least[name]}.",
                where=task.examples,
                fix="add examples, change `split`, or name an input column with more variety.",
            )


def _notes(task: Task, splits: Splits) -> tuple[str, ...]:
    notes = [f"left out: {len(ids):,} {why}" for why, ids in splits.left_out.items()]
    return (*notes, *_unseen(splits)) if task.kind == "classify" else tuple(notes)


def _unseen(splits: Splits) -> list[str]:
    """Test answers that no training row shows."""
    notes = []
    trained = {name for e in splits.train for name in names_of(e.output)}
    unseen = Counter(n for e in splits.test for n in names_of(e.output) if n not in trained)
    if unseen:
        names = ", ".join(f"{name} ({count:,})" for name, count in unseen.most_common(5))
        notes.append(
            f"{sum(unseen.values()):,} test answers carry a label that training never shows: {names}; "
            "no trained rung can get them right"
        )
    return notes
