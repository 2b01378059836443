"""JSON answers as fields with values, and back: what a tagger of words can fill in.

An answer is an object whose values are texts, numbers or lists of these; objects within it become fields with
a path. How a field is written where a row has no value for it (left out, null, an empty text or list) is
learned from the training rows, as is the form of its values. Knows no input texts and no models.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from whet.data.outputs import canonical

Path = tuple[str, ...]
Scalar = str | int | float | bool

ABSENT = "absent"
_EMPTY: Mapping[str, Any] = {"null": None, "text": "", "list": []}


class NoFields(ValueError):
    """An answer that has no fields of this kind; the reason is the message."""


@dataclass(frozen=True, slots=True)
class Field:
    """One value that answers have, and how it is written."""

    path: Path
    type: str = "text"
    """Of its values: ``text``, ``number`` or ``boolean``."""
    lists: str = "never"
    """``never``, ``always``, or ``several``: a list where there is more than one value."""
    missing: str = ABSENT
    """How a row without a value has it: ``absent``, ``null``, ``text`` (empty) or ``list`` (empty)."""

    @property
    def name(self) -> str:
        return ".".join(self.path)


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a task's answers."""

    fields: tuple[Field, ...]
    parents: tuple[Path, ...] = ()
    """Objects that stand in every answer, the inner ones too."""

    def written(self, values: Mapping[Path, Sequence[str]]) -> str:
        """The canonical answer with these values, as texts, of each field."""
        answer: dict[str, Any] = {}
        for parent in self.parents:
            inner(answer, parent)
        for field in self.fields:
            value = _value(field, [v for text in values.get(field.path, ()) for v in _typed(field, text)])
            if value is not None:
                inner(answer, field.path[:-1])[field.path[-1]] = value[0]
        return canonical(answer)


def flat(output: str) -> dict[Path, list[Scalar] | Scalar | None]:
    """The values of one answer by path.

    Raises:
        NoFields: it is no object, or a list holds more than plain values.
    """
    answer = json.loads(output)
    if not isinstance(answer, dict):
        raise NoFields(f"answers are no objects with fields, but such as {output[:60]}")
    return dict(leaves(answer, ()))


def form_of(outputs: Sequence[str]) -> Form:
    """The form that these answers show.

    Raises:
        NoFields: as ``flat``, or there is no field.
    """
    rows = [flat(output) for output in outputs]
    paths = _paths(rows)
    fields = tuple(_field(path, rows) for path in sorted(paths))
    if len({field.name for field in fields}) < len(fields):
        raise NoFields("two fields have one name")
    answers = [json.loads(output) for output in outputs]
    parents = dict.fromkeys(path[:cut] for path in paths for cut in range(1, len(path)))
    return Form(fields, tuple(p for p in parents if all(_has(answer, p) for answer in answers)))


def _paths(rows: Sequence[Mapping[Path, Any]]) -> list[Path]:
    """Of all fields; an object that is null in some rows is no field of its own."""
    paths = dict.fromkeys(path for row in rows for path in row)
    outer = {path[:cut] for path in paths for cut in range(1, len(path))}
    for path in outer & paths.keys():
        if any(texts_of(row.get(path)) for row in rows):
            raise NoFields(f"`{'.'.join(path)}` is an object in one answer and a value in another")
    if not paths.keys() - outer:
        raise NoFields("no answer has a field")
    return [path for path in paths if path not in outer]


def texts_of(value: list[Scalar] | Scalar | None) -> list[str]:
    """The values of a field as texts that an input may hold; a missing one has none."""
    values = value if isinstance(value, list) else [] if value is None else [value]
    known = [one for one in values if one is not None]
    return [text for one in known if (text := one if isinstance(one, str) else json.dumps(one)).strip()]


def leaves(answer: Mapping[str, Any], above: Path) -> Iterable[tuple[Path, list[Scalar] | Scalar | None]]:
    for key, value in answer.items():
        path = (*above, key)
        if isinstance(value, dict):
            yield from leaves(value, path)
        elif isinstance(value, list) and any(isinstance(item, (dict, list)) for item in value):
            raise NoFields(f"`{'.'.join(path)}` is a list of more than plain values")
        else:
            yield path, value


def _field(path: Path, rows: Sequence[Mapping[Path, Any]]) -> Field:
    there = [row[path] for row in rows if path in row]
    filled = [value for value in there if texts_of(value)]
    scalars = [one for value in filled for one in (value if isinstance(value, list) else [value])]
    types = Counter(_type(one) for one in scalars if one is not None)
    listed = sum(isinstance(value, list) for value in filled)
    lists = "never" if not listed else "always" if listed == len(filled) else "several"
    usual = max(types, key=lambda name: types[name]) if types else "text"
    return Field(path, usual, lists, _missing(path, rows))


def _missing(path: Path, rows: Sequence[Mapping[Path, Any]]) -> str:
    """The usual way, the earlier one on a tie; left out where no row is without a value."""
    seen = Counter(_way(row[path]) if path in row else ABSENT for row in rows if not texts_of(row.get(path)))
    return max(seen, key=lambda way: seen[way]) if seen else ABSENT


def _way(value: Any) -> str:
    return "null" if value is None else "list" if isinstance(value, list) else "text"


def _type(value: Scalar) -> str:
    """A bool is an int to Python only."""
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, (int, float)) else "text"


def _typed(field: Field, text: str) -> list[Scalar]:
    """The value that a text stands for; none where it is not of the field's type."""
    if field.type == "text":
        return [text]
    try:
        value = json.loads(text.replace(",", ""))
    except ValueError:
        return []
    plain = isinstance(value, (bool, int, float))
    return [value] if plain and _type(value) == field.type else []


def _value(field: Field, values: Sequence[Scalar]) -> tuple[Any] | None:
    """The field's value as JSON has it; None where it is left out."""
    if not values:
        return None if field.missing == ABSENT else (_EMPTY[field.missing],)
    listed = field.lists == "always" or (field.lists == "several" and len(values) > 1)
    return (list(values) if listed else values[0],)


def inner(answer: dict[str, Any], path: Path) -> dict[str, Any]:
    for key in path:
        answer = answer.setdefault(key, {})
    return answer


def _has(answer: Any, path: Path) -> bool:
    for key in path:
        if not isinstance(answer, dict) or key not in answer:
            return False
        answer = answer[key]
    return isinstance(answer, dict)
