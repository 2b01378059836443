"""Records as rows of texts: what the checks and the ladder of ``classify`` read.

``input`` is what the model reads, ``output`` what it must answer, ``system`` and a constant instruction
stand apart, and every other key of the row is a column of its own. Flat rows are for reading; they are
never written back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from whet.data.formats import Row, Table
from whet.data.shapes.detect import SAMPLE, detect
from whet.data.shapes.meaning import meaning
from whet.data.shapes.messages import calls_of
from whet.data.shapes.record import Problem, Record, Turns
from whet.data.shapes.shape import Shape
from whet.data.shapes.values import frozen, is_objects, thawed
from whet.errors import InputError, many
from whet.records import Turn

CLOSED = frozenset({"output", "expected", "target", "json", "answer", "response", "completion", "result"})
"""An object under one of these names is an answer as it stands."""
DEPTH = 4  # objects inside objects that become columns
PLAIN = ("table", "text_label", "text_labels")  # the guesser reads these as they are


@dataclass(frozen=True, slots=True)
class Records:
    """The rows of a table as records; a broken row stands beside the good ones."""

    shape: Shape
    rows: tuple[tuple[Row, Record], ...]
    broken: tuple[tuple[Row, Problem], ...] = ()


def read_records(table: Table, shape: Shape | None = None) -> Records:
    """Every row by the shape that is given or detected.

    Raises:
        InputError: no shape, or two.
    """
    shape = shape or detected(table)
    rows, broken = [], []
    for row in table.rows:
        try:
            rows.append((row, shape.read(row.values)))
        except Problem as problem:
            broken.append((row, problem.at(table.where(row))))
    return Records(shape, tuple(rows), tuple(broken))


def detected(table: Table) -> Shape:
    """The shape of a table, or an error that names the file."""
    try:
        return detect([row.values for row in table.rows[:SAMPLE]]).shape
    except InputError as error:
        raise InputError(error.what, where=table.path, fix=error.fix) from error


def flat_table(table: Table, shape: Shape | None = None) -> Table:
    """The table with the columns of ``flatten``; lines are kept. One that the guesser reads as it is
    (``PLAIN``) comes back unchanged.

    Raises:
        InputError: no shape, or rows that break its rules (the first twenty, and a count).
    """
    records = read_records(table, shape)
    if records.shape.name in PLAIN:
        return table
    if records.broken:
        raise many(
            [str(problem).split("\n")[0] for _, problem in records.broken],
            what=f"{len(records.broken):,} row(s) are no `{records.shape.name}`:",
            where=table.path,
            fix="mend or remove these rows.",
        )
    return _table(table, flat_rows(records.rows))


def flat_rows(rows: Sequence[tuple[Row, Record]]) -> tuple[Row, ...]:
    """Flat rows with their lines. An instruction that all rows share stands in a column of its own, so
    that texts are not alike for its sake."""
    said = {record.instruction for _, record in rows}
    apart = said.pop() if len(said) == 1 else None
    if apart is None:
        return tuple(Row(row.line, flatten(record)) for row, record in rows)
    return tuple(
        Row(row.line, {**flatten(replace(record, instruction=None)), "instruction": apart})
        for row, record in rows
    )


def flatten(record: Record) -> dict[str, Any]:
    """One row of columns: ``input``, ``output``, ``system`` where there is one, what else the record
    tells (``rejected``, ``desirable``), and every key of ``more``. A key of ``more`` with the name of one
    of these becomes ``more.NAME``."""
    asked, answer = _parts(meaning(record))
    system = "\n".join(turn.text for turn in asked if turn.role == "system")
    columns: dict[str, Any] = {"input": conversation_text(asked), "output": _output(record, answer)}
    if system:
        columns["system"] = system
    if record.rejected is not None:
        columns["rejected"] = conversation_text(meaning(record).rejected or ())
    if record.desirable is not None:
        columns["desirable"] = record.desirable
    taken = {*columns, "system"}
    return columns | {f"more.{key}" if key in taken else key: value for key, value in record.more.items()}


def _parts(record: Record) -> tuple[Turns, Turns]:
    """(what comes before the answer, the answer). A conversation that does not end in an answer has
    none, nor has a text that nobody asked for."""
    if record.chosen is not None:
        return record.turns, record.chosen
    if record.completions is not None:
        steps = all(isinstance(mark, bool) for mark in record.marks or ())
        said = record.completions if steps else record.completions[:1]
        return record.turns, tuple(turn for completion in said for turn in completion)
    if len(record.turns) > 1 and record.turns[-1].role == "assistant":
        return record.turns[:-1], record.turns[-1:]
    return record.turns, ()


def _output(record: Record, answer: Turns) -> Any:
    if isinstance(record.label, tuple):
        return [str(name) for name in record.label]
    if record.label is not None:
        return str(record.label)
    return "\n".join(filter(None, map(turn_text, answer)))


def conversation_text(turns: Sequence[Turn]) -> str:
    """One user turn: its text alone. More than that: each turn under its role, system apart."""
    said = [turn for turn in turns if turn.role != "system"]
    if len(said) == 1 and said[0].role in {"user", "assistant"}:
        return turn_text(said[0])
    return "\n".join(f"{turn.role}: {turn_text(turn)}" for turn in said)


def turn_text(turn: Turn) -> str:
    """The text of a turn; the tools that it calls, as JSON without ids, so that equal calls are equal."""
    calls = [{"name": name, "arguments": arguments} for name, arguments, _ in calls_of(turn)]
    return "\n".join(filter(None, [turn.text, frozen(calls) if calls else ""]))


def with_columns(table: Table, names: Sequence[str]) -> Table:
    """The table itself where it has these columns (a task names them), nested ones included
    (``ticket.text``), else its flat form."""
    for one in (table, opened_table(table), opened_table(table, frozenset())):
        if set(names) <= set(one.columns):
            return one
    return flat_table(table)


def guessable(table: Table, names: Sequence[str] = ()) -> Table:
    """The table itself where its cells are texts, numbers and lists of these; else its good rows in flat
    form, where it has one; else with nested objects as columns. Columns that are named are among them,
    where there are such."""
    made, asked = _guessable(table), set(names)
    if asked <= set(made.columns):
        return made
    whole = opened_table(table, frozenset())
    return whole if asked <= set(whole.columns) else made


def _guessable(table: Table) -> Table:
    sample = [row.values for row in table.rows[:SAMPLE]]
    nested = any(map(_nested, sample))
    if not nested and not _unasked(sample):
        return table
    try:
        records = read_records(table)
    except InputError:
        return opened_table(table)
    if records.shape.name in PLAIN or not records.rows:
        return opened_table(table)
    return _table(table, flat_rows(records.rows))


def _unasked(sample: Sequence[Mapping[str, Any]]) -> bool:
    """Whether rows hold what no column tells by itself: answers to choose between, texts without answers."""
    keys = [set(values) for values in sample]
    compared = all({"chosen", "rejected"} <= names for names in keys)
    return bool(keys) and (compared or all(names in ({"text"}, {"prompt"}) for names in keys))


def opened_table(table: Table, closed: frozenset[str] = CLOSED) -> Table:
    """The table with nested objects as columns of their own; itself where it has none."""
    if not any(isinstance(value, dict) for row in table.rows for value in row.values.values()):
        return table
    return _table(table, tuple(Row(row.line, opened(row.values, closed)) for row in table.rows))


def opened(values: Mapping[str, Any], closed: frozenset[str] = CLOSED, depth: int = DEPTH) -> dict[str, Any]:
    """``{"ticket": {"text": "a"}, "tags": ["b"]}`` as ``{"ticket.text": "a", "tags": ["b"]}``; what is named
    in ``closed``, or lies deeper than ``depth``, stays whole."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict) and value and depth and key.lower() not in closed:
            found |= {f"{key}.{name}": inner for name, inner in opened(value, closed, depth - 1).items()}
        else:
            found[key] = value
    return found


def _table(table: Table, rows: tuple[Row, ...]) -> Table:
    columns = tuple(dict.fromkeys(key for row in rows for key in row.values))
    return Table(table.path, columns, rows, table.notes, table.name)


def _nested(values: Mapping[str, Any]) -> bool:
    return any(isinstance(thawed(value), dict) or is_objects(value) for value in values.values())
