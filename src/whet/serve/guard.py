"""The door: what stands before every route, in the order in which it is cheapest to say no.

    request -> host, origin -> key -> role -> draining -> room -> limits of the key -> body, bounded -> route

It is a list of checks around an ASGI app, so that a route cannot be added that goes without them; only the
two health routes need no key. Foreign hosts are refused because a page on the web can point its own name at
this machine (DNS rebinding), foreign origins because a page must not use this server through somebody's
browser. Knows no specialist.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from whet.serve.caps import Caps
from whet.serve.faults import Fault, busy
from whet.serve.hosts import LOOPBACK, host_of, urlsplit_host
from whet.serve.limits import Limiter, Room
from whet.serve.metrics import Metrics

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from whet.release.keys import Key

OPEN = ("/healthz", "/readyz")
UPLOADS = ("/v1/files", "/v1/uploads")
ANSWERS = frozenset({"/v1/chat/completions", "/v1/completions", "/v1/predict"})
"""What needs room: refused before its body is read where there is none."""
ACTIONS = (
    ("/v1/files", "train"),
    ("/v1/uploads", "train"),
    ("/v1/fine_tuning", "train"),
    ("/v1/evals", "train"),
)
"""What a role must allow, by the beginning of the path; all else needs ``ask``."""
KNOWN_SECONDS = 2.0
"""For which a key counts as known: a revoked one is refused after that."""
Check = Callable[[str], "Key | None"]
"""The key that a secret belongs to; called on a thread."""


class Desk(Protocol):
    """The keys of a store, as they are at the moment."""

    def check(self, secret: str) -> Key | None:
        """As ``Check``."""

    def any(self) -> bool:
        """Whether there is a key; called on a thread."""

    def stamp(self) -> object:
        """Changes whenever a key is made or revoked; quick, and called on the loop."""


@dataclass(slots=True)
class Door:
    """What decides who comes in."""

    check: Check | None = None
    """None: nobody needs a key, which is for this machine alone."""
    desk: Desk | None = None
    """Whose keys come and go while the server runs: from the first one on, everybody needs one. It stands in
    for ``check`` then."""
    hosts: frozenset[str] = LOOPBACK
    """Names under which this server may be called."""
    caps: Caps = field(default_factory=Caps)
    metrics: Metrics = field(default_factory=Metrics)
    limiter: Limiter = field(default_factory=Limiter)
    draining: bool = False
    room: Room | None = None
    in_work: int = 0
    _known: dict[str, tuple[float, Key | None]] = field(default_factory=dict)
    _seen: tuple[float, object] = (0.0, None)
    """When the desk was last asked, and its stamp then."""

    async def open(self) -> bool:
        """Whether nobody needs a key, as things stand. Once there was one it never opens again: that the last
        key is revoked must not let everybody in."""
        if self.check is None and self.desk is not None:
            at, stamp = time.monotonic(), self.desk.stamp()
            if self._seen[1] != stamp or at - self._seen[0] > KNOWN_SECONDS:
                if await asyncio.to_thread(self.desk.any):
                    self.check = self.desk.check
                self._seen = at, stamp
        return self.check is None

    async def key(self, secret: str) -> Key | None:
        """As ``check``, remembered for a moment by the secret's digest, or until a key is made or revoked."""
        assert self.check is not None
        if self.desk is not None and (stamp := self.desk.stamp()) != self._seen[1]:
            self._known.clear()
            self._seen = time.monotonic(), stamp
        digest = hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
        at, key = self._known.get(digest, (0.0, None))
        now = time.monotonic()
        if now - at > KNOWN_SECONDS or digest not in self._known:
            key = await asyncio.to_thread(self.check, secret)
            if len(self._known) > 1_000:
                self._known.clear()
            self._known[digest] = now, key
        return key


