"""A checkpoint's folder, looked at before anything of it is loaded: it may come from anybody.

Its manifest says that the files agree with each other, not that they are harmless: who can change a file can
change its digest. So links, unknown kinds of files (pickles among them), lying safetensors headers and
boundless JSON are refused by name. Whether its numbers fit the training, the training knows.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from whet.errors import InputError
from whet.models.distrust import read_config
from whet.models.tensorfile import check_safetensors

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch
    from torch import Tensor

WRITTEN = {".json", ".safetensors", ".md", ".txt", ".jinja", ".model"}
"""What whet, PEFT and transformers write; nothing else belongs into a checkpoint."""
NOT_OURS = "delete this checkpoint; the one before it is taken, or the training begins anew."


def check_entries(folder: Path) -> list[Path]:
    """The files of a checkpoint: plain ones only, inside it, of known kinds.

    Raises:
        InputError: says which entry.
    """
    files = []
    for path in (folder, *_entries(folder)):
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            refuse(path, "is a link, and whet writes none into a checkpoint")
        if stat.S_ISREG(mode):
            if path.suffix not in WRITTEN:
                refuse(path, "is no file that whet writes into a checkpoint")
            files.append(path)
        elif not stat.S_ISDIR(mode):
            refuse(path, "is neither a file nor a folder")
    return files


def _entries(folder: Path) -> Iterator[Path]:
    """All there is below a folder; links are not followed."""
    for place, folders, files in os.walk(folder):
        yield from (Path(place) / name for name in (*folders, *files))


def check_headers(files: list[Path]) -> None:
    """Refuse safetensors whose headers lie; errors as in ``check_safetensors``."""
    for path in files:
        if path.suffix == ".safetensors":
            check_safetensors(path)


def read_manifest(path: Path) -> dict[str, str]:
    """Digests by name.

    Raises:
        InputError: absent, damaged or no manifest.
    """
    value = read_config(path)
    if not all(isinstance(digest, str) for digest in value.values()):
        refuse(path, "is no list of digests by name")
    return value


Forms = Mapping[str, tuple["torch.Size", "torch.dtype"]]
"""Shapes and types of tensors by name."""


def forms(tensors: Mapping[str, Tensor]) -> Forms:
    return {name: (tensor.shape, tensor.dtype) for name, tensor in tensors.items()}


def check_tensors(
    folder: Path, held: Mapping[str, Mapping[str, Tensor]], wanted: Mapping[str, Forms]
) -> None:
    """Whether the files of a checkpoint hold what this training would have saved, the numbers apart.

    torch would copy a tensor of one number into a matrix, and one type into another, in silence.

    Raises:
        InputError: says which file and tensor.
    """
    if strange := sorted(held.keys() ^ wanted.keys()):
        refuse(folder / f"{strange[0]}.safetensors", "is absent, or is none of its files")
    for file, expected in wanted.items():
        found = forms(held[file])
        names = found.keys() | expected.keys()
        if wrong := sorted(name for name in names if found.get(name) != expected.get(name)):
            refuse(folder / f"{file}.safetensors", f"holds another {wrong[0]!r} than this training")


def refuse(where: object, what: str) -> NoReturn:
    raise InputError(f"{what}.", where=where, fix=NOT_OURS)
