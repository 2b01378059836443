"""Which shape a file has, by what its rows hold, and never by its name.

Every shape looks at a sample of rows. Those that most rows fit are candidates; the one that asks for most
is meant (a row with ``prompt``, ``completion`` and a true or false ``label`` is KTO, not only prompt and
completion). Two that ask for as much, or none, is an error that says what to do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from types import MappingProxyType

from whet.data.shapes import bedrock, chat, evalsets, labels, preference, sharegpt, texts, trl, vertex
from whet.data.shapes.labels import TABLE
from whet.data.shapes.record import Problem, Record
from whet.data.shapes.shape import Shape
from whet.data.shapes.values import Values
from whet.errors import InputError, nearest

_FAMILIES = (chat, sharegpt, texts, trl, preference, vertex, bedrock, labels, evalsets)
SHAPES: Mapping[str, Shape] = MappingProxyType(
    {shape.name: shape for family in _FAMILIES for shape in family.SHAPES}
)

SAMPLE = 200
MOST = 0.5  # share of rows that must fit
OVERRIDE = "name the shape (--from NAME), or the columns (`fields:`, --field input=COLUMN)."


@dataclass(frozen=True, slots=True)
class Detected:
    """A shape, what it makes of each key, and one row as it is understood."""

    shape: Shape
    mapping: dict[str, str]
    """Key of the rows to what it becomes: ``messages`` to ``turns``; ``more``: kept as it is."""
    example: Record


def detect(rows: Sequence[Values]) -> Detected:
    """The shape of these rows.

    Raises:
        InputError: no row, no shape that most rows fit, or two that ask for as much.
        Problem: the rows have a shape, and not one of the sample keeps its rules.
    """
    sample = rows[:SAMPLE]
    if not sample:
        raise InputError("there is no row to tell a shape from.", fix="give a file with examples.")
    fitting = [shape for shape in SHAPES.values() if shape.matches(sample) >= MOST]
    if not fitting:
        raise _unknown(sample)
    most = max(shape.rank for shape in fitting)
    meant = [shape for shape in fitting if shape.rank == most]
    if len(meant) > 1:
        names = " and like ".join(f"`{shape.name}`" for shape in meant)
        raise InputError(f"the rows look like {names}.", fix=OVERRIDE)
    return understood(meant[0], sample)


def shape_named(name: str) -> Shape:
    """A shape by its name.

    Raises:
        InputError: there is none; names the nearest.
    """
    if name in SHAPES:
        return SHAPES[name]
    raise InputError(f"{name!r} is no format.", fix=nearest(name, SHAPES))


def understood(shape: Shape, rows: Sequence[Values]) -> Detected:
    """What a shape makes of these rows, with the first row that keeps its rules as the example."""
    first: Problem | None = None
    for values in rows:
        try:
            return Detected(shape, _mapping(shape, rows), shape.read(values))
        except Problem as problem:
            first = first or problem
    raise first or InputError("there is no row.", fix="give a file with examples.")


def _mapping(shape: Shape, rows: Sequence[Values]) -> dict[str, str]:
    own = {key.removesuffix("?"): meaning for key, meaning in shape.keys.items()}
    return {key: own.get(key, "more") for key in dict.fromkeys(key for values in rows for key in values)}


def _unknown(rows: Sequence[Values]) -> InputError:
    """No shape fits: the keys that are there, and the shapes whose keys come nearest."""
    keys = list(dict.fromkeys(key for values in rows for key in values))
    ranked = sorted(SHAPES.values(), key=lambda shape: -_likeness(shape, keys))
    near = ", ".join(f"`{shape.name}` ({', '.join(shape.keys)})" for shape in ranked[:3])
    shown = ", ".join(map(repr, keys[:12])) or "none"
    return InputError(f"the rows have no known shape; their keys: {shown}. Nearest: {near}.", fix=OVERRIDE)


def _likeness(shape: Shape, keys: Sequence[str]) -> float:
    """Mean likeness of the keys that the shape needs to the nearest keys that are there."""
    needed = [key for key in shape.keys if not key.endswith("?")]
    if shape is TABLE or not needed or not keys:
        return 0.0
    best = [max(SequenceMatcher(None, key, other.lower()).ratio() for other in keys[:50]) for key in needed]
    return sum(best) / len(best)
