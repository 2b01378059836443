"""Rows to train on: the data set's own rows, the same with other values, and sentences of our own.

A row is (text, spans). Of the data set only rows of the training templates come in here. Noise is added
so that names are known in any case and with slips of the keyboard.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from names.fill import DATA_SLOTS, SLOTS
from names.measure import KINDS, NAMES
from whet.check.pii.spans import joined
from whet.check.subject import Span
from whet.data.neardup import near_groups

HERE = Path(__file__).resolve().parent
Row = tuple[str, list[Span]]
TAGGED = {"tagged.txt": 0.35, "varied.txt": 0.65}
PLAIN = {"plain.txt": 0.55, "ordinary.txt": 0.45}
"""File to its share of the rows; in ``varied.txt`` and ``ordinary.txt`` a line says many things."""
AS_IS = 0.25
"""Share of the data set's rows that keep their values."""
CROPPED = 0.2
_SLOT = re.compile(r"\{(\w+)\}")
_DATA_SLOT = re.compile(r"\{\{(\w+)\}\}")
_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_ESCAPED = re.compile(r"\\([\[\]|])")
_HIDDEN = 0xE000  # where Unicode has letters of private use
_SHOWN = re.compile("[\ue000-\ue0ff]")
_WORD_START = re.compile(r"(?<=\s)\S")


