"""Values in a JSON answer: do they stand in the input?

A field is held to the input only where most rows copy it from there (``COPIED``): the others are conclusions,
and a conclusion need not be quoted. A value stands in the input when its words do, or any reading of its
number, date or time (``readings``). It does not know synonyms, translations, or number words of languages
other than English.
"""

from __future__ import annotations

import json
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from whet.check.findings import Finding, Flag
from whet.check.places import Path, leaves, named
from whet.data.neardup import fold
from whet.data.readings import clock, days, number_readings, numbers, numeral, same_day, vague

if TYPE_CHECKING:
    from whet.check.subject import Subject, Tools

COPIED = 0.9
"""A field is copied where at least this share of its values stand in their inputs."""
ENOUGH, HOPELESS = 10, 200
"""Values that a field needs before it is called copied; and after which, if not half of them are, no more
are looked for."""
SQUEEZED = 5
"""Characters that a code needs to be looked for without its spaces and dashes."""


def answers(subject: Subject) -> Iterator[tuple[int, Any]]:
    """Rows whose output is a JSON object or array, and what it holds."""
    for row, output in enumerate(subject.outputs):
        try:
            value = json.loads(output)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, (dict, list)):
            yield row, value


def not_in_input(subject: Subject, tools: Tools) -> Iterator[Finding]:
    """``accurate.not-in-input``: values that their field's other rows copy, and that the input lacks."""
    flags = []
    for seen in _looked_for(subject).values():
        share = sum(there for _, _, there in seen) / len(seen)
        if len(seen) >= ENOUGH and share >= COPIED:
            flags += [_missing(row, path, share) for row, path, there in seen if not there]
    if flags:
        yield Finding(
            check="accurate.not-in-input",
            standard="accurate",
            severity="advice",
            what=f"{len(flags):,} extracted value(s) do not occur in the input.",
            why="A model that learns to write what it has not read will invent values.",
            repair="Read these rows: mend the value, or drop the row.",
            flags=tuple(sorted(flags, key=lambda flag: flag.row)),
        )


def _looked_for(subject: Subject) -> dict[str, list[tuple[int, Path, bool]]]:
    """Field to its values: row, path, and whether the value stands in the row's input."""
    seen: dict[str, list[tuple[int, Path, bool]]] = defaultdict(list)
    left_out = _enumerated(subject.schema)
    for row, answer in answers(subject):
        text = Text(subject.inputs[row])
        for path, value in leaves(answer):
            name = _field(path)
            if value == "" or name in left_out:
                continue
            seen[name].append((row, path, text.has(value)))
            if len(seen[name]) == HOPELESS and sum(there for *_, there in seen[name]) < HOPELESS / 2:
                left_out.add(name)
                del seen[name]
    return seen


def _missing(row: int, path: Path, share: float) -> Flag:
    note = f"{named(path)}: not in the input; {share:.0%} of this field's values are"
    return Flag(row, "output", note, score=share)


def _field(path: Path) -> str:
    """The path without places in lists: all items of a list are one field."""
    return ".".join(part for part in path if isinstance(part, str))


def _enumerated(schema: Mapping[str, Any] | None, path: tuple[str, ...] = ()) -> set[str]:
    """Fields that a schema gives a list of values to choose from: these are conclusions."""
    if not isinstance(schema, Mapping):
        return set()
    found = {".".join(path)} if "enum" in schema or "const" in schema else set()
    for name, part in (schema.get("properties") or {}).items():
        found |= _enumerated(part, (*path, name))
    return found | (_enumerated(schema.get("items"), path) if "items" in schema else set())


class Text:
    """An input, folded and read once, however many values are looked for in it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._folded = f" {_plain(text)} "
        self._words = set(self._folded.split())
        self._squeezed = self._folded.replace(" ", "")
        self._numbers: set[Decimal] | None = None

    def has(self, value: str | int | float) -> bool:
        """Whether a value stands here, however it is written."""
        text = str(value)
        folded = _plain(text)
        if f" {folded} " in self._folded or (folded and self._words.issuperset(folded.split())):
            return True
        squeezed = folded.replace(" ", "")
        if len(squeezed) >= SQUEEZED and squeezed in self._squeezed:
            return True
        return self._has_number(text) or self._has_date(text)

    def _has_number(self, text: str) -> bool:
        readings = number_readings(numeral(text))
        if not readings:
            return False
        if self._numbers is None:
            self._numbers = numbers(self._text)
        return not self._numbers.isdisjoint(readings)

    def _has_date(self, text: str) -> bool:
        """A date or a time; one that the input may have put into words counts as there."""
        wanted, hours = days(text), clock(text)
        if not wanted and not hours:
            return False
        here = days(self._text)
        named_here = any(same_day(day, other) for day in wanted for other in here)
        return named_here or bool(hours & clock(self._text)) or vague(self._text)


def _plain(text: str) -> str:
    """Folded, and without accents."""
    if not text.isascii():
        text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return fold(text)
