"""Classification rows, and plain tables whose columns follow no convention.

A label is a name, a list of names, or the number of a class (a Hugging Face ``ClassLabel``) whose names
come from elsewhere. A plain table is left to the guesser (``data.guess``): its columns stay as they are,
unless the user says which column is what (``fields``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from whet.data.shapes.meaning import plain, weighted
from whet.data.shapes.record import Label, Problem, Record
from whet.data.shapes.shape import Shape, only
from whet.data.shapes.trl import sole_text
from whet.data.shapes.values import Values, is_objects, is_text, maybe_text, rest, text, thawed
from whet.errors import InputError
from whet.records import Turn

FIELDS = ("input", "output", "system", "label")


def labelled(key: str = "label", names: Sequence[str] = ()) -> Shape:
    """Rows of ``text`` and a label under ``key``; ``names``: the classes, by number."""
    return Shape(
        name=f"text_{key}",
        about="classification: a text, and its label" + ("" if key == "label" else "s"),
        keys={"text": "user turn", key: "label"},
        looks=lambda values: is_text(values, "text") and _is_label(values.get(key)),
        reader=lambda values: _read(values, key, names),
        writer=lambda record: _write(record, key),
    )


def _is_label(value: Any) -> bool:
    value = _listed(value)
    if isinstance(value, list):
        return all(isinstance(item, str | int) for item in value)
    return isinstance(value, str | int | float)


def _read(values: Values, key: str, names: Sequence[str]) -> Record:
    return Record(
        turns=(Turn("user", text(values, "text")),),
        label=read_label(values.get(key), key, names),
        more=rest(values, {"text", key}),
    )


def read_label(value: Any, key: str, names: Sequence[str]) -> Label | None:
    """A label as it stands, or by its name where the names of the classes are given.

    Raises:
        Problem: another kind of value, or a number without a name.
    """
    value = _listed(value)
    if isinstance(value, list):
        return tuple(_one(item, f"{key}[{i}]", names) for i, item in enumerate(value))
    label: Label | None = _one(value, key, names)
    return label


def _listed(value: Any) -> Any:
    """A list that a cell holds as JSON text; any other text is a name."""
    found = thawed(value)
    return found if isinstance(found, list) else value


def _one(value: Any, key: str, names: Sequence[str]) -> Any:
    if value is not None and not isinstance(value, str | int | float):
        raise Problem(key, value, "must be a text, a number or a list of these.", "mend or remove the row.")
    number = _number(value, names)
    if number is None:
        return value
    if not 0 <= number < len(names):
        raise Problem(key, value, f"is no class; there are {len(names)} names.", "check --labels.")
    return names[number]


def _number(value: Any, names: Sequence[str]) -> int | None:
    """The class that a value counts, where names are given and it is not a name itself."""
    if not names or isinstance(value, bool) or value in names:
        return None
    if isinstance(value, str):
        return int(value) if re.fullmatch(r"\d{1,9}", value, re.ASCII) else None
    return int(value) if isinstance(value, int) else None


def _write(record: Record, key: str) -> dict[str, Any]:
    only(record, "label")
    turns, label = record.turns, record.label
    if label is None and turns and turns[-1].role == "assistant":
        label, turns = sole_text([plain(turns[-1])], "assistant", "turns"), turns[:-1]
    if label is None:
        raise Problem("label", None, "this shape needs a label, or an answer that is one.")
    asked = sole_text(weighted(replace(record, turns=turns, label=None)), "user", "turns")
    return {"text": asked, key: list(label) if isinstance(label, tuple) else label}


def mapped(fields: Mapping[str, str], names: Sequence[str] = ()) -> Shape:
    """The shape of a table whose columns the user names: ``{"input": column, "output": column, ...}``.

    Raises:
        InputError: a field that is none of ``FIELDS``; no input.
    """
    for name in fields:
        if name not in FIELDS:
            raise InputError(f"{name!r} is no field.", fix=f"Known: {', '.join(FIELDS)}.")
    if "input" not in fields:
        raise InputError("no column is named as the input.", fix="add --field input=COLUMN.")
    return Shape(
        name="fields",
        about="the columns that you named",
        keys={column: name for name, column in fields.items()},
        looks=lambda values: all(column in values for column in fields.values()),
        reader=lambda values: _read_mapped(values, fields, names),
        writer=lambda record: {},
    )


def _read_mapped(values: Values, fields: Mapping[str, str], names: Sequence[str]) -> Record:
    turns = [Turn("user", text(values, fields["input"]))]
    system = maybe_text(values, fields["system"]) if "system" in fields else None
    if system:
        turns.insert(0, Turn("system", system))
    if "output" in fields:
        turns.append(Turn("assistant", text(values, fields["output"])))
    label = read_label(values.get(fields["label"]), fields["label"], names) if "label" in fields else None
    return Record(turns=tuple(turns), label=label, more=rest(values, set(fields.values())))


def _write_table(record: Record) -> dict[str, Any]:
    only(record)
    if record.turns or record.label is not None:
        raise Problem("turns", None, "a plain table has no place for turns and labels of its own.")
    return {}


def _is_table(values: Values) -> bool:
    """Some text, and no list of objects: that would be a conversation in words that are not known."""
    found = values.values()
    texts = any(isinstance(value, str) and value.strip() for value in found)
    return texts and not any(map(is_objects, found))


TABLE = Shape(
    name="table",
    about="columns that follow no convention; whet guesses, or you name them",
    keys={},
    looks=_is_table,
    reader=lambda values: Record(more=dict(values)),
    writer=_write_table,
    rank=0,
)
TEXT_LABEL = labelled()
SHAPES = (TEXT_LABEL, labelled("labels"), TABLE)
