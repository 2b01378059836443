"""What stands in the folder of runs: runs, checks and trainings, each told in a line; and their pages.

A folder's own files say what it is. A page is given out only by a name that is known, of a folder
that the listing has, and only where it truly lies inside. Knows no route.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet.errors import InputError
from whet.report import words
from whet.report.page import state_of
from whet.report.shapes import answering
from whet.rungs.base import CARD
from whet.runs import MANIFEST
from whet.store import read_json

if TYPE_CHECKING:
    from whet.web.memo import Memo

VERDICT, RUNGS = "06-verdict.json", "04-rungs"
PAGES = {"07-report.html": "Report", "08-evidence.html": "Evidence", "training.html": "Training"}
"""Pages that folders have, in the order in which they are read."""
OTHERS = re.compile(r"08-evidence-([a-z+]{1,40})\.html")
"""Evidence of a rung that the verdict does not name."""
SHEETS = ("03-check.html", "check.html")
"""Pages of a check; here its findings are shown as a page of this application."""
FINDINGS = "03-check.json"
MOST = 500
"""Folders that are listed: the newest."""
SIGNS = ("manifest.json", FINDINGS, "card.json")
"""A folder with one of these is one of ours."""
OPEN = ("undecided", "Not finished")


@dataclass(frozen=True, slots=True)
class Kept:
    """One folder."""

    name: str
    kind: str
    """``run``, ``check`` or ``training``."""
    task: str
    at: str
    """When it was last written, as ISO 8601."""
    state: tuple[str, str]
    """Class and word of its badge."""
    sentence: str
    figures: str
    """The winner with its value; empty where there is no verdict."""
    pages: tuple[tuple[str, str], ...]
    """(file, title)"""
    rungs: tuple[str, ...]
    findings: bool
    """Whether the data were checked."""


def shelf(folder: Path, memo: Memo) -> list[Kept]:
    """Everything in the folder, the newest first."""
    if not folder.is_dir():
        return []
    found = [Path(one.path) for one in os.scandir(folder) if one.is_dir(follow_symlinks=False)]
    stamped = sorted(((_stamp(path), path) for path in found), reverse=True)
    there = [(at, path) for at, path in stamped if at][:MOST]
    return [memo.get(("kept", path, at), 600.0, partial(_kept, path, at)) for at, path in there]


def folder_of(folder: Path, name: str) -> Path:
    """The folder of a run by its name.

    Raises:
        InputError: there is none.
    """
    path = folder / name
    plain = name not in ("", ".", "..") and "/" not in name and "\\" not in name and "\0" not in name
    if not plain or path.is_symlink() or not path.is_dir() or not _stamp(path):
        raise InputError("there is no such run.", where=name[:80], fix="Runs lists those that there are.")
    return path


def one(folder: Path, name: str) -> Kept:
    """A run by its name; errors as in ``folder_of``."""
    path = folder_of(folder, name)
    return _kept(path, _stamp(path))


def page_of(folder: Path, name: str, file: str) -> Path:
    """A page of a run.

    Raises:
        InputError: no such run or page, or it lies elsewhere.
    """
    path = folder_of(folder, name) / file
    inside = path.resolve().is_relative_to(folder.resolve()) and not path.is_symlink()
    known = file in (*PAGES, *SHEETS) or OTHERS.fullmatch(file)
    if not known or not path.is_file() or not inside:
        raise InputError("the run has no such page.", where=name[:80])
    return path


def read(path: Path) -> dict[str, Any]:
    """A JSON object, or an empty one where it is damaged: a list must not fail for one of its lines."""
    try:
        found = read_json(path) if path.is_file() else {}
    except InputError:
        return {}
    return found if isinstance(found, dict) else {}


def _stamp(path: Path) -> int:
    """When what makes a folder ours was last written; 0: it is not."""
    times = [_time(path / name) for name in (*SIGNS, VERDICT, *PAGES, *SHEETS)]
    return max(times) if any(times[: len(SIGNS)]) else 0


def _time(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _kept(path: Path, at: int) -> Kept:
    manifest, verdict = read(path / MANIFEST), read(path / VERDICT)
    kind = "run" if manifest else "training" if (path / "card.json").is_file() else "check"
    task = (
        verdict.get("task")
        or (manifest.get("task") or {}).get("task")
        or read(path / "card.json").get("task")
    )
    pages = tuple((file, title) for file, title in PAGES.items() if (path / file).is_file())
    others = sorted(one.name for one in path.glob("08-evidence-*.html"))
    pages += tuple((one, f"Evidence of {found[1]}") for one in others if (found := OTHERS.fullmatch(one)))
    rungs = tuple(sorted(one.parent.name for one in (path / RUNGS).glob(f"*/{CARD}")))
    state, sentence, figures = _said(kind, verdict, path)
    time = _iso(at)
    return Kept(
        *(path.name, kind, str(task or path.name), time, state, sentence, figures, pages, rungs),
        findings=(path / FINDINGS).is_file(),
    )


def _said(kind: str, verdict: Mapping[str, Any], path: Path) -> tuple[tuple[str, str], str, str]:
    """Badge, sentence and figures."""
    if kind == "training":
        return ("decided", "Trained"), "A model that whet tune trained.", ""
    if kind == "check":
        return _checked(path)
    if not verdict:
        return OPEN, "The run has not ended: the same command goes on where it stopped.", ""
    try:
        answer = answering(verdict)
        rung = next(one for one in verdict["rungs"] if one["name"] == answer)
        value = words.shown(rung["value"], verdict["metric"])
        spread = words.span(rung["low"], rung["high"], verdict["metric"])
        return (
            state_of(verdict),
            words.typeset(str(verdict["sentence"])),
            f"{answer} {value} ({spread}, n={verdict['n_test']:,})",
        )
    except (KeyError, StopIteration, TypeError, ValueError):
        return ("missed", "Damaged"), "Its verdict cannot be read.", ""


def _checked(path: Path) -> tuple[tuple[str, str], str, str]:
    from whet.report.checkpage import sentence

    found = read(path / FINDINGS)
    try:
        state = ("decided", "Nothing blocks") if found["passes"] else ("missed", "Blocked")
        return state, sentence(found), ""
    except (KeyError, TypeError):
        return ("missed", "Damaged"), "Its findings cannot be read.", ""


def _iso(stamp: int) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(stamp / 1e9, UTC).isoformat(timespec="seconds")
