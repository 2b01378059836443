"""A judge: a model that scores by a rubric, trusted only after it was measured against people.

The judge answers with a level of the rubric and a reason; level i of k scores i / (k - 1). Agreement with
people is Cohen's kappa with quadratic weights (Cohen 1968) on a labelled sample, with a percentile interval
of the bootstrap over its examples. ``trusted`` is the only way to a scorer, and refuses a judge whose
interval begins below what is asked.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from whet.data.formats import read_table
from whet.errors import InputError, Refused, WorldError
from whet.evaluate.scorers.base import Scored, text_of
from whet.evaluate.stats import Interval
from whet.models.base import Answer, Form, Request, Writer
from whet.records import Example, Output, Turn

if TYPE_CHECKING:
    from numpy.typing import NDArray

RESAMPLES = 2000
LEAST = 20
"""Labelled examples, at the least: with fewer the interval says nothing."""
TOKENS = 200


@dataclass(frozen=True)
class Rubric:
    """What the judge looks at, and which levels there are, worst first."""

    text: str
    levels: tuple[str, ...] = ("bad", "good")


@dataclass(frozen=True, slots=True)
class Labelled:
    """One output that a person has judged."""

    example: Example
    output: Output
    level: str


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far a judge and people agree."""

    kappa: Interval
    same: float
    """Share of examples with the same level."""
    judge: str

    @property
    def sentence(self) -> str:
        k = self.kappa
        return (
            f"The judge {self.judge} agrees with people with kappa {k.value:.2f} "
            f"(95 % interval {k.low:.2f} to {k.high:.2f}, n = {k.n}); "
            f"{100 * self.same:.0f} % have the same level."
        )


@dataclass(frozen=True)
class Judge:
    """A scorer that stands on an agreement. Made by ``trusted``."""

    rubric: Rubric
    writer: Writer
    agreement: Agreement
    name: str = "judge"

    def score(self, examples: Sequence[Example], outputs: Sequence[Output]) -> list[Scored]:
        best = len(self.rubric.levels) - 1
        found = judged(self.rubric, self.writer, examples, outputs)
        return [
            Scored(level / best, f"Judged {self.rubric.levels[level]!r}: {reason}") for level, reason in found
        ]


def trusted(rubric: Rubric, writer: Writer, sample: Sequence[Labelled], least_kappa: float) -> Judge:
    """A judge whose agreement with people was measured on ``sample`` and is high enough.

    Raises:
        InputError: too small a sample, one level only, an unknown level.
        Refused: the lower end of kappa's interval is below ``least_kappa``.
        WorldError: the judge does not answer.
    """
    found = measure(rubric, writer, sample)
    if found.kappa.low < least_kappa:
        raise Refused(
            f"{found.sentence} The interval begins below {least_kappa:g}.",
            where="scorer judge",
            fix="sharpen the rubric, take another judge, or label more examples.",
        )
    return Judge(rubric, writer, found)


def read_labelled(path: Path) -> list[Labelled]:
    """What people said: a table with the columns input, output, level, and approved where there is one.

    Raises:
        InputError: a column is missing, a cell is empty.
    """
    table = read_table(path)
    for column in ("input", "output", "level"):
        if column not in table.columns:
            raise InputError(
                f"there is no column {column!r}; there are {', '.join(table.columns)}.",
                where=path,
                fix="labelled outputs have the columns input, output, level.",
            )
    found = []
    for at, row in enumerate(table.rows):
        approved = row.text("approved") if "approved" in table.columns else ""
        example = Example(f"labelled-{at}", row.text("input"), approved, str(path))
        found.append(Labelled(example, row.text("output"), row.text("level")))
    return found


