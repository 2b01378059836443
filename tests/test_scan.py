"""The scan: few false alarms though reference, day and bursts are noisy; a change is seen soon, and dated."""

from __future__ import annotations

import importlib
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom, norm

from whet.evaluate.sequential import always_valid, running, weighted
from whet.monitor import level
from whet.monitor import scan as scanning
from whet.monitor.implied import calibrated, implied
from whet.monitor.level import limit, simulated
from whet.monitor.scan import DAY, WEEK, baseline, scan, scores
from whet.monitor.vectors import apart

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "bench"))
drift = importlib.import_module("drift")

Floats = NDArray[np.floating[Any]]


def quiet_weeks(references: int, rows: int = 1_000) -> int:
    with patch.object(drift, "REFERENCES", references):
        found = drift.quiet(rows)
    return int(str(found["with_alarm"]))


def test_the_benchs_requests_come_at_any_minute_of_every_hour() -> None:
    """Once they came later in each hour than in the one before: the day's rhythm moved by an hour in two
    weeks, and that was no false alarm."""
    hours = drift.world(0).hours(0, 2 * WEEK)
    for part in (hours[hours < DAY], hours[hours >= 2 * WEEK - DAY]):
        assert abs((part % 1).mean() - 0.5) < 0.03


def test_weeks_without_change_are_quiet() -> None:
    """30 references, 60 weeks; ``bench/drift.py`` has 1,000."""
    assert quiet_weeks(30) <= 2


def test_a_watch_that_trusts_its_reference_cries_wolf() -> None:
    """The control: without the error of the baseline in the variance, most weeks have an alarm."""
    whole = scanning.baseline

    def trusting(values: Floats, hours: Floats, share: NDArray[np.bool_]) -> scanning.Baseline:
        known = whole(values, hours, share)
        return replace(known, error=known.error * 1e-6)

    with patch.object(drift, "baseline", trusting):
        assert quiet_weeks(10) >= 10


def test_half_a_deviation_is_seen_within_hours() -> None:
    with patch.object(drift, "CHANGES", 20):
        assert float(str(drift.changed(1_000)["median_hours"])) <= 6
        assert float(str(drift.changed(5_000)["median_hours"])) <= 3


def test_the_change_is_dated() -> None:
    rng = np.random.default_rng(1)
    known = baseline(rng.normal(size=(3_000, 1)), rng.uniform(0, 2 * WEEK, 3_000), [False])
    sums = rng.normal(0, 10, (1, 60)) + np.where(np.arange(60) >= 40, 50, 0)
    found = scan(known, sums, np.full((1, 60), 100.0), np.arange(60) + 0.5)
    over = np.flatnonzero(found.greatest()[0] > limit(1, 0.01, 100, 3_000))
    assert over[0] in range(40, 44)
    assert abs(found.since(0, 52) - 40) <= 2


def test_rare_shares_follow_the_exact_tail() -> None:
    """Two of a hundred, fifty rows: z is that of the binomial, to a third of a deviation, on both sides."""
    rows = 1_000_000
    values = (np.arange(rows) % 50 == 0).astype(float)[:, None]
    hours = np.random.default_rng(0).uniform(0, 2 * WEEK, rows)
    known = baseline(values, hours, [True])
    for n, seen in ((50, 6), (100, 9), (1_000, 40), (1_000, 6)):
        z = scan(known, np.array([[float(seen)]]), np.array([[float(n)]]), np.array([0.5])).z[0, 0, 0]
        upper = seen > 0.02 * n
        exact = binom.sf(seen - 1, n, 0.02) if upper else binom.cdf(seen, n, 0.02)
        assert abs(abs(z) - norm.isf(exact)) < 0.33, (n, seen)


def test_a_daily_cycle_is_no_change_and_a_reference_of_ten_hours_knows_that_it_knows_little() -> None:
    rng = np.random.default_rng(2)
    hours = rng.uniform(0, 10, 1_000)

    def signal(at: Floats) -> Floats:
        return rng.normal(size=len(at)) + 0.4 * np.sin(2 * np.pi * at / DAY)

    known = baseline(signal(hours)[:, None], hours, [False])
    at = np.repeat(np.arange(24, 96), 100) + 0.5
    sums = signal(at).reshape(-1, 100).sum(axis=1)[None]
    found = scan(known, sums, np.full((1, 72), 100.0), np.arange(24, 96) + 0.5)
    assert found.greatest().max() < limit(1, 0.01, 100, 1_000)


def test_scores_are_normal_whatever_the_signal() -> None:
    rng = np.random.default_rng(3)
    reference = np.sort(np.exp(3 * rng.normal(size=2_000)))
    made = scores(np.array([*np.exp(3 * rng.normal(size=2_000)), np.nan, 1e300]), reference)
    assert np.isnan(made[-2])
    assert made[-1] < 4
    assert abs(np.nanmean(made[:-1])) < 0.1
    assert abs(np.nanstd(made[:-1]) - 1) < 0.1


