"""What the rules of a repair work on: rows on their way, the changes made, and what the user asked for.

Knows no rule and no file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from whet.check.places import Places, Row

if TYPE_CHECKING:
    from whet.check.findings import Report
    from whet.check.subject import Subject
    from whet.repair.decisions import Answer, Decision
    from whet.repair.redacting import Redacting, Redactor

CAP = 10.0  # no row weighs more than ten average rows


@dataclass(frozen=True, slots=True)
class Change:
    """One change, as the log has it."""

    row: str
    """``file:line`` in the source."""
    column: str
    """``messages[2].content``; empty where the whole row is meant."""
    before: Any
    """With ``redact``: the type of what stood there, never the value."""
    after: Any
    """None where the row has left."""
    rule: str
    why: str


@dataclass(frozen=True, slots=True)
class Item:
    """One row on its way through the rules."""

    row: int
    """Index in the subject."""
    values: Row
    """As they will be written."""
    input: str
    output: str
    kept: bool = False
    """A person said that it stays."""
    settled: bool = False
    """A person has looked at its output."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What the user asks for."""

    rules: tuple[str, ...] = ("broken", "normalise", "exact-duplicates", "near-duplicates")
    places: Places = field(default_factory=Places)
    """Where input and output stand in a row; an output without a place is not changed."""
    accept: Mapping[str, float] = field(default_factory=dict)
    """Name of a fault (``label-errors``) to the least score whose proposals are taken."""
    accept_rows: frozenset[str] = frozenset()
    """``file:line`` of rows whose proposed label is taken whatever the score."""
    decisions: tuple[Answer, ...] = ()
    """What a person wrote into the review file."""
    redacting: Redacting | None = None
    copies: bool = False
    """Keep how often a row stood there, in a column."""
    cap: float = CAP


@dataclass(frozen=True, slots=True)
class Context:
    """What every rule may read."""

    subject: Subject
    report: Report
    choices: Choices
    decided: Mapping[int, Decision] = field(default_factory=dict)
    """Row to what a person decided, where it is more than to keep it."""
    kept: Mapping[int, str] = field(default_factory=dict)
    """Row that a person keeps, to why."""
    redactor: Redactor | None = None

    def change(self, item: Item, column: str, before: Any, after: Any, rule: str, why: str) -> Change:
        return Change(self.subject.source(item.row), column, before, after, rule, why)


Step = tuple[list[Item], list[Change]]
Apply = Callable[[Sequence[Item], Context], Step]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its name, what it does, and whether what it does is certain to be right."""

    name: str
    does: str
    certain: bool
    apply: Apply