def read_data(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return rows


def all_spans(row: dict[str, Any]) -> list[Span]:
    """The annotated spans of a row in order, every kind, joined as whet joins its own."""
    spans = [(s["start_position"], s["end_position"], s["entity_type"]) for s in row["spans"]]
    return whole(row["full_text"], spans)


def whole(text: str, spans: list[Span]) -> list[Span]:
    """Spans under the data set's kinds, a title as part of the name, neighbouring names joined."""
    named = [(start, end, KINDS.get(kind, kind)) for start, end, kind in spans]
    others = [span for span in named if span[2] not in NAMES]
    return sorted([*others, *joined(text, [span for span in named if span[2] in NAMES])])


def split_templates(rows: list[dict[str, Any]]) -> tuple[list[int], list[int], list[int]]:
    """(train, dev, test) template ids: test has a third of each kind's spans, dev a quarter of the rest."""
    _, test = dealt(rows, 2)
    tested = set(test)
    return *dealt([row for row in rows if row["template_id"] not in tested], 3), test


def dealt(rows: list[dict[str, Any]], times: int) -> tuple[list[int], list[int]]:
    """(rest, held out) template ids, near-identical templates on one side.

    Dealt out kind by kind, the rarest first, its largest groups first, each to the rest until that has
    ``times`` the spans of the kind that are held out, and held out on a tie; so every kind is on both sides.
    """
    masks = {row["template_id"]: row["masked"] for row in rows}
    ids = sorted(masks)
    together = dict(zip(ids, near_groups([masks[i] for i in ids]), strict=True))
    counts: dict[str, Counter[int]] = defaultdict(Counter)
    for row in rows:
        for span in row["spans"] or [{"entity_type": "none"}]:
            counts[span["entity_type"]][together[row["template_id"]]] += 1
    side: dict[int, bool] = {}
    for kind in sorted(counts, key=lambda k: (len(counts[k]), k)):
        for group, _ in sorted(counts[kind].items(), key=lambda item: (-item[1], item[0])):
            held, kept = (
                sum(n for g, n in counts[kind].items() if side.get(g) is where) for where in (True, False)
            )
            side.setdefault(group, times * held <= kept)
    held_out = [i for i in ids if side[together[i]]]
    return [i for i in ids if not side[together[i]]], held_out


def refilled(row: dict[str, Any], rng: random.Random) -> Row:
    """A row of the data set with other names and places."""
    slots = _DATA_SLOT.findall(row["masked"])
    spans = sorted(row["spans"], key=lambda s: s["start_position"])
    text, found, last = "", list[Span](), 0
    for slot, span in zip(slots, spans, strict=True):
        value = DATA_SLOTS[slot](rng) if slot in DATA_SLOTS else span["entity_value"]
        text += row["full_text"][last : span["start_position"]]
        found.append((len(text), len(text) + len(value), span["entity_type"]))
        text, last = text + value, span["end_position"]
    text += row["full_text"][last:]
    return text, whole(text, found)


def written(template: str, rng: random.Random) -> Row:
    """A sentence of our own: one way of saying it, its slots filled."""
    text, found, last = "", list[Span](), 0
    template = chosen(template, rng)
    for match in _SLOT.finditer(template):
        make, kind = SLOTS[match.group(1)]
        text += template[last : match.start()]
        value = make(rng)
        if kind:
            found.append((len(text), len(text) + len(value), kind))
        text, last = text + value, match.end()
    text += template[last:]
    return text, whole(text, found)


def chosen(template: str, rng: random.Random) -> str:
    """One of the ways to say it: of ``[this|that|]``, which may stand within another, one part is kept."""
    hidden = _ESCAPED.sub(lambda match: chr(_HIDDEN + ord(match[1])), template)
    while True:
        less = _CHOICE.sub(lambda match: rng.choice(match[1].split("|")), hidden, count=1)
        if less == hidden:
            return _SHOWN.sub(lambda match: chr(ord(match[0]) - _HIDDEN), less)
        hidden = less


def templates(*names: str) -> list[str]:
    lines = [line for name in names for line in (HERE / name).read_text(encoding="utf-8").splitlines()]
    return [line.replace("\\n", "\n").replace("\\t", "\t") for line in lines if line]


def cropped(row: Row, rng: random.Random) -> Row:
    """A part of a row, cut between words and not through a span, so that no sentence is learned by heart."""
    text, spans = row
    cuts = [0, *(m.start() for m in _WORD_START.finditer(text)), len(text)]
    free = [cut for cut in cuts if not any(start < cut < end for start, end, _ in spans)]
    start, end = sorted(rng.sample(free, 2)) if len(free) > 2 else (0, len(text))
    kept = [(a - start, b - start, kind) for a, b, kind in spans if start <= a and b <= end]
    return text[start:end].rstrip(), kept


def noisy(row: Row, rng: random.Random) -> Row:
    """Now and then another case, a slip of the keyboard, a sentence without its full stop."""
    text, spans = row
    form = rng.random()
    if form < 0.2:
        return _same_length(text, text.lower()), spans
    if form < 0.24:
        return _same_length(text, text.upper()), spans
    if form < 0.32:
        return _slip(text, spans, rng), spans
    if form < 0.4:
        return _cased(text, spans, rng), spans
    if form < 0.46 and text.endswith("."):
        return text[:-1], spans
    return row


def _same_length(text: str, other: str) -> str:
    """Spans count characters; a few letters grow when they change case."""
    return other if len(other) == len(text) else text


def _cased(text: str, spans: list[Span], rng: random.Random) -> str:
    """One name in capitals or in small letters."""
    if not spans:
        return text
    start, end, _ = rng.choice(spans)
    value = text[start:end]
    return text[:start] + _same_length(value, rng.choice([value.upper(), value.lower()])) + text[end:]


def _slip(text: str, spans: list[Span], rng: random.Random) -> str:
    """Two neighbouring letters swapped, outside the spans."""
    places = [i for i in range(len(text) - 1) if text[i : i + 2].isalpha()]
    free = [i for i in places if not any(start <= i + 1 and i < end for start, end, _ in spans)]
    if not free:
        return text
    at = rng.choice(free)
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def together(one: Row, other: Row, rng: random.Random) -> Row:
    """Two rows as one text, so that names stand anywhere in it."""
    gap = rng.choice([" ", " ", "\n", "\n\n"])
    shift = len(one[0]) + len(gap)
    return one[0] + gap + other[0], one[1] + [(a + shift, b + shift, kind) for a, b, kind in other[1]]


def make_corpus(rows: list[dict[str, Any]], sizes: tuple[int, int, int], seed: int) -> list[Row]:
    """Rows to train on: as many of the data set, tagged and plain sentences of our own as ``sizes`` says."""
    rng = random.Random(seed)
    data, tagged, plain = sizes
    corpus: list[Row] = []
    for place in range(data):
        row = rows[place % len(rows)]
        as_is = row["full_text"], all_spans(row)
        corpus.append(as_is if rng.random() < AS_IS else refilled(row, rng))
    for count, names in ((tagged, TAGGED), (plain, PLAIN)):
        for name, share in names.items():
            own = templates(name)
            corpus += [written(own[place % len(own)], rng) for place in range(round(count * share))]
    cut = [cropped(row, rng) if rng.random() < CROPPED else row for row in corpus]
    mixed = [together(row, rng.choice(cut), rng) if rng.random() < 0.15 else row for row in cut]
    return [noisy(row, rng) for row in mixed if row[0]]
