"""Values of JSON answers that cannot be what their field says: dates, sums, codes, totals.

A date that is no day of the calendar, a sum that no way of writing numbers allows, a code with a wrong check
digit (ISO 13616, ISO 2108, GS1, ISO/IEC 7812-1), a total that is not the sum of its items. Sums, codes and
totals are known by the name of their field, in English and a few neighbours; others are not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from whet.check.findings import Finding, Flag
from whet.check.pii.checksums import iban, luhn, weighted
from whet.check.places import Path, leaves, named
from whet.check.values import answers
from whet.data.readings import no_such_day, number_readings, numeral

if TYPE_CHECKING:
    from whet.check.subject import Subject, Tools

EXTRAS = 6
"""Taxes, fees and discounts that are tried in every combination."""

_CURRENCY = re.compile(r"[€$£¥₹]|\b(?:eur|usd|gbp|chf|dkk|sek|nok|pln|inr|jpy)\b", re.IGNORECASE)
_SUM_NAME = re.compile(
    r"(?:^|_)(?:sub)?(?:total|amount|price|sum|cost|fee|balance|vat|tax|net|gross|betrag|preis|summe|montant"
    r"|prix|importe|precio)s?(?:_|$)"
)
_MARKED = re.compile(r"\d[.,'’]\d")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|[\W_]+")
_TOTALS = ("total", "grand_total", "total_amount", "amount_total", "subtotal", "sub_total")
_ITEMS = ("items", "line_items", "lines", "positions", "order_lines")
_LINE = ("total", "line_total", "amount", "sum")
_PRICE, _COUNT = ("unit_price", "price"), ("quantity", "qty", "count")
_MORE = "tax vat shipping delivery fee fees tip discount rebate rounding deposit"
_MASKED = re.compile(r"[*•…]|x{3}", re.IGNORECASE)


def unparsable(subject: Subject, tools: Tools) -> Iterator[Finding]:
    """``accurate.unparsable``: dates, sums and codes that cannot be what their field says."""
    flags = [
        Flag(row, "output", f"{place}: {fault}")
        for row, answer in answers(subject)
        for place, fault in (*_leaf_faults(answer), *_total_faults(answer))
    ]
    if flags:
        yield Finding(
            check="accurate.unparsable",
            standard="accurate",
            severity="advice",
            what=f"{len(flags):,} extracted value(s) cannot be what their field says.",
            why="A model learns impossible values as readily as possible ones, and what reads them fails.",
            repair="Mend the values: the note says which rule each breaks.",
            flags=tuple(flags),
        )


def _leaf_faults(answer: Any) -> Iterator[tuple[str, str]]:
    for path, value in leaves(answer):
        text = str(value)
        name = _snake(next((part for part in reversed(path) if isinstance(part, str)), ""))
        if no_such_day(text):
            yield named(path), f"{text} is no day of the calendar"
        elif isinstance(value, str) and _broken_sum(name, text):
            yield named(path), f"{text} is no number, with a point or with a comma for decimals"
        elif fault := _code_fault(name, text):
            yield named(path), fault


def _snake(name: str) -> str:
    return _CAMEL.sub("_", name).lower()


def _broken_sum(name: str, text: str) -> bool:
    """A sum by its field's name or its currency, written with marks that no reading allows."""
    if not _MARKED.search(text) or not (_SUM_NAME.search(name) or _CURRENCY.search(text)):
        return False
    digits = numeral(_CURRENCY.sub("", text))
    return bool(digits) and not number_readings(digits)


def _code_fault(name: str, text: str) -> str:
    """The rule that a code breaks, or the empty text. The code itself is not repeated: it may be a secret."""
    code = re.sub(r"[\W_]", "", text).upper()
    if not code or not code.isascii() or _MASKED.search(text):
        return ""
    kinds = set(name.split("_"))
    faults = (fault for words, right, fault in _CODES if words <= kinds and not right(code))
    return next(faults, "")


def _isbn(code: str) -> bool:
    """ISO 2108: ten places with weights 10 to 1 modulo 11 (X is ten), or an article number of 13."""
    if len(code) == 10 and code[:9].isdigit() and (code[9].isdigit() or code[9] == "X"):
        last = 10 if code[9] == "X" else int(code[9])
        return (weighted(code[:9], range(10, 1, -1), 11) + last) % 11 == 0
    return len(code) == 13 and _gtin(code)


