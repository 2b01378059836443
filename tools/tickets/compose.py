"""One ticket at a time: the wish, what is said around it, and the shape of its channel."""

import random
from dataclasses import dataclass, field
from datetime import date

from tickets import shared
from tickets.contrasts import FAMILIES
from tickets.desk import (
    ACCOUNT_QUEUES,
    ASIDES,
    CONFUSABLE,
    CORES,
    ORDER_QUEUES,
    OTHER,
    PAST,
    PHONE,
    PRIORITY,
    QUEUES,
    VAGUE_QUEUES,
    WANTS,
)
from tickets.mess import mess_up
from tickets.people import Customer, make_slots
from tickets.spintax import Phrase, choose, fill, parse_block, sentence_case
from tickets.wants_other import WANTS_OTHER

OPENERS = parse_block(shared.OPENERS)
FOLLOWS = parse_block(shared.FOLLOWS)
SIGNS = parse_block(shared.SIGNS)
TAILS = parse_block(shared.TAILS)
VAGUE = parse_block(shared.VAGUE)
SUBJECTS = parse_block(shared.SUBJECTS)
GENERAL = parse_block(shared.CONTEXT_GENERAL)
ORDER = parse_block(shared.CONTEXT_ORDER)
ACCOUNT = parse_block(shared.CONTEXT_ACCOUNT)
QUOTES = {queue: parse_block(block) for queue, block in shared.QUOTES.items()}
# How likely each piece is, by channel.
HABITS = {
    "email": {"open": 0.56, "context": 0.55, "follow": 0.55, "sign": 0.52},
    "form": {"open": 0.25, "context": 0.45, "follow": 0.4, "sign": 0.3},
    "chat": {"open": 0.4, "context": 0.12, "follow": 0.22, "sign": 0.04},
}
# How likely the wish is also put plainly, by kind of ticket.
OUTRIGHT = {"plain": 0.95, "contrast": 0.4, "two": 0.6, "vague": 0.0}


@dataclass
class Ticket:
    """A ticket on its way into the table; `source` names the phrase it grew from."""

    received: date
    customer: Customer
    channel: str
    language: str
    text: str
    queue: str
    kind: str
    source: str
    ticket_id: str = field(default="")


@dataclass
class Desk:
    """The hand that writes one ticket: its customer, its blanks, its dice."""

    customer: Customer
    received: date
    channel: str
    queue: str
    rng: random.Random
    slots: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Fill the blanks."""
        self.slots = make_slots(self.customer, self.received, self.rng)

    def suit(self, phrase: Phrase) -> Phrase:
        """Change the product until it comes in sizes, if the phrase speaks of sizes."""
        while "{size" in phrase.text and not self.slots["sized"]:
            self.slots = make_slots(self.customer, self.received, self.rng)
        return phrase

    def say(self, phrase: Phrase) -> str:
        """One phrase with its choices and blanks settled."""
        text = fill(choose(phrase.text, self.rng), self.slots).replace("\\n", "\n")
        return text if phrase.register == "casual" else sentence_case(text)

    def chance(self, probability: float) -> bool:
        """True that often."""
        return self.rng.random() < probability


def write_ticket(desk: Desk) -> Ticket:
    """A ticket for the desk's queue, in the customer's language and the channel's shape."""
    if desk.channel == "phone_note":
        return _phone_note(desk)
    if desk.customer.language != "en":
        return _foreign(desk)
    kind, source, core, register = _wish(desk)
    text = _dress(desk, core, register, kind)
    return _ticket(desk, _wrap(desk, text, register), kind, source)


def _ticket(desk: Desk, text: str, kind: str, source: str, language: str = "en") -> Ticket:
    return Ticket(
        desk.received, desk.customer, desk.channel, language, text.strip(), desk.queue, kind, source
    )


def _wish(desk: Desk) -> tuple[str, str, str, str]:
    """Kind, source phrase, text and register of what the customer wants."""
    draw = desk.rng.random()
    if draw < 0.10 and (found := _contrast(desk)) is not None:
        return found
    if draw < 0.225 and desk.queue != PRIORITY[-1]:
        return _two_wishes(desk)
    if draw > 0.97 and desk.queue in VAGUE_QUEUES:
        phrase = desk.rng.choice(VAGUE)
        return "vague", phrase.text, desk.say(phrase), phrase.register
    phrase = desk.suit(desk.rng.choice(CORES[desk.queue]))
    return "plain", phrase.text, desk.say(phrase), phrase.register


