"""Guards the standard "split": every leak is found, each at its level, and only exact ones block."""

from __future__ import annotations

import csv
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.test_near import edits, planted, shown
from whet.check import leaks
from whet.check.findings import Finding
from whet.check.near import Alike, find_alike
from whet.check.run import run_checks
from whet.check.subject import Subject, Tools
from whet.evaluate.stats import wilson

Row = tuple[str, str, str]  # side, input, output


def subject(rows: Sequence[Row], **more: Any) -> Subject:
    sides, inputs, outputs = (list(column) for column in zip(*rows, strict=True))
    files = [f"{side}.csv" for side in sides]
    return Subject("classify", inputs, outputs, files, list(range(2, len(rows) + 2)), sides=sides, **more)


def found(given: Subject) -> dict[str, Finding]:
    report = run_checks(given, Tools(), leaks.CHECKS)
    assert not report.skipped or given.sides is None
    return {finding.check: finding for finding in report.findings}


def flagged(finding: Finding | None) -> dict[int, tuple[int, ...]]:
    return {} if finding is None else {flag.row: flag.others for flag in finding.flags}


TRAIN: list[Row] = [
    ("train", "where is my parcel, please? I wait since Monday", "parcel"),
    ("train", "I forgot my password again and cannot sign in", "login"),
    ("train", "please send the money back to my old account", "refund"),
]


def test_each_leak_stands_in_its_own_finding() -> None:
    rows = [
        *TRAIN,
        ("test", "I forgot my password again and cannot sign in ", "login"),
        ("test", "Where is my parcel please - I wait since monday!", "refund"),
        ("test", "please send the money back to my new account", "refund"),
        ("test", "something else that nobody has ever asked us before", "refund"),
    ]
    by = found(subject(rows))
    assert flagged(by["split.exact-leak"]) == {3: (1,)}
    assert flagged(by["split.folded-leak"]) == {4: (0,)}
    assert flagged(by["split.near-leak"]) == {5: (2,)}
    assert by["split.near-leak"].flags[0].score == pytest.approx(8 / 9)
    assert "1 of 4 test rows" in by["split.exact-leak"].what
    assert by["split.folded-leak"].figures["with another output there"] == 1


def test_only_exact_leaks_block() -> None:
    rows = [*TRAIN, *[("test", text, label) for _, text, label in TRAIN]]
    rows += [("test", text.upper(), label) for _, text, label in TRAIN]
    rows += [("test", f"{text} now", label) for _, text, label in TRAIN]
    meta = {"customer": ["c"] * len(rows), "day": ["2026-02-01"] * 3 + ["2026-01-01"] * (len(rows) - 3)}
    given = subject(rows, meta=meta, columns={"group": "customer", "time": "day"})
    by = found(given)
    assert set(by) == {check.name for check in leaks.CHECKS}
    assert {name for name, finding in by.items() if finding.severity == "blocks"} == {"split.exact-leak"}


def test_a_test_row_leaks_from_dev_and_train_a_dev_row_from_train() -> None:
    one, other, third = (text for _, text, _ in TRAIN)
    rows = [
        ("train", one, "a"),
        ("dev", one, "a"),
        ("dev", other, "b"),
        ("test", other, "b"),
        ("test", third, "c"),
        ("test", third, "c"),
    ]
    by = found(subject(rows))
    assert flagged(by["split.exact-leak"]) == {1: (0,), 3: (2,)}
    assert "1 of 3 test rows and 1 of 2 dev rows" in by["split.exact-leak"].what


def test_a_near_twin_on_the_same_side_is_no_leak() -> None:
    text = TRAIN[0][1]
    rows = [*TRAIN[1:], ("test", text, "parcel"), ("test", f"{text} thanks", "parcel")]
    assert found(subject(rows)) == {}


def test_a_twin_of_a_copy_is_not_hidden_by_it() -> None:
    """A text stands in dev, its copy in test, its near twin in train: all three leaks are named."""
    text = TRAIN[0][1]
    rows = [("train", f"{text} thanks", "parcel"), ("dev", text, "parcel"), ("test", text, "parcel")]
    by = found(subject(rows))
    assert flagged(by["split.exact-leak"]) == {2: (1,)}
    assert flagged(by["split.near-leak"]) == {1: (0,)}


def test_without_sides_there_is_nothing_to_leak() -> None:
    rows = [*TRAIN, ("test", TRAIN[0][1], "parcel")]
    assert found(replace(subject(rows), sides=None)) == {}
    assert found(replace(subject(rows), sides=["train"] * 4)) == {}


