"""Made-up personal data for some tickets, in ranges kept free for examples."""

import random
import string

from tickets.compose import Ticket
from tickets.people import Customer
from tickets.plant import Planted

CARDS = (
    "4111 1111 1111 1111",
    "5555 5555 5555 4444",
    "4012 8888 8888 1881",
    "4242424242424242",
    "5105 1051 0510 5100",
    "3782 822463 10005",
    "6011 1111 1111 1117",
    "4000-0566-5566-5556",
)
IBANS = (
    "DE89 3704 0044 0532 0130 00",
    "GB82 WEST 1234 5698 7654 32",
    "FR14 2004 1010 0505 0001 3M02 606",
    "NL91 ABNA 0417 1643 00",
    "DK50 0040 0440 1162 43",
    "ES91 2100 0418 4502 0005 1332",
    "DE89370400440532013000",
    "CH93 0076 2011 6238 5295 7",
    "NO93 8601 1117 947",
)
STREETS = (
    "{n} Larch Lane, {city}",
    "Flat {m}, {n} Mill Row, {city}",
    "{n}b Quarry Road, {city}",
    "{n} Old Station Street, {city}",
    "Lerchenweg {n}, {city}",
    "{n} Heather Close, {city}",
    "Unit {m}, {n} Harbour Parade, {city}",
    "Kirkegata {n}, {city}",
)
TOWNS = (
    "Ambleford",
    "Nether Wick",
    "Holmsund Bay",
    "Oakmere",
    "Tarnbridge",
    "Steinfurtal",
    "Lyngvik",
)
SENTENCES = {
    "email": (
        "You can write to {v}.",
        "my mail is {v}",
        "Please answer to {v}, not to this address.",
        "New address for mails: {v}",
        "It is registered under {v}.",
        "cc {v}",
        "{v}",
    ),
    "phone": (
        "Call me on {v}.",
        "My number is {v}.",
        "tel {v}",
        "cb {v}",
        "Best reached on {v} after five.",
        "Mobile: {v}",
        "ring {v} pls",
    ),
    "card": (
        "The card was {v}.",
        "card no {v}",
        "I paid with {v}, exp 09/27.",
        "It's the Visa {v}.",
        "Number on the card: {v}",
    ),
    "iban": (
        "You can pay it to {v}.",
        "My account: {v}",
        "IBAN {v}",
        "Please use {v} instead.",
        "bank details {v}",
    ),
    "ip": (
        "The mail says it came from {v}.",
        "Login from {v}, that's not us.",
        "ip {v}",
        "Your page shows my address as {v} and blocks it.",
        "The alert named {v}.",
    ),
    "name": (
        "Regards, {v}",
        "My name is {v}.",
        "It was ordered by {v}.",
        "{v}",
        "The order is under {v}.",
        "Yours, {v}",
    ),
    "address": (
        "The address is {v}.",
        "I live at {v}.",
        "to: {v}",
        "{v} is where it should go.",
        "Here is where I am: {v}.",
    ),
    "api_key": (
        "Our club page pulls your price feed with the key {v} and since then I get error 401.",
        "key for the partner feed: {v}",
        "I use {v} for the affiliate links, is it still valid?",
        "By the way the feed token {v} stopped working.",
    ),
}
COUNTS = {
    "email": 32,
    "phone": 30,
    "name": 30,
    "address": 20,
    "card": 13,
    "iban": 13,
    "ip": 8,
    "api_key": 5,
}
FITTING = {
    "card": ("payment_problem", "refund_status", "membership_billing"),
    "iban": ("refund_status", "payment_problem", "return_request"),
    "ip": ("account_access", "privacy_request"),
    "address": ("late_delivery", "order_change_or_cancel", "return_request", "warranty_claim"),
    "api_key": ("account_access", "payment_problem", "membership_billing", "product_advice"),
}


def plant_personal_data(tickets: list[Ticket], planted: Planted, rng: random.Random) -> None:
    """Give each kind its count of tickets, each ticket at most one value."""
    free = [t for t in tickets if t.language == "en" and len(t.text.split()) > 4]
    rng.shuffle(free)
    for kind, count in COUNTS.items():
        fitting = [t for t in free if t.queue in FITTING.get(kind, (t.queue,))][:count]
        for ticket in fitting:
            free.remove(ticket)
            value = _value(kind, ticket.customer, rng)
            sentence = rng.choice(SENTENCES[kind]).format(v=value)
            ticket.text = _place(ticket.text, sentence, rng)
            planted.personal.append((ticket, kind, value))


def _place(text: str, sentence: str, rng: random.Random) -> str:
    """At the end, or in the middle after a full stop."""
    before, stop, after = text.partition(". ")
    if stop and rng.random() < 0.35:
        return f"{before}. {sentence} {after}"
    return f"{text}{rng.choice([' ', chr(10)])}{sentence}"


def _value(kind: str, customer: Customer, rng: random.Random) -> str:
    plain = {"card": CARDS, "iban": IBANS}.get(kind)
    if plain is not None:
        return rng.choice(plain)
    if kind == "name":
        return customer.full_name
    makers = {"email": _email, "phone": _phone, "ip": _ip, "address": _address, "api_key": _key}
    return makers[kind](customer, rng)


def _email(customer: Customer, rng: random.Random) -> str:
    shape = rng.choice(["{f}.{l}", "{f}{n}", "{f}_{l}", "{i}{l}", "{l}.family"])
    user = shape.format(
        f=customer.first.lower(),
        l=customer.last.lower(),
        i=customer.first[0].lower(),
        n=rng.randrange(60, 99),
    )
    return f"{user}@{rng.choice(['example.com', 'example.org', 'mail.example.net'])}"


def _phone(_customer: Customer, rng: random.Random) -> str:
    end = rng.randrange(100, 200)
    return rng.choice(
        [
            f"+1 202-555-0{end}",
            f"(202) 555-0{end}",
            f"020 7946 0{rng.randrange(100, 999)}",
            f"07700 900{rng.randrange(100, 999)}",
            f"+44 7700 900{rng.randrange(100, 999)}",
            f"0131 496 0{rng.randrange(100, 999)}",
        ]
    )


def _ip(_customer: Customer, rng: random.Random) -> str:
    return f"{rng.choice(['192.0.2', '198.51.100', '203.0.113'])}.{rng.randrange(2, 254)}"


def _address(_customer: Customer, rng: random.Random) -> str:
    street = rng.choice(STREETS)
    return street.format(n=rng.randrange(2, 99), m=rng.randrange(1, 20), city=rng.choice(TOWNS))


def _key(_customer: Customer, rng: random.Random) -> str:
    letters = string.ascii_letters + string.digits
    return "hk_live_" + "".join(rng.choice(letters) for _ in range(28))
