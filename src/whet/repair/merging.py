"""Rules on rows that say the same, and on how much each row counts.

Exact duplicates and near ones (``whet.data.neardup``) with the same output are merged; near ones with
different outputs never are: which is right, a person must say. Balancing gives weights and copies nothing.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from whet.check.subject import labels_of
from whet.check.tidy import tidy
from whet.data.neardup import fold, near_pairs
from whet.repair.items import Change, Context, Item, Step

COPIES, WEIGHT = "copies", "weight"  # columns that these rules add
MEANT = ("system", "instruction", "rejected", "desirable")  # metadata of a conversation that is learned


def exact_duplicates(items: Sequence[Item], context: Context) -> Step:
    """The same input with the same output: the first stays."""
    first: dict[tuple[str, str, str], Item] = {}
    """Input, output and what stands beside them, to the row that stays."""
    counts: Counter[int] = Counter()
    log = []
    for item in items:
        stays = first.setdefault((item.input, item.output, beside(item, context)), item)
        counts[stays.row] += _copies(item)
        if stays is not item:
            why = f"same input and output as {context.subject.source(stays.row)}"
            log.append(context.change(item, "", item.input, None, "exact-duplicates", why))
    staying = list(first.values())
    if context.choices.copies:
        staying = [_with(item, COPIES, counts[item.row]) for item in staying]
    return staying, log


def beside(item: Item, context: Context) -> str:
    """What a conversation says beside input and output, as one text; of a table, nothing.

    Roles, tool calls and their arguments, parts that are no text, tools, rejected answers: rows that differ
    in these are not the same.
    """
    subject, places = context.subject, context.choices.places
    if subject.turns is None:
        return ""
    own = {path[0] for path in (places.input, places.output) if path}
    nested = {n: v for n, v in item.values.items() if isinstance(v, (list, dict)) and n not in own}
    meant = [tidy(subject.meta[name][item.row]) for name in MEANT if name in subject.meta]
    turns = [
        (turn.role, turn.more, None if isinstance(turn.content, str) else turn.content)
        for turn in subject.turns[item.row]
    ]
    return json.dumps([nested, meant, turns], sort_keys=True, default=dict)


def _copies(item: Item) -> int:
    """How many rows this one stands for already."""
    value = str(item.values.get(COPIES, 1))
    return int(value) if value.isdigit() else 1


def _with(item: Item, column: str, value: Any) -> Item:
    """The row with a column, unless it says so already (a CSV says it as text)."""
    same = str(item.values.get(column)) == str(value)
    return item if same else replace(item, values={**item.values, column: value})


def near_duplicates(items: Sequence[Item], context: Context) -> Step:
    """Near-identical inputs with the same output: the longest stays, the first of equals.

    A row goes only if it is itself near to one that stays: chains are not merged.
    """
    folded = [fold(item.input) or item.input for item in items]
    near = near_texts(folded)
    stays: dict[tuple[str, str, str], Item] = {}
    twin: dict[int, Item] = {}
    for place in sorted(range(len(items)), key=lambda n: (not items[n].kept, -len(items[n].input), n)):
        item = items[place]
        same = item.output, beside(item, context)
        others = [o for text in near[folded[place]] if (o := stays.get((text, *same)))]
        if others and not item.kept:
            twin[item.row] = min(others, key=lambda other: other.row)
        else:
            stays.setdefault((folded[place], *same), item)
    log = [_merged(item, twin[item.row], context) for item in items if item.row in twin]
    return [item for item in items if item.row not in twin], log


def _merged(item: Item, twin: Item, context: Context) -> Change:
    why = f"near-identical to {context.subject.source(twin.row)}, which has the same output"
    return context.change(item, "", item.input, None, "near-duplicates", why)


def near_texts(folded: Sequence[str]) -> dict[str, list[str]]:
    """Each text and its near-duplicates, itself first."""
    unique = list(dict.fromkeys(folded))
    near = {text: [text] for text in unique}
    for left, right in zip(*(side.tolist() for side in near_pairs(unique)), strict=True):
        near[unique[left]].append(unique[right])
        near[unique[right]].append(unique[left])
    return near


def balance(items: Sequence[Item], context: Context) -> Step:
    """A weight for every row, so that labels count alike; no row is copied."""
    classes = _classes([labels_of(item.output, context.subject.separator) for item in items])
    weights = balanced(Counter(classes), context.choices.cap)
    staying, log = list[Item](), list[Change]()
    for item, name in zip(items, classes, strict=True):
        new = _with(item, WEIGHT, weights[name])
        if new is not item:
            before = item.values.get(WEIGHT)
            why = f"inverse frequency of {name!r}, at most {context.choices.cap:g} times the average"
            log.append(context.change(item, WEIGHT, before, weights[name], "balance", why))
        staying.append(new)
    return staying, log


def _classes(labels: Sequence[Sequence[str]]) -> list[str]:
    """The class of each row: its label, or the rarest of several."""
    counts = Counter(label for part in labels for label in part)
    return [min(part, key=lambda label: (counts[label], label)) for part in labels]


def balanced(counts: Mapping[str, int], cap: float) -> dict[str, float]:
    """Weight of a row of each class: inverse frequency, at most ``cap``, summing to n over all rows.

    What the cap takes from rare classes goes to the others in proportion.
    """
    total = sum(counts.values())
    capped: set[str] = set()
    while True:
        free = [name for name in counts if name not in capped]
        rest = total - cap * sum(counts[name] for name in capped)
        weights = {name: rest / (len(free) * counts[name]) for name in free}
        over = {name for name, weight in weights.items() if weight > cap}
        if not over:
            return {name: round(weights.get(name, cap), 6) for name in counts}
        capped |= over
