"""The learning curve: what a quarter and a half of train are worth, on dev, for the two best rungs.

Writes ``04-learning-curve.jsonl`` into a run. Knows rungs by their contract only; never meets the test set.
"""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from whet.evaluate.stats import paired_right, wilson
from whet.ladder import Fitted, with_cache
from whet.records import Example, Output, Specialist
from whet.rungs.asked import Asked, NothingFits
from whet.rungs.base import Setting, find_rung
from whet.store import read_jsonl, write_jsonl

if TYPE_CHECKING:
    from whet.data.split import Splits
    from whet.runs import Run

SHARES = (0.25, 0.5)


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """Dev score of a rung fitted on a share of train, with its 95 % interval."""

    rung: str
    share: float
    n_train: int
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """Would more examples help? Answered on dev, for the two best rungs."""

    points: tuple[CurvePoint, ...]
    answer: str


def learning_curve(
    run: Run, fitted: Sequence[Fitted], setting: Setting, splits: Splits, made_from: dict[str, Any]
) -> LearningCurve:
    """Fit the two rungs that dev likes best on a quarter and a half of train."""
    learners = [item for item in fitted if _learns(item)]
    best = sorted(learners, key=lambda item: -item.specialist.info.dev_score)[:2]
    if not best:
        return LearningCurve((), "No rung learns from examples here.")
    if not run.fresh("learning curve", made_from):
        start = time.perf_counter()
        setting = replace(setting, work=run.unfinished("learning curve", made_from))
        rows = [row for item in best for row in _curve_rows(item, setting, splits)]
        write_jsonl(run.path("04-learning-curve.jsonl"), rows)
        run.record("learning curve", made_from, ["04-learning-curve.jsonl"], time.perf_counter() - start)
    return _curve(read_jsonl(run.path("04-learning-curve.jsonl")), splits.dev)


def _learns(item: Fitted) -> bool:
    """Whether more examples could change a rung, at a price that a curve is worth."""
    asks = isinstance(item.specialist, Asked) and not item.trains
    return item.name not in {"existing", "floor"} and not asks


def _curve_rows(item: Fitted, setting: Setting, splits: Splits) -> list[dict[str, Any]]:
    rung, info = find_rung(item.name), item.specialist.info
    rows = []
    for share in SHARES:
        part = share_of(splits.train, share, setting.seed, listed=bool(setting.labels))
        setting.tell(f"learning curve: {item.name} on {share:.0%}", 0, 1)
        work = setting.work / f"{item.name}-{share}" if setting.work else None
        fit = rung(setting=replace(setting, work=work), choices=info.choices).fit  # type: ignore[call-arg]
        try:
            fitted = fit(part, splits.dev)
        except NothingFits:
            return []
        rows.append(_curve_row(item.name, share, len(part), fitted, splits, setting))
    whole = with_cache(item.specialist, setting)
    rows.append(_curve_row(item.name, 1.0, len(splits.train), whole, splits, setting))
    return rows


def _curve_row(
    name: str, share: float, n: int, specialist: Specialist, splits: Splits, setting: Setting
) -> dict[str, Any]:
    outputs = _dev_outputs(specialist, setting, splits.dev)
    truths = [e.output for e in splits.dev]
    right = [float(a == t) for a, t in zip(outputs, truths, strict=True)]
    value = setting.metric.value(truths, outputs, [e.input for e in splits.dev])
    return {"rung": name, "share": share, "n_train": n, "value": value, "right": right}


def _dev_outputs(specialist: Specialist, setting: Setting, dev: Sequence[Example]) -> list[Output]:
    """Answers to dev by what has not learned from it: those kept from before, or given now."""
    if kept := specialist.info.dev_outputs:  # read back from JSON, a tuple of labels is a list
        return [output if isinstance(output, str) else tuple(output) for output in kept]
    return [answer.output for answer in with_cache(specialist, setting).predict([e.input for e in dev])]


def share_of(train: Sequence[Example], share: float, seed: int, *, listed: bool = True) -> list[Example]:
    """A seeded part, stratified by output where these are ``listed``; smaller ones lie in larger ones."""
    by_output: dict[Output, list[int]] = defaultdict(list)
    for index, example in enumerate(train):
        by_output[example.output if listed else ""].append(index)
    rng = random.Random(seed)
    kept: list[int] = []
    for output in sorted(by_output, key=str):
        rows = by_output[output]
        rng.shuffle(rows)
        kept.extend(rows[: max(1, round(share * len(rows)))])
    return [train[index] for index in sorted(kept)]


def _curve(rows: list[dict[str, Any]], dev: Sequence[Example]) -> LearningCurve:
    points = []
    for row in rows:
        interval = wilson(int(sum(row["right"])), len(row["right"]))
        exact = abs(interval.value - row["value"]) < 1e-9  # accuracy; other metrics carry no interval
        low, high = (interval.low, interval.high) if exact else (row["value"], row["value"])
        place = (row["rung"], row["share"], row["n_train"])
        points.append(CurvePoint(*place, row["value"], low, high))
    return LearningCurve(tuple(points), _more_help(rows))


def _more_help(rows: list[dict[str, Any]]) -> str:
    """In words: what doubling the examples last brought the best rung, and how sure that is."""
    if not rows:
        return "Whether more examples would help cannot be told: from a part of these nothing can be learned."
    name = rows[0]["rung"]
    half, whole = (next(r for r in rows if r["rung"] == name and r["share"] == s) for s in (0.5, 1.0))
    pair = paired_right(np.array(whole["right"]), np.array(half["right"]))
    points = 100 * pair.difference
    if pair.p_ahead <= 0.05 and points > 0.5:
        return (
            f"More examples would probably help: going from {half['n_train']:,} to "
            f"{whole['n_train']:,} brought `{name}` {points:+.1f} points on dev "
            f"(n={pair.n:,}, p={pair.p_ahead:.3f})."
        )
    if pair.upper(0.05) < 0.01:
        return (
            f"More of the same examples would hardly help: going from {half['n_train']:,} to "
            f"{whole['n_train']:,} brought `{name}` {points:+.1f} points on dev, and at most "
            f"{100 * pair.upper(0.05):.1f} (n={pair.n:,})."
        )
    return (
        f"Whether more examples would help is not clear: going from {half['n_train']:,} to "
        f"{whole['n_train']:,} brought `{name}` {points:+.1f} points on dev "
        f"(n={pair.n:,}, p={pair.p_ahead:.2f})."
    )
