"""``whet forget PERSON``: what a store and its runs hold of one person goes; releases trained on it are
named.

    value and its stand-ins -> traffic, reviews -> runs, their caches and derived sets -> releases -> audit
    log

The log says that it happened, when, by whom and how much, and not of whom. What was learned from the
person's rows is in the weights and cannot be taken out: those releases are listed, to be retired and trained
again. Files outside the store and its runs, such as the task's own data, are named and left to their owner.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import delete, func, or_, select, text, update

from whet.check.pii.patterns import find_personal
from whet.check.pii.pseudonyms import Pseudonyms
from whet.database import SENT, folded, opened, reading, writing
from whet.errors import InputError
from whet.monitor.erase import ERASED, Erased, Values, erase
from whet.monitor.private import mark_of, secret_of
from whet.monitor.tables import DECISIONS, ITEMS, METADATA, PROPOSALS, TRAFFIC
from whet.release import audit
from whet.release.registry import FOLDER, Registry
from whet.runs import MANIFEST

LEAST = 4  # characters: a shorter value is in too many texts by chance


@dataclass(frozen=True)
class Forgotten:
    """What was found of a person, and is gone."""

    requests: int
    reviews: int
    runs: tuple[Erased, ...]
    trained: tuple[str, ...]
    """Releases that learned from the person's rows."""
    holding: tuple[str, ...]
    """Files that still hold the person: of specialists, of releases' evidence, and what a browser sent."""
    pretended: bool

    def counts(self) -> dict[str, Any]:
        """For the audit log: how much, and nothing of whom."""
        return {
            "requests": self.requests,
            "reviews": self.reviews,
            "examples": sum(run.rows for run in self.runs),
            "files": sum(len(run.files) for run in self.runs),
            "releases": list(self.trained),
        }


def forget(home: Path, person: str, runs: Sequence[Path], *, by: str, pretend: bool = False) -> Forgotten:
    """Take a person out of a store and of runs.

    Args:
        person: a name, an address, a number or the id under which the caller knows the person.
        runs: folders with runs in them, or runs; those of the store's releases are looked at anyway.
        pretend: change nothing, say what would go.

    Raises:
        InputError: too short a value, or nobody is named who asks for it.
    """
    if len(person.strip()) < LEAST or not by.strip():
        what = f"a value of fewer than {LEAST} characters is in too many texts by chance."
        raise InputError(
            what if by.strip() else "nobody is named who does it.", fix="name both: PERSON --by NAME."
        )
    values = values_of(home, person.strip())
    registry = Registry(home)
    folders = _runs(runs, [one.source for one in registry.releases()], home)
    done = tuple(erase(folder, values, pretend=pretend) for folder in folders)
    touched = {one.folder.resolve() for one in done if one.trained}
    trained = tuple(one.id for one in registry.releases() if one.source.resolve() in touched)
    requests, reviews = _tables(home, values, mark_of(home, person), pretend)
    holding = [f"{one.folder / file}" for one in done for file in one.holding]
    holding += [str(path) for path in _in_store(home, values)]
    found = Forgotten(requests, reviews, done, trained, tuple(holding), pretend)
    if not pretend:
        audit.append(home, "person.forgotten", by, found.counts())
    return found


def values_of(home: Path, person: str) -> Values:
    """The value and all that stands for it in the store."""
    made = Pseudonyms(secret_of(home))
    kinds = {
        kind for spans in find_personal([person]) for start, end, kind in spans if end - start == len(person)
    }
    stand_ins = {made.stand_in(kind, person) for kind in kinds | {"PERSON"}}
    return Values([person, *sorted(one for one in stand_ins if len(one) >= LEAST and one != person)])


def _runs(named: Sequence[Path], sources: Sequence[Path], home: Path) -> list[Path]:
    """Run folders, and the data folders of retrainings beside them."""
    found = {path.resolve() for path in sources if (path / MANIFEST).is_file()}
    for folder in named:
        found |= {path.parent.resolve() for path in folder.rglob(MANIFEST)} if folder.is_dir() else set()
    with reading(opened(home, METADATA)) as connection:
        retrained = [Path(run) for run in connection.scalars(select(PROPOSALS.c.run)) if run]
    found |= {path.resolve() for path in retrained if path.is_dir()}
    beside = {path.parent / f"{path.name}-data" for path in found}
    return sorted(found | {path for path in beside if path.is_dir()})


def _tables(home: Path, values: Values, mark: str, pretend: bool) -> tuple[int, int]:
    """Requests and reviews of the person; those that are about something else lose only their texts."""
    engine = opened(home, METADATA)
    texts = [
        TRAFFIC.c[name] for name in ("input", "output", "label", "comment", "truth", "shadow_output", "id")
    ]
    fold = func.folded if engine.dialect.name == "sqlite" else func.lower  # SQLite's knows ASCII only
    theirs = or_(TRAFFIC.c.person == mark, *(_like(fold(column), values) for column in texts))
    said = or_(*(_like(fold(DECISIONS.c[name]), values) for name in ("output", "comment", "reviewer")))
    with writing(engine) as connection:
        ids = select(TRAFFIC.c.id).where(theirs)
        items = ITEMS.c.request.in_(ids)
        requests = connection.execute(select(func.count()).select_from(TRAFFIC).where(theirs)).scalar_one()
        reviews = connection.execute(select(func.count()).select_from(DECISIONS).where(said)).scalar_one()
        reviews += connection.execute(select(func.count()).select_from(ITEMS).where(items)).scalar_one()
        if not pretend:
            for name in ("output", "comment", "reviewer"):
                theirs_too = _like(fold(DECISIONS.c[name]), values)
                connection.execute(update(DECISIONS).where(theirs_too).values({name: ERASED}))
            connection.execute(delete(ITEMS).where(items))
            connection.execute(delete(TRAFFIC).where(theirs))
    if not pretend and requests + reviews:
        with reading(engine) as connection:  # deleted rows stand in the file until it is written anew
            connection.execute(text("VACUUM"))
    return int(requests), int(reviews)


def _like(column: Any, values: Values) -> Any:
    return or_(*(column.contains(folded(value), autoescape=True) for value in values.values))


def _in_store(home: Path, values: Values) -> list[Path]:
    """Files of releases that hold the person: they are bound by digests, and go with the release; and files
    that a browser sent: they are their sender's to change."""
    folders = [folder for folder in (home / FOLDER, home / SENT) if folder.is_dir()]
    paths = sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())
    return [path for path in paths if any(value.encode() in path.read_bytes() for value in values.values)]
