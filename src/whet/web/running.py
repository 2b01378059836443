"""Runs: the list, each with its verdict and pages; and new ones, from a file in the browser, watched live.

What is started goes through ``work.py`` as the command that a terminal would run. Pages of a run are given
out under a policy of their own: whatever they hold, they reach nothing and are nobody's session.
"""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Request, UploadFile
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from whet.database import SENT
from whet.errors import InputError
from whet.report import words
from whet.report.frame import SCRIPT
from whet.report.shapes import answering
from whet.runs import now
from whet.store import make_folder, world
from whet.web import work
from whet.web.frame import page, site_of, who
from whet.web.shelf import VERDICT, folder_of, one, page_of, read, shelf
from whet.web.site import Site

router = APIRouter()
ENDINGS = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".xlsx", ".parquet")
"""Files of examples that a page takes; a task file names others, which a browser does not send along."""
_SCRIPT = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
REPORT_POLICY = (
    "sandbox allow-scripts allow-modals; default-src 'none'; style-src 'unsafe-inline'; "
    f"script-src 'sha256-{_SCRIPT}'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Of a run's own pages: their style and the one script that whet writes, in an origin of their own."""


@router.get("/")
def home(request: Request) -> Response:
    site = site_of(request)
    going = [(one, work.standing(site.home, one.id)) for one in work.works(site.home)]
    open_ = [(one, how) for one, how in going if how.state in ("waiting", "running", "interrupted")]
    return page(
        request, "home.html.j2", kept=shelf(site.folder, site.memo), folder=str(site.folder), going=open_
    )


@router.get("/runs/{name}")
def run(request: Request, name: str) -> Response:
    site = site_of(request)
    kept = one(site.folder, name)
    verdict = read(folder_of(site.folder, name) / VERDICT)
    return page(
        request,
        "run.html.j2",
        kept=kept,
        rungs=rung_rows(verdict),
        metric=words.metric_title(verdict.get("metric", "accuracy")),
        command=str(read(folder_of(site.folder, name) / "manifest.json").get("command", "")),
        answer=answering(verdict) if rung_rows(verdict) else "",
    )


def rung_rows(verdict: Mapping[str, Any]) -> list[dict[str, str]]:
    """One row a rung, as the report has them; none where the verdict is not whole."""
    try:
        metric, answer = verdict["metric"], answering(verdict)
        return [
            {
                "name": rung["name"],
                "value": words.shown(rung["value"], metric),
                "spread": words.span(rung["low"], rung["high"], metric),
                "time": words.millis(rung["p50_ms"]),
                "price": words.usd(rung["usd_per_1k"]),
                "reading": words.READINGS.get(rung["reading"], rung["reading"]),
                "mark": "winner" if rung["name"] == answer else "",
            }
            for rung in verdict["rungs"]
        ]
    except (KeyError, TypeError, ValueError):
        return []


@router.get("/runs/{name}/pages/{file}")
def own_page(request: Request, name: str, file: str) -> Response:
    path = page_of(site_of(request).folder, name, file)
    return HTMLResponse(path.read_bytes(), headers={"content-security-policy": REPORT_POLICY})


@router.get("/new")
def new(request: Request) -> Response:
    site = site_of(request)
    done = [(one, work.standing(site.home, one.id)) for one in work.works(site.home)]
    return page(request, "new.html.j2", works=done, endings=", ".join(ENDINGS))


@router.post("/new")
def begin(
    request: Request,
    file: Annotated[UploadFile, File()],
    name: Annotated[str, Form()] = "",
    input: Annotated[str, Form()] = "",
    output: Annotated[str, Form()] = "",
    time: Annotated[str, Form()] = "",
    group: Annotated[str, Form()] = "",
) -> Response:
    """A new run of an uploaded file."""
    hints = {"input": input, "output": output, "time": time, "group": group}
    return started(request, "run", file, name, hints)


def started(request: Request, kind: str, file: UploadFile, name: str, hints: dict[str, str]) -> Response:
    """Keep a file and start a command on it; leads to its page."""
    site, id_ = site_of(request), work.new_id()
    stem, ending = _named(file.filename or "")
    default = work.free_name(site.folder, f"{stem}-check" if kind == "check" else stem)
    name = work.checked_name(name.strip() or default)
    if (site.folder / name).exists():
        raise InputError("there is a run of this name already.", where=name, fix="choose another name.")
    kept = _uploaded(site, id_, f"{stem}{ending}", file)
    out = site.folder.resolve() / name
    given = [f"--{option}={value.strip()}" for option, value in hints.items() if value.strip()]
    arguments = (kind, str(kept), "--out", str(out), *given, "--json")
    told = work.Work(id_, kind, name, f"{stem}{ending}", arguments, who(request).name, now())
    work.begin(site.home, told)
    return RedirectResponse(f"/work/{id_}", 303)


def _named(filename: str) -> tuple[str, str]:
    """Stem and ending of an uploaded file, as they may stand in a path.

    Raises:
        InputError: no file, or none of examples.
    """
    plain = Path(filename.replace("\\", "/")).name
    ending = Path(plain).suffix.lower()
    if ending not in ENDINGS:
        what = "no file was chosen." if not plain else f"{plain[:80]!r} is no file of examples."
        raise InputError(
            what, where="file", fix=f"one of {', '.join(ENDINGS)}; a task file: whet run TASK.yaml."
        )
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(plain).stem).strip("-._")[:50]
    return stem or "examples", ending


def _uploaded(site: Site, id_: str, name: str, file: UploadFile) -> Path:
    folder = make_folder(site.home.resolve() / SENT / id_)
    path = folder / name
    with world(path), path.open("wb") as out:
        shutil.copyfileobj(file.file, out)
    if not path.stat().st_size:
        raise InputError("the file is empty.", where=name)
    return path


@router.get("/work/{id_}")
def watched(request: Request, id_: str) -> Response:
    return page(request, "work.html.j2", **_told(request, id_))


@router.get("/work/{id_}/now")
def part(request: Request, id_: str) -> Response:
    """What changes of the page, for the script that asks again and again."""
    return page(request, "work_now.html.j2", **_told(request, id_))


@router.post("/work/{id_}/stop")
def stop(request: Request, id_: str) -> Response:
    work.stop(site_of(request).home, id_)
    return RedirectResponse(f"/work/{id_}", 303)


@router.post("/work/{id_}/again")
def again(request: Request, id_: str) -> Response:
    """Go on where it stopped."""
    site = site_of(request)
    if work.standing(site.home, id_).over:
        work.start(work.folder_of(site.home, id_))
    return RedirectResponse(f"/work/{id_}", 303)


def _told(request: Request, id_: str) -> dict[str, Any]:
    site = site_of(request)
    found, how = work.find(site.home, id_), work.standing(site.home, id_)
    there = (site.folder / found.name).is_dir() and how.state in ("done", "no")
    return {
        "work": found,
        "how": how,
        "there": there,
        "command": work.words_of(found.arguments),
        "spent": words.duration(how.seconds),
        "left": words.duration(how.left) if how.left else "",
    }
