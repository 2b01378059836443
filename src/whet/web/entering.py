"""Logging in with a key, and out; the files that pages load."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException

from whet.release.keys import ROLES
from whet.web.frame import STATIC, page, site_of, static
from whet.web.sessions import new_token

router = APIRouter()
FOREVER = "public, max-age=31536000, immutable"  # its address changes with its content


@router.get("/login")
def login(request: Request, to: str = "/") -> Response:
    return page(request, "login.html.j2", to=_here(to), wrong="")


@router.post("/login")
def enter(request: Request, key: Annotated[str, Form()] = "", to: Annotated[str, Form()] = "/") -> Response:
    """A key opens a session; it is checked again at every page."""
    site = site_of(request)
    found = site.keys.check(key.strip())
    if found is None or "view" not in ROLES[found.role]:
        wrong = "There is no such key." if found is None else f"The role {found.role!r} opens no pages."
        return page(request, "login.html.j2", 401, to=_here(to), wrong=wrong)
    answer = RedirectResponse(_here(to), 303)
    _give(answer, site.cookie, site.sessions.begin(found.id))
    return answer


@router.post("/logout")
def leave(request: Request) -> Response:
    site = site_of(request)
    site.sessions.end(request.scope["state"]["token"])
    answer = RedirectResponse("/login", 303)
    _give(answer, site.cookie, new_token())
    return answer


@router.get("/static/{name}")
def asset(name: str) -> Response:
    if name not in STATIC:
        raise HTTPException(404)
    return Response(static(name), media_type=STATIC[name], headers={"cache-control": FOREVER})


def _give(answer: Response, name: str, token: str) -> None:
    answer.set_cookie(name, token, path="/", httponly=True, samesite="strict")


def _here(to: str) -> str:
    """A place in this application, whatever an address says."""
    inside = to.startswith("/") and not to.startswith(("//", "/\\")) and to.isprintable()
    return to if inside else "/"
