"""From a task's files to what is checked: columns of texts, with everything else as metadata.

Rows come one by one, so that a million of them cost little more than their texts. A record that cannot be
read becomes ``Broken`` and the good ones go on. Knows no checks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from whet.check.subject import Subject
from whet.data.formats import Broken, Row, read_rows
from whet.data.load import input_of, labels_of, load_inputs, name_beside, place_of
from whet.data.looks import ANNOTATOR_NAMES, SIDES, is_split
from whet.data.rows import text_of
from whet.data.shapes import CLOSED, Problem, detect, flatten, opened
from whet.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from whet.config import Task
    from whet.data.shapes import Record, Shape
    from whet.records import Turn

SAMPLE = 200  # rows that tell a file's shape
UNANSWERED = {"text", "prompt", "prompt_chat", "openai_rft"}  # no conversations: nobody answers in them
MOST_COLUMNS = 200
"""Where keys differ from row to row, those beyond share one column, so that memory grows with the rows."""
REST = "(other columns)"
Values = Mapping[str, Any]
_Read = tuple[Row, "Record | None"]


def load_subject(task: Task, folder: Path) -> Subject:
    """Every example of the task; ``sides`` where it names files of their own for test or dev.

    Raises:
        InputError: a file that cannot be read, or that has no good row.
    """
    sources = {"train": task.examples}
    sources |= {s: f for s in ("dev", "test") if isinstance(f := getattr(task.split, s), str)}
    columns, broken = _Columns(task), list[Broken]()
    for side, name in sources.items():
        path = place_of(folder, name)
        called = path.name if side == "train" else name_beside(task, path)
        rows = read_rows(path, broken=broken)
        for row, record in _shaped(rows, path, broken, columns_of(task)):
            columns.add(called, row, record, side)
    if not columns.inputs:
        raise InputError("no row can be read.", where=folder / task.examples, fix=_first(broken))
    return columns.subject(broken, folder, several_sides=len(sources) > 1)


def load_inputs_of(task: Task, path: Path) -> list[str]:
    """The inputs of a file of real use: the task's input columns, its only column, or lines of text.

    Raises:
        InputError: no row has an input.
    """
    if path.suffix.lower() == ".txt":
        return load_inputs(path, None)[1]
    names, texts = columns_of(task)[:-1], list[str]()
    keys: dict[str, None] = {}
    for row, _ in _shaped(read_rows(path, broken=[]), path, [], names):
        keys |= dict.fromkeys(row.values)
        only = len(row.values) == 1
        texts.append(row.text(next(iter(row.values))) if only else input_of(task, row))
    filled = [text for text in texts if text]
    if not filled:
        asked, there = ", ".join(map(repr, names)), ", ".join(map(repr, keys))
        fix = f"call it as the examples do, or give a file with one column; there are {there}."
        raise InputError(f"no row has the input column {asked}.", where=path, fix=fix)
    return filled


def _first(broken: list[Broken]) -> str:
    return f"the first fault is {broken[0]}" if broken else "give a file with examples."


def columns_of(task: Task) -> list[str]:
    """The task's input columns, then its output column."""
    given = task.fields.input
    return [*([given] if isinstance(given, str) else given), task.fields.output]


def _shaped(rows: Iterator[Row], path: Path, broken: list[Broken], names: list[str]) -> Iterator[_Read]:
    """Each row as flat columns, and as a record where the file has a shape of its own.

    A file that has the columns ``names`` is read as it is, or with nested objects as columns.
    """
    head = list(islice(rows, SAMPLE))
    if any(set(names) <= row.values.keys() for row in head) or not head:
        yield from ((row, None) for row in chain(head, rows))
        return
    for closed in (CLOSED, frozenset[str]()):
        if any(set(names) <= opened(row.values, closed).keys() for row in head):
            yield from ((Row(row.line, opened(row.values, closed)), None) for row in chain(head, rows))
            return
    found = detect([row.values for row in head])
    shared = found.example.instruction  # apart where all share it, so that texts are not alike for its sake
    for row in chain(head, rows):
        if (made := _record(found.shape, row, path, broken)) is not None:
            own = replace(made, instruction=None) if made.instruction == shared else made
            yield Row(row.line, flatten(own)), None if found.shape.name in UNANSWERED else made


