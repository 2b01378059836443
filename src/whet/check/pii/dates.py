"""Dates as numbers or with the month's name, days of the week, and dates of birth, which a word near them
gives away.

A plain date says nothing of a person; it is found so that no telephone number and no name is seen in it.
Words of the context are English. Two-digit years are read only next to such a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from whet.check.pii.shapes import said_before
from whet.check.subject import Span

BEFORE = 32  # characters before a date in which birth must be spoken of
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_CLOCK = r"(?:[T ]+\d{1,2}:\d\d(?::\d\d)?(?:\.\d+)?(?:Z| ?[ap]m\b)?)?"
_NUMBERS = re.compile(
    r"(?<![\w./-])(?:"
    r"(?P<year>(?:19|20)\d\d)(?P<a>[-/.])(?P<month>\d{1,2})(?P=a)(?P<day>\d{1,2})"
    r"|(?P<first>\d{1,2})(?P<b>[-/.])(?P<second>\d{1,2})(?P=b)(?P<late>(?:19|20)\d\d|\d\d)"
    rf"){_CLOCK}(?![\w/]|[.-]\d)",
    re.IGNORECASE,
)
_NAMED = re.compile(
    rf"\b(?:\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {_MONTH},? \d{{4}}"
    rf"|{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}})\b",
    re.IGNORECASE,
)
_HINT = re.compile(r"\d[-/.]\d|[a-z]\.?,? \d", re.IGNORECASE)
_BIRTH = re.compile(
    r"\b(?:born|birth|birthdate|birthday|date of birth|dob|d\.o\.b|née|geboren)\b", re.IGNORECASE
)
# Words that stand beside a day of the week in capitals, at the start of a sentence or in a heading.
_BESIDE = re.compile(
    r"(?:a|after|and|at|before|by|closed|each|every|for|from|in|last|late|next|of|on|open|or|since|that|the|this"
    rf"|till|to|until|when|{_MONTH})",
    re.IGNORECASE,
)
_WEEKDAY = re.compile(r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b", re.IGNORECASE)
_WORD_BEFORE, _WORD_BEHIND = re.compile(r"([\w.'’]+) $"), re.compile(r" (\w+)")


def find_dates(text: str) -> Iterator[Span]:
    """``DATE_OF_BIRTH`` where the words before a date say so, ``DATE_TIME`` elsewhere."""
    if not _HINT.search(text):
        return
    for match in _NUMBERS.finditer(text):
        born = bool(_BIRTH.search(said_before(text, match.start(), BEFORE)))
        if _possible(match) and (born or len(match["late"] or "year") == 4):
            yield match.start(), match.end(), "DATE_OF_BIRTH" if born else "DATE_TIME"
    for match in _NAMED.finditer(text):
        born = bool(_BIRTH.search(said_before(text, match.start(), BEFORE)))
        yield match.start(), match.end(), "DATE_OF_BIRTH" if born else "DATE_TIME"


def _possible(match: re.Match[str]) -> bool:
    """A day up to 31 and a month up to 12, in either order."""
    pair = (match["month"], match["day"]) if match["year"] else (match["first"], match["second"])
    low, high = sorted(int(part) for part in pair)
    return 1 <= low <= 12 and high <= 31


def find_weekdays(text: str) -> Iterator[Span]:
    """Days of the week, unless a word in capitals beside one makes it a name ("Joe Friday")."""
    for match in _WEEKDAY.finditer(text):
        start, end = match.span()
        before = _WORD_BEFORE.search(text[max(0, start - BEFORE) : start])
        if text[start].islower() or not (_names(before) or _names(_WORD_BEHIND.match(text, end))):
            yield start, end, "DATE_TIME"


def _names(beside: re.Match[str] | None) -> bool:
    """Whether a word beside a day of the week could be a part of the same name."""
    return beside is not None and beside[1][0].isupper() and not _BESIDE.fullmatch(beside[1])