def _contrast(desk: Desk) -> tuple[str, str, str, str] | None:
    families = [family for family in FAMILIES if desk.queue in family.cues]
    if not families:
        return None
    family = desk.rng.choice(families)
    frame = desk.rng.choice(parse_block(family.frames))
    cue = desk.rng.choice(parse_block(family.cues[desk.queue]))
    said = desk.suit(Phrase(frame.text.replace("{cue}", cue.text), frame.register))
    return "contrast", frame.text, desk.say(said), frame.register


def _two_wishes(desk: Desk) -> tuple[str, str, str, str]:
    """The desk's queue and one that can wait, either of them as the main matter."""
    lower = PRIORITY[PRIORITY.index(desk.queue) + 1 :]
    near = [queue for queue in CONFUSABLE[desk.queue] if queue in lower]
    partner = desk.rng.choice(near if near and desk.chance(0.5) else lower)
    main, side = (desk.queue, partner) if desk.chance(0.85) else (partner, desk.queue)
    phrase = desk.suit(desk.rng.choice([core for core in CORES[main] if len(core.text.split()) > 6]))
    aside = _bare(desk.say(desk.rng.choice(ASIDES[side])))
    core = desk.say(phrase)
    if desk.chance(0.75):
        link = desk.rng.choice(["Also, ", "And ", "Besides, ", "Another thing: ", "Oh and ", "Plus "])
        return "two", phrase.text, f"{core} {link}{aside}.", phrase.register
    lead = desk.rng.choice(["", "First, ", "Two things. ", "1) "])
    turn = desk.rng.choice(["", "And then: ", "But mainly: ", "2) ", "Apart from that: "])
    text = f"{_cap(lead + aside)}. {turn}{core}"
    return "two", phrase.text, text, phrase.register


def _bare(aside: str) -> str:
    """An aside without the word that hooked it to the sentence before."""
    text = aside[0].lower() + aside[1:]
    for hook in ("and also ", "also ", "and ", "plus ", "oh, and ", "oh and ", "by the way "):
        if text.startswith(hook):
            return text.removeprefix(hook).removeprefix("also ")
    return text


def _cap(text: str) -> str:
    return text[:1].upper() + text[1:]


def _pick(desk: Desk, phrases: list[Phrase], register: str) -> str:
    """A phrase that goes with the register; neutral ones go with all."""
    own = [p for p in phrases if p.register == register]
    plain = [p for p in phrases if p.register == "neutral"]
    if own and desk.chance(0.75 if register != "neutral" else 1.0):
        return desk.say(desk.rng.choice(own))
    return desk.say(desk.rng.choice(plain))


def _contexts(desk: Desk, kind: str) -> list[Phrase]:
    if kind != "plain":
        return GENERAL
    if desk.queue in ORDER_QUEUES:
        return GENERAL + ORDER
    return GENERAL + ACCOUNT + ACCOUNT if desk.queue in ACCOUNT_QUEUES else GENERAL


def _dress(desk: Desk, core: str, register: str, kind: str) -> str:
    """The wish with what stands around it, as messy as its writer."""
    body = _body(desk, core, register, kind)
    habits = HABITS[desk.channel]
    short = len(core.split()) < 6
    glue = "\n" if desk.channel == "email" and not short else " "
    if desk.chance(habits["open"] * (0.4 if short else 1)):
        body = _pick(desk, OPENERS, register) + glue + body
    if desk.chance(habits["sign"] * (0.4 if short else 1)):
        body = body + glue + _pick(desk, SIGNS, register)
    return mess_up(body, register == "casual", desk.channel == "chat", desk.rng)


def _body(desk: Desk, core: str, register: str, kind: str) -> str:
    habits, long = HABITS[desk.channel], desk.chance(0.04)
    scale = 0.3 if len(core.split()) < 6 or register == "casual" else 0.38
    told = _told(desk, core, kind, 5 if long else int(desk.chance(habits["context"] * scale)))
    split = desk.rng.randrange(len(told) + 1)
    pieces = [*told[:split], core, *told[split:]]
    if desk.chance(OUTRIGHT[kind] * (0.8 if register == "casual" else 1)):
        pieces.insert(split + desk.rng.choice([1, 1, 1, 0]), _pick(desk, WANTS[desk.queue], register))
    if kind == "plain" and desk.chance(0.45):
        pieces.append(_pick(desk, WANTS[desk.queue], register))
    for _ in range(3 if long else 1):
        if desk.chance(1.0 if long else habits["follow"] * scale):
            pieces.append(_pick(desk, FOLLOWS, register))
    return " ".join(dict.fromkeys(pieces))


