"""Skill of choosing a label by what a definition says, from one word behind each label to whole sentences.

    step 0: "- lane: lamp"  and the text "lamp"   ...   last: "- zwoft: texts about cooking"  and a sentence

Heads that do this are laid from the start (``start.py``). Taught with full definitions at once they are worn
away before they are of use; taught from the simplest on, each step is learned within some hundred rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reader.items import Item, listed, pairs, told
from reader.labels import CHOOSE, text_of
from reader.lists import Draw, Topic, lists, topics
from whet.records import Turn

ABOUT = (
    "about {s}",
    "texts about {s}",
    "{s}",
    "it speaks of {s}",
    "for {s}",
    "everything on {s}",
    "has to do with {s}",
)
SUCH = ("such as {l}", "for example {l}", "{l}", "one of: {l}")
WEIGHT = 3.0
"""Of each answer: they are short, and among long ones they would hardly count."""
NOW = 0.6
"""Share of the step that is being learned; the rest are those before it."""
QUESTIONS = 4
PLAIN = ("common", "people", "cities", "adjectives")
Names = Callable[[Draw, int], list[str]]


def few(draw: Draw, count: int) -> list[str]:
    """Plain words of one short list."""
    return draw.some(lists()["common"], count)


def plain(draw: Draw, count: int) -> list[str]:
    """Any plain words."""
    every = (word for name in PLAIN for word in lists()[name])
    return draw.some(list(dict.fromkeys([*every, *known()])), count)


def joined(draw: Draw, count: int) -> list[str]:
    """Two plain words as one: ``north_pear``."""
    halves = zip(plain(draw, count), plain(draw, count), strict=True)
    return [draw.rng.choice(("_", "-", " ", "")).join(pair) for pair in halves]


def any_of(draw: Draw, count: int) -> list[str]:
    """What labels are called elsewhere, or plain words."""
    return draw.labels(count) if draw.chance(0.5) else few(draw, count)


def made(draw: Draw, count: int) -> list[str]:
    """What labels are called elsewhere: made-up words, codes."""
    return draw.labels(count)


@dataclass(frozen=True, slots=True)
class Step:
    """One degree of difficulty."""

    names: Names
    """What labels are called."""
    most: int
    """Labels, at most."""
    words: str = "known"
    """What stands behind a label: a word of ``things``, ``known`` words, ``nonsense``; or ``topic``."""
    each: int = 3
    """Words behind a label, at most."""
    sentences: float = 0.0
    """Share of texts, and of definitions, that are more than words."""


STEPS: Sequence[Step] = (
    Step(few, 3, "things", 1),
    Step(few, 3, each=2),
    Step(few, 3),
    Step(plain, 3),
    Step(joined, 3, each=2),
    Step(made, 3),
    Step(any_of, 5, sentences=0.5),
    Step(any_of, 4, "nonsense", sentences=0.3),
    Step(few, 3, "topic"),
    Step(few, 3, "topic", sentences=0.3),
    Step(any_of, 4, "topic", sentences=0.6),
)


def meant(draw: Draw) -> Item:
    """An item of the step that ``draw.hard`` has come to, of an earlier one, or in full at the end."""
    at = min(int(draw.hard * (len(STEPS) + 1)), len(STEPS))
    chosen = at if draw.chance(NOW) else draw.rng.randrange(at + 1)
    item = full(draw) if chosen == len(STEPS) else of_step(draw, STEPS[chosen])
    turns = [
        Turn(turn.role, turn.text, {"weight": WEIGHT}) if turn.role == "assistant" else turn
        for turn in item.turns
    ]
    return Item(item.skill, tuple(turns), item.control, item.choices)


def full(draw: Draw) -> Item:
    """Labels with what they mean, in the instruction: by topic, or by a list of words."""
    count = draw.size(2, 5)
    kinds, names = draw.topics(count), draw.labels(count)
    listing = draw.chance(0.35)
    meant = list[tuple[Topic, str, str, tuple[str, ...]]]()
    for topic, name in zip(kinds, names, strict=True):
        words = (
            tuple(draw.some(topic.words, 3))
            if not draw.chance(0.4)
            else tuple(draw.nonsense() for _ in range(3))
        )
        said = (
            draw.frame(SUCH).format(l=", ".join(words))
            if listing
            else draw.frame(ABOUT).format(s=draw.rng.choice(topic.said))
        )
        meant.append((topic, name, said, words))
    order = f"{draw.frame(CHOOSE)}\n\n{listed([(name, said) for _, name, said, _ in meant])}"
    rows = list[tuple[str, str]]()
    for _ in range(draw.questions(1, 4)):
        topic, name, _, words = draw.rng.choice(meant)
        shown = Topic(topic.name, topic.said, (draw.rng.choice(words),) * 2) if listing else topic
        rows.append((text_of(draw, shown), name))
    bare = order.split("\n\n")[0] + "\n\n" + listed([(name, "") for name in names])
    return Item(
        "definitions", (*told(order), *pairs(rows)), (*told(bare), *pairs(rows[-1:])[:1]), tuple(names)
    )


def of_step(draw: Draw, step: Step) -> Item:
    """Labels, each with what it means, and texts that ask for one of them."""
    count = draw.rng.randint(2, step.most)
    names = step.names(draw, count)
    meanings = _topics(draw, count, step) if step.words == "topic" else _words(draw, count, step)
    order = (
        f"{draw.frame(CHOOSE)}\n\n{listed([(n, said) for n, (said, _) in zip(names, meanings, strict=True)])}"
    )
    asked = [(name, word) for name, (_, words) in zip(names, meanings, strict=True) for word in words]
    draw.rng.shuffle(asked)
    rows = [(_text(draw, word, step), name) for name, word in asked[: draw.questions(2, QUESTIONS)]]
    return Item("definitions", (*told(order), *pairs(rows)), choices=tuple(names))


def _words(draw: Draw, count: int, step: Step) -> list[tuple[str, list[str]]]:
    """For each label what is said of it, and the words that it is asked by: those that are listed."""
    each = draw.rng.randint(1, step.each)
    if step.words == "nonsense":
        words = [draw.nonsense() for _ in range(count * each)]
    else:
        words = draw.some(lists()["things"] if step.words == "things" else known(), count * each)
    parts = [words[n * each : (n + 1) * each] for n in range(count)]
    return [(_said(draw, ", ".join(part), step), part) for part in parts]


def _said(draw: Draw, words: str, step: Step) -> str:
    return draw.frame(SUCH).format(l=words) if draw.chance(step.sentences) else words


def _topics(draw: Draw, count: int, step: Step) -> list[tuple[str, list[str]]]:
    """The same for labels that stand for a topic: asked by its words, which are not named."""
    found = []
    for topic in draw.topics(count):
        said = topic.name
        if draw.chance(2 * step.sentences):
            said = draw.frame(ABOUT).format(s=draw.rng.choice(topic.said))
        found.append((said, draw.some(topic.words, 2)))
    return found


def _text(draw: Draw, word: str, step: Step) -> str:
    return text_of(draw, Topic("", (), (word, word))) if draw.chance(step.sentences) else word


def known() -> tuple[str, ...]:
    """The words of all topics."""
    return tuple(word for topic in topics() for word in topic.words)
