"""Guards the scores themselves: each metric equals what a person computes by hand."""

from __future__ import annotations

import numpy as np
import pytest

from whet.evaluate.metrics import Metric, cost_function, counts, macro_f1, per_label
from whet.records import Output

# F1 of bill 4/6 (tp 2, fp 1, fn 1), of ship 2/3 (tp 1, fp 1, fn 0), of lost 0 (tp 0, fp 0, fn 1).
TRUTHS = ["bill", "bill", "bill", "ship", "lost"]
OUTPUTS = ["bill", "bill", "ship", "ship", "bill"]


def test_accuracy_is_the_share_of_exactly_right_outputs() -> None:
    assert Metric().value(TRUTHS, OUTPUTS) == pytest.approx(3 / 5)


def test_gains_of_accuracy_are_one_where_right() -> None:
    assert Metric().per_example(TRUTHS, OUTPUTS).tolist() == [1, 1, 0, 1, 0]


def test_macro_f1_weighs_labels_alike() -> None:
    assert Metric("macro_f1").value(TRUTHS, OUTPUTS) == pytest.approx((4 / 6 + 2 / 3 + 0) / 3)


def test_macro_f1_counts_a_label_that_is_answered_but_never_right() -> None:
    assert Metric("macro_f1").value(["a", "a"], ["a", "b"]) == pytest.approx((2 / 3 + 0) / 2)


def test_macro_f1_ignores_a_label_that_neither_occurs_nor_is_answered() -> None:
    totals = np.array([[2.0, 1.0, 1.0], [0.0, 0.0, 0.0]])
    assert float(macro_f1(totals)) == pytest.approx(4 / 6)


def test_macro_f1_of_nothing_at_all_is_zero() -> None:
    assert float(macro_f1(np.zeros((3, 3)))) == 0.0


def test_only_macro_f1_is_no_mean_over_examples() -> None:
    assert [Metric(name).by_example for name in ("accuracy", "macro_f1", "cost")] == [
        True,
        False,
        True,
    ]


MATRIX = {"fraud": {"fine": 50.0, "odd": 5.0}, "fine": {"fine": -1.0}}


@pytest.mark.parametrize(
    ("truth", "output", "expected"),
    [
        ("fraud", "fine", 50.0),  # named
        ("fraud", "odd", 5.0),  # named
        ("fraud", "fraud", 0.0),  # right and not named
        ("fine", "fine", -1.0),  # right and named
        ("fine", "fraud", 2.0),  # wrong and not named
        ("odd", "fine", 2.0),  # a row that is not named
        ("odd", "odd", 0.0),
    ],
)
def test_cost_comes_from_the_matrix(truth: str, output: str, expected: float) -> None:
    assert cost_function(MATRIX, default=2.0)(truth, output) == expected


def test_cost_is_a_mean_and_lower_is_better() -> None:
    metric = Metric("cost", cost_function(MATRIX, default=2.0))
    truths, outputs = ["fraud", "fraud", "fine"], ["fine", "fraud", "fraud"]
    assert metric.value(truths, outputs) == pytest.approx((50 + 0 + 2) / 3)
    assert metric.gain(truths, outputs) == pytest.approx(-(50 + 0 + 2) / 3)
    assert not metric.higher_is_better


# Several labels per input.

SETS: list[Output] = [("a", "b"), ("a",), (), ("b", "c")]
ANSWERS: list[Output] = [("a", "b"), ("a", "b"), (), ("c",)]


def test_accuracy_wants_the_whole_set_right() -> None:
    assert Metric().value(SETS, ANSWERS) == pytest.approx(2 / 4)


def test_macro_f1_of_sets() -> None:
    # a: tp 2 -> 1. b: tp 1, fp 1, fn 1 -> 2/4. c: tp 1 -> 1.
    assert Metric("macro_f1").value(SETS, ANSWERS) == pytest.approx((1 + 0.5 + 1) / 3)


def test_counts_are_true_positives_false_positives_false_negatives() -> None:
    table = counts(SETS, ANSWERS)
    assert table.shape == (4, 3, 3)
    assert table.sum(axis=0).tolist() == [[2, 0, 0], [1, 1, 1], [1, 0, 0]]


def test_one_label_as_a_text_counts_like_a_set_of_one() -> None:
    assert counts(["a", "b"], ["b", "b"]).tolist() == counts([("a",), ("b",)], [("b",), ("b",)]).tolist()


# Figures per label.


def test_per_label_figures() -> None:
    bill, lost, ship = per_label(TRUTHS, OUTPUTS)
    assert (bill.label, lost.label, ship.label) == ("bill", "lost", "ship")
    assert (bill.n, lost.n, ship.n) == (3, 1, 1)
    assert (bill.precision, bill.recall, bill.f1) == pytest.approx((2 / 3, 2 / 3, 2 / 3))
    assert (ship.precision, ship.recall, ship.f1) == pytest.approx((1 / 2, 1.0, 2 / 3))


def test_a_label_never_answered_has_no_precision_and_one_never_true_no_recall() -> None:
    lost = per_label(TRUTHS, OUTPUTS)[1]
    assert (lost.precision, lost.recall, lost.f1) == (None, 0.0, 0.0)
    ghost = per_label(["a", "a"], ["a", "ghost"])[1]
    assert (ghost.n, ghost.precision, ghost.recall, ghost.f1) == (0, 0.0, None, 0.0)


def test_per_label_agrees_with_macro_f1() -> None:
    figures = [figure.f1 or 0.0 for figure in per_label(SETS, ANSWERS)]
    assert np.mean(figures) == pytest.approx(Metric("macro_f1").value(SETS, ANSWERS))


@pytest.mark.parametrize("metric", [Metric(), Metric("macro_f1")])
def test_outputs_of_another_length_are_refused(metric: Metric) -> None:
    with pytest.raises(ValueError, match="argument 2"):
        metric.value(["a", "b"], ["a"])
