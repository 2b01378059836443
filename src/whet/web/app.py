"""READ FIRST: the web application: one router a part, errors as pages, the door around everything.

    app = app_of(Site(folder, home, name))

Every route calls what a command calls; nothing is decided here. Pages are HTML and work without scripts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from whet.errors import InputError, Refused, WhetError
from whet.version import __version__
from whet.web import beside, checking, entering, releasing, reviewing, running, watching
from whet.web.door import FRAGMENT, Door
from whet.web.frame import page

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from whet.web.site import Site

ROUTERS = (
    *(entering.router, running.router, checking.router, beside.router),
    *(reviewing.router, watching.router, releasing.router),
)


def app_of(site: Site) -> ASGIApp:
    """What a server runs."""
    return Door(routes_of(site), site)


def routes_of(site: Site) -> FastAPI:
    """The routes, without the door: for those who list them."""
    app = FastAPI(
        title="whet",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.state.site = site
    for router in ROUTERS:
        app.include_router(router)
    _tell_errors(app)
    return app


def _tell_errors(app: FastAPI) -> None:
    @app.exception_handler(WhetError)
    async def _whet(request: Request, error: WhetError) -> Response:
        status = 409 if isinstance(error, Refused) else 400 if isinstance(error, InputError) else 503
        return said(request, status, "That was not done", error.what, error.where, error.fix)

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0] if error.errors() else {"loc": (), "msg": "cannot be read"}
        return said(request, 400, "That was not done", str(first["msg"]), ".".join(map(str, first["loc"])))

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        return said(request, error.status_code, "Nothing here", "There is no such page.")

    @app.exception_handler(Exception)
    async def _unforeseen(request: Request, error: Exception) -> Response:
        what = f"whet itself failed ({type(error).__name__}). What was decided before is kept."
        return said(request, 500, "That was not done", what)


def said(request: Request, status: int, title: str, what: str, where: str = "", fix: str = "") -> Response:
    """An error as a page, or as a line where our own script asks."""
    if FRAGMENT in request.headers:
        return Response(f"{what} {fix}".strip(), status, media_type="text/plain")
    return page(request, "said.html.j2", status, title=title, what=what, where=where, fix=fix)
