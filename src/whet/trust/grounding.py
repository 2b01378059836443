"""Grounding: what outputs state that nothing the model was given supports.

Every quotation, address, date, number, code and name of an output (of JSON, every field) is looked for in
its input, in the passages that were shown, and in what the task says to every input. The approved answers
are read in the same way: what people state without a source is shown beside. Knows no models and no runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from whet.evaluate.grounding import Claim, claims
from whet.evaluate.stats import Interval, percentile_interval, wilson
from whet.trust.measures import SHOWN, Figure, Measure, Row, Table, not_shown

NAME = "grounding"
RESAMPLES = 2_000
MOST_ROWS = 200


@dataclass(frozen=True, slots=True)
class Said:
    """One held-out input and what was answered."""

    id: str
    input: str
    output: str
    approved: str = ""
    base: str | None = None
    """What the base answers."""
    passages: Mapping[str, str] = field(default_factory=dict)
    """Texts that were shown beside the input, by name."""


def grounding(said: Sequence[Said], known: Mapping[str, str] | None = None) -> Measure:
    """Look for every value of every output.

    Args:
        known: what stands before every input, by name: the instruction, the documents.
    """
    found = [_claims(one, one.output, known or {}) for one in said]
    total = sum(map(len, found))
    if not total:
        return not_shown(
            NAME, f"none of {len(said):,} outputs states a quotation, address, date, number or name."
        )
    approved = [_claims(one, one.approved, known or {}) for one in said]
    base = (
        None
        if any(one.base is None for one in said)
        else [_claims(o, o.base or "", known or {}) for o in said]
    )
    figures = (_share(found, base), _answers(found, base))
    rows, tables = _rows(said, found), (_table(found, approved),)
    return Measure(NAME, SHOWN, figures, _said(found, approved), rows=rows, tables=tables)


def _claims(one: Said, output: str, known: Mapping[str, str]) -> list[Claim]:
    return claims(output, {"input": one.input, **one.passages, **known})


def _share(found: Sequence[Sequence[Claim]], base: Sequence[Sequence[Claim]] | None) -> Figure:
    """Of all values; resampled by answer, since values of one answer are not independent."""
    own, gap = _resampled(found), None
    if base is not None and any(base):
        gap = _gap(found, base)
    return Figure(
        "unsupported",
        own.value,
        own.low,
        own.high,
        own.n,
        "lower",
        None if gap is None else own.value - gap.value,
        None if gap is None else gap.low,
        None if gap is None else gap.high,
        title="Values that nothing supports",
        of="values",
    )


def _answers(found: Sequence[Sequence[Claim]], base: Sequence[Sequence[Claim]] | None) -> Figure:
    bad = [any(not claim.supported for claim in row) for row in found]
    own = wilson(sum(bad), len(bad))
    other = None
    if base is not None:
        other = sum(any(not claim.supported for claim in row) for row in base) / len(base)
    return Figure(
        "answers_unsupported",
        own.value,
        own.low,
        own.high,
        own.n,
        "lower",
        other,
        title="Answers with such a value",
        of="answers",
    )


def _counts(rows: Sequence[Sequence[Claim]]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Unsupported values, and all, of each answer [n, 2]."""
    return np.array([[sum(not claim.supported for claim in row), len(row)] for row in rows], dtype=np.float64)


def _draws(rows: Sequence[Sequence[Claim]], seed: int = 0) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    counts, rng = _counts(rows), np.random.default_rng(seed)
    weights = rng.multinomial(len(counts), np.full(len(counts), 1 / len(counts)), size=RESAMPLES)
    sums = weights @ counts
    return np.asarray(sums[:, 0] / np.maximum(sums[:, 1], 1))


def _value(rows: Sequence[Sequence[Claim]]) -> float:
    bad, total = _counts(rows).sum(axis=0)
    return float(bad / total) if total else 0.0


def _resampled(rows: Sequence[Sequence[Claim]]) -> Interval:
    """The bootstrap's interval, and never narrower than that of independent values where none, or all, are
    supported: resampling rows that are alike says nothing."""
    total = sum(map(len, rows))
    found = percentile_interval(_value(rows), _draws(rows), total)
    if 0 < found.value < 1:
        return found
    return wilson(round(found.value * total), total)


def _gap(rows: Sequence[Sequence[Claim]], base: Sequence[Sequence[Claim]]) -> Interval:
    """Over the same resamples of inputs."""
    return percentile_interval(_value(rows) - _value(base), _draws(rows) - _draws(base), len(rows))


def _said(found: Sequence[Sequence[Claim]], approved: Sequence[Sequence[Claim]]) -> str:
    bad, total = (int(count) for count in _counts(found).sum(axis=0))
    theirs = f"; of the approved answers' values {_value(approved):.1%} are" if any(approved) else ""
    share = f"{bad / total:.1%}"
    return (
        f"{bad:,} of {total:,} values in {len(found):,} outputs are supported by nothing ({share}){theirs}."
    )


def _rows(said: Sequence[Said], found: Sequence[Sequence[Claim]]) -> tuple[Row, ...]:
    """Each value beside its source, those without one first."""
    pairs = [(one, claim) for one, row in zip(said, found, strict=True) for claim in row]
    pairs.sort(key=lambda pair: pair[1].supported)
    return tuple(
        Row(
            one.id,
            one.input[:300],
            f"{claim.value.kind} {claim.value.text!r}: supported{'' if claim.supported else ' by nothing'}",
            {"output": one.output[:300], "source": claim.source or "none", "beside": claim.beside},
        )
        for one, claim in pairs[:MOST_ROWS]
    )


def _table(found: Sequence[Sequence[Claim]], approved: Sequence[Sequence[Claim]]) -> Table:
    sides = []
    for rows in (found, approved):
        every = Counter(claim.value.kind for row in rows for claim in row)
        bad = Counter(claim.value.kind for row in rows for claim in row if not claim.supported)
        sides.append((bad, every))
    kinds = sorted({kind for _, every in sides for kind in every})
    cells = [(kind, *(f"{bad[kind]:,} of {every[kind]:,}" for bad, every in sides)) for kind in kinds]
    return Table("Supported by nothing, by kind", ("value", "outputs", "approved answers"), tuple(cells))
