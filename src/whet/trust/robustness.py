"""Robustness: held-out inputs as people really write and paste them, and with an order hidden inside.

Each of a draw of held-out rows is made messy in five ways (``evaluate.messy``) and answered again: how far
the metric falls, on the same rows, by a bootstrap over rows. Then each holds an instruction for something
else: how often it is obeyed. Knows neither models nor runs: it is given a function that answers.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from whet.evaluate.messy import KINDS, Injected, injected, messy, obeyed
from whet.evaluate.stats import Interval, bootstrap_means, percentile_interval, wilson
from whet.records import Output
from whet.trust.measures import SHOWN, Figure, Measure, Row, Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from whet.evaluate.metrics import Metric
    from whet.records import Example

    FloatArray = NDArray[np.float64]

Answers = Callable[[Sequence[str]], Sequence[Output]]
NAME = "robustness"
MOST = 200
"""Held-out rows that are made messy."""
SHOWN_EACH = 10


def robustness(
    answers: Answers,
    examples: Sequence[Example],
    metric: Metric,
    *,
    labels: Sequence[str] = (),
    base: Answers | None = None,
    seed: int = 0,
    most: int = MOST,
    tell: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> Measure:
    """Answer messy versions of held-out rows.

    Args:
        answers: one output an input, in order.
        labels: the answers to choose from; empty: answers are free.
        base: answers of the base, on the same versions.
    """
    drawn = _drawn(examples, seed, most)
    tell("robustness: messy inputs", 0, len(KINDS) + 1)
    clean = list(answers([one.input for one in drawn]))
    gain = _gain(metric, drawn, clean)
    versions = {kind: [messy(one.input, kind, seed) for one in drawn] for kind in KINDS}
    outputs = dict[str, list[Output]]()
    for number, (kind, texts) in enumerate(versions.items(), start=1):
        outputs[kind] = list(answers(texts))
        tell("robustness: messy inputs", number, len(KINDS) + 1)
    falls = {kind: gain - _gain(metric, drawn, found) for kind, found in outputs.items()}
    orders = [injected(one.input, seed, _others(labels, clean[n])) for n, one in enumerate(drawn)]
    done = _obeying(answers, orders, clean, whole=bool(labels))
    more = _of_base(base, drawn, metric, versions, orders, labels) if base else None
    figures = [*_falls(falls, more, metric, len(drawn)), _obeyed(done, more)]
    rows = [*_orders(drawn, orders, done), *_fallen(drawn, versions, outputs, falls)]
    return Measure(
        NAME, SHOWN, tuple(figures), _said(falls, done), rows=tuple(rows), tables=(_table(falls, gain),)
    )


def _drawn(examples: Sequence[Example], seed: int, most: int) -> list[Example]:
    if len(examples) <= most:
        return list(examples)
    places = sorted(random.Random(f"robustness {seed}").sample(range(len(examples)), most))
    return [examples[place] for place in places]


def _gain(metric: Metric, examples: Sequence[Example], outputs: Sequence[Output]) -> FloatArray:
    return metric.per_example([one.output for one in examples], outputs, [one.input for one in examples])


def _others(labels: Sequence[str], own: Output) -> list[str]:
    """Labels that the clean input does not get: an answer of that label is then the order's doing."""
    return [label for label in labels if label != own and label not in own] if labels else []


def _obeying(
    answers: Answers, orders: Sequence[Injected], clean: Sequence[Output], *, whole: bool
) -> list[tuple[bool, Output]]:
    found = answers([order.text for order in orders])
    return [
        (obeyed(order, _text(output), whole=whole and isinstance(output, str)), output)
        for order, output in zip(orders, found, strict=True)
    ]


def _text(output: Output) -> str:
    return output if isinstance(output, str) else "|".join(output)


def _of_base(
    base: Answers,
    drawn: Sequence[Example],
    metric: Metric,
    versions: Mapping[str, Sequence[str]],
    orders: Sequence[Injected],
    labels: Sequence[str],
) -> tuple[Mapping[str, FloatArray], list[bool]]:
    clean = list(base([one.input for one in drawn]))
    gain = _gain(metric, drawn, clean)
    falls = {kind: gain - _gain(metric, drawn, list(base(texts))) for kind, texts in versions.items()}
    return falls, [did for did, _ in _obeying(base, orders, clean, whole=bool(labels))]


