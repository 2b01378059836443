"""What a data file's task is, guessed from files as people have them; what cannot be guessed says why."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Whet, tickets
from whet.check.load import load_subject
from whet.checkup import check_task, of_splits
from whet.config import task_from
from whet.data.formats import read_lenient
from whet.data.load import load_examples
from whet.data.split import split_examples
from whet.errors import InputError
from whet.start import task_of
from whet.taskfile import Hints

TICKETS = tickets(30)
NUMBERED = [(number, text, label) for number, (text, label) in enumerate(TICKETS)]
Rows = list[dict[str, Any]]


def reply(number: int, label: str) -> str:
    return f"Dear customer {number}, we have looked into your {label} and mend it in {number % 7 + 1} days."


def turns(number: int, text: str, label: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}, {"role": "assistant", "content": reply(number, label)}]


def each(make: Callable[[int, str, str], dict[str, Any]]) -> Rows:
    return [make(*one) for one in NUMBERED]


def table(header: str, make: Callable[[int, str, str], str]) -> str:
    return "\n".join([header, *(make(*one) for one in NUMBERED)])


PAIRS = each(lambda _, text, label: {"text": text, "label": label})
FILES: dict[str, tuple[Any, str, list[str], str]] = {
    "alpaca.jsonl": (
        each(lambda n, t, q: {"instruction": f"Summarise, way {n % 4}", "input": t, "output": reply(n, q)}),
        "write",
        ["instruction", "input"],
        "output",
    ),
    "one-instruction.jsonl": (
        each(lambda n, t, q: {"instruction": "Which queue?", "input": t, "output": q}),
        "classify",
        ["input"],
        "output",
    ),
    "dolly.jsonl": (
        each(
            lambda n, t, q: {
                "instruction": t,
                "context": "" if n % 3 else f"order {n}",
                "response": reply(n, q),
                "category": q,
            }
        ),
        "write",
        ["instruction", "context"],
        "response",
    ),
    "preference.jsonl": (
        each(lambda n, t, q: {"prompt": t, "chosen": reply(n, q), "rejected": "No."}),
        "write",
        ["input"],
        "output",
    ),
    "one-broken.jsonl": (
        [*each(lambda n, t, q: {"messages": turns(n, t, q)}), {"messages": [{"role": "usr"}]}],
        "write",
        ["input"],
        "output",
    ),
    "objects.jsonl": (
        each(lambda n, t, q: {"text": f"{t} A-{n}", "output": {"order": f"A-{n}", "queue": q}}),
        "extract",
        ["text"],
        "output",
    ),
    "spans.jsonl": (
        each(lambda n, t, q: {"text": t, "entities": [{"start": 0, "end": 5}], "template_id": n % 9}),
        "extract",
        ["text"],
        "entities",
    ),
    "nested.jsonl": (
        each(lambda n, t, q: {"ticket": {"body": t, "from": f"c{n}"}, "meta": {"queue": q}}),
        "classify",
        ["ticket.body"],
        "meta.queue",
    ),
    "several.csv": (
        table("text,tags", lambda n, t, q: f'"{t}","{q}, urgent"' if n % 2 else f'"{t}",{q}'),
        "classify",
        ["text"],
        "tags",
    ),
    "pairs.csv": (
        table(
            "premise,hypothesis,label", lambda n, t, q: f'"{t}","it is {q} {n}",{"yes" if n % 2 else "no"}'
        ),
        "classify",
        ["premise", "hypothesis"],
        "label",
    ),
    "index.csv": (
        table("Class Index,Title,Description", lambda n, t, q: f'{n % 4 + 1},"news {n}","{t}"'),
        "classify",
        ["Title", "Description"],
        "Class Index",
    ),
    "two-texts.jsonl": (
        each(lambda n, t, q: {"translation": {"en": t, "de": f"Wo ist mein Paket {n}?"}}),
        "write",
        ["translation.en"],
        "translation.de",
    ),
    "split.csv": (
        table("text,split,label", lambda n, t, q: f'"{t}",{"test" if n % 4 == 0 else "train"},{q}'),
        "classify",
        ["text"],
        "label",
    ),
    "two-rows.csv": ("text,label\nhello there,a\ngood bye,b\n", "classify", ["text"], "label"),
    "wrapped.json": ({"version": "1", "data": PAIRS}, "classify", ["text"], "label"),
    "sides.json": ({"train": PAIRS[:60], "test": PAIRS[60:]}, "classify", ["text"], "label"),
    "rasa.json": (
        {"rasa_nlu_data": {"common_examples": PAIRS, "regex_features": []}},
        "classify",
        ["text"],
        "label",
    ),
    "columns.json": (
        {key: {str(n): row[key] for n, row in enumerate(PAIRS)} for key in ("text", "label")},
        "classify",
        ["text"],
        "label",
    ),
    "lists.json": (
        {key: [row[key] for row in PAIRS] for key in ("text", "label")},
        "classify",
        ["text"],
        "label",
    ),
}


def written(folder: Path, name: str, content: Any) -> Path:
    path = folder / name
    if name.endswith(".jsonl"):
        content = "\n".join(map(json.dumps, content))
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", FILES)
def test_a_file_says_what_its_task_is(name: str, tmp_path: Path) -> None:
    content, kind, inputs, output = FILES[name]
    said: list[str] = []
    task, folder = task_of(written(tmp_path, name, content), Hints(), said.append)
    given = task.fields.input
    found = [given] if isinstance(given, str) else given
    assert (task.kind, found, task.fields.output) == (kind, inputs, output)
    assert said[0] == f"{name}: {kind}, input = {' + '.join(inputs)}, output = {output}" + (
        " (several labels)" if task.multi_label else ""
    )
    subject = load_subject(task, folder)
    assert len(subject) >= 2
    assert all(subject.inputs)
    assert all(subject.outputs)
    if len(subject) > 2:
        checked = check_task(task, folder, None, encoder=None, tell=lambda *_: None)
        blocking = {f["check"] for f in checked.found["findings"] if f["severity"] == "blocks"}
        assert blocking == ({"formatted.broken-rows"} if name == "one-broken.jsonl" else set())


def test_several_labels_are_seen_and_names_with_a_comma_are_not_cut(tmp_path: Path) -> None:
    path = written(tmp_path, "several.csv", FILES["several.csv"][0])
    assert task_of(path, Hints(), lambda line: None)[0].label_separator == ","
    products = ["Credit cards, prepaid cards, or other cards", "Transfers, or money services", "Mortgage"]
    rows = table("text,product", lambda n, t, q: f'"{t}","{products[n % 3]}"')
    path = written(tmp_path, "names.csv", rows)
    assert not task_of(path, Hints(), lambda line: None)[0].multi_label


@pytest.mark.parametrize("key", ["text", "prompt"])
def test_texts_without_answers_are_checked_as_they_are(key: str, tmp_path: Path) -> None:
    rows = each(lambda n, t, q: {key: f"{t}, and my account is {n}"})
    rows[5] = {key: "please write to anna.berg@example.com about the parcel"}
    said: list[str] = []
    task, folder = task_of(written(tmp_path, "t.jsonl", [*rows, rows[0]]), Hints(), said.append)
    assert said[-1] == "  no row has an answer: what is asked is checked alone"
    found = check_task(task, folder, None, encoder=None, tell=lambda *_: None).found
    by = {f["check"]: [row["source"] for row in f["rows"]] for f in found["findings"]}
    assert by["private.contacts"] == ["t.jsonl:6"]
    assert by["consistent.duplicates"] == ["t.jsonl:91"]
    assert found["passes"], by
    assert not [name for name in by if name.startswith(("aligned", "formatted"))]


def test_a_column_of_sides_splits_the_file(tmp_path: Path) -> None:
    for name, share in (("split.csv", 23), ("sides.json", 30)):
        task, folder = task_of(written(tmp_path, name, FILES[name][0]), Hints(), lambda line: None)
        subject = load_subject(task, folder)
        assert subject.sides is not None
        assert list(subject.sides).count("test") == share


def test_a_split_that_is_a_label_is_none(tmp_path: Path) -> None:
    rows = table("text,split", lambda n, t, q: f'"{t}",{q}')
    task, folder = task_of(written(tmp_path, "t.csv", rows), Hints(), lambda line: None)
    assert task.fields.output == "split"
    assert load_subject(task, folder).sides is None


def test_answers_and_labels_beside_each_other_are_both_named(tmp_path: Path) -> None:
    said: list[str] = []
    task_of(written(tmp_path, "dolly.jsonl", FILES["dolly.jsonl"][0]), Hints(), said.append)
    assert said[-1] == "  to check the labels in 'category' instead: --output category"
    assert "->  Dear customer 0" in said[1]


def test_keys_that_differ_from_row_to_row_do_not_fill_memory(tmp_path: Path) -> None:
    rows = each(
        lambda n, t, q: {
            "text": t,
            "label": q,
            "votes": {f"user-{n}-{k}": "+49 30 1234567" for k in range(9)},
        }
    )
    task, folder = task_of(written(tmp_path, "t.jsonl", rows), Hints(), lambda line: None)
    subject = load_subject(task, folder)
    assert task.fields.output == "label"
    assert len(subject.meta) <= 201
    found = check_task(task, folder, None, encoder=None, tell=lambda *_: None).found
    (contacts,) = (f for f in found["findings"] if f["check"] == "private.contacts")
    assert len({row["source"] for row in contacts["rows"]}) == 90, "no column is lost"


def test_objects_in_objects_end_somewhere(tmp_path: Path) -> None:
    deep: dict[str, Any] = {"text": "a", "label": "b"}
    for _ in range(900):
        deep = {"in": deep}
    with suppress(InputError):
        task_of(written(tmp_path, "deep.json", deep), Hints(), lambda line: None)
    with suppress(InputError):
        task_of(written(tmp_path, "deep.jsonl", [deep] * 3), Hints(), lambda line: None)


def test_a_key_inside_an_answer_can_be_named(tmp_path: Path) -> None:
    path = written(tmp_path, "objects.jsonl", FILES["objects.jsonl"][0])
    task, folder = task_of(path, Hints(output="output.queue"), lambda line: None)
    assert task.kind == "classify"
    assert set(load_subject(task, folder).outputs) == {"parcel", "refund", "login"}
    with pytest.raises(InputError, match=r"no column 'output\.quue'"):
        task_of(path, Hints(output="output.quue"), lambda line: None)


def test_squad_becomes_a_row_a_question(tmp_path: Path) -> None:
    def questions(n: int) -> list[dict[str, Any]]:
        answers = [{"text": f"in {1900 + n}", "answer_start": 3}]
        return [{"id": f"{n}-{k}", "question": f"When {k}?", "answers": answers} for k in range(2)]

    paragraphs = [{"context": f"It was in {1900 + n}.", "qas": questions(n)} for n in range(40)]
    path = written(
        tmp_path, "squad.json", {"version": "1.1", "data": [{"title": "a", "paragraphs": paragraphs}] * 2}
    )
    rows, broken = read_lenient(path)
    assert broken == []
    assert len(rows.rows) == 160
    assert [row.line for row in rows.rows[:3]] == [1, 2, 3]
    assert rows.rows[1].values["question"] == "When 1?"
    assert rows.rows[1].values["answers"] == {"text": ["in 1900"], "answer_start": [3]}
    assert rows.notes == ("squad.json: the rows are those in 'data'",)


@pytest.mark.parametrize(
    "content",
    [
        {"text": "one row", "tags": [{"a": 1}, {"b": 2}], "meta": {"x": {"y": 1}}},
        {
            "messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}],
            "tools": {"x": 1},
        },
        {"paragraphs": [{"context": "no questions"}]},
        {"text": ["a", "b"], "label": ["x"]},
        {"text": "one row", "entities": [{"start": 0, "end": 3}, {"start": 4, "end": 7}]},
        {"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}], "id": 7},
        {
            "contents": [
                {"role": "user", "parts": [{"text": "a"}]},
                {"role": "model", "parts": [{"text": "b"}]},
            ]
        },
        {
            "prompt": [{"role": "user"}, {"role": "system"}],
            "completion": [{"role": "assistant"}, {"role": "tool"}],
        },
        {"text": "a", "label": "b"},
        {"rows": []},
        {"data": [{"only": "one"}]},
    ],
)
def test_one_record_that_does_not_say_where_rows_are_stays_one(
    content: dict[str, Any], tmp_path: Path
) -> None:
    rows, _ = read_lenient(written(tmp_path, "one.json", content))
    assert [row.values for row in rows.rows] == [content]


def test_a_table_without_names_is_said_to_be_one(tmp_path: Path) -> None:
    rows = "\n".join(f'"{text}",{label}' for text, label in TICKETS)
    with pytest.raises(InputError, match="the first line reads like an example") as raised:
        task_of(written(tmp_path, "t.csv", rows), Hints(), lambda line: None)
    assert "text,label" in raised.value.fix


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("tokens.jsonl", each(lambda n, t, q: {"tokens": t.split(), "ner_tags": [0, 1]}), "input text"),
        ("lists.json", [[text, label] for text, label in TICKETS], "record 1 is a list"),
        ("deep.jsonl", each(lambda n, t, q: {"said": [{"text": t}]}), r"columns: said \(objects\)"),
    ],
)
def test_what_is_no_task_says_why(name: str, content: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said):
        task_of(written(tmp_path, name, content), Hints(), lambda line: None)


def test_test_file_and_traffic_on_the_command_line(tmp_path: Path, whet: Whet) -> None:
    train = written(tmp_path, "train.jsonl", PAIRS)
    test = written(
        tmp_path, "test.jsonl", PAIRS[:3] + each(lambda n, t, q: {"text": f"so {t}", "label": q})[5:20]
    )
    traffic = tmp_path / "traffic.jsonl"
    traffic.write_text("\n".join(json.dumps({"text": f"sing me song {n} of the sea"}) for n in range(60)))
    out = tmp_path / "out"
    found = whet.json("check", train, "--test", test, "--traffic", traffic, "--out", out, code=1)
    by = {finding["check"]: finding for finding in found["findings"]}  # type: ignore[attr-defined]
    assert [row["source"] for row in by["split.exact-leak"]["rows"]] == [f"test.jsonl:{n}" for n in (1, 2, 3)]
    assert by["representative.traffic"]["what"].startswith("100% of the traffic has no near example")
    task = tmp_path / "task.yaml"
    task.write_text(
        "task: t\nexamples: train.jsonl\nfields: {input: text, output: label}\n", encoding="utf-8"
    )
    done = whet("check", task, "--test", test)
    assert done.returncode == 2
    assert "are for data files" in done.stderr


def test_split_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for side, rows in (("train", PAIRS[:60]), ("test", PAIRS[50:])):
        (tmp_path / side).mkdir()
        written(tmp_path / side, "data.jsonl", rows)
    task = task_from(
        {
            "task": "t",
            "examples": "train/data.jsonl",
            "fields": {"input": "text", "output": "label"},
            "split": {"test": "test/data.jsonl"},
        },
        where="here",
    )
    splits = split_examples(task, load_examples(task, tmp_path), tmp_path)
    subject = of_splits(load_subject(task, tmp_path), splits)
    assert [subject.sides.count(side) for side in ("train", "dev", "test")] == [  # type: ignore[union-attr]
        len(splits.train),
        len(splits.dev),
        len(splits.test),
    ]
    sources = [subject.source(row) for row in range(len(subject))]
    assert len(set(sources)) == len(sources)
    assert sources[-1] == "test/data.jsonl:40"


def test_lines_are_no_signs(tmp_path: Path, whet: Whet) -> None:
    """``t.jsonl:100:`` reads like a short name of an emoji."""
    rows = PAIRS + each(lambda n, t, q: {"text": f"{t} once more", "label": q})
    rows[99] = {"text": "write to anna.berg@example.com", "label": "login", "note": "or +49 30 1234567"}
    done = whet("check", written(tmp_path, "t.jsonl", rows), "--no-model", "--out", tmp_path / "out")
    assert "t.jsonl:100: EMAIL_ADDRESS" in done.stdout
    assert "t.jsonl:100: note: PHONE_NUMBER" in done.stdout
