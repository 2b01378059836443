"""Load on ``whet serve``: what our layer adds, whether it is bounded, lets go, and ends as it should.

    python bench/serve_load.py [--minutes 10 --streams 32 --disconnects 200]

The engine is a stub that writes this machine's clock (``tests/serving.py``), so that every word tells how
long it was on its way through our layer, the socket and the reader: what it says of our layer is an upper
bound. Four parts, all on loopback, each before a fresh server:

- ``steady``: so many streams at once, each begun again when it ends; delays of words (p50, p99), answers that
  failed or hung, and how the server's memory grows after the first minute;
- ``overload``: ten times as many requests as fit; how fast the others are refused, the most in work;
- ``disconnects``: clients that leave, streaming and not; how many places were free before the answer's end;
- ``drain``: SIGTERM with 16 streams.

Prints one JSON line.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import signal
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import psutil
from tests.loading import Answer, asked, got, left, quantile
from tests.serving import Server, stubbed

PIECES, PAUSE = 100, 0.02
"""Words of an answer, and seconds between two: 50 tokens a second and stream."""


def main() -> None:
    arguments = parse()
    found: dict[str, Any] = {"bench": "serve_load", "machine": platform.machine()}
    with stubbed(PIECES, PAUSE, rows=4 * arguments.streams) as server:
        found["steady"] = asyncio.run(steady(server, arguments.streams, 60 * arguments.minutes))
    with stubbed(20, 0.05, rows=32) as server:
        found["overload"] = asyncio.run(overload(server, 32))
    with stubbed(40, 0.05) as server:
        found["disconnects"] = asyncio.run(disconnects(server, arguments.disconnects))
    with stubbed(60, 0.05) as server:
        found["drain"] = asyncio.run(drain(server, 16))
    print(json.dumps(found))


async def steady(server: Server, streams: int, seconds: float) -> dict[str, Any]:
    """Streams that never pause, and the server's memory meanwhile."""
    end, answers = time.monotonic() + seconds, list[Answer]()

    async def one() -> None:
        while time.monotonic() < end:
            answers.append(await asked(server.port))

    memory = asyncio.create_task(watched(server, seconds))
    await asyncio.gather(*(one() for _ in range(streams)))
    delays = [delay for answer in answers for delay in answer.delays]
    return {
        "streams": streams,
        "seconds": seconds,
        "answers": len(answers),
        "words": len(delays),
        "delay_ms_p50": round(1000 * quantile(delays, 0.5), 2),
        "delay_ms_p99": round(1000 * quantile(delays, 0.99), 2),
        "unexpected": sum(answer.status != 200 for answer in answers),
        "without_done": sum(not answer.done for answer in answers),
        **await memory,
    }


async def watched(server: Server, seconds: float) -> dict[str, float]:
    """Resident memory after the first minute (a tenth of the time, if that is less), and at the end."""
    process = psutil.Process(server.process.pid)
    first = min(60.0, seconds / 10)
    await asyncio.sleep(first)
    before = process.memory_info().rss
    most = before
    for _ in range(int(seconds - first)):
        await asyncio.sleep(1)
        most = max(most, process.memory_info().rss)
    return {"rss_mib": round(before / 2**20, 1), "rss_growth": round(most / before - 1, 4)}


async def overload(server: Server, rows: int) -> dict[str, Any]:
    """Ten times as many as fit, three times over."""
    taken, refused, wrong = list[Answer](), list[Answer](), 0
    for _ in range(3):
        for answer in await asyncio.gather(*(asked(server.port) for _ in range(10 * rows))):
            if answer.status == 200:
                taken.append(answer)
            elif answer.status == 503:
                refused.append(answer)
            else:
                wrong += 1
    return {
        "rows": rows,
        "most_in_work": (await got(server.port, "/slots"))["most"],
        "taken": len(taken),
        "taken_ended": sum(answer.done for answer in taken),
        "refused": len(refused),
        "refused_ms_p99": round(1000 * quantile([answer.seconds for answer in refused], 0.99), 1),
        "other": wrong,
    }


async def disconnects(server: Server, count: int) -> dict[str, Any]:
    """Clients that leave at different moments; a place must be free 250 ms later."""
    freed, waits = 0, list[float]()
    for number in range(count):
        before = (await got(server.port, "/slots"))["ended"]
        await left(server.port, stream=number % 2 == 0, after=number % 9)
        start = time.perf_counter()
        while (slots := await got(server.port, "/slots"))["now"] and time.perf_counter() - start < 1:
            await asyncio.sleep(0.005)
        waits.append(time.perf_counter() - start)
        freed += slots["now"] == 0 and slots["ended"] == before and waits[-1] <= 0.25
    return {"count": count, "freed": freed, "wait_ms_p99": round(1000 * quantile(waits, 0.99), 1)}


async def drain(server: Server, streams: int) -> dict[str, Any]:
    """SIGTERM in the middle of streams."""
    going = [asyncio.create_task(asked(server.port)) for _ in range(streams)]
    while (await got(server.port, "/slots"))["now"] < streams:
        await asyncio.sleep(0.01)
    server.process.send_signal(signal.SIGTERM)
    start = time.perf_counter()
    await asyncio.sleep(0.2)
    late = await asked(server.port)
    answers = [await one for one in going]
    await asyncio.to_thread(server.process.wait, 30)
    return {
        "streams": streams,
        "with_done": sum(answer.done for answer in answers),
        "late_status": late.status,
        "late_ms": round(1000 * late.seconds, 1),
        "gone_after_s": round(time.perf_counter() - start, 2),
    }


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--streams", type=int, default=32)
    parser.add_argument("--disconnects", type=int, default=200)
    return parser.parse_args()


if __name__ == "__main__":
    main()
