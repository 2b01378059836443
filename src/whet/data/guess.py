"""Guess a task from a data file: which column is the input, which the label, and how to split.

A guess is shown on three rows and written into a task file that says so; nothing is used unseen. Knows
names that people give to columns, and what the values look like.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from whet.data.formats import MISSING, Table
from whet.data.load import is_time, need, split_labels
from whet.errors import InputError

# Column names that speak for a meaning, strongest first.
LABEL_NAMES = (
    "label",
    "labels",
    "intent",
    "queue",
    "category",
    "class",
    "topic",
    "route",
    "target",
    "product",
    "department",
    "section_header",
    "tag",
    "tags",
    "type",
    "sentiment",
    "toxic",
    "output",
    "priority",
)
INPUT_NAMES = (
    "text",
    "input",
    "instruction",
    "utterance",
    "message",
    "question",
    "query",
    "ticket",
    "comment",
    "body",
    "narrative",
    "complaint",
    "description",
    "dialogue",
    "content",
    "sentence",
    "prompt",
    "issue",
    "subject",
    "title",
    "request",
)
REPLY_NAMES = ("output", "response", "completion", "answer", "reply", "expected", "target", "summary", "json")
AFTERWARDS = ("response", "reply", "answer", "resolution", "outcome")  # known only once it is done
MAX_LABELS = 300
SAMPLE = 5000


@dataclass(frozen=True)
class Column:
    """What the values of one column look like."""

    name: str
    filled: float
    """Share of rows with a value."""
    distinct: int
    words: float
    """Mean words of the filled values."""
    dates: float
    """Share of filled values that are ISO dates."""
    lists: float
    """Share of filled values that are lists."""
    numbers: float
    rows: int

    @property
    def variety(self) -> float:
        return self.distinct / max(self.rows * self.filled, 1)


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
    columns = {name: look(table, name) for name in table.columns}
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
    columns = {name: look(table, name) for name in table.columns}
    if output in columns and _could_be_label(columns[output]):
        return guess_task(table, inputs=inputs, output=output, time=time)
    reply = output or _reply(columns, set(inputs))
    if reply is None:
        return guess_task(table, inputs=inputs, output=output, time=time)
    identity = _identity(columns)
    when = time or _time(columns)
    chosen = tuple(inputs) or _inputs(table, columns, {reply, identity, when})
    kind = "extract" if _is_json(table, reply) else "write"
    return Guess(chosen, reply, identity, when, False, "|", (), (), kind)


def _reply(columns: dict[str, Column], taken: set[str]) -> str | None:
    """A column named like an answer whose values are no labels."""
    for name in REPLY_NAMES:
        for column in columns.values():
            if column.name.lower() == name and name not in taken and not _could_be_label(column):
                return column.name
    return None


def _is_json(table: Table, name: str) -> bool:
    """Whether nearly all values are JSON objects or lists."""
    values = [row.text(name) for row in table.rows[:SAMPLE] if row.text(name)]
    return sum(value[0] in "{[" and value[-1] in "}]" for value in values) > 0.9 * max(len(values), 1)


def look(table: Table, name: str) -> Column:
    """Look at the first rows of one column."""
    rows = table.rows[:SAMPLE]
    raw = [row.values.get(name) for row in rows]
    texts = [row.text(name) for row in rows]
    filled = [text for text in texts if text.lower() not in MISSING]
    count = max(len(filled), 1)
    return Column(
        name=name,
        filled=len(filled) / len(rows),
        distinct=len(set(filled)),
        words=sum(len(text.split()) for text in filled) / count,
        dates=sum(is_time(text) for text in filled) / count,
        lists=sum(isinstance(value, list) for value in raw) / len(rows),
        numbers=sum(bool(re.fullmatch(r"[-+]?\d+([.,]\d+)?", text)) for text in filled) / count,
        rows=len(rows),
    )


def _named(name: str, known: Sequence[str]) -> float:
    """1 for the strongest name, falling to 0.5; half of that for a part of the name; 0 otherwise."""
    lower = name.lower().strip()
    words = re.split(r"[\W_]+", lower)
    for rank, hint in enumerate(known):
        strength = 1 - 0.5 * rank / len(known)
        if lower == hint:
            return strength
        if hint in words or f"{hint}s" in words:
            return strength / 2
    return 0.0


def _output(table: Table, columns: dict[str, Column], taken: set[str]) -> str:
    """The best-named column with few different, short values."""
    scored = {
        name: _named(name, LABEL_NAMES) + 0.3 * (column.filled > 0.98) + 0.2 * (column.words < 4)
        for name, column in columns.items()
        if name not in taken and _could_be_label(column)
    }
    if not scored:
        raise InputError(
            f"no column looks like a label (columns: {', '.join(columns)}).",
            where=table.path,
            fix="name it with --output COLUMN. whet climbs `classify` tasks: an output is one label of "
            "a list, or several.",
        )
    return max(scored, key=lambda name: (scored[name], -list(columns).index(name)))


def _could_be_label(column: Column) -> bool:
    few = 1 <= column.distinct <= MAX_LABELS and column.variety <= 0.5
    named = _named(column.name, LABEL_NAMES) > 0
    repeated = column.variety <= 0.2 or named
    return few and repeated and column.filled > 0.5 and column.dates < 0.5 and column.words < 12


def _several(table: Table, name: str) -> tuple[bool, str]:
    """Whether cells hold several labels, and what separates them."""
    values = [row.values.get(name) for row in table.rows[:SAMPLE]]
    if any(isinstance(value, list) for value in values):
        return True, "|"
    texts = [str(value) for value in values if value]
    for separator in ("|", ";"):
        joined = [text for text in texts if separator in text]
        parts = Counter(part for text in texts for part in split_labels(text, separator))
        if len(joined) > 0.02 * len(texts) and len(parts) < len(set(texts)):
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
    """One column of varied text; where none is filled and varied, several well-named ones joined."""
    texts = {n: c for n, c in columns.items() if n not in taken and _could_be_text(c)}
    full = {n: c for n, c in texts.items() if c.filled > 0.9 and c.variety > 0.2}
    if full:
        return (max(full, key=lambda n: _named(n, INPUT_NAMES) + min(full[n].words, 20) / 40),)
    named = [n for n in texts if _named(n, INPUT_NAMES)]
    if named:
        return tuple(named)
    if texts:
        return (max(texts, key=lambda n: texts[n].words * texts[n].filled),)
    raise InputError(
        f"no column looks like an input text (columns: {', '.join(columns)}).",
        where=table.path,
        fix="name it with --input COLUMN.",
    )


def _could_be_text(column: Column) -> bool:
    if _named(column.name, AFTERWARDS) and not _named(column.name, INPUT_NAMES):
        return False
    wordy = column.words >= 2 or _named(column.name, INPUT_NAMES) > 0
    return wordy and column.dates < 0.5 and column.numbers < 0.5 and column.filled > 0.05


def _label_counts(table: Table, name: str, several: bool, separator: str) -> Counter[str]:
    values: list[Any] = [row.values.get(name) for row in table.rows]
    if several:
        return Counter(part for value in values for part in split_labels(value, separator))
    texts = [row.text(name) for row in table.rows]
    return Counter(text for text in texts if text)
