"""A stream of server-sent events that is made by one task and sent by another, and ends when either does.

    produce(put) -> queue -> first(), which may still be an error with a status -> rest(), as bytes

The work runs in a task of its own, so that its deadline and its cancelling do not hang on who sends. What is
in the queue at once is sent at once. Knows no model.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from whet.serve.faults import Fault
from whet.serve.replies import DONE, event

Result = TypeVar("Result")
Produce = Callable[[Callable[[bytes], None]], Coroutine[Any, Any, None]]


class Gone(Exception):
    """The client left before there was an answer."""


class Stream:
    """Events of one response."""

    def __init__(self, produce: Produce):
        self._queue: asyncio.Queue[bytes | BaseException | None] = asyncio.Queue()
        self._task = asyncio.create_task(self._run(produce))

    async def first(self) -> bytes:
        """The first events; raises what went wrong before there were any."""
        found = await self._queue.get()
        if isinstance(found, BaseException):
            raise found
        return found or DONE

    async def rest(self, first: bytes) -> AsyncIterator[bytes]:
        """All events; an error ends them, after it was told."""
        try:
            yield first
            while (found := await self._queue.get()) is not None:
                if isinstance(found, bytes):
                    found, more = self._more(found)
                    yield found
                    if not more:
                        return
                else:
                    fault = found if isinstance(found, Fault) else Fault(500, "The server failed.")
                    yield event(fault.body()) + DONE
                    return
        finally:
            self.cancel()

    def cancel(self) -> None:
        self._task.cancel()

    def _more(self, found: bytes) -> tuple[bytes, bool]:
        """With what else is there already; and whether something may come."""
        parts = [found]
        while not self._queue.empty():
            one = self._queue.get_nowait()
            if one is None:
                return b"".join(parts), False
            if not isinstance(one, bytes):
                self._queue.put_nowait(one)
                break
            parts.append(one)
        return b"".join(parts), True

    async def _run(self, produce: Produce) -> None:
        try:
            await produce(self._queue.put_nowait)
            self._queue.put_nowait(None)
        except asyncio.CancelledError:
            self._queue.put_nowait(Fault(503, "The answer was given up.", code="cancelled"))
            raise
        except Exception as error:
            self._queue.put_nowait(error)


async def unless_gone(receive: Callable[[], Awaitable[Any]], work: Coroutine[Any, Any, Result]) -> Result:
    """The result of ``work``, which is cancelled when the client leaves.

    Raises:
        Gone: the client left first.
    """
    task = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_left(receive))
    try:
        await asyncio.wait({task, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise Gone
        return task.result()
    finally:
        leaving.cancel()
        if not task.done():
            task.cancel()


async def _left(receive: Callable[[], Awaitable[Any]]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
