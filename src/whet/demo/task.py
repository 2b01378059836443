"""The demo's task. The tickets are written by ``tools/make_tickets.py``; ``planted.json`` lists the
faults that were put into them."""

from __future__ import annotations

from pathlib import Path

from whet.config import Task, load_task


def demo_task() -> tuple[Task, Path]:
    """The task and the folder that its paths start from."""
    folder = Path(__file__).parent
    return load_task(folder / "task.yaml"), folder
