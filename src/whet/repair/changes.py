"""``changes.md``: what a repair did, to be read: counts by rule, and the first examples of each.

Drawn from the log alone; ``changes.jsonl`` has every record.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from whet.repair.rules import RULES

if TYPE_CHECKING:
    from whet.repair.items import Change
    from whet.repair.whole import Repaired

EXAMPLES = 3  # of each rule
SHORT = 80  # characters of a text


def changes_page(done: Repaired, name: str, rows_read: int) -> str:
    """``changes.md``: counts by rule, and the first examples of each."""
    counts = Counter(change.rule for change in done.log)
    lines = [
        f"# Changes to {name}",
        "",
        f"{rows_read} rows read, {len(done.rows)} written, {len(done.rejects)} unreadable, "
        f"{done.open} question(s) open. Every change stands in `changes.jsonl`.",
        "",
        "| rule | changes | what it does |",
        "|---|---|---|",
        *(f"| {r.name} | {counts[r.name]} | {r.does} |" for r in RULES if counts[r.name]),
    ]
    for rule in RULES:
        shown = [change for change in done.log if change.rule == rule.name][:EXAMPLES]
        lines += ["", f"## {rule.name}", "", *map(_example, shown)] if shown else []
    return "\n".join(lines) + "\n"


def _example(change: Change) -> str:
    where = f"{change.row} {change.column}".strip()
    after = "(row left out)" if change.after is None else _short(change.after)
    return f"- {where}: {_short(change.before)} → {after} ({change.why})"


def _short(value: Any) -> str:
    """A value as code on one line, with invisible characters shown by their numbers."""
    text = json.dumps(value, ensure_ascii=not isinstance(value, str) or not value.isprintable())
    text = text if len(text) <= SHORT else f"{text[: SHORT - 1]}…"
    return f"`{text.replace('`', 'ˋ')}`"
