"""Where the values of approved JSON answers stand in their inputs: what a tagger of words learns from.

A value is looked for as it is written, then without regard to case and to how much space is between its
words; occurrences at the borders of words go before those within words. Long values choose first, and no two
values share characters. Where a value occurs more than once, the words before and after decide, by how often
they stand beside values of this field that occur only once; of equals, the leftmost. Values that do not occur
are counted, and a field of which less than half occur is not taggable. Knows no models.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from whet.data.fields import Form, NoFields, Path, flat, form_of, texts_of
from whet.data.listing import Listing, is_list, listing_of

TAGGABLE = 0.5  # share of a field's values that have to occur in the inputs
NEAR = 40  # characters in which the words before and after are looked for
_WORD = re.compile(r"\w+|[^\w\s]")


class Place(NamedTuple):
    """A value where it stands."""

    start: int
    end: int
    path: Path
    value: str
    """As the answer has it."""


@dataclass(frozen=True)
class Aligned:
    """Training rows with their values in place."""

    form: Form | Listing
    places: tuple[tuple[Place, ...], ...]
    """Of each row, in order; of taggable fields only."""
    whole: tuple[bool, ...]
    """Of each row, whether every value of a taggable field has its place."""
    taggable: tuple[Path, ...]
    found: Mapping[Path, tuple[int, int]]
    """Of each field: values that occur, and values in all."""

    def told(self) -> list[str]:
        """What does not occur, in words."""
        notes = []
        for path, (there, every) in self.found.items():
            name = ".".join(path)
            if path not in self.taggable:
                says = f"only {there:,} of {every:,} values stand" if every else "no value stands"
                notes.append(f"the field `{name}` is not taggable: {says} in the inputs")
            elif there < every:
                notes.append(f"{every - there:,} of {every:,} values of `{name}` stand nowhere in the inputs")
        return notes


def align(inputs: Sequence[str], outputs: Sequence[str], fields: Sequence[Path] | None = None) -> Aligned:
    """Find the values of answers in their inputs.

    Args:
        fields: those that are taggable, where that is known from other rows.

    Raises:
        NoFields: the answers are not of a form that can be tagged, or no field is taggable.
    """
    if is_list(outputs):
        return _listed(inputs, outputs, fields)
    form = form_of(outputs)
    wanted = [[(p, t) for p, v in flat(output).items() for t in texts_of(v)] for output in outputs]
    near = _Neighbours(inputs)
    first = [_chosen(text, values, near) for text, values in zip(inputs, wanted, strict=True)]
    for row, places in enumerate(first):
        near.learn(row, [p for p in places if _once(inputs[row], p)])
    found = [_chosen(text, values, near) for text, values in zip(inputs, wanted, strict=True)]
    counts = _counts([one.path for one in form.fields], wanted, found)
    taggable = fields or _taggable(counts)
    rows = [tuple(sorted(p for p in places if p.path in taggable)) for places in found]
    asked = [sum(path in taggable for path, _ in values) for values in wanted]
    whole = tuple(len(places) == n for places, n in zip(rows, asked, strict=True))
    return Aligned(form, tuple(rows), whole, tuple(taggable), counts)


def _taggable(counts: Mapping[Path, tuple[int, int]]) -> tuple[Path, ...]:
    found = tuple(p for p, (there, every) in counts.items() if every and there >= TAGGABLE * every)
    if not found:
        raise NoFields("the values of the answers do not stand in the inputs")
    return found


def _listed(inputs: Sequence[str], outputs: Sequence[str], fields: Sequence[Path] | None) -> Aligned:
    """Answers that say themselves where their values stand; of places that share characters, the first."""
    form = listing_of(inputs, outputs)
    rows: list[tuple[Place, ...]] = []
    wanted: list[list[tuple[Path, str]]] = []
    for text, output in zip(inputs, outputs, strict=True):
        there: list[Place] = []
        every = [Place(a, b, (label,), text[a:b]) for a, b, label in sorted(form.places(output))]
        for place in every:
            if not _meets((place.start, place.end), there) and (fields is None or place.path in fields):
                there.append(place)
        rows.append(tuple(there))
        wanted.append([(place.path, place.value) for place in every])
    paths = sorted({path for values in wanted for path, _ in values})
    counts = _counts(paths, wanted, rows)
    whole = tuple(len(row) == len(values) for row, values in zip(rows, wanted, strict=True))
    return Aligned(form, tuple(rows), whole, tuple(fields or paths), counts)


def why_not(inputs: Sequence[str], outputs: Sequence[str]) -> str:
    """Why these answers cannot be tagged; empty where they can."""
    try:
        align(inputs, outputs)
    except NoFields as reason:
        return str(reason)
    return ""


def occurrences(text: str, value: str) -> list[tuple[int, int]]:
    """Where a value stands in a text: the best kind of occurrence that there is."""
    words = value.split()
    for pattern, flags in (
        (re.escape(value.strip()), 0),
        (r"\s+".join(map(re.escape, words)), re.IGNORECASE),
    ):
        found = [match.span() for match in re.finditer(pattern, text, flags)] if words else []
        if found:
            return [span for span in found if _bordered(text, *span)] or found
    return []


def _chosen(text: str, values: Sequence[tuple[Path, str]], near: _Neighbours) -> list[Place]:
    """A place for every value that has one; longer values first, those of equal texts together."""
    taken: list[Place] = []
    by_text: dict[str, list[Path]] = defaultdict(list)
    for path, value in values:
        by_text[value].append(path)
    for value in sorted(by_text, key=lambda v: (-len(v), v)):
        free = [span for span in occurrences(text, value) if not _meets(span, taken)]
        taken += _shared_out(text, value, free, by_text[value], near)
    return taken


def _shared_out(
    text: str, value: str, free: Sequence[tuple[int, int]], paths: Sequence[Path], near: _Neighbours
) -> list[Place]:
    """Places of one text for the fields that have it as a value: the likeliest pairs first."""
    pairs = [(-near.score(text, *span, path), span, n) for span in free for n, path in enumerate(paths)]
    spans, owners = set[tuple[int, int]](), set[int]()
    places = []
    for _, span, owner in sorted(pairs):
        if span not in spans and owner not in owners:
            spans.add(span)
            owners.add(owner)
            places.append(Place(*span, paths[owner], value))
    return places


def _meets(span: tuple[int, int], taken: Sequence[Place]) -> bool:
    return any(span[0] < place.end and place.start < span[1] for place in taken)


def _once(text: str, place: Place) -> bool:
    return len(occurrences(text, text[place.start : place.end])) == 1


def _counts(
    paths: Sequence[Path], wanted: Sequence[Sequence[tuple[Path, str]]], found: Sequence[Sequence[Place]]
) -> dict[Path, tuple[int, int]]:
    every = Counter(path for values in wanted for path, _ in values)
    there = Counter(place.path for places in found for place in places)
    return {path: (there[path], every[path]) for path in paths}


def _bordered(text: str, start: int, end: int) -> bool:
    """Whether a place begins and ends where words do."""
    left = start == 0 or not (text[start - 1].isalnum() and text[start].isalnum())
    right = end == len(text) or not (text[end - 1].isalnum() and text[end].isalnum())
    return left and right


class _Neighbours:
    """Counts of the words before and after values, by field."""

    def __init__(self, inputs: Sequence[str]):
        self._inputs = inputs
        self._counts: dict[Path, Counter[tuple[int, str]]] = defaultdict(Counter)

    def learn(self, row: int, places: Sequence[Place]) -> None:
        for place in places:
            beside = _beside(self._inputs[row], place.start, place.end)
            self._counts[place.path].update(enumerate(beside))

    def score(self, text: str, start: int, end: int, path: Path) -> int:
        return sum(self._counts[path][key] for key in enumerate(_beside(text, start, end)))


def _beside(text: str, start: int, end: int) -> tuple[str, str]:
    before, after = (
        _WORD.findall(part) for part in (text[max(0, start - NEAR) : start], text[end : end + NEAR])
    )
    return (before[-1].lower() if before else "", after[0].lower() if after else "")
