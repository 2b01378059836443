"""How often does watching cry wolf, and how soon does it see a change? Simulated streams, as one JSON line.

    python bench/drift.py

Ten signals at 100 requests an hour on average, with a day's rhythm in their number and in every signal:
seven of skewed and heavy-tailed figures, three shares (30, 8 and 2 of 100). The reference is 1,000 or 5,000
rows drawn from the two weeks before. Without change: 1,000 weeks, two in a row for each of 500 references.
With change: one of the ten, drawn at random, moves by half a standard deviation at a random hour (a skewed
figure by half a deviation of its logarithm). Beside ``whet.monitor.scan``, on the same streams: a
Kolmogorov-Smirnov test of every signal every hour at 5 %, and the default of Evidently
(https://docs-old.evidentlyai.com/reference/data-drift-algorithm, taken from its description, not installed):
up to 1,000 reference rows KS and the z test of two shares at 5 %, beyond 1,000 the normed Wasserstein
distance and the Jensen-Shannon distance at 0.1; any signal of an hour counts as an alarm.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import kolmogorov, ndtri
from scipy.stats import norm

from whet.evaluate.stats import wilson
from whet.monitor.scan import DAY, WEEK, Baseline, baseline, limit, scan, scores

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]

SHARES = np.array([0.30, 0.08, 0.02])
NUMERIC = 7
SIGNALS = NUMERIC + len(SHARES)
IS_SHARE = np.arange(SIGNALS) >= NUMERIC
PER_HOUR, RHYTHM, CYCLE, SHIFT = 100, 0.7, 0.3, 0.5
MOVED = SHARES + SHIFT * np.sqrt(SHARES * (1 - SHARES))
SHIFTS = np.concatenate([np.full(NUMERIC, SHIFT), ndtri(MOVED) - ndtri(SHARES)])
ALPHA = 0.01
REFERENCES, CHANGES, BESIDE = 500, 200, 20


@dataclass(frozen=True)
class World:
    """One release's traffic: when requests come, and where each signal has its peak."""

    rng: np.random.Generator
    peaks: Floats

    def beneath(self, hours: Floats) -> Floats:
        """Normal variables under the signals, with the day's rhythm [rows, signals]."""
        every = np.arange(0, DAY, 0.1)[:, None]
        rhythm = np.exp(1.5 * np.cos(2 * np.pi * (every - self.peaks) / DAY))
        rhythm = CYCLE * (rhythm - rhythm.mean()) / rhythm.std()
        place = (hours % DAY * 10).astype(int)
        return np.asarray(rhythm[place] + self.rng.standard_normal((len(hours), SIGNALS)))

    def hours(self, first: int, many: int) -> Floats:
        """When the requests of some hours come, sorted."""
        at = np.arange(first, first + many)
        rate = PER_HOUR * (1 + RHYTHM * np.cos(2 * np.pi * (at - 14) / DAY))
        counts = self.rng.poisson(rate)
        return np.repeat(at, counts) + np.sort(self.rng.random(int(counts.sum()))) * 0.999

    def reference(self, rows: int) -> tuple[Floats, Floats]:
        hours = self.rng.permutation(self.hours(-2 * WEEK, 2 * WEEK))[:rows]
        return hours, observed(self.beneath(hours))


def world(seed: int) -> World:
    rng = np.random.default_rng(seed)
    return World(rng, rng.uniform(0, DAY, SIGNALS))


def observed(beneath: Floats) -> Floats:
    """Signals as they are logged: figures with long tails, and shares."""
    figures = np.exp(np.linspace(0.1, 1.2, NUMERIC) * beneath[:, :NUMERIC])
    return np.concatenate([figures, beneath[:, NUMERIC:] > ndtri(1 - SHARES)], axis=1)


@dataclass(frozen=True)
class Watch:
    """What whet knows from the reference."""

    ordered: list[Floats]
    known: Baseline

    def alarms(self, values: Floats, hours: Floats, first: int, many: int, level: float) -> NDArray[np.bool_]:
        """Whether there is an alarm at the end of each hour."""
        scored = self.scored(values)
        place = hours.astype(np.int64) - first
        sums = np.stack([np.bincount(place, column, many) for column in scored.T]).astype(np.float64)
        counts = np.tile(np.bincount(place, minlength=many).astype(float), (SIGNALS, 1))
        when = np.arange(first, first + many).astype(np.float64) + 0.5
        found = scan(self.known, sums, counts, when)
        return np.asarray((found.greatest() > level).any(axis=0))

    def scored(self, values: Floats) -> Floats:
        ranked = [scores(values[:, s], self.ordered[s]) for s in range(NUMERIC)]
        return np.column_stack([*ranked, values[:, NUMERIC:]])


def watch(hours: Floats, values: Floats) -> Watch:
    ordered = [np.sort(values[:, s]) for s in range(NUMERIC)]
    empty = Watch(ordered, baseline(values[:1] * 0, hours[:1], IS_SHARE))
    return Watch(ordered, baseline(empty.scored(values), hours, IS_SHARE))


