"""Metrics: how good a list of outputs is, and how good each one is.

``accuracy`` is the share of exactly right outputs (for several labels per input: the whole set right).
``macro_f1`` is the mean over labels of F1, which weighs rare labels like frequent ones; a label that
neither occurs nor is answered does not count. ``cost`` is the mean cost per example, and lower is
better. Any scorer (``evaluate/scorers``) is a metric too: its mean. Knows no rungs; ``gain`` is the metric
turned so that higher is better.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from whet.evaluate.scorers.base import Scorer
from whet.records import Example, Output

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

Cost = Callable[[Output, Output], float]


@dataclass(frozen=True)
class Metric:
    """One way to score outputs against approved outputs."""

    name: str = "accuracy"
    cost: Cost | None = field(default=None, compare=False)
    """Cost of answering the second where the first was right; only for ``cost``."""
    scorer: Scorer | None = field(default=None, compare=False)
    """Scores each example by itself; ``name`` is then the scorer's."""

    @property
    def higher_is_better(self) -> bool:
        return self.name != "cost"

    @property
    def by_example(self) -> bool:
        """Whether the value is a mean over examples (macro-F1 is not)."""
        return self.name != "macro_f1"

    def value(
        self, truths: Sequence[Output], outputs: Sequence[Output], inputs: Sequence[str] | None = None
    ) -> float:
        """The metric in its own unit."""
        gain = self.gain(truths, outputs, inputs)
        return gain if self.higher_is_better else -gain

    def gain(
        self, truths: Sequence[Output], outputs: Sequence[Output], inputs: Sequence[str] | None = None
    ) -> float:
        """Higher is better."""
        if self.by_example:
            return float(np.mean(self.per_example(truths, outputs, inputs)))
        table = counts(truths, outputs)
        return float(macro_f1(table.sum(axis=0)))

    def on(self, examples: Sequence[Example], outputs: Sequence[Output]) -> float:
        """The gain of outputs to these examples."""
        return self.gain([e.output for e in examples], outputs, [e.input for e in examples])

    def per_example(
        self, truths: Sequence[Output], outputs: Sequence[Output], inputs: Sequence[str] | None = None
    ) -> FloatArray:
        """Gain of each example [n]: 1 or 0, or minus its cost, or its score. For macro-F1: 1 if right.

        ``inputs`` are what a scorer may look at; other metrics do not need them.
        """
        if self.scorer is not None:
            scored = self.scorer.score(as_examples(truths, inputs), outputs)
            return np.array([one.score for one in scored], dtype=np.float64)
        pairs = zip(truths, outputs, strict=True)
        if self.cost is not None:
            return np.array([-self.cost(truth, output) for truth, output in pairs])
        return np.array([float(truth == output) for truth, output in pairs])


def as_examples(truths: Sequence[Output], inputs: Sequence[str] | None) -> list[Example]:
    """Examples as scorers see them: numbered, with their inputs.

    Raises:
        ValueError: without inputs; a scorer that reads them would be wrong in silence.
    """
    if inputs is None or len(inputs) != len(truths):
        raise ValueError(f"a scorer needs the inputs of all {len(truths)} examples")
    return [
        Example(str(at), text, truth, "") for at, (text, truth) in enumerate(zip(inputs, truths, strict=True))
    ]


def cost_function(matrix: dict[str, dict[str, float]], default: float) -> Cost:
    """Cost by a matrix of label names; a right answer costs what the matrix says, or 0."""

    def cost(truth: Output, output: Output) -> float:
        row = matrix.get(str(truth), {})
        return row.get(str(output), 0.0 if truth == output else default)

    return cost


def labels_in(output: Output) -> tuple[str, ...]:
    """One label or several, as a tuple."""
    return (output,) if isinstance(output, str) else output


def counts(truths: Sequence[Output], outputs: Sequence[Output]) -> NDArray[np.float64]:
    """True positives, false positives, false negatives of each example: [n, labels, 3]."""
    names = sorted({name for output in (*truths, *outputs) for name in labels_in(output)})
    place = {name: index for index, name in enumerate(names)}
    table = np.zeros((len(truths), len(names), 3))
    for row, (truth, output) in enumerate(zip(truths, outputs, strict=True)):
        true, given = set(labels_in(truth)), set(labels_in(output))
        for column, members in enumerate((true & given, given - true, true - given)):
            for name in members:
                table[row, place[name], column] = 1.0
    return table


def f1(totals: FloatArray) -> FloatArray:
    """F1 from (tp, fp, fn) on the last axis: 2 tp / (2 tp + fp + fn); NaN where nothing occurs."""
    tp, wrong = totals[..., 0], totals[..., 1] + totals[..., 2]
    with np.errstate(invalid="ignore"):
        return np.asarray(2 * tp / (2 * tp + wrong))


def macro_f1(totals: FloatArray) -> FloatArray:
    """Mean F1 over labels that occur: [..., labels, 3] to [...]."""
    scores = f1(totals)
    seen = np.isfinite(scores)
    return np.asarray(np.where(seen, scores, 0.0).sum(axis=-1) / np.maximum(seen.sum(axis=-1), 1))


@dataclass(frozen=True, slots=True)
class LabelFigures:
    """One label's figures on a set of examples."""

    label: str
    n: int
    precision: float | None
    recall: float | None
    f1: float | None


def per_label(truths: Sequence[Output], outputs: Sequence[Output]) -> list[LabelFigures]:
    """Precision, recall and F1 of every label that occurs or is answered."""
    names = sorted({name for output in (*truths, *outputs) for name in labels_in(output)})
    totals = counts(truths, outputs).sum(axis=0)
    figures = []
    for name, (tp, fp, fn) in zip(names, totals, strict=True):
        figures.append(
            LabelFigures(
                label=name,
                n=int(tp + fn),
                precision=float(tp / (tp + fp)) if tp + fp else None,
                recall=float(tp / (tp + fn)) if tp + fn else None,
                f1=float(2 * tp / (2 * tp + fp + fn)),
            )
        )
    return figures
