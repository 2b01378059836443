"""The app: routes, errors in OpenAI's shape, the door around everything.

    serving = Serving(Catalogue(source), Door(...))
    app = app_of(serving, routers=[...])

Other parts of whet bring routers of their own (the fine-tuning API); each stands behind the same door. Knows
how no specialist answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from whet.errors import WhetError
from whet.serve import chat, faults, native
from whet.serve.faults import Fault
from whet.serve.guard import Guard
from whet.serve.serving import Serving
from whet.serve.streaming import Gone
from whet.version import __version__

if TYPE_CHECKING:
    from fastapi import APIRouter
    from starlette.types import ASGIApp

LOG = logging.getLogger("whet.serve")
WORDS = {404: "There is no such address.", 405: "The address takes no requests of this kind."}


def api_of(serving: Serving, *, routers: Sequence[APIRouter] = ()) -> FastAPI:
    """The routes, without the door: for those who describe or list them."""

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        serving.loop = asyncio.get_running_loop()
        yield
        serving.close()

    api = FastAPI(
        title="whet",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    api.state.serving = serving
    for router in (chat.router, native.router, *routers):
        api.include_router(router)
    _tell_errors(api)
    api.openapi = lambda: described(api)  # type: ignore[method-assign]
    return api


def app_of(serving: Serving, *, routers: Sequence[APIRouter] = ()) -> ASGIApp:
    """What a server runs: every route behind the door.

    Args:
        routers: more routes; their handlers find ``serving`` in ``request.app.state``, and who asks (a
            ``release.keys.Key``, or None where nobody needs one) in ``request.state.key``.
    """
    return Guard(api_of(serving, routers=routers), serving.door)


def _tell_errors(api: FastAPI) -> None:
    @api.exception_handler(Fault)
    async def _fault(_: Request, fault: Fault) -> Response:
        return told(fault)

    @api.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> Response:
        return told(invalid(error.errors()))

    @api.exception_handler(HTTPException)
    async def _http(_: Request, error: HTTPException) -> Response:
        said = WORDS.get(error.status_code, "The request cannot be read.")
        return JSONResponse(Fault(error.status_code, said).body(), error.status_code, error.headers)

    @api.exception_handler(WhetError)
    async def _whet(_: Request, error: WhetError) -> Response:
        return told(faults.of(error))

    @api.exception_handler(Gone)
    async def _gone(_: Request, __: Gone) -> Response:
        return Response(status_code=499)

    @api.exception_handler(Exception)
    async def _unforeseen(_: Request, error: Exception) -> Response:
        return told(Fault(500, "The server failed. It is not your request's fault.", code="internal_error"))


def told(fault: Fault) -> Response:
    return JSONResponse(fault.body(), fault.status, dict(fault.headers()))


def invalid(errors: Sequence[Any]) -> Fault:
    """The first thing that is wrong with a body, by its place."""
    first = errors[0] if errors else {"loc": (), "msg": "cannot be read"}
    place = [str(part) for part in first["loc"] if part not in ("body", "query", "path")]
    param = ".".join(place)[:200] or None
    message = str(first["msg"]).removeprefix("Value error, ")[:300]
    if first.get("type") == "extra_forbidden":
        return Fault(
            400, f"Unrecognized request argument supplied: {param}", code="unknown_parameter", param=param
        )
    return faults.bad(f"{param or 'The body'}: {message}", param)


def described(api: FastAPI) -> dict[str, Any]:
    """The OpenAPI description, with the errors that are really given."""
    from fastapi.openapi.utils import get_openapi

    if api.openapi_schema is None:
        found = get_openapi(title=api.title, version=api.version, routes=api.routes)
        for path in found["paths"].values():
            for operation in path.values():
                operation["responses"].pop("422", None)
                operation["responses"]["default"] = {
                    "description": "An error.",
                    "content": {"application/json": {"schema": {"type": "object", "required": ["error"]}}},
                }
        api.openapi_schema = found
    return api.openapi_schema