def ks(now: Floats, ordered: Floats) -> float:
    """p of the two-sample Kolmogorov-Smirnov test (asymptotic)."""
    n, m = len(now), len(ordered)
    rank = np.searchsorted(ordered, np.sort(now), "right") / m
    steps = np.arange(1, n + 1) / n
    distance = max(float(np.max(steps - rank)), float(np.max(rank - steps + 1 / n)))
    return float(kolmogorov(np.sqrt(n * m / (n + m)) * distance))


def two_shares(now: Floats, before: Floats) -> float:
    n, m = len(now), len(before)
    both = (now.sum() + before.sum()) / (n + m)
    spread = np.sqrt(both * (1 - both) * (1 / n + 1 / m))
    return float(2 * norm.sf(abs(now.mean() - before.mean()) / spread)) if spread else 1.0


def wasserstein(now: Floats, ordered: Floats) -> float:
    """Normed by the reference's deviation, by quantiles."""
    at = (np.arange(400) + 0.5) / 400
    gap = np.abs(np.quantile(now, at) - np.quantile(ordered, at)).mean()
    return float(gap / max(np.std(ordered), 1e-3))


def jensen_shannon(now: Floats, before: Floats) -> float:
    p, q = (np.array([1 - side.mean(), side.mean()]) for side in (now, before))
    m = (p + q) / 2
    parts = [np.sum(side * np.log(np.where(side > 0, side, 1) / m)) for side in (p, q)]
    return float(np.sqrt(sum(parts) / 2))


def hourly_ks(now: Floats, reference: Floats) -> bool:
    return any(ks(now[:, s], reference[:, s]) < 0.05 for s in range(NUMERIC)) or any(
        two_shares(now[:, s], reference[:, s]) < 0.05 for s in range(NUMERIC, SIGNALS)
    )


def evidently(now: Floats, reference: Floats) -> bool:
    if len(reference) <= 1000:
        return hourly_ks(now, reference)
    return any(wasserstein(now[:, s], reference[:, s]) >= 0.1 for s in range(NUMERIC)) or any(
        jensen_shannon(now[:, s], reference[:, s]) >= 0.1 for s in range(NUMERIC, SIGNALS)
    )


def quiet(rows: int) -> dict[str, object]:
    """Weeks without change: how many have an alarm."""
    level, weeks = limit(SIGNALS, ALPHA, PER_HOUR, rows), 0
    for seed in range(REFERENCES):
        here = world(seed)
        watched = watch(*here.reference(rows))
        hours = here.hours(0, 2 * WEEK)
        alarms = watched.alarms(observed(here.beneath(hours)), hours, 0, 2 * WEEK, level)
        weeks += int(alarms.reshape(2, WEEK).any(axis=1).sum())
    share = wilson(weeks, 2 * REFERENCES)
    return {
        "weeks": 2 * REFERENCES,
        "with_alarm": weeks,
        "share": [round(x, 4) for x in (share.value, share.low, share.high)],
        "limit": round(level, 2),
    }


def changed(rows: int) -> dict[str, object]:
    """Half a deviation on one signal, after a quiet week: hours until the alarm."""
    level, delays = limit(SIGNALS, ALPHA, PER_HOUR, rows), []
    for seed in range(CHANGES):
        here = world(10_000 + seed)
        watched = watch(*here.reference(rows))
        begins = WEEK + int(here.rng.integers(DAY))
        hours = here.hours(0, begins + 2 * DAY)
        beneath = here.beneath(hours)
        signal = int(here.rng.integers(SIGNALS))
        beneath[hours >= begins, signal] += SHIFTS[signal]
        alarms = watched.alarms(observed(beneath), hours, 0, begins + 2 * DAY, level)[begins:]
        delays.append(int(alarms.argmax()) + 1 if alarms.any() else 10**6)
    at = np.quantile(delays, [0.5, 0.95])
    return {"streams": CHANGES, "median_hours": float(at[0]), "p95_hours": min(float(at[1]), 48.0)}


def beside(rows: int, alarm: Callable[[Floats, Floats], bool]) -> dict[str, object]:
    """What a test of every hour does on the same quiet weeks."""
    hourly = []
    for seed in range(BESIDE):
        here = world(seed)
        reference = here.reference(rows)[1]
        reference[:, :NUMERIC] = np.sort(reference[:, :NUMERIC], axis=0)
        hours = here.hours(0, 2 * WEEK)
        values = observed(here.beneath(hours))
        edges = np.searchsorted(hours, np.arange(WEEK + 1))
        hourly.append([alarm(values[a:b], reference) for a, b in pairwise(edges)])
    weeks = np.array(hourly)
    return {
        "weeks": len(weeks),
        "share_with_alarm": float(weeks.any(axis=1).mean()),
        "alarms_a_week": float(weeks.sum(axis=1).mean()),
    }


def main() -> None:
    start = time.perf_counter()
    line: dict[str, object] = {"bench": "drift", "signals": SIGNALS, "alpha": ALPHA, "per_hour": PER_HOUR}
    for rows in (1_000, 5_000):
        line[f"reference {rows}"] = {
            "no_change": quiet(rows),
            "half_sigma": changed(rows),
            "hourly_ks": beside(rows, hourly_ks),
            "evidently_default": beside(rows, evidently),
        }
    print(json.dumps({**line, "seconds": round(time.perf_counter() - start, 1)}))


if __name__ == "__main__":
    main()
