"""Who in a process computes on all processors, and who by itself.

    many threads -> work -> the one thread that computes on all processors -> each its result

Every thread that multiplies gets helpers of its own from OpenMP. Where there are more of them than
processors, all sleep as soon as they wait, and waking them costs more than a small product: with two of them
an engine was half as fast beside what another thread had loaded. So all large work of a server is done
by one thread (``computed``), and everything else that multiplies does so ``alone``. Source: libgomp's
``wait.h`` (spinning is cut short while its threads outnumber processors).
"""

from __future__ import annotations

import contextlib
import functools
import os
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any, TypeVar

Result = TypeVar("Result")
Work = tuple[Callable[[], Any], "Future[Any]"]
_STARTING = threading.Lock()


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Within the block this thread computes by itself, and gets no helpers."""
    import torch

    _processors()
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def computed(work: Callable[[], Result]) -> Result:
    """Do some work on the thread that computes, in the order of those who ask, and wait for it."""
    with _STARTING:
        thread, waiting = _computing()
    if threading.current_thread() is thread:
        return work()
    done: Future[Result] = Future()
    waiting.put((work, done))
    return done.result()


@functools.cache
def _processors() -> int:
    """What torch takes for itself, before anybody here has changed it."""
    import torch

    return torch.get_num_threads()


@functools.cache
def _computing() -> tuple[threading.Thread, queue.SimpleQueue[Work]]:
    waiting: queue.SimpleQueue[Work] = queue.SimpleQueue()
    thread = threading.Thread(target=_compute, args=[waiting], name="compute", daemon=True)
    thread.start()
    return thread, waiting


def _forked() -> None:
    """A process that was forked has none of its parent's threads."""
    global _STARTING
    _STARTING = threading.Lock()
    _computing.cache_clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


def _compute(waiting: queue.SimpleQueue[Work]) -> None:
    import torch

    torch.set_num_threads(_processors())
    while True:
        work, done = waiting.get()
        try:
            done.set_result(work())
        except BaseException as error:  # it is theirs who asked
            done.set_exception(error)
        del work, done  # what was worked with is not held until the next comes
