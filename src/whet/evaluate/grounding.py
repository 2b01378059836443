"""What an output states as fact, and where that stands in what the model was given.

    output -> quotations, addresses, dates, numbers, codes, names (of JSON: all fields) -> each in a source?

Compared by type: 1,200 is 1200 and "12 hundred" is not; 3 May 2024 is 2024-05-03; a name is there if all
its words are; a quotation if it stands in the source word for word, but for case and space. It reads
words, not meaning: a sum that the model worked out, and a synonym, count as not supported; a right number
in the wrong sentence counts as supported. Dates and numbers are read by ``data.readings``. Knows no
models.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from whet.data.fields import leaves, texts_of
from whet.data.readings import MONTHS, Day, days, number_readings, numbers, same_day

SNIPPET = 120
"""Characters of a source that are shown beside a value."""

_QUOTED = re.compile(r"[“„\"«]([^“”„\"«»\n]{2,400}?)[”“\"»]")
_CONTACT = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|https?://[^\s<>\"]+[^\s<>\".,;:!?)]|\bwww\.[^\s<>\"]+\w")
_MONTH = "|".join(sorted((name for name in MONTHS if len(name) > 2), key=len, reverse=True))
_DATE = re.compile(
    rf"(?<![\w./-])(?:\d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}}|\d{{1,2}}([-/.])\d{{1,2}}\1\d{{2,4}}"
    rf"|\d{{1,2}}(?:st|nd|rd|th|\.)?\s+(?:of\s+|de\s+)?(?:{_MONTH})\b\.?(?:,?\s+(?:de\s+)?\d{{4}}\b)?"
    rf"|(?:{_MONTH})\.?\s+\d{{1,2}}(?:st|nd|rd|th)?\b(?!\s*:)(?:,?\s+\d{{4}}\b)?)",
    re.IGNORECASE,
)
_CODE = re.compile(r"\b(?:(?=[\w-]*\d)(?=[\w-]*[A-Z])[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*|\d{2,}(?:-\d{2,})+)\b")
_UNIT = re.compile(
    r"\d+(?:st|nd|rd|th|k|m|mio|bn|kg|g|km|cm|mm|ml|l|h|s|px|x|am|pm|gb|mb|min|mins|days?)", re.I
)
_NUMBER = re.compile(
    r"(?<![\w.,])\d(?:[\d.,'’\u00a0\u202f]*\d)?(?:\s?(?:%|k|thousand|million|billion|bn|mio)(?!\w))?"
)
_LISTED = re.compile(r"^\s*(?:\(?\d{1,2}[.)]|\[\d{1,2}\]|#{1,6})\s", re.MULTILINE)
_CITED = re.compile(r"\[\d{1,3}\]")
_WORD = r"(?:[A-ZÀ-ÖØ-Þ][\w'’]*[a-zà-öø-ÿ][\w'’]*|[A-ZÀ-ÖØ-Þ]\.)"
_NAME = re.compile(rf"\b{_WORD}(?:[ \u00a0-](?:(?:of|de|van|von|der|da|di|la)\s)?{_WORD})*")
_TITLED = re.compile(r"\b(?:mr|mrs|ms|dr|prof|dear|hello|hi|hey)\b[.,]?\s*$", re.IGNORECASE)
_OPENS = re.compile(r"(?:^|[.!?:;\n]\s*|[-*•>\"“(]\s*)$")
_COMMON = (
    "i i'm i'll i've i'd mr mrs ms dr dear hello hi hey thanks thank please sorry yes no ok okay best "
    "kind regards sincerely team support customer the a an it we you he she they this that these those "
    "our your my his her monday tuesday wednesday thursday friday saturday sunday "
)
_PLAIN = frozenset(_COMMON.split()) | frozenset(MONTHS)


@dataclass(frozen=True, slots=True)
class Value:
    """Something an output states."""

    kind: str
    """``quotation``, ``address``, ``date``, ``number``, ``code``, ``name`` or, of JSON, ``field``."""
    text: str
    field: str = ""
    """Where it stands in JSON: ``order.total``."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A value beside what supports it."""

    value: Value
    source: str = ""
    """Name of the source; empty: nothing supports it."""
    beside: str = ""
    """The place in the source."""

    @property
    def supported(self) -> bool:
        return bool(self.source)


def claims(output: str, sources: Mapping[str, str]) -> list[Claim]:
    """Every value of an output, each with the first source that supports it.

    Args:
        sources: texts by name: the input, passages, what the task says.
    """
    read = [_Source(name, text) for name, text in sources.items() if text]
    return [_claim(value, read) for value in values(output)]


