"""A worker's hold on one job: its lease is renewed, its progress told, and its end noticed.

A thread beats while the work goes on. When the book says that the job is another's (cancelled, paused,
taken), the next word of progress raises ``Stopped`` in the work itself; what was finished until then is kept
by the run's own checkpoints. Knows no training.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from whet.errors import WhetError
from whet.serve.jobs.book import LEASE, Lost

if TYPE_CHECKING:
    from whet.serve.jobs.book import Book, Job

BEAT = min(1.0, LEASE / 10)
"""Seconds between two looks at the book."""
QUIET = 2.0
"""Seconds between two events about the same work."""


class Stopped(BaseException):
    """The job is not ours any more. No ``Exception``: nothing on the way may take it for a failure of its
    own."""


@dataclass
class Watch:
    """What work on a job is told by."""

    book: Book
    job: Job
    worker: str
    lost: threading.Event = field(default_factory=threading.Event)
    _ended: threading.Event = field(default_factory=threading.Event)
    _said: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def beating(self) -> Iterator[Watch]:
        """Within the block the lease is renewed."""
        thread = threading.Thread(target=self._beat, name="beat", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._ended.set()
            thread.join()

    def _beat(self) -> None:
        while not self._ended.wait(BEAT):
            try:
                self.book.change(self.job.id, self.worker)
            except Lost:
                self.lost.set()
                return
            except (WhetError, OSError):
                continue  # the store is busy or full: the lease lasts for some beats more

    def stopped(self) -> bool:
        return self.lost.is_set()

    def still_ours(self) -> None:
        """Raises ``Stopped`` where it is not."""
        if self.lost.is_set():
            raise Stopped

    def tell(self, what: str, done: int, total: int) -> None:
        """Progress of a step (``rungs.base.Tell``)."""
        self.still_ours()
        head, now = what.split(":")[0], time.monotonic()
        if total > 1 and (done == total or now - self._said.get(head, 0.0) > QUIET):
            self._said[head] = now
            self.event(f"Step {done:,}/{total:,}: {what}", {"step": done, "total_steps": total})

    def say(self, line: str) -> None:
        self.still_ours()
        self.event(line)

    def event(self, message: str, data: dict[str, Any] | None = None, *, level: str = "info") -> None:
        self.book.tell(self.job.id, message, level=level, data=data)

    def change(self, **values: Any) -> None:
        """Write to the job; raises ``Stopped`` where it is not ours any more."""
        try:
            self.book.change(self.job.id, self.worker, **values)
        except Lost:
            raise Stopped from None
