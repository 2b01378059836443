"""Random JSON Schemas, nested, with most of what forms of answers are made of."""

from __future__ import annotations

import random
from typing import Any

NAMES = ("name", "city", "total", "due", "items", "a b", 'quo"te', "größe", "x")
WORDS = ("red", "green", "", "new\nline", "ein größeres Maß", "null", '"', "a, b")
PATTERNS = (r"^\d{4}-\d{2}-\d{2}$", r"^[A-Z]{2,3}-[0-9]+$", r"^(yes|no|maybe so)$")


def schema(rng: random.Random, depth: int = 2) -> dict[str, Any]:
    """A schema of at most ``depth`` objects and lists in one another."""
    leaves = [_text, _integer, _number, _enum, _const, _union, _flag]
    makers = [*leaves, *([_object, _object, _object, _list, _list] if depth else [])]
    return rng.choice(makers)(rng, depth)


def _text(rng: random.Random, depth: int) -> dict[str, Any]:
    kind = rng.randrange(4)
    if kind == 0:
        return {"type": "string"}
    if kind == 1:
        return {"type": "string", "pattern": rng.choice(PATTERNS)}
    if kind == 2:
        return {"type": "string", "minLength": rng.randrange(4), "maxLength": 4 + rng.randrange(9)}
    return {"type": "string", "format": rng.choice(["date", "time", "email", "uuid"])}


def _integer(rng: random.Random, depth: int) -> dict[str, Any]:
    low = rng.randrange(-50, 1000)
    return rng.choice(
        [{"type": "integer"}, {"type": "integer", "minimum": low, "maximum": low + rng.randrange(300)}]
    )


def _number(rng: random.Random, depth: int) -> dict[str, Any]:
    low = rng.randrange(-5, 5)
    return rng.choice([{"type": "number"}, {"type": "number", "minimum": low, "exclusiveMaximum": low + 1.5}])


def _enum(rng: random.Random, depth: int) -> dict[str, Any]:
    return {"enum": rng.sample([*WORDS, 1, 2.5, None, True], 1 + rng.randrange(4))}


def _const(rng: random.Random, depth: int) -> dict[str, Any]:
    return {"const": rng.choice(WORDS)}


def _flag(rng: random.Random, depth: int) -> dict[str, Any]:
    return {"type": rng.choice(["boolean", "null", ["string", "null"]])}


def _union(rng: random.Random, depth: int) -> dict[str, Any]:
    return {"anyOf": [schema(rng, max(0, depth - 1)) for _ in range(2)]}


def _list(rng: random.Random, depth: int) -> dict[str, Any]:
    least = rng.randrange(3)
    return {
        "type": "array",
        "items": schema(rng, depth - 1),
        "minItems": least,
        **({"maxItems": least + rng.randrange(3)} if rng.random() < 0.6 else {}),
    }


def _object(rng: random.Random, depth: int) -> dict[str, Any]:
    names = rng.sample(NAMES, 1 + rng.randrange(4))
    return {
        "type": "object",
        "properties": {name: schema(rng, depth - 1) for name in names},
        "required": [name for name in names if rng.random() < 0.6],
        "additionalProperties": False,
    }
