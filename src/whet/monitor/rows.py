"""One request as it is kept, and many as arrays: the shapes in which traffic is read and written.

Knows no table and no store.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from whet.monitor.tables import moment

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sqlalchemy import Row

LABEL = 200  # characters: a longer output is no label


@dataclass(frozen=True, slots=True)
class Served:
    """One request and its answer, as the server has them."""

    id: str
    task: str
    release: str
    input: str
    output: str
    confidence: float | None = None
    """Calibrated probability that the output is right."""
    seconds: float = 0.0
    tokens_in: int = 0
    tokens_out: int = 0
    usd: float = 0.0
    refused: bool = False
    """Whether the caller got no answer, or one that says that a person must look."""
    person: str = ""
    """The caller's own id of who asks; only a mark of it is kept."""
    embedding: NDArray[np.floating[Any]] | None = None
    """Unit vector of the input [dim], kept as float16."""
    novelty: float | None = None
    """Distance to the nearest training example (1 - cosine)."""
    shadow: str = ""
    """The release that answered beside, unseen."""
    shadow_output: str | None = None
    flags: Sequence[str] = ()
    """Names of rules that the answer broke."""
    time: str = ""
    """UTC, ISO 8601; empty: now."""


@dataclass(frozen=True, slots=True)
class Logged:
    """One row of the traffic, as it was kept."""

    id: str
    time: str
    task: str
    release: str
    input: str
    output: str
    label: str | None
    confidence: float | None
    novelty: float | None
    refused: bool
    seconds: float
    usd: float
    feedback: float | None
    truth: str | None
    shadow: str
    shadow_output: str | None
    flags: tuple[str, ...]


@dataclass(frozen=True)
class Columns:
    """Rows of the traffic as arrays [n], in the order of time; what is not known is NaN or empty."""

    ids: list[str]
    hours: NDArray[np.float64]
    """Hours since 1970, UTC."""
    figures: Mapping[str, NDArray[np.float64]]
    """By column, those of ``FIGURES``."""
    labels: list[str]
    """Outputs where they are labels; else empty."""
    truths: list[str]
    shadowed: NDArray[np.float64]
    """1 where the shadow answered otherwise, 0 where alike."""

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Vectors:
    """Inputs as unit vectors [n, dim], with the hours since 1970 in which they came."""

    ids: list[str]
    hours: NDArray[np.float64]
    rows: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.ids)


FIGURES = (
    *("confidence", "novelty", "refused", "seconds", "tokens_in", "tokens_out", "usd"),
    *("feedback", "chars_in", "chars_out"),
)


def label_of(output: str) -> str | None:
    """The output where it can be a label: one short line."""
    return output if len(output) <= LABEL and "\n" not in output else None


def logged(row: Row[Any]) -> Logged:
    told = row._asdict()
    texts = {name: told[name] or "" for name in ("input", "output", "shadow")}
    flags = tuple(json.loads(row.flags)) if row.flags else ()
    return Logged(**{**told, **texts, "flags": flags, "seconds": row.seconds or 0.0, "usd": row.usd or 0.0})


def columns_of(rows: Sequence[Row[Any]]) -> Columns:
    alike = [
        np.nan if row.shadow_output is None or row.output is None else float(row.shadow_output != row.output)
        for row in rows
    ]
    return Columns(
        ids=[row.id for row in rows],
        hours=np.array([moment(row.time).timestamp() / 3600 for row in rows], np.float64),
        figures={n: np.array([getattr(row, n) for row in rows], np.float64) for n in FIGURES},
        labels=[row.label or "" for row in rows],
        truths=[row.truth or "" for row in rows],
        shadowed=np.array(alike, np.float64),
    )
