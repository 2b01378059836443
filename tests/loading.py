"""Load on a server, by plain sockets: many streams, more than it can hold, clients that leave.

An HTTP/1.1 client of a few lines on asyncio, so that the client costs less than what it measures. Used by
tests in short and by ``bench/serve_load.py`` in full.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

BODY = {"model": "stub", "messages": [{"role": "user", "content": "hello"}], "stream": True}
HUNG = 60.0
"""Seconds after which an answer counts as hung."""


@dataclass
class Answer:
    """What came back, and when."""

    status: int = 0
    seconds: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)
    """Data of server-sent events, or the body as one."""
    delays: list[float] = field(default_factory=list)
    """Seconds that each word of the stub was on its way."""
    first: float = 0.0
    """Seconds to the first event that is a piece of the answer."""
    failed: str = ""

    @property
    def done(self) -> bool:
        return bool(self.events) and self.events[-1] == "[DONE]"


@asynccontextmanager
async def connection(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()


def request(body: Mapping[str, Any], path: str = "/v1/chat/completions", *, close: bool = True) -> bytes:
    sent = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    head += f"Content-Length: {len(sent)}\r\n" + ("Connection: close\r\n" if close else "")
    return f"{head}\r\n".encode() + sent


async def asked(port: int, body: Mapping[str, Any] = BODY, *, patience: float = HUNG) -> Answer:
    """One request on a connection of its own, read to its end."""
    answer, start = Answer(), time.perf_counter()
    try:
        async with asyncio.timeout(patience), connection(port) as (reader, writer):
            writer.write(request(body))
            await _head(reader, answer)
            async for line in _lines(reader):
                _take(answer, line)
                if not answer.first and answer.events:
                    answer.first = time.perf_counter() - start
    except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError) as error:
        answer.failed = f"{type(error).__name__}: {error}"
    answer.seconds = time.perf_counter() - start
    return answer


async def _head(reader: asyncio.StreamReader, answer: Answer) -> None:
    first = (await reader.readline()).split()
    answer.status = int(first[1]) if len(first) > 1 else 0
    while line := (await reader.readline()).strip():
        name, _, value = line.decode("latin-1").partition(":")
        answer.headers[name.lower()] = value.strip()


async def _lines(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Lines of the body; the sizes of its chunks are lines of hex digits, which no event is."""
    while line := await reader.readline():
        yield line.strip()


def _take(answer: Answer, line: bytes) -> None:
    now = time.monotonic_ns()
    if line.startswith(b"data: "):
        said = line[6:].decode()
        answer.events.append(said)
        if said != "[DONE]":
            answer.delays += _delays(json.loads(said), now)
    elif line.startswith(b"{"):
        answer.events.append(line.decode())


def _delays(event: Mapping[str, Any], now: int) -> list[float]:
    choices = event.get("choices") or [{}]
    words = (choices[0].get("delta", {}).get("content") or "").split()
    return [(now - int(word)) / 1e9 for word in words if word.isdecimal()]


async def left(port: int, *, stream: bool, after: int, body: Mapping[str, Any] = BODY) -> None:
    """Ask, and go: before anything has come (0), or after so many lines."""
    async with connection(port) as (reader, writer):
        writer.write(request({**body, "stream": stream}))
        await writer.drain()
        for _ in range(after if stream else 0):
            await reader.readline()
        writer.transport.abort()


async def got(port: int, path: str) -> Any:
    """The JSON at a path."""
    return json.loads(await read(port, path))


async def read(port: int, path: str) -> bytes:
    """What is at a path."""
    async with connection(port) as (reader, writer):
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        return (await reader.read()).partition(b"\r\n\r\n")[2]


async def figures(port: int) -> dict[str, float]:
    """The server's own figures, each summed over its labels."""
    found: dict[str, float] = {}
    for line in (await read(port, "/metrics")).decode().splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            name = name.partition("{")[0]
            found[name] = found.get(name, 0.0) + float(value)
    return found


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else 0.0
