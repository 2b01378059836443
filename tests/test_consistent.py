"""Guards the standard "consistent": contradictions, spellings, annotators and copies, planted and real."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.test_near import edits, planted, rows_of, shown
from whet.check import consistent
from whet.check.agreement import cohen, fleiss, pairs_of
from whet.check.findings import Finding
from whet.check.run import run_checks
from whet.check.subject import Subject, Tools
from whet.evaluate.stats import wilson


def subject(rows: Sequence[tuple[str, str]], kind: str = "classify", **more: Any) -> Subject:
    inputs, outputs = [text for text, _ in rows], [output for _, output in rows]
    return Subject(kind, inputs, outputs, ["rows.csv"] * len(rows), list(range(2, len(rows) + 2)), **more)


def found(given: Subject, name: str) -> list[Finding]:
    checks = [check for check in consistent.CHECKS if check.name == f"consistent.{name}"]
    assert len(checks) == 1
    return list(run_checks(given, Tools(), checks).findings)


def flagged(findings: Sequence[Finding]) -> dict[int, tuple[int, ...]]:
    return {flag.row: flag.others for finding in findings for flag in finding.flags}


# Contradictions.

PARCEL = "where is my parcel, please? I wait since Monday"


def test_equal_inputs_with_different_labels() -> None:
    rows = [(PARCEL, "parcel"), ("a refund", "refund"), (f" {PARCEL} ", "refund"), (PARCEL, "Parcel")]
    (finding,) = found(subject(rows), "contradiction")
    assert flagged([finding]) == {0: (2,), 2: (0, 3), 3: (2,)}
    assert finding.what == "1 input occurs with different outputs, in 3 rows."


def test_the_same_label_in_another_spelling_is_no_contradiction() -> None:
    assert found(subject([(PARCEL, "card_lost"), (PARCEL, "Card lost")]), "contradiction") == []


def test_several_labels_are_compared_as_sets() -> None:
    rows = [(PARCEL, "a;b"), (PARCEL, "b; a"), ("x y z", "a"), ("x y z", "a;b")]
    (finding,) = found(subject(rows, separator=";"), "contradiction")
    assert set(flagged([finding])) == {2, 3}


def test_json_is_compared_by_what_it_says() -> None:
    rows = [(PARCEL, '{"a": 1, "b": 2}'), (PARCEL, '{"b":2,"a":1}'), ("x", '{"a": 1}'), ("x", '{"a": 2}')]
    (finding,) = found(subject(rows, "extract"), "contradiction")
    assert set(flagged([finding])) == {2, 3}


def test_inputs_equal_but_for_writing_are_near() -> None:
    rows = [(PARCEL, "parcel"), (PARCEL.upper(), "refund"), ("another text", "refund")]
    assert found(subject(rows), "contradiction") == []
    (finding,) = found(subject(rows), "near-contradiction")
    assert flagged([finding]) == {0: (1,), 1: (0,)}
    assert finding.severity == "advice"


def test_a_changed_word_is_no_contradiction_in_an_extraction() -> None:
    rows = [("a table for five at eight", '{"people": 5}'), ("a table for six at eight", '{"people": 6}')]
    assert found(subject(rows, "extract"), "near-contradiction") == []


def test_doubtful_rows_come_first() -> None:
    """ "card" and "pin" tell the two labels apart; "the" and "a" do not."""
    rows = [(f"my card number {n} is still not {w}", "card") for n in range(20) for w in ("here", "there")]
    rows += [(f"my pin code {n} has never come to {w}", "pin") for n in range(20) for w in ("me", "us")]
    rows += [("my card is not here yet", "card"), ("my pin is not here yet", "pin")]
    rows += [("nobody has sent me the letter so far", "card"), ("nobody has sent me a letter so far", "pin")]
    doubtful, told = found(subject(rows), "near-contradiction")
    assert flagged([doubtful]) == {82: (83,), 83: (82,)}
    assert flagged([told]) == {80: (81,), 81: (80,)}
    assert all(flag.score is not None and flag.score < consistent.TELLING for flag in told.flags)


def with_contradictions(
    rows: list[tuple[str, str]], each: int, seed: int
) -> tuple[list[tuple[str, str]], dict[str, list[tuple[int, int]]]]:
    """Real rows, and copies of some: exact, folded and near ones with another label; then, for precision,
    near ones with the same label and hard negatives with another."""
    rng = random.Random(seed)
    labels = sorted({label for _, label in rows})
    texts, near, hard = planted([text for text, _ in rows], 2 * each, seed)
    used = {row for pair in near + hard for row in pair}
    equal = rng.sample([row for row in range(len(rows)) if row not in used], 2 * each)

    def other(row: int) -> str:
        return rng.choice([label for label in labels if label != rows[row][1]])

    out, pairs = list(rows), dict[str, list[tuple[int, int]]]()

    def plant(name: str, twins: Sequence[tuple[int, str, str]]) -> None:
        for row, text, label in twins:
            pairs.setdefault(name, []).append((row, len(out)))
            out.append((text, label))

    plant("exact", [(row, rows[row][0], other(row)) for row in equal[:each]])
    plant("folded", [(row, rows[row][0].upper() + " !", other(row)) for row in equal[each:]])
    plant("near", [(row, texts[twin], other(row)) for row, twin in near[:each]])
    plant("same label", [(row, texts[twin], rows[row][1]) for row, twin in near[each:]])
    plant("hard negative", [(row, texts[twin], other(row)) for row, twin in hard[:each]])
    return out, pairs


@pytest.mark.data
def test_planted_contradictions_are_found(shared: Callable[[str], Path]) -> None:
    rows = [(row["text"], row["category"]) for row in rows_of(shared("banking77/train.csv"), "text")]
    hits, total, false = 0, 0, 0
    levels: dict[str, int] = {}
    for seed in range(2):
        data, pairs = with_contradictions(rows, 200, seed)
        findings = found(subject(data), "contradiction") + found(subject(data), "near-contradiction")
        against = {(row, other) for row, others in flagged(findings).items() for other in others}

        def named(name: str, pairs: Any = pairs, against: Any = against) -> int:
            return sum(pair in against or pair[::-1] in against for pair in pairs[name])

        for name in ("exact", "folded", "near"):
            hits, total = hits + named(name), total + len(pairs[name])
            levels[name] = levels.get(name, 0) + named(name)
        false += named("same label") + named("hard negative")
    recall, precision = wilson(hits, total), wilson(hits, hits + false)
    print(
        f"\ncontradictions: {shown('recall', recall)}, {shown('precision', precision)}, of 400 each {levels}"
    )
    assert recall.value >= 0.95
    assert precision.value >= 0.95
    assert levels["exact"] == 400


@pytest.mark.data
def test_near_twins_with_other_labels_in_banking77(shared: Callable[[str], Path]) -> None:
    """No two of its rows are equal and labelled differently; near ones are, and none of them blocks."""
    with shared("banking77/train.csv").open(newline="", encoding="utf-8") as file:
        rows = [(row["text"], row["category"]) for row in csv.DictReader(file)]
    given = subject(rows)
    assert found(given, "contradiction") == []
    findings = found(given, "near-contradiction")
    assert {finding.severity for finding in findings} == {"advice"}
    for finding in findings:
        print(f"\nbanking77/train.csv: {finding.what}")
        for flag in finding.flags:
            assert all(rows[flag.row][1] != rows[other][1] for other in flag.others)


# Copies.


def test_copies_with_the_same_output() -> None:
    rows = [
        (PARCEL, "a"),
        (PARCEL, "b"),
        (f"{PARCEL}\n", "a"),
        (PARCEL.upper(), "a"),
        (f"{PARCEL} thanks", "a"),
    ]
    rows += [(f"{PARCEL} hello", "c")]
    (exact,) = found(subject(rows), "duplicates")
    assert flagged([exact]) == {2: (0,)}
    (near,) = found(subject(rows[:1] + rows[2:]), "near-duplicates")
    assert flagged([near]) == {2: (0,), 3: (0,)}
    assert exact.severity == near.severity == "advice"


# Spellings.


def test_labels_in_other_spellings() -> None:
    rows = [("a", "card_lost"), ("b", "card_lost"), ("c", "Card lost"), ("d", "refund"), ("e", " card-lost.")]
    (finding,) = found(subject(rows), "spelling")
    assert {flag.row: flag.proposal for flag in finding.flags} == {2: "card_lost", 4: "card_lost"}
    assert finding.what == "2 rows write a label otherwise than most do: 1 label in 3 spellings."


def test_the_tasks_own_spelling_wins() -> None:
    rows = [("a", "card_lost"), ("b", "card_lost"), ("c", "Card lost")]
    (finding,) = found(subject(rows, labels=["Card lost", "refund"]), "spelling")
    assert {flag.row: flag.proposal for flag in finding.flags} == {0: "Card lost", 1: "Card lost"}
    assert found(subject(rows, labels=["Card lost", "card_lost"]), "spelling") == []


def test_one_of_several_labels_in_another_spelling() -> None:
    rows = [("a", "red;blue"), ("b", "red"), ("c", "Red;blue"), ("d", "blue;green")]
    (finding,) = found(subject(rows, separator=";"), "spelling")
    assert {flag.row: flag.proposal for flag in finding.flags} == {2: "red;blue"}


def test_json_in_other_writing() -> None:
    usual = [
        ("x", json.dumps({"name": f"n{n}", "age": n, "at": {"city": "c", "zip": "z"}})) for n in range(6)
    ]
    moved = json.dumps({"age": 7, "name": "n7", "at": {"zip": "z", "city": "c"}})
    dense = json.dumps({"name": "n8", "age": 8, "at": {"city": "c", "zip": "z"}}, separators=(",", ":"))
    odd = '{"name": "n9", "age": 1.50, "at": {"zip": "z", "city": "c"}}'
    rows = [*usual, ("x n7", moved), ("x n8", dense), ("x n9", odd), ("x", "no JSON")]
    finding = found(subject(rows, "extract"), "spelling")[0]
    proposals = {flag.row: flag.proposal for flag in finding.flags}
    assert set(proposals) == {6, 7, 8}
    assert proposals[6] == json.dumps({"name": "n7", "age": 7, "at": {"city": "c", "zip": "z"}})
    assert proposals[7] == json.dumps(json.loads(dense))
    assert proposals[8] is None  # 1.50 would not stay 1.50


def test_chosen_values_in_other_spellings() -> None:
    """A value that is copied from the input keeps the input's spelling."""
    rows = [(f"call {n}", json.dumps({"urgency": "High", "city": "Bonn"})) for n in range(3)]
    rows += [("call from BONN", json.dumps({"urgency": "high", "city": "BONN"}))]
    (finding,) = found(subject(rows, "extract"), "spelling")
    assert [(flag.row, flag.proposal) for flag in finding.flags] == [
        (3, json.dumps({"urgency": "High", "city": "BONN"}))
    ]


