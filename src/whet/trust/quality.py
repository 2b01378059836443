"""Quality: the specialist against its base and the previous release, on the same unseen examples.

Example by example, with intervals; what one has right and the other wrong is shown. Whether it may take the
previous release's place is asked in a way that may be asked again (``evaluate.promote``). Knows no page.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from whet.evaluate.promote import promotion
from whet.evaluate.stats import (
    bootstrap_means,
    detectable,
    paired_draws,
    paired_right,
    percentile_interval,
    wilson,
)
from whet.trust.measures import SHOWN, Figure, Measure, Row

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from whet.evaluate.stats import Interval
    from whet.records import Output
    from whet.trust.context import Context, Side

    Floats = NDArray[np.float64]

NAME = "quality"
MOST_ROWS = 60
LEVEL = 0.05 / 2  # of each end of a 95 % interval


def quality(context: Context) -> Measure:
    """The metric on the held-out rows, and who does better where."""
    own = _gains(context, context.tuned)
    figures = [_value(context, own)]
    said = [f"{_percent(figures[0].value)} of {len(own):,} unseen examples are right."]
    rows: list[Row] = []
    if context.base is not None:
        base = _gains(context, context.base)
        figures[0], against = _against(figures[0], own, base, f"Ahead of the base ({context.base.name})")
        figures.append(against)
        said.append(_compared(against, f"the base, {context.base.name}"))
        rows += _flipped(context, context.base, base, own)
    if context.previous is not None:
        figures.append(_promoted(context, own))
        said.append(_compared(figures[-1], "the previous release"))
    return Measure(NAME, SHOWN, tuple(figures), " ".join(said), rows=tuple(rows))


def _gains(context: Context, side: Side) -> Floats:
    """1 for right and 0 for wrong, or the score of each held-out answer."""
    if context.metric.name in ("accuracy", "macro_f1", "cost"):
        return np.array(context.right(side), float)
    truths, inputs = [e.output for e in context.test], [e.input for e in context.test]
    return context.metric.per_example(truths, side.outputs, inputs)


def _value(context: Context, own: Floats) -> Figure:
    binary = set(np.unique(own)) <= {0.0, 1.0}
    found: Interval = (
        wilson(int(own.sum()), len(own))
        if binary
        else percentile_interval(float(own.mean()), bootstrap_means(own, context.seed), len(own))
    )
    title = "Right answers" if binary else context.metric.name
    return Figure("right", found.value, found.low, found.high, found.n, "higher", title=title)


def _against(
    value: Figure,
    own: Floats,
    base: Floats,
    title: str,
) -> tuple[Figure, Figure]:
    """The value with its base, and the paired difference."""
    pair = paired_right(own, base)
    if not set(np.unique(own)) | set(np.unique(base)) <= {0.0, 1.0}:
        gaps = own - base
        pair = paired_draws(float(gaps.mean()), bootstrap_means(gaps), len(gaps), float((gaps**2).mean()))
    low, high = pair.lower(LEVEL), pair.upper(LEVEL)
    value = replace(value, base_value=float(base.mean()), gap_low=low, gap_high=high)
    seen = detectable(pair.n, pair.discordance, LEVEL)
    more = f"{title}; the smallest that could be seen is {100 * seen:.1f} points"
    return value, Figure(
        "against_base", pair.difference, low, high, pair.n, "higher", title=more, unit="points"
    )


def _promoted(context: Context, own: Floats) -> Figure:
    """The difference to the previous release, on rows that neither has learned from."""
    assert context.previous is not None
    unseen = [at for at, e in enumerate(context.test) if e.id not in context.previous.learned]
    old = _gains(context, context.previous)
    found = promotion(own[unseen], old[unseen])
    left = len(context.test) - len(unseen)
    note = f"; {left:,} rows that it has learned from are left out" if left else ""
    d = found.difference
    return Figure(
        "against_previous",
        d.value,
        d.low,
        d.high,
        d.n,
        "higher",
        title=f"Ahead of the previous release, at all looks together{note}",
        unit="points",
    )


def _compared(figure: Figure, other: str) -> str:
    points = f"{100 * figure.value:+.1f} points ({100 * figure.low:+.1f} to {100 * figure.high:+.1f})"
    if figure.low > 0:
        return f"Better than {other}: {points}."
    return (
        f"Worse than {other}: {points}." if figure.high < 0 else f"No sure difference to {other}: {points}."
    )


def _flipped(
    context: Context,
    base: Side,
    before: Floats,
    after: Floats,
) -> list[Row]:
    """What the base had right and the specialist has wrong, first; then what was mended."""
    lost = np.flatnonzero(after < before).tolist()
    won = np.flatnonzero(after > before).tolist()
    said = [(at, "the base was better") for at in lost] + [(at, "the base was worse") for at in won]
    return [
        Row(
            context.test[at].id,
            context.test[at].input,
            what,
            {
                "approved": _text(context.test[at].output),
                "base": _text(base.outputs[at]),
                "specialist": _text(context.tuned.outputs[at]),
            },
        )
        for at, what in said[:MOST_ROWS]
    ]


def _text(output: Output) -> str:
    return output if isinstance(output, str) else ", ".join(output)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
