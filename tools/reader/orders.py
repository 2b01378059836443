"""Skills of obeying: repeat, first or last word, capitals, marks around a text; and plain copying."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from reader.items import Item, pairs, told
from reader.lists import Draw
from whet.records import Turn

Do = Callable[[str], str]
ORDERS: Mapping[str, tuple[tuple[str, ...], Do]] = {
    "repeat": (
        (
            "Repeat the text.",
            "Say the same again.",
            "Write the text once more.",
            "Copy the message.",
            "Answer with the text itself.",
            "Echo what you read.",
        ),
        lambda text: text,
    ),
    "first": (
        (
            "Answer with the first word.",
            "Give the first word of the text.",
            "Only the first word, please.",
            "What is the first word?",
            "Write the word at the beginning.",
        ),
        lambda text: text.split()[0],
    ),
    "last": (
        (
            "Answer with the last word.",
            "Give the last word of the text.",
            "Only the last word, please.",
            "What is the last word?",
            "Write the word at the end.",
        ),
        lambda text: text.split()[-1],
    ),
    "capitals": (
        (
            "Write the text in capitals.",
            "Uppercase the text.",
            "Answer in capital letters.",
            "Turn it into uppercase.",
        ),
        str.upper,
    ),
    "quoted": (
        ("Put the text in quotes.", "Write the text with quotes around it.", "Quote the text."),
        lambda text: f'"{text}"',
    ),
}


def orders(draw: Draw) -> Item:
    """One order, some texts."""
    kind = draw.rng.choice(list(ORDERS))
    said, do = ORDERS[kind]
    texts = [words(draw, 1 if kind == "capitals" else 2) for _ in range(draw.questions(1, 4))]
    return Item(kind, (*told(draw.frame(said)), *pairs([(text, do(text)) for text in texts])))


def words(draw: Draw, least: int) -> str:
    """Some words, without end marks."""
    makers: tuple[Callable[[], str], ...] = (
        lambda: draw.rng.choice(draw.rng.choice(draw.topics(1)).words),
        lambda: draw.word("people"),
        lambda: draw.word("adjectives"),
        draw.nonsense,
    )
    return " ".join(draw.rng.choice(makers)() for _ in range(least + draw.size(0, 3)))


def again(draw: Draw) -> Item:
    """The same made-up words twice: nothing but copying, which everything else stands on."""
    text = " ".join(draw.nonsense() for _ in range(draw.rng.randint(3, 12)))
    return Item("again", (Turn("user", text), Turn("assistant", text)))


def looked_up(draw: Draw) -> Item:
    """A table of made-up words in one turn, and questions for some of them."""
    count = draw.size(2, 8)
    keys = list(dict.fromkeys(draw.nonsense() for _ in range(count)))
    rows = list(zip(keys, (draw.label() for _ in keys), strict=True))
    mark, end = draw.rng.choice((" = ", ": ", " is ", " - ", " -> ")), draw.rng.choice(("; ", "\n", ", "))
    table = end.join(f"{key}{mark}{value}" for key, value in rows)
    asked = [draw.rng.choice(rows) for _ in range(draw.questions(2, 6))]
    turns = pairs(asked)
    turns[0] = Turn("user", f"{table}\n{asked[0][0]}")
    return Item("table", tuple(turns))
