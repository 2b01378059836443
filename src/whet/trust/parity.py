"""Parity: the forms of one specialist answer alike.

What was trained, saved and loaded again, merged, made small and served or exported should be one model.
The same held-out rows are answered by each form and compared with the first of them, answer by answer,
token by token, and by the metric; and where a form shows how it lays a request out, the layouts too: an
export with another chat template asks another question. Forms are functions; knows no models and no runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from whet.evaluate.stats import Interval, bootstrap_means, percentile_interval, wilson
from whet.records import Output
from whet.trust.measures import SHOWN, Figure, Measure, Row, Table, not_shown

if TYPE_CHECKING:
    from whet.evaluate.metrics import Metric
    from whet.records import Example

NAME = "parity"
SHOWN_EACH = 10
_TOKEN = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True)
class FormOf:
    """One form of a specialist."""

    name: str
    answers: Callable[[Sequence[str]], Sequence[Output]]
    laid_out: Callable[[Sequence[str]], Sequence[str]] | None = None
    """The text that the model really reads, for each input; None: the form does not show it."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two lists of answers to the same inputs."""

    alike: Interval
    """Share of inputs with the same answer."""
    tokens: float
    """Share of the tokens before the first difference, over all answers."""
    apart: tuple[int, ...]
    """Places of inputs whose answers differ."""


def parity_of(first: Sequence[Output], second: Sequence[Output]) -> Pair:
    """Compare answers.

    Raises:
        ValueError: not as many in both.
    """
    pairs = [(_text(one), _text(other)) for one, other in zip(first, second, strict=True)]
    apart = tuple(n for n, (one, other) in enumerate(pairs) if one != other)
    same, longest = 0, 0
    for one, other in pairs:
        left, right = _TOKEN.findall(one), _TOKEN.findall(other)
        same += _alike(left, right)
        longest += max(len(left), len(right))
    return Pair(wilson(len(pairs) - len(apart), len(pairs)), same / longest if longest else 1.0, apart)


def parity(
    forms: Sequence[FormOf],
    examples: Sequence[Example],
    metric: Metric,
    *,
    tell: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> Measure:
    """Compare every form with the first."""
    if len(forms) < 2 or not examples:
        why = "there is one form of this specialist only; an export gives another (whet export)."
        return not_shown(NAME, why)
    inputs = [one.input for one in examples]
    outputs = list[Sequence[Output]]()
    for number, form in enumerate(forms):
        tell(f"parity: {form.name}", number, len(forms))
        outputs.append(list(form.answers(inputs)))
    pairs = {
        form.name: parity_of(outputs[0], found) for form, found in zip(forms[1:], outputs[1:], strict=True)
    }
    other = {form.name: _laid_otherwise(forms[0], form, inputs) for form in forms[1:]}
    gains = [_gains(metric, examples, found) for found in outputs]
    falls = {form.name: gains[0] - found for form, found in zip(forms[1:], gains[1:], strict=True)}
    figures = [*_worst(pairs, other, falls, len(inputs)), *_each(pairs), *_falls(falls, len(inputs))]
    rows = _rows(examples, forms, outputs, pairs)
    table = _table(pairs, other, falls)
    return Measure(
        NAME, SHOWN, tuple(figures), _said(pairs, other, falls, forms[0].name), rows=rows, tables=(table,)
    )


def _text(output: Output) -> str:
    return output.strip() if isinstance(output, str) else "|".join(output)


def _alike(one: Sequence[str], other: Sequence[str]) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (left, right) in pairs if left != right), min(len(one), len(other)))


def _laid_otherwise(first: FormOf, form: FormOf, inputs: Sequence[str]) -> int | None:
    """Inputs that a form lays out otherwise; None where one of them does not show it."""
    if first.laid_out is None or form.laid_out is None:
        return None
    pairs = zip(first.laid_out(inputs), form.laid_out(inputs), strict=True)
    return sum(one != other for one, other in pairs)


