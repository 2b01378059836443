"""What can be done to a release that must never be served: for every test of a way to serve one.

    @pytest.mark.parametrize(("spoil", "rung"), SPOILT)

Each takes a registry, a finished run and a rung, and gives the id of the release that it spoilt; its name is
``small-tickets`` and its alias ``ft:one``. ``good`` is the control.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.releases import APPROVER, approved, put_forward
from whet.database import FILE
from whet.release import audit, kept
from whet.release.registry import FOLDER, Registry
from whet.store import file_digest

Spoil = Callable[[Registry, Path, str], str]
"""What was done to a release of a rung; its id."""


def unapproved(registry: Registry, run: Path, rung: str) -> str:
    return put_forward(registry, run, rung, alias="ft:one").id


def good(registry: Registry, run: Path, rung: str) -> str:
    """The control: nothing was done to it."""
    return approved(registry, run, rung, alias="ft:one").id


def retired(registry: Registry, run: Path, rung: str) -> str:
    return registry.retire(good(registry, run, rung), by=APPROVER).id


def file_of(registry: Registry, one: str, name: str = "specialist.json") -> Path:
    return registry.home / FOLDER / one / kept.SPECIALIST / name


def changed_file(registry: Registry, run: Path, rung: str) -> str:
    one = good(registry, run, rung)
    relabel(file_of(registry, one))
    return one


def relabel(path: Path) -> None:
    """Another answer, of the same length."""
    text = path.read_text()
    path.write_text(text.replace("parcel", "letter").replace("refund", "parcel").replace("login", "logon"))


def changed_weights(registry: Registry, run: Path, rung: str) -> str:
    one = good(registry, run, rung)
    path = next(file_of(registry, one).parent.glob("*.safetensors"))
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    return one


def removed_file(registry: Registry, run: Path, rung: str) -> str:
    one = good(registry, run, rung)
    file_of(registry, one).unlink()
    return one


def linked_file(registry: Registry, run: Path, rung: str) -> str:
    one = good(registry, run, rung)
    path = file_of(registry, one)
    shutil.move(path, registry.home / "elsewhere.json")
    path.symlink_to(registry.home / "elsewhere.json")
    return one


def changed_with_its_digest(registry: Registry, run: Path, rung: str) -> str:
    """The file and all that the table says of it."""
    one = changed_file(registry, run, rung)
    digest = file_digest(file_of(registry, one))
    change_table(registry, one, lambda made: made["files"].update({"specialist.json": digest}))
    return one


def changed_base(registry: Registry, run: Path, rung: str) -> str:
    """The table names another base than the one that was approved."""
    one = good(registry, run, rung)
    change_table(registry, one, lambda made: made["bases"].clear())
    return one


def change_table(registry: Registry, one: str, change: Callable[[dict[str, Any]], None]) -> None:
    with sqlite3.connect(registry.home / FILE) as database:
        made = json.loads(database.execute("SELECT made_of FROM releases WHERE id = ?", [one]).fetchone()[0])
        change(made)
        database.execute("UPDATE releases SET made_of = ? WHERE id = ?", [json.dumps(made), one])


def changed_log(registry: Registry, run: Path, rung: str) -> str:
    """A candidate that somebody wrote an approval for, straight into the log."""
    one = unapproved(registry, run, rung)
    path = registry.home / audit.FILE
    lines = path.read_bytes().splitlines()
    value = {**json.loads(lines[-1]), "event": "release.approved", "who": "Mallory", "seq": len(lines) + 1}
    value["prev"] = hashlib.sha256(lines[-1]).hexdigest()
    path.write_bytes(path.read_bytes() + json.dumps(value, separators=(",", ":")).encode() + b"\n")
    return one


def lost_log(registry: Registry, run: Path, rung: str) -> str:
    one = good(registry, run, rung)
    (registry.home / audit.FILE).unlink()
    return one


SPOILT = (
    (unapproved, "floor"),
    (retired, "floor"),
    (changed_file, "floor"),
    (changed_weights, "fewshot"),
    (removed_file, "floor"),
    (linked_file, "floor"),
    (changed_with_its_digest, "floor"),
    (changed_base, "fewshot"),
    (changed_log, "floor"),
    (lost_log, "floor"),
)
