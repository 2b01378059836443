"""The faults put into the table on purpose, each of them written down."""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from tickets.compose import Ticket
from tickets.desk import CONFUSABLE
from tickets.mess import MISSPELT

LAST_DAY = date(2026, 6, 30)
SYNONYMS = {
    "parcel": "package",
    "package": "parcel",
    "please": "kindly",
    "order": "purchase",
    "quickly": "fast",
    "money": "cash",
    "hello": "hi",
    "hi": "hello",
    "answer": "reply",
    "shop": "store",
    "still": "yet",
    "get": "receive",
    "wrong": "incorrect",
    "broken": "damaged",
    "pls": "please",
    "today": "this morning",
    "big": "large",
    "mail": "message",
    "soon": "quickly",
    "thanks": "thank you",
    "cancel": "stop",
    "said": "told me",
    "bought": "purchased",
}
ENDINGS = ("Thanks.", "Hello?", "Please answer.", "I sent this before.", "??", "Again.", "Urgent.")


@dataclass
class Planted:
    """What was planted, by ticket; ids are read off once the table is in order."""

    exact: list[tuple[Ticket, Ticket]] = field(default_factory=list)
    near: list[tuple[Ticket, Ticket]] = field(default_factory=list)
    contradictions: list[tuple[Ticket, Ticket]] = field(default_factory=list)
    wrong: list[tuple[Ticket, str]] = field(default_factory=list)
    personal: list[tuple[Ticket, str, str]] = field(default_factory=list)


def plant_copies(
    tickets: list[Ticket], planted: Planted, counts: tuple[int, int, int], rng: random.Random
) -> None:
    """Resend some tickets word for word, some a little changed, some into another queue."""
    exact, near, contradicting = counts
    short = [t for t in tickets if len(t.text.split()) >= 3]
    roomy = [t for t in tickets if 12 <= len(t.text.split()) <= 60 and t.channel != "phone_note"]
    chosen = rng.sample(roomy, near + contradicting)
    taken = {id(t) for t in chosen}
    same = rng.sample([t for t in short if id(t) not in taken], exact)
    planted.exact += [(t, _resend(t, t.text, rng)) for t in same]
    planted.near += [(t, _resend(t, edited(t.text, rng, 3), rng)) for t in chosen[:near]]
    planted.contradictions += [_contradict(t, rng) for t in chosen[near:]]
    tickets += [copy for _, copy in [*planted.exact, *planted.near, *planted.contradictions]]


def _resend(ticket: Ticket, text: str, rng: random.Random) -> Ticket:
    later = min(ticket.received + timedelta(days=rng.randrange(1, 7)), LAST_DAY)
    return replace(ticket, text=text, received=later)


def _contradict(ticket: Ticket, rng: random.Random) -> tuple[Ticket, Ticket]:
    copy = _resend(ticket, edited(ticket.text, rng, 1), rng)
    copy.queue = rng.choice(CONFUSABLE[ticket.queue])
    return ticket, copy


def edited(text: str, rng: random.Random, changes: int) -> str:
    """The text with a few words swapped, dropped, misspelt or added; never the same text."""
    new = text
    steps: list[Callable[[str, random.Random], str]] = [_swap, _drop, _misspell, _add]
    for step in rng.sample(steps, min(changes, len(steps))):
        new = step(new, rng)
    return new if new != text else _add(text, rng)


def _swap(text: str, rng: random.Random) -> str:
    found = [w for w in SYNONYMS if re.search(rf"\b{w}\b", text)]
    if not found:
        return text
    word = rng.choice(found)
    return re.sub(rf"\b{word}\b", SYNONYMS[word], text, count=1)


def _drop(text: str, rng: random.Random) -> str:
    words = text.split(" ")
    small = [i for i, word in enumerate(words) if word.lower() in ("the", "a", "and", "so", "my")]
    if small:
        del words[rng.choice(small)]
    return " ".join(words)


def _misspell(text: str, rng: random.Random) -> str:
    found = [w for w in MISSPELT if re.search(rf"\b{re.escape(w)}\b", text)]
    if not found:
        return text
    word = rng.choice(found)
    return re.sub(rf"\b{re.escape(word)}\b", MISSPELT[word], text, count=1)


def _add(text: str, rng: random.Random) -> str:
    ending = rng.choice(ENDINGS if text.isascii() else ("??", "!!", "???"))
    return f"{text} {ending}" if rng.random() < 0.6 else f"{ending} {text}"


def plant_wrong_labels(tickets: list[Ticket], planted: Planted, count: int, rng: random.Random) -> None:
    """Put some plain tickets, none of them copied, into a queue they are easily taken for."""
    pairs = [*planted.exact, *planted.near, *planted.contradictions]
    copied = {id(ticket) for pair in pairs for ticket in pair}
    plain = [
        t for t in tickets if id(t) not in copied and t.kind in ("plain", "phone") and len(t.text.split()) > 7
    ]
    for ticket in rng.sample(plain, count):
        planted.wrong.append((ticket, ticket.queue))
        ticket.queue = rng.choice(CONFUSABLE[ticket.queue])
