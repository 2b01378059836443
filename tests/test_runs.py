"""Guards the run folder: a step is kept only while nothing changed, and every opening is counted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from whet import runs
from whet.errors import InputError, WorldError
from whet.runs import LEDGER, MANIFEST, Run, environment, open_run, processor
from whet.store import exclusive, read_json, write_text

INPUTS = {"data": "d1", "seed": 0}


def done(folder: Path) -> Run:
    """A run with one finished step: a file and a folder of files."""
    run = open_run(folder)
    write_text(run.path("a.txt"), "a")
    (run.path("b") / "deep").mkdir(parents=True)
    write_text(run.path("b") / "one.txt", "1")
    write_text(run.path("b") / "deep" / "two.txt", "2")
    run.record("step", INPUTS, ["a.txt", "b"], seconds=1.23456)
    return run


# Freshness.


def test_a_step_is_fresh_while_nothing_changed_even_in_another_process(tmp_path: Path) -> None:
    done(tmp_path / "run")
    run = open_run(tmp_path / "run")
    assert run.fresh("step", INPUTS)
    assert run.fresh("step", dict(reversed(INPUTS.items())))
    assert run.reused == ["step", "step"]
    assert run.seconds() == {"step": 1.235}


def test_a_step_never_done_is_not_fresh(tmp_path: Path) -> None:
    run = done(tmp_path / "run")
    assert not run.fresh("other", INPUTS)
    assert run.reused == []


@pytest.mark.parametrize("inputs", [{}, {"data": "d2", "seed": 0}, {"data": "d1"}, {**INPUTS, "more": 1}])
def test_other_inputs_are_not_fresh(tmp_path: Path, inputs: dict[str, object]) -> None:
    assert not done(tmp_path / "run").fresh("step", inputs)


@pytest.mark.parametrize("name", ["a.txt", "b/one.txt", "b/deep/two.txt"])
def test_a_changed_or_missing_file_is_not_fresh(tmp_path: Path, name: str) -> None:
    run = done(tmp_path / "run")
    before = run.path(name).read_text(encoding="utf-8")
    write_text(run.path(name), "other")
    assert not run.fresh("step", INPUTS)
    write_text(run.path(name), before)
    assert run.fresh("step", INPUTS)
    run.path(name).unlink()
    assert not run.fresh("step", INPUTS)


def test_another_version_of_whet_does_the_step_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = done(tmp_path / "run")
    monkeypatch.setattr(runs, "__version__", "99.0")
    assert not run.fresh("step", INPUTS)


def test_a_step_recorded_again_replaces_the_first(tmp_path: Path) -> None:
    run = done(tmp_path / "run")
    write_text(run.path("a.txt"), "new")
    run.record("step", {"data": "d2"}, ["a.txt"], seconds=2.0)
    again = Run(run.folder)
    assert again.fresh("step", {"data": "d2"})
    assert not again.fresh("step", INPUTS)


def test_the_manifest_says_what_made_what(tmp_path: Path) -> None:
    run = done(tmp_path / "run")
    run.describe(command="whet run task.yaml")
    manifest = read_json(run.path(MANIFEST))
    assert manifest["command"] == "whet run task.yaml"
    assert manifest["whet"] == environment()["whet"]
    assert manifest["steps"]["step"]["made_from"] == INPUTS
    assert list(manifest["steps"]["step"]["files"]) == ["a.txt", "b/deep/two.txt", "b/one.txt"]
    assert manifest["steps"]["step"]["files"]["a.txt"] == run.digest("a.txt")
    assert run.fresh("step", INPUTS)


# The ledger of openings.


def test_openings_are_counted_by_key(tmp_path: Path) -> None:
    run = open_run(tmp_path / "run")
    assert [run.open_test("test", key) for key in ("k1", "k1", "k2", "k3", "k2")] == [1, 1, 2, 3, 2]


def test_openings_outlive_the_process(tmp_path: Path) -> None:
    done(tmp_path / "run").open_test("test", "k1")
    run = open_run(tmp_path / "run")
    assert run.open_test("test", "k2") == 2
    rows = [json.loads(line) for line in run.path(LEDGER).read_text("utf-8").splitlines()]
    assert [(row["opening"], row["test"], row["key"]) for row in rows] == [
        (1, "test", "k1"),
        (2, "test", "k2"),
    ]


def test_each_test_set_has_its_own_count(tmp_path: Path) -> None:
    run = open_run(tmp_path / "run")
    assert [run.open_test(test, "k") for test in ("one", "two", "one")] == [1, 1, 1]
    assert run.open_test("one", "k2") == 2


def test_a_damaged_ledger_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    run = open_run(tmp_path / "run")
    run.open_test("test", "k1")
    run.path(LEDGER).write_text("{broken\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"ledger\.jsonl: is not valid JSON"):
        run.open_test("test", "k2")


# Folders.


def test_a_new_or_empty_folder_is_opened(tmp_path: Path) -> None:
    assert open_run(tmp_path / "deep" / "new").folder.is_dir()
    assert open_run(tmp_path / "deep" / "new").reused == []


def test_a_folder_with_only_a_lock_and_a_guessed_task_is_opened(tmp_path: Path) -> None:
    (tmp_path / "task.yaml").write_text("task: t\n", encoding="utf-8")
    with exclusive(tmp_path):
        assert open_run(tmp_path).seconds() == {}


def test_a_folder_that_holds_other_things_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match=r"holds other things \(thesis\.docx"):
        open_run(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.docx"]


def test_a_file_is_no_run_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(InputError, match="is a file"):
        open_run(tmp_path / "file")


@pytest.mark.parametrize("text", ["{}", "[]", "null", '{"steps": []}'])
def test_a_manifest_of_something_else_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / MANIFEST).write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="is not the manifest of a run"):
        open_run(tmp_path)


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder that root cannot write")
def test_a_folder_that_cannot_be_made_is_a_fault_of_the_world() -> None:
    with pytest.raises(WorldError) as caught:
        open_run(Path("/proc/whet-run"))
    assert caught.value.exit_code == 3


def test_the_processor_is_named_with_the_arithmetic_that_training_gains_by(tmp_path: Path) -> None:
    about = tmp_path / "cpuinfo"
    about.write_text("model name\t: Some CPU\nflags\t: fpu avx avx2 avx512f avx512_bf16\n", encoding="utf-8")
    assert processor(about) == "Some CPU (avx512_bf16)"
    about.write_text("model name\t: Old CPU\nflags\t\t: fpu\n", encoding="utf-8")
    assert processor(about) == "Old CPU (no wide arithmetic known)"
    assert processor(tmp_path / "none")