# Annotators.

TEN_BY_FOURTEEN = (
    (0, 0, 0, 0, 14),
    (0, 2, 6, 4, 2),
    (0, 0, 3, 5, 6),
    (0, 3, 9, 2, 0),
    (2, 2, 8, 1, 1),
    (7, 7, 0, 0, 0),
    (3, 2, 6, 3, 0),
    (2, 5, 3, 2, 2),
    (6, 5, 2, 1, 0),
    (0, 2, 2, 3, 7),
)
"""The worked example of Fleiss' kappa in many textbooks: 10 items, 14 raters, 5 categories, kappa 0.210."""


def test_fleiss_kappa_of_the_textbook() -> None:
    items = [[value for value, times in enumerate(row) for _ in range(times)] for row in TEN_BY_FOURTEEN]
    kappa = fleiss([{str(rater): value for rater, value in enumerate(item)} for item in items])
    assert kappa.value == pytest.approx(0.210, abs=0.0005)
    assert kappa.n == 10


def test_cohens_kappa_by_hand() -> None:
    """20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no: (0.7 - 0.5) / 0.5."""
    first = np.repeat([0, 0, 1, 1], [20, 5, 10, 15])
    second = np.repeat([0, 1, 0, 1], [20, 5, 10, 15])
    kappa = cohen(first, second)
    assert kappa.value == pytest.approx(0.4)
    assert cohen(first, first).value == 1
    assert np.isnan(cohen(np.zeros(5, int), np.zeros(5, int)).value)


