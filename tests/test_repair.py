"""Guards repair: every change stands in the log, nothing is changed in place, repairing twice is repairing
once, and each rule does what it says on planted rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.repair_rows import (
    EMAIL,
    PARCEL,
    PHONE,
    REDACTING,
    REFUND,
    TABLE,
    Row,
    finding,
    mend,
    report_of,
    subject_of,
    table,
    told,
)
from whet.check.findings import Flag
from whet.check.places import Places, at, leaves, named, put, seen
from whet.check.subject import Broken, Subject
from whet.check.tidy import one_spelling, spelling_key, tidy
from whet.cli.repair_options import Options, choices_from
from whet.data.neardup import near_pairs
from whet.errors import InputError
from whet.records import Turn
from whet.repair import rules as rules_module
from whet.repair.items import Change, Choices
from whet.repair.merging import balanced
from whet.repair.rules import RULES
from whet.repair.whole import repair

same_every_time = settings(deadline=None, derandomize=True, database=None, max_examples=60)

DUPLICATES = ("exact-duplicates", "near-duplicates")


# One way to write a text.


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("plain", "plain"),
        ("  three   blanks\tand a tab ", "three blanks and a tab"),
        ("A sentence.  And a row of\ta table | of two", "A sentence.  And a row of\ta table | of two"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("def f():\n    return  1", "def f():\n    return  1"),
        ("e\u0301tage", "étage"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("nul\x00 bell\x07", "nul bell"),
        ("100\u00a0km", "100 km"),
        ("cafÃ© crÃ¨me", "café crème"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("half \ud83d pair", "half \ufffd pair"),
    ],
)
def test_a_text_is_written_one_way(given: str, expected: str) -> None:
    assert tidy(given) == expected


texts = st.text(
    st.one_of(
        st.characters(exclude_categories=[]),
        st.sampled_from("\u200b\u200c\u200d\ufeff\u00a0\u0301\u0338\r\n\t Ã©â€™eE=K\u212a\ud800"),
    ),
    max_size=30,
)


@given(texts)
@settings(same_every_time, max_examples=1000)
def test_tidying_twice_is_tidying_once(text: str) -> None:
    assert tidy(tidy(text)) == tidy(text)


def test_spellings_of_a_label_and_of_json_are_found_and_different_outputs_are_not() -> None:
    same = ["Refund", "refund", "REFUND ", '"refund."', "re-fund"]
    assert len({spelling_key(label, "classify") for label in same[:4]}) == 1
    assert spelling_key("card_lost", "classify") == spelling_key("Card lost", "classify")
    assert spelling_key('{"a": 1, "b": [2]}', "extract") == spelling_key('{"b":[2],"a":1}', "extract")
    for one, other in (
        ("C", "C++"),
        ("1", "-1"),
        ("a b", "ab"),
        (".NET", "net"),
        ("refund", "refunds"),
        ("?", "!"),
    ):
        assert spelling_key(one, "classify") != spelling_key(other, "classify"), (one, other)
    assert spelling_key('{"a": 1}', "extract") != spelling_key('{"a": "1"}', "extract")
    assert spelling_key("Thank you.", "write") != spelling_key("thank you", "write")


def test_the_most_frequent_spelling_wins_and_the_task_s_own_labels_stay() -> None:
    assert one_spelling(["b", "A", "a", "a"], "classify") == {"A": "a"}
    assert one_spelling(["A", "a"], "classify") == {"a": "A"}
    assert one_spelling(["a", "a", "A"], "classify", ["A"]) == {"a": "A"}
    assert one_spelling(["a", "A", "a "], "classify", ["a", "A"]) == {"a ": "a"}


# Each rule, on planted rows, with its exact log.


def test_unreadable_records_leave_to_the_rejects() -> None:
    rows = table((PARCEL, "parcel"))
    broken = Broken("t.csv:3", "", '{"text": ', "each line must be a JSON object.", "mend it.")
    subject = replace(subject_of(rows), broken=[broken])
    done = repair(rows, subject, report_of(rows), Choices(), unread={"t.csv:3": '{"text": "whole line'})
    assert told(done) == [("t.csv:3", "", '{"text": ', None, "broken")]
    assert [r["text"] for r in done.rejects] == ['{"text": "whole line']
    assert done.rejects[0]["row"] == "t.csv:3"
    assert done.rows == rows


def test_texts_are_normalised_in_every_column_and_in_nested_ones() -> None:
    rows = [
        {"text": "a\u200b parcel", "label": "x", "n": 3, "more": {"who": [" Ann\r\n", True, None]}},
        {"text": "fine", "label": "y", "n": 4, "more": {}},
    ]
    done = mend(rows, rules=("normalise",))
    assert told(done) == [
        ("t.csv:2", "text", "a\u200b parcel", "a parcel", "normalise"),
        ("t.csv:2", "more.who[0]", " Ann\r\n", "Ann", "normalise"),
    ]
    assert done.rows[0] == {"text": "a parcel", "label": "x", "n": 3, "more": {"who": ["Ann", True, None]}}
    assert done.rows[1] is rows[1]


def test_blanks_that_every_text_of_a_column_has_are_the_way_of_the_file() -> None:
    rows = table(("one\n\n###\n\n", " x"), ("two\n\n###\n\n", " y"))
    assert mend(rows, rules=("normalise",)).rows == rows
    stray = [*rows, *table(("three", " x"))]
    assert [row["text"] for row in mend(stray, rules=("normalise",)).rows][:2] == ["one\n\n###", "two\n\n###"]


def test_one_spelling_for_an_output() -> None:
    rows = table(("one", "Refund"), ("two", "refund"), ("three", "refund"), ("four", "parcel"))
    done = mend(rows, rules=("normalise",))
    assert told(done) == [("t.csv:2", "label", "Refund", "refund", "normalise")]
    assert [row["label"] for row in done.rows] == ["refund", "refund", "refund", "parcel"]


def test_one_spelling_where_an_output_holds_several_labels() -> None:
    rows = [
        {"text": t, "label": labels} for t, labels in (("a", ["X", "y"]), ("b", ["x"]), ("c", ["x", "X"]))
    ]
    subject = subject_of(rows, separator="|")
    choices = Choices(rules=("normalise",), places=replace(TABLE, separator="|"))
    done = repair(rows, subject, report_of(rows), choices)
    assert [row["label"] for row in done.rows] == [["X", "y"], ["X"], ["X"]]
    assert rows[2]["label"] == ["x", "X"]


def test_of_exact_duplicates_the_first_stays_and_counts_for_all_where_asked() -> None:
    rows = [
        {"text": PARCEL, "label": "parcel", "day": "1"},
        {"text": REFUND, "label": "refund", "day": "2"},
        {"text": PARCEL, "label": "parcel", "day": "3"},
        {"text": PARCEL, "label": "refund", "day": "4"},
    ]
    done = mend(rows, rules=("exact-duplicates",))
    assert told(done) == [("t.csv:4", "", PARCEL, None, "exact-duplicates")]
    assert done.log[0].why == "same input and output as t.csv:2"
    assert done.rows == [rows[0], rows[1], rows[3]]
    assert "copies" not in done.rows[0]
    counted = mend(rows, rules=("exact-duplicates",), copies=True).rows
    assert [row["copies"] for row in counted] == [2, 1, 1]
    again = mend([{**row, "copies": str(row["copies"])} for row in counted], copies=True).rows
    assert [row["copies"] for row in again] == ["2", "1", "1"]


def test_of_near_duplicates_with_one_output_the_longest_stays() -> None:
    near = PARCEL + " please"
    rows = table((PARCEL, "parcel"), (near, "parcel"), (PARCEL.upper() + "!!", "parcel"), (REFUND, "refund"))
    done = mend(rows, rules=("near-duplicates",))
    assert told(done) == [
        ("t.csv:2", "", PARCEL, None, "near-duplicates"),
        ("t.csv:4", "", PARCEL.upper() + "!!", None, "near-duplicates"),
    ]
    assert done.log[0].why == "near-identical to t.csv:3, which has the same output"
    assert [row["text"] for row in done.rows] == [near, REFUND]


def test_near_duplicates_with_different_outputs_are_asked_about_and_never_merged() -> None:
    rows = table((PARCEL, "parcel"), (PARCEL + " please", "refund"), (REFUND, "refund"))
    done = repair(rows, subject_of(rows), report_of(rows), Choices(places=TABLE))
    assert done.rows == rows
    assert [(q["row"], q["finding"], q["why"]) for q in done.review] == [
        ("t.csv:2", "repair.near-duplicates", "against t.csv:3: 'refund'"),
        ("t.csv:3", "repair.near-duplicates", "against t.csv:2: 'parcel'"),
    ]
    # Where a check has looked for contradictions, its findings are the questions.
    assert mend(rows).review == []


def test_chains_of_near_duplicates_are_not_merged_into_one() -> None:
    words = [f"word{n:02d}" for n in range(40)]
    chain = [" ".join(words[k : k + 20]) for k in (0, 2, 4, 6, 8, 10)]
    left, right = near_pairs(chain)
    near = set(zip(left.tolist(), right.tolist(), strict=True))
    assert (0, 1) in near
    assert (0, 5) not in near  # the control: the ends of the chain are not near
    rows = table(*((text, "x") for text in chain))
    stay = [chain.index(row["text"]) for row in mend(rows, rules=("near-duplicates",)).rows]
    assert len(stay) > 1
    assert all((i, j) not in near for i in stay for j in stay)
    for gone in set(range(6)) - set(stay):
        assert any((min(gone, i), max(gone, i)) in near for i in stay)


LABEL_ERRORS = finding(
    "accurate.label-errors",
    "accurate",
    Flag(0, "output", "looks like refund", score=0.95, proposal="refund"),
    Flag(2, "output", "looks like parcel", score=0.6, proposal="parcel"),
)
MISLABELLED = table((REFUND, "parcel"), (PARCEL, "parcel"), ("is my parcel lost or late", "refund"))


@pytest.mark.parametrize(
    ("accept", "labels"),
    [
        ([], ["parcel", "parcel", "refund"]),
        (["label-errors:0.9"], ["refund", "parcel", "refund"]),
        (["label-errors"], ["refund", "parcel", "parcel"]),
        (["t.csv:4"], ["parcel", "parcel", "parcel"]),
    ],
)
def test_labels_change_only_where_accepted(accept: list[str], labels: list[str]) -> None:
    choices = choices_from(Options(accept=tuple(accept)), TABLE)
    report = report_of(MISLABELLED, LABEL_ERRORS)
    done = repair(MISLABELLED, subject_of(MISLABELLED), report, choices)
    assert [row["label"] for row in done.rows] == labels
    changed = [c for c in done.log if c.rule == "relabel"]
    assert [(c.row, c.before, c.after) for c in changed] == [
        (f"t.csv:{n + 2}", MISLABELLED[n]["label"], new)
        for n, new in enumerate(labels)
        if new != MISLABELLED[n]["label"]
    ]
    asked = {q["row"] for q in done.review if q["finding"] == "accurate.label-errors"}
    assert asked == {"t.csv:2", "t.csv:4"} - {c.row for c in changed}


def test_weights_are_inverse_to_frequency_capped_and_sum_to_n() -> None:
    assert balanced({"a": 3, "b": 1}, cap=10) == {"a": pytest.approx(4 / 6, abs=1e-6), "b": 2.0}
    counts = {"a": 997, "b": 2, "c": 1}
    weights = balanced(counts, cap=10)
    assert weights["b"] == weights["c"] == 10.0
    assert sum(counts[name] * weights[name] for name in counts) == pytest.approx(1000, abs=1e-3)
    uncapped = balanced(counts, cap=1e9)
    assert len({round(counts[n] * uncapped[n], 3) for n in counts}) == 1


def test_balance_adds_a_column_and_copies_no_row() -> None:
    rows = table(*((f"{PARCEL} {n * 7919}", "parcel") for n in range(3)), (REFUND, "refund"))
    done = mend(rows, rules=("balance",))
    assert [row["weight"] for row in done.rows] == [0.666667] * 3 + [2.0]
    assert [(c.column, c.before, c.after, c.rule) for c in done.log[-1:]] == [
        ("weight", None, 2.0, "balance")
    ]
    assert len(done.log) == len(rows)
    read_back = [{**row, "weight": str(row["weight"])} for row in done.rows]
    assert mend(read_back, rules=("balance",)).log == []
    with pytest.raises(InputError, match="balance needs labels"):
        mend(rows, kind="write", rules=("balance",))


def test_the_rules_are_documented_in_their_order() -> None:
    assert [rule.name for rule in RULES] == [
        "broken",
        "decision",
        "relabel",
        "normalise",
        "redact",
        "exact-duplicates",
        "near-duplicates",
        "balance",
    ]
    assert all(rule.does and rule.apply.__doc__ for rule in RULES)


# The whole: idempotence, places, order.

WORDS = [
    "parcel",
    "refund",
    "login",
    "Card",
    "lost",
    "where",
    "my",
    f"{EMAIL}",
    f"call {PHONE}",
    "\u200b",
    " ",
]
rows_of_tables = st.lists(
    st.fixed_dictionaries(
        {
            "text": st.lists(st.sampled_from(WORDS), min_size=1, max_size=8).map(" ".join),
            "label": st.sampled_from(["a", "A", "a ", "b", "b\u200b", "card_lost", "Card Lost"]),
            "from": st.sampled_from(["", EMAIL, "desk", "cafÃ©"]),
        }
    ),
    min_size=1,
    max_size=12,
)
ALL_RULES = (*Choices().rules, "balance")


@given(rows_of_tables, st.booleans(), st.booleans())
@same_every_time
def test_repairing_a_repaired_file_changes_nothing(rows: list[Row], redact: bool, copies: bool) -> None:
    choices: Row = {"rules": ALL_RULES, "redacting": REDACTING if redact else None, "copies": copies}
    before = json.dumps(rows)
    once = mend(rows, **choices)
    assert json.dumps(rows) == before
    again = mend([dict(row) for row in once.rows], **choices)
    assert again.rows == once.rows
    assert again.log == []
    assert mend(rows, **choices) == replace(once, clean=mend(rows, **choices).clean) or redact
    assert asdict_all(mend(rows, **choices).log) == asdict_all(once.log)


def asdict_all(log: Sequence[Change]) -> list[dict[str, Any]]:
    return [asdict(change) for change in log]


def test_duplicates_judged_before_texts_are_tidied_would_need_a_second_repair(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The control: with the rules in another order, repairing twice is not repairing once."""
    rows = table((PARCEL, "a"), (f"{PARCEL}\u200b", "a"), (REFUND, "b"))
    assert mend(mend(rows).rows).log == []  # type: ignore[arg-type]
    moved = sorted(RULES, key=lambda rule: rule.name != "exact-duplicates")
    monkeypatch.setattr(
        rules_module, "RULES", tuple(rule for rule in moved if rule.name not in DUPLICATES[1:])
    )
    assert mend(mend(rows).rows).log != []  # type: ignore[arg-type]


