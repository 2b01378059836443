"""Names of organisations: firms, shops, offices, clubs, schools, papers. All but a few are invented."""

from __future__ import annotations

import random
from collections.abc import Callable

from names.lists import pick, words
from names.places import city, country

Make = Callable[[random.Random], str]
TEAMS_AND_PAPERS = ("United", "City", "FC", "Rovers", "Times", "Herald", "Gazette", "Tribune")
HOUSES = ("General Hospital", "High School", "Symphony", "Opera", "Airport", "Museum")
SAINTLY = ("Hospital", "Church", "School", "College")
FOUNDED = ("Foundation", "Institute", "Trust", "Gallery", "Clinic")


def part(rng: random.Random, section: str) -> str:
    return rng.choice(words("firms")[section])


def _family(rng: random.Random) -> str:
    """Named after whoever founded it."""
    one, other, third = (pick(rng, "last") for _ in range(3))
    return rng.choice(
        [
            f"{one} {part(rng, 'legal')}",
            f"{one} {part(rng, 'legal')}",
            f"{one}, {other} and {third}",
            f"{one}, {other} & {third}",
            f"{one}-{other}",
            f"{one} & {other}",
            f"{one} and {other}",
            f"{one} and Sons",
            f"{one} {part(rng, 'trade')}",
            f"{pick(rng, 'first')}'s {part(rng, 'trade')}",
            f"{one} {part(rng, 'body')}",
            f"{pick(rng, 'first')} {one} {part(rng, 'trade')}",
        ]
    )


def _plain(rng: random.Random) -> str:
    """Of ordinary words, in capitals."""
    quality, matter, other = part(rng, "quality"), part(rng, "matter"), part(rng, "matter")
    return rng.choice(
        [
            f"{quality} {matter}",
            f"{quality} {matter}",
            f"{quality} {matter} {other}",
            f"{quality} {part(rng, 'trade')}",
            f"{quality} {matter} {part(rng, 'trade')}",
            f"{matter} {other}",
            f"{matter} {part(rng, 'trade')}",
            f"The {quality} {matter}",
            f"The {matter} {part(rng, 'body')}",
            f"{matter} & {other}",
            f"{matter} for {quality} {other}",
            f"{quality} {matter} {part(rng, 'legal')}",
            f"{matter}.{rng.choice(['com', 'org', 'io', 'gov'])}",
            f"{pick(rng, 'firm_first')} {pick(rng, 'firm_last')}",
            f"{pick(rng, 'firm_first')} {part(rng, 'trade')}",
        ]
    )


def _blend(rng: random.Random) -> str:
    """One word made of two, as young firms have it."""
    word = part(rng, "head") + part(rng, "tail")
    if rng.random() < 0.3:
        word = rng.choice([pick(rng, "firm_first").split()[0].lower(), part(rng, "matter").lower()]) + part(
            rng, "tail"
        )
    head = word.capitalize()
    behind = rng.choice(
        ["", "", "", "", " Inc.", " Labs", " Technologies", ".com", " Group", " Media", " Health"]
    )
    if rng.random() < 0.2:
        return part(rng, "head").capitalize() + part(rng, "tail").capitalize() + behind
    return (word if rng.random() < 0.08 else head) + behind


def _office(rng: random.Random) -> str:
    """Offices, schools, papers and clubs."""
    quality, matter, other, body = (part(rng, name) for name in ("quality", "matter", "matter", "body"))
    town, land = city(rng), country(rng)
    return rng.choice(
        [
            f"Department of {quality} {matter}",
            f"Department of {matter}",
            f"Ministry of {matter}",
            f"{body} of {matter} and {other}",
            f"{body} for {quality} {matter}",
            f"{matter} {body}",
            f"{quality} {matter} {body}",
            f"National {matter} {body}",
            f"International {body} of {matter}",
            f"Federal {matter} {body}",
            f"University of {town}",
            f"{town} University",
            f"{town} City Council",
            f"{town} {matter} {body}",
            f"{town} {part(rng, 'trade')}",
            f"Bank of {rng.choice([town, land])}",
            f"{land} {rng.choice(['Airlines', 'Telecom', 'Railways', 'Post', 'Petroleum'])}",
            f"{town} {rng.choice(TEAMS_AND_PAPERS)}",
            f"{town} {rng.choice(HOUSES)}",
            f"St. {pick(rng, 'first')}'s {rng.choice(SAINTLY)}",
            f"The {pick(rng, 'last')} {rng.choice(FOUNDED)}",
            f"Friends of {matter}",
            f"{matter} Without Borders",
        ]
    )


def _letters(rng: random.Random) -> str:
    letters = "".join(rng.choices("ABCDEFGHIKLMNPRSTUVW", k=rng.choice([2, 3, 3, 3, 4])))
    form = rng.choice(["{0}", "{0}", "{0} {1}", "{0} {2}", "{3}&{4}", "{3}&{4} {1}", "{5} {1}"])
    number = rng.choice(["24/7", "360", "4 You", "101", "21st Century", "One"])
    return form.format(letters, part(rng, "trade"), part(rng, "legal"), letters[0], letters[-1], number)


def org(rng: random.Random) -> str:
    kinds: list[tuple[Make, float]] = [(_family, 5), (_plain, 6), (_blend, 5), (_office, 5), (_letters, 1)]
    kinds.append((lambda r: part(r, "known"), 2))
    (make,) = rng.choices([make for make, _ in kinds], [weight for _, weight in kinds])
    return make(rng)
