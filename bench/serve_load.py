"""Load on ``whet serve``: what our layer adds, whether it is bounded, lets go, and ends as it should.

    python bench/serve_load.py [steady overload disconnects drain] [--engine stub real]
        [--minutes 10 --streams 32 --disconnects 200] [--out docs/proofs/serve-load.jsonl]

Every part is on loopback, before a fresh server, with one of two engines. The *stub* writes this machine's
clock (``tests/serving.py``), so that every word tells how long it was on its way through our layer, the
socket and the reader: what it says of our layer is an upper bound. The *real* one is ``whet serve --trial``
before a tiny pretrained decoder (stories260k, with a LoRA adapter of small random weights), whose seconds are
those of engine and layer together.

- ``steady``: so many streams at once, each begun again when it ends; delays of the stub's words (p50, p99),
  seconds to the first piece, answers that failed or hung, and how the server's memory grows after the first
  minute;
- ``overload``: ten times as many requests as fit, in one moment; then ten times as many a second as can be
  ended, evenly; how fast the others are refused, the most in work;
- ``disconnects``: clients that leave, streaming and not; how many places were free before the answer's end;
- ``drain``: SIGTERM with 16 streams.

One JSON line each, printed, and added to ``--out``; what stands there already with the same settings is not
done again, so that a run that was cut short goes on with the next part.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import platform
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import psutil
from tests.conftest import SHARED
from tests.loading import BODY, Answer, asked, figures, left, quantile
from tests.serving import Server, serving, stubbed

from serve_vs_transformers import trained_in

PIECES, PAUSE = 100, 0.02
"""Words of an answer, and seconds between two: 50 tokens a second and stream."""
ROWS = 32
"""Answers that fit at once, where more are asked."""
ARRIVING = 10.0
"""Seconds for which more arrive than can be ended."""
WATCHED = 0.02
"""Seconds between two looks at how many are in work."""


@dataclass(frozen=True)
class Arm:
    """An engine behind the server."""

    name: str
    body: Mapping[str, Any]
    served: Callable[..., contextlib.AbstractContextManager[Server]]
    """``(words, pause, rows)``; only the stub's pace can be set."""


def main() -> None:
    arguments = parse()
    known = done(arguments.out)
    with tempfile.TemporaryDirectory() as folder:
        for engine in arguments.engine:
            arm = stub() if engine == "stub" else real(Path(folder))
            gc.collect()
            gc.freeze()  # what was loaded to make the model would stop the client for 0.2 s now and then
            for part in arguments.parts or PARTS:
                about = {"bench": "serve_load", "part": part, "engine": engine, **settings(part, arguments)}
                if any(about.items() <= one.items() for one in known):
                    continue
                told(arguments.out, {**about, **PARTS[part](arm, arguments), "machine": platform.machine()})


