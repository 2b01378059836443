"""Rows to examples: the task's columns, outputs and ids, checked before any work.

Knows the task file and tables; knows no models. Every problem is an error that names file, line, field
and value, the first twenty and a count.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet.data.formats import MISSING, Row, Table, named_part, read_table
from whet.data.hub import is_hub_id
from whet.data.labels import label_names, unknown_label, without_rare
from whet.data.outputs import canonical, json_of, names_of, written
from whet.data.shapes import with_columns
from whet.errors import InputError, many, nearest
from whet.halves import HALF
from whet.records import Example, Label, Output

if TYPE_CHECKING:
    from collections.abc import Iterable

    from whet.config import Task

MAX_INPUT = 200_000  # characters; longer is a file by mistake
NEEDED = {"classify": "a label", "extract": "the JSON to extract", "write": "an answer"}


@dataclass(frozen=True, slots=True)
class Loaded:
    """The examples of a task, its labels in a fixed order, and what was set aside."""

    examples: tuple[Example, ...]
    labels: tuple[Label, ...]
    notes: tuple[str, ...] = ()


def load_examples(task: Task, folder: Path) -> Loaded:
    """All examples of the task's main file; paths are relative to ``folder``.

    Raises:
        InputError: as in the module's head.
    """
    table = with_columns(read_table(place_of(folder, task.examples)), _columns(task))
    examples, notes = _examples(task, table)
    if task.kind != "classify":
        return Loaded(tuple(examples), (), tuple(notes))
    names = label_names(task, table, examples)
    before = Counter(name for example in examples for name in names_of(example.output))
    examples, rare = without_rare(task, table, examples)
    counts = Counter(name for example in examples for name in names_of(example.output))
    descriptions = {label.name: label for label in task.labels or []}
    labels = [descriptions.get(name, Label(name)) for name in names if counts[name]]
    if len(labels) < 2:
        raise InputError(
            f"there is one label only: {labels[0].name if labels else '(none)'!r}.",
            where=table.path,
            fix="a choice needs examples of at least two labels.",
        )
    unused = [name for name in names if not counts[name] and before[name] != 1]
    if unused:
        notes = [*notes, f"labels without an example: {', '.join(unused)}"]
    return Loaded(tuple(examples), tuple(labels), (*notes, *rare))


def place_of(folder: Path, name: str) -> Path:
    """Where a task's file is: relative to its folder, or an id on the hub where there is no such file."""
    path = (folder / name).resolve()
    return Path(name) if is_hub_id(named_part(Path(name))[0]) and not path.exists() else path


def load_more(task: Task, path: Path, labels: tuple[Label, ...]) -> Loaded:
    """Examples of a split file of its own (test or dev), against the labels already known."""
    table = with_columns(replace(read_table(path), name=name_beside(task, path)), _columns(task))
    examples, notes = _examples(task, table)
    if task.kind != "classify":
        return Loaded(tuple(examples), (), tuple(notes))
    known = {label.name for label in labels}
    new = sorted({n for e in examples for n in names_of(e.output)} - known)
    listed = {label.name: label for label in task.labels or []}
    if task.labels is not None and set(new) - listed.keys():
        raise unknown_label(task, table, examples)
    extra = tuple(listed.get(name, Label(name)) for name in new)
    return Loaded(tuple(examples), (*labels, *extra), tuple(notes))


def name_beside(task: Task, path: Path) -> str:
    """What a split file is called: with as much of its folders as sets it apart from the other files."""
    named = [task.examples, *(one for one in (task.split.test, task.split.dev) if isinstance(one, str))]
    for tail in (path.parts[-length:] for length in range(1, len(path.parts) + 1)):
        if sum(Path(one).parts[-len(tail) :] == tail for one in named) < 2:
            return "/".join(tail)
    return path.name


def load_inputs(path: Path, column: str | None) -> tuple[list[str], list[str]]:
    """Inputs to predict, with ids: one text a line, or a table with an input column."""
    if path.suffix.lower() == ".txt":
        from whet.data.formats import read_text

        lines = [(n, line.strip()) for n, line in enumerate(read_text(path).split("\n"), start=1)]
        filled = [(n, line) for n, line in lines if line]
        return [f"{path.name}:{n}" for n, _ in filled], [line for _, line in filled]
    table = read_table(path)
    name = column or _input_column(table)
    need(table, [name])
    ids = [row.text("id") or table.where(row) for row in table.rows]
    return ids, [row.text(name) for row in table.rows]


def _input_column(table: Table) -> str:
    for name in ("input", "text"):
        if name in table.columns:
            return name
    if len(table.columns) == 1:
        return table.columns[0]
    raise InputError(
        f"which column is the input? There are {', '.join(table.columns)}.",
        where=table.path,
        fix="name it with --input COLUMN.",
    )


def need(table: Table, names: Iterable[str]) -> None:
    """Refuse columns that are not there.

    Raises:
        InputError: with the nearest name.
    """
    for name in names:
        if name not in table.columns:
            raise InputError(
                f"there is no column {name!r}.", where=table.path, fix=nearest(name, table.columns)
            )


def _columns(task: Task) -> list[str]:
    inputs = [task.fields.input] if isinstance(task.fields.input, str) else task.fields.input
    others = [task.fields.output, task.fields.id, task.split.group_by, task.split.time]
    return [*inputs, *[name for name in others if name]]