def _falls(
    falls: Mapping[str, FloatArray],
    base: tuple[Mapping[str, FloatArray], list[bool]] | None,
    metric: Metric,
    n: int,
) -> list[Figure]:
    """The mean fall over all kinds, and each kind's own."""
    mean = np.mean(list(falls.values()), axis=0)
    other = np.mean(list(base[0].values()), axis=0) if base else None
    unit = "number" if metric.name == "cost" else "points"
    found = [_fall("fall", mean, other, "Fall of the metric, mean of all kinds", unit, n)]
    for kind, values in falls.items():
        of_base = base[0][kind] if base else None
        found.append(_fall(f"fall_{kind.replace(' ', '_')}", values, of_base, f"Fall by {kind}", unit, n))
    return found


def _fall(name: str, values: FloatArray, base: FloatArray | None, title: str, unit: str, n: int) -> Figure:
    own = _interval(values)
    gap = _interval(values - base) if base is not None else None
    return Figure(
        name,
        own.value,
        own.low,
        own.high,
        n,
        "lower",
        None if base is None else float(base.mean()),
        gap.low if gap else None,
        gap.high if gap else None,
        title=title,
        unit="number" if unit == "number" else "points",
    )


def _interval(values: FloatArray) -> Interval:
    return percentile_interval(float(values.mean()), bootstrap_means(values), len(values))


def _obeyed(
    done: Sequence[tuple[bool, Output]], base: tuple[Mapping[str, FloatArray], list[bool]] | None
) -> Figure:
    share = wilson(sum(did for did, _ in done), len(done))
    gap = None
    if base:
        gap = _interval(np.array([float(did) for did, _ in done]) - np.array(base[1], dtype=np.float64))
    return Figure(
        "obeyed",
        share.value,
        share.low,
        share.high,
        share.n,
        "lower",
        sum(base[1]) / len(base[1]) if base else None,
        gap.low if gap else None,
        gap.high if gap else None,
        title="Instructions inside the input that are obeyed",
    )


def _said(falls: Mapping[str, FloatArray], done: Sequence[tuple[bool, Output]]) -> str:
    worst = max(falls, key=lambda kind: float(falls[kind].mean()))
    count = sum(did for did, _ in done)
    mean = float(np.mean([values.mean() for values in falls.values()]))
    return (
        f"Messy inputs lose {mean * 100:.1f} points on average, most by {worst} "
        f"({falls[worst].mean() * 100:.1f}); {count} of {len(done)} instructions inside an input were obeyed."
    )


def _orders(
    drawn: Sequence[Example], orders: Sequence[Injected], done: Sequence[tuple[bool, Output]]
) -> list[Row]:
    found = [
        Row(
            one.id,
            order.text,
            "obeys the instruction inside",
            {"answer": _text(output), "wanted": order.wanted},
        )
        for one, order, (did, output) in zip(drawn, orders, done, strict=True)
        if did
    ]
    return found[:SHOWN_EACH]


def _fallen(
    drawn: Sequence[Example],
    versions: Mapping[str, Sequence[str]],
    outputs: Mapping[str, Sequence[Output]],
    falls: Mapping[str, FloatArray],
) -> list[Row]:
    """A few rows of each kind that became worse."""
    rows = []
    for kind, values in falls.items():
        for n in [n for n, fall in enumerate(values) if fall > 0][:SHOWN_EACH]:
            more = {"answer": _text(outputs[kind][n]), "approved": _text(drawn[n].output)}
            rows.append(Row(drawn[n].id, versions[kind][n], f"worse by {kind}", more))
    return rows


def _table(falls: Mapping[str, FloatArray], gain: FloatArray) -> Table:
    rows = [("as it is", f"{gain.mean():.3f}", "")]
    for kind, values in falls.items():
        span = _interval(values)
        rows.append((kind, f"{gain.mean() - span.value:.3f}", f"{-span.high:+.3f} to {-span.low:+.3f}"))
    return Table("The metric by kind of mess", ("inputs", "metric", "difference"), tuple(rows))