def _told(desk: Desk, core: str, kind: str, count: int) -> list[str]:
    """Background, naming the order no more than once."""
    phrases = desk.rng.sample(_contexts(desk, kind), count)
    named = [phrase for phrase in phrases if "{order}" in phrase.text]
    spare = named if desk.slots["order"] in core else named[1:]
    told = [desk.say(phrase) for phrase in phrases if phrase not in spare]
    return [*told, _past(desk)] if desk.chance(0.04) else told


def _past(desk: Desk) -> str:
    """A remark on another queue's business that asks for nothing."""
    other = desk.rng.choice([queue for queue in QUEUES if queue != desk.queue])
    return desk.say(desk.rng.choice(PAST[other]))


def _wrap(desk: Desk, text: str, register: str) -> str:
    """What mail programs and forms put around a text."""
    if desk.channel == "form" and desk.chance(0.3):
        return _form_fields(desk) + text
    if desk.channel != "email":
        return text
    if register != "casual" and desk.chance(0.1):
        text = f"{text}\n{_quote(desk)}"
    if desk.chance(0.07):
        text = f"{text}\n{desk.say(desk.rng.choice(TAILS))}"
    if desk.chance(0.05):
        return f"---------- Forwarded message ----------\nFrom: Halden Outdoor\n{_subject(desk)}{text}"
    return _subject(desk) + text if desk.chance(0.15) else text


def _subject(desk: Desk) -> str:
    return f"Subject: {desk.say(desk.rng.choice(SUBJECTS))}\n"


def _form_fields(desk: Desk) -> str:
    """The topic the customer ticked, which is often the wrong one."""
    right = [topic for topic, queues in shared.FORM_TOPICS.items() if desk.queue in queues]
    topic = desk.rng.choice(right if right and desk.chance(0.5) else [*shared.FORM_TOPICS, "Other"])
    order = f" | Order: {desk.slots['order']}" if desk.chance(0.4) else ""
    return f"Topic: {topic}{order}\n"


def _quote(desk: Desk) -> str:
    """The desk's earlier answer, at times about another matter than today's."""
    near = desk.rng.choice(CONFUSABLE[desk.queue])
    queue = desk.queue if desk.chance(0.6) else near
    said = desk.say(desk.rng.choice(QUOTES[queue]))
    signed = f"{desk.slots['agent']}, Halden Outdoor"
    return f"> Hello, {said[0].lower()}{said[1:]}\n> {signed}"


def _phone_note(desk: Desk) -> Ticket:
    phrase = desk.rng.choice(PHONE[desk.queue])
    if desk.chance(0.2):
        phrase = desk.rng.choice([core for core in CORES[desk.queue] if len(core.text) < 140])
    text = fill(choose(desk.suit(phrase).text, desk.rng), desk.slots)
    if phrase not in PHONE[desk.queue]:
        text = desk.rng.choice(["cx on phone: ", "cust says: ", "caller, quote: ", "vm left: "]) + text
    if desk.chance(0.8):
        text += (
            desk.rng.choice([". says: ", ". cx: ", "; quote: "])
            + desk.say(desk.rng.choice(WANTS[desk.queue])).lower()
        )
    elif desk.chance(0.3):
        text += ". " + _past(desk).lower()
    text = text.replace("..", ".").replace("?.", "?")
    tail = desk.rng.choice(
        [
            "",
            "",
            "",
            " cb pls",
            f" /{desk.slots['agent'][:2].upper()}",
            " tbc",
            " v angry",
            " nice chat",
            f" cb {desk.slots['day'][:3].lower()}",
            " - 2nd call",
        ]
    )
    return _ticket(desk, mess_up(text + tail, False, False, desk.rng), "phone", phrase.text)


def _foreign(desk: Desk) -> Ticket:
    language = desk.customer.language
    phrase = desk.rng.choice(OTHER[desk.queue][language])
    pieces = [fill(choose(desk.suit(phrase).text, desk.rng), desk.slots)]
    terse = phrase.text[0].islower()
    if desk.chance(0.2 if terse else 0.6):
        pieces.insert(0, desk.rng.choice(shared.OTHER_OPENERS[language]))
    wants = WANTS_OTHER[desk.queue][language]
    pieces += desk.rng.sample(wants, min(len(wants), desk.rng.choice([1, 1, 2])))
    if desk.chance(0.5):
        follows = shared.OTHER_FOLLOWS[language]
        pieces += desk.rng.sample(follows, desk.rng.choice([1, 1, 1, 2]))
    if desk.chance(0.35):
        pieces.append(desk.customer.first)
    text = " ".join(pieces)
    text = text.lower() if desk.chance(0.15) else text
    return _ticket(desk, text, "foreign", phrase.text, language)
