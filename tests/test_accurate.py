"""accurate: every planted fault is found in its row, and clean rows are left alone."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.conftest import tickets
from whet.check.accurate import CHECKS
from whet.check.findings import Finding
from whet.check.subject import Subject, Tools
from whet.data.readings import clock, days, no_such_day, number_readings, numbers
from whet.errors import InputError
from whet.rungs.vectors import default_encoder


def subject(kind: str, inputs: Sequence[str], outputs: Sequence[Any], **more: Any) -> Subject:
    """Rows of one file; outputs that are no text become JSON."""
    texts = [output if isinstance(output, str) else json.dumps(output) for output in outputs]
    lines = list(range(2, len(inputs) + 2))
    return Subject(kind, list(inputs), texts, ["rows.csv"] * len(inputs), lines, **more)


def run(name: str, data: Subject, tools: Tools | None = None) -> list[Finding]:
    check = next(check for check in CHECKS if check.name == name)
    found = list(check.find(data, tools or Tools()))
    assert all(finding.check == name and finding.flags for finding in found)
    return found


def rows(findings: Sequence[Finding]) -> list[int]:
    return [flag.row for finding in findings for flag in finding.flags]


def encode(texts: Sequence[str]) -> NDArray[np.float32]:
    return default_encoder().encode(texts, precise=False).vectors


# Labels


def test_wrong_labels_are_found_with_their_right_ones() -> None:
    data = tickets(60, seed=1)
    planted = {3: "refund", 40: "login", 77: "parcel", 101: "login", 150: "refund"}
    planted = {row: label for row, label in planted.items() if data[row][1] != label}
    outputs = [planted.get(row, label) for row, (_, label) in enumerate(data)]
    found = run("accurate.label-errors", subject("classify", [t for t, _ in data], outputs), Tools(encode))
    assert sorted(rows(found)) == sorted(planted)
    assert all(flag.proposal == data[flag.row][1] for flag in found[0].flags)
    scores = [flag.score or 0 for flag in found[0].flags]
    assert scores == sorted(scores, reverse=True)
    assert found[0].figures["noise_low"] <= len(planted) / 180 <= found[0].figures["noise_high"]  # type: ignore[operator]


def test_right_labels_are_not_flagged() -> None:
    data = tickets(60, seed=1)
    clean = subject("classify", [t for t, _ in data], [label for _, label in data])
    assert run("accurate.label-errors", clean, Tools(encode)) == []


def test_several_labels_lack_one_or_have_one_too_many() -> None:
    rng = random.Random(0)
    single = tickets(80, seed=2)
    pairs = [(a, b) for a, b in zip(single, rng.sample(single, len(single)), strict=True) if a[1] != b[1]]
    data = [*single, *((f"{a[0]}. {b[0]}", "|".join(sorted((a[1], b[1])))) for a, b in pairs)]
    right = [label for _, label in data]
    lacking, extra = range(len(single), len(single) + 8), range(8)
    outputs = list(right)
    for row in lacking:
        outputs[row] = right[row].split("|")[row % 2]
    for row in extra:
        outputs[row] = "|".join(sorted({right[row], "login" if right[row] != "login" else "refund"}))
    texts = [text for text, _ in data]
    found = run("accurate.label-errors", subject("classify", texts, outputs, separator="|"), Tools(encode))
    flagged = {flag.row: flag.proposal for finding in found for flag in finding.flags}
    hits = [row for row in flagged if row in lacking or row in extra]
    assert len(hits) >= 6  # of 16: what is found is the surest
    assert len(flagged) - len(hits) <= 3
    assert all(flagged[row] == right[row] for row in hits)
    clean = subject("classify", texts, right, separator="|")
    assert len(rows(run("accurate.label-errors", clean, Tools(encode)))) <= 3


def test_few_rows_say_nothing() -> None:
    few = subject("classify", ["a b", "c d", "e f"], ["x", "y", "x"])
    assert run("accurate.label-errors", few, Tools(lambda texts: np.eye(3, 8, dtype=np.float32))) == []


# Schema

RULES = {
    "type": "object",
    "required": ["people", "date"],
    "properties": {"people": {"type": "integer", "minimum": 1}, "date": {"type": "string", "format": "date"}},
    "additionalProperties": False,
}


def test_outputs_that_break_the_schema_block() -> None:
    outputs = [
        {"people": 2, "date": "2026-03-01"},
        {"people": "Jane Roe", "date": "2026-03-01"},
        {"people": 2},
        {"people": 2, "date": "2026-03-01", "note": "x"},
        {"people": 0, "date": "2026-02-30"},
        "no JSON",
        '{"people": 2, "date": "2026-03-01"',
    ]
    found = run("accurate.schema", subject("extract", ["a table"] * 7, outputs, schema=RULES))
    assert [finding.severity for finding in found] == ["blocks"]
    assert rows(found) == [1, 2, 3, 4, 5, 6]
    notes = [flag.note for flag in found[0].flags]
    assert "type" in notes[0]
    assert "Jane" not in notes[0]  # the value may be personal
    assert "lacks date" in notes[1]
    assert "has note" in notes[2]
    assert "minimum" in notes[3]
    assert "format" in notes[3]
    assert "not JSON" in notes[4]


def test_outputs_that_keep_the_schema_pass() -> None:
    good = subject("extract", ["a table"] * 3, [{"people": n, "date": "2026-03-01"} for n in (1, 2, 3)])
    assert run("accurate.schema", good) == []  # no schema, nothing to hold them to
    assert run("accurate.schema", subject("extract", good.inputs, good.outputs, schema=RULES)) == []


def test_a_schema_that_is_none_is_the_users_error() -> None:
    with pytest.raises(InputError, match="no JSON Schema"):
        run("accurate.schema", subject("extract", ["a"], [{}], schema={"type": "thing"}))


# Time


def test_a_newer_row_overtakes_an_older_one() -> None:
    data = subject(
        "classify",
        ["Where is it?", "where is it", "Where is it?", "how much", "how much"],
        ["old_queue", "new_queue", "new_queue", "price", "price"],
        meta={"day": ["2024-01-01", "2025-06-01", "2025-07-01", "2024-01-01", "2025-01-01"]},
        columns={"time": "day"},
    )
    found = run("accurate.overtaken", data)
    assert rows(found) == [0]
    assert found[0].flags[0].others == (2,)
    # Without dates, or on the same day, which of two is right is another check's question.
    assert run("accurate.overtaken", subject("classify", data.inputs, data.outputs)) == []
    same = subject(
        "classify", data.inputs, data.outputs, meta={"day": ["2025-01-01"] * 5}, columns={"time": "day"}
    )
    assert run("accurate.overtaken", same) == []


def test_rows_older_than_the_policy_are_overtaken() -> None:
    data = subject(
        "write",
        ["a", "b", "c", "d"],
        ["w", "x", "y", "z"],
        meta={"day": ["2023-12-31", "2024-01-01", "2025-02-02", "soon"]},
        columns={"time": "day", "policy_date": "2024-01-01"},
    )
    assert rows(run("accurate.overtaken", data)) == [0]


def test_a_reply_is_contradicted_by_other_numbers_only() -> None:
    data = subject(
        "write",
        ["How long may I return it?"] * 2 + ["Do you ship abroad?"] * 2,
        ["You have 14 days.", "You may return it for 30 days.", "Yes, we do!", "Of course we ship abroad."],
        meta={"day": ["2024-01-01", "2025-01-01"] * 2},
        columns={"time": "day"},
    )
    assert rows(run("accurate.overtaken", data)) == [0]


# Values


def bookings(count: int) -> tuple[list[str], list[dict[str, Any]]]:
    """Inputs with a name, a day, a number and a code, written otherwise than in the output."""
    months = ["January", "March", "May", "July"]
    inputs, outputs = [], []
    for i in range(count):
        day, month, people = 1 + i % 28, 1 + 2 * (i % 4), 2 + i % 7
        inputs.append(
            f"Hello, José Marín{i} here, a table on the {day}th of {months[i % 4]} at {1 + i % 11}:30 pm for "
            f"{['two', 'three', 'four', 'five', 'six', 'seven', 'eight'][i % 7]}, voucher AB-{1000 + i}-X, "
            f"paid $1,{100 + i}.50"
        )
        outputs.append(
            {
                "name": f"Jose Marin{i}",
                "date": f"2026-{month:02}-{day:02}",
                "time": f"{13 + i % 11}:30",
                "people": people,
                "voucher": f"AB{1000 + i}X",
                "paid": 1100.5 + i,
                "mood": "friendly" if i % 3 else "neutral",
            }
        )
    return inputs, outputs


def test_values_in_other_writing_stand_in_the_input() -> None:
    assert run("accurate.not-in-input", subject("extract", *bookings(60))) == []


def test_invented_values_are_found() -> None:
    inputs, outputs = bookings(60)
    planted = {3: ("name", "Karl Weber"), 11: ("date", "2026-06-09"), 20: ("people", 12), 31: ("paid", 77.25)}
    planted |= {42: ("voucher", "ZZ9999X"), 50: ("time", "23:45")}
    for row, (field, value) in planted.items():
        outputs[row][field] = value
    found = run("accurate.not-in-input", subject("extract", inputs, outputs))
    assert rows(found) == sorted(planted)
    for flag in found[0].flags:
        field, value = planted[flag.row]
        assert flag.note.startswith(field)
        assert str(value) not in flag.note


def test_conclusions_need_not_be_quoted() -> None:
    """A field with a list of values in the schema, or one that rows do not copy, is not held to the input."""
    inputs, outputs = bookings(60)
    for row, output in enumerate(outputs):
        output["size"] = "table" if row != 5 else "large"
    assert rows(run("accurate.not-in-input", subject("extract", inputs, outputs))) == [5]
    rules = {"properties": {"size": {"enum": ["table", "large"]}}}
    assert run("accurate.not-in-input", subject("extract", inputs, outputs, schema=rules)) == []


@pytest.mark.data
def test_values_of_restaurant8k_stand_in_their_inputs(shared: Callable[[str], Path]) -> None:
    """Spans that people marked are there; one in ten, taken from another row, is not."""
    raw = json.loads((shared("restaurant8k_slots") / "test.json").read_text(encoding="utf-8"))
    inputs, outputs = [], []
    for row in raw:
        text = row["userInput"]["text"]
        slots = {label["slot"]: label["valueSpan"] for label in row.get("labels", [])}
        inputs.append(text)
        outputs.append({n: text[s.get("startIndex", 0) : s["endIndex"]] for n, s in slots.items()})
    assert run("accurate.not-in-input", subject("extract", inputs, outputs)) == []
    rng = random.Random(0)
    named = [row for row, output in enumerate(outputs) if "first_name" in output]
    planted = sorted(rng.sample(named, len(named) // 20))
    for row in planted:
        outputs[row] = {**outputs[row], "first_name": "Wilhelmina"}
    assert rows(run("accurate.not-in-input", subject("extract", inputs, outputs))) == planted


BROKEN = [
    {"date": "2026-02-30"},
    {"when": "31.06.2025"},
    {"invoice": {"due": "2025-13-01T10:00:00Z"}},
    {"total": "12,34,5"},
    {"amount": "$1,23.456.7"},
    {"iban": "DK50 0040 0440 1162 44"},
    {"isbn": "978-3-16-148410-1"},
    {"card_number": "4111 1111 1111 1112"},
    {"total": 31.0, "items": [{"amount": 10}, {"amount": 20}]},
    {"order": {"total": "30.00", "lines": [{"price": 5, "quantity": 3}, {"price": 20, "quantity": 1}]}},
]
SOUND = [
    {"date": "2026-02-28"},
    {"when": "28.06.2025", "other": "06/28/2025"},
    {"invoice": {"due": "2025-12-01T10:00:00Z"}, "version": "1.2.3", "host": "10.0.0.1"},
    {"total": "12,345", "vat": "1.234,50 €", "price": "12,34,567.00"},
    {"amount": "$1,234.50", "phone": "12,34,5"},
    {"iban": "DK50 0040 0440 1162 43"},
    {"isbn": "978-3-16-148410-0", "other_isbn": "0-306-40615-2", "ean": "4006381333931"},
    {"card_number": "4111 1111 1111 1111", "card_number_end": "1112", "masked_iban": "DK** **** 43"},
    {"total": 31.5, "tax": 1.5, "items": [{"amount": 10}, {"amount": 20}]},
    {"order": {"total": "35.00", "lines": [{"price": 5, "quantity": 3}, {"price": 20, "quantity": 1}]}},
    {"total": 25, "items": [{"price": 5, "quantity": 3}, {"price": 20, "quantity": 1}]},
    {"total": float("inf"), "items": [{"amount": 1}]},
]


def test_values_that_cannot_be_are_found() -> None:
    found = run("accurate.unparsable", subject("extract", ["x"] * len(BROKEN), BROKEN))
    assert rows(found) == list(range(len(BROKEN)))
    notes = " ".join(flag.note for flag in found[0].flags)
    assert "1162" not in notes  # codes are not repeated
    assert "4111" not in notes
    assert found[0].flags[9].note.startswith("order.total: 30.00 is not the sum of its 2 item(s)")


def test_values_that_can_be_are_left_alone() -> None:
    assert run("accurate.unparsable", subject("extract", ["x"] * len(SOUND), SOUND)) == []
    assert run("accurate.unparsable", subject("extract", ["x"] * 3, ["no JSON", "[" * 100_000, "3"])) == []


# Readings


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1,234", {"1234", "1.234"}),
        ("1.234,50", {"1234.50"}),
        ("1 234,5", {"1234.5"}),
        ("12,34,567", {"1234567"}),
        ("12,34,5", set()),
        ("1'000'000.25", {"1000000.25"}),
        ("1.234.56", set()),
        ("007", {"7"}),
    ],
)
def test_readings_of_a_number(text: str, wanted: set[str]) -> None:
    assert {float(number) for number in number_readings(text)} == {float(number) for number in wanted}


def test_numbers_in_words_and_signs() -> None:
    found = {float(number) for number in numbers("twenty two people, 5 %, 3k, 2.5 million, a dozen")}
    assert {22.0, 0.05, 3000.0, 2_500_000.0, 12.0} <= found


def test_days_are_read_in_many_ways() -> None:
    assert days("on 2026-03-04") == {(2026, 3, 4)}
    assert days("03/04/26") == {(2026, 3, 4), (2026, 4, 3)}
    assert (None, 3, 4) in days("March 4th")
    assert (2026, 3, 4) in days("4 de marzo de 2026")
    assert (2026, 3, 4) in days("am 4. März 2026")
    assert days("31/02/2026") == set()
    assert no_such_day("31/02/2026")
    assert not no_such_day("12/31/2026")
    assert not no_such_day("tomorrow")


def test_clocks() -> None:
    assert clock("7.30 pm") == clock("19:30") == {(7, 30)}
    assert clock("at 8 o'clock") == {(8, 0)}
    assert clock("room 25:99") == set()
