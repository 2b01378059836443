"""Progress with time left: a live line on a terminal, one line now and then elsewhere.

Everything goes to standard error, so that standard output holds results only.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator

EVERY_SECONDS = 10.0  # without a terminal
REDRAW_SECONDS = 0.1
WIDTH = 80
"""Characters of what is being done; the share and the time left follow."""


class Progress:
    """Prints what is being done, how far it is and how long it will take."""

    def __init__(self, live: bool):
        self._live = live
        self._work = ""
        self._first = 0
        self._since = self._printed = self._began = time.monotonic()
        self._open = False

    def tell(self, what: str, done: int, total: int) -> None:
        """A ``whet.rungs.base.Tell``; what follows a colon may change from call to call."""
        now = time.monotonic()
        if (work := what.partition(":")[0]) != self._work or done < self._first:
            self._work, self._since, self._first = work, now, done
            self._printed = now if not self._live else 0.0
            if not self._live and now - self._began < EVERY_SECONDS:
                return
        gap = REDRAW_SECONDS if self._live else EVERY_SECONDS
        if now - self._printed >= gap or (self._live and done == total):
            self._printed = now
            self._draw(what, done, total, now)

    def say(self, line: str) -> None:
        """A line that stays."""
        self._clear()
        print(line, file=sys.stderr, flush=True)

    def _draw(self, what: str, done: int, total: int, now: float) -> None:
        seen = done - self._first
        left = (now - self._since) / seen * (total - done) if seen > 0 and done < total else None
        share = f" {done / total:4.0%}" if total > 1 else ""
        rest = f", {_duration(left)} left" if left is not None and left >= 1 else ""
        line = f"[{_duration(now - self._began)}] {shortened(what)}{share}{rest}"
        if self._live:
            print(f"\r\x1b[2K{line[:110]}", end="", file=sys.stderr, flush=True)
            self._open = True
        else:
            print(line, file=sys.stderr, flush=True)

    def _clear(self) -> None:
        if self._open:
            print("\r\x1b[2K", end="", file=sys.stderr, flush=True)
            self._open = False


@contextlib.contextmanager
def progress() -> Iterator[Progress]:
    """A Progress that leaves a clean line behind, whatever happens."""
    shown = Progress(live=sys.stderr.isatty())
    try:
        yield shown
    finally:
        shown._clear()


def shortened(what: str) -> str:
    """In one line, however many an instruction has that is being tried."""
    line = " ".join(what.split())
    return line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}…"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}"
