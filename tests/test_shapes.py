"""Guards the promise of ``whet.data.shapes``: a row that becomes a record, and comes back, says the same.

Each shape has rows of its own here, as people write them. They are told apart, come back byte for byte, go
through every other shape whole or are refused by name; random rows give typed errors only. The controls
drop a field, or the check against it, and fail.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests import shape_rows
from tests.shape_rows import ROWS
from whet.data.formats import Row, Table
from whet.data.shapes import (
    SHAPES,
    Problem,
    Record,
    Shape,
    detect,
    differences,
    flat_table,
    flatten,
    guessable,
    labelled,
    mapped,
    meaning,
    read_records,
    with_columns,
)
from whet.data.shapes import shape as shape_module
from whet.data.shapes.chat import OPENAI_CHAT
from whet.errors import InputError, WhetError
from whet.records import Turn

FUZZ = int(os.environ.get("WHET_FUZZ", "300"))
same_every_time = settings(
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
HELD = [name for name in SHAPES if name != "table"]


def dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def table(rows: list[dict[str, Any]], path: str = "rows.jsonl") -> Table:
    columns = tuple(dict.fromkeys(key for row in rows for key in row))
    return Table(Path(path), columns, tuple(Row(2 * i + 1, row) for i, row in enumerate(rows)))


# Told apart.


def test_every_shape_has_rows_here() -> None:
    assert set(ROWS) == set(SHAPES)


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_is_known_by_its_rows(name: str) -> None:
    found = detect(ROWS[name])
    assert found.shape.name == name
    assert found.example == SHAPES[name].read(ROWS[name][0])
    assert list(found.mapping) == list(dict.fromkeys(key for row in ROWS[name] for key in row))


def test_the_mapping_says_what_each_key_becomes() -> None:
    row = {"system_prompt": "s", "question": "a", "response": "b", "id": 1}
    assert detect([row]).mapping == {
        "system_prompt": "system turn",
        "question": "user turn",
        "response": "assistant turn",
        "id": "more",
    }


def test_one_odd_row_among_many_changes_nothing() -> None:
    rows = [*ROWS["openai_chat"] * 3, {"instruction": "a", "output": "b"}]
    assert detect(rows).shape.name == "openai_chat"


def test_two_shapes_that_fit_alike_are_an_error_that_says_what_to_do() -> None:
    with pytest.raises(InputError, match="`question_answer` and like `article_summary`") as raised:
        detect([{"question": "a?", "answer": "b", "article": "c", "summary": "d"}])
    assert "fields:" in raised.value.fix
    assert "--from" in raised.value.fix


def test_no_shape_names_the_nearest() -> None:
    rows = [{"id": "a", "message": [{"role": "user", "content": "hi"}]}]
    with pytest.raises(InputError, match=r"'id', 'message'\. Nearest: `openai_chat` \(messages") as raised:
        detect(rows)
    assert "fields:" in raised.value.fix
    with pytest.raises(InputError, match="no row"):
        detect([])


def test_rows_of_a_shape_that_all_break_its_rules_say_which() -> None:
    rows = [{"conversations": [{"from": "humn", "value": "hi"}]}]
    with pytest.raises(Problem, match=r"conversations\[0\].from: 'humn'") as raised:
        detect(rows)
    assert "Did you mean 'human'?" in raised.value.fix


# There and back.


@pytest.mark.parametrize("name", SHAPES)
def test_rows_come_back_byte_for_byte(name: str) -> None:
    for row in ROWS[name]:
        record = SHAPES[name].read(row)
        written = SHAPES[name].write(record)
        assert SHAPES[name].read(written) == record
        assert dumped(written) == dumped(row)


@pytest.mark.parametrize("name", SHAPES)
def test_other_spellings_mean_the_same(name: str) -> None:
    """What people mix in: other words, JSON as text, nulls. Written again in the shape's own words."""
    for spelled, row in shape_rows.SPELLINGS.get(name, []):
        record = SHAPES[name].read(spelled)
        assert detect([spelled]).shape.name == name
        assert differences(record, SHAPES[name].read(row)) == []
        assert SHAPES[name].read(SHAPES[name].write(record)) == record


