"""How often the reader is right on items from what was kept apart, by skill, beside what it is without help.

An answer counts when it is the wanted text, word for word. The control asks the same without the examples,
the passages or the definitions. With Wilson intervals.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reader import definitions, facts, forms, labels, mix, orders
from reader.items import Item
from reader.lists import Draw
from whet.evaluate.stats import wilson
from whet.models.base import Form, Request, Writer

MEASURED: tuple[Callable[[Draw], Item], ...] = (
    labels.examples,
    labels.partners,
    definitions.full,
    labels.names,
    labels.several,
    labels.whether,
    facts.passages,
    facts.nothing,
    forms.objects,
    forms.single,
    forms.house,
    orders.orders,
    orders.looked_up,
)
TOKENS = 96


def items(count: int, seed: int = 0) -> list[Item]:
    """Held-out items of every skill, ``count`` of each generator."""
    return [item for make in MEASURED for item in mix.held_out(make, count, seed)]


def right(
    writer: Writer, asked: Sequence[Item], *, control: bool = False, choosing: bool = False
) -> list[bool]:
    """Whether each item is answered.

    Args:
        control: ask without what the answer could be known from.
        choosing: hold answers to the item's labels.
    """
    requests = [
        Request(
            item.control if control else item.asked,
            tokens=TOKENS,
            form=Form(choices=item.choices) if choosing and item.choices else None,
        )
        for item in asked
    ]
    answers = writer.answer(requests)
    return [answer.text == item.answer for answer, item in zip(answers, asked, strict=True)]


def figures(writer: Writer, asked: Sequence[Item]) -> dict[str, dict[str, Any]]:
    """By skill: n, the share that is right with its interval, and the same without help."""
    by_skill = defaultdict[str, list[Item]](list)
    for item in asked:
        by_skill[item.skill].append(item)
    found = dict[str, dict[str, Any]]()
    for skill, mine in sorted(by_skill.items()):
        own = found[skill] = dict[str, Any](n=len(mine), **share(right(writer, mine)))
        if helped := [item for item in mine if item.control]:
            own["without"] = share(right(writer, helped, control=True))
        if mine[0].choices:
            own["held"] = share(right(writer, mine, choosing=True))
            own["held_without"] = share(right(writer, mine, control=True, choosing=True))
    return found


def share(rows: Sequence[bool]) -> Mapping[str, float]:
    interval = wilson(sum(rows), len(rows))
    return {
        "value": round(sum(rows) / len(rows), 4),
        "low": round(interval.low, 4),
        "high": round(interval.high, 4),
    }
