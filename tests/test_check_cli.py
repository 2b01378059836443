"""``whet check`` as a user has it: the ten standards, the page, exit codes, and a run that is stopped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Whet, tickets
from whet.check.findings import STANDARDS

KEY = "AKIA" + "Q3EGRZX7WJ2MB5LT"  # has the form of a cloud key, and opens nothing


def write(path: Path, rows: list[tuple[str, str]]) -> Path:
    lines = [json.dumps({"text": text, "label": label}) for text, label in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def standards(found: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one["status"] for one in found["standards"]}


def test_a_clean_file_passes_and_has_a_page(whet: Whet, tmp_path: Path) -> None:
    file = write(tmp_path / "t.jsonl", tickets(30))
    found = whet.json("check", file, "--out", tmp_path / "out", "--no-model")
    assert [one["name"] for one in found["standards"]] == list(STANDARDS)  # type: ignore[attr-defined]
    assert found["passes"] is True
    page = (tmp_path / "out" / "check.html").read_text(encoding="utf-8")
    assert "Nothing blocks" in page
    assert all(name in page for name in STANDARDS)
    skipped = found["skipped"]
    assert isinstance(skipped, dict)
    assert "encoder" in skipped["accurate.label-errors"], "what could not run is named"


def test_a_secret_blocks_and_is_never_shown(whet: Whet, tmp_path: Path) -> None:
    rows = tickets(30)
    rows[7] = (f"my key is {KEY} and it does not work", rows[7][1])
    file = write(tmp_path / "t.jsonl", rows)
    done = whet("check", file, "--out", tmp_path / "out", "--no-model")
    assert done.returncode == 1
    for text in (
        done.stdout,
        done.stderr,
        (tmp_path / "out" / "check.html").read_text(encoding="utf-8"),
        (tmp_path / "out" / "03-check.json").read_text(encoding="utf-8"),
    ):
        assert KEY not in text
    assert "t.jsonl:8" in done.stdout, "the row is named"


@pytest.mark.slow
def test_a_run_stops_on_it_and_goes_on_when_it_is_accepted(whet: Whet, tmp_path: Path) -> None:
    rows = tickets(60)
    rows[7] = (f"my key is {KEY} and it does not work", rows[7][1])
    write(tmp_path / "t.jsonl", rows)
    task = tmp_path / "task.yaml"
    lines = "task: t\nexamples: t.jsonl\nfields: {input: text, output: label}\nrungs: [floor, head]\n"
    task.write_text(lines, encoding="utf-8")
    stopped = whet("run", task, "--out", tmp_path / "run")
    assert stopped.returncode == 1
    assert "private." in stopped.stderr
    assert not (tmp_path / "run" / "06-verdict.json").exists()
    name = next(w for w in stopped.stderr.replace(":", " ").split() if w.startswith("private."))
    task.write_text(f"{lines}check: {{accept: [{name}]}}\n", encoding="utf-8")
    verdict = whet.json("run", task, "--out", tmp_path / "run")
    assert verdict["check"]["accepted"] == [name]  # type: ignore[index]
    assert any("accepted by the task" in note for note in verdict["notes"])  # type: ignore[attr-defined]


def test_annotators_are_known_by_the_name_of_their_column(whet: Whet, tmp_path: Path) -> None:
    said = [
        ("where is my parcel", "ship", "ship"),
        ("I paid twice", "bill", "ship"),
        ("no login", "acc", "acc"),
    ]
    rows = [
        {"text": f"{text} {n}", "label": label, column: who}
        for n in range(8)
        for text, *labels in said
        for column, who, label in zip(("Annotator", "Annotator"), ("ada", "ben"), labels, strict=True)
    ]
    file = tmp_path / "t.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    found = whet.json("check", file, "--out", tmp_path / "out", "--no-model")
    (one,) = (f for f in found["findings"] if f["check"] == "consistent.annotators")  # type: ignore[attr-defined]
    assert "Annotators (column 'Annotator') disagree on 8 of the 24 inputs" in one["what"]
    for row in rows:  # the control: a column that says no such thing
        row["shop"] = row.pop("Annotator")
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    found = whet.json("check", file, "--out", tmp_path / "out", "--no-model")
    assert all(f["check"] != "consistent.annotators" for f in found["findings"])  # type: ignore[attr-defined]


def test_a_contradiction_is_told_with_both_outputs(whet: Whet, tmp_path: Path) -> None:
    file = write(
        tmp_path / "t.jsonl", [*tickets(30), ("where is it now", "refund"), ("where is it now", "parcel")]
    )
    done = whet("check", file, "--out", tmp_path / "out", "--no-model")
    assert "t.jsonl:91: 'refund' here, 'parcel' in t.jsonl:92: where is it now" in done.stdout


def test_without_a_model_none_is_needed_and_what_is_not_used_is_said(whet: Whet, tmp_path: Path) -> None:
    file = write(tmp_path / "t.jsonl", tickets(30))
    task = tmp_path / "task.yaml"
    lines = "task: t\nexamples: t.jsonl\nfields: {input: text, output: label}\n"
    task.write_text(f"{lines}models: [nobody/has-this]\n", encoding="utf-8")
    assert whet("check", task, "--out", tmp_path / "out", "--no-model").returncode == 0
    assert whet("check", task, "--out", tmp_path / "out").returncode == 2  # the control
    used = whet("check", file, "--out", tmp_path / "out", "--no-model", "--traffic", file)
    assert "the traffic file is not used" in used.stderr


def test_a_promptfoo_configuration_is_told_from_a_task_file(whet: Whet, tmp_path: Path) -> None:
    config = tmp_path / "promptfooconfig.yaml"
    config.write_text("prompts: ['{{q}}']\nproviders: [x]\ntests: [{vars: {q: a}}]\n", encoding="utf-8")
    done = whet("check", config, "--no-model")
    assert done.returncode == 2
    assert "is a promptfoo configuration" in done.stderr


def test_broken_rows_are_reported_and_the_good_ones_checked(whet: Whet, tmp_path: Path) -> None:
    file = write(tmp_path / "t.jsonl", tickets(30))
    with file.open("a", encoding="utf-8") as stream:
        stream.write('{"text": "half a li\n')
    found = whet.json("check", file, "--out", tmp_path / "out", "--no-model", code=1)
    assert found["rows"] == 90
    assert found["broken"] == 1
    assert standards(found)["well formatted"] == "blocks"
    (finding,) = (f for f in found["findings"] if f["check"] == "formatted.broken-rows")  # type: ignore[attr-defined]
    assert finding["figures"]["t.jsonl:91"].startswith('\'{"text": "half a li\': not valid JSON')
    done = whet("check", file, "--out", tmp_path / "out", "--no-model")
    assert '    t.jsonl:91: \'{"text": "half a li\': not valid JSON' in done.stdout, "the line is named"


def test_a_chat_file_of_replies_is_checked_as_it_is(whet: Whet, tmp_path: Path) -> None:
    rows = []
    for number, (text, label) in enumerate(tickets(20)):
        reply = f"Dear customer {number}, we have looked into your {label} and it is being mended today."
        turns = [{"role": "user", "content": text}, {"role": "assistant", "content": reply}]
        rows.append(json.dumps({"messages": turns}))
    file = tmp_path / "chat.jsonl"
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")
    found = whet.json("check", file, "--out", tmp_path / "out", "--no-model")
    assert found["kind"] == "write"
    assert found["rows"] == 60


def test_a_missing_file_is_wrong_use(whet: Whet, tmp_path: Path) -> None:
    done = whet("check", tmp_path / "none.csv", "--out", tmp_path / "out")
    assert done.returncode == 2
    assert not (tmp_path / "out").exists()
