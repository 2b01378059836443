"""A shape: one convention of writing a row, with its own reader and writer, and the promise over both.

The promise is kept here, once, for all shapes: what a shape has written is read back and must say the
same as the record it came from (``meaning``). A writer can therefore forget a field, and the row is
refused with the name of what would have been lost; nothing is lost in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from whet.data.shapes.meaning import differences
from whet.data.shapes.record import Problem, Record
from whet.data.shapes.values import Values

Reader = Callable[[Values], Record]
Writer = Callable[[Record], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Shape:
    """One convention."""

    name: str
    about: str
    """Whose it is and what a row holds, in one line."""
    keys: Mapping[str, str]
    """Its own keys, each with what the key becomes; an optional key ends in ``?``."""
    looks: Callable[[Values], bool]
    """Whether a row has this shape, by its keys and the kinds of their values. Never raises."""
    reader: Reader
    writer: Writer
    rank: int = 2
    """How much a row must have to look so; where two shapes fit, the one that asks for more is meant."""
    folds: frozenset[str] = frozenset()
    """Keys of ``more`` that the writer puts where they belong; all others are added beside."""

    def matches(self, rows: Sequence[Values]) -> float:
        """Share of rows that look like this, 0 to 1."""
        return sum(map(self.looks, rows)) / len(rows) if rows else 0.0

    def read(self, values: Values) -> Record:
        """A row as a record.

        Raises:
            Problem: a value breaks a rule of this shape.
        """
        return self.reader(values)

    def write(self, record: Record) -> dict[str, Any]:
        """A record as a row.

        Raises:
            Problem: this shape cannot hold all of it; names what.
        """
        try:
            values = self.writer(record)
        except Problem as problem:
            raise self.refuse(problem.field, problem.value, problem.rule, problem.fix) from problem
        for key, value in record.more.items():
            if key in self.folds:
                continue
            if values.get(key) is not None and value is not None:
                raise self.refuse(f"more.{key}", value, f"`{self.name}` uses a key of this name itself.")
            if values.get(key) is None:
                values[key] = value
        self._keep_all(record, values)
        return values

    def _keep_all(self, record: Record, values: Values) -> None:
        try:
            lost = differences(record, self.reader(values))
        except Problem as problem:
            raise self.refuse(problem.field, problem.value, problem.rule) from problem
        if lost:
            raise self.refuse(lost[0], _at(record, lost[0]), f"`{self.name}` cannot hold it.")

    def refuse(self, field: str, value: object, rule: str, fix: str = "") -> Problem:
        return Problem(
            field, value, rule, fix or f"`{self.name}` cannot hold this row: choose another shape."
        )


def only(record: Record, *allowed: str) -> None:
    """Refuse early what a family of shapes never holds, by the names of ``Record``'s fields."""
    for name in ("tools", "chosen", "rejected", "completions", "marks", "desirable"):
        if name not in allowed and getattr(record, name) is not None:
            raise Problem(name, getattr(record, name), "the shape has no place for it.")
    if record.label is not None and not isinstance(record.label, str) and "label" not in allowed:
        rule = "an answer must be a text; the names of the classes are not known, or there are several."
        raise Problem("label", record.label, rule, "name the classes with --labels FILE.")


def _at(record: Record, path: str) -> object:
    """The value that a path of ``differences`` names, for the message."""
    name, _, key = path.partition(".")
    field, _, index = name.rstrip("]").partition("[")
    value = getattr(record, field, None)
    if index and isinstance(value, tuple) and int(index) < len(value):
        turn = value[int(index)]
        return getattr(turn, key, None) or turn.more.get(key, turn)
    return value.get(key) if key and isinstance(value, Mapping) else value