@given(rows_of_tables)
@same_every_time
def test_every_difference_stands_in_the_log(rows: list[Row]) -> None:
    """Playing the log back over the source gives the repaired rows."""
    done = mend(rows)
    assert replayed(rows, done.log) == done.rows
    unlogged = [c for c in done.log if c is not done.log[0]]
    assert not done.log or replayed(rows, unlogged) != done.rows  # the control: a record less


def replayed(rows: Sequence[Row], log: Sequence[Change]) -> list[Any]:
    now: dict[str, Any] = {f"t.csv:{n + 2}": row for n, row in enumerate(rows)}
    for change in log:
        if change.after is None:
            del now[change.row]
        else:
            path = next(p for p, _ in leaves(now[change.row]) if named(p) == change.column)
            assert at(now[change.row], path) == change.before
            now[change.row] = put(now[change.row], path, change.after)
    return list(now.values())


def test_conversations_and_tool_calls_survive_and_their_last_answer_can_be_changed() -> None:
    def chat(asked: str, answer: str) -> Row:
        turns = [
            {"role": "user", "content": asked},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "c1", "function": {"arguments": "{}"}}],
            },
            {"role": "tool", "tool_call_id": "c1", "content": '{"ok": true}'},
            {"role": "assistant", "content": [{"type": "text", "text": answer}]},
        ]
        return {"messages": turns, "tools": [{"type": "function"}], "weight": 0.5}

    rows = [chat("where is it?", "Parcel"), chat("and mine?", "parcel"), chat("hers?", "parcel")]
    outputs = ["Parcel", "parcel", "parcel"]
    inputs = [row["messages"][0]["content"] for row in rows]
    subject = Subject("classify", inputs, outputs, ["c.jsonl"] * 3, [1, 2, 3])
    places = seen(rows, inputs, outputs)
    assert places.output == ("messages", -1, "content", -1, "text")
    done = repair(rows, subject, report_of(rows), Choices(rules=("normalise",), places=places))
    assert [c.column for c in done.log] == ["messages[3].content[0].text"]
    assert done.rows[0] == chat("where is it?", "parcel")
    assert done.rows[1:] == rows[1:]


