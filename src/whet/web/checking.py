"""Checks of data: the ten standards and each finding with its rows; of a run, a check, or a file sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Request, UploadFile
from fastapi.responses import Response

from whet.errors import InputError
from whet.report.checkpage import told
from whet.web import work
from whet.web.frame import page, site_of
from whet.web.running import ENDINGS, started
from whet.web.shelf import FINDINGS, SHEETS, folder_of, one, read, shelf

router = APIRouter()


@router.get("/checks")
def checks(request: Request) -> Response:
    site = site_of(request)
    found = [
        (kept, _standards(read(site.folder / kept.name / FINDINGS)))
        for kept in shelf(site.folder, site.memo)
        if kept.findings
    ]
    going = [(one, work.standing(site.home, one.id)) for one in work.works(site.home) if one.kind == "check"]
    return page(request, "checks.html.j2", found=found, works=going, endings=", ".join(ENDINGS))


def _standards(found: Mapping[str, Any]) -> list[dict[str, str]]:
    """The ten in a row of signs; none where the findings are damaged."""
    try:
        return [
            {"name": one["name"], "status": one["status"], **_sign(one["status"])}
            for one in found["standards"]
        ]
    except (KeyError, TypeError):
        return []


def _sign(status: str) -> dict[str, str]:
    from whet.report.checkpage import SIGNS

    sign, word = SIGNS[status]
    return {"sign": sign, "word": word}


@router.post("/checks")
def begin(
    request: Request,
    file: Annotated[UploadFile, File()],
    name: Annotated[str, Form()] = "",
    input: Annotated[str, Form()] = "",
    output: Annotated[str, Form()] = "",
) -> Response:
    """Check an uploaded file."""
    return started(request, "check", file, name, {"input": input, "output": output})


@router.get("/checks/{name}")
def findings(request: Request, name: str) -> Response:
    site = site_of(request)
    kept = one(site.folder, name)
    found = read(folder_of(site.folder, name) / FINDINGS)
    try:
        values = told(found)
    except (KeyError, TypeError):
        raise InputError(
            "its findings cannot be read.", where=name[:80], fix="run the check again."
        ) from None
    sheets = [(file, "as a page of its own") for file in SHEETS if (site.folder / name / file).is_file()]
    return page(request, "findings.html.j2", kept=kept, sheets=sheets, **values)
