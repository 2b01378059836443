"""Reading the values of a row with care: each function asks for one kind of value, or says what is wrong.

Files write the same thing in several ways: a cell of a CSV holds JSON as text, Parquet fills keys that a
row does not have with null. Both are undone here, so that a shape sees what was meant. Knows no shapes.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from whet.data.shapes.record import Problem

Values = Mapping[str, Any]


def thawed(value: Any) -> Any:
    """JSON text of a list or an object as what it says; anything else as it is."""
    if isinstance(value, str) and value.lstrip()[:1] in {"[", "{"}:
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def frozen(value: Any) -> str:
    """A value as JSON text, in the spacing that most files have."""
    return json.dumps(value, ensure_ascii=False)


def rest(values: Values, own: Collection[str]) -> dict[str, Any]:
    """Every key that the shape does not claim, and those of its own that hold null."""
    return {key: value for key, value in values.items() if key not in own or value is None}


def text(values: Values, key: str, at: str = "") -> str:
    """A text that must be there."""
    value = values.get(key)
    if isinstance(value, str):
        return value
    rule = "must be a text." if value is not None else "is missing; it must be a text."
    raise Problem(f"{at}{key}", value, rule, "mend or remove the row.")


def maybe_text(values: Values, key: str, at: str = "") -> str | None:
    """A text, or None where the key is absent, null or empty."""
    return text(values, key, at) or None if values.get(key) is not None else None


def given(values: Values, key: str) -> bool:
    """Whether a key says something; the empty cell of a table does not."""
    return values.get(key) not in (None, "")


def flag(values: Values, key: str) -> bool:
    """True or false; a CSV writes them as text."""
    value = values.get(key)
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in {"true", "false"}:
        return value.strip().lower() == "true"
    raise Problem(key, value, "must be true or false.", "mend or remove the row.")


def objects(value: Any, at: str) -> list[dict[str, Any]]:
    """A list of objects, in JSON text or not."""
    value = thawed(value)
    if not isinstance(value, list):
        raise Problem(at, value, "must be a list of objects.", "mend or remove the row.")
    return [mapping(item, f"{at}[{index}]") for index, item in enumerate(value)]


def messages(value: Any, at: str) -> list[dict[str, Any]]:
    """A list of one object or more."""
    found = objects(value, at)
    if not found:
        raise Problem(at, value, "must hold a message.", "mend or remove the row.")
    return found


def mapping(value: Any, at: str) -> dict[str, Any]:
    """An object, in JSON text or not."""
    value = thawed(value)
    if not isinstance(value, dict):
        raise Problem(at, value, "must be an object.", "mend or remove the row.")
    return value


def is_text(values: Values, *keys: str) -> bool:
    return all(isinstance(values.get(key), str) for key in keys)


def is_objects(value: Any) -> bool:
    """Whether the value is a list of one object or more."""
    value = thawed(value)
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)
