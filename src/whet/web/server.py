"""The process: a socket, the application on it, and an end that loses nothing: what runs goes on by itself.

uvicorn speaks HTTP. Knows no page.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

import uvicorn

from whet.serve.caps import Caps
from whet.serve.server import protocol_of

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
    caps = Caps(connections=128)
    config = uvicorn.Config(
        app,
        http=protocol_of(caps),
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=caps.head_bytes,
        timeout_keep_alive=caps.keep_alive,
        timeout_graceful_shutdown=2,
    )
    _Server(config, ready).run([listening])
