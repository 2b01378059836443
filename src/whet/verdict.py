"""The verdict: which rung is enough, how sure, at what cost. Rule 4 of ``docs/design.md``, in code.

``decide`` is the rule itself, on paired evidence alone; the simulation in ``tests/test_decision_rule.py``
holds it to its error rates. ``verdict`` puts the figures around it. Knows no models and no files.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from whet.evaluate.metrics import Metric, counts
from whet.evaluate.stats import (
    Interval,
    Paired,
    bootstrap_macro_f1,
    bootstrap_means,
    detectable,
    examples_for,
    holm,
    paired_draws,
    paired_right,
    percentile_interval,
    wilson,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from whet.config import Costs, Task
    from whet.records import Output

ALPHA = 0.05
Reading = Literal["good_enough", "worse", "unclear"]
TUNED = ("tune", "tune+retrieve")


def level(opening: int, alpha: float = ALPHA) -> float:
    """What the k-th opening of a test set may spend: alpha, alpha / 2, alpha / 4, ...

    Each opening spends half of what is left of 2 alpha, so the first gets one-sided 95 % bounds and
    all of them together err at most 10 % of the time, however often the set is opened.
    """
    return float(alpha / 2.0 ** (opening - 1))


@dataclass(frozen=True, slots=True)
class Comparison:
    """The best rung ``a`` against a lower rung ``b`` on the same test examples."""

    a: str
    b: str
    difference: float
    """a minus b, in the metric's unit, higher is better for a."""
    low: float
    high: float
    """One-sided bounds, each at the level Holm's procedure gave it."""
    p: float
    """One-sided p of "a is not ahead of b"."""
    p_adjusted: float
    p_good_enough: float
    """Holm-adjusted one-sided p of "b trails by the margin or more"."""
    reading: Reading
    n: int


@dataclass(frozen=True, slots=True)
class Decision:
    """What the rule says."""

    best: str
    winner: str | None
    """None: not decisive."""
    provisional: str | None
    """The lowest unclear rung, where the rule cannot decide."""
    comparisons: tuple[Comparison, ...]

    def reading(self, name: str) -> str:
        if name == self.best:
            return "best"
        found = [c.reading for c in self.comparisons if c.b == name]
        return found[0] if found else "above the best"


def decide(best: str, lower: Mapping[str, Paired], margin: float, alpha: float) -> Decision:
    """The decision rule.

    Args:
        best: the rung that is best on dev.
        lower: paired evidence (best minus rung) for each rung below it, lowest first.
        margin: the loss one accepts for a cheaper rung.
        alpha: one-sided error rate of each direction, over all rungs.
    """
    pairs = list(lower.values())
    ahead = holm([pair.p_ahead for pair in pairs], alpha)
    within_p = [pair.p_within(margin) for pair in pairs]
    within = holm(within_p, alpha)
    comparisons = []
    for name, pair, is_ahead, is_within in zip(lower, pairs, ahead, within, strict=True):
        reading: Reading = "unclear"
        if is_within.rejected:
            reading = "good_enough"
        elif is_ahead.rejected:
            reading = "worse"
        comparisons.append(
            Comparison(
                a=best, b=name, difference=pair.difference,
                low=pair.lower(is_ahead.level), high=pair.upper(is_within.level),
                p=pair.p_ahead, p_adjusted=is_ahead.p, p_good_enough=is_within.p,
                reading=reading, n=pair.n,
            )
        )
    return _decision(best, comparisons)


def _decision(best: str, comparisons: list[Comparison]) -> Decision:
    enough = [c.b for c in comparisons if c.reading == "good_enough"]
    unclear = [c.b for c in comparisons if c.reading == "unclear"]
    if enough:
        return Decision(best, enough[0], None, tuple(comparisons))
    if not unclear:
        return Decision(best, best, None, tuple(comparisons))
    return Decision(best, None, unclear[0], tuple(comparisons))


class Measured(Protocol):
    """What the verdict needs of a measured rung; ``whet.ladder.Measured`` has it."""

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


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many examples stood behind the verdict."""

    train: int
    dev: int
    test: int


class Evidence:
    """All rungs' answers on one test set, and the figures that follow from them."""

    def __init__(
        self, rungs: Sequence[Measured], truths: Sequence[Output], metric: Metric, seed: int = 0
    ):
        self.rungs, self.truths, self.metric = rungs, truths, metric
        self.gains = {r.name: metric.per_example(truths, r.outputs) for r in rungs}
        self._draws = self._resample(seed) if metric.name != "accuracy" else {}

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
        if self.metric.name == "accuracy":
            return wilson(int(self.gains[rung.name].sum()), n)
        sign = 1.0 if self.metric.higher_is_better else -1.0
        value = self.metric.value(self.truths, rung.outputs)
        return percentile_interval(value, sign * self._draws[rung.name], n)

    def pair(self, first: Measured, second: Measured) -> Paired:
        """first minus second."""
        if self.metric.name == "accuracy":
            return paired_right(self.gains[first.name], self.gains[second.name])
        difference = self.metric.gain(self.truths, first.outputs) - self.metric.gain(
            self.truths, second.outputs
        )
        draws = self._draws[first.name] - self._draws[second.name]
        n = len(self.truths)
        return paired_draws(difference, draws, n, float(n * draws.var() + difference**2))


