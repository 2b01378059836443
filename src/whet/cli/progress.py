"""Progress with time left: a live line on a terminal, one line now and then elsewhere.

Everything goes to standard error, so that standard output holds results only. Where ``WHET_PROGRESS`` names a
file, how far it is stands there too, for a page that looks (``whet.web``).
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

EVERY_SECONDS = 10.0  # without a terminal
REDRAW_SECONDS = 0.1
FILE = "WHET_PROGRESS"
FILE_SECONDS = 0.5
WIDTH = 80
"""Characters of what is being done; the share and the time left follow."""


class Progress:
    """Prints what is being done, how far it is and how long it will take."""

    def __init__(self, live: bool, file: Path | None = None):
        self._live, self._file, self._kept = live, file, 0.0
        self._work = ""
        self._first = 0
        self._since = self._printed = self._began = time.monotonic()
        self._open = False

    def tell(self, what: str, done: int, total: int) -> None:
        """A ``whet.rungs.base.Tell``; what follows a colon may change from call to call."""
        now = time.monotonic()
        new = (work := what.partition(":")[0]) != self._work or done < self._first
        if new:
            self._work, self._since, self._first = work, now, done
        self._keep(what, done, total, now)
        if new:
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
        left = self._left(done, total, now)
        share = f" {done / total:4.0%}" if total > 1 else ""
        rest = f", {_duration(left)} left" if left is not None and left >= 1 else ""
        line = f"[{_duration(now - self._began)}] {shortened(what)}{share}{rest}"
        if self._live:
            print(f"\r\x1b[2K{line[:110]}", end="", file=sys.stderr, flush=True)
            self._open = True
        else:
            print(line, file=sys.stderr, flush=True)

    def _left(self, done: int, total: int, now: float) -> float | None:
        """Seconds that are left, where something can be said of them."""
        seen = done - self._first
        return (now - self._since) / seen * (total - done) if seen > 0 and done < total else None

    def _keep(self, what: str, done: int, total: int, now: float) -> None:
        """Write it to the file, now and then; that nobody can read it must not stop the work."""
        if self._file is None or now - self._kept < FILE_SECONDS:
            return
        from whet.errors import WorldError
        from whet.store import write_json

        self._kept = now
        told = {"what": shortened(what), "done": done, "total": total}
        times = {"seconds": now - self._began, "left": self._left(done, total, now)}
        with contextlib.suppress(WorldError):
            write_json(self._file, told | times)

    def _clear(self) -> None:
        if self._open:
            print("\r\x1b[2K", end="", file=sys.stderr, flush=True)
            self._open = False


@contextlib.contextmanager
def progress() -> Iterator[Progress]:
    """A Progress that leaves a clean line behind, whatever happens."""
    file = os.environ.get(FILE)
    shown = Progress(live=sys.stderr.isatty(), file=Path(file) if file else None)
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