def settings(part: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """What makes two runs of a part the same."""
    return {
        "steady": {"streams": arguments.streams, "minutes": arguments.minutes},
        "overload": {"rows": ROWS},
        "disconnects": {"count": arguments.disconnects},
        "drain": {"streams": 16},
    }[part]


def done(out: Path | None) -> list[dict[str, Any]]:
    lines = out.read_text().splitlines() if out and out.is_file() else []
    return [json.loads(line) for line in lines]


def told(out: Path | None, found: Mapping[str, Any]) -> None:
    print(json.dumps(found), flush=True)
    if out:
        with out.open("a") as file:
            file.write(json.dumps(found) + "\n")


def stub() -> Arm:
    def served(words: int, pause: float, rows: int) -> contextlib.AbstractContextManager[Server]:
        return stubbed(words, pause, rows=rows)

    return Arm("stub", BODY, served)


def real(folder: Path) -> Arm:
    """A decoder that writes as long as it is asked to."""
    base = SHARED / "weights" / "stories260k" / "hf"
    assert base.is_dir(), "the data set weights/stories260k is not at hand"
    trained = trained_in(folder / "stories", base, 0)

    @contextlib.contextmanager
    def served(words: int, pause: float, rows: int) -> Iterator[Server]:
        with serving(trained, "--trial", "--queue", rows) as server:
            yield server

    said = [{"role": "user", "content": "Once upon a time there was a girl who saw a cat"}]
    return Arm("real", {**BODY, "model": "stories", "messages": said, "max_tokens": PIECES}, served)


def steady(arm: Arm, arguments: argparse.Namespace) -> dict[str, Any]:
    with arm.served(PIECES, PAUSE, 4 * arguments.streams) as server:
        return asyncio.run(_steady(server, arm.body, arguments.streams, 60 * arguments.minutes))


async def _steady(server: Server, body: Mapping[str, Any], streams: int, seconds: float) -> dict[str, Any]:
    """Streams that never pause, and the server's memory meanwhile."""
    end, answers, pieces = time.monotonic() + seconds, list[Answer](), 0

    async def one() -> None:
        nonlocal pieces
        while time.monotonic() < end:
            answer = await asked(server.port, body)
            pieces += len(answer.events)
            answer.events = answer.events[-1:]
            answers.append(answer)

    memory = asyncio.create_task(watched(server, seconds))
    await asyncio.gather(*(one() for _ in range(streams)))
    delays = [delay for answer in answers for delay in answer.delays]
    return {
        "answers": len(answers),
        "events_per_second": round(pieces / seconds, 1),
        **({"words": len(delays), **quantiles("delay_ms", delays)} if delays else {}),
        **quantiles("first_ms", [answer.first for answer in answers]),
        "unexpected": sum(answer.status != 200 for answer in answers),
        "without_done": sum(not answer.done for answer in answers),
        "hung": sum("TimeoutError" in answer.failed for answer in answers),
        **await memory,
    }


def quantiles(name: str, seconds: list[float]) -> dict[str, float]:
    return {f"{name}_p{share}": round(1000 * quantile(seconds, share / 100), 2) for share in (50, 99)}


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


def overload(arm: Arm, _: argparse.Namespace) -> dict[str, Any]:
    with arm.served(20, 0.05, ROWS) as server:
        return asyncio.run(_overload(server, arm.body))


async def _overload(server: Server, body: Mapping[str, Any]) -> dict[str, Any]:
    """Ten times as many as fit in one moment, three times over; then ten times as many as can be ended."""
    most, end = 0.0, asyncio.Event()

    async def look() -> None:
        nonlocal most
        while not end.is_set():
            most = max(most, (await figures(server.port))["whet_rows"])
            await asyncio.sleep(WATCHED)

    await asked(server.port, {**body, "max_tokens": 1})  # the first request loads what is loaded late
    looking = asyncio.create_task(look())
    burst = list[Answer]()
    for _ in range(3):
        burst += await asyncio.gather(*(asked(server.port, body) for _ in range(10 * ROWS)))
    rate = 10 * ROWS / quantile([answer.seconds for answer in burst if answer.status == 200], 0.5)
    even = await arriving(server, body, rate)
    end.set()
    await looking
    return {
        "most_in_work": most,
        "burst": summed(burst),
        "arriving_per_second": round(rate, 1),
        "arriving": summed(even),
    }


async def arriving(server: Server, body: Mapping[str, Any], rate: float) -> list[Answer]:
    """Requests that come evenly, whatever becomes of the others."""
    start, going = time.monotonic(), list[asyncio.Task[Answer]]()
    for number in range(int(ARRIVING * rate)):
        await asyncio.sleep(start + number / rate - time.monotonic())
        going.append(asyncio.create_task(asked(server.port, body)))
    return [await one for one in going]


def summed(answers: Sequence[Answer]) -> dict[str, Any]:
    taken = [answer for answer in answers if answer.status == 200]
    refused = [answer for answer in answers if answer.status == 503]
    return {
        "taken": len(taken),
        "taken_ended": sum(answer.done for answer in taken),
        "refused": len(refused),
        **quantiles("refused_ms", [answer.seconds for answer in refused]),
        "without_retry_after": sum("retry-after" not in answer.headers for answer in refused),
        "other": len(answers) - len(taken) - len(refused),
    }


def disconnects(arm: Arm, arguments: argparse.Namespace) -> dict[str, Any]:
    with arm.served(40, 0.05, 256) as server:
        return asyncio.run(_disconnects(server, arm.body, arguments.disconnects))


async def _disconnects(server: Server, body: Mapping[str, Any], count: int) -> dict[str, Any]:
    """Clients that leave at different moments; a place must be free 250 ms later, and no answer made."""
    freed, waits = 0, list[float]()
    await asked(server.port, {**body, "max_tokens": 1})
    for number in range(count):
        before = (await figures(server.port)).get("whet_answers_total", 0)
        await left(server.port, stream=number % 2 == 0, after=number % 9, body=body)
        start = time.perf_counter()
        while (now := await figures(server.port))["whet_rows"] and time.perf_counter() - start < 1:
            await asyncio.sleep(0.005)
        waits.append(time.perf_counter() - start)
        freed += not now["whet_rows"] and now.get("whet_answers_total", 0) == before and waits[-1] <= 0.25
    return {"freed": freed, **quantiles("wait_ms", waits)}


def drain(arm: Arm, _: argparse.Namespace) -> dict[str, Any]:
    with arm.served(60, 0.05, 256) as server:
        return asyncio.run(_drain(server, arm.body, 16))


async def _drain(server: Server, body: Mapping[str, Any], streams: int) -> dict[str, Any]:
    """SIGTERM in the middle of streams."""
    await asked(server.port, {**body, "max_tokens": 1})
    going = [asyncio.create_task(asked(server.port, body)) for _ in range(streams)]
    while (await figures(server.port))["whet_rows"] < streams:
        await asyncio.sleep(0.001)
    server.process.send_signal(signal.SIGTERM)
    start = time.perf_counter()
    await asyncio.sleep(0.05)
    late = await asked(server.port, body)
    answers = [await one for one in going]
    await asyncio.to_thread(server.process.wait, 30)
    return {
        "with_done": sum(answer.done for answer in answers),
        "late_status": late.status,
        "late_ms": round(1000 * late.seconds, 1),
        "gone_after_s": round(time.perf_counter() - start, 2),
    }


PARTS: dict[str, Callable[[Arm, argparse.Namespace], dict[str, Any]]] = {
    one.__name__: one for one in (steady, overload, disconnects, drain)
}


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--engine", nargs="+", choices=("stub", "real"), default=("stub", "real"))
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--streams", type=int, default=32)
    parser.add_argument("--disconnects", type=int, default=200)
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
