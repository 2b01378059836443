"""The fine-tuning API alone, as an app and as a process: the server's errors around its routes, no door.

python -m tests.hosted HOME PORT [NAME=FOLDER ...]
"""

from __future__ import annotations

import sys
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response

from whet.serve.faults import Fault
from whet.serve.jobs.hosted import Hosted, bases_of
from whet.serve.jobs.routes import routers


def app_of(hosted: Hosted) -> FastAPI:
    app = FastAPI()
    for router in routers(hosted):
        app.include_router(router)

    @app.exception_handler(Fault)
    async def _fault(_: Request, fault: Fault) -> Response:
        return JSONResponse(fault.body(), fault.status, dict(fault.headers()))

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        param = ".".join(str(part) for part in first["loc"][1:])
        return JSONResponse(Fault(400, str(first["msg"]), param=param).body(), 400)

    return app


if __name__ == "__main__":
    import uvicorn

    home, port, *bases = sys.argv[1:]
    uvicorn.run(app_of(Hosted(Path(home), bases_of(bases))), port=int(port), log_level="warning")
