"""Documents from files: text, Markdown, HTML, and JSONL with one document a line.

A folder is read whole, in the order of its names; what is no document in it is counted and said. The digest
is of names and texts, so that the same documents have the same one anywhere. Knows no passages and no task.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from whet.data.formats import read_table, read_text
from whet.errors import InputError
from whet.store import value_digest

if TYPE_CHECKING:
    from whet.config_knowledge import Knowledge
    from whet.data.formats import Table

KINDS = {".txt": "text", ".text": "text", ".md": "markdown", ".markdown": "markdown"}
KINDS |= {".html": "html", ".htm": "html", ".jsonl": "jsonl", ".ndjson": "jsonl"}
TEXTS = ("text", "content", "body", "passage", "context", "document")
"""Columns of a JSONL document's text; the first that is there."""
TITLES = ("title", "heading", "name", "question")


@dataclass(frozen=True, slots=True)
class Document:
    """One document, as it was read."""

    name: str
    """Its path beside the folder that was named, so that it is the same on every machine."""
    text: str
    kind: str = "text"
    """``text``, ``markdown`` or ``html``"""
    line: int = 1
    """Where it begins in its file."""
    title: str = ""


@dataclass(frozen=True)
class Documents:
    """All documents of a task, and how they are to be cut."""

    found: tuple[Document, ...]
    words: int = 120
    overlap: int = 20
    notes: tuple[str, ...] = ()

    @cached_property
    def digest(self) -> str:
        """SHA-256 of names, titles and texts."""
        return value_digest([[one.name, one.line, one.title, one.text] for one in self.found])

    def said(self) -> tuple[str, ...]:
        """Which documents these are, and what was left out."""
        return (f"`knowledge`: {len(self.found):,} documents, digest {self.digest[:12]}", *self.notes)


def read_documents(asked: Knowledge, folder: Path) -> Documents:
    """The documents that a task names; paths are relative to ``folder``.

    Raises:
        InputError: no such file, nothing in it, another kind of file, not UTF-8, a broken line.
    """
    notes: list[str] = []
    found = [one for name in asked.documents for one in _named(folder / name, notes)]
    if not found:
        raise InputError(
            "there is no text in them.",
            where=f"knowledge: {', '.join(asked.documents)}",
            fix="name files or folders of .txt, .md, .html or .jsonl.",
        )
    return Documents(tuple(found), asked.words, asked.overlap, tuple(notes))


def _named(path: Path, notes: list[str]) -> Iterator[Document]:
    """The documents of a file, or of all files of a folder."""
    if path.is_file():
        yield from _of_file(path, path.name)
        return
    if not path.is_dir():
        raise InputError(
            "no such file or folder.", where=path, fix="name the documents relative to the task file."
        )
    inside = sorted(one for one in path.rglob("*") if one.is_file() and not _hidden(one, path))
    others = [one for one in inside if one.suffix.lower() not in KINDS]
    for one in inside:
        if one.suffix.lower() in KINDS:
            yield from _of_file(one, one.relative_to(path.parent).as_posix())
    if others:
        notes.append(
            f"{len(others):,} of {len(inside):,} files in {path.name} are of no kind that is read, such "
            f"as {others[0].name}"
        )


def _hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def _of_file(path: Path, name: str) -> Iterator[Document]:
    kind = KINDS.get(path.suffix.lower())
    if kind is None:
        raise InputError(
            f"documents of the kind {path.suffix or '(no ending)'} are not read.",
            where=path,
            fix=f"save it as one of {', '.join(KINDS)}.",
        )
    if kind == "jsonl":
        yield from _of_rows(read_table(path), name)
        return
    text = read_text(path) if path.stat().st_size else ""
    if text.strip():
        yield Document(name, text, kind)


def _of_rows(table: Table, name: str) -> Iterator[Document]:
    """A document a line."""
    column = _first(table.columns, TEXTS)
    if column is None:
        raise InputError(
            f"there is no column with a text; there are {', '.join(table.columns)}.",
            where=table.path,
            fix=f"name it one of {', '.join(TEXTS)}.",
        )
    title = _first([one for one in table.columns if one != column], TITLES)
    for row in table.rows:
        if (text := row.text(column)).strip():
            yield Document(name, text, line=row.line, title=row.text(title) if title else "")


def _first(columns: Sequence[str], known: Sequence[str]) -> str | None:
    return next((name for name in known if name in columns), None)
