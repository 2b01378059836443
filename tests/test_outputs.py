"""What an output is, and how it is read from what a model wrote."""

from __future__ import annotations

import json

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whet.data.outputs import (
    answers_of,
    canonical,
    inferred_schema,
    json_of,
    label_of,
    labels_in_answer,
    read_answer,
)
from whet.records import Example

LABELS = ("refund", "refund status", "delivery")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("refund", "refund"),
        (' "Refund". ', "refund"),
        ("REFUND STATUS", "refund status"),
        ("The label is refund status.", "refund status"),
        ("refund or delivery", "refund or delivery"),
        ("refunds", "refunds"),
        ("none of them", "none of them"),
    ],
)
def test_an_answer_names_a_label_or_stands_as_it_is(text: str, label: str) -> None:
    assert read_answer("classify", text, LABELS) == label


def test_several_labels_are_read_from_json_and_from_separators() -> None:
    for text in ('["delivery", "refund"]', "refund | delivery", "Refund, delivery, nonsense"):
        assert read_answer("classify", text, LABELS, several=True) == ("delivery", "refund")


def test_json_is_found_in_fences_and_among_words() -> None:
    wanted = canonical({"b": 1, "a": [2]})
    for text in ('{"b":1,"a":[2]}', '```json\n{"a": [2], "b": 1}\n```', 'Here: {"a": [2], "b": 1} - done'):
        assert read_answer("extract", text, ()) == wanted
    assert read_answer("extract", "no {braces", ()) == "no {braces"


@settings(deadline=None)
@given(VALUES)
def test_the_same_value_has_one_text(value: object) -> None:
    assert json_of(json.dumps(value, indent=1)) == canonical(value)


@settings(deadline=None)
@given(st.lists(VALUES, min_size=1, max_size=5))
def test_every_value_fits_the_schema_inferred_from_it(values: list[object]) -> None:
    schema = inferred_schema([canonical(value) for value in values])
    for value in values:
        jsonschema.validate(value, schema)


def test_the_inferred_schema_refuses_what_was_never_seen() -> None:
    schema = inferred_schema(['{"a": 1, "b": "x"}', '{"a": 2}'])
    assert schema["required"] == ["a"]
    for strange in ({"a": "1"}, {"b": "x"}, {"a": 1, "c": 0}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(strange, schema)


def test_repeated_replies_are_a_list_to_choose_from_and_unique_ones_are_not() -> None:
    def rows(outputs: list[str]) -> list[Example]:
        return [Example(str(n), f"text {n}", output, f"f:{n}") for n, output in enumerate(outputs)]

    again = rows(["yes", "no"] * 10)
    assert [label.name for label in answers_of(again, rows(["no", "yes"]))] == ["no", "yes"]
    unique = rows([f"reply {n}" for n in range(20)])
    assert answers_of(unique, rows([f"other {n}" for n in range(5)])) == ()
    assert answers_of(rows(["same"] * 9), rows(["same"])) == ()


def test_labels_with_commas_are_read_whole() -> None:
    labels = ["Billing, payments", "Refund", "A", "a"]
    assert labels_in_answer("Billing, payments|Refund", labels) == ("Billing, payments", "Refund")
    assert labels_in_answer("Billing, payments", labels) == ("Billing, payments",)
    assert labels_in_answer("Refund, a", labels) == ("Refund", "a")
    assert (label_of("A", labels), label_of("a", labels)) == ("A", "a")
