"""Write the rows of the task files under ``examples/``: a mapping, values of a text, a house's way to answer.

    python tools/make_examples.py

All of it is invented, in the words that the reader knows (``tools/reader``), and the same each time. Which
shelf a thing goes to can only be known from examples; what a record says, only from the records; how the desk
answers, only from its replies.
"""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

from reader import facts as records
from reader.forms import values
from reader.labels import text_of
from reader.lists import Draw, topics
from whet.store import make_folder, write_text

OUT = Path(__file__).resolve().parent.parent / "examples"
SEED = 11
SHELVES: Mapping[str, str] = {"fruit": "north", "tools": "K7", "pets": "drelm", "music": "red"}
A_SHELF = 48
ORDERS = 150
SLOTS = {"customer": "name", "city": "city", "quantity": "count", "product": "item"}
ORDER_FRAMES = (
    "{name} from {city} ordered {count} {item}.",
    "{name} in {city} wants {count} {item}, please.",
    "Please send {count} {item} to {name} in {city}.",
    "{count} {item} for {name}, {city}",
    "Hello, {name} here, I need {count} {item} in {city}.",
    "To {city}: {count} {item}. It is for {name}.",
)
RECORDS = 96
A_FILE = 8
ABOUT = ("price", "code", "manager", "city", "colour")
STATED = ("The {a} of {e} is {v}.", "For {e}, the {a} is {v}.")
ASKED = ("What is the {a} of {e}?", "I need the {a} of {e}.")
HOUSE = "Desk 4: {v} / closed"


def main() -> None:
    shelves(OUT / "shelves")
    orders(OUT / "orders")
    desk(OUT / "desk")


def shelves(folder: Path) -> None:
    """What people write about things, and the shelf that the house puts such things on."""
    draw = Draw(random.Random(SEED), held=False, hard=0.6)
    rows = dict[str, str]()
    for topic in topics():
        if shelf := SHELVES.get(topic.name):
            while list(rows.values()).count(shelf) < A_SHELF:
                rows[text_of(draw, topic)] = shelf
    table = list(rows.items())
    draw.rng.shuffle(table)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([("text", "shelf"), *table])
    write_text(make_folder(folder) / "rows.csv", text.getvalue())


def orders(folder: Path) -> None:
    """What customers write, and the four values that the order needs."""
    draw = Draw(random.Random(SEED), held=False)
    rows = []
    for _ in range(ORDERS):
        found = values(draw)
        order = {key: found[slot] for key, slot in SLOTS.items()} | {"quantity": int(found["count"])}
        rows.append({"text": draw.rng.choice(ORDER_FRAMES).format(**found), "order": order})
    write_text(make_folder(folder) / "rows.jsonl", _lines(rows))


def desk(folder: Path) -> None:
    """Questions about records that stand in files, and what the desk answers, in its own form."""
    draw = Draw(random.Random(SEED), held=False)
    facts = dict[tuple[str, str], str]()
    while len(facts) < RECORDS:
        about = draw.rng.choice(ABOUT)
        facts[(draw.nonsense().capitalize(), about)] = records.value(draw, about)
    told = [draw.rng.choice(STATED).format(e=e, a=a, v=v) for (e, a), v in facts.items()]
    files = make_folder(folder / "files")
    for n in range(0, len(told), A_FILE):
        write_text(files / f"records-{n // A_FILE + 1:02}.txt", "\n\n".join(told[n : n + A_FILE]) + "\n")
    rows = [
        {"ask": asked.format(e=e, a=a), "reply": HOUSE.format(v=v), "record": f"{e}-{a}"}
        for (e, a), v in facts.items()
        for asked in ASKED
    ]
    write_text(folder / "rows.jsonl", _lines(rows))


def _lines(rows: Sequence[Mapping[str, object]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


if __name__ == "__main__":
    main()
