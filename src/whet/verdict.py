"""The verdict: which rung is enough, how sure, at what cost. Rule 4 of ``docs/design.md``, in code.

``decide`` is the rule itself, on paired evidence alone; the simulation in ``tests/test_decision_rule.py``
holds it to its error rates. ``verdict`` puts the figures around it. Knows no models and no files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from whet.evaluate.stats import Interval, Paired, detectable, examples_for, holm
from whet.price import break_even, monthly_usd, saved_against_prompt, usd_per_1k
from whet.wording import TUNED, sentence

if TYPE_CHECKING:
    from whet.config import Task
    from whet.evaluate.evidence import Evidence, Measured, Sizes
    from whet.evaluate.metrics import Metric

ALPHA = 0.05
Reading = Literal["good_enough", "worse", "unclear"]


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
                a=best,
                b=name,
                difference=pair.difference,
                low=pair.lower(is_ahead.level),
                high=pair.upper(is_within.level),
                p=pair.p_ahead,
                p_adjusted=is_ahead.p,
                p_good_enough=is_within.p,
                reading=reading,
                n=pair.n,
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


def verdict(
    task: Task, evidence: Evidence, sizes: Sizes, opening: int, notes: Sequence[str] = ()
) -> dict[str, Any]:
    """``06-verdict.json``: the decision with every figure that it rests on."""
    rungs = evidence.rungs
    place = max(range(len(rungs)), key=lambda i: (rungs[i].dev_gain, -i))
    best = rungs[place]
    lower = {rung.name: evidence.pair(best, rung) for rung in rungs[:place]}
    higher = {rung.name: evidence.pair(rung, best) for rung in rungs[place + 1 :]}
    alpha = level(opening)
    decision = decide(best.name, lower, task.margin_value, alpha)
    intervals = {rung.name: evidence.interval(rung) for rung in rungs}
    answer = decision.winner or decision.provisional or best.name
    targets = {name: _target(task, evidence.metric, interval) for name, interval in intervals.items()}
    target = targets[answer]
    prices = {rung.name: usd_per_1k(rung, task.costs) for rung in rungs}
    figures = [_figures(r, decision, intervals[r.name], evidence, task, prices, sizes) for r in rungs]
    seen = _seen(decision, lower, task.margin_value, alpha)
    passed = ahead_after_all(higher, alpha)
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
        "nothing_good_enough": all(one == "no" for one in targets.values()),
        "rungs": figures,
        "comparisons": [asdict(c) for c in decision.comparisons],
        "best": decision.best,
        "winner": decision.winner,
        "provisional": decision.provisional,
        "decisive": decision.winner is not None,
        "ahead_after_all": passed,
        "fine_tuning_warranted": _warranted(decision, rungs, target, passed),
        **seen,
        "test_openings": opening,
        "alpha": alpha,
        "error_over_all_openings": 2 * ALPHA * (1 - 0.5**opening),
        "notes": list(notes),
    }
    return {**out, "sentence": sentence(out)}


def ahead_after_all(higher: Mapping[str, Paired], alpha: float) -> list[dict[str, Any]]:
    """Rungs above the one that dev liked best that are ahead of it on test, corrected for their number.

    Dev chose, and its choice stands: but a small dev set can be unlucky, and where the test set shows it, it
    is said, and that training is not warranted is not claimed.

    Args:
        higher: paired evidence (rung minus best) of each rung above the best.
    """
    found = holm([pair.p_ahead for pair in higher.values()], alpha)
    return [
        {"name": name, "difference": pair.difference, "low": pair.lower(test.level), "p_adjusted": test.p}
        for (name, pair), test in zip(higher.items(), found, strict=True)
        if test.rejected
    ]


def _figures(
    rung: Measured,
    decision: Decision,
    interval: Interval,
    evidence: Evidence,
    task: Task,
    prices: Mapping[str, float],
    sizes: Sizes,
) -> dict[str, Any]:
    """One rung's row."""
    return {
        "name": rung.name,
        "reading": decision.reading(rung.name),
        **asdict(interval),
        "dev": rung.dev_gain if evidence.metric.higher_is_better else -rung.dev_gain,
        "usd_per_1k": prices[rung.name],
        "usd_per_month": monthly_usd(prices[rung.name], task.monthly_volume),
        "p50_ms": rung.p50_ms,
        "p95_ms": rung.p95_ms,
        "tokens_in": rung.tokens_in,
        "tokens_out": rung.tokens_out,
        "saved_against_prompt": saved_against_prompt(rung, evidence.rungs, prices),
        "fit_seconds": rung.fit_seconds,
        "parameters_trained": rung.parameters_trained,
        "cut_short": rung.cut_short,
        "break_even_requests": break_even(rung, evidence, prices, task.costs, sizes),
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


def _warranted(
    decision: Decision, rungs: Sequence[Measured], target: str | None, passed: Sequence[Mapping[str, Any]]
) -> str:
    """Speaks of ``tune`` and ``tune+retrieve`` only. Where neither was measured, or was cut short, a lower
    winner says no only if it surely meets the target."""
    if decision.winner is None or any(rung["name"] in TUNED for rung in passed):
        return "undecided"
    if decision.winner in TUNED:
        return "yes"
    measured = any(rung.name in TUNED and not rung.cut_short for rung in rungs)
    return "no" if measured or target == "yes" else "undecided"


def _seen(decision: Decision, lower: Mapping[str, Paired], margin: float, alpha: float) -> dict[str, Any]:
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
