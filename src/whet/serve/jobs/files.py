"""Uploaded files: bytes in the store's folder, what they are in a table.

    store/files/file-abc.jsonl, written whole or not at all

Purposes that nothing here reads are refused by name, as is a training file that is no JSONL; what its rows
must look like is said when a job begins. Source: OpenAI's Files API. Knows no job.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from whet.database import opened, reading, writing
from whet.serve.faults import Fault, bad
from whet.serve.jobs.rows import LONGEST_PAGE, found, new_id, now, page, unix
from whet.serve.jobs.tables import FILES, METADATA
from whet.store import CHUNK, make_folder
from whet.store import writing as writing_file

if TYPE_CHECKING:
    from sqlalchemy import Engine

FOLDER = "files"
UPLOADED = ("fine-tune", "evals")
RESULTS = "fine-tune-results"
PURPOSES = (*UPLOADED, RESULTS)
LONGEST_NAME = 255
MOST_FILES = 10_000
LONGEST_LIST = 10_000


@dataclass(frozen=True, slots=True)
class Kept:
    """A file as the table has it."""

    id: str
    filename: str
    purpose: str
    path: Path
    bytes: int


class Files:
    """The files of a store."""

    def __init__(self, home: Path, engine: Engine | None = None) -> None:
        self.folder = home / FOLDER
        self._engine = engine or opened(home, METADATA)

    def add(self, filename: str, purpose: str, stream: BinaryIO, *, owner: str) -> dict[str, Any]:
        """Keep a file.

        Raises:
            Fault: a purpose that there is not, a name or ending that cannot be, nothing in it.
        """
        _check_upload(filename, purpose)
        id_ = new_id("file-")
        size, digest = self._write(self.path(id_), stream)
        if not size:
            self.path(id_).unlink()
            raise bad("The file is empty.", "file", "empty_file")
        return self._noted(id_, filename, purpose, size, digest, owner)

    def add_bytes(self, filename: str, purpose: str, data: bytes, *, owner: str) -> str:
        """Keep what whet itself has made.

        Returns:
            its id.
        """
        from io import BytesIO

        id_ = new_id("file-")
        size, digest = self._write(self.path(id_), BytesIO(data))
        self._noted(id_, filename, purpose, size, digest, owner)
        return id_

    def listed(
        self,
        *,
        purpose: str | None = None,
        after: str | None = None,
        limit: int = LONGEST_LIST,
        order: str = "desc",
    ) -> dict[str, Any]:
        """A page of files, all or of one purpose."""
        where = [] if purpose is None else [FILES.c.purpose == purpose]
        longest = max(LONGEST_PAGE, LONGEST_LIST)
        with reading(self._engine) as connection:
            return page(
                connection, FILES, shown, *where, after=after, limit=limit, order=order, longest=longest
            )

    def show(self, id_: str) -> dict[str, Any]:
        with reading(self._engine) as connection:
            return shown(found(connection, FILES, id_, no_file(id_)))

    def get(self, id_: str) -> Kept:
        """A file to read.

        Raises:
            Fault: there is none.
        """
        with reading(self._engine) as connection:
            row = found(connection, FILES, id_, no_file(id_))
        return Kept(row["id"], row["filename"], row["purpose"], self.path(id_), row["bytes"])

    def delete(self, id_: str) -> dict[str, Any]:
        """Remove a file for good."""
        from sqlalchemy import delete

        with writing(self._engine) as connection:
            found(connection, FILES, id_, no_file(id_))
            connection.execute(delete(FILES).where(FILES.c.id == id_))
        self.path(id_).unlink(missing_ok=True)
        return {"id": id_, "object": "file", "deleted": True}

    def path(self, id_: str) -> Path:
        """Where a file's bytes lie; its name is the id, never what a client called it."""
        return self.folder / f"{id_}.jsonl"

    def _write(self, path: Path, stream: BinaryIO) -> tuple[int, str]:
        """Bytes written, and their SHA-256."""
        make_folder(self.folder)
        size, digest = 0, hashlib.sha256()
        with writing_file(path) as out:
            while chunk := stream.read(CHUNK):
                size += len(chunk)
                digest.update(chunk)
                out.write(chunk)
        return size, digest.hexdigest()

    def _noted(
        self, id_: str, filename: str, purpose: str, size: int, digest: str, owner: str
    ) -> dict[str, Any]:
        from sqlalchemy import insert

        row: dict[str, Any] = {"id": id_, "created_at": now(), "owner": owner, "filename": filename}
        row |= {"purpose": purpose, "bytes": size, "sha256": digest}
        with writing(self._engine) as connection:
            connection.execute(insert(FILES).values(row))
        return shown(row)


def shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """``FileObject``."""
    return {
        "id": row["id"],
        "object": "file",
        "bytes": row["bytes"],
        "created_at": unix(row["created_at"]),
        "expires_at": None,
        "filename": row["filename"],
        "purpose": row["purpose"],
        "status": "processed",
        "status_details": None,
    }


def no_file(id_: str) -> Fault:
    return Fault(404, f"No such File object: {id_[:60]}", param="id", code="file_not_found")


def _check_upload(filename: str, purpose: str) -> None:
    if purpose not in UPLOADED:
        raise bad(f"'{purpose[:40]}' is not one of {list(UPLOADED)} - 'purpose'", "purpose")
    if not filename or len(filename) > LONGEST_NAME or not filename.isprintable():
        raise bad(f"A file's name has 1 to {LONGEST_NAME} printable characters.", "file")
    if not filename.lower().endswith(".jsonl"):
        raise bad("Invalid file format for Fine-Tuning API. Must be .jsonl", "file", "invalid_file_format")
