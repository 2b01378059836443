"""What decisions come to: examples with their provenance, quality without bias, agreement of two reviewers.

A request that two people decided alike is one example; one on which they differ is none until somebody
settles it, and is listed. Knows the tables of the queue and no training: ``retrain.py`` merges the examples.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import select

from whet.database import reading
from whet.evaluate.sequential import weighted
from whet.evaluate.stats import Interval
from whet.monitor.tables import DECISIONS, ITEMS, TRAFFIC

if TYPE_CHECKING:
    from sqlalchemy import Row

    from whet.monitor.traffic import Traffic

RESAMPLES = 2_000


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A request and what people decided of it."""

    request: str
    input: str
    output: str | None
    """The right output; None: rejected, or disputed."""
    answered: str
    """What the release said."""
    right: bool | None
    """Whether the release was right; None: disputed."""
    release: str
    reasons: tuple[str, ...]
    weight: float | None
    reviewers: tuple[str, ...]
    keys: tuple[str, ...]
    time: str
    person: str | None

    @property
    def source(self) -> str:
        """Where the example comes from, as examples say it: ``review:REQUEST``."""
        return f"review:{self.request}"


def reviewed(traffic: Traffic, task: str, since: str = "") -> list[Reviewed]:
    """Requests with a decision other than skipping it, in the order of the last decision."""
    return sorted(
        (_together(rows) for rows in _by_item(traffic, task, since)), key=lambda r: (r.time, r.request)
    )


def _by_item(traffic: Traffic, task: str, since: str) -> Iterator[list[Row[Any]]]:
    wanted = (DECISIONS, ITEMS.c.request, ITEMS.c.release, ITEMS.c.reasons, ITEMS.c.weight)
    more = (TRAFFIC.c.input, TRAFFIC.c.output.label("answered"), TRAFFIC.c.label, TRAFFIC.c.person)
    query = select(*wanted, *more).join(ITEMS, DECISIONS.c.item == ITEMS.c.id)
    query = query.join(TRAFFIC, TRAFFIC.c.id == ITEMS.c.request)
    mine = (DECISIONS.c.task == task) & (DECISIONS.c.verdict != "skip") & (DECISIONS.c.time >= since)
    items: dict[int, list[Row[Any]]] = defaultdict(list)
    with reading(traffic.engine) as connection:
        for row in connection.execute(query.where(mine).order_by(DECISIONS.c.time)):
            items[row.item].append(row)
    yield from items.values()


def _together(rows: Sequence[Row[Any]]) -> Reviewed:
    first = rows[0]
    answered = first.answered or first.label or ""
    outputs = {_output(row, answered) for row in rows}
    agreed = len(outputs) == 1
    output = outputs.pop() if agreed else None
    right = None if not agreed else output == answered and first.verdict != "reject"
    return Reviewed(
        *(first.request, first.input or "", output, answered, right, first.release),
        tuple(json.loads(first.reasons)),
        first.weight,
        tuple(row.reviewer for row in rows),
        tuple(row.key for row in rows),
        rows[-1].time,
        first.person,
    )


def _output(row: Row[Any], answered: str) -> str | None:
    """What one decision says is right; None: only that the answer is not."""
    if row.verdict == "reject":
        return None
    return answered if row.verdict == "accept" else row.output


def sampled_quality(traffic: Traffic, task: str, release: str = "", alpha: float = 0.05) -> Interval:
    """Share of right answers, from the random sample of the queue: without bias, and always valid.

    Only what was drawn at random counts, whatever else spoke for it; each counts with the inverse of its
    chance.
    """
    rows = [r for r in reviewed(traffic, task) if r.weight is not None and r.right is not None]
    rows = [r for r in rows if not release or r.release == release]
    right = np.array([float(bool(r.right)) for r in rows])
    return weighted(right, np.array([r.weight for r in rows], float), alpha)


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two people agree who decided the same items."""

    kappa: Interval
    """Cohen's kappa with a 95 % bootstrap interval over the items."""
    alike: float
    """Share of items decided alike."""
    disputed: tuple[str, ...]
    """Requests on which they differ."""


def agreement(traffic: Traffic, task: str) -> Agreement | None:
    """Of all items that two people decided; None: there are none."""
    pairs, disputed = list[tuple[str, str]](), list[str]()
    for rows in _by_item(traffic, task, ""):
        if len(rows) >= 2:
            answered = rows[0].answered or rows[0].label or ""
            said = tuple(_output(row, answered) or "(reject)" for row in rows[:2])
            pairs.append((said[0], said[1]))
            disputed += [rows[0].request] * (said[0] != said[1])
    if not pairs:
        return None
    names = sorted({name for pair in pairs for name in pair})
    codes = np.array([[names.index(name) for name in pair] for pair in pairs])
    draws = np.random.default_rng(0).integers(0, len(pairs), (RESAMPLES, len(pairs)))
    spread = [cohen(codes[draw], len(names)) for draw in draws]
    low, high = np.quantile(spread, [0.025, 0.975])
    value = cohen(codes, len(names))
    alike = float((codes[:, 0] == codes[:, 1]).mean())
    return Agreement(Interval(value, float(low), float(high), len(pairs)), alike, tuple(disputed))


def cohen(codes: Any, names: int) -> float:
    """Cohen's kappa (1960) of pairs of codes [n, 2]: agreement beyond that of two who do not look; 1 where
    both always say the same one thing."""
    alike = float((codes[:, 0] == codes[:, 1]).mean())
    first, second = (np.bincount(codes[:, side], minlength=names) / len(codes) for side in (0, 1))
    chance = float(first @ second)
    return 1.0 if chance > 1 - 1e-12 else (alike - chance) / (1 - chance)
