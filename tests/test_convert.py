"""Guards ``whet convert``: every row is written or set aside with its reason, and nothing is written in
place."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Whet
from tests.shape_rows import CALLING, LEGACY, ROWS, SEEING, TOOLS, said
from whet.data.convert import class_names, convert
from whet.data.formats import read_table
from whet.data.shapes import SHAPES, differences
from whet.errors import InputError, Refused, WorldError


def jsonl(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [row.values for row in read_table(path).rows]


# The file as a whole.


def test_openai_to_sharegpt_and_back_means_the_same(tmp_path: Path) -> None:
    rows = [CALLING, LEGACY, SEEING, *ROWS["openai_chat"][:2]]
    source = jsonl(tmp_path / "chat.jsonl", rows)
    there = convert(source, tmp_path / "sharegpt.json", to="sharegpt")
    back = convert(there.target, tmp_path / "back.jsonl", to="openai_chat")
    assert (there.shape, back.shape) == ("openai_chat", "sharegpt")
    assert (there.written, back.written, there.set_aside, back.set_aside) == (5, 5, 0, 0)
    read = SHAPES["openai_chat"].read
    for before, after in zip(rows, rows_of(back.target), strict=True):
        assert differences(read(before), read(after)) == []


def test_the_same_shape_stays_byte_for_byte(tmp_path: Path) -> None:
    """Keys in another order, and JSON within texts spaced in its own way."""
    rows: list[dict[str, Any]] = [
        {"split": "TEST", "tools": TOOLS, "messages": [dict(reversed(m.items())) for m in said("a", "b")]},
        {"messages": said("c", "d"), "note": '{"a":1}'},
    ]
    source = jsonl(tmp_path / "in.jsonl", rows)
    summary = convert(source, tmp_path / "out.jsonl", to="openai_chat")
    assert summary.target.read_bytes() == source.read_bytes()
    spaced = [
        {
            "conversations": [
                {"from": "human", "value": "hi"},
                {"from": "function_call", "value": '{"name":"f"}'},
            ]
        }
    ]
    source = jsonl(tmp_path / "spaced.jsonl", spaced)
    assert convert(source, tmp_path / "same.jsonl", to="sharegpt").target.read_bytes() == source.read_bytes()


def test_a_table_of_cells_holds_conversations(tmp_path: Path) -> None:
    """JSONL to CSV and back: lists are JSON text in a cell, and empty cells are missing keys."""
    rows = [*ROWS["openai_chat"][:2], {"messages": said("x", "y"), "tools": TOOLS}]
    table = convert(jsonl(tmp_path / "in.jsonl", rows), tmp_path / "table.csv", to="openai_chat").target
    back = convert(table, tmp_path / "back.jsonl", to="openai_chat")
    assert back.shape == "openai_chat"
    found = rows_of(back.target)
    assert [row["messages"] for row in found] == [row["messages"] for row in rows]
    assert found[2]["tools"] == TOOLS
    assert found[1]["kto_tag"] is False


def test_rows_that_do_not_fit_are_set_aside_whole(tmp_path: Path) -> None:
    rows = [*ROWS["openai_chat"][:2], CALLING, {"messages": [{"role": "usr", "content": "hi"}], "id": 9}]
    source = jsonl(tmp_path / "in.jsonl", rows)
    with source.open("a", encoding="utf-8") as stream:
        stream.write('{"messages": [\n')
    summary = convert(source, tmp_path / "out.jsonl", to="prompt_completion_chat")
    assert (summary.written, summary.set_aside) == (2, 3)
    assert summary.rejects == tmp_path / "out.rejects.jsonl"
    lines = [json.loads(line) for line in summary.rejects.read_text(encoding="utf-8").splitlines()]
    assert [line["source"] for line in lines] == ["in.jsonl:2", "in.jsonl:4", "in.jsonl:5"]
    assert lines[0]["field"] == "desirable"
    assert lines[0]["row"] == rows[1]
    assert lines[1]["row"] == rows[3]
    assert lines[1]["field"] == "messages[0].role"
    assert lines[2]["row"] is None
    assert sum(summary.reasons.values()) == 3
    written = rows_of(summary.target)
    assert written[0] == {
        "prompt": said("My parcel is late."),
        "completion": [ROWS["openai_chat"][0]["messages"][1]],
    }


def test_places_in_turns_are_one_reason(tmp_path: Path) -> None:
    light = [
        {"messages": [{**m, "weight": 0} for m in said(*texts)]}
        for texts in (("a", "b"), ("a", "b", "c", "d"))
    ]
    source = jsonl(tmp_path / "in.jsonl", [*ROWS["openai_chat"][:1], *light])
    summary = convert(source, tmp_path / "out.jsonl", to="vertex")
    assert dict(summary.reasons) == {"turns[].weight: `vertex` cannot hold it.": 2}


def test_named_columns_and_class_names(tmp_path: Path) -> None:
    source = tmp_path / "tickets.csv"
    source.write_text(
        "ticket,reply,queue\nwhere is it?,on its way,1\nmy money,sent back,0\n", encoding="utf-8"
    )
    fields = {"input": "ticket", "output": "reply"}
    summary = convert(source, tmp_path / "out.jsonl", to="alpaca", fields=fields)
    assert rows_of(summary.target)[0] == {
        "instruction": "where is it?",
        "input": "",
        "output": "on its way",
        "queue": "1",
    }
    names = tmp_path / "names.json"
    names.write_text('{"0": "refund", "1": "parcel"}', encoding="utf-8")
    fields = {"input": "ticket", "label": "queue"}
    target = tmp_path / "labels.jsonl"
    convert(source, target, to="text_label", fields=fields, labels=class_names(names))
    assert [row["label"] for row in rows_of(target)] == ["parcel", "refund"]


def test_class_names_of_any_writing(tmp_path: Path) -> None:
    path = tmp_path / "names"
    for text in ("refund\nparcel\n", '["refund", "parcel"]', '{"1": "parcel", "0": "refund"}'):
        path.write_text(text, encoding="utf-8")
        assert class_names(path) == ("refund", "parcel")
    for text in ("[]", "[1]", '{"a": "b"}', "{"):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(InputError, match="names of classes"):
            class_names(path)


@pytest.mark.data
def test_real_tickets_there_and_back(tmp_path: Path, shared: Callable[[str], Path]) -> None:
    source = shared("bitext_support/bitext_v_short_d5bd1d4.csv")
    there = convert(source, tmp_path / "chat.jsonl", to="openai_chat")
    back = convert(there.target, tmp_path / "back.csv", to="alpaca_response")
    assert (there.shape, there.set_aside, back.set_aside) == ("alpaca_response", 0, 0)
    before, after = read_table(source), read_table(back.target)
    for one, other in zip(before.rows, after.rows, strict=True):
        assert {name: other.text(name) for name in before.columns} == {n: one.text(n) for n in before.columns}


# Refusals.


def test_nothing_is_written_in_place_or_over(tmp_path: Path) -> None:
    source, taken = jsonl(tmp_path / "in.jsonl", ROWS["alpaca"]), tmp_path / "out.jsonl"
    taken.write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="already there"):
        convert(source, taken, to="openai_chat")
    assert taken.read_text(encoding="utf-8") == "mine"
    with pytest.raises(InputError, match="file that is read"):
        convert(source, source, to="openai_chat", force=True)
    stale = tmp_path / "out.rejects.jsonl"
    stale.write_text("old", encoding="utf-8")
    assert convert(source, taken, to="openai_chat", force=True).written == len(ROWS["alpaca"])
    assert not stale.exists()


def test_no_row_that_fits_writes_nothing(tmp_path: Path) -> None:
    source = jsonl(tmp_path / "in.jsonl", [CALLING, CALLING])
    with pytest.raises(Refused, match=r"not one `openai_chat` row.*\n  2 tools"):
        convert(source, tmp_path / "out.jsonl", to="alpaca")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl"]


def test_a_plain_table_asks_for_its_columns(tmp_path: Path) -> None:
    source = tmp_path / "tickets.csv"
    source.write_text("ticket,queue\nwhere is it?,parcel\n", encoding="utf-8")
    with pytest.raises(Refused) as raised:
        convert(source, tmp_path / "out.jsonl", to="openai_chat")
    assert "--field input=COLUMN" in raised.value.fix


def test_wrong_words(tmp_path: Path) -> None:
    source = jsonl(tmp_path / "in.jsonl", ROWS["alpaca"])
    target = tmp_path / "out.jsonl"
    with pytest.raises(InputError, match="'opnai_chat' is no format") as raised:
        convert(source, target, to="opnai_chat")
    assert "openai_chat" in raised.value.fix
    with pytest.raises(InputError, match="twice"):
        convert(source, target, to="kiln", shape="alpaca", fields={"input": "input"})
    with pytest.raises(InputError, match=r"in\.jsonl: messages: must be a list"):
        convert(source, target, to="kiln", shape="openai_chat")
    with pytest.raises((InputError, WorldError)):
        convert(tmp_path / "no.jsonl", target, to="kiln")
    assert not target.exists()


# The front door.


def test_the_command_shows_mapping_example_and_counts(tmp_path: Path, whet: Whet) -> None:
    source = jsonl(
        tmp_path / "in.jsonl", [*ROWS["sharegpt"], {"conversations": [{"from": "x", "value": "y"}]}]
    )
    done = whet("convert", source, tmp_path / "out.jsonl", "--to", "openai_chat")
    assert done.returncode == 1, done.stderr
    for line in (
        "in.jsonl: sharegpt -> openai_chat",
        "  conversations -> turns",
        "  source -> more",
        'after:  {"messages": [{"role": "user", "content": "Name a color."}',
        f"wrote 2 rows to {tmp_path / 'out.jsonl'}",
        "set aside 1 rows",
        "  1 conversations[].from: is not a speaker.",
    ):
        assert line in done.stdout
    again = whet("convert", source, tmp_path / "out.jsonl", "--to", "openai_chat")
    assert again.returncode == 2
    assert "already there" in again.stderr


def test_the_command_in_json(tmp_path: Path, whet: Whet) -> None:
    source = jsonl(tmp_path / "in.jsonl", ROWS["alpaca"])
    found = whet.json("convert", source, tmp_path / "out.csv", "--to", "kiln", code=1)
    assert (found["from"], found["to"], found["written"], found["set_aside"]) == ("alpaca", "kiln", 1, 1)
    assert found["mapping"]["instruction"] == "user turn"  # type: ignore[index]
    wrong = whet("convert", source, tmp_path / "x.jsonl", "--to", "kiln", "--field", "input")
    assert wrong.returncode == 2
    assert "--field input=COLUMN" in wrong.stderr
