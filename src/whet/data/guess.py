"""Guess a task from a data file: which column is the input, which the label, and how to split.

A guess is shown on three rows and written into a task file that says so; nothing is used unseen. Knows
names that people give to columns, and what the values look like.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from whet.data.formats import Table
from whet.data.load import need, split_labels
from whet.data.looks import (
    AFTERWARDS,
    ANNOTATIONS,
    INPUT_NAMES,
    LABEL_NAMES,
    REPLY_NAMES,
    SAMPLE,
    TOGETHER,
    Column,
    is_split,
    look,
    named,
)
from whet.errors import InputError

MAX_LABELS, MOST_COLUMNS = 300, 200
TINY = 20
"""Rows under which a column named like a label is one, though hardly a value comes twice."""


@dataclass(frozen=True)
class Guess:
    """The guessed parts of a task."""

    inputs: tuple[str, ...]
    output: str
    id: str | None
    time: str | None
    multi_label: bool
    separator: str
    rare: tuple[str, ...]
    """Labels with one example that are too few to matter."""
    labels: tuple[str, ...]
    kind: str = "classify"

    @property
    def input_field(self) -> str | list[str]:
        return self.inputs[0] if len(self.inputs) == 1 else list(self.inputs)


def guess_task(
    table: Table, *, inputs: Sequence[str] = (), output: str | None = None, time: str | None = None
) -> Guess:
    """Guess what is not given.

    Raises:
        InputError: a column that is not there; no column looks like a label, or like an input.
    """
    need(table, [*inputs, *(name for name in (output, time) if name)])
    columns = _looked(table)
    label = output or _output(table, columns, set(inputs))
    several, separator = _several(table, label)
    identity = _identity(columns)
    when = time or _time(columns)
    chosen = tuple(inputs) or _inputs(table, columns, {label, identity, when})
    counts = _label_counts(table, label, several, separator)
    rare = tuple(sorted(name for name, count in counts.items() if count == 1))
    few = len(rare) <= 0.002 * len(table.rows)
    return Guess(
        inputs=chosen,
        output=label,
        id=identity,
        time=when,
        multi_label=several,
        separator=separator,
        rare=rare if few else (),
        labels=tuple(sorted(counts)),
    )


def guess_any(
    table: Table, *, inputs: Sequence[str] = (), output: str | None = None, time: str | None = None
) -> Guess:
    """Guess a task of any kind: labels where a column has them, else JSON or replies.

    Raises:
        InputError: a column that is not there; no column looks like an output, or like an input.
    """
    need(table, [*inputs, *(name for name in (output, time) if name)])
    columns = _looked(table)
    if output in columns and _could_be_label(columns[output]):
        return guess_task(table, inputs=inputs, output=output, time=time)
    reply = output or _reply(table, columns, set(inputs))
    if reply is None:
        return guess_task(table, inputs=inputs, output=output, time=time)
    identity = _identity(columns)
    when = time or _time(columns)
    chosen = tuple(inputs) or _inputs(table, columns, {reply, identity, when})
    kind = "extract" if _is_json(table, reply) else "write"
    return Guess(chosen, reply, identity, when, False, "|", (), (), kind)


def _looked(table: Table) -> dict[str, Column]:
    """Every column.

    Raises:
        InputError: the first line of a table is an example.
    """
    names = _frequent(table)
    for name in names:
        again = sum(row.text(name) == name for row in table.rows[:SAMPLE])
        if again > 1 and named(name, (*LABEL_NAMES, *INPUT_NAMES)) == 0:
            raise InputError(
                f"the first line reads like an example, not like names of columns: {name[:60]!r} stands "
                f"{again:,} times below itself.",
                where=table.path,
                fix="put a line with the names before it, for example: text,label",
            )
    return {name: look(table, name) for name in names}


def _frequent(table: Table) -> list[str]:
    """The columns; where keys differ from row to row, those that many rows have."""
    if len(table.columns) <= MOST_COLUMNS:
        return list(table.columns)
    counts = Counter(name for row in table.rows[:SAMPLE] for name in row.values)
    return [name for name, _ in counts.most_common(MOST_COLUMNS)]


def _reply(table: Table, columns: Mapping[str, Column], taken: set[str]) -> str | None:
    """A column named like an answer whose values are no labels; else one of annotations, where no column
    is named like a label."""
    free = {name: column for name, column in columns.items() if name not in taken}
    for name in REPLY_NAMES:
        for column in free.values():
            if column.name.lower() == name and not _could_be_label(column):
                return column.name
    labels = [c for c in free.values() if _could_be_label(c) and not _bookkeeping(table, c)]
    if any(named(column.name, LABEL_NAMES) for column in labels):
        return None
    marked = [n for n, column in free.items() if column.objects > 0.5 and named(n, ANNOTATIONS)]
    if marked or labels:
        return max(marked, key=lambda name: named(name, ANNOTATIONS), default=None)
    texts = [n for n, c in free.items() if c.words >= 2 and c.filled > 0.9 and _could_be_part(c)]
    return texts[-1] if len(texts) + len(taken) == 2 else None  # article, highlights; en, de


def label_beside(table: Table, taken: set[str]) -> str | None:
    """A column named like a label, beside the answers."""
    for name in table.columns:
        column = look(table, name)
        asked = named(name, LABEL_NAMES) and column.distinct > 1 and not _bookkeeping(table, column)
        if name not in taken and asked and _could_be_label(column):
            return name
    return None


def _is_json(table: Table, name: str) -> bool:
    """Whether nearly all values are JSON objects or lists."""
    values = [row.text(name) for row in table.rows[:SAMPLE] if row.text(name)]
    return sum(value[0] in "{[" and value[-1] in "}]" for value in values) > 0.9 * max(len(values), 1)


def _output(table: Table, columns: dict[str, Column], taken: set[str]) -> str:
    """The best-named column with few different, short values."""
    scored = {
        name: named(name, LABEL_NAMES)
        + 0.3 * (column.filled > 0.98)
        + 0.2 * (column.words < 4)
        - 1.0 * (column.distinct == 1)
        for name, column in columns.items()
        if name not in taken and _could_be_label(column) and not _bookkeeping(table, column)
    }
    if not scored:
        raise InputError(
            f"no column looks like a label (columns: {_shown(columns)}).",
            where=table.path,
            fix="name it with --output COLUMN (`a.b` is the key b inside a), or write a task file "
            "with `kind: extract` or `kind: write`.",
        )
    return max(scored, key=lambda name: (scored[name], -list(columns).index(name)))


def _bookkeeping(table: Table, column: Column) -> bool:
    """Whether a column numbers rows or tells their side of a split: no model is asked for it."""
    numbered = re.search(r"(^|[\W_])(id|uuid|guid|index|idx|no|nr)$", column.name.lower())
    called = named(column.name, LABEL_NAMES) > 0
    return bool(numbered and not called) or is_split(
        row.values.get(column.name) for row in table.rows[:SAMPLE]
    )


def _could_be_label(column: Column) -> bool:
    called = named(column.name, LABEL_NAMES) > 0
    tiny = column.rows < TINY and called and column.words < 4
    few = 1 <= column.distinct <= MAX_LABELS and (column.variety <= 0.5 or tiny) and not column.objects
    repeated = column.variety <= 0.2 or called
    return few and repeated and column.filled > 0.5 and column.dates < 0.5 and column.words < 12


def _several(table: Table, name: str) -> tuple[bool, str]:
    """Whether cells hold several labels, and what separates them."""
    values = [row.values.get(name) for row in table.rows[:SAMPLE]]
    if any(isinstance(value, list) for value in values):
        return True, "|"
    texts = [str(value) for value in values if value]
    for separator in ("|", ";", ","):
        joined = [text for text in texts if separator in text]
        parts = Counter(part for text in set(texts) for part in split_labels(text, separator))
        again = min(parts.values(), default=0) > 1 or separator != ","  # a comma may belong to a name
        if len(joined) > 0.02 * len(texts) and len(parts) < len(set(texts)) and again:
            return True, separator
    return False, "|"


def _identity(columns: dict[str, Column]) -> str | None:
    """A column called id (or ticket_id, ...) whose values hardly repeat."""
    for name, column in columns.items():
        ends = re.search(r"(^|[\W_])(id|uuid|guid)$", name.lower())
        if ends and column.filled == 1.0 and column.variety > 0.9:
            return name
    return None


def _time(columns: dict[str, Column]) -> str | None:
    """The first column of dates that spans more than a handful of days."""
    for name, column in columns.items():
        if column.dates > 0.99 and column.filled == 1.0 and column.distinct >= 10:
            return name
    return None


def _inputs(table: Table, columns: dict[str, Column], taken: set[str | None]) -> tuple[str, ...]:
    """One column of varied text, or columns that belong together; where none is filled and varied, several
    well-named ones joined."""
    texts = {n: c for n, c in columns.items() if n not in taken and _could_be_text(c)}
    of_name = {n.lower(): n for n, c in columns.items() if n not in taken and _could_be_part(c)}
    for pair in TOGETHER:
        if set(pair) <= of_name.keys():
            return tuple(of_name[name] for name in pair)
    full = {n: c for n, c in texts.items() if c.filled > 0.9 and c.variety > 0.2}
    if full:
        return (max(full, key=lambda n: named(n, INPUT_NAMES) + min(full[n].words, 20) / 40),)
    known = [n for n in texts if named(n, INPUT_NAMES)]
    if known:
        return tuple(known)
    if texts:
        return (max(texts, key=lambda n: texts[n].words * texts[n].filled),)
    raise InputError(
        f"no column looks like an input text (columns: {_shown(columns)}).",
        where=table.path,
        fix="name it with --input COLUMN (`a.b` is the key b inside a).",
    )


def _shown(columns: Mapping[str, Column]) -> str:
    """The columns, and which of them hold lists of objects, that are neither text nor label."""
    return ", ".join(f"{n} (objects)" if column.objects else n for n, column in columns.items())


def _could_be_part(column: Column) -> bool:
    """Whether a column may be part of an input; what all rows share tells them nothing."""
    plain = not column.objects and column.lists < 0.5 and column.numbers < 0.5 and column.dates < 0.5
    return column.distinct > 1 and column.filled > 0.02 and plain


def _could_be_text(column: Column) -> bool:
    if column.objects or column.lists > 0.5:
        return False
    if named(column.name, AFTERWARDS) and not named(column.name, INPUT_NAMES):
        return False
    wordy = column.words >= 2 or named(column.name, INPUT_NAMES) > 0
    return wordy and column.dates < 0.5 and column.numbers < 0.5 and column.filled > 0.05


def _label_counts(table: Table, name: str, several: bool, separator: str) -> Counter[str]:
    values: list[Any] = [row.values.get(name) for row in table.rows]
    if several:
        return Counter(part for value in values for part in split_labels(value, separator))
    texts = [row.text(name) for row in table.rows]
    return Counter(text for text in texts if text)
