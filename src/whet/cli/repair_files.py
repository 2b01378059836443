"""Files of a repair: what is read beside the subject, and a folder that is written whole or not at all.

The rows that are written are those of the source as its reader gives them, so that every column survives.
All new files are made in a folder within OUT first and then take their names. Knows no rules.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet.check.places import Row
from whet.data.formats import named_part, read_rows
from whet.data.writing import write_rows
from whet.errors import InputError
from whet.repair.decisions import read_answers
from whet.store import read_json, world

if TYPE_CHECKING:
    from whet.check.findings import Report
    from whet.check.subject import Broken, Subject
    from whet.repair.card import About
    from whet.repair.items import Choices

CARD, REVIEW = "data-card.json", "review.csv"
STAGE = ".part"
LINES = (".jsonl", ".ndjson", ".csv", ".tsv")  # containers in which a broken record has a line to show
WRITABLE = (*LINES, ".json", ".xlsx", ".parquet")


@dataclass(frozen=True, slots=True)
class Material:
    """What is repaired: the rows of one file, what they mean, and what the checks found in them."""

    source: Path
    rows: Sequence[Row]
    """As they came, one for each row of ``subject``."""
    subject: Subject
    report: Report
    about: About
    unread: Mapping[str, str] = field(default_factory=dict)
    """``file:line`` of a broken record to its line as it stands."""
    accepted: tuple[str, ...] = ()
    """Blocking findings that the task goes on with."""


@dataclass(frozen=True, slots=True)
class Writing:
    """How repaired rows are written, in the container that the source has."""

    name: str
    """``repaired.csv``"""
    write: Callable[[Path, Sequence[Row]], Any] = write_rows
    recheck: Callable[[Path], tuple[Subject, Report]] | None = None
    """Checks the repaired file, for the card; without it the card has the findings of before."""


def raw_rows(source: Path, subject: Subject) -> list[Row]:
    """The rows of a file as they came, one for each row of its subject.

    Raises:
        InputError: the file has changed since the subject was made of it.
    """
    wanted = set(subject.lines)
    by_line = {row.line: row.values for row in read_rows(source, broken=[]) if row.line in wanted}
    if len(by_line) != len(subject) or {*subject.files} - {source.name}:
        raise InputError("its rows are not those that were checked.", where=source, fix="run it again.")
    return [by_line[line] for line in subject.lines]


def unread_lines(source: Path, broken: Iterable[Broken]) -> dict[str, str]:
    """``file:line`` of broken records to their lines, where the container has lines."""
    wanted = {found.source for found in broken}
    if not wanted or source.suffix.lower() not in LINES:
        return {}
    with source.open(encoding="utf-8", errors="replace", newline="\n") as stream:
        numbered = ((f"{source.name}:{number}", line) for number, line in enumerate(stream, start=1))
        return {place: line.rstrip("\r\n") for place, line in numbered if place in wanted}


def secret_of(source: Path) -> bytes:
    """What stand-ins are made with: the same for the same files, and known to nobody who does not have them.

    It is not the digest that the data card shows: that one would let anybody try out values.
    """
    secret = hmac.new(b"whet stand-ins", digestmod="sha256")
    for path in files_of(source):
        with path.open("rb") as stream:
            hashlib.file_digest(stream, lambda: secret)
    return secret.digest()


def files_of(source: Path) -> list[Path]:
    """The files that examples come from: one, those of a folder, none for an id of the hub."""
    file, _ = named_part(source)
    found = sorted(file.rglob("*")) if file.is_dir() else [file]
    return [path for path in found if path.is_file()]


def container(source: Path) -> str:
    """``repaired.csv`` for ``tickets.csv``; JSON lines for what is only read (SQLite, zip, the hub)."""
    packed = ".gz" if source.suffix.lower() == ".gz" else ""
    ending = Path(source.stem).suffix.lower() if packed else source.suffix.lower()
    writable = ending in WRITABLE and not (packed and ending in {".xlsx", ".parquet"})
    return f"repaired{ending}{packed}" if writable else "repaired.jsonl"


def usable(out: Path, material: Material, choices: Choices) -> None:
    """Refuse a folder of other things, of another data set, or with decisions that would be lost."""
    if out.is_file():
        raise InputError("is a file; a repair needs a folder.", where=out, fix="choose another --out.")
    here = {path.name for path in out.iterdir()} - {".lock", STAGE} if out.is_dir() else set()
    if not here:
        return
    of = read_json(out / CARD).get("repair_of") if CARD in here else None
    if of != way(out, material.source):
        other = f"the repair of {of}" if of else f"other things ({', '.join(sorted(here)[:3])}, ...)"
        fix = "choose an empty or new folder with --out."
        raise InputError(f"the folder holds {other}.", where=out, fix=fix)
    if REVIEW in here:
        _kept(out / REVIEW, choices)


def _kept(review: Path, choices: Choices) -> None:
    """Decisions that stand in OUT must be among those given: the file will be written anew."""
    given = {(answer.id, answer.written) for answer in choices.decisions}
    lost = [a for a in read_answers(review) if (a.id, a.written) not in given]
    if lost:
        raise InputError(
            f"holds {len(lost):,} decision(s) that were not given.",
            where=review,
            fix=f"add --decisions {review}, or choose another --out.",
        )


def way(out: Path, source: Path) -> str:
    """The way from OUT to the source: it says which file this is a repair of, on any machine."""
    return Path(os.path.relpath(source.resolve(), out.resolve())).as_posix()


def fresh(stage: Path) -> Path:
    """An empty folder; what a killed run left in it goes."""
    with world(stage):
        shutil.rmtree(stage, ignore_errors=True)
        stage.mkdir()
    return stage


def publish(stage: Path, out: Path) -> None:
    """Give every file its name, the card first: from then on the folder is known as ours."""
    with world(out):
        for path in sorted(stage.iterdir(), key=lambda p: (p.name != CARD, p.name)):
            path.replace(out / path.name)
        stage.rmdir()
