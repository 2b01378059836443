"""Towns, regions, streets and addresses: real towns from a list, towns that do not exist, addresses in the
formats of many countries. An address is one stretch, the way people write it into a sentence or a letter."""

from __future__ import annotations

import random
from collections.abc import Callable

from names.lists import languages, pick, words

LANGUAGES: tuple[str, ...] = (
    *("en", "us", "de", "fr", "es", "it", "pt", "nl", "nordic", "baltic"),
    *("slavic", "hungarian", "greek", "balkan", "world"),
)
LETTERS = "ABCDEFGHJKLMNPRSTUVWXY"


def town(rng: random.Random, language: str = "") -> str:
    """A town that does not exist, of one language."""
    parts = languages()[language or rng.choice(LANGUAGES)]
    form = rng.choice(parts.forms)
    while "{t}" in form:
        form = form.replace("{t}", rng.choice(parts.fronts) + rng.choice(parts.backs), 1)
    form = form.replace("{s}", rng.choice(languages()["saints"].fronts))
    return form.replace("{h}", rng.choice(languages()["things"].fronts))


def city(rng: random.Random) -> str:
    form = rng.random()
    if form < 0.5:
        return pick(rng, "city")
    if form < 0.97:
        return town(rng)
    return town(rng).upper()


def country(rng: random.Random) -> str:
    return pick(rng, "country")


def place(rng: random.Random) -> str:
    """Anything that a map names."""
    form = rng.random()
    if form < 0.5:
        return city(rng)
    if form < 0.75:
        return country(rng)
    return pick(rng, "region")


def house(rng: random.Random) -> str:
    number = str(rng.choice([rng.randint(1, 99), rng.randint(1, 999), rng.randint(1, 9999)]))
    return number + (rng.choice("abcd") if rng.random() < 0.08 else "")


def unit(rng: random.Random) -> str:
    word = rng.choice(
        ["Apt.", "Apt", "Suite", "Suite", "Flat", "Unit", "Floor", "Room", "Ste", "#", "Apartment"]
    )
    number = rng.choice([str(rng.randint(1, 999)), f"{rng.randint(1, 40)}{rng.choice('ABCD')}"])
    return f"{word} {number}" if word != "#" else f"#{number}"


def postcode(rng: random.Random) -> str:
    form = rng.random()
    if form < 0.65:
        return f"{rng.randint(0, 99999):05d}"
    if form < 0.75:
        return _uk(rng)
    if form < 0.85:
        return f"{rng.randint(1000, 9999)} {''.join(rng.choices(LETTERS, k=2))}"
    return rng.choice(
        [f"{rng.randint(1000, 9999)}", _spaced(rng), _canadian(rng), f"{_digits(rng, 5)}-{_digits(rng, 4)}"]
    )


def _uk(rng: random.Random) -> str:
    front, back = ("".join(rng.choices(LETTERS, k=2)) for _ in range(2))
    return f"{front}{rng.randint(1, 20)} {rng.randint(1, 9)}{back}"


def _canadian(rng: random.Random) -> str:
    letters, digits = rng.choices(LETTERS, k=3), rng.choices("0123456789", k=3)
    return f"{letters[0]}{digits[0]}{letters[1]} {digits[1]}{letters[2]}{digits[2]}"


def _spaced(rng: random.Random) -> str:
    return f"{_digits(rng, 3)} {_digits(rng, 2)}"


def _digits(rng: random.Random, count: int) -> str:
    return "".join(rng.choices("0123456789", k=count))


def road(rng: random.Random) -> str:
    """A street without its number."""
    form = rng.random()
    if form < 0.4:
        name = rng.choice([pick(rng, "street"), pick(rng, "street"), pick(rng, "last"), town(rng, "en")])
        return f"{name} {pick(rng, 'street_form')}"
    if form < 0.46:
        number = rng.randint(1, 120)
        ending = "th" if 10 < number % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
        side = rng.choice(["", "", "East ", "West ", "N ", "S.W. "])
        return f"{side}{number}{ending} {rng.choice(['Street', 'Avenue', 'St', 'Ave.'])}"
    word = rng.choice([pick(rng, "last"), town(rng), town(rng), pick(rng, "city"), pick(rng, "street")])
    return pick(rng, "street_abroad").format(w=word, f=pick(rng, "first"))


