"""What a column looks like: how filled, how varied, how wordy, and what its name says.

Knows names that people give to columns; chooses nothing (``guess.py`` does).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from whet.data.formats import MISSING, Table
from whet.data.load import is_time

# Column names that speak for a meaning, strongest first.
LABEL_NAMES = (
    "label",
    "labels",
    "intent",
    "queue",
    "category",
    "class",
    "topic",
    "route",
    "target",
    "product",
    "department",
    "section_header",
    "tag",
    "tags",
    "type",
    "sentiment",
    "toxic",
    "output",
    "priority",
)
INPUT_NAMES = (
    "text",
    "input",
    "instruction",
    "utterance",
    "message",
    "question",
    "query",
    "ticket",
    "comment",
    "body",
    "narrative",
    "complaint",
    "description",
    "dialogue",
    "content",
    "sentence",
    "prompt",
    "issue",
    "subject",
    "title",
    "request",
)
REPLY_NAMES = (
    "output",
    "response",
    "completion",
    "answer",
    "reply",
    "expected",
    "target",
    "summary",
    "highlights",
    "json",
    "answers.text",
    "answers",
)
_WHO = ("annotator", "labeler", "labeller", "rater", "coder", "worker")
ANNOTATOR_NAMES = frozenset(
    ["annotated_by", "labeled_by", "labelled_by", "workerid", *_WHO, *(f"{who}_id" for who in _WHO)]
)
"""Of a column that says who labelled a row, in lower case."""
ANNOTATIONS = ("labels", "entities", "spans", "slots", "annotations", "ner", "tags")
"""Lists of objects that say what was found in a text."""
TOGETHER = (
    ("premise", "hypothesis"),
    ("sentence1", "sentence2"),
    ("sentence_1", "sentence_2"),
    ("question1", "question2"),
    ("text1", "text2"),
    ("text_a", "text_b"),
    ("context", "question"),
    ("passage", "question"),
    ("document", "question"),
    ("article", "question"),
    ("context", "query"),
    ("passage", "query"),
    ("instruction", "input"),
    ("instruction", "context"),
    ("subject", "body"),
    ("title", "body"),
    ("title", "description"),
)
"""Columns that are one input only together."""
SIDES = {
    "train": "train",
    "training": "train",
    "dev": "dev",
    "val": "dev",
    "valid": "dev",
    "validation": "dev",
    "test": "test",
    "testing": "test",
    "holdout": "test",
    "held-out": "test",
}
"""What people call the sides of a split, in a column of its own."""
AFTERWARDS = ("response", "reply", "answer", "resolution", "outcome")  # known only once it is done
SAMPLE = 5000


@dataclass(frozen=True)
class Column:
    """What the values of one column look like."""

    name: str
    filled: float
    """Share of rows with a value."""
    distinct: int
    words: float
    """Mean words of the filled values."""
    dates: float
    """Share of filled values that are ISO dates."""
    lists: float
    """Share of filled values that are lists."""
    numbers: float
    rows: int
    objects: float = 0.0
    """Share of filled values that are objects, or lists of objects."""

    @property
    def variety(self) -> float:
        return self.distinct / max(self.rows * self.filled, 1)


def look(table: Table, name: str) -> Column:
    """Look at the first rows of one column."""
    rows = table.rows[:SAMPLE]
    raw = [row.values.get(name) for row in rows]
    texts = [row.text(name) for row in rows]
    filled = [text for text in texts if text.lower() not in MISSING]
    count = max(len(filled), 1)
    return Column(
        name=name,
        filled=len(filled) / len(rows),
        distinct=len(set(filled)),
        words=sum(len(text.split()) for text in filled) / count,
        dates=sum(is_time(text) for text in filled) / count,
        lists=sum(isinstance(value, list) for value in raw) / len(rows),
        numbers=sum(bool(re.fullmatch(r"[-+]?\d+([.,]\d+)?", text)) for text in filled) / count,
        rows=len(rows),
        objects=sum(map(_is_objects, raw)) / count,
    )


def _is_objects(value: Any) -> bool:
    inner = value[0] if isinstance(value, list) and value else value
    return isinstance(inner, dict)


def named(name: str, known: Sequence[str]) -> float:
    """1 for the strongest name, falling to 0.5; half of that for a part of the name; 0 otherwise."""
    lower = name.lower().strip()
    words = re.split(r"[\W_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())
    for rank, hint in enumerate(known):
        strength = 1 - 0.5 * rank / len(known)
        if lower == hint:
            return strength
        if hint in words or f"{hint}s" in words:
            return strength / 2
    return 0.0


def is_split(values: Iterable[Any]) -> bool:
    """Whether values name the sides of a split, train among them, and nothing else."""
    found = {str(value).strip().lower() for value in values}
    sides = {SIDES.get(name) for name in found}
    return None not in sides and "train" in sides and len(sides) > 1
