"""Items of a suite: what is asked, and by which deterministic check an answer is right.

whet brings its own (``suites/``, JSON lines, written for it); a user's file may be of any format that
examples have, with the columns ``ask`` (or ``input``, ``question``, ``prompt``), and ``check``
(``evaluate.grading``), ``answer`` (or ``output``; right where the answer says it) or ``choices`` with
``answer`` (the likeliest of them is the model's). Knows no measure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet.data.formats import read_table
from whet.data.rows import Row
from whet.errors import InputError
from whet.evaluate.grading import folded, holds, validated
from whet.models.base import Form, Request
from whet.records import Turn

if TYPE_CHECKING:
    from whet.models.base import Tell, Writer

ASK = ("ask", "input", "question", "prompt", "text")
RIGHT = ("answer", "output", "expected", "target")
TOKENS = 96
"""Of one answer, at most: all items ask for short ones."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to ask, and what is right."""

    id: str
    group: str
    ask: str
    check: Mapping[str, Any]
    """``evaluate.grading``; of an item with choices, that the answer is the right one."""
    choices: tuple[str, ...] = ()
    begun: str = ""
    """What the answer begins with already: the likeliest choice goes on from it."""

    @property
    def shown(self) -> str:
        """What a person reads."""
        return f"{self.ask} {self.begun}".strip()


@dataclass(frozen=True, slots=True)
class Graded:
    """What a model answered to an item."""

    item: Item
    answer: str
    right: bool


@cache
def suite(name: str) -> tuple[Item, ...]:
    """One of whet's own: ``general``."""
    text = files("whet.trust").joinpath("suites", f"{name}.jsonl").read_text(encoding="utf-8")
    return tuple(
        _item(json.loads(line), name, f"{name}.jsonl:{n}") for n, line in enumerate(text.splitlines(), 1)
    )


def read_items(path: Path) -> tuple[Item, ...]:
    """A user's evaluation file.

    Raises:
        InputError: cannot be read; a row that asks nothing, or says not what is right, by line.
    """
    table = read_table(path)
    return tuple(_item(_plain(row), path.stem, f"{path}:{row.line}") for row in table.rows)


def _plain(row: Row) -> dict[str, Any]:
    """A row's values; JSON in a cell is read."""
    found = dict(row.values)
    for name in ("check", "choices"):
        if isinstance(found.get(name), str) and found[name].strip():
            try:
                found[name] = json.loads(found[name])
            except ValueError:
                found[name] = [part.strip() for part in found[name].split("|")]
    return {name: value for name, value in found.items() if value not in (None, "")}


def _item(values: Mapping[str, Any], group: str, where: str) -> Item:
    ask = next((str(values[name]) for name in ASK if values.get(name)), "")
    right = next((str(values[name]) for name in RIGHT if name in values), None)
    if not ask:
        raise InputError("the row asks nothing.", where=where, fix=f"name the column {' or '.join(ASK)}.")
    choices = tuple(map(str, values.get("choices", ())))
    if choices and right not in choices:
        raise InputError(f"the answer {right!r} is none of the choices.", where=where, fix="add it to them.")
    check = values.get("check") or ({"exact": right} if choices else {"any": [right]} if right else None)
    if check is None:
        fix = "add a column `answer`, or `check` (docs/trust.md has its names)."
        raise InputError("the row does not say what is right.", where=where, fix=fix)
    own = str(values.get("id") or where.rpartition("/")[2])
    begun = str(values.get("begun", ""))
    return Item(own, str(values.get("group") or group), ask, validated(check, where), choices, begun)


def graded(
    items: Sequence[Item], writer: Writer, tell: Tell | None = None, *, system: str = ""
) -> list[Graded]:
    """A model's answers to items, greedy, each with whether it is right.

    Args:
        system: what stands before every item, as it stands before the task's inputs; may be empty.
    """
    answers = writer.answer([_request(item, system) for item in items], tell)
    pairs = zip(items, answers, strict=True)
    return [Graded(item, one.text, not one.failed and holds(item.check, one.text)) for item, one in pairs]


def _request(item: Item, system: str) -> Request:
    before = [Turn("system", system)] if system else []
    form = Form(choices=item.choices) if item.choices else None
    return Request((*before, Turn("user", item.ask)), tokens=TOKENS, form=form, begun=item.begun)


def groups(items: Sequence[Item]) -> list[str]:
    """In the order in which they first occur."""
    return list(dict.fromkeys(item.group for item in items))


def same_answer(one: Graded, other: Graded) -> bool:
    """Whether both answered alike, folded."""
    return folded(one.answer) == folded(other.answer)
