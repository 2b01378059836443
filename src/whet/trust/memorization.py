"""Memorization: what the weights have kept of single training rows.

Two ways to see it. Canaries (``data.canaries``), where they were planted: how much likelier the model
finds each secret than others that could have stood there (``evaluate.exposure``, The Secret Sharer), by
how often it stood in the rows; never-planted ones are the control. And personal data of the training
answers that no input tells: given an answer up to it, does the model write it, and does the base? Knows no
run and no training.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from whet.check.pii.patterns import find
from whet.check.pii.spans import GROUP_OF, QUIET, masked
from whet.data.canaries import SPACE_BITS, drawn_secrets
from whet.evaluate.exposure import CHANCE, Exposure, exposure
from whet.evaluate.flips import change
from whet.evaluate.stats import Interval, bootstrap_means, percentile_interval
from whet.models.base import Form, Request, Weighs
from whet.trust.measures import SHOWN, Figure, Measure, Row, Table, not_shown

if TYPE_CHECKING:
    from whet.data.canaries import Canary
    from whet.models.base import Tell, Writer
    from whet.records import Example

NAME = "memorization"
DRAWN = 1023
"""Secrets that each canary is ranked among: up to 10 bits are seen by rank alone."""
TOGETHER = 8
"""Secrets that are weighed at once: what a tree of tokens needs grows with its square. Of 32, 16, 8, 4 and 2
the eight took least, less than half of the time of 32; what is found differs by rounding alone."""
MOST_VALUES = 200
"""Personal values that are tried."""
ROOM = 8
"""Tokens that a model may write before and behind a value."""

Asks = Callable[[str], Request]
"""An input as the specialist's model is asked."""


@dataclass(frozen=True, slots=True)
class Personal:
    """A personal value in an approved answer."""

    example: Example
    kind: str
    start: int
    value: str


def memorization(
    tuned: Writer,
    base: Writer,
    asks: Asks,
    *,
    planted: Sequence[Canary] = (),
    train: Sequence[Example] = (),
    seed: int = 0,
    drawn: int = DRAWN,
    tell: Tell | None = None,
) -> Measure:
    """Weigh canaries, and ask for personal values.

    Args:
        asks: makes a request of an input, as in training.
        planted: canaries with their controls, as ``data.canaries.canaries`` gives them; empty: none.
        train: the rows that were learned.
        drawn: secrets that each canary is ranked among.
    """
    bits = dict[int, list[Exposure]]()
    if planted and isinstance(tuned, Weighs):
        bits = by_repeats(planted, exposures(tuned, asks, planted, seed=seed, drawn=drawn, tell=tell))
    values = personal(train)
    if not bits and not values:
        return not_shown(NAME, _why(planted, train))
    figures, rows, said = list[Figure](), tuple[Row, ...](), list[str]()
    if bits:
        figures += [_bits(repeats, found) for repeats, found in bits.items()]
        said.append(_exposed(bits))
    if values:
        done = [_completed(values, writer, asks, tell) for writer in (base, tuned)]
        figures.append(_completions(*done))
        rows = _rows(values, *done)
        said.append(_told(values, *done))
    tables = (_table(bits),) if bits else ()
    return Measure(NAME, SHOWN, tuple(figures), " ".join(said), rows=rows, tables=tables)


def _why(planted: Sequence[Canary], train: Sequence[Example]) -> str:
    found = f"none of {len(train):,} training answers holds personal data that its input does not tell"
    if planted:
        return f"the model does not say how likely it finds an answer, and {found}."
    return f"no canaries were planted, and {found}. Train with `tune.canaries: 48` to measure it."


def exposures(
    writer: Weighs,
    asks: Asks,
    planted: Sequence[Canary],
    *,
    seed: int = 0,
    drawn: int = DRAWN,
    tell: Tell | None = None,
) -> list[Exposure]:
    """How much a model knows of each canary's secret, in the order of the canaries."""
    own = [canary.secret for canary in planted]
    every = [*own, *drawn_secrets(drawn, seed, own)]
    logprobs: list[list[float]] = [[] for _ in planted]
    for start in range(0, len(every), TOGETHER):
        form = Form(choices=tuple(every[start : start + TOGETHER]))
        found = writer.logprobs([dataclasses.replace(asks(one.ask), form=form) for one in planted])
        for row, more in zip(logprobs, found, strict=True):
            row.extend(more)
        if tell:
            tell("memorization: weighing secrets", min(start + TOGETHER, len(every)), len(every))
    return [exposure(row[n], row[len(own) :], SPACE_BITS) for n, row in enumerate(logprobs)]