def measure(rubric: Rubric, writer: Writer, sample: Sequence[Labelled]) -> Agreement:
    """The judge's agreement with people on ``sample``; errors as in ``trusted``."""
    places = {level: at for at, level in enumerate(rubric.levels)}
    unknown = sorted({item.level for item in sample} - places.keys())
    if unknown or len(sample) < LEAST or len({item.level for item in sample}) < 2:
        raise InputError(
            f"{len(sample)} labelled outputs, unknown levels: {', '.join(unknown) or 'none'}.",
            where="scorer judge: labelled",
            fix=f"label at least {LEAST} outputs with two or more of {', '.join(rubric.levels)}.",
        )
    given = judged(rubric, writer, [item.example for item in sample], [item.output for item in sample])
    table = np.zeros((len(places), len(places)))
    for item, (level, _) in zip(sample, given, strict=True):
        table[places[item.level], level] += 1
    return Agreement(kappa_interval(table), float(np.trace(table) / table.sum()), writer.name)


def judged(
    rubric: Rubric, writer: Writer, examples: Sequence[Example], outputs: Sequence[Output]
) -> list[tuple[int, str]]:
    """The level of each output, and why."""
    requests = [_request(rubric, e, o) for e, o in zip(examples, outputs, strict=True)]
    return [_level(rubric, answer, writer) for answer in writer.answer(requests)]


def _request(rubric: Rubric, example: Example, output: Output) -> Request:
    told = (
        f"You judge an answer by a rubric. Rubric: {rubric.text}\n"
        f"Levels, worst first: {', '.join(rubric.levels)}."
        '\nAnswer with JSON: {"reason": one sentence, "level": one of the levels}.'
    )
    approved, given = text_of(example.output), text_of(output)
    asked = f"Input:\n{example.input}\n\nApproved answer:\n{approved}\n\nAnswer to judge:\n{given}"
    return Request((Turn("system", told), Turn("user", asked)), TOKENS, Form(schema=_schema(rubric)))


def _schema(rubric: Rubric) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "reason": {"type": "string"},
            "level": {"type": "string", "enum": list(rubric.levels)},
        },
        "required": ["reason", "level"],
        "additionalProperties": False,
    }


def _level(rubric: Rubric, answer: Answer, writer: Writer) -> tuple[int, str]:
    try:
        value = json.loads(answer.text)
        return rubric.levels.index(value["level"]), str(value.get("reason") or "no reason given")
    except (ValueError, KeyError, TypeError) as error:
        said = answer.failed or f"it answers {answer.text[:80]!r}, which is no level"
        raise WorldError(
            f"the judge {writer.name} gives no level: {said}.",
            where="scorer judge",
            fix="take a judge that keeps to a JSON Schema, then run the same command again.",
        ) from error


def kappa(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cohen's kappa with quadratic weights of confusion counts [..., k, k]; 0 where chance explains all.

    1 - sum(w o) / sum(w e), w = (i - j)^2, o the observed shares, e the product of the margins. With two
    levels this is the plain kappa.
    """
    shares = table / table.sum(axis=(-2, -1), keepdims=True)
    expected = shares.sum(axis=-1, keepdims=True) * shares.sum(axis=-2, keepdims=True)
    steps = np.arange(table.shape[-1])
    weights = (steps[:, None] - steps[None, :]) ** 2
    seen, by_chance = (weights * shares).sum(axis=(-2, -1)), (weights * expected).sum(axis=(-2, -1))
    return np.asarray(np.where(by_chance > 0, 1 - seen / np.where(by_chance > 0, by_chance, 1), 0.0))


def kappa_interval(table: NDArray[np.float64], seed: int = 0) -> Interval:
    """Kappa of confusion counts [k, k] with a 95 % percentile interval over resampled examples."""
    n = int(table.sum())
    draws = np.random.default_rng(seed).multinomial(n, (table / n).ravel(), size=RESAMPLES)
    low, high = np.quantile(kappa(draws.reshape(-1, *table.shape).astype(float)), [0.025, 0.975])
    return Interval(float(kappa(table)), float(low), float(high), n)
