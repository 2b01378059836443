"""Releases and the log: put forward, approve, take live, roll back, retire; who did what, and does it hold.

Who does it is whom the key names, never what a form says; the rules stand in ``release.registry``.
"""

from __future__ import annotations

from itertools import groupby
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from whet.release import audit
from whet.release.policy import policy_of, same_person
from whet.release.releases import Release
from whet.release.verify import Verified, verify
from whet.web.frame import page, site_of, who
from whet.web.shelf import folder_of
from whet.web.site import Site

router = APIRouter()
ENTRIES = 100
"""Of the log on one page."""
Why = Annotated[str, Form(max_length=1000)]


@router.get("/releases")
def releases(request: Request) -> Response:
    site = site_of(request)
    every = sorted(site.releases(), key=lambda one: one.name)  # stable: within a name by age
    named = [(name, list(found)[::-1]) for name, found in groupby(every, key=lambda one: one.name)]
    approvers = policy_of(site.home).approval.approvers
    return page(request, "releases.html.j2", named=named, approvers=approvers, own=_own(request, every))


def _own(request: Request, every: list[Release]) -> set[str]:
    """Candidates that this visitor trained: somebody else has to approve them."""
    policy = policy_of(site_of(request).home)
    if policy.approval.trainer_may_approve:
        return set()
    return {one.id for one in every if same_person(one.trained_by, who(request).name)}


@router.post("/runs/{name}/release")
def put_forward(request: Request, name: str, rung: Annotated[str, Form(max_length=100)] = "") -> Response:
    site = site_of(request)
    site.registry.add(folder_of(site.folder, name), rung, trained_by=who(request).name)
    return _back()


@router.post("/releases/{id_}/approve")
def approve(request: Request, id_: str, outside: Annotated[str, Form()] = "") -> Response:
    by = who(request).name
    site_of(request).registry.approve(id_, by=by, allow_outside=bool(outside))
    return _back()


@router.post("/releases/{id_}/live")
def live(request: Request, id_: str) -> Response:
    site_of(request).registry.go_live(id_, by=who(request).name)
    return _back()


@router.post("/releases/{id_}/retire")
def retire(request: Request, id_: str, why: Why = "") -> Response:
    site_of(request).registry.retire(id_, by=who(request).name, why=why.strip())
    return _back()


@router.post("/releases/{name}/rollback")
def rollback(request: Request, name: str, why: Why = "") -> Response:
    site_of(request).registry.rollback(name, by=who(request).name, why=why.strip())
    return _back()


def _back() -> Response:
    return RedirectResponse("/releases", 303)


@router.get("/log")
def log(request: Request, before: int = 0) -> Response:
    """The newest entries first, whatever was changed: that is what one must be able to look at."""
    site = site_of(request)
    state = verified(site)
    whole, _ = audit.lines(site.home)
    last = min(before - 1, len(whole)) if before > 0 else len(whole)
    first = max(0, last - ENTRIES)
    rows = [_row(number, line) for number, line in enumerate(whole[first:last], first + 1)][::-1]
    return page(request, "log.html.j2", state=state, rows=rows, older=first + 1 if first else 0)


def verified(site: Site) -> Verified:
    """Whether the log holds; looked at again when it has changed."""
    return site.memo.get(("log", site.registry.stamp()), 600.0, lambda: verify(site.home))


def _row(number: int, line: bytes) -> dict[str, str]:
    try:
        entry = audit.entry_of(line)
    except (ValueError, TypeError):
        text = line.decode("utf-8", "replace")[:200]
        return {"seq": str(number), "at": "", "event": "no entry", "who": "", "told": text}
    told = ", ".join(
        f"{name} {_short(value)}" for name, value in entry.fields.items() if value not in ("", None)
    )
    return {"seq": str(entry.seq), "at": entry.at, "event": entry.event, "who": entry.who, "told": told}


def _short(value: object) -> str:
    text = str(value)
    return f"{text[:12]}…" if len(text) == 64 and set(text) <= set("0123456789abcdef") else text
