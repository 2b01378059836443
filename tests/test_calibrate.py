"""Confidence on answers whose honesty is known: calibration, thresholds that promise, conformal sets."""

from __future__ import annotations

import math

import numpy as np
import pytest

from whet.evaluate.calibrate import (
    brier,
    conformal_cut,
    conformal_sets,
    coverage_at,
    ece,
    ece_by_chance,
    ece_interval,
    examples_for_precision,
    reliability,
    resplit,
    risk_coverage,
    temperature,
    temperature_of,
    tempered,
    threshold_for,
)


def drawn(n: int, labels: int = 10, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits [n, labels], and labels drawn by their very probabilities: honest at temperature 1."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2.2, (n, labels))
    chance = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return logits, (chance.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)


def stated(logits: np.ndarray, truth: np.ndarray, t: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    chance = np.exp((logits - logits.max(axis=1, keepdims=True)) / t)
    chance /= chance.sum(axis=1, keepdims=True)
    return chance.max(axis=1), (chance.argmax(axis=1) == truth).astype(float)


def test_overconfident_scores_are_seen_and_mended_by_dev() -> None:
    dev, test = drawn(1000, seed=1), drawn(3000, seed=2)
    loud = 4 * test[0]
    before = ece(*stated(loud, test[1]))
    t = temperature(4 * dev[0], dev[1])
    after = ece(*stated(loud, test[1], t))
    assert t == pytest.approx(4, rel=0.1)
    assert before > 0.1  # it must fail the measure
    assert after <= before / 2
    assert after <= 0.05


def test_honest_scores_pass() -> None:
    """The control: nothing to mend, and no alarm."""
    p, ok = stated(*drawn(3000))
    found = ece_interval(p, ok)
    assert found.low <= found.value <= found.high
    assert found.value < 0.03
    assert found.value < 2 * ece_by_chance(p)


def test_a_confidence_alone_can_be_tempered() -> None:
    p, ok = stated(4 * drawn(4000)[0], drawn(4000)[1])
    dev, test = slice(0, 1500), slice(1500, None)
    t = temperature_of(p[dev], ok[dev])
    after = ece(tempered(p[test], t), ok[test])
    assert after <= ece(p[test], ok[test]) / 2


def test_the_interval_of_the_error_holds_what_it_should() -> None:
    """On overconfident answers, whose error is far from zero: the error of a million rows lies inside."""
    logits, truth = drawn(200_000, seed=5)
    p, ok = stated(3 * logits, truth)
    whole, inside = ece(p, ok), 0
    for seed in range(25):
        pick = np.random.default_rng(seed).integers(0, len(p), 1000)
        found = ece_interval(p[pick], ok[pick])
        inside += found.low <= whole <= found.high
    assert inside >= 21


def test_bins_hold_equally_many() -> None:
    p, ok = stated(*drawn(1500))
    bins = reliability(p, ok)
    assert {one.right.n for one in bins} == {100}
    assert [one.confidence for one in bins] == sorted(one.confidence for one in bins)
    assert sum(one.right.value * one.right.n for one in bins) == pytest.approx(ok.sum())


def test_brier_is_the_mean_square() -> None:
    assert brier([0.9, 0.2], [1, 0]).value == pytest.approx((0.01 + 0.04) / 2)


def test_risk_falls_where_less_is_answered() -> None:
    p, ok = stated(*drawn(3000))
    curve = risk_coverage(p, ok)
    assert curve[-1][0] == 1.0
    assert curve[-1][1] == pytest.approx(1 - ok.mean())
    assert curve[5][1] < curve[-1][1]


def promised(n: int, precision: float, draws: int) -> tuple[int, int, int]:
    """Thresholds that were promised, those that break their promise, and those chosen by looking that do."""
    logits, truth = drawn(400_000, seed=3)
    p, ok = stated(logits, truth)
    given, broken, looked = 0, 0, 0
    rng = np.random.default_rng(0)
    for _ in range(draws):
        pick = rng.integers(0, len(p), n)
        found = threshold_for(p[pick], ok[pick], precision)
        if found is not None:
            given += 1
            broken += ok[p >= found.confidence].mean() < precision
        share = coverage_at(p[pick], ok[pick], precision)
        cut = np.sort(p[pick])[::-1][max(0, math.ceil(share * n) - 1)]
        looked += ok[p >= cut].mean() < precision
    return given, broken, looked


def test_a_promised_precision_holds_and_one_chosen_by_looking_does_not() -> None:
    """The control is the threshold that is best on the very rows: it breaks its word half of the time."""
    given, broken, looked = promised(1500, 0.75, 100)
    assert given > 85
    assert broken / 100 <= 0.05 + 1.65 * math.sqrt(0.05 * 0.95 / 100)
    assert looked / 100 > 0.25


def test_where_all_is_right_all_goes_out() -> None:
    found = threshold_for(np.linspace(0.5, 1, 800), np.ones(800), 0.95)
    assert found is not None
    assert found.share == 1.0


def test_no_threshold_is_promised_on_a_few_rows() -> None:
    p, ok = stated(*drawn(60))
    assert threshold_for(p, ok, 0.98) is None
    assert examples_for_precision(0.98, 0.995) > 60
    assert examples_for_precision(0.98, 0.97) == 0


def test_conformal_sets_hold_the_right_label_nine_times_in_ten() -> None:
    logits, truth = drawn(2000, seed=7)
    table = np.exp(4 * logits) / np.exp(4 * logits).sum(axis=1, keepdims=True)  # however dishonest
    found = resplit(table, truth.tolist(), times=200)
    assert found.coverage.value == pytest.approx(0.9, abs=0.02)
    assert found.coverage.low > 0.85


def test_conformal_needs_the_finite_sample_correction() -> None:
    """The control: the plain quantile of few rows covers too little."""
    rng = np.random.default_rng(0)
    draws = rng.random((4000, 9))
    fair = np.mean([rng.random() <= conformal_cut(row, 0.2) for row in draws])
    plain = np.mean([rng.random() <= np.quantile(row, 0.8) for row in draws])
    assert fair >= 0.79
    assert plain < 0.78
    assert conformal_cut([0.5], 0.1) == math.inf


def test_a_set_is_never_empty() -> None:
    assert conformal_sets([[0.6, 0.3, 0.1]], 0.1) == [(0,)]
    assert conformal_sets([[0.6, 0.3, 0.1]], 0.75) == [(0, 1)]
