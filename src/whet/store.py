"""Files written whole or not at all, digests, and the lock on a folder.

Knows nothing of what the files mean. A write goes to a neighbour, is flushed to the disk, and takes
the name in one step (``rename(2)``), so that a kill or a full disk leaves the old file or the new.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from whet.errors import InputError, WorldError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

CHUNK = 1 << 20


@contextlib.contextmanager
def world(path: Path) -> Iterator[None]:
    """Turn the operating system's refusals on ``path`` into a WorldError that says what to do."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise WorldError(
            f"cannot write: {reason}.",
            where=error.filename or path,
            fix="free space or choose a writable place with --out, then run the same command again: "
            "finished steps are kept.",
        ) from error


def make_folder(folder: Path) -> Path:
    """Create ``folder`` and its parents."""
    with world(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextlib.contextmanager
def writing(path: Path) -> Iterator[BinaryIO]:
    """A stream that becomes ``path``, whole, when the block ends; nothing is left of it if the block fails.

    Raises:
        WorldError: full disk, read-only folder. The old file, if any, still stands.
    """
    with world(path):
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as out:
                yield out
                out.flush()
                os.fsync(out.fileno())
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def write_bytes(path: Path, data: bytes) -> None:
    """Write ``path`` whole or not at all; errors as in ``writing``."""
    with writing(path) as out:
        out.write(data)


def sync_folder(folder: Path) -> None:
    """Make the rename itself durable (POSIX only; elsewhere it is a no-op)."""
    flag = getattr(os, "O_DIRECTORY", None)
    if flag is None:
        return
    handle = os.open(folder, os.O_RDONLY | flag)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_text(path: Path, text: str) -> None:
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, ensure_ascii=False, indent=1, sort_keys=False) + "\n")


def write_jsonl(path: Path, rows: Iterable[Any]) -> None:
    write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def read_json(path: Path) -> Any:
    """Read JSON that whet wrote; a damaged file is an error with its place."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read: {error.strerror}.", where=path) from error
    except ValueError as error:
        raise InputError(
            f"is not valid JSON: {error}.", where=path, fix="restore it, or start in a new folder."
        ) from error


def read_jsonl(path: Path) -> list[Any]:
    """Read JSON lines that whet wrote. Texts may hold U+2028 and its like: only \\n ends a line."""
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
    except OSError as error:
        raise InputError(f"cannot read: {error.strerror}.", where=path) from error
    except ValueError as error:
        raise InputError(
            f"is not valid JSONL: {error}.", where=path, fix="restore it, or choose another --out."
        ) from error


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def folder_digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file in a folder, by its path from there (``weights/model.safetensors``), sorted.
    ``value_digest`` of it stands for the whole folder.

    Raises:
        InputError: no folder, nothing in it, a link or something else that is no plain file.
    """
    if folder.is_symlink() or not folder.is_dir():
        raise InputError("is no folder.", where=folder, fix="name the folder itself.")
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise InputError("is a link, or no plain file.", where=path, fix="put the file itself there.")
        if path.is_file():
            found[path.relative_to(folder).as_posix()] = file_digest(path)
    if not found:
        raise InputError("is empty.", where=folder)
    return found


def value_digest(value: Any) -> str:
    """SHA-256 of a JSON value, whatever the order of its keys."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()


@contextlib.contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold the folder's lock. The system frees it when the process ends, however it ends.

    Raises:
        InputError: another process holds it.
    """
    import fcntl  # POSIX only; imported here so that reading works elsewhere

    path = folder / ".lock"
    with world(path):
        handle = path.open("a+", encoding="utf-8")
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InputError(
                "another run is at work in this folder.",
                where=folder,
                fix="wait for it, or choose another folder with --out.",
            ) from error
        yield
