"""Rows of traffic as signals: what is watched, and each signal's values, row by row and hour by hour.

    reference columns -> the signals that it shows -> values [rows, signals] -> sums and counts an hour

Figures become normal scores by their rank in the reference; labels, refusals, complaints and disagreements
are shares. A signal that the reference hardly has, or that never varies there, is left out and named. Knows
no table.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from whet.monitor.scan import scores

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from whet.monitor.traffic import Columns

    Floats = NDArray[np.floating[Any]]

FAR = 0.99  # quantile of the reference's novelty beyond which a request is unlike what was learned
MOST_LABELS = 12
LEAST_SHARE = 0.01  # of the reference: rarer labels are watched together
LEAST_ROWS = 100
OTHERS = "(any other)"
SAID = {
    "chars_in": ("input", "length of requests", "characters"),
    "novelty": ("input", "distance of requests from the training examples", ""),
    "confidence": ("confidence", "confidence of answers", ""),
    "chars_out": ("output", "length of answers", "characters"),
    "tokens_in": ("cost", "tokens read", "tokens"),
    "tokens_out": ("cost", "tokens written", "tokens"),
    "seconds": ("cost", "time of an answer", "s"),
    "usd": ("cost", "price of an answer", "USD"),
}
SHARES = {
    "unlike": ("input", "requests unlike anything that was learned"),
    "refused": ("output", "requests without an answer"),
    "complaint": ("quality", "answers that callers call bad"),
    "mistake": ("quality", "answers that turned out wrong"),
    "shadow": ("quality", "answers on which the shadow release disagrees"),
}


@dataclass(frozen=True, slots=True)
class Signal:
    """One thing that is watched."""

    name: str
    group: str
    """``input``, ``output``, ``confidence``, ``quality`` or ``cost``."""
    about: str
    """In plain words."""
    unit: str = ""
    share: bool = False
    label: str = ""
    """The label whose share this is."""


@dataclass(frozen=True)
class Signals:
    """What is watched of a release, and how values become scores."""

    signals: tuple[Signal, ...]
    ordered: dict[str, Floats]
    """Reference values of each figure, sorted."""
    left_out: tuple[str, ...]
    far: float
    """Novelty beyond which a request is unlike what was learned; NaN: not known."""

    @property
    def shares(self) -> NDArray[np.bool_]:
        return np.array([signal.share for signal in self.signals])

    def raw(self, columns: Columns) -> Floats:
        """The values as they are [rows, signals]; NaN where a row has none."""
        common = {signal.label for signal in self.signals if signal.label and signal.label != OTHERS}
        found = [_raw(signal, columns, common, self.far) for signal in self.signals]
        return np.column_stack(found) if found else np.zeros((len(columns), 0))

    def values(self, columns: Columns) -> Floats:
        """Scores and shares [rows, signals]."""
        raw = self.raw(columns)
        for place, signal in enumerate(self.signals):
            if not signal.share:
                raw[:, place] = scores(raw[:, place], self.ordered[signal.name])
        return raw


def signals_of(reference: Columns) -> Signals:
    """The signals that a reference shows well enough to be watched."""
    figures = [Signal(name, *said) for name, said in SAID.items()]
    shares = [Signal(name, *said, "", True) for name, said in SHARES.items()]
    far, common = far_of(reference), _common(reference)
    kept, ordered, out = list[Signal](), dict[str, "Floats"](), list[str]()
    for signal in [*figures, *shares, *_labels(reference)]:
        values = _raw(signal, reference, common, far)
        values = values[~np.isnan(values)]
        if len(values) < LEAST_ROWS or (not signal.share and np.ptp(values) == 0):
            out.append(signal.about)
            continue
        kept.append(signal)
        if not signal.share:
            ordered[signal.name] = np.sort(values)
    return Signals(tuple(kept), ordered, tuple(out), far)


def far_of(reference: Columns, quantile: float = FAR) -> float:
    """Novelty beyond which a request is unlike what was learned; NaN: the reference has too little of it."""
    novelty = reference.figures["novelty"]
    known = (~np.isnan(novelty)).sum() >= LEAST_ROWS
    return float(np.nanquantile(novelty, quantile)) if known else float("nan")


def hourly(values: Floats, hours: Floats, first: int, many: int) -> tuple[Floats, Floats]:
    """Sums and counts of each signal in each hour from ``first`` on [signals, hours] each."""
    place = np.floor(hours).astype(np.int64) - first
    known = ~np.isnan(values)
    filled = np.where(known, values, 0.0)
    sums = [np.bincount(place, filled[:, s], many) for s in range(values.shape[1])]
    counts = [np.bincount(place, known[:, s].astype(float), many) for s in range(values.shape[1])]
    return np.array(sums), np.array(counts)


def _common(reference: Columns) -> set[str]:
    """Labels frequent enough to be watched by themselves."""
    known = [label for label in reference.labels if label]
    often = [
        (name, n) for name, n in Counter(known).most_common(MOST_LABELS) if n >= LEAST_SHARE * len(known)
    ]
    repeated = len(set(known)) <= max(len(known) / 5, 1)  # else outputs are replies, not labels
    return {name for name, _ in often} if repeated else set()


def _labels(reference: Columns) -> list[Signal]:
    common = sorted(_common(reference))
    names = [*common, OTHERS] if common else []
    return [
        Signal(f"label {n}", "output", f"answers {n!r}" if n != OTHERS else "rare answers", "", True, n)
        for n in names
    ]


def _raw(signal: Signal, columns: Columns, common: set[str], far: float) -> Floats:
    figures = columns.figures
    if signal.label:
        here = [
            np.nan if not x else float((x if x in common else OTHERS) == signal.label) for x in columns.labels
        ]
        return np.array(here, np.float64)
    if signal.name == "unlike":
        novelty = figures["novelty"]
        return np.where(np.isnan(novelty) | np.isnan(far), np.nan, (novelty > far).astype(float))
    if signal.name == "complaint":
        given = figures["feedback"]
        return np.where(np.isnan(given), np.nan, (given < 0.5).astype(float))
    if signal.name == "mistake":
        pairs = zip(columns.truths, columns.labels, strict=True)
        return np.array([np.nan if not t or not x else float(t != x) for t, x in pairs], np.float64)
    if signal.name == "shadow":
        return columns.shadowed.copy()
    return figures[signal.name].copy()
