"""Overfitting: how much better it answers what it has learned than what it has not.

The gap of train and test, beside the gap of the base, which has learned neither: where train is merely the
easier part, both have it. Dev answers are those from before dev was learned. The training curve shows where
dev turned, the learning curve what more examples bring. It does not see learning by heart that costs nothing
on new rows; *memorization* does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from whet.check.gaps import newcombe
from whet.curve import share_of
from whet.evaluate.stats import wilson
from whet.ladder import as_output
from whet.store import read_jsonl
from whet.trust.measures import SHOWN, Curve, Figure, Measure, not_shown

if TYPE_CHECKING:
    from whet.records import Example, Output
    from whet.trust.context import Context, Side

NAME = "overfitting"
READ, WRITTEN = 1000, 100
"""Training rows that are answered again, by models that choose and by models that write."""
TURNED = 1.02  # a dev loss this much above the best is no noise


def overfitting(context: Context) -> Measure:
    """The gap, the curves, and where dev turned."""
    if not context.train or not context.test:
        return not_shown(NAME, "The run has no training or no held-out rows.")
    train = _of_train(context)
    own = _counts(context, context.tuned, train)
    gap = newcombe(*own, alpha=0.05)
    figures = [
        Figure("gap", gap.value, gap.low, gap.high, gap.n, "lower", title="Train minus test", unit="points")
    ]
    if context.base is not None:
        figures[0] = _with_base(figures[0], _counts(context, context.base, train))
    figures += _shares(context, own)
    curve = list(context.tuned.specialist.info.curve)
    turned = turning(curve)
    said = (
        f"On rows it has learned {100 * own[0] / own[1]:.1f} % are right, on unseen ones "
        f"{100 * own[2] / own[3]:.1f} %: {100 * gap.value:+.1f} points."
    )
    curves = [*_training(curve), *_learning(context)]
    return Measure(NAME, SHOWN, tuple(figures), f"{said} {turned}".strip(), curves=tuple(curves))


def turning(curve: Sequence[Mapping[str, Any]]) -> str:
    """What the training curve says of learning by heart; nothing where there is none."""
    looks = [(float(p["step"]), float(_loss(p))) for p in curve if "step" in p and not math.isnan(_loss(p))]
    if len(looks) < 2:
        return ""
    step, best = min(looks, key=lambda look: look[1])
    later = [loss for at, loss in looks if at > step]
    if later and later[-1] > TURNED * best:
        return f"Dev turned at step {step:,.0f}: its loss rose from {best:.3f} to {later[-1]:.3f} after it."
    return f"Dev did not turn: its loss was lowest at step {step:,.0f} of {looks[-1][0]:,.0f}."


def _loss(point: Mapping[str, Any]) -> float:
    """Of dev; of decoders it is called ``loss``, beside ``step`` and ``score``."""
    return float(point.get("dev_loss", point.get("loss", math.nan)))


def _of_train(context: Context) -> list[Example]:
    """A fixed draw of the training rows."""
    writes = getattr(context.tuned.specialist, "writer", None) is not None
    most = WRITTEN if writes else READ
    share = min(1.0, most / len(context.train))
    drawn = share_of(context.train, share, context.seed, listed=False)
    return drawn[:most] if len(drawn) > most else drawn


def _counts(context: Context, side: Side, train: Sequence[Example]) -> tuple[int, int, int, int]:
    """Right and all, on train and on test."""
    outputs = [answer.output for answer in context.answers(side, [e.input for e in train])]
    right = context.is_right(train, outputs)
    return sum(right), len(right), sum(context.right(side)), len(context.test)


def _with_base(figure: Figure, base: tuple[int, int, int, int]) -> Figure:
    return replace(figure, base_value=newcombe(*base, alpha=0.05).value)


def _shares(context: Context, own: tuple[int, int, int, int]) -> list[Figure]:
    found = [("train", own[0], own[1]), *_dev(context), ("test", own[2], own[3])]
    figures = []
    for name, right, n in found:
        share = wilson(right, n)
        figures.append(
            Figure(name, share.value, share.low, share.high, n, "higher", title=f"Right answers on {name}")
        )
    return figures


def _dev(context: Context) -> list[tuple[str, int, int]]:
    """Right answers to dev: those kept from before dev was learned, or given now."""
    if not context.dev:
        return []
    kept = context.tuned.specialist.info.dev_outputs
    outputs: list[Output] = (
        [as_output(output) for output in kept]
        if kept
        else [a.output for a in context.answers(context.tuned, [e.input for e in context.dev])]
    )
    return [("dev", sum(context.is_right(context.dev, outputs)), len(context.dev))]


def _training(curve: Sequence[Mapping[str, Any]]) -> list[Curve]:
    points = [(float(p["step"]), _loss(p)) for p in curve if "step" in p and not math.isnan(_loss(p))]
    return (
        [Curve("Loss on dev while it was trained", "step", "loss", tuple(points))] if len(points) > 1 else []
    )


def _learning(context: Context) -> list[Curve]:
    """What more training rows bring, where the run has measured it for this rung."""
    path = context.run / "04-learning-curve.jsonl"
    rows = [row for row in read_jsonl(path) if row["rung"] == context.tuned.name] if path.is_file() else []
    points = []
    for row in rows:
        share = wilson(int(sum(row["right"])), len(row["right"]))
        points.append((float(row["n_train"]), share.value, share.low, share.high))
    return [Curve("Right on dev by training rows", "training rows", "share", tuple(points))] if points else []
