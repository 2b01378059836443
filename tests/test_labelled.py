"""Guards the checks of labels: counted, read and told apart; every fault is planted beside a control."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from tests.check_rows import Pair, Shared, encode, findings, flagged, pairs_of, planted, subject
from tests.conftest import tickets
from whet.check.apart import equal_error, indistinct, near_pairs
from whet.check.labelled import CHECKS
from whet.check.naming import same_name
from whet.check.subject import Tools

TICKETS = tickets(20)
LABELS = ["parcel", "refund", "login"]


def relabelled(**rows: str) -> list[Pair]:
    """Clean tickets; ``r3="refunds"`` gives row 3 another label."""
    return planted(TICKETS, {int(row[1:]): (TICKETS[int(row[1:])][0], label) for row, label in rows.items()})


def test_clean_labels_are_left_alone() -> None:
    assert findings(CHECKS, subject(TICKETS, "classify", labels=LABELS)) == {}


def test_a_row_without_a_label_is_found() -> None:
    assert flagged(CHECKS, subject(relabelled(r4="", r9=" "), "classify"))["labelled.missing-labels"] == [
        4,
        9,
    ]
    several = subject(relabelled(r4=""), "classify", separator=";")
    assert "labelled.missing-labels" not in findings(CHECKS, several)


def test_a_label_outside_the_list_blocks_and_its_twin_is_proposed() -> None:
    rows = subject(relabelled(r2="Refunds", r5="weather", r7="weather"), "classify", labels=LABELS)
    (finding,) = findings(CHECKS, rows)["labelled.outside-list"]
    assert finding.severity == "blocks"
    assert [(flag.row, flag.proposal) for flag in finding.flags] == [(2, "refund"), (5, None), (7, None)]
    assert finding.figures == {"Refunds": 1, "weather": 2}


def test_a_label_that_nothing_carries_is_named() -> None:
    (finding,) = findings(CHECKS, subject(TICKETS, "classify", labels=[*LABELS, "weather"]))[
        "labelled.unused-labels"
    ]
    assert dict(finding.figures) == {"weather": 0}


def test_a_label_with_one_example_blocks() -> None:
    (finding,) = findings(CHECKS, subject(relabelled(r8="weather"), "classify"))["labelled.too-few"]
    assert finding.severity == "blocks"
    assert [flag.row for flag in finding.flags] == [8]
    assert "labelled.too-few" not in findings(
        CHECKS, subject(relabelled(r8="weather", r9="weather"), "classify")
    )
    split = replace(subject(relabelled(r8="weather"), "classify"), sides=["train"] * len(relabelled()))
    (found,) = findings(CHECKS, split)["labelled.too-few"]
    assert (finding.severity, found.severity) == ("blocks", "advice")


def test_several_labels_are_counted_one_by_one() -> None:
    rows = subject(
        relabelled(r8="parcel;weather", r9="login;parcel"), "classify", separator=";", labels=LABELS
    )
    assert flagged(CHECKS, rows) == {"labelled.outside-list": [8], "labelled.too-few": [8]}


SAME = [
    ("refund_status", "Refund Status", "the same words"),
    ("AddToPlaylist", "add-to-playlists", "the same words"),
    ("categories", "category", "the same words"),
    ("returns & refunds", "returns and refunds", "the same words"),
    ("delivery", "delievry", "one letter apart"),
    ("payment_failed", "paymnt_failed", "one letter apart"),
]
OTHER = [
    ("typical", "atypical"),
    ("legal", "illegal"),
    ("type a", "type b"),
    ("level_10", "level_11"),
    ("euro_to_dollar", "dollar_to_euro"),
    ("login", "logout"),
    ("like", "dislike"),
    ("?", "!"),
]


@pytest.mark.parametrize(("one", "other", "how"), SAME)
def test_two_spellings_of_one_name(one: str, other: str, how: str) -> None:
    assert same_name(one, other) == same_name(other, one) == how


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_two_names(one: str, other: str) -> None:
    assert same_name(one, other) == same_name(other, one) == ""


def test_labels_that_read_the_same_are_found_and_the_frequent_one_is_proposed() -> None:
    refund = [row for row, (_, label) in enumerate(TICKETS) if label == "refund"]
    rows = planted(TICKETS, {row: (TICKETS[row][0], "Refunds") for row in refund[:3]})
    (finding,) = findings(CHECKS, subject(rows, "classify"))["labelled.same-names"]
    assert [flag.row for flag in finding.flags] == refund[:3]
    assert {flag.proposal for flag in finding.flags} == {"refund"}
    assert finding.what.startswith("1 pair ")


def test_a_slip_of_the_pen_is_rare() -> None:
    """Two labels one letter apart that are both frequent, or both listed, are two labels."""
    parcel = [row for row, (_, label) in enumerate(TICKETS) if label == "parcel"]
    few, half = ({row: (TICKETS[row][0], "parcle") for row in parcel[:count]} for count in (2, 10))
    assert flagged(CHECKS, subject(planted(TICKETS, few), "classify")) == {"labelled.same-names": parcel[:2]}
    assert flagged(CHECKS, subject(planted(TICKETS, half), "classify")) == {}
    listed = subject(planted(TICKETS, few), "classify", labels=[*LABELS, "parcle"])
    assert flagged(CHECKS, listed) == {}


def test_the_equal_error_rate_is_that_of_the_threshold_that_errs_alike() -> None:
    apart, alike = np.arange(10.0), np.arange(10.0) + 100
    assert equal_error(apart, alike) == pytest.approx(0, abs=0.05)
    assert equal_error(apart, apart) == pytest.approx(0.5)
    assert equal_error(np.zeros(10), np.zeros(4)) == 0.5
    # 0..9 against 6..15: at 7.5, two of each ten lie on the wrong side
    assert equal_error(apart, apart + 6) == pytest.approx(0.2, abs=0.05)


def test_centroids_find_the_pairs_worth_a_look_whatever_their_size() -> None:
    """Labels 0 and 1 are one cloud, of 400 and 40 rows; 2 and 3 are clouds of their own."""
    rng = np.random.default_rng(0)
    given = np.repeat([0, 1, 2, 3], [400, 40, 100, 100])
    centres = np.eye(16)[[0, 0, 1, 2]]
    vectors = centres[given] + 0.2 * rng.normal(size=(len(given), 16))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    assert near_pairs(vectors, given) == [(0, 1)]


def test_the_permutation_test_holds_its_level() -> None:
    """Under no difference p < 0.05 comes about 5 % of the time; a shift is seen nearly always."""
    rng = np.random.default_rng(0)
    draw = [rng.normal(size=(2, 25, 8)).astype(np.float32) for _ in range(200)]
    level = np.mean([indistinct(one, other, rng) < 0.05 for one, other in draw])
    power = np.mean([indistinct(one, other + 0.5, rng) < 0.05 for one, other in draw])
    assert 0.01 <= level <= 0.1
    assert power > 0.9


@pytest.mark.data
def test_labels_split_at_random_cannot_be_told_apart(shared: Shared) -> None:
    """A label of Banking77 is split in two by a coin. The other five, whose authors can tell them apart, are
    the control."""
    rows = pairs_of(shared("banking77/train.csv"), "text", "category")
    names = sorted({label for _, label in rows})[:6]
    kept = [pair for pair in rows if pair[1] in names]
    coin, halved = random.Random(0), names[:1]
    split = [
        (text, f"{label} too" if label in halved and coin.random() < 0.5 else label) for text, label in kept
    ]
    tools = Tools(encode=encode)
    assert findings(CHECKS, subject(kept, "classify"), tools) == {}
    found = findings(CHECKS, subject(split, "classify"), tools)
    assert set(found) == {"labelled.confused-pairs", "labelled.same-meaning"}
    for (finding,) in found.values():
        pairs = {frozenset(name.split(" / ")) for name in finding.figures if " / " in name}
        assert pairs == {frozenset((name, f"{name} too")) for name in halved}
        assert {split[flag.row][1].removesuffix(" too") for flag in finding.flags} == set(halved)
