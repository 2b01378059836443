"""Values for the slots of a template, drawn from the lists or made up."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from names.firms import org
from names.lists import pick, words
from names.places import (
    address,
    city,
    corner,
    country,
    house,
    place,
    postcode,
    region,
    road,
    state,
    street,
    unit,
)

ONSETS = re.split(" ", "b br c ch d dr f g gr h j k kl l m n p pr r s sh st t tr v w y z")
VOWELS = re.split(" ", "a e i o u ai ea ie ou")
CODAS = ["", "", "", "n", "r", "s", "l", "m", "k", "t", "nd", "rt", "ck"]
NAME_ENDS = re.split(
    " ", " a o ov sen ić ová ski ez ini ström er dóttir yan oğlu ev enko wicz mann son eira elli aki uk"
)
PREFIXES = ["van", "de", "von", "del", "van der", "Al", "da", "Mc", "O'", "di", "le", "bin", "dos", "ter"]


def invented(rng: random.Random, ends: list[str]) -> str:
    """A word that looks like a name and is in no list."""
    syllables = [
        rng.choice(ONSETS) + rng.choice(VOWELS) + rng.choice(CODAS) for _ in range(rng.choice([1, 2, 2]))
    ]
    return ("".join(syllables) + rng.choice(ends)).capitalize()


def first(rng: random.Random) -> str:
    return (
        pick(rng, "first")
        if rng.random() < 0.9
        else invented(rng, ["", "a", "o", "y", "an", "ie", "us", "e"])
    )


def last(rng: random.Random) -> str:
    made = rng.random()
    if made < 0.72:
        return pick(rng, "last")
    if made < 0.77:
        return f"{pick(rng, 'last')}-{pick(rng, 'last')}"
    if made < 0.83:
        front = rng.choice(PREFIXES)
        return f"{front}{'' if front in ('Mc', chr(79) + chr(39)) else ' '}{invented(rng, NAME_ENDS)}"
    return invented(rng, NAME_ENDS)


def full(rng: random.Random) -> str:
    form = rng.random()
    if form < 0.04:
        return f"{first(rng)[0]}. {last(rng)}"
    if form < 0.08:
        return f"{first(rng)} {rng.choice('ABCDEFGHJKLMNPRSTVW')}. {last(rng)}"
    if form < 0.12:
        return f"{first(rng)} {first(rng)} {last(rng)}"
    if form < 0.16:
        return f"{pick(rng, 'title')} {first(rng)} {last(rng)}"
    if form < 0.18:
        return f"{first(rng)} {last(rng)}{rng.choice([' Jr.', ' III', ' Sr', ' II'])}"
    return f"{first(rng)} {last(rng)}"


def anyone(rng: random.Random) -> str:
    """A person by any name."""
    form = rng.random()
    if form < 0.4:
        return first(rng)
    if form < 0.65:
        return full(rng)
    return last(rng) if form < 0.85 else f"{pick(rng, 'title')} {last(rng)}"


def money(rng: random.Random) -> str:
    amount = rng.choice([str(rng.randint(1, 2000)), f"{rng.uniform(1, 900):.2f}"])
    return rng.choice(
        ["${}", "€{}", "£{}", "{} EUR", "{} dollars", "{} euros", "USD {}", "{} million"]
    ).format(amount)


def order(rng: random.Random) -> str:
    return rng.choice(["#{}", "{}", "SO-{}", "ORD{}", "no. {}"]).format(rng.randint(10000, 99999999))


def date(rng: random.Random) -> str:
    day, month, year = rng.randint(1, 28), rng.randint(1, 12), rng.randint(1940, 2026)
    named = words()["month"][month - 1]
    return rng.choice(
        [
            f"{month}/{day}/{year}",
            f"{year}-{month:02d}-{day:02d}",
            f"{day} {named} {year}",
            f"{day}.{month}.{year}",
        ]
    )


def email(rng: random.Random) -> str:
    name = rng.choice([first(rng), last(rng), "info", "support"]).lower().replace(" ", ".")
    return f"{name}{rng.choice(['', rng.randint(1, 99)])}@{rng.choice(['mail', 'web', 'post'])}.example"


def phone(rng: random.Random) -> str:
    digits = f"{rng.randint(0, 10**9):010d}"
    return rng.choice(["{0}-{1}-{2}", "({0}) {1}-{2}", "+44 {0} {1}{2}", "0{0} {1} {2}"]).format(
        digits[:3], digits[3:6], digits[6:]
    )


Make = Callable[[random.Random], str]


def _of(section: str) -> Make:
    return lambda rng: pick(rng, section)


# Slot to (maker, kind); kind None: an ordinary word.
SLOTS: dict[str, tuple[Make, str | None]] = {
    "first": (first, "PERSON"),
    "last": (last, "PERSON"),
    "full": (full, "PERSON"),
    "any": (anyone, "PERSON"),
    "title": (_of("title"), "PERSON"),
    "city": (city, "LOCATION"),
    "country": (country, "LOCATION"),
    "place": (place, "LOCATION"),
    "org": (org, "ORGANIZATION"),
    "address": (address, "ADDRESS"),
    "street": (street, "ADDRESS"),
    "road": (road, "ADDRESS"),
    "corner": (corner, "ADDRESS"),
    "house": (house, "ADDRESS"),
    "zip": (postcode, "ADDRESS"),
    "unit": (unit, "ADDRESS"),
    "state": (state, "ADDRESS"),
    "job": (_of("job"), "TITLE"),
    "brand": (_of("brand"), None),
    "product": (_of("product"), None),
    "day": (_of("day"), None),
    "month": (_of("month"), None),
    "thing": (_of("thing"), None),
    "nation": (_of("nation"), None),
    "nations": (_of("nations"), None),
    "culture": (_of("culture"), None),
    "n": (lambda rng: str(rng.randint(1, 99)), None),
    "year": (lambda rng: str(rng.randint(1900, 2026)), None),
    "money": (money, None),
    "order": (order, None),
    "date": (date, None),
    "email": (email, None),
    "phone": (phone, None),
}
# The data set's own slots, filled with other values of the same kind.
DATA_SLOTS: dict[str, Make] = {
    "person": full,
    "name": full,
    "name_male": full,
    "name_female": full,
    "first_name": first,
    "first_name_male": first,
    "first_name_female": first,
    "first_name_nonbinary": first,
    "last_name": last,
    "last_name_male": last,
    "prefix_male": lambda rng: rng.choice(("Mr.", "Dr.")),
    "prefix_female": lambda rng: rng.choice(("Mrs.", "Ms.", "Miss", "Dr.")),
    "city": city,
    "country": lambda rng: rng.choice([country, country, region])(rng),
    "organization": org,
    "company": org,
    "address": address,
    "street_name": road,
    "secondary_address": unit,
    "building_number": lambda rng: f"{rng.randint(0, 99):02d}",
    "postcode": postcode,
    "job": _of("job"),
}
