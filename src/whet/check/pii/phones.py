"""Telephone numbers, told from prices, dates and order numbers.

A candidate is a run of 6 to 15 digits grouped as people write numbers. It is a telephone number when

- it is written for use from abroad (``+44 ...``, ``001-...``) and is possible there;
- it is grouped, and valid in one of ``REGIONS`` by the metadata of libphonenumber (Google's, Apache-2.0);
- words near it speak of calling ("call me at", "fax", "mobile:"), whatever the numbering plan says:
  made-up and mistyped numbers are personal data to the reader all the same.

A word for something else right before it (order, invoice, account, price) settles it the other way.
Knows no dates: what another pattern has found goes first (``patterns.py``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from whet.check.pii.shapes import said_before
from whet.check.subject import Span

# Where numbers of the national form are looked up: the largest plans of the languages most data are in.
REGIONS = ("US", "GB", "DE", "FR", "ES", "IT", "NL", "CH", "IN", "AU", "BR", "PL", "SE")
BEFORE = 40  # characters before a number in which calling is looked for
SURE = 8  # shorter numbers need the word right beside them: "14 3684" is a house and a postcode
_CANDIDATE = re.compile(
    r"(?<![\w./=#-])(?<!\d,)(?<![$€£¥] )(?<![$€£¥])"
    r"(?P<number>(?:\+|\(\+?)?\d(?:[ .()/-]{0,2}\d){5,16})"
    r"(?P<extension>(?:\s?(?:x|ext\.?|extension|#)\s?\d{1,6}))?"
    r"(?!\w|[.,/:]\d|-\d|\s?[%€$£])",
    re.IGNORECASE,
)
_CALLING = re.compile(
    r"\b(?:call(?:s|ed|ing|back)?|phones?|telephones?|tel|mobile|mob|cell(?:phone)?|fax|ring|dial|reach"
    r"|contact|text|sms|whatsapp|voicemail|landline|hotline|helpline|answering|handset|(?:office|desk)(?=:)"
    r"|telefon|handy|téléphone|teléfono|móvil|messages to|my number|number is|cb|ph)\b",
    re.IGNORECASE,
)
_RIGHT_BEFORE = re.compile(
    rf"(?:{_CALLING.pattern})(?:\W{{1,3}}(?:me|us|at|on|is|to|back|number|no))*\W{{0,6}}$", re.IGNORECASE
)
_RIGHT_AFTER = re.compile(
    r"\W{0,3}(?:office|desk|fax|mobile|cell|home|work|landline|tel|phone)\b", re.IGNORECASE
)
_OTHER = re.compile(
    r"\b(?:order|invoice|ticket|case|reference|ref|tracking|parcel|shipment|account|acct|policy|serial|model"
    r"|isbn|issn|ean|upc|sku|id|vin|imei|zip|postcode|code|pin|card|iban|version|price|total|amount|sum"
    r"|balance|paid|refund|usd|eur|gbp|rs|page|year|booking|confirmation|transaction|batch|item|voucher|po)"
    r"(?:[ -]?(?:number|numbers|no|nr|num|id|code))?(?:\W{1,3}(?:is|was|of|with|for|no|number))*\W{0,3}$",
    re.IGNORECASE,
)
_ABROAD = re.compile(r"\(?\+|00[1-9]")
_GROUPED = re.compile(r"\d[ .()/-]+\d")
_AMERICAN = re.compile(r"\(?\d{3}\)?[ .-]?\d{3}[ .-]\d{4}")
_YEARS = re.compile(r"(?:19|20)\d\d ?[-–/] ?(?:19|20)?\d\d")
_THOUSANDS = re.compile(r"\d{1,3}(?:[. ]\d{3})+")


def find_phones(text: str) -> Iterator[Span]:
    for match in _CANDIDATE.finditer(text):
        number = match["number"]
        if _is_phone(number, said_before(text, match.start(), BEFORE), match):
            yield match.start(), match.end(), "PHONE_NUMBER"


def _is_phone(number: str, before: str, match: re.Match[str]) -> bool:
    digits = sum(c.isdigit() for c in number)
    if not 6 <= digits <= 15 or _YEARS.fullmatch(number) or _OTHER.search(before):
        return False
    if _ABROAD.match(number) and digits >= 8:
        return _possible_abroad(number)
    if match["extension"] or _RIGHT_AFTER.match(match.string, match.end()) or _RIGHT_BEFORE.search(before):
        return True
    if digits >= SURE and _CALLING.search(before):
        return True
    return bool(_GROUPED.search(number)) and digits >= 9 and _valid_at_home(number)


def _possible_abroad(number: str) -> bool:
    """A length and country code that exist; ``00`` counts as ``+``."""
    import phonenumbers

    number = "+" + number.lstrip("(+").removeprefix("00")
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return False


@lru_cache(maxsize=65536)
def _valid_at_home(number: str) -> bool:
    """Valid in a region, and grouped as there: America by 3-3-4, elsewhere with a leading zero."""
    import phonenumbers

    american = bool(_AMERICAN.fullmatch(number))
    if not american and (number.lstrip("(")[0] != "0" or _THOUSANDS.fullmatch(number)):
        return False
    for region in REGIONS[:1] if american else REGIONS[1:]:
        try:
            if phonenumbers.is_valid_number(phonenumbers.parse(number, region)):
                return True
        except phonenumbers.NumberParseException:
            continue
    return False
