"""Requests on their way to the traffic table, written beside the answers so that no client waits for a disk.

    answered -> bounded queue -> one transaction for those that wait -> ``monitor.traffic``
             -> what is unsure, or what the shadow answers otherwise -> ``monitor.review``

What is kept of a text, and for how long, the task says (``Monitoring``); redacting is the table's work. Where
the queue is full or the disk fails, requests are counted as lost and answered all the same.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from whet.config_monitor import Monitoring

if TYPE_CHECKING:
    from pathlib import Path

    from whet.monitor.traffic import Served, Traffic

LOG = logging.getLogger("whet.serve")
MOST = 4_096
AT_ONCE = 256
PRUNED_SECONDS = 3600.0
Kept = tuple["Served", Monitoring]


class Recorder:
    """Writes traffic on a thread of its own."""

    def __init__(self, home: Path, days: int):
        """
        Args:
            home: the store's folder.
            days: for which requests are kept at most, whatever a task says.
        """
        self._home, self._days = home, days
        self.lost = 0
        self._pruned = float("-inf")
        self._tables: dict[tuple[str, int], Traffic] = {}
        self._queue: queue.Queue[Kept | threading.Event | None] = queue.Queue(MOST)
        self._thread = threading.Thread(target=self._work, name="traffic", daemon=True)
        self._thread.start()

    def put(self, served: Served, keeping: Monitoring) -> None:
        """Keep a request, as its task allows."""
        try:
            self._queue.put_nowait((served, keeping))
        except queue.Full:
            self.lost += 1

    def told(self, request: str, *, good: float | None, comment: str, truth: str | None) -> None:
        """What the caller says of an answer; call it on a thread.

        Raises:
            InputError: there is no such request.
        """
        self.flush()
        traffic = self._table(Monitoring())
        if good is not None:
            traffic.feedback(request, good, comment)
        if truth is not None:
            traffic.truth(request, truth)

    def flush(self) -> None:
        """Wait until what was put is written."""
        done = threading.Event()
        self._queue.put(done)
        done.wait(timeout=30)

    def close(self) -> None:
        self._queue.put(None)
        self._thread.join(timeout=30)

    def _work(self) -> None:
        while (first := self._queue.get()) is not None:
            some = [first]
            while len(some) < AT_ONCE and not self._queue.empty():
                one = self._queue.get()
                if one is None:
                    self._queue.put(None)
                    break
                some.append(one)
            self._write(some)

    def _table(self, keeping: Monitoring) -> Traffic:
        from whet.monitor.traffic import Traffic

        days = min(keeping.days, self._days)
        key = keeping.keep, days
        if key not in self._tables:
            self._tables[key] = Traffic(self._home, keeping.model_copy(update={"days": days}))
        return self._tables[key]

    def _prune(self) -> None:
        """Forget what is too old, now and then: at the first request, and every hour."""
        if time.monotonic() - self._pruned > PRUNED_SECONDS:
            self._table(Monitoring()).prune()
            self._pruned = time.monotonic()

    def _write(self, some: list[Kept | threading.Event]) -> None:
        rows = [one for one in some if not isinstance(one, threading.Event)]
        try:
            self._prune()
            by_table: dict[int, list[Kept]] = {}
            for one in rows:
                by_table.setdefault(id(self._table(one[1])), []).append(one)
            for alike in by_table.values():
                table = self._table(alike[0][1])
                table.log(*(row for row, _ in alike))
                _offer(table, [row for row, _ in alike])
        except Exception as error:  # the disk's or the database's, whatever it is made of
            self.lost += len(rows)
            LOG.warning("%d requests were not kept: %s", len(rows), error)
        for event in some:
            if isinstance(event, threading.Event):
                event.set()


def _offer(traffic: Traffic, rows: Sequence[Served]) -> None:
    """Put before people what they must look at now; the rest of the queue is ``monitor.watch``'s work."""
    from whet.monitor.review import Queue, reasons_of

    wanted = [row.id for row in rows if row.refused or row.shadow]
    if wanted:
        found = [(row, reasons_of(row, unsure=0.0)) for row in traffic.rows(wanted)]
        Queue(traffic).add([(row, reasons) for row, reasons in found if reasons])
