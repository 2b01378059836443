"""A training that is killed and goes on ends in the same bytes as one that is not; the control does not.

``WHET_KILLS=100 pytest tests/test_resume.py`` runs the long form: so many kills at random moments, and a
fault at every call of a save instead of at every ninth.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import training
from whet.errors import WorldError
from whet.train import checkpoint
from whet.train.course import Look, Plan, in_any_order
from whet.train.loop import Interrupted, NotFinite, Watching, train
from whet.train.optimizer import Rates
from whet.train.step import Stepped

KILLS = int(os.environ.get("WHET_KILLS", "0"))
RANDOM_KILLS, EVERY = (KILLS, 1) if KILLS else (3, 9)
ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
AN_EPOCH = training.STEPS // training.EPOCHS
ASKED = 130 << 8
"""Wait status of a training that stopped when asked."""


class Trainings:
    """The program ``tests.training``: trainings one after the other, each in a process that can be killed."""

    def __init__(self) -> None:
        self.driver = subprocess.Popen(
            [sys.executable, "-m", "tests.training"],
            cwd=ROOT,
            env=ENVIRONMENT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._said()

    def start(self, folder: Path, *options: str) -> int:
        """Number of the process that trains into ``folder``."""
        assert self.driver.stdin
        folder.mkdir(exist_ok=True)
        self.driver.stdin.write(" ".join([str(folder), *options]) + "\n")
        self.driver.stdin.flush()
        return self._said()

    def wait(self) -> int:
        """Wait status of the training that was started last."""
        return self._said()

    def _said(self) -> int:
        assert self.driver.stdout
        return int(self.driver.stdout.readline())

    def to_the_end(self, folder: Path, *options: str) -> dict[str, str]:
        """The digests that the training ends with."""
        self.start(folder, *options)
        assert self.wait() == 0, (folder / "error.txt").read_text()
        found: dict[str, str] = json.loads((folder / "digests.json").read_text())
        return found

    def killed(self, folder: Path, steps: int, wait: float) -> bool:
        """Train until ``steps`` steps were seen and ``wait`` seconds more, then ``kill -9``.

        False: it had ended before.
        """
        number = self.start(folder)
        while len(seen(folder)) < steps and Path(f"/proc/{number}").exists():
            time.sleep(0.001)
        time.sleep(wait)
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)
        return self.wait() == signal.SIGKILL

    def faulted(self, folder: Path, step: int, fault: str) -> int:
        """Wait status of a training that goes on to ``step``, saves it under a fault, and stops.

        ``fault`` is as ``strace --inject`` has it.
        """
        number = self.start(folder, f"until={step}")
        while not any(line["step"] == step for line in seen(folder)):
            time.sleep(0.001)
        tracer = subprocess.Popen(
            ["strace", "-f", "-qq", "-o", "/dev/null", "-p", str(number), "-e", f"inject={fault}"]
        )
        while "TracerPid:\t0" in Path(f"/proc/{number}/status").read_text():
            time.sleep(0.001)
        (folder / "go").touch()
        status = self.wait()
        (folder / "go").unlink()
        tracer.wait()
        return status

    def end(self) -> None:
        self.driver.communicate()


def seen(folder: Path) -> list[dict[str, int]]:
    """What a training noted of its steps, those of killed processes included."""
    path = folder / "seen.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]


def ledger_is_whole(folder: Path) -> bool:
    """Whether a step that was done again read the same rows, and every row was seen once an epoch."""
    steps: dict[int, object] = {}
    for line in seen(folder):
        if steps.setdefault(line["step"], line["rows"]) != line["rows"]:
            return False
    epochs: list[list[int]] = [[] for _ in range(training.EPOCHS)]
    for step, rows in steps.items():
        epochs[(step - 1) // AN_EPOCH] += rows  # type: ignore[arg-type]
    return all(sorted(epoch) == list(range(training.ROWS)) for epoch in epochs)


@pytest.fixture(scope="module")
def trainings() -> Iterator[Trainings]:
    driver = Trainings()
    yield driver
    driver.end()


@pytest.fixture(scope="module")
def undisturbed(
    trainings: Trainings, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, str], float]:
    """The digests of a training that nobody killed, and the seconds of one step with what is saved of it."""
    folder, start = tmp_path_factory.mktemp("whole"), time.perf_counter()
    digests = trainings.to_the_end(folder)
    assert ledger_is_whole(folder)
    return digests, (time.perf_counter() - start) / training.STEPS


@pytest.mark.slow
def test_killed_at_random_moments_it_ends_in_the_same_bytes(
    tmp_path: Path, trainings: Trainings, undisturbed: tuple[dict[str, str], float]
) -> None:
    rng, (digests, a_step) = random.Random(0), undisturbed
    kills = 0
    while kills < RANDOM_KILLS:
        folder = tmp_path / str(kills)
        kills += trainings.killed(folder, rng.randrange(training.STEPS), rng.random() * a_step)
        assert trainings.to_the_end(folder) == digests, f"kill {kills}"
        assert ledger_is_whole(folder)
        shutil.rmtree(folder)
    print(f"{kills} kills")


@pytest.mark.slow
def test_killed_three_times_in_one_epoch_it_ends_in_the_same_bytes(
    tmp_path: Path, trainings: Trainings, undisturbed: tuple[dict[str, str], float]
) -> None:
    for steps in (3, 5, 7):  # lines of the ledger: steps after the last save are done again
        assert trainings.killed(tmp_path, steps, 0.0)
    assert max(line["step"] for line in seen(tmp_path)) < AN_EPOCH
    assert trainings.to_the_end(tmp_path) == undisturbed[0]
    assert ledger_is_whole(tmp_path)


@pytest.mark.slow
def test_a_resume_without_its_generators_ends_otherwise(
    tmp_path: Path, trainings: Trainings, undisturbed: tuple[dict[str, str], float]
) -> None:
    """The control: dropout draws other masks, and the bytes differ."""
    assert trainings.killed(tmp_path, 5, 0.0)
    assert checkpoint.latest(tmp_path / "checkpoints") is not None
    assert trainings.to_the_end(tmp_path, "forget") != undisturbed[0]
    assert ledger_is_whole(tmp_path)


FAULTS = {
    "write:signal=KILL": 7,
    "fsync:signal=KILL": 12,
    "rename:signal=KILL": 3,
    "renameat:signal=KILL": 4,
    "unlinkat:signal=KILL": 8,
    "write:error=ENOSPC": 7,
    "fsync:error=EIO": 12,
    "mkdir:error=ENOSPC": 1,
}
"""Fault, and how many of its calls a save has at the least."""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not here")
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_at_every_call_of_a_save_leaves_a_whole_checkpoint(
    tmp_path: Path, trainings: Trainings, undisturbed: tuple[dict[str, str], float], fault: str
) -> None:
    """The one from before, or the new one; never half of one, and never none. It ends in the same bytes."""
    before = tmp_path / "before"
    trainings.start(before, "until=6")
    (before / "go").touch()
    assert trainings.wait() == ASKED
    (before / "go").unlink()
    number, hit = 1, 0
    while True:
        folder = Path(shutil.copytree(before, tmp_path / str(number)))
        status = trainings.faulted(folder, 8, f"{fault}:when={number}")
        last = checkpoint.latest(folder / "checkpoints")
        assert last is not None
        assert last.step in (6, 8)
        if "error=" in fault and status != ASKED:
            assert status == 3 << 8
            assert f"{folder}/checkpoints" in (folder / "error.txt").read_text()
        assert trainings.to_the_end(folder) == undisturbed[0], f"call {number}"
        assert ledger_is_whole(folder)
        assert len(list((folder / "checkpoints").iterdir())) == 2  # nothing is left of what was broken off
        shutil.rmtree(folder)
        if status == ASKED:
            break
        hit += 1
        number += EVERY
    print(f"{hit} calls of one save met {fault}")
    assert hit >= FAULTS[fault] / EVERY


def test_every_row_is_seen_once_an_epoch() -> None:
    batches = in_any_order(22, Plan(Rates(1e-3), batch=4))
    first, second = batches(0), batches(1)
    for epoch in (first, second):
        assert sorted(row for batch in epoch for row in batch) == list(range(22))
        assert [len(batch) for batch in epoch] == [4, 4, 4, 4, 4, 2]
    assert first != second
    assert first == batches(0)


class Counting:
    """A job of nothing: dev gets better until it gets worse, and a loss can be made to fail."""

    def __init__(self, losses: list[float], fails: int = 0):
        import torch

        self.live = {"w": torch.zeros(3, requires_grad=True)}
        self._losses, self._fails, self.steps = losses, fails, 0

    def names(self, rows: list[int]) -> str:
        return ", ".join(f"f.jsonl:{row}" for row in rows)

    def gradients(self, rows: list[int], forget: Callable[[], None]) -> Stepped:
        self.steps += 1
        self.live["w"].sum().backward()  # type: ignore[no-untyped-call]
        return Stepped(float("nan") if self.steps == self._fails else 1.0, 1.0, 1, 1, 1)

    def look(self) -> Look:
        return Look(self._losses.pop(0))

    def write(self, folder: Path) -> None:
        pass


def test_it_stops_when_dev_no_longer_improves_and_keeps_the_best() -> None:
    job = Counting([4.0, 3.0, 2.0, 2.5, 2.6, 2.7, 1.0])
    done = train(job, 8, Plan(Rates(0.1), epochs=6, batch=4, patience=3), None)  # type: ignore[arg-type]
    assert (done.state.step, done.state.best_step, done.best.loss) == (10, 4, 2.0)
    assert [look["step"] for look in done.state.curve] == [0, 2, 4, 6, 8, 10]
    assert not (done.weights["w"] == job.live["w"]).all()


def test_a_loss_that_is_not_finite_names_its_rows() -> None:
    job = Counting([4.0, 3.0, 2.0, 1.0], fails=3)
    with pytest.raises(NotFinite, match=r"loss is nan at step 3, on f\.jsonl:") as caught:
        train(job, 8, Plan(Rates(0.1), epochs=3, batch=4), None)  # type: ignore[arg-type]
    ended = caught.value.ended
    assert (ended.state.step, ended.state.best_step) == (2, 2)
    assert (ended.weights["w"] == job.live["w"]).all()


def test_asked_to_stop_it_saves_and_goes_on_later(tmp_path: Path) -> None:
    job, asked = Counting([4.0, 3.0, 2.0, 1.0]), iter([False, False, True])
    plan = Plan(Rates(0.1), epochs=3, batch=4)
    with pytest.raises(Interrupted):
        train(job, 8, plan, tmp_path, Watching(asked_to_stop=lambda: next(asked)))  # type: ignore[arg-type]
    later = Counting([1.5, 1.0])
    done = train(later, 8, plan, tmp_path)  # type: ignore[arg-type]
    assert (later.steps, done.state.step) == (3, 6)
    straight = Counting([4.0, 3.0, 1.5, 1.0])
    train(straight, 8, plan, None)  # type: ignore[arg-type]
    assert (later.live["w"] == straight.live["w"]).all()


@pytest.mark.parametrize(("seconds", "steps"), [(0.0, [1, 4]), (300.0, [4])])
def test_where_looks_are_far_apart_a_checkpoint_stands_between_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, steps: list[int]
) -> None:
    """The second is not worth its time so soon; and where little time has passed, none is."""
    monkeypatch.setattr("whet.train.loop.BETWEEN", seconds)
    train(Counting([4.0, 1.0]), 16, Plan(Rates(0.1), epochs=1, batch=4), tmp_path)  # type: ignore[arg-type]
    assert [int(folder.name.partition("-")[2]) for folder in checkpoint.folders(tmp_path)] == steps


def test_killed_before_a_look_has_counted_it_goes_on(tmp_path: Path) -> None:
    """As trainings of encoders are planned: what dev said at the start does not count."""
    plan = Plan(Rates(0.1), epochs=2, batch=4, start_counts=False)
    with pytest.raises(Interrupted):
        train(Counting([4.0]), 8, plan, tmp_path, Watching(asked_to_stop=lambda: True))  # type: ignore[arg-type]
    later = Counting([3.0, 2.0])
    done = train(later, 8, plan, tmp_path)  # type: ignore[arg-type]
    assert (later.steps, done.state.best_step) == (3, 4)
    straight = Counting([4.0, 3.0, 2.0])
    train(straight, 8, plan, None)  # type: ignore[arg-type]
    assert (later.live["w"] == straight.live["w"]).all()


def test_not_finite_before_a_look_has_counted_gives_the_weights_of_now() -> None:
    job = Counting([4.0], fails=2)
    with pytest.raises(NotFinite) as caught:
        train(job, 8, Plan(Rates(0.1), batch=4, start_counts=False), None)  # type: ignore[arg-type]
    assert (caught.value.ended.weights["w"] == job.live["w"]).all()


def test_not_finite_later_leaves_a_training_that_ended_early(tmp_path: Path) -> None:
    from whet.tuning import Watch, _ended

    plan, watch = Plan(Rates(0.1), epochs=3, batch=4), Watch()
    ended = _ended(Counting([4.0, 3.0], fails=3), 8, plan, tmp_path, Watching(), watch)  # type: ignore[arg-type]
    assert (ended.state.best_step, ended.best.loss) == (2, 3.0)
    (note,) = watch.notes
    assert note.startswith("training ended early, with the best weights before it: the loss is nan at step 3")
    with pytest.raises(NotFinite):  # where dev was never better than at the start, there is nothing to take
        _ended(Counting([4.0, 5.0], fails=3), 8, plan, tmp_path / "no", Watching(), watch)  # type: ignore[arg-type]


def test_a_checkpoint_of_other_settings_is_not_gone_on_with(tmp_path: Path) -> None:
    train(Counting([2.0, 1.0]), 8, Plan(Rates(0.1), epochs=1, batch=4), tmp_path)  # type: ignore[arg-type]
    with pytest.raises(WorldError, match="another plan"):
        train(Counting([2.0, 1.0]), 8, Plan(Rates(0.2), epochs=1, batch=4), tmp_path)  # type: ignore[arg-type]


def test_a_damaged_checkpoint_is_passed_over(tmp_path: Path) -> None:
    import torch

    for step in (1, 2):
        checkpoint.save(tmp_path, step, {"step": step}, {"optimizer": {"a": torch.ones(3)}})
    damaged = tmp_path / "step-00000002" / "optimizer.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
    last = checkpoint.latest(tmp_path)
    assert last is not None
    assert last.step == 1


def test_the_small_training_learns() -> None:
    """The programs above would agree on nothing as well; this one learns its rows."""
    work = training.job(dropout=0.0)
    before = work.look().loss
    work.dev = work.rows
    train(work, training.ROWS, training.plan(), None)
    assert work.look().loss < before
