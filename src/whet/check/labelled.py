"""The standard *well labelled*: whether the list of labels is whole, used, and can be told apart.

By counting: rows without a label, labels outside the task's list, labels that nothing carries, labels with
one example. By name: labels that read the same. By a sentence encoder: pairs of labels that a head, in
cross-validation, cannot tell apart. Whether a single row carries the wrong label is the matter of
``accurate``. Knows no descriptions of labels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import combinations

from whet.check.apart import confused_pairs, same_meaning
from whet.check.findings import Check, Finding, Flag, Need
from whet.check.naming import same_name
from whet.check.saying import counted, first
from whet.check.subject import Subject, Tools

Found = Iterator[Finding]

SPELLED = 500
"""With more labels than this only equal names are looked for, not slips of the pen."""
SLIP = 0.2
"""A slip of the pen is rare: at most this share of the rows of the label it stands for."""


def rows_of(subject: Subject) -> dict[str, list[int]]:
    """Label to its rows, in the order in which labels first occur."""
    found: dict[str, list[int]] = {}
    for row, labels in enumerate(subject.label_sets()):
        for label in labels:
            found.setdefault(label, []).append(row)
    return found


def missing_labels(subject: Subject, tools: Tools) -> Found:
    if subject.separator is not None:  # of several labels, none may be meant
        return
    flags = tuple(
        Flag(row, "output", "has no label") for row, label in enumerate(subject.outputs) if not label.strip()
    )
    if flags:
        yield Finding(
            "labelled.missing-labels",
            "well labelled",
            "advice",
            f"{counted(len(flags), 'row has', 'rows have')} no label.",
            "A row without a label cannot be learned from, nor counted when answers are.",
            "Label them (`whet repair --decisions` takes the file back), or drop them.",
            flags,
        )


def outside_list(subject: Subject, tools: Tools) -> Found:
    if subject.labels is None:
        return
    known = set(subject.labels)
    strange = {label: rows for label, rows in rows_of(subject).items() if label not in known}
    flags = [
        Flag(row, "output", f"{label!r} is not in the list", proposal=_only(label, known, subject))
        for label, rows in strange.items()
        for row in rows
    ]
    if flags:
        yield Finding(
            "labelled.outside-list",
            "well labelled",
            "blocks",
            f"{counted(len(flags), 'row carries', 'rows carry')} a label that the task does not list: "
            f"{first([repr(label) for label in strange])}.",
            "No answer may be such a label, so these rows teach a mistake.",
            "Add the labels to `labels` in the task, or relabel the rows: "
            "each row has the nearest label as its proposal.",
            tuple(sorted(flags, key=lambda flag: flag.row)),
            {label: len(rows) for label, rows in strange.items()},
        )


def _only(label: str, known: Iterable[str], subject: Subject) -> str | None:
    """The one listed label of the same name, where a row has one label."""
    same = [other for other in known if same_name(label, other) == "the same words"]
    return same[0] if len(same) == 1 and subject.separator is None else None


def unused_labels(subject: Subject, tools: Tools) -> Found:
    used = rows_of(subject)
    unused = [label for label in subject.labels or () if label not in used]
    if unused:
        yield Finding(
            "labelled.unused-labels",
            "well labelled",
            "advice",
            f"{counted(len(unused), 'label of the list has', 'labels of the list have')} no example: "
            f"{first([repr(label) for label in unused])}.",
            "What has no example cannot be learned, and is not measured either.",
            "Add examples, or take the labels off the list.",
            figures=dict.fromkeys(unused, 0),
        )


def too_few(subject: Subject, tools: Tools) -> Found:
    """Blocks where a split has still to be made; where it is made, or the task sets such labels aside, what
    can be learned stands as it is."""
    single = {label: rows[0] for label, rows in rows_of(subject).items() if len(rows) == 1}
    if single:
        yield Finding(
            "labelled.too-few",
            "well labelled",
            "blocks" if subject.sides is None and not subject.drops_rare else "advice",
            f"{counted(len(single), 'label has', 'labels have')} one example only: "
            f"{first([repr(label) for label in single])}.",
            "One example cannot be both learned from and held out.",
            "Add examples, merge the label with another, or set `rare_labels: drop` in the task.",
            tuple(Flag(row, "output", f"the only {label!r}") for label, row in single.items()),
        )


def same_names(subject: Subject, tools: Tools) -> Found:
    rows = rows_of(subject)
    flags = []
    for rare, frequent, how in _alike(rows, set(subject.labels or ())):
        note = f"{rare!r} ({len(rows[rare]):,}) and {frequent!r} ({len(rows[frequent]):,}) are {how}"
        proposal = frequent if subject.separator is None else None
        flags += [Flag(row, "output", note, (rows[frequent][0],), proposal=proposal) for row in rows[rare]]
    if flags:
        pairs = len({flag.note for flag in flags})
        yield Finding(
            "labelled.same-names",
            "well labelled",
            "advice",
            f"{counted(pairs, 'pair of labels reads', 'pairs of labels read')} the same.",
            "The model learns to choose between two names of one thing by chance.",
            "Decide which name stays; the more frequent one is proposed.",
            tuple(sorted(flags, key=lambda flag: flag.row)),
        )


def _alike(rows: Mapping[str, list[int]], listed: set[str]) -> Iterator[tuple[str, str, str]]:
    """(rarer label, more frequent one, how they are alike) of labels that read the same."""
    for one, other in combinations(rows, 2) if len(rows) <= SPELLED else ():
        rare, frequent = sorted((one, other), key=lambda label: len(rows[label]))
        how = same_name(one, other)
        slip = how == "one letter apart"
        if how and not (slip and (len(rows[rare]) > SLIP * len(rows[frequent]) or rare in listed)):
            yield rare, frequent, how


def _labels(name: str, find: Callable[[Subject, Tools], Iterable[Finding]], *needs: Need) -> Check:
    return Check(f"labelled.{name}", "well labelled", find, needs, ("classify",))


CHECKS: tuple[Check, ...] = (
    _labels("missing-labels", missing_labels),
    _labels("outside-list", outside_list),
    _labels("unused-labels", unused_labels),
    _labels("too-few", too_few),
    _labels("same-names", same_names),
    _labels("same-meaning", same_meaning, "encoder"),
    _labels("confused-pairs", confused_pairs, "encoder"),
)
