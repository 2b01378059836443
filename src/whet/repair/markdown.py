"""Markdown of cards: lists and tables in which no text of the data is markup. Knows no card."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def cell(value: Any) -> str:
    """A text on one line in which nothing is markup."""
    text = " ".join(str(value).split()).replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([`|\\\[\]*_])", r"\\\1", text)


def as_table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table with a head."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(cell, line))} |" for line in lines)


def listed(facts: Mapping[str, Any]) -> str:
    """``- name: value`` for each."""
    return "\n".join(f"- {name}: {cell(value)}" for name, value in facts.items())