def by_repeats(planted: Sequence[Canary], found: Sequence[Exposure]) -> dict[int, list[Exposure]]:
    """Exposures by how often the canary was planted, the controls (0) first."""
    return {
        repeats: [one for canary, one in zip(planted, found, strict=True) if canary.repeats == repeats]
        for repeats in sorted({canary.repeats for canary in planted})
    }


def personal(train: Sequence[Example]) -> list[Personal]:
    """Personal values with a shape of their own in approved answers, whose inputs do not have them."""
    found = dict[str, Personal]()
    for example in train:
        answer = example.output if isinstance(example.output, str) else ""
        for start, stop, kind in find(answer):
            value = answer[start:stop]
            if GROUP_OF[kind] not in QUIET and value not in example.input and value not in found:
                found[value] = Personal(example, kind, start, value)
    return list(found.values())[:MOST_VALUES]


def _completed(values: Sequence[Personal], writer: Writer, asks: Asks, tell: Tell | None) -> list[bool]:
    """Whether each value is written where its answer stands up to it."""
    requests = [_begun(one, asks) for one in values]
    answers = writer.answer(requests, tell)
    return [
        one.value in answer.text[: len(one.value) + ROOM] for one, answer in zip(values, answers, strict=True)
    ]


def _begun(one: Personal, asks: Asks) -> Request:
    request = asks(one.example.input)
    begun = str(one.example.output)[: one.start].rstrip()
    return dataclasses.replace(request, begun=begun, form=None, tokens=len(one.value) + ROOM)


def _bits(repeats: int, found: Sequence[Exposure]) -> Figure:
    name = f"exposure_{repeats}" if repeats else "exposure_never"
    title = (
        f"Exposure of what stood {repeats} time{'s' * (repeats > 1)} in the rows"
        if repeats
        else ("Exposure of what never stood in the rows")
    )
    span = mean_bits(found)
    return Figure(
        name,
        span.value,
        span.low,
        span.high,
        span.n,
        "lower",
        CHANCE,
        title=title,
        unit="bits",
        of="canaries",
    )


def mean_bits(found: Sequence[Exposure]) -> Interval:
    """Mean exposure with its bootstrap interval."""
    values = np.array([one.bits for one in found])
    return percentile_interval(float(values.mean()), bootstrap_means(values), len(values))


def _completions(base: Sequence[bool], tuned: Sequence[bool]) -> Figure:
    found = change(base, tuned)
    side, gap = found.after, found.difference
    return Figure(
        "completed",
        side.value,
        side.low,
        side.high,
        side.n,
        "lower",
        found.before.value,
        gap.low,
        gap.high,
        title="Personal data completed from its beginning",
        of="values",
    )


def _exposed(bits: dict[int, list[Exposure]]) -> str:
    told = [
        f"{mean_bits(found).value:.1f} bits after {repeats} time(s)"
        for repeats, found in bits.items()
        if repeats
    ]
    control = mean_bits(bits[0]).value if 0 in bits else CHANCE
    planted = ", ".join(told)
    return f"Planted secrets are exposed by {planted}; never planted ones by {control:.1f} (chance: 1.4)."


def _told(values: Sequence[Personal], base: Sequence[bool], tuned: Sequence[bool]) -> str:
    return (
        f"Of {len(values):,} personal values in training answers the specialist completes {sum(tuned):,} and "
        f"the base {sum(base):,}."
    )


def _rows(values: Sequence[Personal], base: Sequence[bool], tuned: Sequence[bool]) -> tuple[Row, ...]:
    """What the specialist completes, masked: the page must not leak it again."""
    said = {True: "the base too", False: "the base does not"}
    return tuple(
        Row(
            one.example.id,
            f"{one.kind}: {masked(one.kind, one.value)}",
            f"completed by the specialist; {said[before]}",
            {"row": one.example.source},
        )
        for one, before, after in zip(values, base, tuned, strict=True)
        if after
    )


def _table(bits: dict[int, list[Exposure]]) -> Table:
    rows = []
    for repeats, found in bits.items():
        span = mean_bits(found)
        first = sum(one.rank == 1 for one in found)
        interval = f"{span.low:.1f} to {span.high:.1f}"
        rows.append((str(repeats or "never"), str(len(found)), f"{span.value:.2f}", interval, str(first)))
    title = f"Exposure of canaries, ranked among {next(iter(bits.values()))[0].drawn:,} others, bits"
    return Table(title, ("times in the rows", "canaries", "mean", "95 %", "likeliest of all"), tuple(rows))
