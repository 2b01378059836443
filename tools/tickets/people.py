"""The invented customers and the blanks of one ticket."""

import random
from dataclasses import dataclass
from datetime import date, timedelta

from tickets.catalogue import (
    AGENTS,
    CITIES,
    COLOURS,
    FOOT_SIZES,
    PLAIN_TRIPS,
    PRODUCTS,
    SIZES,
    TRIPS,
    Product,
)

FIRST = {
    "en": "Alice Ben Chloe Dan Erin Frank Grace Hamid Isla Jack Kofi Lena Marcus Nora Owen Petra "
    "Quentin Ruth Sanjay Tess Umar Vera Will Yusuf Zoe Bridget Callum Deepa Ewan Fay Gordon Hattie "
    "Imran Joan Keith Lucy Moira Nigel Olive Paul Rob Shona Tim Wendy",
    "de": "Anke Bernd Carla Dirk Elke Florian Gerda Holger Ines Jochen Katrin Lutz Maren Svenja",
    "es": "Alba Bruno Carmen Diego Elena Felipe Gloria Hugo Irene Javier Lucia Mateo Nuria Pablo",
    "fr": "Adele Benoit Camille Denis Elodie Fabien Gaelle Herve Ines Julien Lucie Margaux Nicolas",
    "nl": "Anouk Bram Daan Femke Gijs Hanneke Joost Lotte Maaike Ruben Sanne Teun",
    "da": "Astrid Bo Camilla Ditte Emil Freja Gustav Hanne Jeppe Kirsten Lars Mette",
}
LAST = {
    "en": "Ashdown Birch Cartwell Dunmore Eastley Farrow Greaves Holloway Inchley Jessop Kettering "
    "Lomax Merrow Norbury Oakshott Pembrook Quill Rusbridge Stanhope Tewson Underby Wexley Yarrow",
    "de": "Ahlers Brinkhoff Dornbusch Eickmann Fehling Grotewohl Hasenkamp Lindhorst Ostwald",
    "es": "Aranda Bermejo Cuesta Dorado Espinar Figueroa Herrero Lozano Montoya Robledo",
    "fr": "Aubertin Blanchet Charpentier Delorme Fontaine Gaillard Lemaire Perrault Rousselin",
    "nl": "Bakhuis Dijkman Hoekstra Kuipers Molenaar Terpstra Verhoeven Zandstra",
    "da": "Bundgaard Dalsgaard Fuglsang Kjeldsen Lauridsen Overgaard Skovgaard Toft",
}
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SPELLED = ("five", "six", "eight", "nine", "ten", "twelve")
SIZED = (
    "down jacket",
    "rain jacket",
    "boots",
    "sandals",
    "merino base layer",
    "softshell trousers",
)
SINGULAR = tuple(p for p in PRODUCTS if not p.plural)
LANGUAGES = ("en", "de", "es", "fr", "nl", "da")


@dataclass(frozen=True)
class Customer:
    """One customer: who writes, in which language, paying in which money."""

    number: str
    first: str
    last: str
    language: str
    currency: str

    @property
    def full_name(self) -> str:
        """First and last name as signed."""
        return f"{self.first} {self.last}"


def make_customers(count: int, rng: random.Random) -> list[Customer]:
    """Customers numbered from C-20001; about one in ten writes in another language."""
    languages = rng.choices(LANGUAGES, weights=(910, 38, 22, 17, 7, 6), k=count)
    return [_customer(20001 + place, language, rng) for place, language in enumerate(languages)]


def _customer(number: int, language: str, rng: random.Random) -> Customer:
    first = rng.choice(FIRST[language].split())
    last = rng.choice(LAST[language].split())
    currency = "€" if language not in ("en", "da") else rng.choice("£££€$")
    return Customer(f"C-{number}", first, last, language, currency if language != "da" else "€")


def money(cents: int, customer: Customer, rng: random.Random) -> str:
    """An amount the way people type it."""
    whole, rest = divmod(cents, 100)
    if customer.language != "en":
        return rng.choice([f"{whole},{rest:02d} €", f"{whole} Euro", f"{whole},{rest:02d}€"])
    return rng.choice([f"{customer.currency}{whole}.{rest:02d}", f"{customer.currency}{whole}"])


def spoken_date(day: date, rng: random.Random) -> str:
    """A date in one of the shapes English writers use."""
    month = MONTHS[day.month - 1]
    shapes = [f"{day.day} {month}", f"{month} {day.day}", f"the {day.day}{_ordinal(day.day)}"]
    shapes += [
        f"{day.day:02d}/{day.month:02d}",
        f"{day.day}.{day.month}."[:-1],
        f"{day.day} {month[:3]}",
    ]
    return rng.choice(shapes)


def _ordinal(number: int) -> str:
    if 10 <= number % 100 <= 20:
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")


def make_slots(customer: Customer, received: date, rng: random.Random) -> dict[str, str]:
    """Every blank of one ticket, filled so that they agree with one another."""
    product, other = rng.choice(PRODUCTS), rng.choice(SINGULAR)
    while other.name == product.name:
        other = rng.choice(SINGULAR)
    slots = _product_slots(product, other, rng) | {"first": customer.first}
    slots |= _order_slots(product, customer, received, rng)
    slots |= _date_slots(received, rng) | _foreign_dates(received, rng)
    return slots | _place_slots(customer, rng)


