"""Skills of reading: a value out of one of several passages, and "not stated" where none says it."""

from __future__ import annotations

from collections.abc import Callable

from reader.items import Item, pairs, told
from reader.lists import Draw
from whet.records import Turn
from whet.rungs.frame import with_passages

UNKNOWN = "not stated"
READ = (
    f"Answer from the passages. If they do not say it, answer: {UNKNOWN}.",
    f"Answer the question with the value alone. Where nothing says it: {UNKNOWN}.",
    f"Use the text to answer. Say {UNKNOWN} if it is not there.",
    f"Read the passages, then answer shortly, or write {UNKNOWN}.",
    f"Give the answer that stands in the text, else {UNKNOWN}.",
    f"Questions about facts. What no passage tells is {UNKNOWN}.",
    f"Copy the value that is asked for. No value there: {UNKNOWN}.",
)
STATED = (
    "The {a} of {e} is {v}.",
    "{e} has the {a} {v}.",
    "For {e}, the {a} is {v}.",
    "{v} is the {a} of {e}.",
    "{e}: {a} {v}.",
    "{a} of {e}: {v}.",
    "We know that the {a} of {e} is {v}.",
    "As {a} of {e} we noted {v}.",
    "{e} - {a}: {v}",
    "Since {d}, {v} has been the {a} of {e}.",
    "According to {p}, the {a} of {e} is {v}.",
    "It is {v}: the {a} of {e}.",
)
ASKED = (
    "What is the {a} of {e}?",
    "{a} of {e}?",
    "Which {a} does {e} have?",
    "Tell me the {a} of {e}.",
    "{e}: {a}?",
    "Do you know the {a} of {e}?",
    "I need the {a} of {e}.",
    "For {e}, what is the {a}?",
    "Please give me the {a} of {e}.",
    "And the {a} of {e}?",
)
FILLER = (
    "{p} was there on {d}.",
    "The {t} is {j}.",
    "{p} and {q} met in {c}.",
    "Nothing else happened on {d}.",
    "In {c} one finds a {j} {t}.",
    "{p} likes the {j} {t}.",
    "This was written by {p}.",
)


def value(draw: Draw, attribute: str) -> str:
    """Something that the attribute can be; for most, anything."""
    people, numbers = {"owner", "manager", "founder", "contact"}, {"price", "budget"}
    if attribute == "colour":
        return draw.word("tints")
    if attribute == "city":
        return draw.city()
    if attribute in people:
        return draw.person()
    if attribute in numbers:
        return f"{draw.number(900)} {draw.word('units')}"
    if attribute in {"opening time", "delivery day", "deadline"}:
        return draw.rng.choice((draw.date, lambda: draw.word("days")))()
    makers: tuple[Callable[[], str], ...] = (
        draw.nonsense,
        draw.code,
        draw.number,
        lambda: draw.word("common"),
    )
    return draw.rng.choice(makers)()


def entity(draw: Draw) -> str:
    kind = draw.rng.random()
    if kind < 0.35:
        return (
            f"the {draw.word('adjectives')} {draw.word('things')}"
            if draw.chance(0.5)
            else f"the {draw.word('things')}"
        )
    if kind < 0.6:
        return draw.nonsense().capitalize()
    return draw.rng.choice((draw.person, draw.firm, draw.city))()


def attribute(draw: Draw) -> str:
    return draw.word("attributes") if draw.chance(0.85) else draw.nonsense()


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def passages(draw: Draw) -> Item:
    """Facts in passages, questions about them, and about what they do not say."""
    entities = list(dict.fromkeys(entity(draw) for _ in range(draw.size(1, 4))))
    kinds = list(dict.fromkeys(attribute(draw) for _ in range(draw.size(1, 3))))
    facts = {(e, a): value(draw, a) for e in entities for a in kinds if draw.chance(0.8)}
    facts = facts or {(entities[0], kinds[0]): value(draw, kinds[0])}
    frames = [draw.frame(STATED) for _ in range(draw.size(1, 3))]
    texts = [_stated(draw, frames, e, a, v) for (e, a), v in facts.items()]
    draw.rng.shuffle(texts)
    rows = [_question(draw, facts, entities, kinds) for _ in range(draw.questions(1, 5))]
    order = draw.frame(READ)
    first, *rest = pairs(rows)
    laid = Turn("user", _laid(draw, texts, first.text))
    turns = (*told(order), laid, *rest)
    return Item("passages" if rows[-1][1] != UNKNOWN else "unstated", turns, (*told(order), first))


def _stated(draw: Draw, frames: list[str], e: str, a: str, v: str) -> str:
    text = draw.rng.choice(frames).format(a=a, e=e, v=v, d=draw.word("days"), p=draw.word("people"))
    if draw.chance(0.2 * draw.hard):
        more = {
            name: draw.word(of)
            for name, of in zip(
                "pqdtjc", ("people", "people", "days", "things", "adjectives", "cities"), strict=True
            )
        }
        text = f"{capital(text)} {draw.frame(FILLER).format(**more)}"
    return capital(text)


def _question(
    draw: Draw, facts: dict[tuple[str, str], str], entities: list[str], kinds: list[str]
) -> tuple[str, str]:
    """A question and its answer; one in six is about what is not there."""
    if draw.chance(0.84):
        (e, a), v = draw.rng.choice(list(facts.items()))
    else:
        e = draw.rng.choice(entities) if draw.chance(0.6) else entity(draw)
        a = draw.rng.choice(kinds) if draw.chance(0.4) else attribute(draw)
        v = facts.get((e, a), UNKNOWN)
    return capital(draw.frame(ASKED).format(a=a, e=e)), v


def _laid(draw: Draw, texts: list[str], question: str) -> str:
    """Passages as ``whet.rungs.frame`` lays them out, or as plain text."""
    if draw.single or draw.chance(0.7):
        some = texts
        if len(texts) > 1 and draw.chance(0.4):
            cut = draw.rng.randrange(1, len(texts))
            some = [" ".join(texts[:cut]), " ".join(texts[cut:])]
        return with_passages(question, some)
    return " ".join(texts) + "\n" + question


def nothing(draw: Draw) -> Item:
    """A question without a passage."""
    e, a = entity(draw), attribute(draw)
    asked = capital(draw.frame(ASKED).format(a=a, e=e))
    return Item("unstated", (*told(draw.frame(READ)), *pairs([(asked, UNKNOWN)])))
