"""Guards rule 4 of ``docs/design.md``: how often the rule is wrong, and how often it finds out.

The rule is simulated as it is: ``decide`` on the evidence that ``paired_right`` makes of right and
wrong answers. Every limit has a control that takes the correction away and must break the limit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from math import sqrt

import numpy as np
import pytest

from tests.test_report import arguments
from whet import verdict
from whet.evaluate.evidence import Evidence, Sizes
from whet.evaluate.metrics import Metric
from whet.evaluate.stats import Adjusted, Paired, paired_right
from whet.verdict import ALPHA, Decision, decide, level

DRAWS = 2_000
EXAMPLES = 500
DISAGREE = 0.15  # share of examples on which exactly one of two rungs is right
RIGHT = 0.85  # share of examples on which the best rung is right
MARGIN = 0.02
SIX = ("floor", "prompt", "fewshot", "template", "retrieve", "head")


@cache
def evidence(only_best: int, only_lower: int, n: int) -> Paired:
    """What ``paired_right`` says of these counts; its functions are called once per argument."""
    best, lower = np.zeros(n), np.zeros(n)
    best[:only_best] = 1.0
    lower[only_best : only_best + only_lower] = 1.0
    pair = paired_right(best, lower)
    return replace(pair, p_within=cache(pair.p_within), lower=cache(pair.lower), upper=cache(pair.upper))


def climbs(gap: float, names: Sequence[str], seed: int, n: int = EXAMPLES) -> Iterator[dict[str, Paired]]:
    """``DRAWS`` test sets on which each named rung truly trails the best by ``gap``.

    All rungs of one draw meet the same answers of the best rung, as they do in a real climb: of the
    examples that it gets right a rung misses some, of those that it gets wrong a rung gets some.
    """
    rng = np.random.default_rng(seed)
    right = rng.binomial(n, RIGHT, size=DRAWS)
    shape = (len(names), DRAWS)
    only_best = rng.binomial(right, (DISAGREE + gap) / 2 / RIGHT, size=shape)
    only_lower = rng.binomial(n - right, (DISAGREE - gap) / 2 / (1 - RIGHT), size=shape)
    for firsts, seconds in zip(only_best.T, only_lower.T, strict=True):
        counts = zip(names, firsts, seconds, strict=True)
        yield {name: evidence(int(first), int(second), n) for name, first, second in counts}


def share(
    event: Callable[[Decision], bool], gap: float, names: Sequence[str], seed: int, n: int = EXAMPLES
) -> float:
    """How often ``event`` happens over the draws."""
    decisions = (decide("tune", lower, MARGIN, ALPHA) for lower in climbs(gap, names, seed, n))
    return sum(map(event, decisions)) / DRAWS


def any_worse(decision: Decision) -> bool:
    return any(c.reading == "worse" for c in decision.comparisons)


def any_good_enough(decision: Decision) -> bool:
    return any(c.reading == "good_enough" for c in decision.comparisons)


def lower_wins(decision: Decision) -> bool:
    return decision.winner not in (None, decision.best)


def check_at_most(found: float, limit: float) -> None:
    """``found`` is no more than ``limit`` and three standard errors of the simulation."""
    allowed = limit + 3 * sqrt(limit * (1 - limit) / DRAWS)
    assert found <= allowed, f"{found:.3f} of the draws, allowed {allowed:.3f}"


def uncorrected(p_values: Sequence[float], alpha: float) -> list[Adjusted]:
    """Holm's place taken by nothing at all: each rung spends the whole of alpha."""
    return [Adjusted(p, alpha, p <= alpha) for p in p_values]


def careless(p_values: Sequence[float], alpha: float) -> list[Adjusted]:
    """Believe the point estimate: no bound at all."""
    return uncorrected(p_values, 0.5)


# Equal truth: nobody is worse.


def test_one_equal_rung_is_rarely_called_worse() -> None:
    check_at_most(share(any_worse, 0.0, ["prompt"], seed=1), ALPHA)


def test_believing_the_estimate_breaks_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdict, "holm", careless)
    with pytest.raises(AssertionError, match="of the draws"):
        check_at_most(share(any_worse, 0.0, ["prompt"], seed=1), ALPHA)


def test_six_equal_rungs_are_rarely_called_worse() -> None:
    check_at_most(share(any_worse, 0.0, SIX, seed=2), ALPHA)


def test_without_holm_six_equal_rungs_break_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdict, "holm", uncorrected)
    with pytest.raises(AssertionError, match="of the draws"):
        check_at_most(share(any_worse, 0.0, SIX, seed=2), ALPHA)


# A true gap: it is found, and a worse rung does not win.