def _aligned(
    truths: Sequence[Output], answers: list[list[Output]], everything: list[Output]
) -> list[NDArray[np.float64]]:
    """Counts of each rung over one common list of labels: padded with a row that is cut off."""
    widths = {name for o in (*truths, *everything) for name in ((o,) if isinstance(o, str) else o)}
    extra: Output = tuple(sorted(widths))
    return [counts([*truths, extra], [*given, extra])[:-1] for given in answers]


def verdict(
    task: Task, evidence: Evidence, sizes: Sizes, opening: int, notes: Sequence[str] = ()
) -> dict[str, Any]:
    """``06-verdict.json``: the decision with every figure that it rests on."""
    rungs = evidence.rungs
    place = max(range(len(rungs)), key=lambda i: (rungs[i].dev_gain, -i))
    best = rungs[place]
    lower = {rung.name: evidence.pair(best, rung) for rung in rungs[:place]}
    alpha = level(opening)
    decision = decide(best.name, lower, task.margin_value, alpha)
    intervals = {rung.name: evidence.interval(rung) for rung in rungs}
    answer = decision.winner or decision.provisional or best.name
    target = _target(task, evidence.metric, intervals[answer])
    prices = {rung.name: _usd_per_1k(rung, task.costs) for rung in rungs}
    figures = [
        {
            "name": rung.name,
            "reading": decision.reading(rung.name),
            **_interval(intervals[rung.name]),
            "dev": rung.dev_gain if evidence.metric.higher_is_better else -rung.dev_gain,
            "usd_per_1k": prices[rung.name],
            "p50_ms": rung.p50_ms,
            "fit_seconds": rung.fit_seconds,
            "parameters_trained": rung.parameters_trained,
            "break_even_requests": _break_even(rung, evidence, prices, task.costs, sizes),
        }
        for rung in rungs
    ]
    seen = _seen(decision, lower, task.margin_value, alpha)
    out: dict[str, Any] = {
        "task": task.task,
        "kind": task.kind,
        "n_train": sizes.train,
        "n_dev": sizes.dev,
        "n_test": sizes.test,
        "metric": evidence.metric.name,
        "higher_is_better": evidence.metric.higher_is_better,
        "margin": task.margin_value,
        "target": task.target,
        "target_met": target,
        "rungs": figures,
        "comparisons": [_comparison(c) for c in decision.comparisons],
        "best": decision.best,
        "winner": decision.winner,
        "provisional": decision.provisional,
        "decisive": decision.winner is not None,
        "fine_tuning_warranted": _warranted(decision, rungs, target),
        **seen,
        "test_openings": opening,
        "alpha": alpha,
        "error_over_all_openings": 2 * ALPHA * (1 - 0.5**opening),
        "notes": list(notes),
    }
    return {**out, "sentence": sentence(out)}


def _interval(interval: Interval) -> dict[str, float]:
    return {
        "value": interval.value, "low": interval.low, "high": interval.high, "n": interval.n,
    }


def _comparison(c: Comparison) -> dict[str, Any]:
    return {
        "a": c.a, "b": c.b, "difference": c.difference, "low": c.low, "high": c.high,
        "p": c.p, "p_adjusted": c.p_adjusted, "p_good_enough": c.p_good_enough,
        "reading": c.reading, "n": c.n,
    }


def _target(task: Task, metric: Metric, interval: Interval) -> str | None:
    """``yes`` and ``no`` when the whole 95 % interval is on that side, otherwise which way it leans."""
    if task.target is None:
        return None
    sign = 1.0 if metric.higher_is_better else -1.0
    low, high = sorted((sign * interval.low, sign * interval.high))
    if low >= sign * task.target:
        return "yes"
    if high < sign * task.target:
        return "no"
    return "probably" if sign * interval.value >= sign * task.target else "probably not"


def _warranted(decision: Decision, rungs: Sequence[Measured], target: str | None) -> str:
    """Speaks of ``tune`` and ``tune+retrieve`` only. Where neither was measured, a lower winner says no
    only if it surely meets the target."""
    if decision.winner is None:
        return "undecided"
    if decision.winner in TUNED:
        return "yes"
    measured = any(rung.name in TUNED for rung in rungs)
    return "no" if measured or target == "yes" else "undecided"


def _seen(
    decision: Decision, lower: Mapping[str, Paired], margin: float, alpha: float
) -> dict[str, Any]:
    """The smallest difference this test set could have seen, and how many more would decide."""
    if not lower:
        return {"smallest_detectable_difference": None, "more_examples_needed": 0}
    strict = alpha / len(lower)
    closest = min(lower.values(), key=lambda pair: pair.discordance)
    pair = lower.get(decision.provisional or "", closest)
    out: dict[str, Any] = {
        "smallest_detectable_difference": detectable(pair.n, pair.discordance, strict),
        "more_examples_needed": 0,
    }
    if decision.winner is None:
        ways = [margin - pair.difference, pair.difference]
        needed = [examples_for(gap, pair.discordance, strict) for gap in ways if gap > 1e-6]
        out["more_examples_needed"] = max(1, min(needed) - pair.n) if needed else None
    return out


