"""Structured personal data: what a pattern and a check digit can recognise, in one text.

Cheap tests come first (is there an ``@``, are there six digits in a row?), so that a row without any of
it costs next to nothing. E-mail and URL are RFC 5322 and 3986 in their everyday part; addresses of
networks are read by the standard library; the rules of numbers stand in ``checksums.py``. Knows no names
of people or places (``names.py``).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Sequence

from whet.check.pii import checksums
from whet.check.pii.dates import find_dates, find_weekdays
from whet.check.pii.national import LETTERED, NATIONAL
from whet.check.pii.phones import find_phones
from whet.check.pii.secrets import find_secrets
from whet.check.pii.shapes import Pattern, bare, whole
from whet.check.pii.spans import GROUP_OF, QUIET, apart, joined, with_towns
from whet.check.pii.standins import without_stand_ins
from whet.check.subject import Span

Finder = Callable[[Sequence[str]], list[list[Span]]]
"""Texts to the spans in each."""
REPEATED = 5  # characters from which a value is known again where no word tells of it
QUIET_KINDS = frozenset(kind for kind, group in GROUP_OF.items() if group in QUIET)
NO_FLAG = re.RegexFlag(0)
AROUND = 24  # characters about six digits within which a national number lies
_ESCAPE = re.compile(r'\\(?:[\\nrtbf"/]|u[0-9a-fA-F]{4})')
_DIGIT = re.compile(r"\d")
_DIGITS = re.compile(r"\d(?:[ .()/+-]{0,2}\d){5}")
_EMAIL = re.compile(
    r"(?<![\w.+-])[\w!#$%&*+/=?^{|}~-]{1,64}(?:\.[\w!#$%&'*+/=?^{|}~-]{1,64}){0,8}"
    r"@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}[^\W\d_]{2,24}(?![\w@-])"
)
_URL = re.compile(r"(?:\b(?:https?|ftp)://|(?<![\w.@/])www\.)[^\s<>\"'\\^`{|}]{3,2048}", re.IGNORECASE)
_URL_END = ".,;:!?)]*"
CARD_DIGITS = 19  # the most that a scheme gives out
_CARD = re.compile(r"(?<![\w.])\d(?:[ -]?\d){12,}(?!\w)")
_GROUP = re.compile(r"\d+")
_IBAN = re.compile(r"(?<![^\W_])[A-Za-z]{2}\d{2}(?=[ -]?[A-Za-z0-9])")
_SPACED = re.compile(r"[A-Za-z0-9](?:[ -]?[A-Za-z0-9])*")
_ALNUM = re.compile(r"[A-Za-z0-9]")
_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?!\w|\.\d)")
_IPV6 = re.compile(
    r"(?<![\w:.])(?=[0-9A-Fa-f]{0,4}:)[0-9A-Fa-f:]{2,39}(?:(?<=:)\d{1,3}(?:\.\d{1,3}){3})?(?![\w:])"
)
_VERSION = re.compile(r"\b(?:v|ver|version|release|firmware|build|section|chapter)\.?:?\s?$", re.IGNORECASE)
_MAC = whole(r"(?:[0-9A-F]{2}([:-]))(?:[0-9A-F]{2}\1){4}[0-9A-F]{2}|(?:[0-9A-F]{4}\.){2}[0-9A-F]{4}")
_LONG = re.compile(r"[A-Za-z0-9]{26}")
_COINS = (
    Pattern("CRYPTO", whole(r"0x[0-9A-Fa-f]{40}")),
    Pattern("CRYPTO", whole(r"bc1[ac-hj-np-z02-9]{11,71}"), checksums.bech32),
)
_BASE58 = re.compile(r"(?<!\w)[13][1-9A-HJ-NP-Za-km-z]{25,34}(?!\w)")
_ZIP_WORD = r"\b(?:zip(?:[ -]?code)?|post(?:al)?[ -]?code|plz|postleitzahl|pin ?code)\b"
_ZIP = re.compile(
    rf"(?i)(?:{_ZIP_WORD})[^\w\n]{{0,4}}(?:(?:is|was)\s+)?"
    r"(?P<value>[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}|[A-Z]\d[A-Z] ?\d[A-Z]\d|\d{4} ?[A-Z]{2}"
    r"|\d{5}-\d{4}|\d{4,6})\b"
)


def find(text: str) -> list[Span]:
    """Every structured value in a text, in order of place, none overlapping; stand-ins do not count. Text may
    be JSON: what stands behind an escaped line break begins a word."""
    text = _ESCAPE.sub(_blank, text) if "\\" in text else text
    spans = apart(_all(text))
    return without_stand_ins(text, apart(_everywhere(text, spans))) if spans else []


def _blank(found: re.Match[str]) -> str:
    return found[0] if found[0] == r"\\" else " " * len(found[0])


def find_each(texts: Sequence[str], names: Finder | None = None) -> list[list[Span]]:
    """The same for many texts, with the names that ``names`` finds; equal texts are read once."""
    known = {text: find(text) for text in dict.fromkeys(texts)}
    if names is not None:
        for text, more in zip(list(known), names(list(known)), strict=True):
            found = joined(text, apart([*known[text], *more])) if more else known[text]
            known[text] = without_stand_ins(text, found)
    return [known[text] for text in texts]


def find_personal(texts: Sequence[str], names: Finder | None = None) -> list[list[Span]]:
    """What redaction replaces: everything but what alone says little of a person (``QUIET``). An address goes
    with its town."""
    found = zip(texts, find_each(texts, names), strict=True)
    return [_personal(text, spans) for text, spans in found]


def _personal(text: str, spans: Sequence[Span]) -> list[Span]:
    told = [span for span in with_towns(text, spans) if GROUP_OF[span[2]] not in QUIET]
    return without_stand_ins(text, told) if told else []


def _all(text: str) -> Iterator[Span]:
    yield from find_secrets(text)
    if "@" in text:
        yield from ((m.start(), m.end(), "EMAIL_ADDRESS") for m in _EMAIL.finditer(text))
    if "://" in text or "www." in text.lower():
        for match in _URL.finditer(text):
            yield match.start(), match.start() + len(match.group().rstrip(_URL_END)), "URL"
    if "day" in text or "DAY" in text:
        yield from find_weekdays(text)
    if _DIGIT.search(text):
        yield from _numbers(text)


def _everywhere(text: str, spans: Sequence[Span]) -> Iterator[Span]:
    """The spans, and the same values wherever else they stand: a word near one of them tells of all."""
    yield from spans
    telling = {text[start:end]: kind for start, end, kind in spans if kind not in QUIET_KINDS}
    for value, kind in telling.items():
        if len(value) >= REPEATED and text.count(value) > 1:
            yield from ((m.start(), m.end(), kind) for m in whole(re.escape(value), NO_FLAG).finditer(text))


def _numbers(text: str) -> Iterator[Span]:
    if ":" in text or "." in text:
        yield from _networks(text)
    if _LONG.search(text):
        yield from _coins(text)
    yield from find_dates(text)
    yield from _zips(text)
    for pattern in LETTERED:
        yield from pattern.find(text)
    stretches = [(m.start(), m.end()) for m in _DIGITS.finditer(text)]
    if not stretches:
        return
    found = [*_cards(text), *_ibans(text)]
    for start, end in stretches:
        for pattern in NATIONAL:
            found += pattern.find(text, max(0, start - AROUND), end + AROUND)
    yield from found
    yield from find_phones(_blanked(text, found))


def _blanked(text: str, spans: Sequence[Span]) -> str:
    """The text with something that is no digit in place of the spans, every other place as it was."""
    letters = list(text)
    for start, end, _ in spans:
        letters[start:end] = "•" * (end - start)
    return "".join(letters)


def _cards(text: str) -> Iterator[Span]:
    """The longest runs of whole groups of digits that a scheme could have given out."""
    for match in _CARD.finditer(text):
        groups = [group.span() for group in _GROUP.finditer(text, *match.span())]
        first = 0
        while first < len(groups):
            last = _card_end(text, groups, first)
            if last is not None:
                yield groups[first][0], groups[last][1], "CREDIT_CARD"
            first = first + 1 if last is None else last + 1


def _card_end(text: str, groups: Sequence[tuple[int, int]], first: int) -> int | None:
    """The last group of the longest card number that begins with this group, if one does."""
    found, digits = None, ""
    for last in range(first, len(groups)):
        digits += text[slice(*groups[last])]
        if len(digits) > CARD_DIGITS:
            break
        if checksums.card(digits):
            found = last
    return found


def _ibans(text: str) -> Iterator[Span]:
    """As many letters and digits as the country's IBAN has, read over spaces."""
    for match in _IBAN.finditer(text):
        length = checksums.IBAN_LENGTHS.get(match.group()[:2].upper(), 0)
        letters = list(_ALNUM.finditer(text, match.start(), match.start() + 2 * length))[:length]
        if not length or len(letters) < length:
            continue
        end = letters[-1].end()
        value, ends = text[match.start() : end], end == len(text) or not text[end].isalnum()
        if ends and _SPACED.fullmatch(value) and checksums.iban(bare(value)):
            yield match.start(), end, "IBAN_CODE"


def _networks(text: str) -> Iterator[Span]:
    """Addresses of machines; the machine itself (127.0.0.1, ::1) and version numbers do not count."""
    for pattern in (_IPV4, _IPV6):
        for match in pattern.finditer(text):
            before = text[max(0, match.start() - 12) : match.start()]
            if _is_address(match.group()) and not _VERSION.search(before):
                yield match.start(), match.end(), "IP_ADDRESS"
    yield from ((m.start(), m.end(), "MAC_ADDRESS") for m in _MAC.finditer(text))


def _is_address(value: str) -> bool:
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified or address.is_multicast)


def _coins(text: str) -> Iterator[Span]:
    for pattern in _COINS:
        yield from pattern.find(text)
    for match in _BASE58.finditer(text):  # case counts in base58
        if checksums.base58check(match.group()):
            yield match.start(), match.end(), "CRYPTO"


def _zips(text: str) -> Iterator[Span]:
    for match in _ZIP.finditer(text):
        yield match.start("value"), match.end("value"), "ZIP_CODE"
