"""Confidence: whether "90 % sure" means right nine times in ten, and what may go out without a person.

Measured on held-out rows, of the confidence that the specialist states when it is served: label
probabilities, the probability of a reply, the product over fields; and on request of the agreement between
samples (``trust.sampled``), which models without probabilities have too. Its temperature was fitted on dev
when it was made; where the scores of all labels are at hand, the error before that is shown too. Conformal
sets need those scores. Formulas: ``evaluate.calibrate``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from whet.evaluate.calibrate import (
    brier,
    coverage_at,
    ece,
    ece_by_chance,
    ece_interval,
    examples_for_precision,
    reliability,
    resplit,
    risk_coverage,
    temperature_of,
    tempered,
    threshold_for,
)
from whet.evaluate.stats import Interval, wilson
from whet.trust.measures import SHOWN, Curve, Figure, Measure, Table, not_shown
from whet.trust.sampled import Told, sampling
from whet.trust.scores import scores_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from whet.trust.context import Context, Side

    Floats = NDArray[np.float64]

NAME = "confidence"
LEAST = 50
ALPHA = 0.1  # of conformal sets
RESAMPLES = 500


def confidence(context: Context) -> Measure:
    """Calibration, the threshold for the wanted precision, and conformal sets."""
    if len(context.test) < LEAST:
        return not_shown(NAME, f"{len(context.test)} held-out rows; at least {LEAST} are needed.")
    own, right = stated(context.tuned), np.array(context.right(context.tuned), float)
    drawn = sampling(context)
    if len(np.unique(own)) == 1:
        return _unstated(context, float(own[0]), drawn)
    error = ece_interval(own, right, seed=context.seed)
    figures = [_figure("ece", error, "lower", "Calibration error (ECE)"), *_before(context, right)]
    figures.append(_figure("brier", brier(own, right, context.seed), "lower", "Brier score", "number"))
    if context.base is not None:
        figures = _with_base(context, figures, own, right)
    going, table, said = _threshold(context, own, right)
    figures += [*going, *_conformal(context)]
    chance = ece_by_chance(own, seed=context.seed)
    points = f"{100 * error.value:.1f} points; an honest one would show {100 * chance:.1f}"
    honest = f"Its calibration error is {points}."
    curves = tuple(_curves(own, right))
    if drawn is not None:
        figures, curves, said = [*figures, *drawn.figures], (*curves, *drawn.curves), f"{said} {drawn.said}"
    return Measure(NAME, SHOWN, tuple(figures), f"{honest} {said}", tables=(table,), curves=curves)


def _unstated(context: Context, one: float, drawn: Told | None) -> Measure:
    """Of a specialist whose model tells no probabilities: what samples tell, where they were asked for."""
    states = f"It states {one:.2f} whatever is asked"
    if drawn is not None:
        said = f"{states}; agreement between samples is a confidence. {drawn.said}"
        return Measure(NAME, SHOWN, drawn.figures, said, curves=drawn.curves)
    why = f"{states}: there is no confidence to measure."
    if getattr(context.tuned.specialist, "writer", None) is not None:
        why += " Agreement between samples can be: --samples 5 asks five more answers for each row."
    return not_shown(NAME, why)


def stated(side: Side) -> Floats:
    """The confidences of its held-out answers [n]; of what was not answered, 0."""
    return np.array([answer.confidence for answer in side.test], float)


def _figure(name: str, found: Interval, better: str, title: str, unit: str = "points") -> Figure:
    return Figure(name, found.value, found.low, found.high, found.n, better, title=title, unit=unit)  # type: ignore[arg-type]


def _before(context: Context, right: Floats) -> list[Figure]:
    """The error before temperature scaling; where only the confidence is known, the error that scaling on
    dev would leave."""
    test = scores_of(context, context.tuned, [e.input for e in context.test])
    if test is not None:
        plain = test.probabilities(1.0).max(axis=1)
        found = ece_interval(plain, right, seed=context.seed)
        return [_figure("ece_before", found, "lower", "Calibration error before scaling on dev")]
    if context.tuned.specialist.info.dev_outputs or len(context.dev) < LEAST:
        return []  # dev was learned since: it can fit no temperature any more
    dev = context.answers(context.tuned, [e.input for e in context.dev])
    ok = context.is_right(context.dev, [answer.output for answer in dev])
    t = temperature_of([answer.confidence for answer in dev], ok)
    found = ece_interval(tempered(stated(context.tuned), t), right, seed=context.seed)
    title = f"Calibration error, were its log odds divided by {t:.2f}"
    return [_figure("ece_scaled", found, "lower", title)]


def _with_base(context: Context, figures: list[Figure], own: Floats, right: Floats) -> list[Figure]:
    """The error of the base beside it, and the interval of the difference over the same resamples."""
    assert context.base is not None
    other, ok = stated(context.base), np.array(context.right(context.base), float)
    rng, n = np.random.default_rng(context.seed), len(own)
    draws = []
    for _ in range(RESAMPLES):
        pick = rng.integers(0, n, n)
        draws.append(ece(own[pick], right[pick]) - ece(other[pick], ok[pick]))
    low, high = np.quantile(draws, [0.025, 0.975])
    first = replace(figures[0], base_value=ece(other, ok), gap_low=float(low), gap_high=float(high))
    return [first, *figures[1:]]


def _threshold(context: Context, own: Floats, right: Floats) -> tuple[list[Figure], Table, str]:
    """What may go out alone at the wanted precision, and at a few others."""
    wanted = context.asked.precision
    rows = []
    for precision in sorted({0.9, 0.95, 0.98, 0.99, wanted}):
        found = threshold_for(own, right, precision)
        plain = f"{100 * coverage_at(own, right, precision):.1f} %"
        if found is None:
            rows.append((f"{100 * precision:g} %", "none", "–", "100 %", plain))
        else:
            going = 100 * found.share
            cells = (f"{found.confidence:.3f}", f"{going:.1f} %", f"{100 - going:.1f} %")
            rows.append((f"{100 * precision:g} %", *cells, plain))
    columns = ("precision", "threshold", "goes out alone", "to a person", "in these very rows")
    table = Table("What may go out without a person, promised with 95 % confidence", columns, tuple(rows))
    found = threshold_for(own, right, wanted)
    share = wilson(round((found.share if found else 0.0) * len(own)), len(own))
    title = f"Goes out alone at {100 * wanted:g} % precision"
    figures = [Figure("coverage", share.value, share.low, share.high, len(own), "higher", title=title)]
    at = [_at(found.confidence, len(own), wanted)] if found else []
    return (
        [*_against(context, figures), *at],
        table,
        _said(found is not None, share.value, wanted, own, right),
    )


def _at(threshold: float, n: int, wanted: float) -> Figure:
    """The threshold itself, which `whet serve` goes by."""
    title = f"Answers below this confidence go to a person, for {100 * wanted:g} % precision"
    return Figure("threshold", threshold, threshold, threshold, n, "lower", title=title, unit="number")


def _said(found: bool, share: float, wanted: float, own: Floats, right: Floats) -> str:
    if found:
        alone = f"{100 * share:.0f} % can go out alone at {100 * wanted:g} % precision"
        return f"{alone}; the rest goes to a person."
    surest = right[np.argsort(-own)[: max(1, len(own) // 5)]].mean()
    more = examples_for_precision(wanted, float(surest))
    needs = f"; about {more:,} answers above a threshold would show it" if more else ""
    return f"No threshold can promise {100 * wanted:g} % precision on {len(own):,} rows{needs}."


def _against(context: Context, figures: list[Figure]) -> list[Figure]:
    if context.base is None:
        return figures
    ok = np.array(context.right(context.base), float)
    found = threshold_for(stated(context.base), ok, context.asked.precision)
    return [replace(figures[0], base_value=found.share if found else 0.0)]


def _conformal(context: Context) -> list[Figure]:
    """Coverage and size of conformal sets over 200 halves of the held-out rows."""
    scores = scores_of(context, context.tuned, [e.input for e in context.test])
    if scores is None:
        return []
    place = {label: at for at, label in enumerate(scores.decider.labels)}
    known = [at for at, e in enumerate(context.test) if str(e.output) in place]
    if len(known) < LEAST:
        return []
    table = scores.probabilities(scores.decider.temperature)[known]
    found = resplit(table, [place[str(context.test[at].output)] for at in known], alpha=ALPHA)
    title = "Conformal sets at 90 %: hold the right label"
    n = len(known)
    return [
        Figure(
            "conformal",
            found.coverage.value,
            found.coverage.low,
            found.coverage.high,
            n,
            "higher",
            title=title,
        ),
        Figure(
            "set_size",
            found.size,
            found.size,
            found.size,
            n,
            "lower",
            title="Labels in such a set",
            unit="number",
        ),
    ]


def _curves(own: Floats, right: Floats) -> list[Curve]:
    bins = reliability(own, right)
    points = tuple((b.confidence, b.right.value, b.right.low, b.right.high) for b in bins)
    return [
        Curve("Right answers by stated confidence", "stated confidence", "share right", points),
        Curve(
            "Wrong answers by share that goes out",
            "share that goes out",
            "share wrong",
            tuple(risk_coverage(own, right)),
        ),
    ]
