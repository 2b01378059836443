"""The whole way through the front door: run, stop, go on, predict; small tickets, the real encoder."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Whet

TASK = """task: small tickets
examples: tickets.csv
fields: {input: text, output: label}
success: The right desk gets the ticket.
labels:
  parcel: a parcel has not come
  refund: money back
  login: cannot sign in
rungs: [floor, prompt, fewshot, retrieve, head]
monthly_volume: 1000
"""
KEYS = {
    "task",
    "kind",
    "n_train",
    "n_dev",
    "n_test",
    "metric",
    "margin",
    "target",
    "rungs",
    "comparisons",
    "winner",
    "fine_tuning_warranted",
    "smallest_detectable_difference",
    "failures",
    "more_examples_needed",
    "test_openings",
    "sentence",
}
RUNG_KEYS = {
    "name",
    "value",
    "low",
    "high",
    "n",
    "usd_per_1k",
    "p50_ms",
    "p95_ms",
    "usd_per_month",
    "tokens_in",
    "tokens_out",
    "saved_against_prompt",
    "fit_seconds",
    "parameters_trained",
    "break_even_requests",
}
ARTIFACTS = {
    "01-examples.jsonl",
    "02-split.json",
    "04-rungs",
    "04-learning-curve.jsonl",
    "05-scores.jsonl",
    "06-verdict.json",
    "07-report.html",
    "manifest.json",
    "ledger.jsonl",
}


@pytest.fixture(scope="module")
def task_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.conftest import tickets

    folder = tmp_path_factory.mktemp("task")
    lines = [f'"{text}",{label}' for text, label in tickets(60)]
    (folder / "tickets.csv").write_text("text,label\n" + "\n".join(lines), encoding="utf-8")
    (folder / "task.yaml").write_text(TASK, encoding="utf-8")
    return folder / "task.yaml"


@pytest.fixture(scope="module")
def run(task_file: Path, whet: Whet) -> Path:
    """One finished run."""
    out = task_file.parent / "run"
    done = whet("run", task_file, "--out", out)
    assert done.returncode == 0, done.stderr
    assert "report:" in done.stdout
    return out


def other_task(task_file: Path, folder: Path, rungs: str, more: str = "") -> Path:
    """The same task with other rungs and keys, without the check that needs a model of its own."""
    text = task_file.read_text("utf-8").replace("examples: ", f"examples: {task_file.parent}/")
    text = re.sub(r"rungs: .*", lambda _: f"rungs: [{rungs}]\ncheck: {{skip: [private.names]}}\n{more}", text)
    (folder / "t.yaml").write_text(text, encoding="utf-8")
    return folder / "t.yaml"


def verdict(out: Path) -> dict[str, Any]:
    found = json.loads((out / "06-verdict.json").read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def test_the_folder_shows_the_way_of_the_data(run: Path) -> None:
    assert {path.name for path in run.iterdir()} >= ARTIFACTS


def test_the_verdict_has_its_keys(run: Path) -> None:
    found = verdict(run)
    assert set(found) >= KEYS
    assert all(set(rung) >= RUNG_KEYS for rung in found["rungs"])
    assert all(
        set(c) >= {"a", "b", "difference", "low", "high", "p", "p_adjusted"} for c in found["comparisons"]
    )
    assert [rung["name"] for rung in found["rungs"]] == ["floor", "prompt", "fewshot", "retrieve", "head"]


def test_the_verdict_follows_from_the_scores(run: Path) -> None:
    """Every value on the page can be computed again from 05-scores.jsonl."""
    _, *rows = [json.loads(line) for line in (run / "05-scores.jsonl").read_text("utf-8").splitlines()]
    found = verdict(run)
    assert found["n_test"] == len(rows)
    for rung in found["rungs"]:
        right = sum(row["rungs"][rung["name"]]["output"] == row["truth"] for row in rows)
        assert rung["value"] == pytest.approx(right / len(rows))
        assert rung["low"] <= rung["value"] <= rung["high"]


def test_the_test_set_stays_apart(run: Path) -> None:
    """No id on two sides, and the specialists' folders hold no test input."""
    split = json.loads((run / "02-split.json").read_text("utf-8"))
    sides = [set(split[side]) for side in ("train", "dev", "test")]
    assert not (sides[0] & sides[1])
    assert not (sides[0] & sides[2])
    assert not (sides[1] & sides[2])


def test_running_again_does_nothing_again(run: Path, task_file: Path, whet: Whet) -> None:
    before = verdict(run)
    done = whet("run", task_file, "--out", run)
    assert "kept from before" in done.stdout
    assert verdict(run) == before
    assert before["test_openings"] == 1
    assert len((run / "ledger.jsonl").read_text("utf-8").splitlines()) == 1


def test_another_rung_opens_the_test_again_and_says_so(task_file: Path, whet: Whet, tmp_path: Path) -> None:
    task = other_task(task_file, tmp_path, "floor, prompt")
    first = whet.json("run", task, "--out", tmp_path / "r")
    assert first["test_openings"] == 1
    other_task(task_file, tmp_path, "floor, prompt, fewshot")
    second = whet.json("run", task, "--out", tmp_path / "r")
    assert second["test_openings"] == 2
    assert "has been opened 2 times" in str(second["sentence"])
    assert float(str(second["alpha"])) < float(str(first["alpha"]))


