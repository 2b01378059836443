"""Answers that are lists of places in the input, as annotation tools write them.

    [{"start": 3, "end": 11, "label": "city", "text": "New York"}]

Which key is which is found by what fits every place of every training row: two whole numbers that are a place
within the input, a text that stands there, one more text. Keys may lie in objects within the item. Knows no
models.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import permutations
from typing import Any

from whet.data.fields import NoFields, Path, inner, leaves
from whet.data.outputs import canonical

Item = Mapping[Path, Any]


@dataclass(frozen=True, slots=True)
class Listing:
    """Which key of an item is what."""

    start: Path
    end: Path
    """One past the last character."""
    label: Path
    text: Path | None = None

    def written(self, text: str, places: Sequence[tuple[int, int, str]]) -> str:
        """The canonical answer with these places of the text, in order: start, end and label."""
        return canonical([self._item(text, *place) for place in sorted(places)])

    def _item(self, text: str, start: int, end: int, label: str) -> dict[str, Any]:
        values = {self.start: start, self.end: end, self.label: label}
        if self.text:
            values[self.text] = text[start:end]
        item: dict[str, Any] = {}
        for path, value in values.items():
            inner(item, path[:-1])[path[-1]] = value
        return item

    def places(self, output: str) -> list[tuple[int, int, str]]:
        """The places of an approved answer."""
        return [(item[self.start], item[self.end], item[self.label]) for item in items_of(output)]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def listing_from(card: Mapping[str, Any]) -> Listing:
    """``as_json`` read back."""
    return Listing(**{name: tuple(path) if path else None for name, path in card.items()})  # type: ignore[arg-type]


def is_list(outputs: Sequence[str]) -> bool:
    """Whether all of these answers are lists."""
    return all(output.startswith("[") for output in outputs)


def items_of(output: str) -> list[Item]:
    """The items of one answer by path.

    Raises:
        NoFields: an item is no object of plain values.
    """
    items = json.loads(output)
    if not all(isinstance(item, dict) for item in items):
        raise NoFields("answers are lists, and not of objects with start, end and label")
    return [dict(leaves(item, ())) for item in items]


def listing_of(inputs: Sequence[str], outputs: Sequence[str]) -> Listing:
    """What the keys of these answers' items are.

    Raises:
        NoFields: they are no places, or hold more than that.
    """
    pairs = [(text, item) for text, output in zip(inputs, outputs, strict=True) for item in items_of(output)]
    keys = sorted({path for _, item in pairs for path in item})
    if not pairs or any(len(item) < len(keys) for _, item in pairs):
        raise NoFields("the items of the answers do not all have the same keys")
    numbers = [key for key in keys if all(type(item[key]) is int for _, item in pairs)]
    texts = [key for key in keys if all(isinstance(item[key], str) for _, item in pairs)]
    for start, end in permutations(numbers, 2):
        if all(0 <= item[start] < item[end] <= len(text) for text, item in pairs):
            there = [k for k in texts if all(text[i[start] : i[end]] == i[k] for text, i in pairs)]
            labels = [key for key in texts if key not in there]
            if len(keys) == 2 + len(texts) and len(labels) == 1 and len(there) <= 1:
                return Listing(start, end, labels[0], there[0] if there else None)
    raise NoFields("the items of the answers are not start, end and label of a place in the input")
