"""Pages from templates, and the few files beside them: one style, one script, everything from here.

Templates escape whatever they are given. The report's parts are found too, so that findings look the same in
a report and here. A page may load this application's own style and script and nothing else; ``report.frame``
fills pages that stand alone, and only its environment is used here. Knows no route.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from fastapi.responses import HTMLResponse
from jinja2.sandbox import ImmutableSandboxedEnvironment

from whet.report.frame import environment_of
from whet.web.sessions import form_token
from whet.web.visitors import Visitor

if TYPE_CHECKING:
    from fastapi import Request

    from whet.web.site import Site

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""What this application's own pages may do."""
PLACES = (
    ("/", "Runs", "view"),
    ("/new", "New run", "train"),
    ("/checks", "Checks", "view"),
    ("/beside", "Side by side", "ask"),
    ("/review", "Review", "review"),
    ("/watch", "Watch", "view"),
    ("/releases", "Releases", "view"),
    ("/log", "Log", "view"),
)
"""Path, name, and the action without which it is not shown."""
STATIC = {"style.css": "text/css", "ui.js": "text/javascript"}


def site_of(request: Request) -> Site:
    site: Site = request.app.state.site
    return site


def who(request: Request) -> Visitor:
    """Who asks; behind the door there always is somebody."""
    visitor: Visitor = request.scope["state"]["visitor"]
    return visitor


def page(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page for whoever asks."""
    state = request.scope["state"]
    return HTMLResponse(
        filled(template, state.get("visitor"), state["token"], request.url.path, **values), status
    )


def filled(template: str, visitor: Visitor | None, token: str, path: str, **values: Any) -> str:
    here = max(
        (at for at, _, _ in PLACES if at == path or (at != "/" and path.startswith(at))), default="", key=len
    )
    here = here or ("/" if path.startswith("/runs") else "")
    frame = {
        "visitor": visitor,
        "form": form_token(token),
        "here": here,
        "places": [(at, name) for at, name, action in PLACES if visitor and visitor.may(action)],
        "assets": {name: f"/static/{name}?v={digest(name)}" for name in STATIC},
    }
    return _environment().get_template(template).render(**frame, **values)


@cache
def static(name: str) -> bytes:
    """A file that pages load: the report's style with what pages add, or the script."""
    own = files("whet.web.pages").joinpath(name).read_bytes()
    return files("whet.report").joinpath(name).read_bytes() + own if name == "style.css" else own


@cache
def digest(name: str) -> str:
    return hashlib.sha256(static(name)).hexdigest()[:12]


def warm() -> None:
    """Compile the templates, so that no first page waits for it."""
    for path in files("whet.web.pages").iterdir():
        if path.name.endswith(".j2"):
            _environment().get_template(path.name)


@cache
def _environment() -> ImmutableSandboxedEnvironment:
    return environment_of(_text, moment=moment)


def moment(text: str) -> str:
    """A table's or a file's time as people read it: to the minute, UTC."""
    return f"{text[:16].replace('T', ' ')} UTC" if text else ""


def _text(name: str) -> str | None:
    for package in ("whet.web.pages", "whet.report"):
        path = files(package).joinpath(name)
        if path.is_file():
            return path.read_text(encoding="utf-8")
    return None
