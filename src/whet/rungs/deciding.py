"""From scores per label to outputs with a confidence, the same for every classifying rung.

One label per input: softmax(scores / temperature), the largest wins, and its probability is the
confidence. Several: each label whose probability reaches the threshold; the confidence is the
probability of exactly this set if labels were independent. Temperature and threshold are chosen on
dev. Knows no encoder and no rung.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from whet.records import Output, Prediction

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from whet.evaluate.metrics import Metric
    from whet.models.encoder import Encoded

    FloatArray = NDArray[np.floating]

TEMPERATURES = np.geomspace(0.01, 10.0, 61)
THRESHOLDS = np.linspace(0.05, 0.95, 37)


@dataclass(frozen=True, slots=True)
class Decider:
    """How scores become outputs."""

    labels: tuple[str, ...]
    multi_label: bool = False
    temperature: float = 1.0
    threshold: float = 0.5
    shift: float = 0.0
    """Subtracted from scores before the sigmoid (several labels only)."""

    def probabilities(self, scores: FloatArray) -> FloatArray:
        """[n, labels] scores to probabilities: rows sum to 1, or each in 0..1."""
        scaled = np.asarray(scores, dtype=np.float64) / self.temperature
        if self.multi_label:
            return 1.0 / (1.0 + np.exp(-np.clip(scaled - self.shift / self.temperature, -50, 50)))
        scaled = scaled - scaled.max(axis=1, keepdims=True)
        weights = np.exp(scaled)
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))

    def outputs(self, scores: FloatArray) -> tuple[list[Output], FloatArray]:
        """Outputs and confidences [n]."""
        probabilities = self.probabilities(scores)
        if not self.multi_label:
            best = probabilities.argmax(axis=1)
            sure = probabilities[np.arange(len(best)), best]
            return [self.labels[i] for i in best], sure
        chosen = probabilities >= self.threshold
        sure = np.where(chosen, probabilities, 1 - probabilities).prod(axis=1)
        return [self._set(row) for row in chosen], sure

    def _set(self, row: NDArray[np.bool_]) -> Output:
        return tuple(sorted(label for label, on in zip(self.labels, row, strict=True) if on))

    def predictions(self, scores: FloatArray, encoded: Encoded) -> list[Prediction]:
        """One prediction a row, the batch's seconds shared by tokens."""
        outputs, sure = self.outputs(scores)
        share = encoded.seconds / max(int(encoded.tokens.sum()), 1)
        return [
            Prediction(output, float(confidence), int(tokens), 0, float(share * tokens))
            for output, confidence, tokens in zip(outputs, sure, encoded.tokens, strict=True)
        ]


def targets(outputs: Sequence[Output], labels: Sequence[str]) -> FloatArray:
    """Approved outputs as [n, labels] of 0 and 1; a label not in ``labels`` is left out."""
    place = {label: index for index, label in enumerate(labels)}
    table = np.zeros((len(outputs), len(labels)), dtype=np.float32)
    for row, output in enumerate(outputs):
        for name in (output,) if isinstance(output, str) else output:
            if name in place:
                table[row, place[name]] = 1.0
    return table


def fitted(decider: Decider, scores: FloatArray, truths: Sequence[Output], metric: Metric) -> Decider:
    """The decider with temperature, and for several labels shift and threshold, chosen on dev."""
    table = targets(truths, decider.labels)
    if decider.multi_label:
        return _fitted_threshold(decider, scores, truths, metric)
    tried = [Decider(decider.labels, False, float(t)) for t in TEMPERATURES]
    return min(tried, key=lambda d: _log_loss(d.probabilities(scores), table))


def log_loss(decider: Decider, scores: FloatArray, truths: Sequence[Output]) -> float:
    """Mean log loss of the decider's probabilities."""
    table = targets(truths, decider.labels)
    loss = _binary_loss if decider.multi_label else _log_loss
    return loss(decider.probabilities(scores), table)


def _fitted_threshold(
    decider: Decider, scores: FloatArray, truths: Sequence[Output], metric: Metric
) -> Decider:
    table = targets(truths, decider.labels)
    centre = float(np.quantile(scores, 1 - min(max(float(table.mean()), 0.001), 0.5)))
    tried = [Decider(decider.labels, True, float(t), 0.5, centre) for t in TEMPERATURES]
    best = min(tried, key=lambda d: _binary_loss(d.probabilities(scores), table))
    cuts = [Decider(best.labels, True, best.temperature, float(t), centre) for t in THRESHOLDS]
    return max(cuts, key=lambda d: (metric.gain(truths, d.outputs(scores)[0]), -d.threshold))


def _log_loss(probabilities: FloatArray, table: FloatArray) -> float:
    known = table.sum(axis=1) > 0
    right = (probabilities * table).sum(axis=1)[known]
    return float(-np.log(np.maximum(right, 1e-12)).mean()) if len(right) else 0.0


def _binary_loss(probabilities: FloatArray, table: FloatArray) -> float:
    chance = np.where(table > 0, probabilities, 1 - probabilities)
    return float(-np.log(np.maximum(chance, 1e-12)).mean())
