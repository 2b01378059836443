"""Guards the folder of a repair: the source is never touched, OUT holds one repair, whole, and nothing that
a person wrote into it is lost."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.repair_rows import (
    ASKED,
    CONTRADICTION,
    CSV,
    PARCEL,
    REDACTING,
    REFUND,
    TABLE,
    contents,
    decide,
    holding,
    material_of,
    placed,
    report_of,
    subject_of,
    ticket_material,
    write_csv,
)
from tests.test_formats import CONTAINERS
from whet.check.load import load_subject
from whet.cli.repair import repair_anything, repair_into, spoken
from whet.cli.repair_files import Writing, container, raw_rows
from whet.cli.repair_options import Options, choices_from
from whet.config import task_from
from whet.data.formats import read_table
from whet.data.writing import write_rows
from whet.errors import InputError
from whet.repair.items import Choices
from whet.repair.whole import repair
from whet.store import file_digest
from whet.taskfile import Hints

# The folder.


def test_the_source_is_untouched_and_two_repairs_are_byte_for_byte_one(tmp_path: Path) -> None:
    material = ticket_material(tmp_path)
    before = file_digest(material.source)
    choices = choices_from(Options(balance=True), TABLE)
    made = repair_into(material, choices, tmp_path / "one", CSV)
    repair_into(material, choices, tmp_path / "two", CSV)
    first = contents(tmp_path / "one")
    repair_into(material, choices, tmp_path / "one", CSV)
    assert file_digest(material.source) == before
    assert contents(tmp_path / "one") == first == contents(tmp_path / "two")
    assert sorted(first) == [
        "changes.jsonl",
        "changes.md",
        "data-card.json",
        "data-card.md",
        "rejects.jsonl",
        "repaired.csv",
        "review.csv",
        "review.jsonl",
    ]
    assert (made["rows_before"], made["rows_after"], made["open_questions"]) == (4, 4, 3)
    assert "3 question(s) are yours to decide" in "\n".join(spoken(made))
    assert contents(tmp_path / "one") != {**first, "repaired.csv": before}  # the control: it did change


def test_decisions_that_stand_in_the_folder_are_not_lost(tmp_path: Path) -> None:
    material, out = ticket_material(tmp_path), tmp_path / "out"
    repair_into(material, choices_from(Options(), TABLE), out, CSV)
    review = [json.loads(line) for line in (out / "review.jsonl").read_text().splitlines()]
    decide(review, out, row4="drop")
    with pytest.raises(InputError, match=r"holds 1 decision\(s\) that were not given"):
        repair_into(material, choices_from(Options(), TABLE), out, CSV)
    given = choices_from(Options(decisions=out / "review.csv"), TABLE)
    made = repair_into(material, given, out, CSV)
    assert made["rows_after"] == 3
    done = contents(out)
    given = choices_from(Options(decisions=out / "review.csv"), TABLE)
    repair_into(material, given, out, CSV)
    assert contents(out) == done


def test_a_folder_of_other_things_is_refused_and_left_alone(tmp_path: Path) -> None:
    material, out = ticket_material(tmp_path), tmp_path / "out"
    choices = choices_from(Options(), TABLE)
    out.mkdir()
    (out / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match=r"holds other things \(thesis.txt"):
        repair_into(material, choices, out, CSV)
    (out / "thesis.txt").unlink()
    repair_into(material, choices, out, CSV)
    before = contents(out)
    with pytest.raises(InputError, match=r"the folder holds the repair of \.\./t\.csv"):
        repair_into(ticket_material(tmp_path, "other.csv"), choices, out, CSV)
    with pytest.raises(InputError, match="is a file"):
        repair_into(material, choices, material.source, CSV)
    assert contents(out) == before


def test_a_failure_while_writing_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    material, out = ticket_material(tmp_path), tmp_path / "out"
    choices = choices_from(Options(), TABLE)
    repair_into(material, choices, out, CSV)
    before = contents(out)

    def fail(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
        path.write_text("half", encoding="utf-8")
        raise OSError(28, "No space left on device")

    more = choices_from(Options(balance=True), TABLE)
    with pytest.raises(OSError, match="No space"):
        repair_into(material, more, out, Writing("repaired.csv", fail))
    assert contents(out) == before
    repair_into(material, more, out, CSV)
    assert contents(out) != before  # the control: the same repair does write where nothing fails


# From real files to real files.


CHAT = [
    {"messages": [{"role": "user", "content": said}, {"role": "assistant", "content": answer}], "n": number}
    for number, (said, answer) in enumerate(
        [(PARCEL, "On its way."), (PARCEL, "On its way."), (f"{REFUND}\u200b", "It is   paid.")]
    )
]


@pytest.mark.parametrize("ending", [".jsonl", ".json", ".jsonl.gz"])
def test_a_file_of_conversations_is_repaired_into_a_file_of_its_kind(tmp_path: Path, ending: str) -> None:

    source = tmp_path / f"chat{ending}"
    write_rows(source, CHAT)
    task = {"kind": "write", "fields": {"input": "input", "output": "output"}}
    material = material_of(source, **task)
    name = container(source)
    assert name == f"repaired{ending}"
    repair_into(material, placed(material), tmp_path / "out", Writing(name))
    rows = [row.values for row in read_table(tmp_path / "out" / name).rows]
    assert rows[0] == CHAT[0]
    assert [row["n"] for row in rows] == [0, 2]
    assert [turn["content"] for turn in rows[1]["messages"]] == [REFUND, "It is paid."]
    again = material_of(tmp_path / "out" / name, **task)
    assert repair(again.rows, again.subject, again.report, placed(again)).log == []


def test_records_that_cannot_be_read_are_kept_whole(tmp_path: Path) -> None:
    source = tmp_path / "t.jsonl"
    long = '{"text": "' + "never closed " * 20
    lines = [json.dumps({"text": PARCEL, "label": "a"}), long, json.dumps({"text": REFUND, "label": "b"})]
    source.write_text("\n".join(lines) + "\n", encoding="utf-8")
    material = material_of(source, fields={"input": "text", "output": "label"})
    assert [row["label"] for row in material.rows] == ["a", "b"]
    made = repair_into(material, placed(material), tmp_path / "out", Writing(container(source)))
    assert made["unreadable"] == 1
    rejected = json.loads((tmp_path / "out" / "rejects.jsonl").read_text())
    assert (rejected["row"], rejected["text"]) == ("t.jsonl:2", long)


def test_a_file_that_changed_after_it_was_checked_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "t.csv"
    write_csv(source, ASKED)
    subject = load_subject(
        task_from({"task": "t", "examples": "t.csv", "fields": {"input": "text", "output": "label"}}),
        tmp_path,
    )
    assert raw_rows(source, subject) == ASKED
    write_csv(source, ASKED[:2])
    with pytest.raises(InputError, match="its rows are not those that were checked"):
        raw_rows(source, subject)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.csv", "repaired.csv"),
        ("a.TSV", "repaired.tsv"),
        ("a.jsonl.gz", "repaired.jsonl.gz"),
        ("a.parquet", "repaired.parquet"),
        ("a.sqlite", "repaired.jsonl"),
        ("a.zip", "repaired.jsonl"),
    ],
)
def test_a_repair_is_written_in_the_container_of_its_source(name: str, expected: str) -> None:
    assert container(Path(name)) == expected


@pytest.mark.data
def test_a_real_file_is_repaired_once_and_for_all(shared: Callable[[str], Path], tmp_path: Path) -> None:
    source = tmp_path / "train.csv"
    source.write_bytes((shared("banking77") / "train.csv").read_bytes())
    fields = {"input": "text", "output": "category"}
    material = material_of(source, fields=fields)
    made = repair_into(material, placed(material), tmp_path / "out", Writing("repaired.csv"))
    print(made)
    assert made["rows_before"] == 10_003
    removed = sum(made["changes"].get(rule, 0) for rule in ("exact-duplicates", "near-duplicates"))
    assert made["rows_after"] == 10_003 - removed
    again = material_of(tmp_path / "out" / "repaired.csv", fields=fields)
    assert repair(again.rows, again.subject, again.report, placed(again)).log == []


# The whole way, with the real checks.


def quiet(what: str, done: int, total: int) -> None: ...


def whole_way(source: Path, out: Path, **options: Any) -> dict[str, Any]:
    hints = Hints(inputs=("text",), output="label")
    return repair_anything(source, out, hints, Options(model=False, **options), tell=quiet, say=print)


FAULTY = [
    *(
        {"text": f"{said} number {n * 7919}", "label": label}
        for label, said in (("parcel", PARCEL), ("refund", REFUND))
        for n in range(1, 13)
    ),
    {"text": f"{PARCEL} number 7919", "label": "parcel"},
    {"text": "I forgot\u200b my password  and need it today", "label": "Refund"},
    {"text": "I forgot my password  and need it today", "label": "parcel"},
    {"text": "my card 4111 1111 1111 1111 was charged, write to ann.lee@mail.org", "label": "refund"},
]


def test_a_file_is_checked_repaired_and_checked_again(tmp_path: Path) -> None:
    source = tmp_path / "t.csv"
    write_csv(source, FAULTY)
    made = whole_way(source, tmp_path / "out", redact=True, rules="normalise,exact-duplicates")
    assert made["changes"] == {"normalise": 2, "redact": 2, "exact-duplicates": 1}
    assert (made["rows_before"], made["rows_after"]) == (28, 27)
    assert holding(tmp_path / "out", ["4111", "ann.lee@mail.org"]) == []
    found = json.loads((tmp_path / "out" / "data-card.json").read_text(encoding="utf-8"))
    assert found["checked"] == "the repaired rows"
    assert found["file"]["sha256"] == file_digest(tmp_path / "out" / "repaired.csv")
    status = {standard["name"]: standard["status"] for standard in found["standards"]}
    assert status["privacy safe"] == "met, as far as checked"
    review = read_table(tmp_path / "out" / "review.csv").rows
    assert {row.values["row"] for row in review} == {"t.csv:27", "t.csv:28"}
    assert whole_way(source, tmp_path / "two", redact=True, rules="normalise,exact-duplicates")["folder"]
    assert contents(tmp_path / "two") == contents(tmp_path / "out")


def test_decisions_go_the_whole_way(tmp_path: Path) -> None:
    source, out = tmp_path / "t.csv", tmp_path / "out"
    write_csv(source, FAULTY)
    whole_way(source, out)
    review = [json.loads(line) for line in (out / "review.jsonl").read_text(encoding="utf-8").splitlines()]
    path = decide(review, tmp_path, row28="drop")
    made = whole_way(source, out, decisions=path)
    assert made["changes"]["decision"] == 1
    texts = [row.values["text"] for row in read_table(out / "repaired.csv").rows]
    assert sum("password" in text for text in texts) == 1


# Options.


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rules": "normalize"}, "there is no rule 'normalize'"),
        ({"rules": "redact"}, "has an option of its own"),
        ({"accept": ("label-error",)}, "Did you mean 'label-errors'"),
        ({"accept": ("label-errors:2",)}, "a score is a number from 0 to 1"),
        ({"accept": ("label-errors:high",)}, "a score is a number from 0 to 1"),
    ],
)
def test_an_option_that_means_nothing_is_an_error(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        choices_from(Options(**options), TABLE)


def test_options_choose_rules() -> None:
    def rules(**options: Any) -> tuple[str, ...]:
        return choices_from(Options(**options), TABLE, REDACTING).rules

    assert rules() == Choices().rules
    assert rules(rules="normalise, exact-duplicates") == ("normalise", "exact-duplicates")
    assert rules(rules="normalise", balance=True) == ("normalise", "balance")
    assert choices_from(Options(), TABLE, REDACTING).redacting is None
    assert choices_from(Options(redact=True), TABLE, REDACTING).redacting is REDACTING
    assert choices_from(Options(accept=("label-errors=0.8",)), TABLE).accept == {"label-errors": 0.8}


def test_what_was_accepted_must_be_proposed() -> None:
    for accept, message in (
        ("label-errors", "'label-errors' proposes nothing: it did not run"),
        ("t.csv:3", "there is no proposal for t.csv:3"),
    ):
        choices = choices_from(Options(accept=(accept,)), TABLE)
        with pytest.raises(InputError, match=message):
            repair(ASKED, subject_of(ASKED), report_of(ASKED, CONTRADICTION), choices)


@pytest.mark.parametrize("name", ["saved", "sqlite", "zip", "parquet"])
def test_every_container_is_redacted(name: str, tmp_path: Path) -> None:
    """Folders and parts of files (``data.db::tickets``), too: stand-ins are made with all that is there."""
    rows = [{"text": f"ticket {n}: where is my parcel?", "label": "ab"[n % 2]} for n in range(30)]
    rows[4] = {"text": "mail me at anna.berg@example.com", "label": "a"}
    path = CONTAINERS[name](tmp_path, rows)
    if name == "sqlite":
        path = path.with_name(f"{path.name}::tickets")
    options = Options(redact=True, model=False)

    def repaired(out: Path) -> str:
        repair_anything(path, out, Hints(), options, tell=lambda *_: None, say=lambda line: None)
        texts = [str(row.values["text"]) for row in read_table(next(out.glob("repaired.*"))).rows]
        return next(text for text in texts if "mail me" in text)

    first = repaired(tmp_path / "one")
    assert "anna.berg" not in first
    assert "@redacted.example.com" in first
    assert repaired(tmp_path / "two") == first