def _examples(task: Task, table: Table) -> tuple[list[Example], list[str]]:
    need(table, _columns(task))
    examples: list[Example] = []
    errors: list[str] = []
    empty = 0
    for row in table.rows:
        text, output = input_of(task, row), output_of(task, row)
        if not text and not output:
            empty += 1
            continue
        problem = _problem(task, row, text, output)
        if problem:
            errors.append(f"{table.where(row)}: {problem}")
        else:
            examples.append(_example(task, table, row, text, output))
    if errors:
        raise many(
            errors,
            what=f"{len(errors):,} row(s) cannot be used:",
            where=table.path,
            fix="mend or remove these rows; `whet repair` puts them into a review file to fill in.",
        )
    _unique_ids(task, table, examples)
    skipped = [f"{table.path.name}: {empty:,} empty row(s) skipped"] if empty else []
    return examples, [*table.notes, *skipped]


def _example(task: Task, table: Table, row: Row, text: str, output: Output) -> Example:
    fields, split = task.fields, task.split
    return Example(
        id=row.text(fields.id) if fields.id else table.where(row),
        input=text,
        output=output,
        source=table.where(row),
        group=(row.text(split.group_by) or None) if split.group_by else None,
        time=row.text(split.time) if split.time else None,
    )


def input_of(task: Task, row: Row) -> str:
    """The input text; of several columns, those that are filled, each under its name."""
    if isinstance(task.fields.input, str):
        return row.text(task.fields.input)
    parts = [(name, row.text(name)) for name in task.fields.input]
    return "\n".join(f"{name}: {text}" for name, text in parts if text)


def output_of(task: Task, row: Row) -> Output:
    """The approved output: labels, a JSON value as canonical text (as it is, where it is none), a reply."""
    if task.kind == "classify":
        return labels_of(task, row)
    value = row.values.get(task.fields.output)
    if task.kind == "extract" and not isinstance(value, str | None):
        return canonical(value)
    text = row.text(task.fields.output)
    return written(text) if task.kind == "write" else json_of(text) or text


def labels_of(task: Task, row: Row) -> Output:
    if not task.multi_label:
        return row.text(task.fields.output)
    value = row.values.get(task.fields.output)
    return split_labels(value, task.label_separator)


def split_labels(value: Any, separator: str) -> tuple[str, ...]:
    """A list, a JSON list as text, or a separated text, as a sorted tuple of labels."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except ValueError:
            value = value.strip("[] ").replace("'", "").replace('"', "").split(",")
    whole = "" if value is None else str(value)
    parts = value if isinstance(value, list) else whole.split(separator)
    return tuple(sorted({str(part).strip() for part in parts} - {""}))


def _problem(task: Task, row: Row, text: str, output: Output) -> str:
    """What is wrong with one row, or the empty text."""
    fields = task.fields
    if not text:
        return f"{fields.input}: is empty. A row needs an input."
    if len(text) > MAX_INPUT:
        return f"{fields.input}: has {len(text):,} characters; at most {MAX_INPUT:,} are read."
    if half := HALF.search("".join((text, *names_of(output), row.text(fields.id or "")))):
        return f"holds {half[0]!r}, half of a character. Write it whole."
    if not output and not task.multi_label:
        return f"{fields.output}: is empty. A row needs {NEEDED[task.kind]}."
    if problem := _unfit(task, output):
        return f"{fields.output}: {problem}"
    if fields.id and not row.text(fields.id):
        return f"{fields.id}: is empty. Every row needs its id."
    if task.split.time and not is_time(row.text(task.split.time)):
        return f"{task.split.time}: {row.text(task.split.time)!r} is not an ISO date (2026-01-31)."
    return ""


def _unfit(task: Task, output: Output) -> str:
    """What is wrong with an output that is there."""
    if not isinstance(output, str):
        return ""
    if task.kind == "classify" and output.lower() in MISSING and not _listed(task, output):
        return f"{output!r} means missing. A row needs a label."
    if task.kind == "extract" and json_of(output) is None:
        return f"{output[:60]!r} is not JSON. Write what is to be extracted as one JSON value."
    return ""


def _listed(task: Task, name: str) -> bool:
    """Whether the task's own list has this label: "none" may be meant."""
    return any(label.name == name for label in task.labels or [])


def moment(text: str | None) -> datetime:
    """The point in time that an ISO text names, in UTC unless it says otherwise."""
    time = datetime.fromisoformat(text) if text else datetime.min
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def is_time(text: str) -> bool:
    """ISO 8601 date or date and time."""
    if not re.match(r"^\d{4}-\d{2}-\d{2}", text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _unique_ids(task: Task, table: Table, examples: list[Example]) -> None:
    if not task.fields.id:
        return
    first: dict[str, str] = {}
    errors = []
    for example in examples:
        if example.id in first:
            errors.append(
                f"{example.source}: {task.fields.id}: {example.id!r} is already at {first[example.id]}."
            )
        first.setdefault(example.id, example.source)
    if errors:
        raise many(
            errors,
            what=f"{len(errors):,} duplicate id(s):",
            where=table.path,
            fix="make ids unique, or leave `fields: id` out (then the line is the id).",
        )
