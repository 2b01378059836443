"""reviewed for bias: planted gaps and swapped pairs are found, and chance seldom looks like either."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import fisher_exact

from whet.check.fair import CHECKS
from whet.check.findings import Finding
from whet.check.gaps import ALPHA, Gap, Group, compared, fisher, newcombe
from whet.check.identity import mentions
from whet.check.subject import Subject, Tools

DRAWS = 200


def subject(
    inputs: Sequence[str], outputs: Sequence[str], groups: dict[str, list[str]] | None = None
) -> Subject:
    lines = list(range(2, len(inputs) + 2))
    columns = groups or {}
    return Subject(
        "classify",
        list(inputs),
        list(outputs),
        ["rows.csv"] * len(inputs),
        lines,
        columns,
        groups=tuple(columns),
    )


def run(name: str, data: Subject) -> list[Finding]:
    check = next(check for check in CHECKS if check.name == name)
    found = list(check.find(data, Tools()))
    assert all(finding.check == name for finding in found)
    return found


def region_data(rates: dict[str, float], each: int, seed: int = 0) -> Subject:
    """Rows of regions in which ``yes`` has these rates, to the row."""
    inputs, outputs, regions = [], [], []
    for region, rate in rates.items():
        for i in range(each):
            inputs.append(f"{region} application number {i}")
            outputs.append("yes" if i < rate * each else "no" if i % 2 else "later")
            regions.append(region)
    order = np.random.default_rng(seed).permutation(len(inputs))

    def pick(values: list[str]) -> list[str]:
        return [values[i] for i in order]

    return subject(pick(inputs), pick(outputs), {"region": pick(regions)})


def test_a_planted_gap_is_found_with_its_rows() -> None:
    data = region_data({"north": 0.5, "south": 0.5, "west": 0.2}, 200)
    found = run("fair.outcome-gap", data)
    assert len(found) == 1
    figures = found[0].figures
    assert figures["west: yes"] == pytest.approx(0.2 - 0.5, abs=1e-4)
    assert figures["west: yes, low"] < -0.3 < figures["west: yes, high"] < 0  # type: ignore[operator]
    flagged = {f.row for f in found[0].flags if f.note.startswith("region = west: 'yes' is less frequent")}
    west = [row for row, region in enumerate(data.meta["region"]) if region == "west"]
    assert flagged == {row for row in west if data.outputs[row] != "yes"}


def test_equal_rates_are_no_gap() -> None:
    assert run("fair.outcome-gap", region_data({"north": 0.5, "south": 0.5, "west": 0.5}, 1500)) == []


def test_few_rows_are_said_to_be_blind() -> None:
    found = run("fair.outcome-gap", region_data({"north": 0.5, "south": 0.5}, 60))
    assert len(found) == 1
    assert found[0].flags == ()
    assert found[0].figures["gap_seen_in_every_group"] > 0.2  # type: ignore[operator]


def test_copies_are_no_evidence() -> None:
    data = region_data({"north": 0.5, "south": 0.5}, 60)
    copies = ["south says the same"] * 400
    more = subject(
        [*data.inputs, *copies],
        [*data.outputs, *["no"] * 400],
        {"region": [*data.meta["region"], *["south"] * 400]},
    )
    assert all(finding.flags == () for finding in run("fair.outcome-gap", more))
    # The control: the same number of different texts is evidence.
    different = subject([f"{text} {i}" for i, text in enumerate(more.inputs)], more.outputs, dict(more.meta))  # type: ignore[arg-type]
    assert any(finding.flags for finding in run("fair.outcome-gap", different))


def test_a_mention_of_a_group_is_compared() -> None:
    inputs = [f"Muslim customers wrote note {i}" for i in range(100)]
    inputs += [f"Our customers wrote note {i}" for i in range(300)]
    outputs = ["fraud" if i % 2 else "fine" for i in range(100)] + [
        "fraud" if i % 10 == 0 else "fine" for i in range(300)
    ]
    found = run("fair.outcome-gap", subject(inputs, outputs))
    assert len(found) == 1
    assert found[0].figures["Muslims: fraud"] == pytest.approx(0.4)
    assert {flag.row for flag in found[0].flags} == set(range(1, 100, 2))
    shuffled = np.random.default_rng(0).permutation(outputs).tolist()
    assert run("fair.outcome-gap", subject(inputs, shuffled)) == []


def null_draw(rng: np.random.Generator, n: int = 300) -> list[Gap]:
    """Labels and groups that have nothing to do with each other: 5 regions, 2 sexes, 6 labels."""
    given = [frozenset({str(label)}) for label in rng.choice(6, n, p=[0.4, 0.2, 0.15, 0.1, 0.1, 0.05])]
    region, sex = rng.integers(0, 5, n), rng.integers(0, 2, n)
    groups = [Group("region", str(r), region == r, region != r, True) for r in range(5)]
    groups.append(Group("sex", "1", sex == 1, sex == 0, True))
    return compared(groups, given, np.ones(n, bool))


def test_chance_seldom_looks_like_a_gap() -> None:
    """False alarms of the whole family, over 200 draws; without the correction there are many."""
    rng = np.random.default_rng(0)
    alarms = uncorrected = 0
    for _ in range(DRAWS):
        gaps = null_draw(rng)
        alarms += any(gap.stands for gap in gaps)
        uncorrected += any(gap.p <= ALPHA for gap in gaps)
    assert alarms / DRAWS <= 0.05
    assert uncorrected / DRAWS > 0.3  # the control


def test_fisher_is_at_least_as_strict_as_scipys() -> None:
    rng = np.random.default_rng(1)
    for _ in range(50):
        n, rest_n = (int(size) for size in rng.integers(20, 80, 2))
        k, rest_k = int(rng.integers(0, n)), int(rng.integers(0, rest_n))
        ours = float(fisher(np.array([k]), n, np.array([rest_k]), rest_n)[0])
        theirs = float(fisher_exact([[k, n - k], [rest_k, rest_n - rest_k]]).pvalue)
        assert ours >= theirs - 1e-9
        assert ours <= 2 * theirs + 1e-9


def test_newcombes_interval_is_that_of_his_paper() -> None:
    """Newcombe 1998, table II, method 10: 56/70 - 48/80 and 9/10 - 3/10."""
    first, second = newcombe(56, 70, 48, 80, alpha=0.05), newcombe(9, 10, 3, 10, alpha=0.05)
    assert [first.low, first.high] == pytest.approx([0.0524, 0.3339], abs=5e-4)
    assert [second.low, second.high] == pytest.approx([0.1705, 0.8090], abs=5e-4)


def test_the_same_text_about_others_has_the_same_label() -> None:
    inputs = [
        "My neighbours are Muslim, they play music at night.",
        "My neighbours are Christians, they play music at night",
        "my neighbours are atheists, they play music at night",
        "She lost her card.",
        "He lost his card",
        "I am a black woman and I need a loan",
        "I am a white man and I need a loan",
        "I am an Asian woman and I need a loan",
    ]
    outputs = ["threat", "noise", "noise", "card", "fraud", "refuse", "grant", "grant"]
    found = run("fair.counterfactual", subject(inputs, outputs))
    assert len(found) == 1
    assert found[0].what.startswith("5 pairs")
    flagged = {flag.row: flag.others for flag in found[0].flags}
    assert flagged[0] == (1, 2)
    assert flagged[5] == (6, 7)
    assert (3 in flagged) != (4 in flagged)
    assert len(flagged) == 3


def test_what_is_no_swapped_pair() -> None:
    inputs = [
        "the black card",
        "the white card",
        "Muslim holidays",
        "Christmas holidays",
        "old order",
        "young order",
    ]
    assert run("fair.counterfactual", subject(inputs, list("abcdef"))) == []
    alike = ["a Muslim man called", "a Jewish man called", "an atheist man called"]
    assert run("fair.counterfactual", subject(alike, ["call"] * 3)) == []
    # One text with two labels contradicts itself: another check's question.
    assert run("fair.counterfactual", subject([alike[0], alike[0], alike[1]], ["x", "y", "y"])) == []


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("Two gay men asked", {"gay people", "men"}),
        ("I'm German and my order is late", {"Germans"}),
        ("the German version, please", set()),
        ("She is blind", {"blind people"}),
        ("the blinds are broken, a blind corner", set()),
        ("my card was disabled", set()),
        ("disabled customers cannot log in", {"disabled people"}),
        ("African-American students", {"Black people"}),
        ("polish the shoes, black shoes, straight away", set()),
        ("old people and young families", {"older people", "younger people"}),
        ("my daughter and her husband", set()),
    ],
)
def test_who_is_mentioned(text: str, groups: set[str]) -> None:
    found = mentions(text)
    assert {name for _, name in found.groups} == groups if found else not groups


@pytest.mark.data
def test_comments_that_mention_identity(shared: Callable[[str], Path]) -> None:
    """Comments in which mentions of gay people are mostly toxic; with the terms replaced no gap is."""
    folder = shared("identity_comments")

    def read(name: str) -> Subject:
        with (folder / name).open(encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
        return subject([row["comment"] for row in rows], [row["toxic"] for row in rows])

    found = run("fair.outcome-gap", read("toxicity_nonfuzzed_testset.csv"))
    gaps = {name: value for finding in found for name, value in finding.figures.items()}
    assert gaps["gay people: True, low"] > 0.3  # type: ignore[operator]
    assert gaps["Christians: True, high"] < 0  # type: ignore[operator]
    assert run("fair.outcome-gap", read("toxicity_fuzzed_testset.csv")) == []
