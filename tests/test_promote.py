"""The promotion test keeps its word however often it is looked at; a plain test at each look does not."""

from __future__ import annotations

import os
from itertools import pairwise

import numpy as np
import pytest

from whet.evaluate.promote import evidence, promotion
from whet.evaluate.stats import paired_right

DRAWS = 2000
LOOKS = 10


def pairs(n: int, disagree: float, ahead: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two models right on four rows in five that disagree on a share of all; the new one wins ``ahead`` of
    those."""
    rng = np.random.default_rng(seed)
    apart, wins = rng.random(n) < disagree, rng.random(n) < ahead
    both = rng.random(n) < 0.8
    new = np.where(apart, wins, both).astype(float)
    return new, np.where(apart, ~wins, both).astype(float)


def promoted(
    gate: object, *, ahead: float = 0.5, looks: int = LOOKS, draws: int = DRAWS, n: int = 2000
) -> float:
    """Share of draws in which the gate promotes at any look."""
    count = 0
    for seed in range(draws):
        new, old = pairs(n, 0.15, ahead, seed)
        ends = np.linspace(0, n, looks + 1).astype(int)[1:]
        count += any(gate(new[:end], old[:end]) for end in ends)  # type: ignore[operator]
    return count / draws


def ours(new: np.ndarray, old: np.ndarray) -> bool:
    return evidence(new - old) >= 20


def plain(new: np.ndarray, old: np.ndarray) -> bool:
    """McNemar's exact test at 5 %, as if there were one look."""
    return paired_right(new, old).p_ahead <= 0.05


def test_equal_models_are_hardly_ever_promoted() -> None:
    assert promoted(ours, looks=1) <= 0.05
    assert promoted(ours) <= 0.05


def test_an_uncorrected_gate_fails() -> None:
    """The control: looked at ten times, a test at 5 % promotes far more often."""
    assert promoted(plain, draws=500) > 0.05 + 0.05


def test_a_better_model_is_promoted() -> None:
    assert promoted(ours, ahead=0.7, draws=200) > 0.9


def test_a_worse_model_is_not() -> None:
    assert promoted(ours, ahead=0.4, draws=500) <= 0.01


def test_within_a_margin_an_equal_model_may_take_over() -> None:
    """And one that trails by the margin may not."""

    def within(new: np.ndarray, old: np.ndarray) -> bool:
        return evidence(new - old, 0.03) >= 20

    assert promoted(within, draws=100) > 0.5
    trails = 0.5 - 0.03 / 0.15 / 2  # 3 points behind
    assert promoted(within, ahead=trails, draws=400) <= 0.05


def test_the_bounds_hold_at_all_looks_together() -> None:
    missed = 0
    for seed in range(60):
        new, old = pairs(1500, 0.15, 0.6, seed)  # 3 points ahead
        found = [promotion(new[:end], old[:end]).difference for end in range(150, 1501, 150)]
        missed += any(not one.low <= 0.03 <= one.high for one in found)
    assert missed <= 6


def test_bounds_and_decision_agree() -> None:
    new, old = pairs(3000, 0.15, 0.65, 1)
    found = promotion(new, old)
    assert found.promotes
    assert found.evidence >= found.needed == 20
    assert found.difference.low > 0
    assert found.better > found.worse
    few = promotion(new[:60], old[:60])
    assert not few.promotes
    assert few.more is None or few.more > 0
    widths = [promotion(new[:n], old[:n]).difference for n in (100, 1000, 3000)]
    assert all(b.high - b.low < a.high - a.low for a, b in pairwise(widths))


def test_no_examples_promote_nothing() -> None:
    found = promotion([], [])
    assert not found.promotes
    assert (found.difference.low, found.difference.high) == pytest.approx((-1, 1), abs=0.01)


def test_gains_off_the_scale_are_an_error_of_ours() -> None:
    with pytest.raises(ValueError, match=r"0\.\.1"):
        promotion([3.0], [0.0])


@pytest.mark.skipif("WHET_DRAWS" not in os.environ, reason="the long form, with WHET_DRAWS=20000")
def test_long_equal_models_are_hardly_ever_promoted() -> None:
    assert promoted(ours, draws=int(os.environ["WHET_DRAWS"])) <= 0.05