def test_permutation_p_values_are_uniform_without_change_and_small_with_it() -> None:
    rng = np.random.default_rng(4)
    p = []
    for seed in range(120):
        rows = rng.normal(size=(260, 8))
        p.append(apart(rows[:200], rows[200:], rounds=99, seed=seed).p)
    assert abs(np.mean(np.array(p) <= 0.1) - 0.1) < 0.07
    assert abs(np.mean(p) - 0.5) < 0.1
    moved = rng.normal(size=(60, 8)) + np.eye(8)[0]
    assert apart(rng.normal(size=(200, 8)), moved).p < 0.01


def test_rows_of_an_hour_that_are_alike_do_not_count_as_many() -> None:
    """Hours that differ among themselves: whole hours are exchanged, or the test cries wolf (the control)."""
    rng = np.random.default_rng(5)
    blocks = np.repeat(np.arange(30), 20)
    by_hour, by_row = [], []
    for _ in range(25):
        rows = rng.normal(size=(600, 8)) + rng.normal(size=(30, 8))[blocks]
        by_hour.append(apart(rows[:480], rows[480:], (blocks[:480], blocks[480:]), rounds=99).p)
        by_row.append(apart(rows[:480], rows[480:], rounds=99).p)
    assert np.mean(np.array(by_hour) <= 0.05) <= 0.2
    assert np.mean(np.array(by_row) <= 0.05) >= 0.8


@pytest.mark.parametrize("truth", [0.5, 0.9, 0.99])
def test_always_valid_intervals_hold_at_every_look(truth: float) -> None:
    """The truth leaves at any of 600 looks in 5 % of runs; Wilson at every look (the control) fails."""
    from whet.evaluate.stats import wilson

    rng = np.random.default_rng(6)
    left = naive = 0
    for _ in range(60):
        values = (rng.random(600) < truth).astype(float)
        low, high = running(values)
        left += bool(((low > truth) | (high < truth)).any())
        counts = np.cumsum(values)
        looks = [wilson(int(counts[n]), n + 1) for n in range(9, 600, 5)]
        naive += any(not one.low <= truth <= one.high for one in looks)
    assert left <= 6
    assert naive > left
    assert high[-1] - low[-1] < 0.2


def test_weights_undo_a_sample_that_is_not_even() -> None:
    """Wrong answers are drawn ten times as often; without weights (the control) the truth is outside."""
    rng = np.random.default_rng(7)
    right = (rng.random(20_000) < 0.9).astype(float)
    chance = np.where(right == 1, 0.05, 0.5)
    drawn = rng.random(len(right)) < chance
    found = weighted(right[drawn], 1 / chance[drawn])
    assert found.low <= right.mean() <= found.high
    plain = always_valid(right[drawn])
    assert not plain.low <= right.mean() <= plain.high


def test_nothing_is_known_from_nothing() -> None:
    empty = always_valid(np.array([]))
    assert (empty.low, empty.high, empty.n) == (0.0, 1.0, 0)


def test_confidence_implies_accuracy_until_requests_are_unlike_what_was_learned() -> None:
    rng = np.random.default_rng(8)

    def answers(n: int) -> tuple[Floats, Floats]:
        confidence = rng.beta(6, 1.5, n)
        return confidence, (rng.random(n) < confidence - 0.05).astype(float)  # a little too sure

    known = calibrated(*answers(3_000), novelty=rng.beta(2, 8, 3_000))
    confidence, right = answers(5_000)
    found = implied(confidence, rng.beta(2, 8, 5_000), known)
    assert found.known
    assert abs(found.accuracy - right.mean()) < 0.03
    assert found.low <= right.mean() <= found.high
    strange = implied(confidence, np.concatenate([rng.beta(2, 8, 4_500), np.full(500, 0.95)]), known)
    assert not strange.known
    assert "unlike" in strange.why
    assert not implied(confidence[:50], np.array([]), known).known


@pytest.mark.parametrize("ratio", [-6, 0, 3])
def test_the_table_of_levels_is_what_the_simulation_gives(ratio: int) -> None:
    """Fewer weeks than the table was made of: within what their number leaves open."""
    weeks = simulated(float(ratio), 4_000)
    share = float((weeks > level.PASSED[ratio - level.FIRST]).mean())
    assert share == pytest.approx(level.SEEN, abs=3 * (level.SEEN / len(weeks)) ** 0.5)
    other = float((weeks > level.PASSED[ratio + 5 - level.FIRST]).mean())
    assert other > 2 * level.SEEN, "the control: another ratio's level"


def test_ratios_beyond_the_table_are_as_at_its_ends() -> None:
    assert limit(10, 0.05, 1e-3, 1e9) == limit(10, 0.05, 1.0, 2.0**14)
    assert limit(10, 0.05, 1e9, 1.0) == limit(10, 0.05, 2.0**8, 1.0)