@pytest.mark.parametrize("name", SHAPES)
def test_every_other_key_stays(name: str) -> None:
    beside = {"": "no name", "ticket id": 7, "when": None, "nested": {"a": [1, {"b": None}]}}
    for row in ROWS[name]:
        record = SHAPES[name].read({**row, **beside})
        assert {key: record.more[key] for key in beside} == beside
        assert SHAPES[name].write(record) == {**row, **beside}


@pytest.mark.parametrize("target", HELD)
def test_a_row_goes_into_another_shape_whole_or_not_at_all(target: str) -> None:
    held = 0
    for name in SHAPES:
        for row in ROWS[name]:
            record = SHAPES[name].read(row)
            try:
                written = SHAPES[target].write(record)
            except Problem:
                continue
            held += 1
            assert differences(record, SHAPES[target].read(written)) == []
    assert held >= len(ROWS[target])


@pytest.mark.parametrize("name", HELD)
def test_import_of_an_export_is_the_same_record(name: str) -> None:
    shape = SHAPES[name]

    @same_every_time
    @given(shape_rows.records(name))
    def check(record: Record) -> None:
        row = json.loads(dumped(shape.write(record)))
        read = shape.read(row)
        assert differences(record, read) == []
        assert shape.read(json.loads(dumped(shape.write(read)))) == read

    check()


@same_every_time
@given(st.sampled_from(sorted(HELD)), st.sampled_from(sorted(HELD)), st.data())
def test_any_record_of_one_shape_in_another(source: str, target: str, data: st.DataObject) -> None:
    record = data.draw(shape_rows.records(source))
    try:
        row = SHAPES[target].write(record)
    except Problem:
        assume(False)
    assert differences(record, SHAPES[target].read(json.loads(dumped(row)))) == []


def lossy(drop: str) -> Shape:
    """OpenAI's chat, with a writer that forgets one key of its messages."""

    def write(record: Record) -> dict[str, Any]:
        values = OPENAI_CHAT.writer(record)
        messages = [{k: v for k, v in m.items() if k != drop} for m in values["messages"]]
        return {**values, "messages": messages}

    return replace(OPENAI_CHAT, writer=write)


@pytest.mark.parametrize("drop", ["tool_calls", "weight", "tool_call_id", "content", "name"])
def test_a_writer_that_forgets_a_field_is_refused(drop: str) -> None:
    record = OPENAI_CHAT.read(shape_rows.CALLING)
    with pytest.raises(Problem, match=rf"turns\[\d\]\.{drop}.*cannot hold"):
        lossy(drop).write(record)


