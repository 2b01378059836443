"""Requests that come at the same time are answered together, on a thread of their own.

    items from many coroutines -> those that wait, up to ``most`` -> one call -> each its result

The thread takes what is there when it is free: nobody waits for a batch to fill. What was cancelled is not
done; where a batch fails, each is tried alone, so that one bad item spoils no other. Knows no model.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(slots=True)
class _Waiting(Generic[Item, Result]):
    item: Item
    future: asyncio.Future[Result]
    loop: asyncio.AbstractEventLoop


class Batches(Generic[Item, Result]):
    """Calls ``run`` with lists."""

    def __init__(self, run: Callable[[Sequence[Item]], Sequence[Result]], *, most: int = 64, name: str = ""):
        """
        Args:
            run: one result an item, in order.
            most: items of one call.
        """
        self._run, self._most = run, most
        self._queue: queue.SimpleQueue[_Waiting[Item, Result] | None] = queue.SimpleQueue()
        self._moved = time.monotonic()
        self._working = False
        self._thread = threading.Thread(target=self._work, name=f"batches {name}", daemon=True)
        self._thread.start()

    async def put(self, item: Item) -> Result:
        """The result for one item; cancelled before its turn, it costs nothing."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        if not self._working and self._queue.empty():
            self._moved = time.monotonic()
        self._queue.put(_Waiting(item, future, loop))
        return await future

    def stuck(self) -> float:
        """Seconds since a batch ended, while there is work."""
        waiting = self._working or not self._queue.empty()
        return time.monotonic() - self._moved if waiting else 0.0

    def close(self) -> None:
        self._queue.put(None)
        self._thread.join(timeout=10)

    def _work(self) -> None:
        while (first := self._queue.get()) is not None:
            self._working = True
            batch = [one for one in self._more(first) if not one.future.cancelled()]
            if batch:
                self._done(batch)
            self._moved, self._working = time.monotonic(), False

    def _more(self, first: _Waiting[Item, Result]) -> list[_Waiting[Item, Result]]:
        found = [first]
        while len(found) < self._most:
            try:
                one = self._queue.get_nowait()
            except queue.Empty:
                break
            if one is None:
                self._queue.put(None)  # the end comes after these
                break
            found.append(one)
        return found

    def _done(self, batch: list[_Waiting[Item, Result]]) -> None:
        try:
            results = self._run([one.item for one in batch])
        except Exception as error:
            if len(batch) > 1:
                for one in batch:
                    self._done([one])
            else:
                _tell(batch[0].loop, [(batch[0].future, error)])
            return
        _tell(batch[0].loop, [(one.future, result) for one, result in zip(batch, results, strict=True)])


def _tell(
    loop: asyncio.AbstractEventLoop, told: Sequence[tuple[asyncio.Future[Result], Result | Exception]]
) -> None:
    def deliver() -> None:
        for future, result in told:
            if future.done():
                continue
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)

    if not loop.is_closed():
        loop.call_soon_threadsafe(deliver)
