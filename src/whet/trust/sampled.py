"""Agreement between samples: a confidence for whoever writes, also where no probabilities are told.

Each input is asked some times more at a temperature; the confidence of the answer that was given is the share
of these samples that agree with it by the task's own comparison (a judge's task: word for word, since a
judge costs more than it). It costs so many answers for each row, so it is taken on request alone, and what
it cost stands beside it. Its calibration is measured like that of a stated confidence: on held-out rows,
with log odds scaled on dev. Sources: self-consistency, Wang and others (ICLR 2023, arXiv 2203.11171);
SelfCheckGPT, Manakul and others (EMNLP 2023, arXiv 2303.08896).
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from whet.config_scorers import JudgeScorer
from whet.errors import InputError
from whet.evaluate.calibrate import (
    brier,
    ece_interval,
    reliability,
    temperature_of,
    tempered,
    threshold_for,
)
from whet.evaluate.grading import folded
from whet.evaluate.stats import Interval, wilson
from whet.models.opening import price_of
from whet.trust.measures import Curve, Figure

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from whet.records import Example, Output
    from whet.trust.context import Context

    Floats = NDArray[np.float64]

ROWS = 200
"""Held-out rows that are asked again, and as many of dev, at the most."""
LEAST = 50
NOTHING_TO_DRAW = "Agreement between samples cannot be measured: the specialist writes nothing."


@dataclass(frozen=True)
class Agreed:
    """How far samples agree with the answers that were given."""

    share: Floats
    """Of the samples of each row [n]; 0 where no answer was given."""
    right: Floats
    asked: int
    tokens: int
    usd: float


@dataclass(frozen=True)
class Told:
    """What the measure says of it."""

    figures: tuple[Figure, ...]
    curves: tuple[Curve, ...]
    said: str


def sampling(context: Context) -> Told | None:
    """Agreement and its calibration; None where it is not asked for.

    Raises:
        InputError: the specialist draws nothing.
    """
    if not context.asked.samples:
        return None
    if getattr(context.tuned.specialist, "writer", None) is None:
        raise InputError(NOTHING_TO_DRAW, where=context.tuned.name, fix="leave --samples out.")
    given = [answer.output for answer in context.tuned.test]
    held = agreed(context, context.test, given)
    dev = _of_dev(context)
    return Told(_figures(context, held, dev), _curves(context, held), _said(context, held, dev))


def agreed(context: Context, examples: Sequence[Example], given: Sequence[Output]) -> Agreed:
    """Draw samples for up to ``ROWS`` of these examples, of which ``given`` were answered."""
    places = sorted(random.Random(context.seed).sample(range(len(examples)), min(ROWS, len(examples))))
    rows, answers = [examples[at] for at in places], [given[at] for at in places]
    drawn = _drawn(context, [one.input for one in rows])
    count = context.asked.samples
    same = _alike(
        context,
        [one for one in rows for _ in range(count)],
        [answer for answer in answers for _ in range(count)],
        [one["output"] for one in drawn],
    )
    answered = np.array([answer not in ("", ()) for answer in answers])
    share = np.array(same, float).reshape(len(rows), count).mean(axis=1) * answered
    right = np.array(context.is_right(rows, answers), float)
    tokens = sum(one["tokens"] for one in drawn)
    return Agreed(share, right, len(drawn), tokens, sum(one["usd"] for one in drawn))


def _of_dev(context: Context) -> Agreed | None:
    """The same on dev, which fits the temperature; None where dev is too small, or was learned."""
    if len(context.dev) < LEAST or context.tuned.specialist.info.dev_outputs:
        return None
    answers = context.answers(context.tuned, [one.input for one in context.dev])
    return agreed(context, context.dev, [one.output for one in answers])


def _drawn(context: Context, inputs: Sequence[str]) -> list[Mapping[str, Any]]:
    """``asked.samples`` answers an input, side by side, kept in the run's cache with what they cost."""
    count, heat = context.asked.samples, context.asked.temperature
    key = [context.tuned.digest, list(inputs), count, heat]
    return context.kept(f"{context.tuned.name}-samples", key, lambda: _asked(context, inputs))


