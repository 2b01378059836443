"""The process: an address, a socket, and an end that keeps its word.

    listen -> ready -> SIGTERM -> no new requests (503), streams go on to [DONE] -> out of time -> they end
    -> exit

uvicorn speaks HTTP (h11, in Python: its parser counts every byte of a header). What it leaves open is closed
here: a connection that sends its headers too slowly, or too many of them. A second signal ends the process at
once. Knows no route.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from whet.errors import InputError, Refused, WorldError
from whet.serve.caps import Caps
from whet.serve.faults import Fault
from whet.serve.hosts import LOOPBACK

if TYPE_CHECKING:
    from types import FrameType

    from starlette.types import ASGIApp

    from whet.serve.serving import Serving

TICK = 0.02  # seconds between two looks at what is still in work
TOO_LARGE = Fault(431, "The headers are too large.", code="headers_too_large")
UNREADABLE = Fault(400, "The request is not HTTP.", code="invalid_http")


def check_address(host: str, *, keys: bool, trial: bool) -> None:
    """Whether this address may be served.

    Args:
        keys: whether there are keys, so that strangers can be refused.
        trial: whether what is served was never approved.

    Raises:
        Refused: another machine could reach it, and must not.
    """
    if host in LOOPBACK:
        return
    if trial:
        raise Refused(
            f"what is on trial is served on this machine only, not on {host}.",
            where="--host",
            fix="release and approve it first: whet release, whet approve.",
        )
    if not keys:
        raise Refused(
            f"there is no key, and anybody who reaches {host} could ask.",
            where="--host",
            fix="make a key first: whet key add NAME --role client; or leave --host away.",
        )


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens nowhere yet; port 0: any that is free.

    Raises:
        InputError: no such address here. WorldError: the port is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
    except OSError as error:
        found.close()
        kind = InputError if isinstance(error, socket.gaierror) else WorldError
        raise kind(
            f"cannot listen on {host}:{port}: {error.strerror}.", where="--port", fix="choose another --port."
        ) from error
    return found


def configured(app: ASGIApp, caps: Caps, **more: Any) -> uvicorn.Config:
    """How uvicorn speaks HTTP for a server of whet."""
    return uvicorn.Config(
        app,
        http=protocol_of(caps),
        ws="none",
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=caps.head_bytes,
        timeout_keep_alive=caps.keep_alive,
        timeout_graceful_shutdown=2,
        **more,
    )


def run(app: ASGIApp, serving: Serving, listening: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until a signal ends it."""
    config = configured(app, serving.caps, lifespan="on", backlog=2048)
    _Server(config, serving, ready).run([listening])


class _Server(uvicorn.Server):
    """Drains before uvicorn closes."""

    def __init__(self, config: uvicorn.Config, serving: Serving, ready: Callable[[], None]):
        super().__init__(config)
        self._serving, self._ready = serving, ready
        self._signals = 0

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._signals += 1
        self._serving.door.draining = True
        if self._signals > 1:
            os._exit(128 + sig)

    async def on_tick(self, counter: int) -> bool:
        ended = await super().on_tick(counter)
        if self._signals and not ended:
            await self._drained()
            return True
        return ended

    async def _drained(self) -> None:
        """Until nothing is in work, or the time for it is over; then what is left ends."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._serving.caps.drain_seconds
        while self._serving.door.in_work and loop.time() < until:
            await asyncio.sleep(TICK)
        self._serving.end_all()
        until = loop.time() + 1.0
        while self._serving.door.in_work and loop.time() < until:
            await asyncio.sleep(TICK)


class _Patient(H11Protocol):
    """uvicorn's protocol with a limit on the time and the size of headers, and on connections."""

    caps: Caps
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if len(self.connections) > self.caps.connections:
            transport.abort()
            return
        self._wait()

    def data_received(self, data: bytes) -> None:
        if self._timer is None and self.conn.their_state is h11.IDLE:
            self._wait()
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._unwait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unwait()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """h11 tells that the headers are too large by the size of what it holds alone."""
        long = len(self.conn.trailing_data[0]) >= self.caps.head_bytes
        fault = TOO_LARGE if long else UNREADABLE
        body = json.dumps(fault.body()).encode()
        if self.transport.is_closing() or self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.close()
            return
        headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
        headers.append((b"content-length", str(len(body)).encode()))
        answer = (h11.Response(status_code=fault.status, headers=headers), h11.Data(data=body))
        for event in (*answer, h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _wait(self) -> None:
        self._timer = self.loop.call_later(self.caps.head_seconds, self.transport.close)

    def _unwait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def protocol_of(caps: Caps) -> Any:
    return type("Patient", (_Patient,), {"caps": caps})
