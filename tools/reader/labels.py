"""Skills of choosing: a new mapping from examples, a label by its name, several labels, yes or no.

What a label is called is drawn anew for every item, so that no mapping can be known by heart. What a text is
about has to be known: words of one topic stand together.
"""

from __future__ import annotations

from reader.items import Item, guessed, listed, pairs, told
from reader.lists import Draw, Topic
from whet.rungs.frame import DEFAULTS, SEVERAL

CHOOSE = (
    DEFAULTS["classify"],
    "Which label fits? Answer with it alone.",
    "Give the label of the text.",
    "Sort the text: write its label and nothing else.",
    "Label the message.",
    "Answer with the right label.",
    "Say where the text belongs. One label.",
    "Classify the text.",
    "Pick one label for the text.",
    "Read the text and name its label.",
)
SAYING = (
    "the {w}",
    "the {w} is {a}",
    "I bought a {w}",
    "there was a {w} on {d}",
    "my {w} was {a}",
    "tell me about the {w}",
    "{p} talked about the {w}",
    "do you have a {w}?",
    "a question about {w}",
    "{p} saw the {a} {w}",
    "we need {w} for {d}",
    "where can I find {w}?",
    "hello, it is about {w}",
    "{w}, please",
    "the {a} {w} of {p}",
    "I think of {w} and nothing else",
    "in {c} there is a {w}",
    "one more {w}!",
    "{p} wrote to us: {w}",
    "what does {w} mean?",
    "nobody asked for the {w} here",
    "please look at this: {w}",
    "on {d} {p} spoke of {w}",
    "{w} again, says {p}",
    "{w} and {v}",
    "the {v} and the {w}",
)
MATCH = (
    "Answer as in the examples.",
    "Give the value that goes with the word.",
    "What belongs to the word?",
    "Look the word up.",
    "Say the partner of the word.",
    "Answer with what stands beside it.",
    "",
)


def text_of(draw: Draw, topic: Topic) -> str:
    """A short text about a topic: at first its word alone, later in a sentence."""
    word, other = draw.some(topic.words, 2)
    if draw.chance(0.6 - 0.4 * draw.hard):
        return word
    frame = draw.frame(SAYING)
    more = {
        "a": draw.word("adjectives"),
        "p": draw.word("people"),
        "d": draw.word("days"),
        "c": draw.word("cities"),
    }
    return frame.format(w=word, v=other, **more)


def examples(draw: Draw) -> Item:
    """A new mapping from topics to labels, known from examples alone."""
    count = draw.size(2, 4)
    kinds, names = draw.topics(count), draw.labels(count)
    rows = list(zip(kinds, names, strict=True))
    shown = [*rows, *(draw.rng.choice(rows) for _ in range(draw.size(1, 6)))]
    draw.rng.shuffle(shown)
    shown.append(draw.rng.choice(rows))
    said = [(text_of(draw, topic), name) for topic, name in shown]
    order = draw.frame(CHOOSE) if draw.chance(0.8) else ""
    if draw.chance(0.3):
        order = f"{order or draw.frame(CHOOSE)}\n\n{listed([(name, '') for name in draw.some(names, count)])}"
    control = (*told(order), *pairs(said[-1:])[:1])
    return Item("examples", (*told(order), *guessed(said)), control, tuple(names))


def partners(draw: Draw) -> Item:
    """Made-up words and their values: the one asked for was shown before."""
    count = draw.size(2, 6)
    keys = [draw.nonsense() if draw.chance(0.7) else draw.word("things") for _ in range(count)]
    rows = list(zip(dict.fromkeys(keys), draw.labels(count), strict=False))
    asked = [draw.rng.choice(rows) for _ in range(draw.questions(1, 4))]
    order = draw.frame(MATCH)
    control = (*told(order), *pairs(asked[-1:])[:1])
    return Item("partners", (*told(order), *guessed([*rows, *asked])), control)


def names(draw: Draw) -> Item:
    """Labels that say themselves what they mean."""
    count = draw.size(2, 6)
    kinds = draw.topics(count)
    order = f"{draw.frame(CHOOSE)}\n\n{listed([(topic.name, '') for topic in kinds])}"
    asked = [draw.rng.choice(kinds) for _ in range(draw.questions(1, 4))]
    rows = [(text_of(draw, topic), topic.name) for topic in asked]
    return Item("names", (*told(order), *pairs(rows)))


def several(draw: Draw) -> Item:
    """Every label that fits, with | between them."""
    kinds = draw.topics(draw.size(3, 4))
    order = f"{SEVERAL}\n\n{listed([(topic.name, '') for topic in kinds])}"
    rows = list[tuple[str, str]]()
    for _ in range(draw.questions(1, 3)):
        chosen = [topic for topic in kinds if draw.chance(0.4)] or [kinds[0]]
        words = [draw.rng.choice(topic.words) for topic in chosen]
        rows.append((" and ".join(words), "|".join(topic.name for topic in chosen)))
    return Item("several", (*told(order), *pairs(rows)))


def whether(draw: Draw) -> Item:
    """Yes or no: is it about this?"""
    kinds = draw.topics(2)
    rows = list[tuple[str, str]]()
    frames = (
        "Is it about {t}? {x}",
        "{x}\nIs this about {t}?",
        "Does this speak of {t}? {x}",
        "{t}, yes or no: {x}",
    )
    for _ in range(draw.questions(1, 4)):
        topic = draw.rng.choice(kinds)
        asked = topic if draw.chance(0.5) else draw.rng.choice(draw.topics(3))
        text = draw.frame(frames).format(t=asked.name, x=text_of(draw, topic))
        rows.append((text, "yes" if asked is topic else "no"))
    return Item("whether", (*told("Answer yes or no."), *pairs(rows)))
