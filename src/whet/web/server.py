"""The process: a socket, the application on it, and an end that loses nothing: what runs goes on by itself.

uvicorn speaks HTTP. Knows no page.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

import uvicorn

from whet.serve.caps import Caps
from whet.serve.server import configured

if TYPE_CHECKING:
    from starlette.types import ASGIApp


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]):
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


def run(app: ASGIApp, listening: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until a signal ends it."""
    config = configured(app, Caps(connections=128), lifespan="off")
    _Server(config, ready).run([listening])