def _asked(context: Context, inputs: Sequence[str]) -> list[dict[str, Any]]:
    specialist: Any = context.tuned.specialist
    count, heat = context.asked.samples, context.asked.temperature
    bare = [one.request for one in specialist.posed(inputs)] if hasattr(specialist, "posed") else None
    requests = bare or [specialist.asks(text) for text in inputs]
    asked = [
        replace(one, temperature=heat, seed=1 + count * at + n)
        for at, one in enumerate(requests)
        for n in range(count)
    ]
    context.tell(f"confidence: {len(asked):,} more answers, as --samples asks", 0, len(asked))
    answers = specialist.writer.answer(asked, context.tell)
    _heated(specialist.writer)
    read = getattr(specialist, "read", str)
    return [
        {
            "output": "" if one.failed else read(one.text),
            "tokens": one.tokens_in + one.tokens_out,
            "usd": price_of(specialist.writer, one),
        }
        for one in answers
    ]


def _heated(writer: Any) -> None:
    """Samples of a server that takes no temperature may all be the likeliest answer: they tell nothing.

    Raises:
        InputError: it refused.
    """
    from whet.models.remote.body import REFUSED

    if REFUSED["temperature"] in getattr(writer, "notes", ()):
        fix = "leave --samples out, or serve the model where a temperature can be asked for."
        raise InputError("takes no temperature, so that samples tell nothing.", where=writer.name, fix=fix)


def _alike(
    context: Context, rows: Sequence[Example], given: Sequence[Output], drawn: Sequence[Any]
) -> list[bool]:
    """Which samples agree with the answer that was given."""
    outputs: list[Output] = [tuple(one) if isinstance(one, list) else one for one in drawn]
    if isinstance(context.task.metric, JudgeScorer):
        return [folded(str(one)) == folded(str(other)) for one, other in zip(given, outputs, strict=True)]
    return context.is_right([replace(e, output=o) for e, o in zip(rows, given, strict=True)], outputs)


def _figures(context: Context, held: Agreed, dev: Agreed | None) -> tuple[Figure, ...]:
    count, seed = context.asked.samples, context.seed
    of = f"agreement of {count} samples"
    raw = ece_interval(held.share, held.right, seed=seed)
    found = [_figure("agreement_ece", raw, f"Calibration error of the {of}")]
    stated = held.share
    if dev is not None:
        t = temperature_of(dev.share, dev.right)
        stated = tempered(held.share, t)
        scaled = ece_interval(stated, held.right, seed=seed)
        title = f"The same, with log odds divided by {t:.2f} as dev says"
        found.append(_figure("agreement_ece_scaled", scaled, title))
    score = brier(stated, held.right, seed)
    found.append(_figure("agreement_brier", score, f"Brier score of the {of}", "number"))
    wanted = context.asked.precision
    going = threshold_for(held.share, held.right, wanted)
    n = len(held.share)
    share = wilson(round((going.share if going else 0.0) * n), n)
    title = f"Goes out alone at {100 * wanted:g} % precision, by the {of}"
    found.append(replace(_figure("agreement_coverage", share, title, "share"), better="higher"))
    cost = held.asked + (dev.asked if dev else 0)
    title = "Answers that were asked for it"
    return (*found, Figure("samples", cost, cost, cost, n, "lower", title=title, unit="count", of="rows"))


def _figure(name: str, found: Interval, title: str, unit: Any = "points") -> Figure:
    return Figure(name, found.value, found.low, found.high, found.n, "lower", title=title, unit=unit)


def _curves(context: Context, held: Agreed) -> tuple[Curve, ...]:
    bins = reliability(held.share, held.right)
    points = tuple((b.confidence, b.right.value, b.right.low, b.right.high) for b in bins)
    title = f"Right answers by agreement of {context.asked.samples} samples"
    return (Curve(title, "stated by agreement", "share right", points),)


def _said(context: Context, held: Agreed, dev: Agreed | None) -> str:
    both = [held, dev] if dev else [held]
    asked, tokens, usd = (
        sum(getattr(one, name) for one in both if one) for name in ("asked", "tokens", "usd")
    )
    price = f", {usd:.2f} US dollars" if usd else ""
    sure = held.share >= 0.5
    parts = [
        f"{100 * held.right[part].mean():.0f} % are right where {what} of them agree (n={int(part.sum()):,})"
        for part, what in ((sure, "half or more"), (~sure, "fewer"))
        if part.any()
    ]
    drawn = f"Of {context.asked.samples} samples of each of {len(held.share):,} rows"
    cost = f"temperature {context.asked.temperature:g}, {asked:,} more answers, {tokens:,} tokens{price}"
    return f"{drawn} ({cost}): {'; '.join(parts)}."
