"""Guards the statistics: published values, defining equations, and bounds that agree with decisions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binomtest, norm

from whet import verdict
from whet.evaluate.evidence import Evidence
from whet.evaluate.metrics import Metric
from whet.evaluate.stats import (
    RESAMPLES,
    Adjusted,
    Paired,
    bootstrap_macro_f1,
    bootstrap_means,
    detectable,
    examples_for,
    holm,
    paired_draws,
    paired_right,
    percentile_interval,
    tango_bound,
    tango_score,
    wilson,
)
from whet.records import Output
from whet.verdict import Decision, decide

same_every_time = settings(deadline=None, derandomize=True, database=None, max_examples=100)


def right_or_wrong(only_first: int, only_second: int, n: int) -> Paired:
    first, second = np.zeros(n), np.zeros(n)
    first[:only_first] = 1.0
    second[only_first : only_first + only_second] = 1.0
    return paired_right(first, second)


# Wilson: Newcombe, Statistics in Medicine 17 (1998), table I, method 3.


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_published_intervals(successes: int, n: int, low: float, high: float) -> None:
    interval = wilson(successes, n)
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=6e-5)
    assert (interval.value, interval.n) == (successes / n, n)


def test_wilson_of_no_example_knows_nothing() -> None:
    interval = wilson(0, 0)
    assert (interval.low, interval.high, interval.n) == (0.0, 1.0, 0)


def test_wilson_stays_within_zero_and_one() -> None:
    assert wilson(20, 20).high == 1.0
    assert wilson(0, 3).low == 0.0


# McNemar, exact and one-sided.


@pytest.mark.parametrize(("b", "c"), [(0, 1), (1, 0), (7, 1), (16, 6), (6, 16), (40, 40), (90, 60)])
def test_ahead_is_the_exact_mcnemar_test(b: int, c: int) -> None:
    expected = binomtest(b, b + c, 0.5, alternative="greater").pvalue
    assert right_or_wrong(b, c, 200).p_ahead == pytest.approx(expected)


def test_without_a_disagreement_nobody_is_ahead() -> None:
    assert right_or_wrong(0, 0, 50).p_ahead == 1.0


def test_the_exact_test_gives_the_published_p() -> None:
    # Cavo et al. 2012 in Fagerland, Lydersen, Laake (2017), ch. 8: two-sided P = 0.052479.
    assert 2 * right_or_wrong(16, 6, 161).p_ahead == pytest.approx(0.052479, abs=5e-7)


# Tango's score method. Published: Bentur 2009 and Cavo 2012 as in Fagerland, Lydersen, Laake (2017),
# ch. 8 (R package contingencytables); R package PropCIs, scoreci.mp(25, 28, 618, 0.90), second minus
# first; Tango 1998, contact lenses (1 of 44 pairs discordant): Z = 1.71 against a margin of 0.1.


@pytest.mark.parametrize(
    ("b", "c", "n", "level", "low", "high"),
    [
        (1, 7, 21, 0.95, -0.517, -0.026),
        (6, 16, 161, 0.95, -0.1240, -0.0054),
        (28, 25, 618, 0.90, -0.0148, 0.0247),
    ],
)
def test_tango_gives_the_published_intervals(
    b: int, c: int, n: int, level: float, low: float, high: float
) -> None:
    pair, alpha = right_or_wrong(b, c, n), (1 - level) / 2
    digits = 5e-4 if n == 21 else 6e-5
    assert pair.upper(alpha) == pytest.approx(high, abs=digits)
    assert tango_bound(b, c, n, float(norm.ppf(alpha))) == pytest.approx(low, abs=digits)


def test_tango_gives_the_published_score() -> None:
    assert tango_score(0, 1, 44, -0.1) == pytest.approx(1.709, abs=5e-4)


counts_of_pairs = st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(1, 400)).map(
    lambda t: (t[0], t[1], t[0] + t[1] + t[2])
)


@given(counts_of_pairs, st.floats(-0.95, 0.95))
@same_every_time
def test_tango_score_meets_its_definition(pairs: tuple[int, int, int], delta: float) -> None:
    """z = (b - c - n delta) / sqrt(n (p12 + p21 - delta^2)), where p12 = p21 + delta and p21 maximises
    the likelihood p12^b p21^c (1 - p12 - p21)^rest; found here by search, not by formula."""
    b, c, n = pairs
    low, high = max(0.0, -delta), (1 - delta) / 2

    def likelihood(p21: float) -> float:
        shares = ((b, p21 + delta), (c, p21), (n - b - c, 1 - 2 * p21 - delta))
        return sum(k * math.log(p) if p > 0 else -math.inf for k, p in shares if k)

    for _ in range(200):  # the likelihood is concave: ternary search
        third = (high - low) / 3
        if likelihood(low + third) < likelihood(high - third):
            low += third
        else:
            high -= third
    p21 = (low + high) / 2
    variance = n * (2 * p21 + delta - delta**2)
    assume(variance > 1e-3)
    expected = (b - c - n * delta) / math.sqrt(variance)
    assert tango_score(b, c, n, delta) == pytest.approx(expected, rel=1e-4, abs=1e-4)


@given(counts_of_pairs, st.floats(0.001, 0.4))
@same_every_time
def test_at_a_bound_the_score_is_z(pairs: tuple[int, int, int], alpha: float) -> None:
    z = float(norm.ppf(1 - alpha))
    bound = right_or_wrong(*pairs).upper(alpha)
    assume(abs(bound) < 1 - 1e-9)
    assert tango_score(*pairs, bound) == pytest.approx(-z, abs=1e-5)


@given(counts_of_pairs, st.floats(0.001, 0.4))
@same_every_time
def test_bounds_mirror_when_first_and_second_change_places(pairs: tuple[int, int, int], alpha: float) -> None:
    b, c, n = pairs
    z = float(norm.ppf(1 - alpha))
    assert tango_bound(b, c, n, z) == pytest.approx(-tango_bound(c, b, n, -z), abs=1e-9)


def missed(bound_of_wald: bool) -> float:
    """How often a true difference of 3 points lies above its 95 % upper bound; few pairs disagree."""
    rng, n, truth = np.random.default_rng(7), 200, 0.03
    tables = rng.multinomial(n, [0.04, 0.01, 0.95], size=2_000)
    kinds, seen = np.unique(tables[:, :2], axis=0, return_counts=True)
    over = 0
    for (b, c), times in zip(kinds.tolist(), seen.tolist(), strict=True):
        high = right_or_wrong(b, c, n).upper(0.05)
        if bound_of_wald:
            variance = ((b + c) / n - ((b - c) / n) ** 2) / n
            high = (b - c) / n + 1.645 * math.sqrt(variance)
        over += times * (truth > high)
    return over / 2_000


def test_the_upper_bound_covers_as_often_as_it_says() -> None:
    assert missed(bound_of_wald=False) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 2_000)


def test_the_textbook_wald_bound_would_not() -> None:
    assert missed(bound_of_wald=True) > 0.05 + 3 * math.sqrt(0.05 * 0.95 / 2_000)


# Holm.


def test_holm_by_hand() -> None:
    # sorted: 0.005 * 4 = 0.02; 0.01 * 3 = 0.03; 0.03 * 2 = 0.06; 0.04 * 1, but not below 0.06
    results = holm([0.01, 0.04, 0.03, 0.005], 0.05)
    assert [r.p for r in results] == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert [r.rejected for r in results] == [True, False, False, True]
    assert [r.level for r in results] == pytest.approx([0.05 / 3, 0.05 / 2, 0.05 / 2, 0.05 / 4])


def test_holm_stops_at_the_first_failure() -> None:
    # 0.03 > 0.05 / 2 ends it, though 0.04 <= 0.05 / 1 would pass alone
    assert [r.rejected for r in holm([0.03, 0.04], 0.05)] == [False, False]


def test_holm_of_one_is_no_correction_and_of_none_is_nothing() -> None:
    (only,) = holm([0.04], 0.05)
    assert (only.p, only.level, only.rejected) == (0.04, 0.05, True)
    assert holm([], 0.05) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.floats(0.001, 0.2))
@same_every_time
def test_holm_rejects_what_its_adjusted_p_says(p_values: list[float], alpha: float) -> None:
    for p, result in zip(p_values, holm(p_values, alpha), strict=True):
        assume(not math.isclose(result.p, alpha, rel_tol=1e-9))
        assert result.rejected == (result.p <= alpha)
        assert result.rejected == (p <= result.level)


# Bounds and decisions agree.

evidence_of_rungs = st.lists(counts_of_pairs, min_size=1, max_size=6)


@given(evidence_of_rungs, st.floats(0, 0.3), st.floats(1e-7, 0.2))
@same_every_time
def test_readings_of_right_and_wrong_agree_with_their_bounds(
    rungs: list[tuple[int, int, int]], margin: float, alpha: float
) -> None:
    lower = {str(index): right_or_wrong(*counts) for index, counts in enumerate(rungs)}
    decision = decide("best", lower, margin, alpha)
    assume(not any(math.isclose(c.high, margin, abs_tol=1e-9) for c in decision.comparisons))
    check_agreement(decision, margin, alpha)


def check_agreement(decision: Decision, margin: float, alpha: float) -> None:
    for c in decision.comparisons:
        assert (c.reading == "good_enough") == (c.high <= margin), "margin and upper bound"
        assert (c.low > 0) <= (c.p_adjusted <= alpha)
        if c.reading == "worse":
            assert c.low >= 0
            assert c.low > 0 or alpha / len(decision.comparisons) < 2.5e-4  # see below
        assert c.low <= c.difference + 1e-9
        assert c.difference <= c.high + 1e-9


def test_bounds_at_an_uncorrected_level_would_contradict_the_readings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def at_alpha(p_values: Sequence[float], alpha: float) -> list[Adjusted]:
        return [replace(result, level=alpha) for result in holm(p_values, alpha)]

    lower = {"floor": right_or_wrong(36, 36, 500), "prompt": right_or_wrong(36, 36, 500)}
    check_agreement(decide("best", lower, 0.03, 0.05), 0.03, 0.05)
    monkeypatch.setattr(verdict, "holm", at_alpha)
    with pytest.raises(AssertionError, match="margin and upper bound"):
        check_agreement(decide("best", lower, 0.03, 0.05), 0.03, 0.05)


def test_where_only_the_exact_test_sees_it_the_bound_is_held_at_zero() -> None:
    """Far out in the tail the exact test is the sharper one: 2^-20 against 1 - Phi(sqrt(20))."""
    pair = right_or_wrong(20, 0, 400)
    alpha = 2e-6
    assert tango_bound(20, 0, 400, -float(norm.ppf(1 - alpha))) < 0  # unheld, it would contradict
    assert pair.p_ahead <= alpha
    assert pair.lower(alpha) == 0.0


@given(
    st.lists(st.tuples(st.floats(-0.1, 0.1), st.floats(0.005, 0.1)), min_size=1, max_size=6),
    st.floats(0, 0.2),
    st.floats(0.01, 0.2),
)
@same_every_time
def test_readings_of_the_bootstrap_agree_with_their_bounds(
    rungs: list[tuple[float, float]], margin: float, alpha: float
) -> None:
    rng = np.random.default_rng(0)
    lower = {
        str(index): paired_draws(centre, rng.normal(centre, width, 999), 100, 0.1)
        for index, (centre, width) in enumerate(rungs)
    }
    for c in decide("best", lower, margin, alpha).comparisons:
        assert (c.reading == "good_enough") == (c.high < margin)
        assert (c.low > 0) == (c.p_adjusted <= alpha)


def test_a_bound_lies_where_the_p_value_of_the_bootstrap_crosses_alpha() -> None:
    """50 of 999 draws at or below zero: p = 51 / 1000. An interpolated quantile would differ."""
    draws = np.repeat([-1.0, 1.0], [50, 949])
    pair = paired_draws(0.9, draws, 100, 0.1)
    assert pair.p_ahead == 0.051
    assert (pair.lower(0.0505), pair.lower(0.0515)) == (-1.0, 1.0)
    mirrored = paired_draws(-0.9, -draws, 100, 0.1)
    assert mirrored.p_within(0.0) == 0.051
    assert (mirrored.upper(0.0505), mirrored.upper(0.0515)) == (1.0, -1.0)


# What a test set could have seen.


@given(st.integers(50, 20_000), st.floats(0.01, 0.6), st.floats(0.001, 0.1))
@same_every_time
def test_detectable_and_examples_for_are_each_others_inverse(
    n: int, discordance: float, alpha: float
) -> None:
    gap = detectable(n, discordance, alpha)
    assume(gap < math.sqrt(discordance))
    assert abs(examples_for(gap, discordance, alpha) - n) <= 1


def test_detectable_falls_with_the_square_root_of_n() -> None:
    ratio = detectable(1_000, 0.15, 0.05) / detectable(100_000, 0.15, 0.05)
    assert ratio == pytest.approx(10, rel=0.01)
    assert detectable(0, 0.15, 0.05) == math.inf


def test_no_difference_needs_no_example() -> None:
    assert examples_for(0.0, 0.15, 0.05) == 0


def test_the_detectable_gap_is_found_with_the_power_it_names() -> None:
    gap, n, share = detectable(800, 0.15, 0.05), 800, 0.15
    rng = np.random.default_rng(3)
    shares = [(share + gap) / 2, (share - gap) / 2, 1 - share]
    tables = rng.multinomial(n, shares, size=1_000)[:, :2]
    found = np.mean([right_or_wrong(b, c, n).p_ahead <= 0.05 for b, c in tables.tolist()])
    assert found == pytest.approx(0.8, abs=0.05)


# Bootstrap.


def test_the_same_seed_draws_the_same_and_another_draws_others() -> None:
    values = np.random.default_rng(0).normal(size=80)
    draws = bootstrap_means(values, seed=1)
    assert len(draws) == RESAMPLES
    assert np.array_equal(draws, bootstrap_means(values, seed=1))
    assert not np.array_equal(draws, bootstrap_means(values, seed=2))


def test_the_bootstrap_of_means_has_the_standard_error() -> None:
    values = np.random.default_rng(0).normal(2.0, 3.0, size=400)
    draws = bootstrap_means(values)
    assert draws.mean() == pytest.approx(values.mean(), abs=0.02)
    assert draws.std() == pytest.approx(values.std() / 20, rel=0.05)
    interval = percentile_interval(float(values.mean()), draws, 400)
    half = 1.96 * values.std() / 20
    assert (interval.low, interval.high) == pytest.approx(
        (values.mean() - half, values.mean() + half), abs=0.03
    )


@dataclass(frozen=True)
class Rung:
    """The least that ``Evidence`` asks of a measured rung."""

    name: str
    outputs: tuple[Output, ...]
    dev_gain: float = 0.0
    fit_seconds: float = 0.0
    parameters_trained: int = 0
    trains: bool = False
    seconds_per_1k: float = 0.0
    provider_usd_per_1k: float = 0.0
    p50_ms: float = 0.0
    p95_ms: float = 0.0
    tokens_in: float = 0.0
    tokens_out: float = 0.0
    cut_short: bool = False
    unanswered: Mapping[int, str] = field(default_factory=dict)


def answers(labels: str, n: int, seed: int) -> tuple[Output, ...]:
    rng = np.random.default_rng(seed)
    return tuple(labels[i] for i in rng.integers(0, len(labels), size=n))


def resamples(n: int, seed: int) -> NDArray[np.int64]:
    """The first twenty resamples of the bootstrap, drawn anew."""
    return np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=500)[:20]


def test_macro_f1_of_rungs_with_other_labels_is_resampled_as_it_is_scored() -> None:
    """One rung answers a label that is never true, the other never answers a true one. The counts of
    both stand over one list of labels; each draw must still be the macro-F1 of the resampled rows."""
    n, seed, metric = 60, 5, Metric("macro_f1")
    truths = answers("abc", n, 1)
    wide, narrow = Rung("wide", answers("abcx", n, 2)), Rung("narrow", answers("ab", n, 3))
    evidence = Evidence([wide, narrow], truths, metric, seed)

    def scored(rung: Rung, weights: NDArray[np.int64]) -> float:
        rows = np.repeat(np.arange(n), weights)
        return metric.gain([truths[i] for i in rows], [rung.outputs[i] for i in rows])

    pair = evidence.pair(wide, narrow)
    drawn = [scored(wide, w) - scored(narrow, w) for w in resamples(n, seed)]
    assert pair.difference == pytest.approx(
        metric.gain(truths, wide.outputs) - metric.gain(truths, narrow.outputs)
    )
    # the draws themselves are not public: their quantile bounds are, so compare the whole sample
    tables = evidence._draws
    assert (tables["wide"] - tables["narrow"])[:20] == pytest.approx(np.array(drawn))
    assert pair.lower(0.05) < np.median(tables["wide"] - tables["narrow"]) < pair.upper(0.05)


def test_differences_of_the_bootstrap_are_paired() -> None:
    """A rung compared with itself differs by nothing in every draw; unpaired draws would not."""
    n, metric = 60, Metric("macro_f1")
    truths, rung = answers("abc", n, 1), Rung("one", answers("abc", n, 2))
    evidence = Evidence([rung, Rung("two", rung.outputs)], truths, metric)
    pair = evidence.pair(rung, Rung("two", rung.outputs))
    assert (pair.difference, pair.lower(0.05), pair.upper(0.05)) == (0.0, 0.0, 0.0)
    first = Evidence([rung], truths, metric, seed=1)._draws["one"]
    second = Evidence([rung], truths, metric, seed=2)._draws["one"]
    assert np.quantile(first - second, 0.95) > 0.01


def test_bootstrap_macro_f1_takes_tables_of_any_width() -> None:
    narrow, wide = np.zeros((10, 2, 3)), np.zeros((10, 5, 3))
    narrow[:, 0, 0] = wide[:, 4, 0] = 1.0
    first, second = bootstrap_macro_f1([narrow, wide])
    assert first.tolist() == second.tolist() == [1.0] * RESAMPLES
