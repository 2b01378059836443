"""A training that is killed and goes on ends in the same bytes as one that is not; the control does not.

``WHET_KILLS=100 pytest tests/test_resume.py`` runs the long form of the random kills.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import training
from whet.errors import WorldError
from whet.train import checkpoint
from whet.train.loop import Interrupted, Look, Plan, Watching, batch_of, train
from whet.train.optimizer import Rates
from whet.train.step import Stepped

KILLS = int(os.environ.get("WHET_KILLS", "3"))
ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}


def command(folder: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "tests.training", str(folder), *more]


def to_the_end(folder: Path, *more: str) -> dict[str, str]:
    done = subprocess.run(
        command(folder, *more), cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=True
    )
    found: dict[str, str] = json.loads(done.stdout)
    return found


def killed_after_steps(folder: Path, steps: int, wait: float, *more: str) -> None:
    """Start, wait until so many steps are done and a moment more, and kill."""
    running = subprocess.Popen(command(folder, *more), cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.DEVNULL)
    seen = folder / "seen.jsonl"
    while running.poll() is None and (not seen.exists() or seen.read_text().count("\n") < steps):
        time.sleep(0.002)
    time.sleep(wait)
    running.send_signal(signal.SIGKILL)
    running.wait()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], float]:
    """The digests of a run that nobody killed, and the seconds it took."""
    start = time.perf_counter()
    return to_the_end(tmp_path_factory.mktemp("whole")), time.perf_counter() - start


@pytest.mark.slow
def test_killed_at_random_moments_it_ends_in_the_same_bytes(
    tmp_path: Path, undisturbed: tuple[dict[str, str], float]
) -> None:
    rng = random.Random(0)
    for number in range(KILLS):
        folder = tmp_path / str(number)
        folder.mkdir()
        killed_after_steps(folder, rng.randrange(1, 18), rng.random() * 0.05)
        assert to_the_end(folder) == undisturbed[0], f"kill {number}"
        shutil.rmtree(folder)


@pytest.mark.slow
def test_a_resume_without_its_generators_ends_otherwise(
    tmp_path: Path, undisturbed: tuple[dict[str, str], float]
) -> None:
    """The control: dropout draws other masks, and the bytes differ."""
    killed_after_steps(tmp_path, 5, 0.0)
    assert checkpoint.latest(tmp_path / "checkpoints") is not None
    assert to_the_end(tmp_path, "--forget") != undisturbed[0]


SAVES = """
import os, sys, time
from pathlib import Path
import torch
from whet.train import checkpoint
value = torch.arange(2000.0)
torch.set_num_threads(1)
for line in sys.stdin:  # each save in a child of its own: torch is imported once
    root, step = Path(line.split()[0]), int(line.split()[1])
    child = os.fork()
    if child == 0:
        while not (root / "go").exists():
            time.sleep(0.005)
        try:
            tensors = {"optimizer": {"a": value}, "best": {"b": value}}
            checkpoint.save(root / "kept", step, {"step": step}, tensors)
            checkpoint.retain(root / "kept", 1)
        except BaseException as error:
            os._exit(3)
        os._exit(0)
    print(child, flush=True)
    print(os.waitpid(child, 0)[1], flush=True)
"""


class Saver:
    """Saves checkpoints, each in a process that may be disturbed by ``strace``."""

    def __init__(self) -> None:
        self.driver = subprocess.Popen(
            [sys.executable, "-c", SAVES],
            cwd=ROOT,
            env=ENVIRONMENT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def save(self, root: Path, step: int, fault: str = "") -> int:
        """Wait status of the process that saved; ``fault`` as strace's ``inject=`` has it."""
        assert self.driver.stdin
        assert self.driver.stdout
        self.driver.stdin.write(f"{root} {step}\n")
        self.driver.stdin.flush()
        child = int(self.driver.stdout.readline())
        tracer = None
        if fault:
            tracer = subprocess.Popen(
                ["strace", "-qq", "-o", "/dev/null", "-p", str(child), "-e", f"inject={fault}"]
            )
            while "TracerPid:\t0" in Path(f"/proc/{child}/status").read_text():
                time.sleep(0.005)
        (root / "go").touch()
        status = int(self.driver.stdout.readline())
        (root / "go").unlink()
        if tracer:
            tracer.wait()
        return status

    def end(self) -> None:
        self.driver.communicate()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not here")
@pytest.mark.parametrize(
    "fault", ["write:signal=KILL", "fsync:signal=KILL", "rename:signal=KILL", "write:error=ENOSPC"]
)
def test_a_fault_at_every_call_of_a_save_leaves_a_whole_checkpoint(tmp_path: Path, fault: str) -> None:
    """The one from before, or the new one; never half of one, and never none."""
    saver, found, faults = Saver(), set(), 0
    for number in range(1, 60):
        root = tmp_path / str(number)
        root.mkdir()
        assert saver.save(root, 1) == 0
        status = saver.save(root, 2, f"{fault}:when={number}")
        last = checkpoint.latest(root / "kept")
        assert last is not None
        found.add(last.step)
        assert float(last.tensors["optimizer"]["a"].sum()) == 1999 * 1000
        if status == 0:
            break
        faults += 1
        assert saver.save(root, 3) == 0  # what a kill left behind is in nobody's way
        assert [path.name for path in (root / "kept").iterdir()] == ["step-00000003"]
    saver.end()
    assert faults >= 4
    assert found >= {1, 2}


def test_every_row_is_seen_once_an_epoch() -> None:
    plan = Plan(Rates(1e-3), batch=4)
    steps = [batch_of(step, 22, plan) for step in range(1, 13)]
    for epoch in (steps[:6], steps[6:]):
        assert sorted(row for batch in epoch for row in batch) == list(range(22))
    assert steps[:6] != steps[6:]


class Counting:
    """A job of nothing: dev gets better until it gets worse, and a loss can be made to fail."""

    def __init__(self, losses: list[float], fails: int = 0):
        import torch

        self.live = {"w": torch.zeros(3, requires_grad=True)}
        self._losses, self._fails, self.steps = losses, fails, 0

    def names(self, rows: list[int]) -> str:
        return ", ".join(f"f.jsonl:{row}" for row in rows)

    def gradients(self, rows: list[int]) -> Stepped:
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
    with pytest.raises(WorldError, match=r"loss is nan at step 3, on f\.jsonl:"):
        train(job, 8, Plan(Rates(0.1), epochs=3, batch=4), None)  # type: ignore[arg-type]


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
