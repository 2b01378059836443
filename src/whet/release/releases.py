"""A release as a value: what the registry knows of one specialist, and how a row of its table says it.

Names, alias, trainer and state come from the audit log wherever the log knows the release: who changes the
table changes none of them. Knows no transitions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from whet.errors import InputError
from whet.release.history import CANDIDATE, TRIAL, Standing
from whet.release.made_of import Base, Digests, MadeOf
from whet.runs import now
from whet.store import value_digest

EVIDENCE = "evidence"
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
LONGEST_ALIAS = 200


@dataclass(frozen=True, slots=True)
class Release:
    """A specialist in the registry."""

    id: str
    """``tickets@3``"""
    name: str
    """What applications ask for; the live release of it answers."""
    alias: str | None
    """Another name for this one release, such as ``ft:...``."""
    task: str
    rung: str
    trained_by: str
    made_at: str
    state: str
    """candidate, approved, live, retired; trial, where it is in no registry."""
    since: str
    approved_by: str
    digests: Digests
    files: Mapping[str, str]
    """SHA-256 of every file of the specialist."""
    bases: tuple[Base, ...]
    evaluated_by: Mapping[str, str]
    """SHA-256 of every file that it was evaluated by."""
    reaches: str
    """What it runs or calls outside this machine; empty: nothing."""
    folder: Path
    """The specialist's files. Load them by ``Registry.load`` or ``Registry.hold`` only."""
    source: Path
    """The run that it came from; may be gone."""
    proposed: Mapping[str, Any] = field(default_factory=dict)
    """What the log says was added."""
    bound: Mapping[str, Any] = field(default_factory=dict)
    """What the log says was approved; empty before it was."""

    @property
    def trial(self) -> bool:
        """Whether nobody approved it: each reply has to say so."""
        return self.state == TRIAL

    @property
    def evidence(self) -> Path:
        """The folder of its evidence."""
        return self.source if self.trial else self.folder.parent / EVIDENCE

    def agrees_with(self, logged: Mapping[str, Any]) -> bool:
        """Whether the files named here are those of an entry of the log."""
        bases = [asdict(base) for base in self.bases]
        told = {
            **asdict(self.digests),
            "specialist": value_digest(dict(self.files)),
            "base": value_digest(bases),
            "evaluation": value_digest(dict(self.evaluated_by)),
        }
        return all(logged.get(name) == digest for name, digest in told.items())

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "folder": str(self.folder), "source": str(self.source)}


def row_of(id_: str, name: str, number: int, found: MadeOf) -> dict[str, Any]:
    """A row of the table."""
    return {
        "id": id_,
        "name": name,
        "number": number,
        "task": found.task,
        "rung": found.rung,
        "source": str(found.source.resolve()),
        "made_at": now(),
        "made_of": json.dumps(found.as_dict()),
    }


def release_of(row: Mapping[str, Any], folder: Path, standing: Standing | None) -> Release:
    """A row with what the log says; one that the log does not know is a candidate, and stays one."""
    made = json.loads(row["made_of"])
    standing = standing or Standing(row["id"], row["name"], CANDIDATE, row["made_at"])
    return Release(
        **{name: row[name] for name in ("id", "task", "rung", "made_at")},
        **{name: getattr(standing, name) for name in ("name", "alias", "trained_by", "state", "since")},
        approved_by=standing.approved_by,
        digests=Digests(**made["digests"]),
        files=made["files"],
        bases=tuple(Base(**base) for base in made["bases"]),
        evaluated_by=made["evidence"],
        reaches=made["reaches"],
        folder=folder,
        source=Path(row["source"]),
        proposed=standing.proposed,
        bound=standing.bound,
    )


def trial_of(found: MadeOf) -> Release:
    """A specialist that is in no registry."""
    name = slug(found.task)
    row = row_of(f"{TRIAL}:{name}", name, 0, found)
    return release_of(row, found.specialist, Standing(row["id"], name, TRIAL, row["made_at"]))


def checked_name(name: str) -> str:
    """A name that can stand in a folder, an id and a request.

    Raises:
        InputError: it cannot.
    """
    if not NAME.fullmatch(name):
        raise InputError(
            f"{name!r} cannot be a release's name.",
            where="name",
            fix="small letters, digits, '.', '_' and '-', at most 63, a letter or digit first.",
        )
    return name


def checked_alias(alias: str) -> str:
    """Another name of one release, which no name or id can be taken for; errors as in ``checked_name``."""
    if (
        NAME.fullmatch(alias)
        or "@" in alias
        or not alias.isprintable()
        or not 0 < len(alias) <= LONGEST_ALIAS
    ):
        raise InputError(
            f"{alias!r} cannot be an alias: it reads like a name or an id, or not at all.",
            where="alias",
            fix="a text with a ':' such as ft:base:team::job, at most 200 characters.",
        )
    return alias


def slug(task: str) -> str:
    """A task's name as a release's: ``Small tickets`` -> ``small-tickets``."""
    return re.sub(r"[^a-z0-9._]+", "-", task.lower()).strip("-._")[:63] or "specialist"