def test_a_gap_of_five_points_is_found() -> None:
    assert share(any_worse, 0.05, ["prompt"], seed=3) >= 0.8


def test_a_test_set_too_small_for_the_gap_does_not_find_it() -> None:
    assert share(any_worse, 0.05, ["prompt"], seed=3, n=150) < 0.8


@pytest.mark.parametrize("names", [SIX[:1], SIX], ids=["one", "six"])
def test_a_rung_four_points_worse_rarely_wins(names: Sequence[str]) -> None:
    assert share(lower_wins, 0.04, names, seed=4) <= ALPHA


@pytest.mark.parametrize("names", [SIX[:1], SIX], ids=["one", "six"])
def test_believing_the_estimate_lets_it_win(names: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdict, "holm", careless)
    assert share(lower_wins, 0.04, names, seed=4) > ALPHA


@pytest.mark.parametrize("names", [SIX[:1], SIX], ids=["one", "six"])
def test_a_rung_at_the_margin_is_rarely_good_enough(names: Sequence[str]) -> None:
    check_at_most(share(any_good_enough, MARGIN, names, seed=5), ALPHA)


def test_without_holm_six_rungs_at_the_margin_break_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(verdict, "holm", uncorrected)
    with pytest.raises(AssertionError, match="of the draws"):
        check_at_most(share(any_good_enough, MARGIN, SIX, seed=5), ALPHA)


# Many openings of one test set.

OPENINGS = 20


def share_over_openings(spend: Callable[[int], float], seed: int) -> float:
    """How often at least one of twenty openings calls an equal rung worse."""
    wrong = np.zeros(DRAWS, dtype=bool)
    for opening in range(1, OPENINGS + 1):
        for draw, lower in enumerate(climbs(0.0, ["prompt"], seed + opening)):
            wrong[draw] |= any_worse(decide("tune", lower, MARGIN, spend(opening)))
    return float(wrong.mean())


def test_twenty_openings_together_err_at_most_one_time_in_ten() -> None:
    check_at_most(share_over_openings(level, seed=100), 2 * ALPHA)


def test_openings_that_spend_nothing_break_the_limit() -> None:
    with pytest.raises(AssertionError, match="of the draws"):
        check_at_most(share_over_openings(lambda _: ALPHA, seed=100), 2 * ALPHA)


def test_the_first_opening_has_95_percent_bounds_and_all_spend_at_most_ten() -> None:
    assert level(1) == ALPHA == 0.05
    assert sum(level(k) for k in range(1, OPENINGS + 1)) <= 2 * ALPHA
    assert all(level(k + 1) < level(k) for k in range(1, OPENINGS))


# The rule on evidence that leaves no doubt: which reading wins over which.

GOOD = evidence(5, 5, 1000)
WORSE = evidence(120, 20, 500)
UNCLEAR = evidence(40, 30, 500)


def readings(decision: Decision) -> list[str]:
    return [c.reading for c in decision.comparisons]


def test_the_evidence_below_reads_as_its_names_say() -> None:
    lower = {"floor": WORSE, "prompt": UNCLEAR, "head": GOOD}
    assert readings(decide("tune", lower, MARGIN, ALPHA)) == ["worse", "unclear", "good_enough"]


def test_the_lowest_good_enough_rung_wins() -> None:
    decision = decide("tune", {"floor": WORSE, "prompt": GOOD, "head": GOOD}, MARGIN, ALPHA)
    assert (decision.winner, decision.provisional) == ("prompt", None)


def test_a_good_enough_rung_wins_over_an_unclear_one_below_it() -> None:
    decision = decide("tune", {"floor": UNCLEAR, "prompt": GOOD}, MARGIN, ALPHA)
    assert (decision.winner, decision.provisional) == ("prompt", None)


def test_where_all_are_worse_the_best_wins() -> None:
    decision = decide("tune", {"floor": WORSE, "prompt": WORSE}, MARGIN, ALPHA)
    assert (decision.winner, decision.provisional) == ("tune", None)


def test_the_provisional_rung_is_the_lowest_unclear_one() -> None:
    lower = {"floor": WORSE, "prompt": UNCLEAR, "head": UNCLEAR}
    decision = decide("tune", lower, MARGIN, ALPHA)
    assert (decision.winner, decision.provisional) == (None, "prompt")


def test_without_lower_rungs_the_best_wins() -> None:
    decision = decide("floor", {}, MARGIN, ALPHA)
    assert (decision.winner, decision.provisional, decision.comparisons) == ("floor", None, ())