def _product_slots(product: Product, other: Product, rng: random.Random) -> dict[str, str]:
    plural = product.plural
    noun = rng.choice([product.noun, product.noun, product.name]) if not plural else product.noun
    question, question2 = rng.choice(product.questions), rng.choice(other.questions)
    sizes = FOOT_SIZES if product.noun in ("boots", "sandals") else SIZES
    at = rng.randrange(len(sizes) - 1)
    pair = [sizes[at], sizes[at + 1]]
    rng.shuffle(pair)
    colours = rng.sample(COLOURS, 2)
    return {
        "product": f"{product.name} {product.noun}",
        "product_a": _with_article(product, f"{product.name} {product.noun}"),
        "name": product.name,
        "sized": "yes" if product.noun in SIZED else "",
        "noun": noun,
        "noun_a": _with_article(product, noun),
        "nouns": product.noun if plural else f"{product.noun}s",
        "is": "are" if plural else "is",
        "was": "were" if plural else "was",
        "has": "have" if plural else "has",
        "Does": "Do" if plural else "Does",
        "does": "do" if plural else "does",
        "doesnt": "don't" if plural else "doesn't",
        "it": "them" if plural else "it",
        "It": "They" if plural else "It",
        "s": "" if plural else "s",
        "fault": rng.choice(product.faults),
        "damage": rng.choice(product.damages),
        "question": question,
        "question_l": question[0].lower() + question[1:],
        "question2_l": f"the {other.name}, {question2[0].lower()}{question2[1:-1]}",
        "noun2": rng.choice([other.noun, other.noun, other.name]),
        "noun2s": f"{other.noun}s",
        "name2": other.name,
        "product2": f"{other.name} {other.noun}",
        "size": pair[0],
        "size2": pair[1],
        "colour": colours[0],
        "colour2": colours[1],
    }


def _with_article(product: Product, words: str) -> str:
    if product.plural:
        return f"a pair of {words}"
    return f"{'an' if words[0] in 'AEIOUaeiou' else 'a'} {words}"


def _order_slots(product: Product, customer: Customer, received: date, rng: random.Random) -> dict[str, str]:
    first, second = rng.sample(range(410000, 989999), 2)
    cents = product.price * 100 + rng.choice([0, 0, 50, 90, 95])
    part = int(cents * rng.uniform(0.4, 0.9))
    fees = (4900, 3900) if received.year == 2026 else (3900, 3500)
    shapes = ["HO-{}", "#{}", "HO{}", "order {}", "no. {}"]
    shape = rng.choice(shapes[: 5 if customer.language == "en" else 3])
    return {
        "order": shape.format(first),
        "order2": shape.format(second),
        "amount": money(cents, customer, rng),
        "amount2": money(part, customer, rng),
        "smallamount": money(rng.randrange(300, 1600), customer, rng),
        "fee": money(fees[0], customer, rng),
        "fee2": money(fees[1], customer, rng),
        "carrier": _carrier(received, rng),
        "tracking": f"HX{rng.randrange(10**6, 10**7)}{rng.choice('GBDENO')}",
        "giftcode": _gift_code(rng),
        "last4": f"{rng.randrange(1000, 9999)}",
    }


def _gift_code(rng: random.Random) -> str:
    return f"GC-{rng.randrange(1000, 9999)}-{rng.choice('KLMPQ')}{rng.randrange(100, 999)}"


def _carrier(received: date, rng: random.Random) -> str:
    """The shop changed its courier in the autumn of 2025."""
    if received < date(2025, 10, 1):
        return rng.choice(["Harrier", "Harrier Express", "the courier"])
    return rng.choice(["Redbrook", "Redbrook Parcels", "the courier"])


def _date_slots(received: date, rng: random.Random) -> dict[str, str]:
    near = received - timedelta(days=rng.randrange(4, 24))
    earlier = near - timedelta(days=rng.randrange(1, 9))
    age = rng.randrange(4, 13)
    spelled = rng.choice(SPELLED)
    return {
        "date": spoken_date(near, rng),
        "date2": spoken_date(earlier, rng),
        "day": rng.choice(DAYS),
        "ago": rng.choice(
            [
                f"{spelled} days",
                f"{rng.randrange(8, 25)} days",
                "two weeks",
                "three weeks",
                "a fortnight",
                "over a week",
                "more than two weeks",
            ]
        ),
        "ago2": rng.choice(["two days", "three days", "a day", "four days"]),
        "month": MONTHS[(received.month - 1 - age) % 12],
        "lastmonth": MONTHS[(received.month - 2) % 12],
        "thismonth": MONTHS[received.month - 1],
        "nextmonth": MONTHS[received.month % 12],
        "season": rng.choice(["spring", "autumn", "winter", "summer"]),
        "yearago": str(received.year - (1 if received.month > 4 else 2)),
        "oldyear": str(rng.randrange(2009, 2021)),
        "n": str(rng.randrange(2, 9)),
        "futuredate": spoken_date(received + timedelta(days=rng.randrange(3, 30)), rng),
        "tripwhen": rng.choice(
            [
                "on Friday",
                "next week",
                "in ten days",
                "on Saturday",
                "soon",
                "the day after tomorrow",
                "in three weeks",
                "tomorrow night",
            ]
        ),
    }


def _foreign_dates(received: date, rng: random.Random) -> dict[str, str]:
    day = received - timedelta(days=rng.randrange(4, 20))
    plain = f"{day.day}.{day.month}."
    return {
        "datede": plain,
        "datees": f"{day.day}/{day.month}",
        "datefr": f"{day.day:02d}/{day.month:02d}",
        "datenl": f"{day.day}-{day.month}",
        "dateda": plain,
    }


def _place_slots(customer: Customer, rng: random.Random) -> dict[str, str]:
    cities = rng.sample(CITIES, 2)
    trips = TRIPS if customer.language == "en" else PLAIN_TRIPS
    return {
        "city": cities[0],
        "city2": cities[1],
        "trip": rng.choice(trips),
        "agent": rng.choice(AGENTS),
    }
