"""The labels of a task beside those that its examples have: unknown ones, and those that stand once.

Knows examples and the task file; knows no files and no models.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from whet.data.outputs import names_of
from whet.errors import InputError, many, nearest
from whet.records import Example

if TYPE_CHECKING:
    from whet.config import Task
    from whet.data.formats import Table


def label_names(task: Task, table: Table, examples: list[Example]) -> list[str]:
    """The task's list in its order, or what occurs, sorted."""
    found = {name for example in examples for name in names_of(example.output)}
    if task.labels is None:
        return sorted(found)
    names = [label.name for label in task.labels]
    if found - set(names):
        raise unknown_label(task, table, examples)
    return names


def unknown_label(task: Task, table: Table, examples: list[Example]) -> InputError:
    names = {label.name for label in task.labels or []}
    errors = [
        f"{e.source}: {task.fields.output}: {name!r} is not in the task's labels. {nearest(name, names)}"
        for e in examples
        for name in names_of(e.output)
        if name not in names
    ]
    return many(
        errors,
        what=f"{len(errors):,} label(s) missing from the label list:",
        where=table.path,
        fix="add the label to `labels:`, or mend the rows.",
    )


def without_rare(task: Task, table: Table, examples: list[Example]) -> tuple[list[Example], tuple[str, ...]]:
    """Labels with one example cannot be learned and tested: refused, or set aside and said."""
    counts = Counter(name for example in examples for name in names_of(example.output))
    rare = sorted(name for name, count in counts.items() if count == 1)
    if not rare or len(rare) == len(counts) == 1:
        return examples, ()
    if task.rare_labels == "drop":
        kept = [e for e in examples if not set(names_of(e.output)) & set(rare)]
        return kept, (f"labels with one example, set aside: {', '.join(rare)}",)
    errors = [
        f"{e.source}: {task.fields.output}: {name!r} has one example."
        for e in examples
        for name in names_of(e.output)
        if name in rare
    ]
    raise many(
        errors,
        what=f"{len(rare):,} label(s) with one example:",
        where=table.path,
        fix="add examples, merge the label into another, or set `rare_labels: drop`.",
    )
