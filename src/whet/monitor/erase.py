"""A person taken out of folders: rows of examples and scores go, texts elsewhere are blanked, caches are
dropped.

What a file is for decides: of JSON lines the rows with the person go; in JSON their texts become
``[erased]``; pages and caches are made anew by the run, and go as a whole. A specialist's own files stay as
they are, for a release is bound to their digests: those that hold the person are named. It knows values, no
tables.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from whet.store import write_json, write_jsonl

ERASED = "[erased]"
RUNGS = "04-rungs"
CACHE = "cache"
PAGES = frozenset({".html", ".md"})
TEXTS = frozenset({".json", ".jsonl", ".html", ".md", ".csv", ".tsv", ".txt", ".yaml", ".yml"})


@dataclass(frozen=True)
class Values:
    """What a person is called: the value itself and its stand-ins."""

    values: Sequence[str]

    def inside(self, text: str) -> bool:
        folded = text.casefold()
        return any(value.casefold() in folded for value in self.values)

    def anywhere(self, value: Any) -> bool:
        """In any text of a nested value, keys included."""
        return any(self.inside(text) for text in _texts(value))

    def blanked(self, value: Any) -> Any:
        """The nested value with every text that has the person blanked."""
        if isinstance(value, dict):
            return {self.blanked(key): self.blanked(part) for key, part in value.items()}
        if isinstance(value, list):
            return [self.blanked(part) for part in value]
        return ERASED if isinstance(value, str) and self.inside(value) else value


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, part in value.items():
            yield key
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)


@dataclass
class Erased:
    """What was done in one run folder."""

    folder: Path
    rows: int = 0
    """Examples that went."""
    trained: int = 0
    """Of these, those that something learned from."""
    files: list[str] = field(default_factory=list)
    """Files that were changed or removed."""
    holding: list[str] = field(default_factory=list)
    """Files of specialists that still hold the person: fit them again."""


def erase(folder: Path, person: Values, *, pretend: bool = False) -> Erased:
    """Take a person out of a run folder.

    Args:
        pretend: change nothing; say what would be changed.
    """
    done = Erased(folder)
    gone = _examples(folder, person, done, pretend)
    digests = {hashlib.sha256(text.encode("utf-8", errors="surrogatepass")).hexdigest() for text in gone}
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()):
        inside = path.relative_to(folder)
        if inside.parts[0] == RUNGS:
            if _holds(path, person):
                done.holding.append(str(inside))
        elif _clean(path, inside, person, digests, pretend):
            done.files.append(str(inside))
    return done


def _examples(folder: Path, person: Values, done: Erased, pretend: bool) -> set[str]:
    """Count the examples with the person; their inputs."""
    path = folder / "01-examples.jsonl"
    if not path.is_file():
        return set()
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
    gone = [row for row in rows if person.anywhere(row)]
    done.rows = len(gone)
    done.trained = sum(row.get("side") != "test" for row in gone)
    return {str(row["input"]) for row in gone}


def _clean(path: Path, inside: Path, person: Values, digests: set[str], pretend: bool) -> bool:
    """Clean one file; whether there was something to clean."""
    if inside.parts[0] == CACHE:
        dirty = _holds(path, person) or (bool(digests) and _names_one(path, digests))
        if dirty and not pretend:
            path.unlink()
        return dirty
    if not _holds(path, person):
        return False
    if not pretend:
        _rewrite(path, person)
    return True


def _rewrite(path: Path, person: Values) -> None:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".jsonl":
        rows = [json.loads(line) for line in text.split("\n") if line]
        write_jsonl(path, [row for row in rows if not person.anywhere(row)])
    elif path.suffix == ".json":
        write_json(path, person.blanked(json.loads(text)))
    else:
        path.unlink()


def _holds(path: Path, person: Values) -> bool:
    """Whether a file has the person in its text; of binary files, in their bytes."""
    data = path.read_bytes()
    if path.suffix in TEXTS:
        text = data.decode("utf-8", errors="replace")
        return person.inside(text) or (path.suffix in {".json", ".jsonl"} and person.inside(_unescaped(text)))
    return any(value.encode() in data for value in person.values)


def _unescaped(text: str) -> str:
    """JSON text with its escapes read, as far as they are letters: ``\\u00fc`` is ü."""
    try:
        return json.dumps([json.loads(line) for line in text.split("\n") if line], ensure_ascii=False)
    except ValueError:
        return text


def _names_one(path: Path, digests: set[str]) -> bool:
    """Whether a shard of vectors is of one of these texts: it names their digests."""
    data = path.read_bytes()
    return any(digest.encode() in data for digest in digests)
