"""Beside every figure that a judge decided: how far the judge agrees with people.

Two agreements, both with their interval: the one that let the judge score, on the task's own labelled file;
and, once somebody has filled in levels (``whet review``), the one on this very specialist's outputs, which is
a figure too, so that a policy can ask for it (``quality.judge_kappa``). Takes no measure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from whet.evaluate.scorers.judge import Judge
from whet.trust.measures import Figure, Measure
from whet.trust.reviewing import reviewed

if TYPE_CHECKING:
    from whet.trust.context import Context

BY_METRIC: Mapping[str, frozenset[str]] = {
    "quality": frozenset(),
    "overfitting": frozenset(),
    "confidence": frozenset(),
    "slices": frozenset(),
    "robustness": frozenset({"obeyed"}),
    "parity": frozenset({"alike", "laid_otherwise"}),
}
"""Measures that the task's metric decides, and how the names of their figures begin that it does not."""
QUALITY = "quality"


def beside_judged(context: Context, measures: Sequence[Measure]) -> list[Measure]:
    """The measures with the judge's agreement beside each of its figures; as they are, where none judges."""
    judge = context.metric.scorer
    if not isinstance(judge, Judge):
        return list(measures)
    own = _review(context)
    told = f"{judge.agreement.sentence} {_own(own, context)}"
    found = [_with(measure, told) for measure in measures]
    return [
        _and_kappa(one, own["agreement"]["kappa"]) if own and one.name == QUALITY else one for one in found
    ]


def _review(context: Context) -> dict[str, Any] | None:
    """The review of this very specialist, where the levels were filled in."""
    found = reviewed(context.run, context.tuned.name)
    same = found is not None and found["specialist"] == context.tuned.digest
    return found if found is not None and same and found["agreement"] else None


def _own(review: Mapping[str, Any] | None, context: Context) -> str:
    if review is None:
        how = f"whet review {context.run} --sample 40"
        return f"Nobody has labelled this specialist's own outputs yet ({how}; fill in the levels)."
    k = review["agreement"]["kappa"]
    return (
        f"On this specialist's own outputs, labelled by {review['reviewer']}: kappa {k['value']:.2f} "
        f"(95 % interval {k['low']:.2f} to {k['high']:.2f}, n = {k['n']})."
    )


def _with(measure: Measure, told: str) -> Measure:
    other = BY_METRIC.get(measure.name)
    if other is None:
        return measure
    figures = tuple(
        one if any(one.name.startswith(start) for start in other) else replace(one, judge=told)
        for one in measure.figures
    )
    return replace(measure, figures=figures)


def _and_kappa(measure: Measure, kappa: Mapping[str, Any]) -> Measure:
    title = "Agreement of judge and reviewer on its outputs (kappa)"
    value, low, high, n = (kappa[key] for key in ("value", "low", "high", "n"))
    more = Figure("judge_kappa", value, low, high, n, "higher", title=title, unit="number", of="outputs")
    return replace(measure, figures=(*measure.figures, more))