def test_without_the_check_the_loss_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: the promise is kept by reading back, and by nothing else."""
    record = OPENAI_CHAT.read(shape_rows.CALLING)
    monkeypatch.setattr(shape_module, "differences", lambda one, other: [])
    written = lossy("weight").write(record)
    assert differences(record, OPENAI_CHAT.read(written)) == ["turns[3].weight"]


# Tool calls, weights, nulls and parts.


def test_openai_comes_back_byte_for_byte() -> None:
    for row in (shape_rows.CALLING, shape_rows.LEGACY, shape_rows.SEEING):
        assert dumped(OPENAI_CHAT.write(OPENAI_CHAT.read(row))) == dumped(row)


@pytest.mark.parametrize("through", ["sharegpt", "vertex", "bedrock"])
def test_calls_survive_another_shape(through: str) -> None:
    row = shape_rows.CALLING
    if through != "sharegpt":  # the clouds know no weights and no names of users
        plain = [{k: v for k, v in m.items() if k not in {"weight", "name"}} for m in row["messages"]]
        row = {**row, "messages": plain}
    shape = SHAPES[through]
    back = OPENAI_CHAT.write(shape.read(json.loads(dumped(shape.write(OPENAI_CHAT.read(row))))))
    assert differences(OPENAI_CHAT.read(row), OPENAI_CHAT.read(back)) == []
    calls = [m["tool_calls"] for m in back["messages"] if "tool_calls" in m]
    assert [call["id"] for call in calls[0]] == ["call_1", "call_2"]
    assert json.loads(calls[0][0]["function"]["arguments"]) == {"order": "A-17", "deep": [1, {"x": None}]}
    assert back["tools"] == row["tools"]


def test_sharegpt_in_its_own_words() -> None:
    row = SHAPES["sharegpt"].write(OPENAI_CHAT.read(shape_rows.CALLING))
    assert row["system"] == "You are the order desk."
    assert [m["from"] for m in row["conversations"]] == [
        "human",
        "function_call",
        "observation",
        "observation",
        "gpt",
    ]
    calls = json.loads(row["conversations"][1]["value"])
    assert calls[0] == {"name": "find_order", "arguments": {"order": "A-17", "deep": [1, {"x": None}]}}
    assert json.loads(row["tools"])[0]["name"] == "find_order"


def test_parts_survive_sharegpt() -> None:
    record = OPENAI_CHAT.read(shape_rows.SEEING)
    back = SHAPES["sharegpt"].read(SHAPES["sharegpt"].write(record))
    assert differences(record, back) == []
    assert back.turns[0].content == tuple(shape_rows.SEEING["messages"][0]["content"])


def test_what_is_not_to_be_learned_has_no_weight_elsewhere() -> None:
    row = {
        "prompt": [
            {"role": "user", "content": "one"},
            {"role": "assistant", "content": "1"},
            {"role": "user", "content": "two"},
        ],
        "completion": [{"role": "assistant", "content": "2"}],
    }
    record = SHAPES["prompt_completion_chat"].read(row)
    assert record.learn_from == 3
    messages = OPENAI_CHAT.write(record)["messages"]
    assert [message.get("weight") for message in messages] == [None, 0, None, None]


def test_refusals_name_what_would_be_lost() -> None:
    record = OPENAI_CHAT.read(shape_rows.CALLING)
    with pytest.raises(Problem, match=r"^tools: ") as raised:
        SHAPES["alpaca"].write(record)
    assert "alpaca" in raised.value.fix
    with pytest.raises(Problem, match=r"^turns: there is no answer") as raised:
        SHAPES["question_answer"].write(Record(turns=(Turn("user", "hi"),)))
    assert "question_answer" in raised.value.fix
    taken = replace(OPENAI_CHAT.read(ROWS["openai_chat"][0]), more={"conversations": "12"})
    with pytest.raises(Problem, match=r"^more\.conversations: '12': `sharegpt` uses a key of this name"):
        SHAPES["sharegpt"].write(taken)


# Labels and named columns.


def test_class_numbers_get_their_names() -> None:
    rows: list[dict[str, Any]] = [{"text": "where is it", "label": 1}, {"text": "my money", "label": "0"}]
    shape = labelled("label", ("refund", "parcel"))
    assert [shape.read(row).label for row in rows] == ["parcel", "refund"]
    assert SHAPES["text_label"].read(rows[0]).label == 1
    with pytest.raises(Problem, match="label: 2: is no class; there are 2 names"):
        shape.read({"text": "x", "label": 2})
    with pytest.raises(Problem, match="--labels"):
        OPENAI_CHAT.write(SHAPES["text_label"].read(rows[0]))


def test_a_label_is_an_answer_and_back() -> None:
    record = SHAPES["text_label"].read({"text": "where is it", "label": "parcel", "id": 7})
    row = OPENAI_CHAT.write(record)
    assert row["messages"][-1] == {"role": "assistant", "content": "parcel"}
    assert SHAPES["text_label"].write(OPENAI_CHAT.read(row)) == {
        "text": "where is it",
        "label": "parcel",
        "id": 7,
    }


def test_named_columns() -> None:
    shape = mapped({"input": "ticket", "output": "reply"})
    record = shape.read({"ticket": "where is it", "reply": "on its way", "when": "today"})
    assert OPENAI_CHAT.write(record) == {
        "messages": [
            {"role": "user", "content": "where is it"},
            {"role": "assistant", "content": "on its way"},
        ],
        "when": "today",
    }
    with pytest.raises(InputError, match="no field"):
        mapped({"inputs": "ticket"})
    with pytest.raises(InputError, match="as the input"):
        mapped({"output": "reply"})


# Flat rows.


def test_flat_conversation() -> None:
    flat = flatten(OPENAI_CHAT.read(shape_rows.CALLING))
    assert flat["system"] == "You are the order desk."
    assert flat["output"] == "It arrives on Monday."
    assert flat["input"].splitlines()[0] == "user: Where is A-17?"
    assert (
        flat["input"].splitlines()[1].startswith('assistant: [{"name": "find_order", "arguments": {"order"')
    )
    assert flat["split"] == "TRAIN"


def test_one_user_turn_is_the_text_alone() -> None:
    record = Record(
        turns=(Turn("system", "s"), Turn("user", "hi"), Turn("assistant", "yo")), more={"input": 3}
    )
    assert flatten(record) == {"input": "hi", "output": "yo", "system": "s", "more.input": 3}


def test_an_answer_that_is_a_call() -> None:
    calls = [{"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"b":1}'}}]
    record = Record(turns=(Turn("user", "hi"), Turn("assistant", None, {"tool_calls": calls})))
    assert flatten(record)["output"] == '[{"name": "f", "arguments": {"b": 1}}]'


@pytest.mark.parametrize(
    ("name", "output"),
    [
        ("preference", "Blue."),
        ("stepwise", "9.11 is 9 and 11 hundredths.\n9.9 is 9 and 90 hundredths."),
        ("ranked_answers", "Paris."),
        ("text_labels", ["billing", "refund"]),
        ("prompt", ""),
    ],
)
def test_the_output_of_each_kind(name: str, output: object) -> None:
    assert flatten(SHAPES[name].read(ROWS[name][0]))["output"] == output


def test_a_flat_table_keeps_lines() -> None:
    flat = flat_table(table([*ROWS["openai_chat"]]))
    assert [row.line for row in flat.rows] == [2 * i + 1 for i in range(len(flat.rows))]
    assert flat.columns[:2] == ("input", "output")


def test_a_constant_instruction_stands_apart() -> None:
    rows = [{"instruction": "Which queue?", "input": text, "output": "refund"} for text in ("a b", "c d")]
    flat = flat_table(table(rows))
    assert [row.values["input"] for row in flat.rows] == ["a b", "c d"]
    assert flat.rows[0].values["instruction"] == "Which queue?"
    rows[1]["instruction"] = "How urgent?"
    assert flat_table(table(rows)).rows[1].values["input"] == "How urgent?\nc d"


def test_tables_that_work_as_they_are_stay() -> None:
    plain = table([{"text": "a", "label": "x"}, {"text": "b", "label": "y"}])
    assert flat_table(plain) is plain
    assert guessable(plain) is plain
    tickets = table([{"ticket": "a", "queue": "x", "tags": ["u", "v"]}])
    assert flat_table(tickets) is tickets
    assert guessable(tickets) is tickets
    alpaca = table([*ROWS["alpaca"]])
    assert with_columns(alpaca, ["instruction", "output"]) is alpaca
    assert with_columns(table(ROWS["openai_chat"]), ["input"]).columns[0] == "input"


def test_nested_cells_without_a_shape_are_left_to_the_guesser() -> None:
    odd = table([{"body": "a", "queue": "x", "spans": [{"start": 1}]}])
    assert guessable(odd) is odd


def test_conversations_in_cells_of_text_are_found() -> None:
    chat = table([{"messages": dumped(row["messages"]), "id": "a"} for row in ROWS["openai_chat"]])
    assert set(guessable(chat).columns) == {"input", "output", "id", "system"}


def test_broken_rows_stand_beside_the_good_ones() -> None:
    rows = [*ROWS["openai_chat"], {"messages": [{"role": "usr", "content": "hi"}]}]
    found = read_records(table(rows))
    assert len(found.rows) == len(rows) - 1
    line = 2 * len(rows) - 1
    assert str(found.broken[0][1]).startswith(f"rows.jsonl:{line}: messages[0].role: 'usr': is not a role.")
    with pytest.raises(InputError, match=rf"1 row.*\n  rows.jsonl:{line}: messages\[0\]"):
        flat_table(table(rows))


# Meaning.


@same_every_time
@given(st.sampled_from(sorted(HELD)), st.data())
def test_the_normal_form_is_its_own_normal_form(name: str, data: st.DataObject) -> None:
    record = data.draw(shape_rows.records(name))
    assert meaning(meaning(record)) == meaning(record)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"content": "a"}, {"content": "b"}),
        ({"content": "a"}, {"content": "a", "weight": 0}),
        ({"content": "a"}, {"content": "a", "name": "x"}),
        ({"content": ""}, {"content": "", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}),
        ({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, {"content": "ab"}),
    ],
)
def test_what_is_a_difference(one: Mapping[str, Any], other: Mapping[str, Any]) -> None:
    """The other control: the comparison sees what must not be lost."""
    records = [OPENAI_CHAT.read({"messages": [{"role": "assistant", **said}]}) for said in (one, other)]
    assert differences(*records)


# Whatever comes.

KEYS = sorted({key.removesuffix("?") for shape in SHAPES.values() for key in shape.keys} | {"text", "x", ""})
INNER = [
    "role",
    "content",
    "from",
    "value",
    "parts",
    "text",
    "type",
    "tool_calls",
    "function",
    "name",
    "arguments",
]
INNER += [
    "functionCall",
    "toolUse",
    "toolResult",
    "functionResponse",
    "answer",
    "rank",
    "messages",
    "id",
    "args",
]
words = st.sampled_from(
    ["user", "assistant", "model", "tool", "human", "gpt", "function_call", "text", "{}", "[1]"]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | words | st.text(max_size=8)
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(INNER), inner, max_size=4)
        | st.builds(json.dumps, inner)
    ),
    max_leaves=12,
)


@settings(
    deadline=None, derandomize=True, database=None, max_examples=FUZZ, suppress_health_check=list(HealthCheck)
)
@given(st.lists(st.dictionaries(st.sampled_from(KEYS), anything, max_size=5), max_size=3))
def test_random_rows_give_typed_errors_only(rows: list[dict[str, Any]]) -> None:
    with suppress(WhetError):
        detect(rows)
    for row in rows:
        for shape in SHAPES.values():
            with suppress(WhetError):
                record = shape.read(row)
                flatten(record)
                shape.write(record)


@settings(
    deadline=None, derandomize=True, database=None, max_examples=FUZZ, suppress_health_check=list(HealthCheck)
)
@given(st.sampled_from(sorted(SHAPES)), st.data())
def test_damaged_rows_give_typed_errors_only(name: str, data: st.DataObject) -> None:
    row = damaged(data.draw(st.sampled_from(ROWS[name])), data)
    with suppress(WhetError):
        record = detect([row]).shape.read(row)
        flatten(record)
        SHAPES[data.draw(st.sampled_from(sorted(SHAPES)))].write(record)


def damaged(value: Any, data: st.DataObject) -> Any:
    """The value with something random in place of something in it."""
    inside = (
        list(value.items())
        if isinstance(value, dict)
        else list(enumerate(value))
        if isinstance(value, list)
        else []
    )
    if not inside or data.draw(st.integers(0, 3)) == 0:
        return (
            data.draw(anything)
            if not isinstance(value, dict) or not inside
            else {**value, "x": data.draw(anything)}
        )
    key, chosen = data.draw(st.sampled_from(inside))
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[key] = damaged(chosen, data)
    return copy


def test_the_page_of_formats_lists_every_shape() -> None:
    page = (Path(__file__).parent.parent / "docs" / "formats.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    assert sorted(re.findall(r"`(\w+)`", " ".join(rows))) == sorted(SHAPES)