def test_the_interval_of_kappa_is_as_wide_as_a_bootstrap() -> None:
    rng = np.random.default_rng(0)
    first = rng.integers(0, 4, 300)
    second = np.where(rng.random(300) < 0.7, first, rng.integers(0, 4, 300))
    draws = [cohen(first[rows], second[rows]).value for rows in rng.integers(0, 300, (1500, 300))]
    for kappa in (
        cohen(first, second),
        fleiss([{"a": a, "b": b} for a, b in zip(first, second, strict=True)]),
    ):
        assert (kappa.high - kappa.low) / (2 * 1.96) == pytest.approx(np.std(draws), rel=0.1)


def test_annotators_who_disagree() -> None:
    rows, people = list[tuple[str, str]](), list[str]()
    for n in range(20):
        for person, label in (("ann", "a" if n % 2 else "b"), ("bo", "a" if n % 2 or n == 0 else "b")):
            rows.append((f"text number {n}", label))
            people.append(person)
    rows.append(("only one has seen this", "a"))
    people.append("ann")
    given = subject(rows, meta={"who": people}, columns={"annotator": "who"})
    (finding,) = found(given, "annotators")
    assert flagged([finding]) == {0: (1,), 1: (0,)}
    assert finding.figures["Cohen's kappa"] == 0.9
    assert finding.figures["disputed"] == 1
    assert "agree on 95% of 20" in str(finding.figures["ann and bo"])
    assert found(subject(rows), "annotators") == []


def test_three_annotators_have_fleiss_kappa_and_three_pairs() -> None:
    ratings = [{"a": 0, "b": 0, "c": 1}, {"a": 1, "b": 1, "c": 1}, {"a": 0, "b": 1}, {"c": 1, "a": 1}]
    assert [(p.first, p.second, p.agreement.n) for p in pairs_of(ratings)] == [
        ("a", "b", 3),
        ("a", "c", 3),
        ("b", "c", 2),
    ]
    assert fleiss(ratings).n == 4


def test_names_of_annotators_are_not_given_away() -> None:
    rows = [("one text", "a"), ("one text", "b")]
    meta = {"who": ["ann.miller@example.com", "bo@example.com"]}
    (finding,) = found(subject(rows, meta=meta, columns={"annotator": "who"}), "annotators")
    assert "example.com" not in str(finding)


def test_edits_change_at_least_one_word() -> None:
    """Guards the planting: what is planted as near is never a plain copy."""
    rng = random.Random(0)
    assert all(edits(PARCEL.split(), 0.1, rng, ["other"]) != PARCEL.split() for _ in range(200))
