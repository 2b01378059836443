"""All rungs' answers on one test set: intervals and paired comparisons in one place.

Accuracy goes by exact counts; macro-F1, cost and scorers go by one bootstrap whose resamples all rungs
share, so that differences stay paired. Knows what a measured rung shows, not how it works.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from whet.evaluate.metrics import Metric, counts
from whet.evaluate.stats import (
    Interval,
    Paired,
    bootstrap_macro_f1,
    bootstrap_means,
    paired_draws,
    paired_right,
    percentile_interval,
    wilson,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from whet.records import Output


class Measured(Protocol):
    """What a measured rung shows; ``whet.ladder.Measured`` has it."""

    @property
    def name(self) -> str: ...
    @property
    def outputs(self) -> tuple[Output, ...]: ...
    @property
    def dev_gain(self) -> float: ...
    @property
    def fit_seconds(self) -> float: ...
    @property
    def parameters_trained(self) -> int: ...
    @property
    def trains(self) -> bool: ...
    @property
    def seconds_per_1k(self) -> float: ...
    @property
    def provider_usd_per_1k(self) -> float: ...
    @property
    def p50_ms(self) -> float: ...
    @property
    def p95_ms(self) -> float: ...
    @property
    def tokens_in(self) -> float: ...
    @property
    def tokens_out(self) -> float: ...
    @property
    def cut_short(self) -> bool: ...
    @property
    def unanswered(self) -> Mapping[int, str]: ...


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many examples stood behind the verdict."""

    train: int
    dev: int
    test: int


class Evidence:
    """All rungs' answers on one test set, and the figures that follow from them."""

    def __init__(
        self,
        rungs: Sequence[Measured],
        truths: Sequence[Output],
        metric: Metric,
        seed: int = 0,
        inputs: Sequence[str] | None = None,
    ):
        self.rungs, self.truths, self.metric = rungs, truths, metric
        self.gains = {r.name: metric.per_example(truths, r.outputs, inputs) for r in rungs}
        counts = metric.by_example and metric.higher_is_better
        self._counted = counts and all(_right_or_wrong(one) for one in self.gains.values())
        self._draws = {} if self._counted else self._resample(seed)

    def _resample(self, seed: int) -> dict[str, NDArray[np.float64]]:
        """Resampled gains of every rung, over the same resamples, so that differences are paired."""
        names = [rung.name for rung in self.rungs]
        if self.metric.by_example:
            return {name: bootstrap_means(self.gains[name], seed) for name in names}
        everything = [output for rung in self.rungs for output in rung.outputs]
        tables = _aligned(self.truths, [list(r.outputs) for r in self.rungs], everything)
        return dict(zip(names, bootstrap_macro_f1(tables, seed), strict=True))

    def interval(self, rung: Measured) -> Interval:
        """The metric's value with its 95 % interval, in the metric's own unit."""
        n = len(self.truths)
        if self._counted:  # resampling says nothing where all are wrong, or all right
            return wilson(int(self.gains[rung.name].sum()), n)
        sign = 1.0 if self.metric.higher_is_better else -1.0
        value = sign * self._gain(rung)
        return percentile_interval(value, sign * self._draws[rung.name], n)

    def pair(self, first: Measured, second: Measured) -> Paired:
        """first minus second."""
        if self._counted:
            return paired_right(self.gains[first.name], self.gains[second.name])
        difference = self._gain(first) - self._gain(second)
        draws = self._draws[first.name] - self._draws[second.name]
        n = len(self.truths)
        return paired_draws(difference, draws, n, float(n * draws.var() + difference**2))

    def _gain(self, rung: Measured) -> float:
        """The metric's gain; a judge, for one, is not asked again."""
        if self.metric.by_example:
            return float(self.gains[rung.name].mean())
        return self.metric.gain(self.truths, rung.outputs)


def _right_or_wrong(gains: NDArray[np.float64]) -> bool:
    return all(value in (0.0, 1.0) for value in gains.tolist())


def _aligned(
    truths: Sequence[Output], answers: list[list[Output]], everything: list[Output]
) -> list[NDArray[np.float64]]:
    """Counts of each rung over one common list of labels: padded with a row that is cut off."""
    widths = {name for o in (*truths, *everything) for name in ((o,) if isinstance(o, str) else o)}
    extra: Output = tuple(sorted(widths))
    return [counts([*truths, extra], [*given, extra])[:-1] for given in answers]
