"""Skills of form: JSON of what a text holds, by schema or by names of keys, and a format from examples."""

from __future__ import annotations

import json
from collections.abc import Mapping

from reader.items import Item, pairs, told
from reader.lists import Draw
from whet.rungs.frame import DEFAULTS

KEYS: Mapping[str, tuple[str, ...]] = {
    "name": ("name", "customer", "person", "who", "client", "buyer"),
    "city": ("city", "place", "town", "where", "destination"),
    "count": ("count", "quantity", "number", "pieces", "how_many"),
    "item": ("item", "product", "thing", "article", "goods"),
    "date": ("date", "day", "when", "due"),
    "code": ("code", "order", "reference", "id", "ticket"),
    "firm": ("firm", "company", "supplier", "vendor"),
    "price": ("price", "amount", "cost", "total"),
}
TEXTS = (
    "{name} from {city} ordered {count} {item}.",
    "{name} wants {count} {item} by {date}.",
    "Order {code}: {count} {item} for {name}.",
    "{firm} sends {count} {item} to {city}.",
    "{name} lives in {city}.",
    "{count} {item} for {name}, please.",
    "On {date}, {name} came to {city}.",
    "{name} paid {price} for {item}.",
    "Send {item} to {name} in {city}.",
    "{firm} in {city} owes us {price}.",
    "Reference {code}, {name}, {date}.",
    "The {item} for {price} goes to {city}.",
    "I am {name} and my order is {code}.",
    "{name} of {firm} called about {code}.",
    "We expect {count} {item} from {firm} on {date}.",
    "Ticket {code} was opened by {name} on {date}.",
    "Hello, {name} here, I need {count} {item} in {city}.",
    "{item} x {count}, {city}",
    "Deliver {code} to {city} on {date}.",
    "{name}: {item}, {price}",
    "Bill for {firm}: {price}, due {date}.",
    "{date}: {name} returns {item}.",
    "{name} and nobody else bought the {item} in {city}.",
    "From {firm} we got {code} for {price}.",
)
ASK = (
    "Write JSON with the keys {k}.",
    "Answer with JSON: {k}.",
    "Give {k} as a JSON object.",
    "Extract {k} as JSON.",
    "Return one JSON object with {k}.",
    "Read the text and fill in {k} as JSON.",
)
ONE = (
    "Answer with the {k} alone.",
    "Which {k} stands in the text? Only that.",
    "Give the {k}.",
    "Extract the {k}.",
    "Write the {k} of the text and nothing else.",
    "Only the {k}, please.",
)
HOUSE = (
    "{x} / {y}",
    "<{x}|{y}>",
    "{y}: {x}",
    "[{x}] {y}",
    "{x} -> {y}",
    "OK {x}, {y}.",
    "{m} {x} {m} {y}",
    "{x} + {y} = {m}",
    "({y}) {x}",
    "{m}: {x}",
    "{y}; {m}",
    "{x} {m} {y}",
    "Dear {x}, {y} {m}.",
    "{m}={x}; {y}",
)
INTEGERS = {"count"}


def values(draw: Draw) -> dict[str, str]:
    return {
        "name": draw.person(),
        "city": draw.city(),
        "count": draw.number(60),
        "item": draw.word("things") if draw.chance(0.7) else draw.nonsense(),
        "date": draw.date() if draw.chance(0.6) else draw.word("days"),
        "code": draw.code(),
        "firm": draw.firm(),
        "price": f"{draw.number(500)} {draw.word('units')}",
    }


def slots(frame: str) -> list[str]:
    return [name for name in KEYS if "{" + name + "}" in frame]


def answered(found: Mapping[str, str], keys: Mapping[str, str]) -> str:
    """The JSON of some slots, each under its key."""
    row = {keys[slot]: int(found[slot]) if slot in INTEGERS else found[slot] for slot in keys}
    return json.dumps(row, ensure_ascii=False)


def schema_of(keys: Mapping[str, str]) -> str:
    kinds = {key: {"type": "integer" if slot in INTEGERS else "string"} for slot, key in keys.items()}
    schema = {"type": "object", "properties": kinds, "required": list(kinds), "additionalProperties": False}
    if len(kinds) % 2:
        del schema["additionalProperties"]
    return json.dumps(schema, ensure_ascii=False)


def objects(draw: Draw) -> Item:
    """JSON by a schema, or by keys that are named."""
    frame = draw.frame(TEXTS)
    chosen = slots(frame)
    if draw.chance(0.3):
        chosen = draw.some(chosen, draw.rng.randint(1, len(chosen)))
    keys = {slot: draw.rng.choice(KEYS[slot]) for slot in chosen}
    rows = list[tuple[str, str]]()
    for n in range(draw.questions(1, 3)):
        same = [one for one in TEXTS if set(chosen) <= set(slots(one))]
        found = values(draw)
        used = frame if n == 0 else draw.frame(same)
        rows.append((used.format(**found), answered(found, keys)))
    order = draw.frame(ASK).format(k=", ".join(keys.values()))
    if draw.chance(0.4):
        lead = DEFAULTS["extract"] if draw.chance(0.7) else order
        order = f"{lead}\n\nJSON Schema of the answer:\n{schema_of(keys)}"
    return Item("json", (*told(order), *pairs(rows)))


def single(draw: Draw) -> Item:
    """One value of a text, by its name."""
    frame = draw.frame(TEXTS)
    rows, orders = list[tuple[str, str]](), list[str]()
    slot = draw.rng.choice(slots(frame))
    for _ in range(draw.questions(1, 3)):
        found = values(draw)
        same = [one for one in TEXTS if slot in slots(one)]
        rows.append((draw.frame(same).format(**found), found[slot]))
    orders.append(draw.frame(ONE).format(k=draw.rng.choice(KEYS[slot]).replace("_", " ")))
    return Item("value", (*told(orders[0]), *pairs(rows)))


def house(draw: Draw) -> Item:
    """A format of answers that only the examples show."""
    frame = draw.rng.choice([one for one in TEXTS if len(slots(one)) >= 2])
    x, y = draw.some(slots(frame), 2)
    form, mark = draw.frame(HOUSE), draw.nonsense() if draw.chance(0.6) else draw.code()
    rows = list[tuple[str, str]]()
    for _ in range(draw.size(2, 4) + 1):
        found = values(draw)
        rows.append((frame.format(**found), form.format(x=found[x], y=found[y], m=mark)))
    turns = pairs(rows)
    turns[1] = type(turns[1])("assistant", rows[0][1], {"weight": 0})
    order = "Answer as in the examples." if draw.chance(0.5) else DEFAULTS["write"]
    return Item("format", (*told(order), *turns), (*told(order), turns[-2]))
