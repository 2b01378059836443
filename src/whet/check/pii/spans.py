"""Spans in a text: kinds and their groups, no two of them overlapping, and how one is shown masked.

A span is (start, end, kind). Kinds have Presidio's names where it has one, so that figures can be
compared. Knows no patterns and no models.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Iterable, Sequence

from whet.check.subject import Span

# Groups of kinds, surest sign of harm first: where two spans overlap, the earlier group keeps its own.
GROUPS: dict[str, tuple[str, ...]] = {
    "secrets": ("PRIVATE_KEY", "JWT", "API_KEY"),
    "cards": ("CREDIT_CARD",),
    "accounts": ("IBAN_CODE", "CRYPTO"),
    "ids": (
        "US_SSN",
        "US_ITIN",
        "UK_NINO",
        "UK_NHS",
        "ES_NIF",
        "IT_FISCAL_CODE",
        "DE_TAX_ID",
        "FR_NIR",
        "CH_AHV",
        "NL_BSN",
        "BE_NRN",
        "PL_PESEL",
        "SE_PERSONNUMMER",
        "FI_HETU",
        "BR_CPF",
        "AU_TFN",
        "SG_NRIC",
        "IN_AADHAAR",
        "IN_PAN",
        "DRIVER_LICENSE",
        "PASSPORT",
    ),
    "passwords": ("PASSWORD",),
    "devices": ("IP_ADDRESS", "MAC_ADDRESS"),
    "birth dates": ("DATE_OF_BIRTH",),
    "dates": ("DATE_TIME",),
    "contacts": ("EMAIL_ADDRESS", "PHONE_NUMBER"),
    "addresses": ("ADDRESS",),
    "postcodes": ("ZIP_CODE",),
    "people": ("PERSON",),
    "places": ("LOCATION", "ORGANIZATION", "TITLE"),
    "links": ("URL",),
}
# These alone say little of a person; they are found so that nothing else is seen in their place.
QUIET = ("dates", "places", "links")
# Words of ordinary language, found by a model; everything else has a shape of its own.
NAMED = ("people", "places", "addresses")
GROUP_OF = {kind: group for group, kinds in GROUPS.items() for kind in kinds}
ORDER = {group: place for place, group in enumerate(GROUPS)}
RANK = {kind: place for place, kind in enumerate(GROUP_OF)}

_SPACE = re.compile(r"\s*")
_ADDRESS_GAP = re.compile(r"[\s,>]*")
_TOWN = re.compile(r"(?:(?<=,)|[ \t]*,)[ \t]*(?P<town>[A-Z][^\W\d_]{2,}(?:[ -][A-Z][^\W\d_]{2,})?)\b")
_NO_TOWN = frozenset(
    {"please", "thanks", "thank", "regards", "and", "the", "but", "this", "that", "can", "also"}
)
_WORD = re.compile(r"\w+")


def apart(spans: Iterable[Span]) -> list[Span]:
    """The spans in order of place, none overlapping: of two that meet, the group that stands first in
    ``GROUPS`` stays, within a group the longer one."""
    kept: list[Span] = []
    for span in sorted(spans, key=lambda s: (ORDER[GROUP_OF[s[2]]], s[0] - s[1], s[0], RANK[s[2]])):
        place = bisect(kept, span)
        before, behind = kept[place - 1 : place], kept[place : place + 1]
        if all(one[1] <= span[0] for one in before) and all(span[1] <= one[0] for one in behind):
            kept.insert(place, span)
    return kept


def joined(text: str, spans: Sequence[Span]) -> list[Span]:
    """Neighbouring names of one kind as one span, where only space stands between them ("Dr." and "Ada
    Byron"). The parts of an address are joined over commas as well; structured values never are."""
    found: list[Span] = []
    for start, end, kind in sorted(spans):
        gap = _ADDRESS_GAP if kind == "ADDRESS" else _SPACE
        last = found[-1] if found else (0, -1, "")
        near = last[2] == kind and start >= last[1] and gap.fullmatch(text, last[1], start)
        if near and GROUP_OF[kind] in NAMED:
            found[-1] = (last[0], end, kind)
        else:
            found.append((start, end, kind))
    return found


def with_towns(text: str, spans: Sequence[Span]) -> list[Span]:
    """Addresses up to their town: a place that stands right behind a street, or one or two words behind its
    comma that open with a capital. Alone a town says little of a person; there it says where one lives.

    Args:
        text: where the spans are.
        spans: in order of place, none overlapping.
    """
    found: list[Span] = []
    for span in spans:
        last = found[-1] if found else (0, -1, "")
        behind = last[2] == "ADDRESS" and _ADDRESS_GAP.fullmatch(text, last[1], span[0]) is not None
        if behind and span[2] == "LOCATION":
            found[-1] = (last[0], span[1], "ADDRESS")
        else:
            found.append(span)
    ends = [*(start for start, _, _ in found[1:]), len(text)][: len(found)]
    return [_to_town(text, span, end) for span, end in zip(found, ends, strict=True)]


def _to_town(text: str, span: Span, end: int) -> Span:
    """A street address with the town that no model has seen, if it ends before ``end``."""
    start, last, kind = span
    if kind != "ADDRESS" or not any(map(str.isdigit, text[start:last])):
        return span
    town = _TOWN.match(text, last)
    if town is None or town.end() > end or town["town"].split()[0].casefold() in _NO_TOWN:
        return span
    return start, town.end(), kind


def masked(kind: str, value: str) -> str:
    """Enough of a value to find it again in its row, too little to use it: ``j***@e***.com``."""
    group = GROUP_OF.get(kind, "")
    if kind == "EMAIL_ADDRESS":
        name, _, domain = value.rpartition("@")
        return f"{name[:1]}***@{domain[:1]}***.{domain.rpartition('.')[2]}"
    if kind == "CREDIT_CARD":
        return f"**** {''.join(filter(str.isdigit, value))[-4:]}"
    if kind == "IBAN_CODE":
        return f"{value[:2].upper()}** **** {value[-2:]}"
    if kind in {"PRIVATE_KEY", "PASSWORD"}:
        return "***"
    if group == "secrets":
        return f"{value[:3]}***"
    if group in {*NAMED, "postcodes"}:
        return " ".join(f"{word[0]}***" if word[0].isalpha() else "**" for word in _WORD.findall(value)[:4])
    return f"***{value[-2:]}"
