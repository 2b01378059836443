"""Under load: bounded, cancelled, drained. The long form and the figures: ``bench/serve_load.py``."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from tests.loading import BODY, Answer, asked, got, left, quantile
from tests.serving import Server, stubbed, until

pytestmark = pytest.mark.skipif(not os.environ.get("WHET_LONG"), reason="long: WHET_LONG=1 asks for it")

LEAVING = int(os.environ.get("WHET_DISCONNECTS", "40"))
ROWS = 8


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with stubbed(10, 0.03, rows=ROWS) as started:
        yield started


def test_ten_times_as_much_as_fits_is_refused_fast_and_the_rest_ends(server: Server) -> None:
    async def flood() -> list[Answer]:
        return await asyncio.gather(*(asked(server.port) for _ in range(10 * ROWS)))

    answers = asyncio.run(flood())
    taken = [one for one in answers if one.status == 200]
    refused = [one for one in answers if one.status == 503]
    assert len(taken) + len(refused) == 10 * ROWS, [one.failed for one in answers if one.failed]
    assert len(taken) >= ROWS
    assert all(one.done for one in taken)
    assert all(int(one.headers["retry-after"]) >= 1 for one in refused)
    assert all(
        '"code": "overloaded"' in one.events[0] or '"code":"overloaded"' in one.events[0] for one in refused
    )
    slots = asyncio.run(got(server.port, "/slots"))
    assert slots["most"] <= ROWS
    assert slots["now"] == slots["room"] == 0
    assert quantile([one.seconds for one in refused], 0.5) < min(one.seconds for one in taken)


def test_who_leaves_frees_the_place(server: Server) -> None:
    async def leave_all() -> list[bool]:
        freed = []
        for number in range(LEAVING):
            before = (await got(server.port, "/slots"))["ended"]
            await left(server.port, stream=number % 2 == 0, after=number % 7)
            for _ in range(20):
                slots = await got(server.port, "/slots")
                if not slots["now"] and not slots["room"]:
                    break
                await asyncio.sleep(0.02)
            freed.append(slots["now"] == 0 and slots["ended"] == before)
        return freed

    freed = asyncio.run(leave_all())
    print(f"\n{sum(freed)} of {len(freed)} places were free before the answer's end")
    assert all(freed)


def test_at_the_end_streams_end_and_new_requests_are_refused() -> None:
    with stubbed(15, 0.05) as server:

        async def ending() -> tuple[list[Answer], Answer]:
            streams = [asyncio.create_task(asked(server.port)) for _ in range(16)]
            while (await got(server.port, "/slots"))["now"] < 16:
                await asyncio.sleep(0.01)
            server.process.send_signal(signal.SIGTERM)
            await asyncio.sleep(0.25)
            late = await asked(server.port)
            return [await stream for stream in streams], late

        streams, late = asyncio.run(ending())
        assert [(one.status, one.done, len(one.delays)) for one in streams] == [(200, True, 15)] * 16
        assert late.status == 503
        assert server.process.wait(timeout=5) == -signal.SIGTERM or server.process.returncode == 0


def test_what_does_not_end_in_time_is_ended_with_done() -> None:
    with stubbed(1000, 0.05, drain_seconds=0.3) as server:

        async def ending() -> Answer:
            stream = asyncio.create_task(asked(server.port))
            while not (await got(server.port, "/slots"))["now"]:
                await asyncio.sleep(0.01)
            server.process.send_signal(signal.SIGTERM)
            return await stream

        found = asyncio.run(ending())
        assert found.done
        assert '"deadline"' in found.events[-2]
        assert until(lambda: server.process.poll() is not None, 5)


def test_a_second_signal_ends_it_at_once() -> None:
    with stubbed(1000, 0.05) as server:

        async def ending() -> None:
            stream = asyncio.create_task(asked(server.port))
            while not (await got(server.port, "/slots"))["now"]:
                await asyncio.sleep(0.01)
            server.process.send_signal(signal.SIGTERM)
            await asyncio.sleep(0.3)
            server.process.send_signal(signal.SIGTERM)
            await stream

        asyncio.run(ending())
        assert server.process.wait(timeout=5) == 128 + signal.SIGTERM


def test_an_answer_that_takes_too_long_is_a_504() -> None:
    with stubbed(1000, 0.05, seconds=0.5) as server:
        whole = asyncio.run(asked(server.port, {**BODY, "stream": False}))
        assert whole.status == 504
        assert asyncio.run(asked(server.port)).done
