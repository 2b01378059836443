"""From the places that a tagger found in a text to the answer as JSON, written as training wrote it.

A value is the text in its place, in the case that most of a field's values have (as found, lower, upper,
title), or as training most often wrote this very text (``new york`` -> ``New York``, ``5pm`` -> ``5``). A
field whose values do not stand in the inputs gets its most frequent answer. Knows no models.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from whet.data.fields import Field, Form, Path, flat, texts_of
from whet.data.listing import Listing, listing_from

STYLES: Mapping[str, Callable[[str], str]] = {
    "as found": str,
    "lower": str.lower,
    "upper": str.upper,
    "title": str.title,
}
LEAST = 0.02  # another style must fit so many more of the values than the text as it was found


@dataclass(frozen=True, slots=True)
class Found:
    """A place that a tagger found."""

    start: int
    end: int
    field: str
    """Its name."""
    sure: float
    """Probability, as the tagger sees it."""


@dataclass(frozen=True)
class Filling:
    """How answers are filled in."""

    form: Form | Listing
    styles: Mapping[str, str] = field(default_factory=dict)
    """By field, where it is not ``as found``."""
    spellings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By field, of folded texts that training wrote otherwise."""
    constants: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Of fields that are not taggable."""

    def answer(self, text: str, found: Sequence[Found]) -> str:
        """The canonical answer; a field without lists keeps the surest of its places."""
        if isinstance(self.form, Listing):
            return self.form.written(text, [(one.start, one.end, one.field) for one in found])
        values: dict[Path, list[str]] = {}
        for one in self.form.fields:
            here = [place for place in found if place.field == one.name]
            if one.lists == "never":
                here = sorted(here, key=lambda place: -place.sure)[:1]
            texts = [self._value(one.name, text[place.start : place.end]) for place in here]
            values[one.path] = [*dict.fromkeys(texts), *self.constants.get(one.name, ())]
        return self.form.written(values)

    def _value(self, name: str, text: str) -> str:
        text = " ".join(text.split())
        known = self.spellings.get(name, {}).get(text.casefold())
        return STYLES[self.styles.get(name, "as found")](text) if known is None else known

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def filling_from(card: Mapping[str, Any]) -> Filling:
    """``as_json`` read back."""
    if "fields" not in card["form"]:
        return Filling(listing_from(card["form"]))
    fields = tuple(Field(**{**one, "path": tuple(one["path"])}) for one in card["form"]["fields"])
    form = Form(fields, tuple(tuple(path) for path in card["form"]["parents"]))
    return Filling(form, card["styles"], card["spellings"], card["constants"])


def filling_of(
    form: Form | Listing,
    taggable: Sequence[Path],
    seen: Sequence[tuple[str, str, str]],
    outputs: Sequence[str],
) -> Filling:
    """Learn how answers are written.

    Args:
        seen: name of the field, text in its place, value in the answer, of all places in training.
        outputs: the training answers, for fields that are not taggable.
    """
    if isinstance(form, Listing):
        return Filling(form)
    by_field: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for name, text, value in seen:
        by_field[name].append((" ".join(text.split()), value))
    styles = {name: _style(pairs) for name, pairs in by_field.items()}
    spellings = {name: _spellings(pairs, STYLES[styles[name]]) for name, pairs in by_field.items()}
    others = [one for one in form.fields if one.path not in taggable]
    return Filling(
        form,
        {name: style for name, style in styles.items() if style != "as found"},
        {name: known for name, known in spellings.items() if known},
        {one.name: _most_frequent(one.path, outputs) for one in others},
    )


def _style(pairs: Sequence[tuple[str, str]]) -> str:
    """The case that fits most values; as found, unless another fits clearly more."""
    fits = {name: sum(turn(text) == value for text, value in pairs) for name, turn in STYLES.items()}
    best = max(fits, key=lambda name: fits[name])
    return best if fits[best] > fits["as found"] + LEAST * len(pairs) else "as found"


def _spellings(pairs: Sequence[tuple[str, str]], style: Callable[[str], str]) -> dict[str, str]:
    """Folded texts whose most frequent value the style does not give."""
    values: dict[str, Counter[str]] = defaultdict(Counter)
    plain: Counter[str] = Counter()
    for text, value in pairs:
        values[text.casefold()][value] += 1
        plain[text.casefold()] += style(text) == value
    most = {text: max(counts, key=lambda value: counts[value]) for text, counts in values.items()}
    return {text: value for text, value in most.items() if values[text][value] > plain[text]}


def _most_frequent(path: Path, outputs: Sequence[str]) -> tuple[str, ...]:
    counts = Counter(tuple(texts_of(flat(output).get(path))) for output in outputs)
    return max(counts, key=lambda value: counts[value])
