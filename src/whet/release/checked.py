"""Files that are what was approved: hashed while they are copied, and loaded from the copy.

Nobody can put another file in place between the check and the load, because what is loaded is what was
hashed, in a folder that only this user may enter. A base model is too large to copy each time: it is hashed
where it lies, and after the load its files must be the same ones, unwritten since before the hash (inode,
size, and both times of ``stat(2)``; the time of the last change of status can be set by nobody). Knows no
registry.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from whet.errors import InputError, Refused
from whet.release.made_of import Base, files_of_base
from whet.store import CHUNK, file_digest, make_folder, world

TICK_NS = 20_000_000
"""Files that changed less than this before they are looked at are looked at later: two changes within one
tick of a file system's clock look like one."""


def copy_checked(source: Path, target: Path, files: Mapping[str, str]) -> None:
    """Copy files, each of which must have its digest.

    Args:
        target: a folder that nobody else may write to.
        files: digests by name; nothing else is copied.

    Raises:
        Refused: a file is absent, a link, or not the one that was approved. What was copied is no use then.
    """
    for name, digest in files.items():
        place = target / name
        if not place.resolve().is_relative_to(target.resolve()):
            raise Refused(f"{name!r} leads out of the folder.", where=source)
        make_folder(place.parent)
        if _copy(source / name, place) != digest:
            raise altered(source / name)


def altered(path: Path) -> Refused:
    """The refusal of a file that is not the one that was approved."""
    return Refused(
        "is not the file that was approved: it was changed or replaced.",
        where=path,
        fix="restore it, or release and approve again what is there now.",
    )


def _copy(source: Path, target: Path) -> str:
    """SHA-256 of the bytes that were copied."""
    digest = hashlib.sha256()
    try:
        handle = os.open(source, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError as error:
        raise Refused(
            f"cannot be read: {error.strerror}. It was there when it was approved.", where=source
        ) from error
    with os.fdopen(handle, "rb") as stream, world(target), target.open("xb") as out:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
            out.write(chunk)
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Fence:
    """Files that were hashed where they lie, and how they looked just before."""

    looks: Mapping[Path, tuple[int, ...]]

    def check(self) -> None:
        """Call it after the load.

        Raises:
            Refused: a file was written or replaced since before it was hashed.
        """
        for path, look in self.looks.items():
            if _look(path) != look:
                raise altered(path)


def fenced(bases: Iterable[Base]) -> Fence:
    """Hash every file of base models that are not copied.

    Raises:
        Refused: a file is not the one that was approved, was added, or is gone.
    """
    looks: dict[Path, tuple[int, ...]] = {}
    for base in bases:
        if base.files:
            looks |= _fence_one(base)
    return Fence(looks)


def _fence_one(base: Base) -> dict[Path, tuple[int, ...]]:
    try:
        paths = files_of_base(base.name)
    except InputError as error:
        raise Refused(f"the base model {base.name} is not here: {error.what}", fix=error.fix) from error
    if other := sorted(paths.keys() ^ base.files.keys()):
        what = (
            f"the base model {base.name} has other files than when it was approved: {', '.join(other[:3])}."
        )
        raise Refused(what, fix="fetch the same revision again, or release and approve again.")
    looks = {path: _settled(path) for path in paths.values()}
    for name, path in paths.items():
        if file_digest(path) != base.files[name]:
            raise altered(path)
    return looks


def _settled(path: Path) -> tuple[int, ...]:
    """How a file looks, once its last change is long enough ago that the next would show."""
    look = _look(path)
    if abs(time.time_ns() - max(look[-2:])) < TICK_NS:
        time.sleep(TICK_NS / 1e9)
        return _look(path)
    return look


def _look(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


@dataclass(frozen=True, slots=True)
class Held:
    """A private copy of a specialist's files, as they were approved."""

    folder: Path
    fence: Fence

    def check(self) -> None:
        """Call it once everything is loaded and before anything is answered; errors as in ``Fence.check``."""
        self.fence.check()

    def close(self) -> None:
        """Remove the copy, once nothing of it will be opened any more; what is mapped into memory stays."""
        shutil.rmtree(self.folder, ignore_errors=True)


def held(source: Path, files: Mapping[str, str], bases: Iterable[Base]) -> Held:
    """Copy a specialist's files privately and hash its bases.

    Raises:
        Refused: as in ``copy_checked`` and ``fenced``.
    """
    folder = Path(tempfile.mkdtemp(prefix="whet-release-"))  # mode 0700
    try:
        copy_checked(source, folder, files)
        return Held(folder, fenced(bases))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