def values(output: str) -> list[Value]:
    """What an output states: of JSON every leaf that is no truth value; else what the patterns find."""
    try:
        answer = json.loads(output)
    except ValueError:
        answer = None
    if isinstance(answer, dict):
        found = [
            (".".join(map(str, path)), leaf)
            for path, leaf in leaves(answer, ())
            if not isinstance(leaf, bool)
        ]
        return [Value("field", text, name) for name, leaf in found for text in texts_of(leaf) if text]
    if isinstance(answer, list):
        return [Value("field", str(one), "") for one in answer if isinstance(one, str | int | float)]
    return list(_in_text(output))


def _in_text(text: str) -> Iterator[Value]:
    """Found from the surest kind on; what one has found is not found again."""
    left = _LISTED.sub(_blank, _CITED.sub(_blank, text))
    for kind, find in _FINDERS:
        places = list(find(left))
        yield from (Value(kind, text[start:stop]) for start, stop in places)
        for start, stop in places:
            left = left[:start] + " " * (stop - start) + left[stop:]


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])


def _quotations(text: str) -> Iterator[tuple[int, int]]:
    yield from (match.span(1) for match in _QUOTED.finditer(text) if " " in match[1].strip())


def _codes(text: str) -> Iterator[tuple[int, int]]:
    for match in _CODE.finditer(text):
        if not _UNIT.fullmatch(match[0]):
            yield match.span()


def _names(text: str) -> Iterator[tuple[int, int]]:
    """Words with a capital, in a row; one that opens a sentence only where more follow it."""
    for match in _NAME.finditer(text):
        start, words = match.start(), match[0].split()
        while words and words[0].strip(".").lower() in _PLAIN:
            start, words = start + len(words[0]) + 1, words[1:]
        before = text[:start]
        if words and (len(words) > 1 or _TITLED.search(before) or not _OPENS.search(before)):
            yield start, match.end()


def _each(pattern: re.Pattern[str]) -> Callable[[str], Iterator[tuple[int, int]]]:
    return lambda text: (match.span() for match in pattern.finditer(text))


_FINDERS: Sequence[tuple[str, Callable[[str], Iterator[tuple[int, int]]]]] = (
    ("quotation", _quotations),
    ("address", _each(_CONTACT)),
    ("date", _each(_DATE)),
    ("code", _codes),
    ("number", _each(_NUMBER)),
    ("name", _names),
)


class _Source:
    """A text, and what it can be said to hold; read once."""

    def __init__(self, name: str, text: str):
        self.name, self.text = name, text
        self.plain = plain(text)
        self.words = frozenset(re.findall(r"\w+", self.plain))
        self.days: set[Day] = days(text)
        self.numbers: set[Decimal] = numbers(text)


def plain(text: str) -> str:
    """Folded for comparing word for word."""
    same = unicodedata.normalize("NFKC", text).translate(str.maketrans("“”„«»’‘", '"""""\'\''))
    return " ".join(same.casefold().split())


def _claim(value: Value, sources: Sequence[_Source]) -> Claim:
    for source in sources:
        if _holds(value, source):
            return Claim(value, source.name, _beside(value, source.text))
    return Claim(value)


def _holds(value: Value, source: _Source) -> bool:
    if value.kind == "date":
        return any(same_day(one, other) for one in days(value.text) for other in source.days)
    if value.kind == "number":
        return bool(_readings(value.text) & source.numbers)
    if value.kind == "name":
        return set(re.findall(r"\w+", plain(value.text))) - {"of"} <= source.words
    if plain(value.text).strip(" .,;:!?") in source.plain:
        return True
    return value.kind == "field" and _typed(value.text, source)


def _typed(text: str, source: _Source) -> bool:
    """A field's value as a number or a date, where it is one."""
    if readings := number_readings(text.strip("-")):
        return bool(readings & source.numbers)
    found = days(text)
    return bool(found) and any(same_day(one, other) for one in found for other in source.days)


def _readings(text: str) -> set[Decimal]:
    return numbers(text) | number_readings(text)


def _beside(value: Value, text: str) -> str:
    """The sentence of a source in which the value stands, or the beginning of the source."""
    sentences = [one for one in re.split(r"(?<=[.!?])\s+|\n+", text) if one.strip()]
    found = next((one for one in sentences if _holds(value, _Source("", one))), text)
    flat = " ".join(found.split())
    return flat if len(flat) <= SNIPPET else f"{flat[: SNIPPET - 1]}…"
