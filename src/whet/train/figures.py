"""What is told of a training while it runs: a JSON line a step, and a bar with speed and share of the limit.

Lines of steps that a kill has undone are taken out when it goes on, so that every step stands there once.
Knows no model.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from whet.runs import now
from whet.store import read_jsonl, world, write_jsonl
from whet.train.course import Plan, batch_of
from whet.train.limit import Work
from whet.train.sharing import Row

Tell = Callable[[str, int, int], None]
RECENT = 0.1
"""Weight of a step in the speed and the loss that the bar shows: they jump less."""


@dataclass
class Figures:
    """Told of every step by the loop."""

    path: Path
    """``training.jsonl``"""
    tell: Tell
    rows: Sequence[Row]
    plan: Plan
    work: Work
    rate: float
    """Operations a second that this machine reaches."""
    seen: dict[str, float] = field(default_factory=dict)
    begun: bool = False

    def step(self, figures: Mapping[str, float]) -> None:
        """Write a step down and show it."""
        number = int(figures["step"])
        if not self.begun:
            self._undo(number)
        chosen = [self.rows[row] for row in batch_of(number, len(self.rows), self.plan)]
        reached = self.work.of(chosen) / figures["seconds"]
        self.rate = max(self.rate, reached)  # it was measured while the machine was busy
        line = {**figures, "limit": reached / self.rate, "at": now()}
        with world(self.path), self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")
        self._show(line, number)

    def _show(self, line: Mapping[str, Any], number: int) -> None:
        now_seen = {"loss": line["loss"], "speed": line["rows"] / line["seconds"], "limit": line["limit"]}
        for name, value in now_seen.items():
            before = self.seen.get(name, value)
            self.seen[name] = before + RECENT * (value - before)
        what = (
            f"training: loss {self.seen['loss']:.3f}, {self.seen['speed']:,.1f} examples/s, "
            f"{self.seen['limit']:.0%} of the limit"
        )
        self.tell(what, number, int(line["steps"]))

    def _undo(self, first: int) -> None:
        """Forget lines from ``first`` on, and a line that a kill cut short."""
        self.begun = True
        if not self.path.exists():
            return
        text = self.path.read_text(encoding="utf-8")
        whole = [json.loads(line) for line in text.split("\n")[:-1] if line.endswith("}")]
        kept = [line for line in whole if line["step"] < first]
        if len(kept) < len(whole) or not text.endswith("\n"):
            write_jsonl(self.path, kept)


def totals(path: Path) -> dict[str, float]:
    """Over all steps of ``training.jsonl``: seconds, examples a second, share of the limit."""
    lines = read_jsonl(path) if path.exists() else []
    seconds = sum(line["seconds"] for line in lines)
    if not seconds:
        return {}
    least = sum(line["limit"] * line["seconds"] for line in lines)
    rows = sum(line["rows"] for line in lines)
    return {"seconds": seconds, "examples_per_second": rows / seconds, "share_of_limit": least / seconds}
