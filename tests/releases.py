"""A small run to release: two rungs on small tickets with the real encoder, and a gate that was passed.

The gate's result is written by hand here: what a gate measures is tested where it stands.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.conftest import tickets
from whet.config import Task
from whet.pipeline import run_task
from whet.release.policy import policy_of
from whet.release.registry import Registry
from whet.release.releases import Release
from whet.store import folder_digests, value_digest, write_json

TRAINER, APPROVER = "Tom Trainer", "Ana Approver"
LOST = [
    said.format(card, where)
    for said in (
        "{} was lost {}",
        "somebody stole {} {}",
        "the machine swallowed {} {}",
        "i cannot find {} since i was {}",
        "please block {}, it fell out of my pocket {}",
        "i left {} in a taxi {}",
        "thieves took {} {}",
    )
    for card in ("my bank card", "the debit card", "our visa card")
    for where in ("abroad", "at the station", "on the train")
]
"""What the desk has never seen: cards that are gone. Few of them are near-copies of each other."""


def small_run(together: Path) -> Path:
    """A finished run of ``floor`` and ``fewshot``; fewshot wins. Modules share it: change a copy.

    Args:
        together: the folder of all tests of this process.
    """
    folder = together / "small-run"
    if (folder / "run" / "07-report.html").exists():
        return folder / "run"
    folder.mkdir()
    rows = "\n".join(f'"{text}",{label}' for text, label in tickets(40))
    (folder / "tickets.csv").write_text(f"text,label\n{rows}\n", encoding="utf-8")
    task = Task.model_validate(
        {
            "task": "small tickets",
            "examples": "tickets.csv",
            "fields": {"input": "text", "output": "label"},
            "labels": {"parcel": "a parcel has not come", "refund": "money back", "login": "cannot sign in"},
            "rungs": ["floor", "fewshot"],
        }
    )
    return run_task(task, folder / "run", folder=folder).folder


def pass_gate(run: Path, home: Path, rung: str = "floor", *, passed: bool = True) -> Path:
    """The result of a gate, among the run's evidence."""
    path = run / "09-gate.json"
    specialist = value_digest(folder_digests(run / "04-rungs" / rung))
    write_json(path, {"passed": passed, "specialist": specialist, "policy": policy_of(home).digest})
    return path


def copy_of(run: Path, to: Path) -> Path:
    """A run that a test may change."""
    return Path(shutil.copytree(run, to))


def put_forward(registry: Registry, run: Path, rung: str = "floor", **more: str) -> Release:
    """A candidate whose gate was passed; ``floor`` needs no model, and is quick to hash and to load."""
    pass_gate(run, registry.home, rung)
    return registry.add(run, rung, trained_by=TRAINER, **more)


def approved(registry: Registry, run: Path, rung: str = "floor", **more: str) -> Release:
    """A release that is live."""
    release = registry.approve(put_forward(registry, run, rung, **more).id, by=APPROVER)
    return registry.go_live(release.id, by=APPROVER)
