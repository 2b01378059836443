"""What was started from a page: a run or a check as a command of its own, told in files, whoever looks.

    begin -> folder of the work -> worker (a process apart) -> whet run ... -> progress, lines, result, end

The folder lies in the store, outside the run's own, so that a run started here has the same files as one
started on a terminal. It survives the server: a page made anew reads the same files. Whether somebody works
is told by a lock that the system frees however the process ends. Knows no page.
"""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from whet.database import SENT
from whet.errors import InputError
from whet.store import make_folder, read_json, write_json
from whet.web.worker import ENDED, JOB, LOG, PROGRESS, STOP, at_work

ID = re.compile(r"[0-9a-f]{16}")
LINES = 40
"""Lines of what the command said that are shown."""
SHOWN = 50
"""Works that are listed."""
TAIL = 16 << 10
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Work:
    """One command that a page started."""

    id: str
    kind: str
    """``run`` or ``check``."""
    name: str
    """Of the folder that it makes, among the runs."""
    file: str
    """What was uploaded, as it was called."""
    arguments: tuple[str, ...]
    """Of ``whet``."""
    by: str
    at: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How it stands."""

    state: str
    """``waiting``, ``running``; ``done``, ``no`` (whet says no), ``failed``, ``stopped``, ``interrupted``."""
    what: str
    done: int
    total: int
    seconds: float
    left: float | None
    lines: tuple[str, ...]

    @property
    def over(self) -> bool:
        return self.state not in ("waiting", "running")


STATES = {0: "done", 1: "no", 130: "stopped"}


def begin(home: Path, work: Work) -> Work:
    """Write the work down and start it."""
    folder = make_folder(home / SENT / work.id)
    write_json(folder / JOB, asdict(work))
    start(folder)
    return work


def start(folder: Path) -> None:
    """Start a worker that outlives this process, or go on where one ended."""
    (folder / ENDED).unlink(missing_ok=True)
    (folder / STOP).unlink(missing_ok=True)
    write_json(folder / PROGRESS, {"what": "starting", "done": 0, "total": 1, "seconds": 0.0, "left": None})
    with (folder / LOG).open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "whet.web.worker", str(folder.resolve())],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    threading.Thread(target=child.wait, name="worker", daemon=True).start()  # so that none stays as a zombie


def stop(home: Path, id_: str) -> None:
    """Ask the worker to end; finished steps are kept."""
    folder = folder_of(home, id_)
    (folder / STOP).touch()


def new_id() -> str:
    return secrets.token_hex(8)


def folder_of(home: Path, id_: str) -> Path:
    """The folder of a work.

    Raises:
        InputError: there is none.
    """
    folder = home / SENT / id_
    if not ID.fullmatch(id_) or not (folder / JOB).is_file():
        raise InputError("there is no such work.", where=id_[:40], fix="New run lists what was started here.")
    return folder


def find(home: Path, id_: str) -> Work:
    """A work by its id; errors as in ``folder_of``."""
    found = read_json(folder_of(home, id_) / JOB)
    return Work(**{**found, "arguments": tuple(found["arguments"])})


def works(home: Path) -> list[Work]:
    """What was started here, the newest first."""
    folder = home / SENT
    names = [one.name for one in os.scandir(folder)] if folder.is_dir() else []
    found = [find(home, name) for name in names if ID.fullmatch(name) and (folder / name / JOB).is_file()]
    return sorted(found, key=lambda work: (work.at, work.id), reverse=True)[:SHOWN]


def standing(home: Path, id_: str) -> Standing:
    """How a work stands, from its files."""
    folder = folder_of(home, id_)
    ended = _read(folder / ENDED)
    told = _read(folder / PROGRESS)
    return Standing(
        _state(folder, ended, told),
        str(told.get("what", "")),
        int(told.get("done", 0)),
        int(told.get("total", 1)),
        float(told.get("seconds", 0.0)),
        told.get("left"),
        lines_of(folder / LOG),
    )


def lines_of(log: Path) -> tuple[str, ...]:
    """The last lines that a command said."""
    try:
        with log.open("rb") as stream:
            stream.seek(max(0, log.stat().st_size - TAIL))
            text = stream.read().decode("utf-8", "replace")
    except OSError:
        return ()
    return tuple(line for line in text.splitlines() if line.strip())[-LINES:]


def free_name(folder: Path, wanted: str) -> str:
    """A name for a new folder among the runs: that of the file, with a number where it is taken."""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", wanted).strip("-._")[:50] or "run"
    number, name = 1, stem
    while (folder / name).exists():
        number += 1
        name = f"{stem}-{number}"
    return name


def checked_name(name: str) -> str:
    """A name that can be a folder's.

    Raises:
        InputError: it cannot.
    """
    if not NAME.fullmatch(name) or name.endswith("."):
        fix = "letters, digits, '.', '_' and '-', at most 64, a letter or digit first."
        raise InputError(f"{name[:80]!r} cannot be a run's name.", where="name", fix=fix)
    return name


def words_of(arguments: Sequence[str]) -> str:
    """The command, as one could type it."""
    import shlex

    return shlex.join(["whet", *arguments])


def _state(folder: Path, ended: dict[str, Any], told: dict[str, Any]) -> str:
    if ended:
        return STATES.get(int(ended["code"]), "failed")
    if told.get("what") in ("starting", "waiting for another"):
        import time

        young = time.time() - (folder / PROGRESS).stat().st_mtime < 20  # a worker needs a moment to start
        return "waiting" if young or at_work(folder) else "interrupted"
    return "running" if at_work(folder) else "interrupted"


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = read_json(path) if path.is_file() else {}
    return found
