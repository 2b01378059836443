"""What is known of a job when the ten questions are asked: the task, its examples, the check, a finished run.

Facts only; what follows from them is ``checklist``'s and ``counsel``'s business. Knows no files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from whet.evaluate.evidence import Sizes

if TYPE_CHECKING:
    from whet.advise.lacking import Sorted
    from whet.config import Task

PROMPTING = ("existing", "floor", "prompt", "prompt+", "fewshot", "template")
"""Rungs that neither train nor look anything up."""
TUNED = ("tune", "tune+retrieve")


@dataclass(frozen=True)
class Known:
    """The task with what was measured of it; people's answers stand in ``task.advice``."""

    task: Task
    sizes: Sizes
    """Examples of each side."""
    fewest: int = 0
    """Training examples of the median label; 0 where outputs are no labels."""
    repeats: bool = True
    """Whether outputs repeat, so that the same answer again can be told from another."""
    check: Mapping[str, Any] | None = None
    """``03-check.json``"""
    verdict: Mapping[str, Any] | None = None
    """``06-verdict.json`` of a finished run"""
    lacking: Sorted | None = None
    """Wrong answers by what would mend them."""
    refused: str = ""
    """Why the examples cannot be split or used at all."""

    def finding(self, name: str) -> Mapping[str, Any] | None:
        """The finding of one check, where it found something."""
        found = self.check["findings"] if self.check else []
        return next((one for one in found if one["check"] == name), None)

    def standard(self, name: str) -> str:
        """Where one of the ten standards of data stands; "not checked" without a check."""
        standards = self.check["standards"] if self.check else []
        return next((str(one["status"]) for one in standards if one["name"] == name), "not checked")

    @property
    def rungs(self) -> Mapping[str, Mapping[str, Any]]:
        """The verdict's rungs by name."""
        return {rung["name"]: rung for rung in self.verdict["rungs"]} if self.verdict else {}

    @property
    def winner(self) -> str | None:
        return self.verdict["winner"] if self.verdict else None

    @property
    def best_prompting(self) -> str | None:
        """Of the rungs that only tell a model what to do, the one that dev likes best."""
        sign = 1.0 if self.verdict and self.verdict["higher_is_better"] else -1.0
        there = [rung for name, rung in self.rungs.items() if name in PROMPTING[2:]]
        return max(there, key=lambda rung: sign * rung["dev"])["name"] if there else None


@dataclass(frozen=True, slots=True)
class Answer:
    """One question of the checklist, answered."""

    name: str
    asks: str
    state: str
    """``yes``: as training needs it; ``no``: it speaks against training; ``unknown``."""
    said: str
    by: str
    """``measured``, ``told`` (by the task file or a person), or nothing."""
    missing: str = ""
    """What to do where it is not yes."""
    key: str = ""
    """What a person can say in the task file where nothing can be measured: `advice.reviewer`."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """The figures behind it."""


class Question:
    """A question waiting for its answer."""

    def __init__(self, name: str, asks: str, key: str = ""):
        self._given = (name, asks, key)

    def yes(self, said: str, **facts: object) -> Answer:
        return self._as("yes", said, "measured", "", facts)

    def no(self, said: str, missing: str, **facts: object) -> Answer:
        return self._as("no", said, "measured", missing, facts)

    def unknown(self, said: str, missing: str) -> Answer:
        return self._as("unknown", said, "", missing, {})

    def told(self, state: str, said: str, missing: str = "") -> Answer:
        return self._as(state, said, "told", missing if state != "yes" else "", {})

    def _as(self, state: str, said: str, by: str, missing: str, facts: dict[str, object]) -> Answer:
        name, asks, key = self._given
        return Answer(name, asks, state, said, by, missing, key, facts)
