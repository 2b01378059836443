"""Checkpoints from anybody: what is hostile is refused before it runs, or is taken for what was trained.

Every case is the same whole checkpoint of a small training with one fault planted, whose manifest is then
made to agree again, as whoever can change a file can do. What does not agree with its manifest is damaged,
not hostile, and passed over (``test_resume``).
"""

from __future__ import annotations

import json
import os
import pickle
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from tests import training
from tests.test_folders import DEEP, Canary, entry, file_of
from whet.errors import InputError, WorldError
from whet.store import file_digest
from whet.train import checkpoint
from whet.train.course import Ended
from whet.train.loop import Interrupted, Watching, train

Fault = Callable[[Path], Any]
LAST = "step-00000004"


def goes_on(root: Path, work: training.Telling | None = None, until: int = 0) -> Ended:
    """The small training, from the checkpoints in ``root``; ``until``: stopped after so many steps."""
    steps: list[int] = []
    watching = Watching(lambda figures: steps.append(1), lambda: len(steps) == until)
    work = work or training.job(dropout=0.0)
    return train(work, training.ROWS, training.plan(), root, watching)


@pytest.fixture(scope="module")
def untouched() -> training.Telling:
    """A job for those that are refused before it does anything."""
    return training.job(dropout=0.0)


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoints of steps 2 and 4."""
    root = tmp_path_factory.mktemp("clean") / "checkpoints"
    with pytest.raises(Interrupted):
        goes_on(root, until=4)
    return root


@pytest.fixture
def last(clean: Path, tmp_path: Path) -> Path:
    """A copy of the newest checkpoint, and the one before, to plant a fault in."""
    return Path(shutil.copytree(clean, tmp_path / "checkpoints")) / LAST


def seal(folder: Path) -> None:
    """Make the manifest agree with the files, links followed."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "manifest.json"]
    manifest = {str(path.relative_to(folder)): file_digest(path) for path in files}
    (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.fixture
def unrun(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What was unpickled during the test: must stay empty."""
    ran: list[str] = []
    for owner, name in ((torch, "load"), (pickle, "load"), (pickle, "loads")):
        monkeypatch.setattr(owner, name, lambda *_, **__: ran.append("unpickled"))
    yield ran
    assert ran == []


# Ways to plant a fault.


def write(name: str, text: str | bytes) -> Fault:
    return lambda folder: (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)


def pickled(name: str, instead: str = "") -> Fault:
    """A pickle, beside the tensors or in the place of some."""

    def plant(folder: Path) -> None:
        if instead:
            (folder / instead).unlink()
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(pickle.dumps(Canary(folder.parent.parent / "ran")))

    return plant


def linked(name: str) -> Fault:
    """The file moved out of the checkpoint, and a link to it in its place."""

    def plant(folder: Path) -> None:
        outside = folder.parent.parent / "outside"
        (folder / name).rename(outside)
        (folder / name).symlink_to(outside)

    return plant


def moved(folder: Path) -> None:
    """The whole checkpoint elsewhere, and a link to it in its place."""
    folder.rename(folder.parent.parent / "outside")
    folder.symlink_to(folder.parent.parent / "outside")


def header(told: Any, data: bytes = b"\0" * 8, length: int | None = None) -> Fault:
    return write("best.safetensors", file_of(told, data, length))


def state(**changes: Any) -> Fault:
    def plant(folder: Path) -> None:
        value = json.loads((folder / "state.json").read_text())
        (folder / "state.json").write_text(json.dumps(value | changes))

    return plant


def tensors(file: str, change: Callable[[dict[str, torch.Tensor]], Any]) -> Fault:
    def plant(folder: Path) -> None:
        from safetensors.torch import load, save

        path = folder / f"{file}.safetensors"
        held = load(path.read_bytes())
        change(held)
        path.write_bytes(save(held))

    return plant


def first(what: Callable[[torch.Tensor], torch.Tensor], kind: str = "") -> Callable[[dict[str, Any]], None]:
    """Change the first tensor whose name ends so."""

    def change(held: dict[str, torch.Tensor]) -> None:
        name = min(name for name in held if name.endswith(kind))
        held[name] = what(held[name]).contiguous()

    return change


HOSTILE: dict[str, tuple[Fault, str]] = {
    # pickles and code
    "optimizer a pickle": (pickled("optimizer.pt", "optimizer.safetensors"), "optimizer.pt: is no file that"),
    "generators a pickle": (pickled("rng_state.pth", "generators.safetensors"), "rng_state.pth: is no file"),
    "pickle beside": (pickled("training_args.bin"), "training_args.bin: is no file that whet writes"),
    "pickle in disguise": (pickled("optimizer.safetensors"), "optimizer.safetensors: the safetensors header"),
    "python file": (write("modeling_own.py", "raise SystemExit"), "modeling_own.py: is no file that"),
    "pickle in a folder": (pickled("more/a.pkl"), "a.pkl: is no file that whet writes"),
    # links
    "tensors linked": (linked("optimizer.safetensors"), "optimizer.safetensors: is a link"),
    "state linked": (linked("state.json"), "state.json: is a link"),
    "adapter linked": (linked("adapter_model.safetensors"), "adapter_model.safetensors: is a link"),
    "folder linked": (lambda folder: (folder / "more").symlink_to("/etc"), "more: is a link"),
    "link to a device": (lambda folder: (folder / "a.json").symlink_to("/dev/zero"), "a.json: is a link"),
    "link to nothing": (lambda folder: (folder / "a.json").symlink_to("/nowhere"), "a.json: is a link"),
    "checkpoint linked": (moved, f"{LAST}: is a link"),
    "pipe": (lambda folder: os.mkfifo(folder / "a.json"), "a.json: is neither a file nor a folder"),
    # headers
    "header longer than the file": (header({"a": entry()}, length=9_999), "9,999 bytes long"),
    "header over 100 MB": (header({"a": entry()}, length=100_000_001), "the format allows 100,000,000"),
    "header no JSON": (header(b"\x80\x04exec"), "is not valid JSON"),
    "header too deep": (header(('{"a":' + DEEP + "}").encode()), "nested too deep"),
    "dtype unknown": (header({"a": entry(dtype="F31")}), "dtype 'F31'"),
    "side negative": (header({"a": entry(shape=[-1, -2])}), "negative, huge"),
    "shape larger than its bytes": (header({"a": entry(shape=[3])}), "need 12"),
    "overlap": (header({"a": entry(), "b": entry(4, 12)}, b"\0" * 12), "overlap"),
    "hole": (header({"a": entry(), "b": entry(12, 20)}, b"\0" * 20), "a hole of 4 bytes before 'b'"),
    "past the end": (header({"a": entry(0, 16, shape=[4])}), "the file holds 8"),
    "bytes at the end": (header({"a": entry()}, b"\0" * 99), "91 bytes at the end"),
    "adapter's header": (write("adapter_model.safetensors", b"\xff" * 64), "the format allows"),
    # the state
    "state no JSON": (write("state.json", "step: 4"), "state.json: is not valid JSON"),
    "state no object": (write("state.json", "[4]"), "state.json: is no JSON object"),
    "state too deep": (write("state.json", '{"step":' + DEEP + "}"), "state.json: is nested more than"),
    "state too large": (lambda folder: os.truncate(folder / "state.json", 130 << 20), "whet reads at most"),
    "step a text": (state(step="4; rm"), "is no state of a training"),
    "step of another": (state(step=9), "says that it was saved at step 9"),
    "step below zero": (state(step=-4), "says that it was saved at step -4"),
    "step huge": (state(step=10**30), "is no state of a training|saved at step 1000"),
    "best a text": (state(best="x"), "is no state of a training"),
    "best without a loss": (state(best={"score": 1.0}), "is no state of a training"),
    "curve no list": (state(curve={"a": 1}), "is no state of a training"),
    "wait a list": (state(waited=[0]), "is no state of a training"),
    # tensors that torch would have taken, in silence or with a traceback
    "optimizer absent": (
        lambda folder: (folder / "optimizer.safetensors").unlink(),
        "optimizer.safetensors: is",
    ),
    "tensors of others": (
        write("more.safetensors", file_of({"a": entry()})),
        "more.safetensors: is absent, or",
    ),
    "master of one number": (tensors("optimizer", first(lambda t: t[:1, :1], "|master")), "holds another"),
    "master of 16 bits": (tensors("optimizer", first(lambda t: t.bfloat16(), "|master")), "holds another"),
    "moment of another shape": (tensors("optimizer", first(lambda t: t.T, "|exp_avg")), "holds another"),
    "moment absent": (tensors("optimizer", lambda held: held.pop(min(held))), "holds another"),
    "step no number": (tensors("optimizer", first(lambda t: t.expand(3), "|step")), "holds another"),
    "parameter more": (tensors("best", lambda held: held.update(a=torch.ones(2))), "holds another 'a'"),
    "best of another shape": (tensors("best", first(lambda t: t[:1])), "best.safetensors: holds another"),
    "generator cut off": (tensors("generators", first(lambda t: t[:100])), "holds another 'torch'"),
    "generator of numbers": (tensors("generators", first(lambda t: t.float())), "holds another 'torch'"),
    "generator absent": (tensors("generators", lambda held: held.pop("torch")), "holds another 'torch'"),
}


@pytest.mark.usefixtures("unrun")
@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_checkpoint_is_refused_by_name(case: str, last: Path, untouched: training.Telling) -> None:
    fault, words = HOSTILE[case]
    fault(last)
    seal(last)
    with pytest.raises(InputError) as caught:
        goes_on(last.parent, untouched)
    assert re.search(words, str(caught.value))
    assert caught.value.fix
    assert str(last.parent.parent) in caught.value.where
    assert not (last.parent.parent / "ran").exists()


@pytest.mark.usefixtures("unrun")
def test_a_checkpoint_of_a_gpu_is_not_gone_on_with_here(last: Path, untouched: training.Telling) -> None:
    tensors("generators", lambda held: held.update(cuda=torch.zeros(16, dtype=torch.uint8)))(last)
    seal(last)
    with pytest.raises(WorldError, match="was made on a GPU"):
        goes_on(last.parent, untouched)


MANIFESTS = {
    "no JSON": "{",
    "a list": "[[1]]",
    "too deep": '{"a":' + DEEP + "}",
    "no digests": '{"state.json": 7}',
    "a name above": json.dumps({"../outside": "0"}),
    "an absolute name": json.dumps({"/etc/passwd": "0"}),
    "nothing": "{}",
}


@pytest.mark.usefixtures("unrun")
@pytest.mark.parametrize("case", MANIFESTS)
def test_where_a_manifest_is_none_the_checkpoint_before_is_taken(case: str, last: Path) -> None:
    (last / "manifest.json").write_text(MANIFESTS[case])
    found = checkpoint.latest(last.parent)
    assert found is not None
    assert found.step == 2


def test_a_clean_checkpoint_goes_on_and_its_names_are_all_there_is(clean: Path, last: Path) -> None:
    seal(last)
    assert goes_on(last.parent).state.step == training.STEPS
    assert {path.suffix for path in (clean / LAST).iterdir()} == {".json", ".safetensors", ".md"}
