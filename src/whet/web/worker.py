"""The worker of one command: waits for its turn, runs it, and writes down how it ended.

    python -m whet.web.worker FOLDER

A process apart that the server starts and does not end. It holds the lock of its folder and hands it to the
command, so that the work counts as going on for as long as either lives; of all works of a store one goes on
at a time. A file ``stop`` ends it as Ctrl-C would: finished steps are kept. Knows no page and no run.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from whet.runs import now
from whet.store import read_json, write_json

JOB, PROGRESS, LOG, RESULT, ENDED, STOP = (
    *("work.json", "progress.json", "said.log", "result.json", "ended.json", "stop"),
)
LOCK = ".lock"
TELLS = "WHET_PROGRESS"
"""The environment variable that names the file for a command's progress (``cli.progress``)."""
TICK = 0.2
PATIENCE = 15.0
"""Seconds between asking a command to end, and ending it."""
STOPPED = 130


def main(folder: Path) -> int:
    """Do the work, unless somebody does it already."""
    with _locked(folder / LOCK) as own:
        if own is None or (folder / ENDED).exists():
            return 0
        with _waited(folder) as mine:
            return _ended(folder, _run(folder, own) if mine else STOPPED)


def at_work(folder: Path) -> bool:
    """Whether a worker, or its command, is alive."""
    with _locked(folder / LOCK) as own:
        return own is None


def _run(folder: Path, lock: int) -> int:
    job = read_json(folder / JOB)
    with (folder / RESULT).open("wb") as out, (folder / LOG).open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "whet", *job["arguments"]],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=log,
            env={**os.environ, TELLS: str(folder / PROGRESS)},
            pass_fds=(lock,),
        )
        asked = 0.0
        while child.poll() is None:
            time.sleep(TICK)
            if (folder / STOP).exists():
                asked = asked or time.monotonic()
                late = time.monotonic() - asked > PATIENCE
                child.send_signal(signal.SIGKILL if late else signal.SIGINT)
                time.sleep(1.0)
    return STOPPED if asked else int(child.returncode)


def _ended(folder: Path, code: int) -> int:
    write_json(folder / ENDED, {"code": code, "at": now()})
    return 0


def _turn(folder: Path) -> bool:
    """Whether it is still wanted."""
    return not (folder / STOP).exists()


@contextlib.contextmanager
def _waited(folder: Path) -> Iterator[bool]:
    """Hold the turn of all works of the store; False: it was stopped while it waited."""
    told = False
    while _turn(folder):
        with _locked(folder.parent / LOCK) as turn:
            if turn is not None:
                yield True
                return
        if not told:
            about = {"what": "waiting for another", "done": 0, "total": 1, "seconds": 0.0, "left": None}
            write_json(folder / PROGRESS, about)
            told = True
        time.sleep(TICK)
    yield False


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[int | None]:
    """The number of an open file that holds a lock; None: somebody else holds it."""
    with path.open("a+", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield None
            return
        yield handle.fileno()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
