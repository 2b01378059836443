"""Servers for tests: ``whet serve`` as a process of its own, and one whose specialist is a stub.

    python -m tests.serving '{"pieces": 8, "pause": 0.1, "caps": {}}'    prints its address as JSON

The stub writes the nanoseconds of this machine's clock, a word every so many seconds, so that a reader sees
how long each was on its way; and it counts the rows that it has in work, so that a test sees when a place is
free. Everything before it is the real server. ``GET /slots`` tells the counts.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from whet.errors import InputError
from whet.serve import faults
from whet.serve.asking import Ask, Chance, Emit, Reply, unheard
from whet.serve.catalogue import About

ROOT = Path(__file__).resolve().parent.parent
START = 120  # seconds


class Stub:
    """Answers with words (``whet.serve.asking.Answering``)."""

    chooses = False

    def __init__(self, pieces: int = 8, pause: float = 0.0):
        self.pieces, self.pause = pieces, pause
        self.now = self.most = self.ended = 0

    async def answer(self, ask: Ask, emit: Emit = unheard) -> Reply:
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            words = []
            for _ in range(self.pieces):
                await asyncio.sleep(self.pause)
                words.append(f"{time.monotonic_ns()} ")
                found = [Chance(words[-1], -0.5)] if ask.top is not None else []
                emit(words[-1], found)
            self.ended += 1
            text = "".join(words)
            return Reply(text, text, confidence=0.9, tokens_in=3, tokens_out=self.pieces, asked="")
        finally:
            self.now -= 1

    async def vectors(self, texts: Sequence[str]) -> Any:
        raise faults.unsupported("this model makes no embeddings.", "model")

    def stuck(self) -> float:
        return 0.0

    def close(self) -> None:
        pass


class Source:
    """One stub under one name."""

    def __init__(self, stub: Any, name: str = "stub"):
        self.stub, self.about = stub, About(f"{name}@1", name, "0" * 64)

    def names(self) -> list[About]:
        return [self.about]

    def stamp(self) -> object:
        return None

    def release(self, name: str) -> About:
        if name not in (self.about.name, self.about.id):
            raise InputError("there is no such model.", where=name)
        return self.about

    def open(self, about: About) -> Any:
        return self.stub


class Server:
    """A server in a process."""

    def __init__(self, command: Sequence[str], env: dict[str, str] | None = None):
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout
        try:
            self.about: dict[str, Any] = json.loads(self.process.stdout.readline())
        except ValueError:
            raise RuntimeError("".join(self.process.communicate())) from None
        self.address: str = self.about["address"]
        self.port = int(self.address.rpartition(":")[2])

    def client(self, key: str = "none", **more: Any) -> Any:
        import openai

        return openai.OpenAI(api_key=key, base_url=f"{self.address}/v1", max_retries=0, timeout=60, **more)

    def end(self, signal_: int = signal.SIGTERM, seconds: float = 30) -> int:
        """Its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal_)
        code = self.process.wait(timeout=seconds)
        for stream in (self.process.stdout, self.process.stderr):
            if stream:
                stream.close()
        return code


@contextmanager
def serving(*arguments: object, env: dict[str, str] | None = None) -> Iterator[Server]:
    """``whet serve ARGUMENTS`` on a free port."""
    server = Server(
        [sys.executable, "-m", "whet", "serve", *map(str, arguments), "--port", "0", "--json"], env=env
    )
    try:
        yield server
    finally:
        server.end()


@contextmanager
def stubbed(
    pieces: int = 8, pause: float = 0.0, *, jobs: Path | None = None, **caps: float
) -> Iterator[Server]:
    """The real server before a stub.

    Args:
        jobs: the store of a fine-tuning API whose jobs nobody works on.
    """
    asked = {"pieces": pieces, "pause": pause, "jobs": str(jobs or ""), "caps": caps}
    server = Server([sys.executable, "-m", "tests.serving", json.dumps(asked)])
    try:
        yield server
    finally:
        server.end()


def main(asked: dict[str, Any]) -> None:
    from fastapi import APIRouter

    from whet.serve.app import app_of
    from whet.serve.caps import Caps
    from whet.serve.catalogue import Catalogue
    from whet.serve.guard import Door
    from whet.serve.server import bound, run
    from whet.serve.serving import Serving

    stub = Stub(asked["pieces"], asked["pause"])
    inside = Serving(Catalogue(Source(stub)), Door(caps=Caps(**asked["caps"])))
    router = APIRouter()

    @router.get("/slots")
    async def slots() -> dict[str, int]:
        return {"now": stub.now, "most": stub.most, "ended": stub.ended, "room": inside.room.used}

    listening = bound("127.0.0.1", 0)
    address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    app = app_of(inside, routers=[router, *(jobs_of(Path(asked["jobs"])) if asked["jobs"] else ())])
    run(app, inside, listening, lambda: print(json.dumps({"address": address}), flush=True))


def jobs_of(home: Path) -> list[Any]:
    """The routes of a fine-tuning API whose jobs nobody works on."""
    from whet.serve.jobs.hosted import Hosted
    from whet.serve.jobs.routes import routers

    return routers(Hosted(home, tend=False))


def until(true: Any, seconds: float) -> bool:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not (found := bool(true())) and time.monotonic() < end:
        time.sleep(0.01)
    return found


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
