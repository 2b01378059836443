"""Checkpoints: everything the next step depends on, in safetensors and JSON, whole or not there.

A checkpoint is a folder ``step-00000120`` with the trained weights, the optimizer, the generators and a
manifest of digests. It is made under another name, flushed file by file, and renamed: a kill at any moment
leaves it whole or leaves no such folder. Reading checks every digest first, and a folder that does not agree
is passed over for the one before it; what is hostile is refused (``inspection``). Knows no model: tensors and
JSON values go in and come out.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet.errors import InputError
from whet.models.distrust import read_config
from whet.store import file_digest, make_folder, sync_folder, world, write_json
from whet.train import inspection

if TYPE_CHECKING:
    from torch import Tensor

MANIFEST, STATE = "manifest.json", "state.json"
FOR_OTHERS = ("adapter_", "model")
"""How the weights' own files begin: PEFT and transformers read them, a training that goes on does not."""
_NAME = re.compile(r"step-(\d{8})")


@dataclass(frozen=True)
class Checkpoint:
    """What was saved after ``step`` steps."""

    step: int
    state: Mapping[str, Any]
    """JSON values: where the loop stands."""
    tensors: Mapping[str, Mapping[str, Tensor]]
    """By file: ``optimizer``, ``generators``, ..."""
    folder: Path


def save(
    root: Path,
    step: int,
    state: Mapping[str, Any],
    tensors: Mapping[str, Mapping[str, Tensor]],
    *,
    weights: Callable[[Path], None] | None = None,
) -> Path:
    """Write a checkpoint and return its folder.

    Args:
        root: where checkpoints stand.
        weights: writes further files into the folder it is given, such as PEFT's adapter.

    Raises:
        WorldError: full disk, read-only folder; checkpoints from before still stand.
    """
    final = root / f"step-{step:08d}"
    with becoming(final) as made:
        for name, group in tensors.items():
            _write_tensors(made / f"{name}.safetensors", group)
        write_json(made / STATE, dict(state))
        if weights:
            weights(made)
        _seal(made)
    return final


@contextlib.contextmanager
def becoming(final: Path) -> Iterator[Path]:
    """A folder that takes the name ``final``, whole, when the block ends; nothing is left of it if it fails.

    Raises:
        WorldError: full disk, read-only folder; what had the name before still stands.
    """
    for left in final.parent.glob(f".{final.name}.*"):  # by a kill
        shutil.rmtree(left, ignore_errors=True)
    made = make_folder(final.parent / f".{final.name}.{os.getpid()}")
    try:
        with _full_disk(made):
            yield made
        _flush(made)
        _take_place(made, final)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise


@contextlib.contextmanager
def _full_disk(folder: Path) -> Iterator[None]:
    """The safetensors library says in an error of its own that the system refused a write."""
    from safetensors import SafetensorError

    try:
        with world(folder):
            yield
    except SafetensorError as error:
        found = re.search(r"os error (\d+)", str(error))
        number = int(found[1]) if found else 0
        with world(folder):
            raise OSError(number, os.strerror(number) if found else str(error), str(folder)) from error


def _write_tensors(path: Path, group: Mapping[str, Tensor]) -> None:
    """Straight to the disk: a state of gigabytes is not copied in memory first."""
    from safetensors.torch import save_file

    save_file({name: tensor.contiguous() for name, tensor in group.items()}, path)


def _flush(folder: Path) -> None:
    with world(folder):
        for path in folder.rglob("*"):
            if path.is_file():
                with path.open("rb") as stream:
                    os.fsync(stream.fileno())


def _seal(folder: Path) -> None:
    """Write the manifest last."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    write_json(folder / MANIFEST, {str(path.relative_to(folder)): file_digest(path) for path in files})


def _take_place(made: Path, final: Path) -> None:
    with world(final):
        if final.exists():  # the same step, saved before a kill: the same bytes, or damaged ones
            shutil.rmtree(final)
        made.replace(final)
        sync_folder(final.parent)


def latest(root: Path) -> Checkpoint | None:
    """The newest checkpoint that is whole; None where there is none.

    Raises:
        InputError: it is hostile: it holds links, pickles, lying headers.
    """
    for folder in sorted(folders(root), reverse=True):
        if whole(folder):
            return read(folder)
    return None


def folders(root: Path) -> list[Path]:
    """Checkpoint folders, oldest first."""
    return sorted(path for path in root.glob("step-*") if _NAME.fullmatch(path.name)) if root.is_dir() else []


def whole(folder: Path) -> bool:
    """Whether every file of the manifest is there with its digest, and none that it does not name.

    Raises:
        InputError: an entry is a link, a device, or of a kind that whet does not write.
    """
    names = {str(path.relative_to(folder)) for path in inspection.check_entries(folder)} - {MANIFEST}
    try:
        manifest = inspection.read_manifest(folder / MANIFEST)
        return names == manifest.keys() and all(file_digest(folder / n) == d for n, d in manifest.items())
    except (InputError, OSError):
        return False


def read(folder: Path) -> Checkpoint:
    """A checkpoint that is whole.

    Raises:
        InputError: it is not, or it is hostile.
    """
    from safetensors.torch import load_file

    found = _NAME.fullmatch(folder.name)
    if found is None or not whole(folder):
        raise InputError(
            "is no whole checkpoint: a file is missing, or not what its manifest says.",
            where=folder,
            fix="resume from another, or start anew.",
        )
    inspection.check_headers(inspection.check_entries(folder))
    state = read_config(folder / STATE)
    ours = [path for path in folder.glob("*.safetensors") if not path.name.startswith(FOR_OTHERS)]
    tensors = {path.stem: load_file(path) for path in ours}
    return Checkpoint(int(found[1]), state, tensors, folder)


def retain(root: Path, keep: int, also: Collection[str] = ()) -> None:
    """Delete all but the newest ``keep`` checkpoints and those in ``also``, and what kills left behind."""
    old = folders(root)[:-keep] if keep else []
    for folder in [path for path in old if path.name not in also] + list(root.glob(".step-*")):
        shutil.rmtree(folder, ignore_errors=True)
