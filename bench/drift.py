"""How often does watching cry wolf, and how soon does it see a change? Simulated streams, as one JSON line.

    python bench/drift.py

Ten signals at 100 requests an hour on average, with a day's rhythm in their number and in every signal:
seven of skewed and heavy-tailed figures, three shares (30, 8 and 2 of 100). The reference is 1,000 or 5,000
rows drawn from the two weeks before. Without change: 1,000 weeks, two in a row for each of 500 references.
With change: one of the ten, drawn at random, moves by half a standard deviation at a random hour (a skewed
figure by half a deviation of its logarithm). Beside ``whet.monitor.scan``, on the first of the changed
streams, whose first week is quiet:

- a Kolmogorov-Smirnov test of every signal every hour at 5 %;
- the default of Evidently (https://docs-old.evidentlyai.com/reference/data-drift-algorithm, taken from its
  description, not installed): up to 1,000 reference rows KS and the z test of two shares at 5 %, beyond 1,000
  the normed Wasserstein distance and the Jensen-Shannon distance at 0.1;
- ADWIN as River has it, with its defaults, where River is installed (``pip install river``): one for each
  signal, row by row, on whet's own scores, which suit it better than figures with long tails. It sees the
  reference's rows first, in the order of time.

Any signal counts as an alarm. Their delay is until the first alarm after the change, true or false.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
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
from whet.monitor.level import limit
from whet.monitor.scan import DAY, WEEK, Baseline, baseline, scan, scores
from whet.runs import environment

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
REFERENCES, CHANGES, BESIDE = 500, 200, 40


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
        return np.sort(np.repeat(at, counts) + self.rng.random(int(counts.sum())) * 0.999)

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


@dataclass(frozen=True)
class Stream:
    """A reference, a week without change and a little more, then two days with one signal moved."""

    reference: tuple[Floats, Floats]
    hours: Floats
    values: Floats
    begins: int
    """The hour of the change."""

    @property
    def many(self) -> int:
        return self.begins + 2 * DAY


def changing(seed: int, rows: int) -> Stream:
    here = world(10_000 + seed)
    reference = here.reference(rows)
    begins = WEEK + int(here.rng.integers(DAY))
    hours = here.hours(0, begins + 2 * DAY)
    beneath = here.beneath(hours)
    signal = int(here.rng.integers(SIGNALS))
    beneath[hours >= begins, signal] += SHIFTS[signal]
    return Stream(reference, hours, observed(beneath), begins)


Arm = Callable[[Stream], list[bool]]
"""Whether there is an alarm, hour by hour."""


def hourly(alarm: Callable[[Floats, Floats], bool]) -> Arm:
    """A test of every hour by itself."""

    def arm(stream: Stream) -> list[bool]:
        reference = stream.reference[1].copy()
        reference[:, :NUMERIC] = np.sort(reference[:, :NUMERIC], axis=0)
        edges = np.searchsorted(stream.hours, np.arange(stream.many + 1))
        return [alarm(stream.values[a:b], reference) for a, b in pairwise(edges)]

    return arm


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


def adwin(stream: Stream) -> list[bool]:
    from river.drift import ADWIN

    watched, found = watch(*stream.reference), np.zeros(stream.many, bool)
    before = watched.scored(stream.reference[1])[np.argsort(stream.reference[0])]
    now, place = watched.scored(stream.values), stream.hours.astype(int)
    for signal in range(SIGNALS):
        one = ADWIN()
        for value in before[:, signal]:
            one.update(value)
        for hour, value in zip(place, now[:, signal], strict=True):
            one.update(value)
            found[hour] |= one.drift_detected
    return [bool(x) for x in found]


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
        one = changing(seed, rows)
        alarms = watch(*one.reference).alarms(one.values, one.hours, 0, one.many, level)
        delays.append(delay(alarms[one.begins :]))
    at = np.quantile(delays, [0.5, 0.95])
    missed = sum(d > 2 * DAY for d in delays)
    return {"streams": CHANGES, "median_hours": float(at[0]), "p95_hours": float(at[1]), "missed": missed}


def delay(alarms: NDArray[np.bool_]) -> int:
    """Hours until the first alarm; one more than there are, where there is none."""
    return int(alarms.argmax()) + 1 if alarms.any() else len(alarms) + 1


def beside(rows: int, arm: Arm) -> dict[str, object]:
    """What others do on the same streams: the quiet week, and the change."""
    weeks, delays = [], []
    for seed in range(BESIDE):
        one = changing(seed, rows)
        alarms = np.array(arm(one))
        weeks.append(alarms[:WEEK])
        delays.append(delay(alarms[one.begins :]))
    every = np.array(weeks)
    return {
        "weeks": len(every),
        "share_with_alarm": float(every.any(axis=1).mean()),
        "hours_with_alarm_a_week": round(float(every.sum(axis=1).mean()), 1),
        "median_hours": float(np.median(delays)),
    }


def main() -> None:
    start = time.perf_counter()
    line: dict[str, object] = {"bench": "drift", "signals": SIGNALS, "alpha": ALPHA, "per_hour": PER_HOUR}
    arms = {"hourly_ks": hourly(hourly_ks), "evidently_default": hourly(evidently)}
    if importlib.util.find_spec("river"):
        arms["river_adwin"] = adwin
        line["river"] = importlib.metadata.version("river")
    for rows in (1_000, 5_000):
        line[f"reference {rows}"] = {
            "no_change": quiet(rows),
            "half_sigma": changed(rows),
            **{name: beside(rows, arm) for name, arm in arms.items()},
        }
    print(json.dumps({**line, **environment(), "seconds": round(time.perf_counter() - start, 1)}))


if __name__ == "__main__":
    main()
