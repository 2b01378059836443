"""Fields of a JSON answer: precision, recall and F1 over its values, compared by what they are.

A value is a leaf of the JSON under its path; members of a list share one path (``items[].price``), so that
their order does not count, and which members belong together does not either. Values are matched one to one
within a path. ``null`` and an empty text are no value. Dates are days, numbers are numbers ("1.200,50 €" is
1200.5 where the unit does not differ), the rest is compared as plain text.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from whet.data.readings import days, number_readings, numeral, same_day
from whet.evaluate.scorers.base import ByPair, Scored, listed, plain, shown, text_of
from whet.records import Example, Output

Leaf = tuple[str, Any]
ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Tally:
    """What matched under one path, and what did not."""

    matched: int
    extra: tuple[Any, ...]
    missing: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class FieldFigures:
    """One field over many examples."""

    field: str
    n: int
    """Values that are approved."""
    precision: float | None
    recall: float | None
    f1: float


def fields(dates: Sequence[str] = (), tolerance: float = 0.0) -> ByPair:
    """F1 over the values of an answer.

    Args:
        dates: fields whose values are days, however they are written; ISO dates are known by themselves.
        tolerance: numbers are equal when they differ by this share at the most.
    """

    def judge(example: Example, output: Output) -> Scored:
        given = _parsed(output)
        if given is None:
            return Scored(0.0, f"The output is not JSON: {shown(text_of(output))}.")
        tallies = compare(_value(example.output), given[0], dates, tolerance)
        return Scored(f1(tallies.values()), _said(tallies))

    return ByPair("fields", judge)


def figures(
    examples: Sequence[Example], outputs: Sequence[Output], dates: Sequence[str] = (), tolerance: float = 0.0
) -> list[FieldFigures]:
    """Precision, recall and F1 of every field over all examples; an output that is not JSON has no value."""
    total: dict[str, list[Tally]] = defaultdict(list)
    for example, output in zip(examples, outputs, strict=True):
        tallies = compare(_value(example.output), _value(output), dates, tolerance)
        for path, tally in tallies.items():
            total[path].append(tally)
    return [_figures(path, tallies) for path, tallies in sorted(total.items())]


def _figures(path: str, tallies: Sequence[Tally]) -> FieldFigures:
    matched = sum(tally.matched for tally in tallies)
    given = matched + sum(len(tally.extra) for tally in tallies)
    true = matched + sum(len(tally.missing) for tally in tallies)
    return FieldFigures(
        path, true, matched / given if given else None, matched / true if true else None, f1(tallies)
    )


def f1(tallies: Any) -> float:
    """2 tp / (2 tp + fp + fn); 1 where there is nothing to find and nothing was found."""
    right = sum(2 * tally.matched for tally in tallies)
    wrong = sum(len(tally.extra) + len(tally.missing) for tally in tallies)
    return right / (right + wrong) if right + wrong else 1.0


def compare(true: Any, given: Any, dates: Sequence[str] = (), tolerance: float = 0.0) -> dict[str, Tally]:
    """What matches under each path of two JSON values."""
    wanted, found = _by_path(true), _by_path(given)
    return {
        path: _tally(wanted.get(path, []), found.get(path, []), path in dates, tolerance)
        for path in sorted(wanted.keys() | found.keys())
    }


def _tally(wanted: list[Any], found: list[Any], is_day: bool, tolerance: float) -> Tally:
    left, extra = list(wanted), []
    for value in found:
        same = next((other for other in left if same_value(other, value, is_day, tolerance)), None)
        if same is None:
            extra.append(value)
        else:
            left.remove(same)
    return Tally(len(wanted) - len(left), tuple(extra), tuple(left))


def same_value(true: Any, given: Any, is_day: bool = False, tolerance: float = 0.0) -> bool:
    """Whether two leaves say the same."""
    if isinstance(true, bool) or isinstance(given, bool):
        return plain(str(true)) == plain(str(given))
    first, second = str(true), str(given)
    if plain(first) == plain(second):
        return True
    if is_day or ISO_DAY.fullmatch(first.strip()):
        return any(same_day(a, b) for a in days(first) for b in days(second))
    return _same_number(first, second, tolerance)


def _same_number(first: str, second: str, tolerance: float) -> bool:
    if _sign(first) != _sign(second):
        return False
    digits = numeral(first), numeral(second)
    units = {
        plain(text.replace(part, "", 1)).strip("+- ")
        for text, part in zip((first, second), digits, strict=True)
    }
    if not all(digits) or len(units - {""}) > 1:
        return False
    one, two = number_readings(digits[0]), number_readings(digits[1])
    return any(abs(a - b) <= Decimal(str(tolerance)) * abs(a) for a in one for b in two)


def _sign(text: str) -> bool:
    return text.lstrip().startswith(("-", "−"))


def _by_path(value: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for path, leaf in _leaves(value, ""):
        found[path].append(leaf)
    return found


def _leaves(value: Any, path: str) -> Iterator[Leaf]:
    if isinstance(value, Mapping):
        for name, inside in value.items():
            yield from _leaves(inside, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for inside in value:
            yield from _leaves(inside, f"{path}[]")
    elif value is not None and value != "":
        yield path, value


def _parsed(output: Output) -> tuple[Any] | None:
    """The JSON value in a tuple, or None where the text is not JSON."""
    try:
        return (json.loads(text_of(output)),)
    except (ValueError, RecursionError):
        return None


def _value(output: Output) -> Any:
    """The JSON value, or None, which has no leaf, where the text is not JSON."""
    parsed = _parsed(output)
    return parsed[0] if parsed else None


def _said(tallies: Mapping[str, Tally]) -> str:
    wrong = [
        f"{path or 'value'} ({shown(t.extra[0])} for {shown(t.missing[0])})"
        for path, t in tallies.items()
        if t.extra and t.missing
    ]
    missing = [path or "value" for path, t in tallies.items() if t.missing and not t.extra]
    extra = [path or "value" for path, t in tallies.items() if t.extra and not t.missing]
    parts = [("wrong", wrong), ("missing", missing), ("not asked for", extra)]
    said = "; ".join(f"{name}: {listed(paths)}" for name, paths in parts if paths)
    return f"{said[:1].upper()}{said[1:]}." if said else "All fields are right."