def _usd_per_1k(rung: Measured, costs: Costs) -> float:
    machine = rung.seconds_per_1k / 3600 * costs.machine_usd_per_hour
    return rung.provider_usd_per_1k + machine


def _break_even(
    rung: Measured,
    evidence: Evidence,
    prices: Mapping[str, float],
    costs: Costs,
    sizes: Sizes,
) -> int | None:
    """Requests after which a trained rung has earned back what it cost in its first year, against the
    cheapest untrained one, errors priced. None: it never does, or it is not trained."""
    others = [r for r in evidence.rungs if not r.trains]
    if not rung.trains or not others:
        return None

    def per_request(r: Measured) -> float:
        wrong = -float(evidence.gains[r.name].mean())
        wrong = wrong + 1.0 if evidence.metric.higher_is_better else wrong
        return prices[r.name] / 1000 + wrong * costs.error_usd

    saved = min(per_request(other) for other in others) - per_request(rung)
    if saved <= 0:
        return None
    return math.ceil(first_year_usd(rung.fit_seconds, costs, sizes) / saved)


def first_year_usd(fit_seconds: float, costs: Costs, sizes: Sizes) -> float:
    """Labelling once; training and review now and at each retraining within a year."""
    labelling = (sizes.train + sizes.dev) * costs.label_seconds / 3600 * costs.person_usd_per_hour
    once = fit_seconds / 3600 * costs.machine_usd_per_hour
    review = costs.review_hours * costs.person_usd_per_hour
    return labelling + (1 + costs.retrain_per_year) * (once + review)


def shown(value: float, metric: str) -> str:
    """A figure as people read it: 92.7 %, or a cost."""
    return f"{value:.3f}" if metric == "cost" else f"{100 * value:.1f} %"


def apart(value: float, metric: str) -> str:
    """A difference as people read it: 1.5 points, or a cost."""
    return f"{value:.3f}" if metric == "cost" else f"{100 * value:.1f} points"


def sentence(v: Mapping[str, Any]) -> str:
    """The verdict in plain words."""
    parts = [_who(v), _tuning(v)]
    if v["target"] is not None:
        parts.append(_about_target(v))
    if v["test_openings"] > 1:
        parts.append(
            f"This test set has been opened {v['test_openings']} times; over all openings a wrong call "
            f"has a chance of up to {v['error_over_all_openings']:.1%}."
        )
    return " ".join(parts)


def _who(v: Mapping[str, Any]) -> str:
    figures = {rung["name"]: rung for rung in v["rungs"]}
    metric, name = v["metric"], v["winner"] or v["provisional"]
    rung = figures[name]
    measured = (
        f"{shown(rung['value'], metric)} {metric.replace('_', '-')} "
        f"({shown(rung['low'], metric)} to {shown(rung['high'], metric)}, n={v['n_test']:,})"
    )
    if v["winner"] is None:
        more = v["more_examples_needed"]
        advice = f"about {more:,} more test examples would probably decide" if more else (
            "no number of test examples would decide a difference this near the margin"
        )
        compared = next(c for c in v["comparisons"] if c["b"] == name)
        return (
            f"Not decisive: `{name}`, provisionally, reaches {measured}, but against `{v['best']}` the "
            f"difference lies between {apart(compared['low'], metric)} and "
            f"{apart(compared['high'], metric)}, and the margin is {apart(v['margin'], metric)}; "
            f"{advice}."
        )
    if name == v["best"]:
        lower = bool(v["comparisons"])
        reason = "every lower rung is worse" if lower else "no lower rung was measured"
        return f"`{name}` is worth it: {measured}, and {reason}."
    compared = next(c for c in v["comparisons"] if c["b"] == name)
    trails = "at least as good as" if compared["high"] <= 0 else (
        f"at most {apart(compared['high'], metric)} behind"
    )
    return f"`{name}` is enough: {measured}, {trails} the best rung, `{v['best']}`."


def _tuning(v: Mapping[str, Any]) -> str:
    if not any(rung["name"] in TUNED for rung in v["rungs"]):
        return "Fine-tuning was not measured."
    answers = {
        "yes": "Fine-tuning is warranted.",
        "no": "Fine-tuning is not warranted.",
        "undecided": "Whether fine-tuning is warranted stays undecided.",
    }
    return answers[str(v["fine_tuning_warranted"])]


def _about_target(v: Mapping[str, Any]) -> str:
    goal = shown(v["target"], v["metric"])
    words = {
        "yes": f"It meets the target of {goal}, and surely so.",
        "probably": f"It probably meets the target of {goal}: the interval reaches past it.",
        "probably not": f"It probably misses the target of {goal}: only the interval reaches it.",
        "no": f"It misses the target of {goal}, and surely so.",
    }
    return words[str(v["target_met"])]