def _gtin(code: str) -> bool:
    """GS1 General Specifications, 7.9: weights 3 and 1 from the right, modulo 10."""
    known = len(code) in (8, 12, 13, 14) and code.isdigit()
    return known and weighted(code[::-1], (1, 3) * 7, 10) == 0


def _numbered(code: str) -> bool:
    """Cards and devices; what is too short for a whole number is only its end."""
    return not code.isdigit() or len(code) < 13 or luhn(code)


_CODES: tuple[tuple[set[str], Callable[[str], bool], str], ...] = (
    ({"iban"}, iban, "country, length or check digits of the IBAN are wrong"),
    ({"isbn"}, _isbn, "the check digit of the ISBN is wrong"),
    ({"ean"}, _gtin, "the check digit of the article number is wrong"),
    ({"gtin"}, _gtin, "the check digit of the article number is wrong"),
    ({"imei"}, _numbered, "the check digit of the device is wrong"),
    ({"card", "number"}, _numbered, "the check digit of the card is wrong"),
    ({"uuid"}, lambda code: bool(re.fullmatch("[0-9A-F]{32}", code)), "a UUID has 32 hexadecimal digits"),
)


def _total_faults(answer: Any) -> Iterator[tuple[str, str]]:
    """Objects with a total and items whose sum it is not, whatever taxes and discounts are counted in."""
    for path, part in _objects(answer):
        fields = {_snake(name): value for name, value in part.items()}
        lines: list[Any] = next((fields[name] for name in _ITEMS if isinstance(fields.get(name), list)), [])
        sums = _sums(lines)
        extras = [amount for key in _MORE.split() if (amount := _amount(fields.get(key))) is not None][
            :EXTRAS
        ]
        for name in _TOTALS:
            total = _amount(fields.get(name))
            if total is not None and sums and not _adds_up(total, sums, extras, len(lines)):
                said = " or ".join(str(value) for value in sorted(sums))
                fault = f"{total} is not the sum of its {len(lines)} item(s), which is {said}"
                yield named((*path, name)), fault


def _objects(value: Any, path: Path = ()) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    if isinstance(value, Mapping):
        yield path, value
        for name, part in value.items():
            yield from _objects(part, (*path, name))
    elif isinstance(value, list):
        for place, part in enumerate(value):
            yield from _objects(part, (*path, place))


def _sums(lines: Sequence[Any]) -> set[Decimal]:
    """What items add up to: their own totals; or their prices, for one and for the quantity; or nothing."""
    items = [
        {_snake(name): value for name, value in line.items()} for line in lines if isinstance(line, Mapping)
    ]
    if not items or len(items) < len(lines):
        return set()
    amounts = [_first(item, _LINE) for item in items]
    if None not in amounts:
        return {sum((a for a in amounts if a is not None), Decimal(0))}
    prices = [(_first(item, _PRICE), _first(item, _COUNT)) for item in items]
    known = [(price, 1 if count is None else count) for price, count in prices if price is not None]
    if len(known) < len(items):
        return set()
    return {sum((p for p, _ in known), Decimal(0)), sum((p * c for p, c in known), Decimal(0))}


def _first(fields: Mapping[str, Any], names: Sequence[str]) -> Decimal | None:
    return next((x for name in names if (x := _amount(fields.get(name))) is not None), None)


def _amount(value: Any) -> Decimal | None:
    """A number, or a text with one reading only."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        number = Decimal(str(value))
        return number if number.is_finite() else None
    if not isinstance(value, str):
        return None
    readings = number_readings(numeral(_CURRENCY.sub("", value)))
    sign = -1 if value.lstrip().startswith("-") else 1
    return sign * readings.pop() if len(readings) == 1 else None


def _adds_up(total: Decimal, sums: set[Decimal], extras: Sequence[Decimal], count: int) -> bool:
    """Whether items, with any of the extras added or taken off, make the total, to a cent each."""
    for extra in extras:
        sums = sums | {value + extra for value in sums} | {value - extra for value in sums}
    slack = Decimal("0.01") * (count + len(extras))
    return any(abs(total - value) <= slack for value in sums)