def _gains(
    metric: Metric, examples: Sequence[Example], outputs: Sequence[Output]
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return metric.per_example([one.output for one in examples], outputs, [one.input for one in examples])


def _worst(
    pairs: Mapping[str, Pair],
    other: Mapping[str, int | None],
    falls: Mapping[str, np.ndarray[tuple[int], np.dtype[np.float64]]],
    n: int,
) -> list[Figure]:
    """Of the form that is farthest from the first."""
    least = min(pairs.values(), key=lambda pair: pair.alike.value).alike
    fall = max(falls.values(), key=lambda values: float(values.mean()))
    span = percentile_interval(float(fall.mean()), bootstrap_means(fall), n)
    found = [
        Figure("alike", least.value, least.low, least.high, n, "higher", title="Answers alike, worst form"),
        Figure(
            "fall",
            span.value,
            span.low,
            span.high,
            n,
            "lower",
            title="Fall of the metric, worst form",
            unit="points",
        ),
    ]
    laid = [count for count in other.values() if count is not None]
    if laid:
        share = wilson(max(laid), n)
        title = "Requests laid out otherwise, worst form"
        found.append(Figure("laid_otherwise", share.value, share.low, share.high, n, "lower", title=title))
    return found


def _each(pairs: Mapping[str, Pair]) -> list[Figure]:
    return [
        Figure(
            f"alike_{name.replace(' ', '_')}",
            pair.alike.value,
            pair.alike.low,
            pair.alike.high,
            pair.alike.n,
            "higher",
            title=f"Answers alike, {name}",
        )
        for name, pair in pairs.items()
    ]


def _falls(falls: Mapping[str, np.ndarray[tuple[int], np.dtype[np.float64]]], n: int) -> list[Figure]:
    """How far the metric falls in each form."""
    found = []
    for name, fall in falls.items():
        span = percentile_interval(float(fall.mean()), bootstrap_means(fall), n)
        title = f"Fall of the metric, {name}"
        figure = Figure("fall", span.value, span.low, span.high, n, "lower", title=title, unit="points")
        found.append(replace(figure, name=f"fall_{name.replace(' ', '_')}"))
    return found


def _points(fall: np.ndarray[tuple[int], np.dtype[np.float64]]) -> str:
    """What an answer otherwise costs, where it does."""
    points = -100 * float(fall.mean())
    return f" (metric {points:+.1f} points)" if abs(points) >= 0.05 else ""


def _said(
    pairs: Mapping[str, Pair],
    other: Mapping[str, int | None],
    falls: Mapping[str, np.ndarray[tuple[int], np.dtype[np.float64]]],
    first: str,
) -> str:
    told = [f"{name} {pair.alike.value:.1%}{_points(falls[name])}" for name, pair in pairs.items()]
    laid = [name for name, count in other.items() if count]
    template = f" Laid out otherwise, by another chat template: {', '.join(laid)}." if laid else ""
    return f"Answers like those of the specialist {first}: {', '.join(told)}.{template}"


def _rows(
    examples: Sequence[Example],
    forms: Sequence[FormOf],
    outputs: Sequence[Sequence[Output]],
    pairs: Mapping[str, Pair],
) -> tuple[Row, ...]:
    rows = []
    for form, found in zip(forms[1:], outputs[1:], strict=True):
        for n in pairs[form.name].apart[:SHOWN_EACH]:
            more = {forms[0].name: _text(outputs[0][n])[:300], form.name: _text(found[n])[:300]}
            rows.append(Row(examples[n].id, examples[n].input[:300], f"{form.name} answers otherwise", more))
    return tuple(rows)


def _table(
    pairs: Mapping[str, Pair],
    other: Mapping[str, int | None],
    falls: Mapping[str, np.ndarray[tuple[int], np.dtype[np.float64]]],
) -> Table:
    rows = []
    for name, pair in pairs.items():
        laid = "not told" if other[name] is None else f"{pair.alike.n - (other[name] or 0)} of {pair.alike.n}"
        share = f"{pair.alike.value:.1%} ({pair.alike.low:.1%} to {pair.alike.high:.1%})"
        rows.append((name, share, f"{pair.tokens:.1%}", f"{-falls[name].mean() * 100:+.1f}", laid))
    columns = ("form", "answers alike", "tokens before a difference", "metric, points", "laid out alike")
    return Table("Against the specialist as it was saved", columns, tuple(rows))