def test_groups_on_two_sides() -> None:
    rows = [
        *TRAIN,
        ("test", "one text", "parcel"),
        ("test", "two texts", "login"),
        ("test", "three", "login"),
    ]
    given = subject(rows, meta={"customer": ["c1", "c2", "", "c2", "c9", ""]}, columns={"group": "customer"})
    by = found(given)
    assert flagged(by["split.group-leak"]) == {3: (1,)}
    assert by["split.group-leak"].figures == {"groups": 1, "rows": 1, "of": 3}
    assert "split.group-leak" not in found(replace(given, columns={}))


def test_training_on_the_future() -> None:
    rows = [*TRAIN, ("test", "one text", "parcel"), ("test", "two texts", "login")]
    days = ["2026-01-05", "2026-03-01T12:00", "unknown", "2026-02-01", "2026-04-01"]
    by = found(subject(rows, meta={"day": days}, columns={"time": "day"}))
    assert flagged(by["split.future"]) == {1: ()}
    assert by["split.future"].figures == {"rows": 1, "begins": "2026-02-01", "without a readable date": 1}
    past = ["2025-01-05", "2026-02-01", "unknown", "2026-02-01", "2026-04-01"]
    assert "split.future" not in found(subject(rows, meta={"day": past}, columns={"time": "day"}))


# Real data.


def banking77(folder: Path) -> list[Row]:
    rows: list[Row] = []
    for side in ("train", "test"):
        with (folder / f"{side}.csv").open(newline="", encoding="utf-8") as file:
            rows += [(side, row["text"], row["category"]) for row in csv.DictReader(file)]
    return rows


@pytest.mark.data
def test_the_faults_of_banking77_are_reported_truly(shared: Callable[[str], Path]) -> None:
    """Against sets made here: rows of its test file that stand in train, exactly, and but for writing."""
    rows = banking77(shared("banking77"))

    def letters(text: str) -> str:
        return re.sub(r"[\W_]+", "", text.lower())

    exact = {text.strip() for side, text, _ in rows if side == "train"}
    folded = {letters(text) for side, text, _ in rows if side == "train"}
    test = [(row, text) for row, (side, text, _) in enumerate(rows) if side == "test"]
    by = found(subject(rows))
    same = {row for row, text in test if text.strip() in exact}
    assert set(flagged(by["split.exact-leak"])) == same
    assert set(flagged(by["split.folded-leak"])) == {r for r, text in test if letters(text) in folded} - same
    assert by["split.exact-leak"].severity == "blocks"
    assert {by[name].severity for name in ("split.folded-leak", "split.near-leak")} == {"advice"}
    counts = {name: len(finding.flags) for name, finding in by.items()}
    print(f"\nbanking77, of {len(test):,} test rows: {counts}")
    assert counts["split.exact-leak"] == 6
    assert counts["split.folded-leak"] == 23


@pytest.mark.data
def test_planted_leaks_are_found(shared: Callable[[str], Path]) -> None:
    """Training rows copied into test: all exact ones, and of 10 % word edits 95 % at least."""
    rows = [row for row in banking77(shared("banking77")) if row[0] == "train"]
    texts = [text for _, text, _ in rows]
    everything, near, _ = planted(texts, 300, seed=0)
    rng = random.Random(1)
    exact = rng.sample(range(len(rows)), 300)
    more: list[Row] = [("test", texts[row], rows[row][2]) for row in exact]
    more += [("test", everything[twin], rows[row][2]) for row, twin in near]
    by = found(subject(rows + more))
    first = set(flagged(by["split.exact-leak"]))
    assert first >= set(range(len(rows), len(rows) + 300))
    any_level = {flag.row for finding in by.values() for flag in finding.flags}
    recall = wilson(len(any_level & set(range(len(rows) + 300, len(rows) + 600))), 300)
    print(f"\nplanted leaks: {shown('exact recall', wilson(300, 300))}, {shown('near recall', recall)}")
    assert recall.value >= 0.95


@pytest.mark.data
def test_a_blind_check_is_found(shared: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: where near pairs are dropped, planted near leaks are lost."""
    rows = [row for row in banking77(shared("banking77")) if row[0] == "train"][:2_000]
    rng = random.Random(2)
    words = [text.split() for _, text, _ in rows[:200]]
    known = [word for text in words for word in text]
    more: list[Row] = [("test", " ".join(edits(text, 0.1, rng, known)), "x") for text in words]
    given = subject(rows + more)
    seen = len(flagged(found(given)["split.near-leak"]))

    def blind(given: Subject) -> Alike:
        whole = find_alike(given.inputs)
        return replace(whole, near=whole.near[:5], similarity=whole.similarity[:5])

    monkeypatch.setattr(leaks, "alike", blind)
    assert len(flagged(found(given).get("split.near-leak"))) < 0.1 * seen