def street(rng: random.Random) -> str:
    """A street with the number of the house, before or behind it; now and then both, or a box."""
    name, form = road(rng), rng.random()
    if form < 0.45:
        return f"{house(rng)} {name}"
    if form < 0.8:
        return f"{name} {house(rng)}"
    if form < 0.88:
        return f"{name}, {house(rng)}"
    if form < 0.96:
        return f"{rng.randint(0, 99):02d} {name} {house(rng)}"
    return rng.choice(["P.O. Box {}", "PO Box {}", "Postfach {}", "{} P.O. Box"]).format(house(rng))


def corner(rng: random.Random) -> str:
    begin = rng.choice(["the corner of ", "corner of ", "the intersection of ", "", ""])
    return f"{begin}{road(rng)} {rng.choice(['and', 'and', '&'])} {road(rng)}"


def military(rng: random.Random) -> str:
    base = rng.choice(
        [
            f"PSC {rng.randint(1000, 9999)}, Box {rng.randint(1000, 9999)}",
            f"Unit {rng.randint(1000, 9999)} Box {rng.randint(1000, 9999)}",
            f"{rng.choice(['USS', 'USNS', 'USCGC', 'USNV'])} {pick(rng, 'last')}",
        ]
    )
    force = f"{rng.choice(['APO', 'FPO', 'DPO'])} {rng.choice(['AA', 'AE', 'AP'])}"
    return f"{base}{rng.choice([chr(10), ', ', ' '])}{force} {_digits(rng, 5)}"


def long_form(rng: random.Random) -> str:
    """Street, perhaps a flat, town, perhaps a state or country and a code, with one gap all through."""
    parts = [street(rng)]
    if rng.random() < 0.4:
        parts.insert(rng.randint(0, 1), unit(rng))
    parts.append(city(rng))
    tail = rng.choice([country(rng), pick(rng, "states"), "", ""])
    ends = " ".join(part for part in (tail, rng.choice([postcode(rng), ""])) if part)
    gap = rng.choice([", ", ", ", " ", "\n", "\n "])
    return gap.join([*parts, ends] if ends else parts)


Form = Callable[[random.Random], str]


def _form(text: str, language: str) -> Form:
    """An address as one country writes it: {n} house, {u} unit, {w} street, {t} town, # any figure."""

    def write(rng: random.Random) -> str:
        word = rng.choice([pick(rng, "last"), town(rng, language)])
        name = rng.choice([town(rng, language), town(rng, language), pick(rng, "city")])
        filled = text.replace("{w}", word).replace("{t}", name).replace("{f}", pick(rng, "first"))
        filled = (
            filled.replace("{n}", house(rng)).replace("{u}", unit(rng)).replace("{s}", pick(rng, "states"))
        )
        filled = filled.replace("{uk}", _uk(rng)).replace("{ca}", _canadian(rng)).replace("{c}", country(rng))
        while "#" in filled:
            filled = filled.replace("#", rng.choice("0123456789"), 1)
        return filled.replace("; ", rng.choice([", ", ", ", "\n", "\n", " "]))

    return write


