"""What a text can mean as a number, a date or a time of day: every reading, for comparing, not for storing.

"1,234" is 1234 to some and 1.234 to others, "03/04/2026" is in March or in April: all readings are given,
so that two ways of writing agree where any of their readings do, and a value is called broken only when it
has none. Month names are English, German, French, Spanish, Italian, Dutch and Danish; number words are
English. It knows no words for dates ("next Friday"): ``vague`` says where a text has one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

Day = tuple[int | None, int, int]
"""Year where it is written, month, day."""

_MONTHS = (
    "january jan januar janvier janv enero gennaio januari ene gen",
    "february feb februar février fevrier febrero febbraio februari",
    "march mar märz mars marzo maart marts mrz",
    "april apr avril abril aprile",
    "may mai mayo maggio mei maj",
    "june jun juni juin junio giugno",
    "july jul juli juillet julio luglio",
    "august aug août aout agosto augustus",
    "september sept sep septembre septiembre settembre",
    "october oct oktober octobre octubre ottobre okt",
    "november nov novembre noviembre",
    "december dec dezember décembre decembre diciembre dicembre dez",
)
MONTHS = {name: number for number, names in enumerate(_MONTHS, start=1) for name in names.split()}
_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_SMALL = {word: number for number, word in enumerate(_ONES.split())}
_SMALL |= {word: 10 * number for number, word in enumerate(_TENS.split(), start=2)}
_SMALL |= {"dozen": 12, "couple": 2, "pair": 2, "both": 2, "hundred": 100}
_SCALES = {"k": 3, "thousand": 3, "m": 6, "mio": 6, "million": 6, "bn": 9, "billion": 9}

_GAP = " \u00a0\u202f"
_GROUPED = re.compile(rf"\d{{1,3}}([.,'’{_GAP}])\d{{3}}(?:\1\d{{3}})*(?:(?!\1)[.,]\d+)?")
_INDIAN = re.compile(r"\d{1,2}(?:,\d{2})+,\d{3}(?:\.\d+)?")
_DECIMAL = re.compile(r"\d+(?:[.,]\d+)?")
_NUMBER = re.compile(r"(\d(?:[\d.,'’]*\d)?)\s?(%|[a-zA-Z]+)?")
_SPACED = re.compile(rf"\d{{1,3}}(?:[{_GAP}]\d{{3}})+(?:[.,]\d+)?(?!\d)")

_NUMERIC = re.compile(
    r"[-+]?(?:[A-Za-z]{2,3}\.? |[^\w\s] ?)?"  # a currency before
    r"(\d(?:[\d.,'’\u00a0\u202f ]*\d)?)"
    r"(?: ?%| ?[^\W\d]{1,5}\.?| ?[^\w\s]+)?"  # a unit behind
)

_MONTH = "|".join(sorted(MONTHS, key=len, reverse=True))
_YEAR_FIRST = re.compile(r"(?<!\d)(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)")
_YEAR_LAST = re.compile(r"(?<!\d)(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})(?!\d)")
_NO_YEAR = re.compile(r"(?<![\d/.-])(\d{1,2})[/.](\d{1,2})(?![\d/-])")
_DAY_MONTH = re.compile(
    rf"(?<!\d)(\d{{1,2}})(?:st|nd|rd|th|\.|er|º)?\s*(?:of\s+|de\s+)?({_MONTH})\b\.?,?\s*(?:de\s+)?(\d{{4}})?"
)
_MONTH_DAY = re.compile(rf"\b({_MONTH})\.?\s+(\d{{1,2}})(?:st|nd|rd|th)?\b(?!\s*[:])(?:,?\s+(\d{{4}}))?")
_DATE_SHAPE = re.compile(r"\d{4}([-/.])\d{1,2}\1\d{1,2}|\d{1,2}([-/.])\d{1,2}\2\d{4}")
_ISO_SHAPE = re.compile(r"\d{4}-\d{2}-\d{2}(?=$|[T ]\d)")

_CLOCK = re.compile(r"(?<!\d)(\d{1,2})[:.h](\d{2})(?!\d)|(?<!\d)(\d{1,2})\s*(?:[ap]\.?m\b|o.?clock|uhr|h\b)")
_VAGUE = re.compile(
    r"\b(?:today|tonight|tomorrow|yesterday|mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|satur|sat|sun)(?:day)?s?\b"
    r"|\b(?:next|last|this|coming|past)\s+\w+|\b(?:now|ago|noon|midday|midnight|half|quarter|weekend|evening"
    r"|morning|afternoon|christmas|easter|end of|beginning of|heute|morgen|gestern|demain|hier|mañana|ayer)\b"
)


def number_readings(text: str) -> set[Decimal]:
    """Every number that a string of digits and marks can be; none where it is no number.

    Groups of three, Indian groups, a comma or a point for decimals: "12,34,5" has no reading.
    """
    found = set()
    if match := _GROUPED.fullmatch(text):
        found.add(Decimal(text.replace(match[1], "").replace(",", ".")))
    if _INDIAN.fullmatch(text):
        found.add(Decimal(text.replace(",", "")))
    if _DECIMAL.fullmatch(text):
        found.add(Decimal(text.replace(",", ".")))
    return found


def numeral(text: str) -> str:
    """The digits and marks of a text that is one number, with or without a currency or a unit; else ""."""
    match = _NUMERIC.fullmatch(text.strip())
    return match[1] if match else ""


def numbers(text: str) -> set[Decimal]:
    """Every number that a text can be said to hold: in digits, in words, in per cent, in thousands."""
    found = set()
    for match in _NUMBER.finditer(text):
        readings = number_readings(match[1])
        found |= readings
        after = (match[2] or "").lower()
        if after == "%":
            found |= {reading / 100 for reading in readings}
        elif after in _SCALES:
            found |= {reading.scaleb(_SCALES[after]) for reading in readings}
    for match in _SPACED.finditer(text):
        found |= number_readings(match[0])
    return found | set(_in_words(text))


def _in_words(text: str) -> Iterator[Decimal]:
    """``twenty two`` gives 20, 2 and 22."""
    before = 0
    for word in re.findall(r"[a-z]+", text.lower()):
        number = _SMALL.get(word, 0)
        if word in _SMALL:
            yield Decimal(number)
            if before >= 20 and before % 10 == 0 and 0 < number < 10:
                yield Decimal(before + number)
        before = number


def days(text: str) -> set[Day]:
    """Every day that a text can be said to name; in ``03/04`` either number is the month."""
    text = text.lower()
    found: set[Day | None] = {_day(y, m, d) for y, m, d in _YEAR_FIRST.findall(text)}
    for first, _, second, year in _YEAR_LAST.findall(text):
        found |= {_day(_century(year), first, second), _day(_century(year), second, first)}
    for first, second in _NO_YEAR.findall(text):
        found |= {_day("", first, second), _day("", second, first)}
    found |= {_day(year, str(MONTHS[month]), day) for day, month, year in _DAY_MONTH.findall(text)}
    found |= {_day(year, str(MONTHS[month]), day) for month, day, year in _MONTH_DAY.findall(text)}
    return {day for day in found if day is not None}


def _century(year: str) -> str:
    return year if len(year) == 4 else f"{'20' if int(year) < 70 else '19'}{year}"


def _day(year: str, month: str, day: str) -> Day | None:
    """A day of the calendar, or None; without a year, the 29th of February is one."""
    try:
        found = date(int(year or 2000), int(month), int(day))
    except ValueError:
        return None
    return (found.year if year else None), found.month, found.day


def same_day(first: Day, second: Day) -> bool:
    """The same month and day, and no other year said."""
    return first[1:] == second[1:] and (first[0] == second[0] or first[0] is None or second[0] is None)


def no_such_day(text: str) -> bool:
    """Whether a text has a date's shape, with its year, and no day of the calendar fits it."""
    text = text.strip()
    shaped = _ISO_SHAPE.match(text) or _DATE_SHAPE.fullmatch(text)
    return bool(shaped) and not days(shaped[0] if shaped else "")


def clock(text: str) -> set[tuple[int, int]]:
    """Times of day as hour modulo twelve and minute: "7.30 pm" and "19:30" are the same."""
    found = set()
    for hour, minute, alone in _CLOCK.findall(text.lower()):
        if int(hour or alone) <= 24 and int(minute or 0) < 60:
            found.add((int(hour or alone) % 12, int(minute or 0)))
    return found


def vague(text: str) -> bool:
    """Whether a text names a day or a time by words that only its writer's calendar can read."""
    return bool(_VAGUE.search(text.lower()))
