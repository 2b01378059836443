"""The worker: a process apart that does one job after another, and goes on where a killed one stopped.

    python -m whet.serve.jobs.worker HOME

Started by the server and not ended with it. One works in a store at a time, by a lock that the system frees
however the process ends; so whoever holds the lock knows that jobs held by this machine's workers are free.
It leaves when nothing waits. Knows no route.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from whet.database import opened
from whet.errors import InputError
from whet.serve.jobs.book import Book
from whet.serve.jobs.files import Files
from whet.serve.jobs.perform import FOLDER, perform
from whet.serve.jobs.tables import METADATA
from whet.store import exclusive, make_folder

LOG = "worker.log"
LINGER = 2.0
"""Seconds that a worker waits for another job before it leaves."""
TICK = 0.2


def main(home: Path) -> int:
    """Work until nothing waits; at once, where another works here."""
    try:
        with exclusive(make_folder(home / FOLDER)):
            work(home)
    except InputError:
        return 0
    return 0


def work(home: Path) -> None:
    engine = opened(home, METADATA)
    book, files = Book(home, engine), Files(home, engine)
    host = socket.gethostname()
    me = f"{host}:{os.getpid()}:{time.time():.0f}"
    until = time.monotonic() + LINGER
    while time.monotonic() < until:
        job = book.claim(me, host=host)
        if job is None:
            time.sleep(TICK)
            continue
        perform(book, files, job, me)
        until = time.monotonic() + LINGER


def at_work(home: Path) -> bool:
    """Whether a worker of this machine works in the store."""
    try:
        with exclusive(make_folder(home / FOLDER)):
            return False
    except InputError:
        return True


def start(home: Path) -> subprocess.Popen[bytes]:
    """Start a worker that outlives this process."""
    folder = make_folder(home / FOLDER)
    with (folder / LOG).open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "whet.serve.jobs.worker", str(home.resolve())],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