FORMS = [
    _form(text, language)
    for language, texts in {
        "us": (
            "{n} {w} Street; {t}, {s} #####",
            "{n} {w} Ave; {u}; {t}, {s} #####",
            "{n} N. {w} Blvd; {t} {s} #####-####",
            "{n} {w} Drive; {t}; {s} #####; USA",
            "{n} State Route ##; {t}, {s}",
            "RR # Box {n}; {t}, {s} #####",
            "P.O. Box ####; {t}, {s} #####",
        ),
        "en": (
            "{n} {w} Road; {t}; {uk}",
            "Flat #, {n} {w} Gardens; {t} {uk}",
            "{w} House; {n} {w} Lane; {t}; {uk}; United Kingdom",
            "The Old Rectory; {w} Lane; {t}",
            "Unit ##, {w} Industrial Estate; {t}; {uk}",
            "#/{n} {w} Parade; {t} NSW ####",
            "{n} {w} Crescent; {t}, ON {ca}",
            "{n} {w} Terrace; Dublin #; Ireland",
        ),
        "de": (
            "{w}straße {n}; ##### {t}",
            "{w}weg {n}; ##### {t}; {c}",
            "Am {w}platz #; ##### {t}",
            "{w}gasse {n}/#; #### {t}; Austria",
            "c/o {w}; {w}str. {n}; ##### {t}",
        ),
        "fr": (
            "{n}, rue de {w}; ##### {t}",
            "{n} bis avenue {f} {w}; ##### {t}; France",
            "{n} boulevard {w}; ##### {t} Cedex",
        ),
        "es": (
            "Calle {w}, {n}, #º B; ##### {t}",
            "C/ {f} {w} {n}; ##### {t} (España)",
            "Av. {w} {n}, Col. Centro; ##### {t}; Mexico",
            "Carrera ## # ##-##; {t}; Colombia",
        ),
        "it": ("Via {f} {w}, {n}; ##### {t} MI", "Piazza {w} {n}; ##### {t}; Italy", "Corso {w} {n}/A; {t}"),
        "pt": (
            "Rua {f} {w}, {n}; ####-### {t}",
            "Av. {w}, {n} - Centro; {t} - SP; #####-###",
            "R. {w} {n}, #º Dto; {t}",
        ),
        "nl": (
            "{w}straat {n}; #### AB {t}",
            "{w}laan {n} bus #; #### {t}; Belgium",
            "{w}kade {n}-#; #### XK {t}",
        ),
        "nordic": (
            "{w}gatan {n}; ### ## {t}",
            "{w}vej {n}, #. tv.; #### {t}",
            "{w}veien {n}; #### {t}; Norway",
        ),
        "baltic": (
            "{w}katu {n} A #; ##### {t}",
            "{w} g. {n}-#; LT-##### {t}",
            "{w} tn {n}; ##### {t}; Estonia",
        ),
        "slavic": (
            "ul. {w}a {n}/#; ##-### {t}",
            "{w}ova {n}; ### ## {t}",
            "ul. {w}, d. {n}, kv. ##; {t}; ######",
            "{w} ulica {n}; ##### {t}; Croatia",
        ),
        "hungarian": ("#### {t}; {w} utca {n}.", "{w} u. {n}; #### {t}; Hungary"),
        "balkan": (
            "Str. {w} nr. {n}, ap. #; {t}",
            "{w} Mah. {w} Sok. No: {n}; ##### {t}",
            "{w} Cad. {n}; {t}; Turkey",
        ),
        "world": (
            "#-##-# {w}; {t} ###-####; Japan",
            "Flat ##, {w} Towers, {w} Road; {t} ######; India",
            "No. {n}, {w} Road, {w} District; {t} ######",
            "{n} {w} Close, off {w} Road; {t}; Nigeria",
            "PO Box #####; {t}; Kenya",
            "Jl. {w} No. {n}; {t} #####",
            "Blk {n} {w} Street ##, #0#-##; Singapore ######",
        ),
    }.items()
    for text in texts
]


def address(rng: random.Random) -> str:
    """A whole address in one stretch."""
    form = rng.random()
    if form < 0.1:
        return military(rng)
    if form < 0.18:
        return corner(rng)
    if form < 0.24:
        return street(rng)
    return long_form(rng) if form < 0.6 else rng.choice(FORMS)(rng)


def state(rng: random.Random) -> str:
    return pick(rng, "states")


def region(rng: random.Random) -> str:
    return rng.choice(words()["region"])
