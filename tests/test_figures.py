"""What is told while a training runs: every step once, whatever was killed, and the time that is left."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from whet.cli.progress import Progress
from whet.train.course import Plan
from whet.train.figures import Figures, totals
from whet.train.limit import Work
from whet.train.optimizer import Rates
from whet.train.sharing import Row

ROWS = [Row((1, 2, 3), (0.0, 0.0, 1.0))] * 4


def told(path: Path, first: int, last: int) -> list[str]:
    """Steps of one process, told to a file; what the bar said."""
    said: list[str] = []
    figures = Figures(
        path,
        lambda what, done, total: said.append(what),
        ROWS,
        Plan(Rates(0.1), batch=2),
        Work(token=1.0, learned=10.0, pair=0.0),
        rate=64.0,
    )
    for step in range(first, last + 1):
        figures.step({"step": step, "steps": 9, "loss": 2.0, "rows": 2, "seconds": 0.5})
    return said


def test_the_share_of_the_limit_is_work_over_rate_over_time(tmp_path: Path) -> None:
    path = tmp_path / "training.jsonl"
    said = told(path, 1, 2)
    # two rows of three tokens, one of each learned: 26 operations, at 64 a second 0.41 s of the 0.5
    assert json.loads(path.read_text().split("\n")[0])["limit"] == pytest.approx(26 / 64 / 0.5)
    assert said[-1] == "training: loss 2.000, 4.0 examples/s, 81% of the limit"
    found = totals(path)
    assert found["examples_per_second"] == 4.0
    assert found["share_of_limit"] == pytest.approx(26 / 64 / 0.5)
    assert totals(tmp_path / "none") == {}


def test_a_rate_that_a_step_reaches_is_one_that_the_machine_has(tmp_path: Path) -> None:
    path = tmp_path / "training.jsonl"
    figures = Figures(path, lambda *_: None, ROWS, Plan(Rates(0.1), batch=2), Work(1.0, 10.0, 0.0), rate=26.0)
    for step, seconds in ((1, 0.5), (2, 1.0)):
        figures.step({"step": step, "steps": 9, "loss": 2.0, "rows": 2, "seconds": seconds})
    shares = [json.loads(line)["limit"] for line in path.read_text().splitlines()]
    assert shares == pytest.approx([1.0, 0.5])


def test_steps_that_a_kill_has_undone_stand_there_once(tmp_path: Path) -> None:
    path = tmp_path / "training.jsonl"
    told(path, 1, 5)
    with path.open("a") as stream:
        stream.write('{"step": 6, "los')  # cut short by the kill
    told(path, 4, 6)  # the checkpoint was of step 3
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [1, 2, 3, 4, 5, 6]


def test_time_left_counts_from_where_this_process_began(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    bar = Progress(live=True)
    for step, loss in ((50, 3.0), (51, 2.9), (60, 2.5)):
        bar.tell(f"training: loss {loss}", step, 100)
        now[0] += 1.0 if step == 50 else 9.0
    # ten steps in ten seconds, forty to go; what the text says changes nothing
    assert "training: loss 2.5  60%, 0:40 left" in capsys.readouterr().err