def test_rows_that_differ_in_tool_calls_or_rejected_answers_are_not_the_same() -> None:
    said = [("{}", "no"), ('{"id": 1}', "no"), ("{}", "never"), ("{}", "no")]
    calls = [[{"function": {"name": "find", "arguments": arguments}}] for arguments, _ in said]
    turns = [(Turn("user", PARCEL), Turn("assistant", None, {"tool_calls": call})) for call in calls]
    rows: list[Row] = [
        {"messages": [{"content": PARCEL}, {"content": None, "tool_calls": call}], "rejected": rejected}
        for call, (_, rejected) in zip(calls, said, strict=True)
    ]
    meta = {"rejected": [rejected for _, rejected in said]}
    subject = Subject("write", [PARCEL] * 4, [""] * 4, ["c.jsonl"] * 4, [1, 2, 3, 4], meta, turns)
    done = repair(rows, subject, report_of(rows), Choices(rules=DUPLICATES))
    assert [(c.row, c.rule) for c in done.log] == [("c.jsonl:4", "exact-duplicates")]
    # The control: without the conversations all of them look alike.
    bare = replace(subject, turns=None)
    assert len(repair(rows, bare, report_of(rows), Choices(rules=DUPLICATES)).rows) == 1


def test_a_value_is_not_overwritten_that_does_not_say_what_it_was_taken_for() -> None:
    rows = table(("one", "Refund"), ("two", "refund"), ("three", "refund"))
    wrong = Places(("text",), ("text",))
    assert mend(rows, rules=("normalise",), places=wrong).rows == rows
    assert wrong.of_output(rows[0], "one") == ("text",)  # the control: there it does say so
    assert seen(rows, ["one", "two", "three"], ["Refund", "refund", "refund"]) == TABLE
