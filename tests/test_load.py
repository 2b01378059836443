"""Guards the way in: every shape that users bring is read, and no row is changed or lost in silence.

What cannot be read is refused with file, line, field and value, and with the step that mends it.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from whet.config import Task, task_from
from whet.data.formats import MAX_LINE, read_table
from whet.data.load import (
    Loaded,
    is_time,
    load_examples,
    load_inputs,
    load_more,
    name_beside,
    split_labels,
)
from whet.errors import InputError
from whet.records import Example, Label

ROWS = [
    ("where is my parcel?", "ship"),
    ("it never came", "ship"),
    ("I paid twice", "bill"),
    ("wrong amount", "bill"),
]
AS_CSV = "text,queue\n" + "".join(f"{text},{queue}\n" for text, queue in ROWS)


def task(name: str = "data.csv", **more: Any) -> Task:
    fields = {"input": "text", "output": "queue", **more.pop("fields", {})}
    return task_from({"task": "t", "examples": name, "fields": fields, **more})


def load(tmp_path: Path, data: str | bytes, name: str = "data.csv", **more: Any) -> Loaded:
    raw = data.encode("utf-8") if isinstance(data, str) else data
    (tmp_path / name).write_bytes(raw)
    return load_examples(task(name, **more), tmp_path)


def refused(tmp_path: Path, data: str | bytes, name: str = "data.csv", **more: Any) -> str:
    """What the user is told, without the folder."""
    with pytest.raises(InputError) as caught:
        load(tmp_path, data, name, **more)
    assert caught.value.exit_code == 2
    return str(caught.value).replace(f"{tmp_path}/", "")


def pairs(loaded: Loaded) -> list[tuple[str, object]]:
    return [(e.input, e.output) for e in loaded.examples]


# Shapes.


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("data.csv", AS_CSV),
        ("data.csv", "\ufeff" + AS_CSV),
        ("data.csv", AS_CSV.replace("\n", "\r\n")),
        ("data.csv", AS_CSV.replace("\n", "\r")),
        ("data.csv", "\ufeff" + AS_CSV.replace("\n", "\r\n")),
        ("data.csv", AS_CSV.replace(",", ";")),
        ("data.csv", AS_CSV.replace(",", "|")),
        ("data.csv", AS_CSV.replace("\n", "\n\n")),
        ("data.csv", AS_CSV.rstrip("\n")),
        ("data.tsv", AS_CSV.replace(",", "\t")),
        ("data.jsonl", "".join(json.dumps({"text": t, "queue": q}) + "\n" for t, q in ROWS)),
        ("data.jsonl", "\r\n".join(json.dumps({"text": t, "queue": q}) for t, q in ROWS)),
        ("data.json", json.dumps([{"text": t, "queue": q} for t, q in ROWS], indent=2)),
        ("data.json", "\ufeff" + json.dumps([{"text": t, "queue": q} for t, q in ROWS])),
        ("data", "".join(json.dumps({"text": t, "queue": q}) + "\n" for t, q in ROWS)),
        ("data", AS_CSV),
    ],
    ids=[
        "csv",
        "bom",
        "crlf",
        "cr",
        "bom-crlf",
        "semicolon",
        "pipe",
        "blank-lines",
        "no-last-end",
        "tsv",
        "jsonl",
        "jsonl-crlf",
        "json",
        "json-bom",
        "jsonl-by-content",
        "csv-by-content",
    ],
)
def test_every_shape_gives_the_same_examples(tmp_path: Path, name: str, data: str) -> None:
    loaded = load(tmp_path, data, name)
    assert pairs(loaded) == ROWS
    assert loaded.labels == (Label("bill"), Label("ship"))
    assert loaded.notes == ()


def test_ids_are_file_and_line_unless_the_file_has_ids(tmp_path: Path) -> None:
    loaded = load(tmp_path, AS_CSV)
    assert [e.id for e in loaded.examples] == [f"data.csv:{n}" for n in (2, 3, 4, 5)]
    with_ids = "key,text,queue\n" + "".join(f"k{n},{t},{q}\n" for n, (t, q) in enumerate(ROWS))
    named = load(tmp_path, with_ids, fields={"id": "key"}).examples
    assert [e.id for e in named] == ["k0", "k1", "k2", "k3"]
    assert [e.source for e in named] == [f"data.csv:{n}" for n in (2, 3, 4, 5)]


def test_quoted_line_breaks_keep_the_right_line_numbers(tmp_path: Path) -> None:
    data = 'text,queue\n"one\ntwo\n\nfour",ship\nsecond,ship\n\n"a ""b"", c",bill\nlast,bill\n'
    examples = load(tmp_path, data).examples
    assert [e.source for e in examples] == [f"data.csv:{n}" for n in (2, 6, 8, 9)]
    assert examples[0].input == "one\ntwo\n\nfour"
    assert examples[2].input == 'a "b", c'


def test_jsonl_keeps_line_numbers_over_blank_lines_and_odd_separators(tmp_path: Path) -> None:
    rows = [{"text": f"line\u2028end \x85 {t}", "queue": q} for t, q in ROWS]
    data = "\n\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    examples = load(tmp_path, data, "data.jsonl").examples
    assert [e.source for e in examples] == [f"data.jsonl:{n}" for n in (1, 3, 5, 7)]
    assert examples[0].input == "line\u2028end \x85 where is my parcel?"


def test_a_record_of_json_is_named_by_its_number(tmp_path: Path) -> None:
    rows: list[object] = [{"text": t, "queue": q} for t, q in ROWS]
    assert load(tmp_path, json.dumps(rows), "d.json").examples[2].source == "d.json:3"
    assert "record 3 is a text" in refused(tmp_path, json.dumps([*rows[:2], "x"]), "d.json")


# Files that hold nothing, or not what was meant.


@pytest.mark.parametrize("data", ["", "\n\n  \n", "\ufeff"])
def test_an_empty_file_is_refused(tmp_path: Path, data: str) -> None:
    assert refused(tmp_path, data).startswith("data.csv: the file is empty.")


@pytest.mark.parametrize(("name", "data"), [("a.csv", "text,queue\n"), ("a.json", "[]")])
def test_a_file_without_a_row_is_refused(tmp_path: Path, name: str, data: str) -> None:
    assert "no row" in refused(tmp_path, data, name)


def test_no_such_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"data\.csv: no such file"):
        load_examples(task(), tmp_path)
    with pytest.raises(InputError, match="is a folder, not a file"):
        load_examples(task("."), tmp_path)


def test_a_missing_column_is_named_with_the_nearest(tmp_path: Path) -> None:
    data = AS_CSV.replace("queue", "queues", 1)
    assert refused(tmp_path, data) == ("data.csv: there is no column 'queue'.\n  Fix: Did you mean 'queues'?")


def test_a_column_twice_is_refused(tmp_path: Path) -> None:
    assert "data.csv:1: the column 'text' is there twice" in refused(tmp_path, "text,text\na,b\n")


def test_rows_longer_than_the_header_are_refused_with_their_lines(tmp_path: Path) -> None:
    said = refused(tmp_path, AS_CSV + "one, two,ship\nthree,bill\nfour,five,six,bill\n")
    assert "line 6: 3 fields; the header has 2." in said
    assert "line 8: 4 fields; the header has 2." in said
    assert "line 7" not in said


def test_an_open_quote_is_refused_with_the_line_where_the_record_starts(tmp_path: Path) -> None:
    said = refused(tmp_path, AS_CSV + '"never closed,ship\nmore,bill\n')
    assert said.startswith("data.csv:6: is not valid CSV")


def test_broken_json_lines_are_all_named(tmp_path: Path) -> None:
    good = json.dumps({"text": "a", "queue": "ship"})
    said = refused(tmp_path, f"{good}\n{good[:-3]}\n[1]\n{good}\n", "d.jsonl")
    assert "2 broken line(s)" in said
    assert "d.jsonl:2: not valid JSON" in said
    assert "d.jsonl:3: a list; each line must be an object" in said


# Encodings and over-long lines.

GREETING = AS_CSV + "Grüße aus Köln,ship\n"


@pytest.mark.parametrize(
    ("encoding", "data", "line"),
    [
        ("ISO-8859-1", GREETING.encode("latin-1"), 6),
        ("WINDOWS-1252", (AS_CSV + "it\u2019s 5 €,bill\n").encode("cp1252"), 6),
        ("UTF-16", GREETING.encode("utf-16"), 1),
        ("UTF-16", GREETING.encode("utf-16-be"), 6),
        ("UTF-16", AS_CSV.encode("utf-16-le"), 1),
        ("UTF-16", AS_CSV.encode("utf-16-be"), 1),
    ],
    ids=["latin-1", "windows-1252", "utf-16", "utf-16-be", "ascii-in-16-le", "ascii-in-16-be"],
)
def test_another_encoding_is_named_and_refused_with_the_command_that_mends_it(
    tmp_path: Path, encoding: str, data: bytes, line: int
) -> None:
    said = refused(tmp_path, data)
    assert said.startswith(f"data.csv:{line}: is not UTF-8")
    assert f"it looks like {encoding}." in said
    assert f"iconv -f {encoding} -t UTF-8 data.csv > data.utf8.csv" in said


def test_a_line_of_50_megabytes_is_refused_at_once(tmp_path: Path) -> None:
    start = time.process_time()
    said = refused(tmp_path, AS_CSV.encode() + b"x" * 50_000_000 + b",ship\n")
    assert time.process_time() - start < 10  # work, not wall clock: other processes do not count
    assert said.startswith("data.csv:6: the line has 50,000,005 bytes; at most 10,000,000 are read.")


def test_a_quoted_field_longer_than_a_line_may_be_is_refused(tmp_path: Path) -> None:
    said = refused(tmp_path, AS_CSV + '"' + ("x" * 999 + "\n") * (MAX_LINE // 1000 + 1) + '",ship\n')
    assert said.startswith("data.csv:6: is not valid CSV: field larger than field limit")


# Cells.


def test_an_empty_input_is_refused_with_its_line(tmp_path: Path) -> None:
    said = refused(tmp_path, AS_CSV + " ,ship\n")
    assert "1 row(s) cannot be used" in said
    assert "data.csv:6: text: is empty. A row needs an input." in said


@pytest.mark.parametrize("queue", ["", "  ", "NULL", "None", "nan", "N/A"])
def test_a_missing_label_is_refused_with_its_line(tmp_path: Path, queue: str) -> None:
    said = refused(tmp_path, AS_CSV + f"what now,{queue}\n")
    assert "data.csv:6: queue: " in said
    assert "A row needs a label." in said


def test_a_label_none_that_the_task_lists_is_a_label(tmp_path: Path) -> None:
    data = AS_CSV.replace("bill", "none")
    assert "'none' means missing" in refused(tmp_path, data)
    assert load(tmp_path, data, labels=["ship", "none"]).examples[3].output == "none"


def test_a_record_cut_short_lacks_its_label(tmp_path: Path) -> None:
    assert "data.csv:6: queue: is empty" in refused(tmp_path, AS_CSV + "cut of\n")


def test_wholly_empty_rows_are_skipped_and_said(tmp_path: Path) -> None:
    loaded = load(tmp_path, AS_CSV + ",\n , \n")
    assert pairs(loaded) == ROWS
    assert loaded.notes == ("data.csv: 2 empty row(s) skipped",)


def test_an_input_as_long_as_a_file_is_refused(tmp_path: Path) -> None:
    said = refused(tmp_path, AS_CSV + "x" * 200_001 + ",ship\n")
    assert "data.csv:6: text: has 200,001 characters; at most 200,000 are read." in said


@pytest.mark.parametrize("where", ["text", "queue"])
def test_half_a_character_is_refused(tmp_path: Path, where: str) -> None:
    """JSON can name half of a surrogate pair, but no file can hold it."""
    rows = [{"text": t, "queue": q} for t, q in ROWS]
    rows[1][where] += "\ud83d"
    said = refused(tmp_path, "\n".join(map(json.dumps, rows)), "d.jsonl")
    assert "d.jsonl:2: holds '\\ud83d', half of a character" in said


def test_of_many_faults_twenty_are_shown_and_the_rest_counted(tmp_path: Path) -> None:
    said = refused(tmp_path, AS_CSV + ",ship\n" * 25)
    assert "25 row(s) cannot be used" in said
    assert said.count("text: is empty") == 20
    assert "... and 5 more" in said


# Labels.


def test_one_label_only_is_no_choice(tmp_path: Path) -> None:
    said = refused(tmp_path, "text,queue\na,ship\nb,ship\n")
    assert "there is one label only: 'ship'" in said
    assert "there is one label only" in refused(tmp_path, "text,queue\na,ship\n")


def test_the_labels_of_the_task_keep_their_order_and_meaning(tmp_path: Path) -> None:
    loaded = load(tmp_path, AS_CSV, labels={"ship": "parcels", "bill": "money", "spam": ""})
    assert loaded.labels == (Label("ship", "parcels"), Label("bill", "money"))
    assert loaded.notes == ("labels without an example: spam",)


def test_labels_missing_from_the_list_are_named_twenty_and_a_count(tmp_path: Path) -> None:
    data = AS_CSV + "".join(f"text {n},shipp\n" for n in range(23))
    said = refused(tmp_path, data, labels=["ship", "bill"])
    assert "23 label(s) missing from the label list" in said
    assert "data.csv:6: queue: 'shipp' is not in the task's labels. Did you mean 'ship'?" in said
    assert said.count("'shipp'") == 20
    assert "... and 3 more" in said


def test_a_label_with_one_example_is_refused(tmp_path: Path) -> None:
    said = refused(tmp_path, AS_CSV + "hello,chat\nbye,thanks\n")
    assert "2 label(s) with one example" in said
    assert "data.csv:6: queue: 'chat' has one example." in said
    assert "rare_labels: drop" in said


def test_a_label_with_one_example_is_set_aside_and_said_where_the_task_says_so(
    tmp_path: Path,
) -> None:
    loaded = load(tmp_path, AS_CSV + "hello,chat\n", rare_labels="drop")
    assert pairs(loaded) == ROWS
    assert loaded.labels == (Label("bill"), Label("ship"))
    assert loaded.notes == ("labels with one example, set aside: chat",)


def test_duplicate_ids_are_refused_with_both_places(tmp_path: Path) -> None:
    data = "key,text,queue\n" + "".join(f"k{n // 2},{t},{q}\n" for n, (t, q) in enumerate(ROWS))
    said = refused(tmp_path, data, fields={"id": "key"})
    assert "2 duplicate id(s)" in said
    assert "data.csv:3: key: 'k0' is already at data.csv:2." in said


def test_an_empty_id_is_refused(tmp_path: Path) -> None:
    data = "key,text,queue\n,a,ship\nk,b,bill\n"
    assert "data.csv:2: key: is empty" in refused(tmp_path, data, fields={"id": "key"})


# Several labels per input.


@pytest.mark.parametrize(
    ("value", "labels"),
    [
        ("ship|bill", ("bill", "ship")),
        (" ship | ship | ", ("ship",)),
        (["ship", "bill"], ("bill", "ship")),
        ('["ship", "bill"]', ("bill", "ship")),
        ("['ship', 'bill']", ("bill", "ship")),
        ("", ()),
        (None, ()),
        ([], ()),
        (0, ("0",)),
        ([0, 1], ("0", "1")),
    ],
)
def test_several_labels_are_read_from_every_usual_form(value: object, labels: tuple[str, ...]) -> None:
    assert split_labels(value, "|") == labels


def test_a_task_with_several_labels(tmp_path: Path) -> None:
    data = "text,queue\na,ship;bill\nb,ship\nc,\nd,bill\n".replace(";", "+")
    loaded = load(tmp_path, data, multi_label=True, label_separator="+")
    assert [e.output for e in loaded.examples] == [("bill", "ship"), ("ship",), (), ("bill",)]
    assert loaded.labels == (Label("bill"), Label("ship"))


# Inputs of several columns, groups, time.


def test_several_input_columns_are_joined_under_their_names(tmp_path: Path) -> None:
    data = "subject,body,queue\nParcel,late,ship\n,gone,ship\nMoney,,bill\nBill,wrong,bill\n"
    loaded = load(tmp_path, data, fields={"input": ["subject", "body"]})
    assert [e.input for e in loaded.examples] == [
        "subject: Parcel\nbody: late",
        "body: gone",
        "subject: Money",
        "subject: Bill\nbody: wrong",
    ]


def test_groups_and_times_come_along(tmp_path: Path) -> None:
    data = "text,queue,who,day\n" + "".join(
        f"{t},{q},{who},2026-01-0{n}\n"
        for n, ((t, q), who) in enumerate(zip(ROWS, ["ann", "", "bob", "ann"], strict=True), 1)
    )
    loaded = load(tmp_path, data, split={"group_by": "who", "time": "day"})
    assert [e.group for e in loaded.examples] == ["ann", None, "bob", "ann"]
    assert [e.time for e in loaded.examples] == [f"2026-01-0{n}" for n in (1, 2, 3, 4)]
    assert load(tmp_path, data).examples[0] == Example(
        "data.csv:2", "where is my parcel?", "ship", "data.csv:2"
    )


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31",
        "2026-01-31T10:00",
        "2026-01-31 10:00:59.5",
        "2026-01-31T10:00:00Z",
        "2026-01-31T10:00+02:00",
    ],
)
def test_iso_dates_and_times_are_times(text: str) -> None:
    assert is_time(text)


@pytest.mark.parametrize(
    "text", ["", "31.01.2026", "01/31/2026", "2026-02-30", "2026-01-31x", "20260131", "1769817600"]
)
def test_nothing_else_is_a_time(tmp_path: Path, text: str) -> None:
    assert not is_time(text)
    data = f"text,queue,day\na,ship,2026-01-01\nb,ship,{text}\n"
    said = refused(tmp_path, data, split={"time": "day"})
    assert f"data.csv:3: day: {text!r} is not an ISO date" in said


# A side's own file, and inputs to predict.


def test_a_further_file_may_bring_labels_only_where_the_task_has_no_list(tmp_path: Path) -> None:
    labels = load(tmp_path, AS_CSV).labels
    (tmp_path / "more.csv").write_text("text,queue\nhello,chat\n", encoding="utf-8")
    more = load_more(task(), tmp_path / "more.csv", labels)
    assert more.labels == (*labels, Label("chat"))
    with pytest.raises(InputError, match=r"more\.csv:2: queue: 'chat' is not in the task's labels"):
        load_more(task(labels=["ship", "bill"]), tmp_path / "more.csv", labels)


def test_inputs_are_lines_of_a_text_file_named_by_their_line(tmp_path: Path) -> None:
    path = tmp_path / "in.txt"
    path.write_text("one\u2028still one\n\n  \ntwo\r\nthree", encoding="utf-8")
    ids, inputs = load_inputs(path, None)
    assert inputs == ["one\u2028still one", "two", "three"]
    assert ids == ["in.txt:1", "in.txt:4", "in.txt:5"]


def test_inputs_are_a_column_of_a_table(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("id,text\nx,one\n,two\n", encoding="utf-8")
    assert load_inputs(path, None) == (["x", "in.csv:3"], ["one", "two"])
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    assert load_inputs(path, "b")[1] == ["2"]
    with pytest.raises(InputError, match="which column is the input"):
        load_inputs(path, None)


def test_a_table_says_where_a_row_is(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text(AS_CSV, encoding="utf-8")
    table = read_table(path)
    assert table.columns == ("text", "queue")
    assert table.where(table.rows[-1]) == "data.csv:5"


def test_a_file_cut_off_in_its_last_row_keeps_the_others(tmp_path: Path) -> None:
    """A download that broke off loses its last row, and says so."""
    path = tmp_path / "cut.csv"
    path.write_text('text,label\none,a\ntwo,b\nthree,"a la', encoding="utf-8")
    table = read_table(path)
    assert [row.line for row in table.rows] == [2, 3]
    assert "cut.csv:4: the file is cut off" in table.notes[0]


def test_an_unclosed_quote_further_up_is_an_error(tmp_path: Path) -> None:
    """The control: it would swallow every good row that follows."""
    path = tmp_path / "open.csv"
    path.write_text('text,label\none,a\n"two,b\nthree,a\nfour,b\n', encoding="utf-8")
    with pytest.raises(InputError, match="unclosed quote"):
        read_table(path)


def test_files_of_one_name_are_told_apart() -> None:
    given = {"task": "t", "examples": "e.csv", "fields": {"input": "a", "output": "b"}}
    task = task_from({**given, "split": {"dev": "dev/rows.csv", "test": "test/rows.csv"}})
    found = [name_beside(task, Path("/x") / name) for name in ("dev/rows.csv", "test/rows.csv")]
    assert found == ["dev/rows.csv", "test/rows.csv"]
    alone = task_from({**given, "split": {"test": "test/rows.csv"}})
    assert name_beside(alone, Path("/x/test/rows.csv")) == "rows.csv"
    deep = task_from({**given, "split": {"dev": "a/d/rows.csv", "test": "b/d/rows.csv"}})
    assert name_beside(deep, Path("/x/b/d/rows.csv")) == "b/d/rows.csv"


def test_a_listed_label_may_stand_in_a_split_file_alone(tmp_path: Path) -> None:
    (tmp_path / "test.csv").write_text("a,b\none,x\ntwo,z\n")
    given = {"task": "t", "examples": "e.csv", "fields": {"input": "a", "output": "b"}}
    task = task_from({**given, "labels": {"x": "", "y": "", "z": "the last"}})
    found = load_more(task, tmp_path / "test.csv", (Label("x"), Label("y")))
    assert found.labels[-1] == Label("z", "the last")
    with pytest.raises(InputError, match="missing from the label list"):
        load_more(task_from({**given, "labels": ["x", "y"]}), tmp_path / "test.csv", (Label("x"), Label("y")))