def _record(shape: Shape, row: Row, path: Path, broken: list[Broken]) -> Record | None:
    try:
        return shape.read(row.values)
    except Problem as problem:
        source = f"{path.name}:{row.line}"
        broken.append(Broken(source, problem.field, str(problem.value)[:80], problem.rule, problem.fix))
        return None


@dataclass
class _Columns:
    """Columns that grow row by row."""

    task: Task
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    sides: list[str] = field(default_factory=list)
    turns: list[tuple[Turn, ...]] = field(default_factory=list)
    tools: list[Any] = field(default_factory=list)
    meta: dict[str, list[str]] = field(default_factory=dict)

    def add(self, file: str, row: Row, record: Record | None, side: str) -> None:
        self.inputs.append(input_of(self.task, row))
        self.outputs.append(self._output(row))
        self.files.append(file)
        self.lines.append(row.line)
        self.sides.append(side)
        if record is not None and len(record.turns) + len(record.chosen or ()) > 0:
            self.turns.append((*record.turns, *(record.chosen or ())))
            self.tools.append(record.tools)
        rest: list[str] = []
        for name in row.values.keys() - set(columns_of(self.task)):
            if name in self.meta or len(self.meta) < MOST_COLUMNS:
                self._put(name, text_of(row.values[name]))
            else:
                rest.append(f"{name}: {text_of(row.values[name])}")
        if rest:
            self._put(REST, "\n".join(rest))

    def _put(self, name: str, text: str) -> None:
        column = self.meta.setdefault(name, [])
        column.extend([""] * (len(self.inputs) - 1 - len(column)))
        column.append(text)

    def _output(self, row: Row) -> str:
        if self.task.kind == "classify":
            labels = labels_of(self.task, row)
            return labels if isinstance(labels, str) else self.task.label_separator.join(labels)
        return text_of(row.values.get(self.task.fields.output))

    def subject(self, broken: list[Broken], folder: Path, *, several_sides: bool) -> Subject:
        task, count = self.task, len(self.inputs)
        whole = len(self.turns) == count
        sides = self.sides if several_sides else _sides(self.meta, count)
        padded = {name: [*column, *[""] * (count - len(column))] for name, column in self.meta.items()}
        return Subject(
            kind=task.kind,
            inputs=self.inputs,
            outputs=self.outputs,
            files=self.files,
            lines=self.lines,
            meta=padded,
            turns=self.turns if whole else None,
            tools=self.tools if whole and any(self.tools) else None,
            sides=sides,
            broken=broken,
            separator=task.label_separator if task.multi_label else None,
            labels=[label.name for label in task.labels] if task.labels else None,
            drops_rare=task.rare_labels == "drop",
            schema=task.json_schema,
            instruction=task.instruction,
            columns=_meanings(task, padded),
            groups=[name for name in task.check.groups if name in padded],
            path=folder / task.examples,
        )


def _sides(meta: Mapping[str, list[str]], count: int) -> list[str] | None:
    """The sides that a column of the file gives its rows (``split``: train, test), where it does."""
    for name, column in meta.items():
        if name.lower().endswith("split") and len(column) == count and is_split(column):
            return [SIDES[value.strip().lower()] for value in column]
    return None


def _meanings(task: Task, meta: Mapping[str, list[str]]) -> Mapping[str, str]:
    """What the task says of its metadata columns; ``policy_date`` is the date itself. Who labelled a row is
    also known by a column's usual name."""
    called = next((name for name in meta if name.lower() in ANNOTATOR_NAMES), None)
    named = {
        "id": task.fields.id,
        "time": task.split.time,
        "group": task.split.group_by,
        "annotator": task.check.annotator or called,
        "policy_date": task.check.policy_date,
    }
    return {meaning: name for meaning, name in named.items() if name}