def test_a_damaged_artifact_is_made_again(run: Path, task_file: Path, whet: Whet) -> None:
    path = run / "04-rungs" / "head" / "arrays.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    done = whet("run", task_file, "--out", run)
    assert done.returncode == 0, done.stderr
    kept = re.findall(r"kept from before.*", done.stdout)[0]
    assert "rung retrieve" in kept
    assert "rung head" not in kept


def test_a_killed_run_goes_on_where_it_stopped(
    run: Path, task_file: Path, whet: Whet, tmp_path: Path
) -> None:
    """SIGKILL after the first rungs; the same command ends with the verdict of an undisturbed run."""
    out = tmp_path / "run"
    command = [sys.executable, "-m", "whet", "run", str(task_file), "--out", str(out)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ)
    deadline = time.monotonic() + 120
    while not (out / "04-rungs" / "fewshot" / "specialist.json").exists():
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (out / "06-verdict.json").exists()
    done = whet("run", task_file, "--out", out)
    assert done.returncode == 0, done.stderr
    assert "rung prompt" in re.findall(r"kept from before.*", done.stdout)[0]
    assert [r["value"] for r in verdict(out)["rungs"]] == [r["value"] for r in verdict(run)["rungs"]]


def test_two_runs_in_one_folder_are_refused(task_file: Path, whet: Whet, tmp_path: Path) -> None:
    from whet.store import exclusive

    out = tmp_path / "run"
    out.mkdir()
    with exclusive(out):
        done = whet("run", task_file, "--out", out)
    assert done.returncode == 2
    assert "another run is at work" in done.stderr


def test_a_target_missed_is_exit_1(task_file: Path, whet: Whet, tmp_path: Path) -> None:
    done = whet("run", other_task(task_file, tmp_path, "floor", "target: 0.99"), "--out", tmp_path / "r")
    assert done.returncode == 1, done.stderr
    assert "misses the target" in done.stdout


def test_a_data_file_alone_is_enough(ticket_file: Path, whet: Whet, tmp_path: Path) -> None:
    """The task file is guessed, shown, written, and used again on the next call."""
    text = ticket_file.read_text("utf-8").splitlines()
    small = tmp_path / "small.csv"
    small.write_text("\n".join(text[:100]), encoding="utf-8")
    done = whet("run", small, "--out", tmp_path / "r")
    assert done.returncode == 0, done.stderr
    assert "input = text, output = label, 3 labels" in done.stderr
    assert "wrote the task file" in done.stderr
    assert verdict(tmp_path / "r")["rungs"][-1]["name"] == "tune"
    again = whet("run", small, "--out", tmp_path / "r")
    assert "going on with the task file" in again.stderr


def test_existing_is_measured_by_command_and_by_file(task_file: Path, whet: Whet, tmp_path: Path) -> None:
    code = (
        "import sys, json\n"
        "for l in sys.stdin: print(json.dumps({'id': json.loads(l)['id'], 'output': 'parcel'}))"
    )
    existing = f"existing: {{command: [{json.dumps(sys.executable)}, -c, {json.dumps(code)}]}}"
    task = other_task(task_file, tmp_path, "existing, floor", existing)
    found = whet.json("run", task, "--out", tmp_path / "r")
    rungs = {r["name"]: r["value"] for r in found["rungs"]}  # type: ignore[attr-defined]
    assert 0.2 < rungs["existing"] < 0.5


def test_an_existing_command_that_fails_is_told(task_file: Path, whet: Whet, tmp_path: Path) -> None:
    task = other_task(task_file, tmp_path, "existing, floor", "existing: {command: ['false']}")
    done = whet("run", task, "--out", tmp_path / "r")
    assert done.returncode == 2
    assert "ended with 1" in done.stderr


@pytest.mark.parametrize("metric", ["macro_f1", "{cost: {parcel: {login: 5}}, default: 1}"])
def test_other_metrics(metric: str, task_file: Path, whet: Whet, tmp_path: Path) -> None:
    task = other_task(task_file, tmp_path, "floor, prompt, head", f"margin: 0.02\nmetric: {metric}")
    found = whet.json("run", task, "--out", tmp_path / "r")
    values = [r["value"] for r in found["rungs"]]  # type: ignore[attr-defined]
    better = values[-1] < values[0] if found["metric"] == "cost" else values[-1] > values[0]
    assert better


def test_predict_and_try(run: Path, whet: Whet, tmp_path: Path) -> None:
    inputs = tmp_path / "in.txt"
    inputs.write_text("where is my parcel?\ni forgot my password\n", encoding="utf-8")
    done = whet("predict", run / "04-rungs" / "head", inputs)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["output"] for row in rows] == ["parcel", "login"]
    tried = whet("try", run / "04-rungs" / "head", "i forgot my password")
    assert tried.stdout.startswith("login")
    out = tmp_path / "p.jsonl"
    assert whet("predict", run / "04-rungs" / "head", inputs, "--out", out).returncode == 0
    assert len(out.read_text("utf-8").splitlines()) == 2


def test_doctor_is_content(whet: Whet) -> None:
    done = whet("doctor")
    assert done.returncode == 0, done.stdout
    assert "OK    default encoder" in done.stdout


def test_help_answers_at_once() -> None:
    """In seconds of the processor, the best of three, so that a busy machine does not fail it; what the clock
    says is in docs/proofs."""

    def used() -> float:
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return children.ru_utime + children.ru_stime

    times = []
    for _ in range(3):
        before = used()
        subprocess.run([sys.executable, "-m", "whet", "--help"], capture_output=True, check=True)
        times.append(used() - before)
    assert min(times) < 0.3
