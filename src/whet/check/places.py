"""Where things stand in a row: paths into nested values, read and rewritten without touching the row.

A row is what the file holds: columns of text, or nested messages and tool calls. A path is the way to one
value, ``("messages", 2, "content")``. Knows no format: where inputs and outputs stand is seen from rows
and their examples, and a value is never overwritten that does not say what it was taken for.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from whet.check.tidy import tidy

Row = Mapping[str, Any]
Path = tuple[str | int, ...]
MIN_DIGITS = 6  # a shorter number says nothing about anybody
SAMPLE = 500  # rows that tell where inputs and outputs stand


@dataclass(frozen=True, slots=True)
class Places:
    """Where the input and the output of a row stand, numbers in lists counted from the end.

    None: in several places, or in none.
    """

    input: Path | None = None
    output: Path | None = None
    separator: str | None = None
    """What separates several labels in one output."""

    def of_input(self, row: Row, text: str) -> Path | None:
        """The path to the input, if it says ``text``."""
        return None if self.input is None else self._checked(row, self.input, text)

    def of_output(self, row: Row, text: str) -> Path | None:
        """The path to the output, if it says ``text``."""
        return None if self.output is None else self._checked(row, self.output, text)

    def _checked(self, row: Row, place: Path, text: str) -> Path | None:
        value: Any = row
        path: list[str | int] = []
        for part in place:
            try:
                value = value[part]
            except (KeyError, IndexError, TypeError):
                return None
            path.append(part if isinstance(part, str) else len(at(row, tuple(path))) + part)
        return tuple(path) if tidy(said(value, self.separator)) == tidy(text) else None


def seen(
    rows: Sequence[Row], inputs: Sequence[str], outputs: Sequence[str], separator: str | None = None
) -> Places:
    """Where inputs and outputs stand in most of the first rows, by what they say."""
    found = [
        _commonest(islice(zip(rows, texts, strict=True), SAMPLE), separator) for texts in (inputs, outputs)
    ]
    return Places(found[0], found[1], separator)


def _commonest(pairs: Iterator[tuple[Row, str]], separator: str | None) -> Path | None:
    """The place that says the text most often: the last one, as answers come after what they answer."""
    counts: Counter[Path] = Counter()
    for row, text in pairs:
        wanted = tidy(text)
        counts.update(
            place for place, value in _values(row) if wanted and tidy(said(value, separator)) == wanted
        )
    return max(reversed(counts), key=lambda place: counts[place], default=None)


def _values(value: Any, place: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every part of a value, nested ones too, with numbers in lists counted from the end."""
    if place:
        yield place, value
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from _values(part, (*place, name))
    elif isinstance(value, (list, tuple)):
        for number, part in enumerate(value):
            yield from _values(part, (*place, number - len(value)))


def said(value: Any, separator: str | None) -> str:
    """A value as the text of an example: labels joined, what is nested as JSON."""
    if isinstance(value, (list, tuple)) and separator is not None:
        return separator.join(map(str, value))
    if isinstance(value, (Mapping, list, tuple)):
        return json.dumps(value, ensure_ascii=False)
    if value is None or isinstance(value, bool):
        return "" if value is None else str(value).lower()
    return str(value)


def named(path: Path) -> str:
    """``messages[2].content``"""
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in path]
    return "".join(parts).removeprefix(".")


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every text and number in a value, with its path."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from leaves(part, (*path, name))
    elif isinstance(value, (list, tuple)):
        for number, part in enumerate(value):
            yield from leaves(part, (*path, number))
    elif isinstance(value, (str, int, float)) and not isinstance(value, bool):
        yield path, value


def names_in(value: Any) -> Iterator[str]:
    """Every key in a value, at any depth."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield name
            yield from names_in(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from names_in(part)


def text_of(value: Any) -> str:
    """A leaf as text; a number that is too short to say anything is the empty text."""
    if isinstance(value, str):
        return value
    whole = isinstance(value, float) and value.is_integer()
    text = str(int(value)) if whole else str(value)
    return text if sum(map(str.isdigit, text)) >= MIN_DIGITS else ""


def at(value: Any, path: Path) -> Any:
    """The value at a path that is there."""
    for part in path:
        value = value[part]
    return value


def put(value: Any, path: Path, new: Any) -> Any:
    """A copy with ``new`` at ``path``; everything else is shared with the original."""
    if not path:
        return new
    head, rest = path[0], path[1:]
    if isinstance(value, Mapping):
        return {**value, head: put(value.get(str(head)), rest, new)}
    copy = list(value)
    copy[int(head)] = put(copy[int(head)], rest, new)
    return copy


def renamed(value: Any, rename: Callable[[str], str]) -> Any:
    """A copy with every key renamed, at any depth."""
    if isinstance(value, Mapping):
        return {rename(name): renamed(part, rename) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [renamed(part, rename) for part in value]
    return value


def like(old: Any, new: str, separator: str | None) -> Any:
    """The text ``new`` in the shape of ``old``: a list of labels, JSON, a number, or text with its blanks."""
    if isinstance(old, (list, tuple)) and separator is not None:
        return [part for part in new.split(separator) if part]
    if isinstance(old, str):
        return f"{old[: len(old) - len(old.lstrip())]}{new}{old[len(old.rstrip()) :]}" if old.strip() else new
    try:
        value = json.loads(new)
    except ValueError:
        return new
    return value if isinstance(value, type(old)) else new
