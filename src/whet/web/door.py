"""The door before every page: host, origin, who asks, what they may, and that a form is one of ours.

    request -> host, origin -> cookie -> visitor -> action of the path -> body, bounded -> token -> page

It stands around the app, so that no route can be added that goes without. Foreign hosts are refused because a
page on the web can point its own name at this machine; a form needs a token that follows from the cookie,
because pages of another port on this machine are not foreign enough for a browser. Knows no page.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote, urlsplit

from fastapi.responses import HTMLResponse, RedirectResponse, Response

from whet.serve.guard import replayed
from whet.serve.hosts import host_of
from whet.web.frame import POLICY, filled
from whet.web.sessions import fits, new_token
from whet.web.visitors import NAMED, Visitor, action_of, open_to_all

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from whet.web.site import Site

FORM_BYTES = 1 << 20
UPLOAD_BYTES = 512 << 20
UPLOADS = ("/new", "/checks")
"""Forms with a file. Their token stands in the address: the body is not read for it."""
FRAGMENT = "x-whet-fragment"
"""Asked by our own script: answered with a part of a page."""
LONGEST_TOKEN = 128
OWN = ("same-origin", "none")
"""Where a browser may say that a form comes from; ``same-site`` is another port of this machine."""


class Said(Exception):
    """The door says no."""

    def __init__(self, status: int, title: str, what: str):
        super().__init__(what)
        self.status, self.title, self.what = status, title, what


class Door:
    """An ASGI app that lets a request through to another, or answers it."""

    def __init__(self, app: ASGIApp, site: Site):
        self._app, self._site = app, site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        cookie = _cookie(headers.get("cookie", ""), self._site.cookie)
        state = scope.setdefault("state", {})
        state |= {"token": cookie or new_token(), "visitor": None}
        told = _Told(send, "" if cookie else _set_cookie(self._site.cookie, state["token"]))
        try:
            receive = await self._allowed(scope, headers, receive)
        except Said as said:
            await self._refuse(scope, headers, said)(scope, receive, told)
            return
        await self._app(scope, receive, told)

    async def _allowed(self, scope: Scope, headers: dict[str, str], receive: Receive) -> Receive:
        """What the page may read. Raises ``Said``."""
        method, path, state = scope["method"], scope["path"], scope["state"]
        self._check_place(headers, method)
        if method not in ("GET", "HEAD", "POST"):
            raise Said(405, "Not here", "Pages are read, and forms are sent.")
        state["visitor"] = visitor = await asyncio.to_thread(self._site.visitor, state["token"])
        if not open_to_all(path):
            check_visitor(visitor, action_of(method, path))
        if method != "POST":
            return receive
        return await self._form(scope, headers, receive)

    def _check_place(self, headers: dict[str, str], method: str) -> None:
        host = headers.get("host", "")
        if host_of(host) not in self._site.hosts:
            said = f"This is not {host[:80]!r}. Start it with --allow-host if it should be."
            raise Said(421, "Another machine's name", said)
        origin = headers.get("origin")
        foreign = origin is not None and urlsplit(origin).netloc.lower() != host.lower()
        if foreign or (method == "POST" and headers.get("sec-fetch-site", "none") not in OWN):
            raise Said(403, "Another page", "Pages of another origin may not use this application.")

    async def _form(self, scope: Scope, headers: dict[str, str], receive: Receive) -> Receive:
        """The body of a form that one of our pages sent."""
        token = scope["state"]["token"]
        query = parse_qs(scope["query_string"].decode("latin-1"))
        upload = scope["path"] in UPLOADS
        most = UPLOAD_BYTES if upload else FORM_BYTES
        length = headers.get("content-length", "")
        if not length.isdecimal() or len(length) > 15 or int(length) > most:
            raise Said(413, "Too large", f"A form has a length, of {most:,} bytes at most.")
        if upload:
            said = query.get("form", [""])[0]
        else:
            body = await _body(receive, most)
            receive = replayed(body, receive)
            said = parse_qs(body.decode("utf-8", "replace")).get("form", [""])[0]
        if not fits(token, said):
            raise Said(
                403,
                "Another page",
                "This form is not one of this application's, or too old: load its page again.",
            )
        return receive

    def _refuse(self, scope: Scope, headers: dict[str, str], said: Said) -> Response:
        if said.status == 401 and scope["method"] == "GET" and FRAGMENT not in headers:
            return RedirectResponse(f"/login?to={quote(scope['path'])}", 303)
        if FRAGMENT in headers:
            return Response(said.what, said.status, media_type="text/plain")
        state = scope["state"]
        about = {"title": said.title, "what": said.what, "where": "", "fix": ""}
        text = filled("said.html.j2", state["visitor"], state["token"], scope["path"], **about)
        return HTMLResponse(text, said.status)


def check_visitor(visitor: Visitor | None, action: str | None) -> None:
    """Whether somebody may do something. Raises ``Said``."""
    if visitor is None:
        raise Said(401, "Who is there?", "Log in with a key first.")
    if action is None:
        raise Said(404, "Nothing here", "There is no such page.")
    if visitor.may(action):
        return
    if action == NAMED and not visitor.keyed:
        fix = "Make one: whet key add NAME --role approver. On the terminal: whet approve ID --by NAME."
        raise Said(403, "Who approves?", f"Approving is by a person whom a key names. {fix}")
    raise Said(403, "Not with this key", f"The role {visitor.role!r} does not allow this.")


class _Told:
    """Sends, with the headers that every answer has."""

    def __init__(self, send: Send, cookie: str):
        self._send, self._cookie = send, cookie

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            there = {name.lower() for name, _ in message.get("headers", ())}
            more = [
                (b"x-content-type-options", b"nosniff"),
                (b"referrer-policy", b"same-origin"),
                (b"cross-origin-opener-policy", b"same-origin"),
                (b"cross-origin-resource-policy", b"same-origin"),
            ]
            if b"content-security-policy" not in there:
                more.append((b"content-security-policy", POLICY.encode()))
            if b"cache-control" not in there:
                more.append((b"cache-control", b"no-store"))
            if self._cookie and b"set-cookie" not in there:
                more.append((b"set-cookie", self._cookie.encode()))
            message = {**message, "headers": [*message.get("headers", ()), *more]}
        await self._send(message)


def _set_cookie(name: str, token: str) -> str:
    return f"{name}={token}; Path=/; HttpOnly; SameSite=Strict"


def _cookie(header: str, name: str) -> str:
    for part in header.split(";"):
        key, _, value = part.strip().partition("=")
        if key == name and 0 < len(value) <= LONGEST_TOKEN:
            return value
    return ""


async def _body(receive: Receive, most: int) -> bytes:
    parts, size, more = list[bytes](), 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        more = message.get("more_body", False)
        if size > most:
            raise Said(413, "Too large", f"A form has {most:,} bytes at most.")
    return b"".join(parts)