class Guard:
    """An ASGI app that lets a request through to another, or answers it."""

    def __init__(self, app: ASGIApp, door: Door):
        self._app, self._door = app, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        start, told = time.perf_counter(), _Told(send)
        scope.setdefault("state", {})["request_id"] = told.id
        self._door.in_work += 1
        try:
            await self._guarded(scope, receive, told)
        except Fault as fault:
            await told.fault(fault)
        finally:
            self._door.in_work -= 1
            self._count(scope, told, time.perf_counter() - start)

    async def _guarded(self, scope: Scope, receive: Receive, told: _Told) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        path, caps = scope["path"], self._door.caps
        if sum(len(name) + len(value) for name, value in scope["headers"]) > caps.head_bytes:
            raise Fault(431, "The headers are too large.", code="headers_too_large")
        self._check_place(headers)
        with contextlib.ExitStack() as stack:
            if path not in OPEN:
                key = await self._allowed(headers, path)
                scope["state"]["key"] = key
                if self._door.draining:
                    raise busy("The server is shutting down.", after=5)
                if path in ANSWERS and self._door.room is not None:
                    self._door.room.check(1)
                if key is not None:
                    stack.enter_context(self._door.limiter.request(key.id, key.limits))
            upload = path.startswith(UPLOADS)
            _check_length(headers, caps.upload_bytes if upload else caps.body_bytes)
            if upload:
                receive = _counted(receive, caps.upload_bytes, told)
            else:
                receive = replayed(await _body(receive, caps), receive)
            await self._app(scope, receive, told)

    def _check_place(self, headers: dict[str, str]) -> None:
        """Raises a ``Fault`` where the request is for another server, or comes from a page of another."""
        host = host_of(headers.get("host", ""))
        if host not in self._door.hosts:
            said = f"This server is not {host[:80]!r}. Start it with --allow-host if it should be."
            raise Fault(421, said, code="foreign_host")
        origin = headers.get("origin")
        if origin is not None and urlsplit_host(origin) not in self._door.hosts:
            raise Fault(403, "Pages of another origin may not use this server.", code="foreign_origin")

    async def _allowed(self, headers: dict[str, str], path: str) -> Key | None:
        """Who asks; None where nobody needs a key."""
        if await self._door.open():
            return None
        kind, _, secret = headers.get("authorization", "").partition(" ")
        secret = secret.strip() if kind.lower() == "bearer" else ""
        if not secret:
            said = "You didn't provide an API key. Send it as: Authorization: Bearer KEY."
            raise Fault(401, said, code="missing_api_key")
        key = await self._door.key(secret)
        if key is None:
            raise Fault(401, "Incorrect API key provided.", code="invalid_api_key")
        action = action_of(path)
        if not any(key.may(one) for one in action):
            raise Fault(403, f"The role {key.role!r} of this key does not allow this.", code="not_allowed")
        return key

    def _count(self, scope: Scope, told: _Told, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "other")
        self._door.metrics.requests.labels(route, str(told.status)).inc()
        self._door.metrics.seconds.labels(route).observe(seconds)


def action_of(path: str) -> tuple[str, ...]:
    """Actions of which a key's role must allow one."""
    for start, action in ACTIONS:
        if path == start or path.startswith(start + "/"):
            return (action,)
    return ("ask", "view") if path in ("/metrics", "/v1/models", "/openapi.json") else ("ask",)


class _Told:
    """Sends, and remembers what was sent; adds the request's id to every answer."""

    def __init__(self, send: Send):
        self._send = send
        self.id = f"req_{secrets.token_hex(12)}"
        self.status = 499
        """That of a client who left before there was one."""
        self.closed = False

    async def __call__(self, message: Message) -> None:
        if self.closed:
            return
        if message["type"] == "http.response.start":
            self.status = message["status"]
            more = [(b"x-request-id", self.id.encode()), (b"x-content-type-options", b"nosniff")]
            message = {**message, "headers": [*message.get("headers", ()), *more]}
        await self._send(message)

    async def fault(self, fault: Fault) -> None:
        """Answer with an error; where an answer has begun, there is nothing to say."""
        if self.status != 499:
            return
        body = json.dumps(fault.body()).encode()
        told = {"content-type": "application/json", "content-length": str(len(body)), **fault.headers()}
        if fault.status in (408, 413):
            told["connection"] = "close"
        headers = [(name.encode(), value.encode()) for name, value in told.items()]
        await self({"type": "http.response.start", "status": fault.status, "headers": headers})
        await self({"type": "http.response.body", "body": body})
        self.closed = True


def _check_length(headers: dict[str, str], most: int) -> None:
    said = headers.get("content-length", "0")
    if not said.isdecimal() or len(said) > 15:
        raise Fault(400, "The header Content-Length is no number.", code="invalid_header")
    if int(said) > most:
        raise too_large(most)


def too_large(most: int) -> Fault:
    return Fault(413, f"The body is larger than {most:,} bytes.", code="body_too_large")


async def _body(receive: Receive, caps: Caps) -> bytes:
    """The whole body, so large and so slow at most."""
    parts, size, more = list[bytes](), 0, True
    try:
        async with asyncio.timeout(caps.body_seconds):
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    break
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                more = message.get("more_body", False)
                if size > caps.body_bytes:
                    raise too_large(caps.body_bytes)
    except TimeoutError:
        said = f"The body did not arrive within {caps.body_seconds:g} seconds."
        raise Fault(408, said, code="slow_body") from None
    return b"".join(parts)


def replayed(body: bytes, receive: Receive) -> Receive:
    """The body that was read, then what comes after it: the client leaving."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _counted(receive: Receive, most: int, told: _Told) -> Receive:
    """A body that is passed on while it arrives; where it grows too large, the answer is given here."""
    size = 0

    async def counted() -> Any:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > most:
            await told.fault(too_large(most))
            return {"type": "http.disconnect"}
        return message

    return counted
