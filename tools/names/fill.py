"""Values for the slots of a template, drawn from the lists or made up."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from names.lists import words

ONSETS = re.split(" ", "b br c ch d dr f g gr h j k kl l m n p pr r s sh st t tr v w y z")
VOWELS = re.split(" ", "a e i o u ai ea ie ou")
CODAS = ["", "", "", "n", "r", "s", "l", "m", "k", "t", "nd", "rt", "ck"]
NAME_ENDS = [
    "",
    "a",
    "o",
    "ov",
    "sen",
    "ić",
    "ová",
    "ski",
    "ez",
    "ini",
    "ström",
    "er",
    "dóttir",
    "yan",
    "oğlu",
]
TOWN_ENDS = [
    "",
    "a",
    "ville",
    "burg",
    "ton",
    "ow",
    "ice",
    "heim",
    "berg",
    "by",
    "iano",
    "es",
    "wijk",
    "os",
    "vik",
]
TOWN_BEFORE = ["San", "El", "Las", "Saint", "St.", "Bad", "New", "La", "North"]
TOWN_BEHIND = ["Heights", "de la Sierra", "am See", "Bay", "Wood", "nad Labem"]


def invented(rng: random.Random, ends: list[str]) -> str:
    """A word that looks like a name and is in no list."""
    syllables = [
        rng.choice(ONSETS) + rng.choice(VOWELS) + rng.choice(CODAS) for _ in range(rng.choice([1, 2, 2]))
    ]
    return ("".join(syllables) + rng.choice(ends)).capitalize()


def first(rng: random.Random) -> str:
    return pick(rng, "first") if rng.random() < 0.9 else invented(rng, ["", "a", "o", "y", "an"])


def last(rng: random.Random) -> str:
    made = rng.random()
    if made < 0.75:
        return pick(rng, "last")
    if made < 0.8:
        return f"{pick(rng, 'last')}-{pick(rng, 'last')}"
    if made < 0.84:
        return f"{rng.choice(['van', 'de', 'von', 'del', 'van der', 'Al', 'da'])} {invented(rng, NAME_ENDS)}"
    return invented(rng, NAME_ENDS)


def full(rng: random.Random) -> str:
    form = rng.random()
    if form < 0.04:
        return f"{first(rng)[0]}. {last(rng)}"
    if form < 0.08:
        return f"{first(rng)} {rng.choice('ABCDEFGHJKLMNPRSTVW')}. {last(rng)}"
    if form < 0.12:
        return f"{first(rng)} {first(rng)} {last(rng)}"
    if form < 0.15:
        return f"{pick(rng, 'title')} {first(rng)} {last(rng)}"
    return f"{first(rng)} {last(rng)}"


def city(rng: random.Random) -> str:
    form = rng.random()
    if form < 0.6:
        return pick(rng, "city")
    if form < 0.66:
        return f"{rng.choice(TOWN_BEFORE)} {invented(rng, TOWN_ENDS)}"
    if form < 0.7:
        return f"{invented(rng, TOWN_ENDS)} {rng.choice(TOWN_BEHIND)}"
    return invented(rng, TOWN_ENDS)


def country(rng: random.Random) -> str:
    return pick(rng, "country")


def org(rng: random.Random) -> str:
    form = rng.random()
    if form < 0.35:
        return f"{pick(rng, 'firm_first')} {pick(rng, 'firm_last')}"
    if form < 0.5:
        return f"{pick(rng, 'firm_first')} {pick(rng, 'firm_form')}"
    if form < 0.6:
        return f"{last(rng)} {pick(rng, 'firm_form')}"
    if form < 0.68:
        return f"{last(rng)}, {last(rng)} and {last(rng)}"
    if form < 0.76:
        return f"{last(rng)}{rng.choice(['-', ' & ', ' and '])}{last(rng)}"
    if form < 0.84:
        return pick(rng, "firm_first") + pick(rng, "firm_last").lower().replace(" ", "")
    if form < 0.88:
        return "".join(rng.choice("ABCDEFGHIKLMNPRSTUVW") for _ in range(rng.choice([3, 3, 4])))
    return invented(rng, ["", "ify", "io", "ex", "a", "ly"])


def street(rng: random.Random) -> str:
    if rng.random() < 0.5:
        name = rng.choice([pick(rng, "street"), last(rng)])
        return f"{house(rng)} {name} {pick(rng, 'street_form')}"
    word = rng.choice([last(rng), invented(rng, TOWN_ENDS), pick(rng, "city")])
    name = pick(rng, "street_abroad").format(w=word, f=first(rng))
    return rng.choice([f"{name} {house(rng)}", f"{name} {house(rng)}", f"{house(rng)} {name}"])


def house(rng: random.Random) -> str:
    number = str(rng.choice([rng.randint(1, 99), rng.randint(1, 999), rng.randint(1, 9999)]))
    return number + (rng.choice("abcd") if rng.random() < 0.08 else "")


def unit(rng: random.Random) -> str:
    return f"{rng.choice(['Apt.', 'Suite', 'Flat', 'Unit', 'Apt', 'Floor'])} {rng.randint(1, 999)}"


def postcode(rng: random.Random) -> str:
    form = rng.random()
    if form < 0.7:
        return f"{rng.randint(0, 99999):05d}"
    front, back = ("".join(rng.choices("ABCDEFGHJKLMNPRSTUVWXY", k=2)) for _ in range(2))
    if form < 0.9:
        return f"{front}{rng.randint(1, 20)} {rng.randint(1, 9)}{back}"
    return f"{rng.randint(1000, 9999)} {back}"


def address(rng: random.Random) -> str:
    """A whole address in one stretch, in one of the forms that people and data sets write."""
    form = rng.random()
    if form < 0.12:
        force = f"{rng.choice(['APO', 'FPO', 'DPO'])} {rng.choice(['AA', 'AE', 'AP'])} {postcode(rng)}"
        base = [
            f"PSC {rng.randint(1000, 9999)}, Box {rng.randint(1000, 9999)}",
            f"Unit {rng.randint(1000, 9999)} Box {rng.randint(1000, 9999)}",
            f"{rng.choice(['USS', 'USNS', 'USCGC'])} {last(rng)}",
        ]
        return f"{rng.choice(base)}\n{force}"
    if form < 0.2:
        other = pick(rng, "street") + " " + pick(rng, "street_form")
        return f"{rng.choice(['the corner of ', 'corner of ', ''])}{street(rng)} and {other}"
    parts = [street(rng)]
    if rng.random() < 0.4:
        parts = [f"{rng.randint(0, 99):02d} {parts[0]}"]
    if rng.random() < 0.4:
        parts.insert(rng.randint(0, 1), unit(rng))
    parts.append(city(rng))
    tail = rng.choice([country(rng), pick(rng, "states"), "", ""])
    ends = [part for part in (tail, rng.choice([postcode(rng), ""])) if part]
    gap = rng.choice([", ", ", ", " ", "\n", "\n "])
    return gap.join(parts) + (gap + " ".join(ends) if ends else "")


def pick(rng: random.Random, section: str) -> str:
    return rng.choice(words()[section])


def money(rng: random.Random) -> str:
    amount = rng.choice([str(rng.randint(1, 2000)), f"{rng.uniform(1, 900):.2f}"])
    return rng.choice(["${}", "€{}", "£{}", "{} EUR", "{} dollars", "{} euros"]).format(amount)


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
# Slot to (maker, kind); kind None: an ordinary word.
SLOTS: dict[str, tuple[Make, str | None]] = {
    "first": (first, "PERSON"),
    "last": (last, "PERSON"),
    "full": (full, "PERSON"),
    "title": (lambda rng: pick(rng, "title"), "PERSON"),
    "city": (city, "LOCATION"),
    "country": (country, "LOCATION"),
    "org": (org, "ORGANIZATION"),
    "address": (address, "ADDRESS"),
    "street": (street, "ADDRESS"),
    "zip": (postcode, "ADDRESS"),
    "unit": (unit, "ADDRESS"),
    "state": (lambda rng: pick(rng, "states"), "ADDRESS"),
    "job": (lambda rng: pick(rng, "job"), "TITLE"),
    "brand": (lambda rng: pick(rng, "brand"), None),
    "product": (lambda rng: pick(rng, "product"), None),
    "day": (lambda rng: pick(rng, "day"), None),
    "month": (lambda rng: pick(rng, "month"), None),
    "thing": (lambda rng: pick(rng, "thing"), None),
    "nation": (lambda rng: pick(rng, "nation"), None),
    "n": (lambda rng: str(rng.randint(1, 60)), None),
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
    "country": country,
    "organization": org,
    "company": org,
    "address": address,
    "street_name": street,
    "secondary_address": unit,
    "building_number": lambda rng: f"{rng.randint(0, 99):02d}",
    "job": lambda rng: pick(rng, "job"),
}