def test_a_rung_both_worse_and_within_the_margin_is_good_enough() -> None:
    decision = decide("tune", {"head": evidence(30, 5, 5000)}, MARGIN, ALPHA)
    (comparison,) = decision.comparisons
    assert comparison.p_adjusted <= ALPHA
    assert comparison.low > 0
    assert comparison.reading == "good_enough"
    assert decision.winner == "head"


def test_a_wider_margin_can_turn_worse_into_good_enough() -> None:
    assert readings(decide("tune", {"floor": WORSE}, 0.0, ALPHA)) == ["worse"]
    assert readings(decide("tune", {"floor": WORSE}, 0.3, ALPHA)) == ["good_enough"]


def test_comparisons_carry_the_figures_of_the_best_minus_the_rung() -> None:
    (comparison,) = decide("tune", {"floor": WORSE}, MARGIN, ALPHA).comparisons
    assert (comparison.a, comparison.b, comparison.n) == ("tune", "floor", 500)
    assert comparison.difference == pytest.approx(0.2)
    assert comparison.low < 0.2 < comparison.high


def test_every_rung_has_a_reading() -> None:
    decision = decide("head", {"floor": WORSE}, MARGIN, ALPHA)
    assert decision.reading("floor") == "worse"
    assert decision.reading("head") == "best"
    assert decision.reading("tune") == "above the best"


def test_a_rung_that_dev_passed_over_is_said_to_be_ahead_only_where_it_is() -> None:
    """Of equal rungs above the best at most 5 % of the test sets name one; a lead of 5 points is found."""

    def named(gap: float, seed: int) -> float:
        draws = climbs(gap, ("tune", "tune+retrieve"), seed)
        return sum(bool(verdict.ahead_after_all(higher, ALPHA)) for higher in draws) / DRAWS

    assert named(0.0, 11) <= 0.05 + 2.58 * sqrt(0.05 * 0.95 / DRAWS)
    assert named(0.05, 12) >= 0.8


def test_an_unlucky_dev_set_is_owned_up_to_and_training_is_not_called_unwarranted() -> None:
    given = arguments(n=1000)
    *lower, tune = given["rungs"]
    unlucky = [*lower, replace(tune, dev_gain=0.0)]
    truths = [example.output for example in given["test"]]
    evidence = Evidence(unlucky, truths, Metric("accuracy"))
    found = verdict.verdict(given["task"], evidence, Sizes(900, 120, 1000), 1)
    assert found["best"] == "head"
    assert [rung["name"] for rung in found["ahead_after_all"]] == ["tune"]
    assert found["fine_tuning_warranted"] == "undecided"
    assert "on these `tune` is" in found["sentence"]
    level = replace(lower[-1], name="tune", dev_gain=0.0)
    equal = verdict.verdict(
        given["task"], Evidence([*lower, level], truths, Metric("accuracy")), Sizes(900, 120, 1000), 1
    )
    assert equal["ahead_after_all"] == []
    assert equal["fine_tuning_warranted"] == "no"
    short = Evidence([*lower, replace(level, cut_short=True)], truths, Metric("accuracy"))
    cut = verdict.verdict(given["task"], short, Sizes(900, 120, 1000), 1)
    assert cut["fine_tuning_warranted"] == "undecided"  # a training cut short shows nothing
    assert "`tune` was cut short" in cut["sentence"]


def judged(target: float, *, wrong: bool = False) -> dict[str, object]:
    """A verdict on the rungs of ``arguments``; ``wrong``: none of them has one right answer."""
    given = arguments(n=400)
    rungs = given["rungs"]
    if wrong:
        bad = ("nothing of the kind",) * len(given["test"])
        rungs = [replace(rung, outputs=bad, dev_gain=0.0) for rung in rungs]
    truths = [example.output for example in given["test"]]
    task = given["task"].model_copy(update={"target": target})
    evidence = Evidence(rungs, truths, Metric("accuracy"))
    return verdict.verdict(task, evidence, Sizes(900, 120, 400), 1)


def test_where_every_rung_misses_the_target_it_says_first_that_nothing_is_good_enough() -> None:
    found = judged(0.999)
    assert found["nothing_good_enough"]
    assert str(found["sentence"]).startswith("Nothing here is good enough: all ")
    assert "surely so." in str(found["sentence"]).split(". ")[0] + "."
    assert not judged(0.1)["nothing_good_enough"], "the control"
    assert "good enough" not in str(judged(0.1)["sentence"])


def test_a_lowest_rung_that_wins_is_not_called_worth_it() -> None:
    said = str(judged(0.8, wrong=True)["sentence"])
    assert said.startswith("Nothing here is good enough")
    assert "`floor` is as good as any: 0.0 %" in said
    assert "worth it" not in said
