"""What a measure says of a specialist: figures with intervals, a sentence, and the rows behind them.

Every measure of the evidence page is one of these records, whoever took it, so that page, JSON and gate
read them alike. A measure that could not be taken is *not shown*, with its reason; it never counts as
passed. Knows no run, no model and no page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

SHOWN: Literal["shown"] = "shown"
NOT_SHOWN: Literal["not shown"] = "not shown"
APART = "does not apply"
"""How the reason begins where there is nothing to measure: a model that writes no text forgets no skill."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of a measure with its 95 % interval.

    A gate names it as ``MEASURE.NAME``; so ``name`` is short, stable and lower case: ``ece``.
    """

    name: str
    value: float
    low: float
    high: float
    n: int
    """Examples (or whatever ``of`` says) behind it."""
    better: Literal["higher", "lower"]
    base_value: float | None = None
    """The same figure of the base: the untrained counterpart, on the same examples."""
    gap_low: float | None = None
    """95 % interval of ``value`` minus ``base_value``, paired example by example."""
    gap_high: float | None = None
    previous_value: float | None = None
    """The same figure of the previous release, where there is one."""
    title: str = ""
    """What a page calls it; else the name with spaces."""
    unit: Literal["share", "points", "bits", "count", "number"] = "share"
    """``share`` is 0..1 and shown as percent; ``points`` is a difference of shares."""
    of: str = "examples"
    """What ``n`` counts."""
    judge: str = ""
    """For a figure that a model judged: how far it agrees with people, in a sentence."""

    @property
    def shown_as(self) -> str:
        return self.title or self.name.replace("_", " ")


@dataclass(frozen=True, slots=True)
class Row:
    """One piece of evidence: an example, what came of it, and what is to be seen in it."""

    id: str
    """The example's id, or an item's name."""
    text: str
    """The input, or the part of it that matters."""
    said: str = ""
    """What is to be seen: "base refuses, tuned answers"."""
    more: Mapping[str, str] = field(default_factory=dict)
    """Further columns by name: truth, base, tuned, source."""


@dataclass(frozen=True, slots=True)
class Table:
    """A small table of the page: one line a slice, a threshold, a repeat count."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Curve:
    """Points for a line chart: (x, y) or (x, y, low, high)."""

    title: str
    x: str
    """What runs along x: "confidence", "epoch"."""
    y: str
    points: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Measure:
    """One section of the evidence."""

    name: str
    """``overfitting``, ``confidence``, ``forgetting``, ...: short, stable, lower case."""
    standing: Literal["shown", "not shown"]
    figures: tuple[Figure, ...] = ()
    said: str = ""
    """One plain sentence: what was found."""
    why: str = ""
    """Where not shown: why it could not be taken, and what would take it."""
    rows: tuple[Row, ...] = ()
    tables: tuple[Table, ...] = ()
    curves: tuple[Curve, ...] = ()

    @property
    def applies(self) -> bool:
        """Whether there is anything to measure."""
        return self.standing == SHOWN or not self.why.startswith(APART)

    def figure(self, name: str) -> Figure | None:
        return next((figure for figure in self.figures if figure.name == name), None)


def not_shown(name: str, why: str) -> Measure:
    """The measure that could not be taken."""
    return Measure(name, NOT_SHOWN, why=why)


def as_json(measure: Measure) -> dict[str, Any]:
    """For 08-evidence.json."""
    return asdict(measure)


def from_json(found: Mapping[str, Any]) -> Measure:
    """What ``as_json`` wrote."""
    return Measure(
        name=found["name"],
        standing=found["standing"],
        figures=tuple(Figure(**figure) for figure in found["figures"]),
        said=found["said"],
        why=found["why"],
        rows=tuple(Row(**row) for row in found["rows"]),
        tables=tuple(
            Table(t["title"], tuple(t["columns"]), tuple(tuple(r) for r in t["rows"]))
            for t in found["tables"]
        ),
        curves=tuple(
            Curve(c["title"], c["x"], c["y"], tuple(tuple(p) for p in c["points"])) for c in found["curves"]
        ),
    )
