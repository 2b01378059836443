"""What is watched: a release by its name or id, with what its run knows of it.

The run folder gives the task's wishes, what the held-out rows say of the release's confidence, and the
vectors of what it learned. A release that the registry does not have, or whose run is gone, is watched with
less, and that is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from whet.config import Task, task_from
from whet.errors import InputError
from whet.monitor.implied import Calibrated, calibrated
from whet.monitor.novelty import spread
from whet.monitor.traffic import Traffic
from whet.monitor.watch import Watch
from whet.release.history import LIVE
from whet.release.registry import Registry
from whet.rungs.base import CARD
from whet.runs import MANIFEST
from whet.store import file_digest, read_json, read_jsonl

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from whet.release.releases import Release

EXAMPLES, SCORES = "01-examples.jsonl", "05-scores.jsonl"


@dataclass(frozen=True)
class Subject:
    """A release with the run that made it."""

    home: Path
    release: Release
    task: Task
    run: Path
    """Its folder; may be gone."""
    folder: Path
    """Where the task's relative paths start."""

    @property
    def traffic(self) -> Traffic:
        return Traffic(self.home, self.task.monitor)

    def watch(self) -> Watch:
        return Watch(
            self.traffic,
            self.release.id,
            self.task.task,
            calibrated=calibration(self.run, self.release.rung),
            learned=learned(self.run, self.release.rung),
            policy=self.policy,
        )

    @property
    def policy(self) -> str:
        """Digest of the document that says what a right answer is; empty: the task names none, or it is
        gone."""
        named = self.task.monitor.policy
        return file_digest(self.folder / named) if named and (self.folder / named).is_file() else ""


def subject_of(home: Path, name_or_id: str) -> Subject:
    """A release by its id, or the live one of a name.

    Raises:
        InputError: there is none.
    """
    registry = Registry(home)
    live = [one for one in registry.releases(name_or_id) if one.state == LIVE]
    release = live[0] if live else registry.find(name_or_id)
    manifest = _manifest(release)
    task = task_from(manifest["task"]) if manifest else Task.model_validate(_BARE | {"task": release.task})
    run = release.source
    return Subject(home, release, task, run, (run / manifest.get("folder", ".")).resolve())


_BARE: dict[str, Any] = {"examples": "gone", "fields": {"input": "input", "output": "output"}}


def _manifest(release: Release) -> dict[str, Any]:
    """The run's manifest, from its folder or from the copy in the store."""
    for folder in (release.source, release.evidence):
        if (folder / MANIFEST).is_file():
            found = read_json(folder / MANIFEST)
            return found if "task" in found else {}
    return {}


def calibration(run: Path, rung: str) -> Calibrated | None:
    """What the held-out rows of a run say of a rung's confidence; None: its scores are gone."""
    if not (run / SCORES).is_file():
        return None
    rows = [row for row in read_jsonl(run / SCORES)[1:] if rung in row["rungs"]]
    if not rows:
        return None
    answers = [row["rungs"][rung] for row in rows]
    right = np.array([float(a["output"] == row["truth"]) for a, row in zip(answers, rows, strict=True)])
    return calibrated(np.array([float(a["confidence"]) for a in answers]), right)


def learned(run: Path, rung: str) -> NDArray[np.float32] | None:
    """Unit vectors of the examples that a rung learned from, by its own encoder; None: it has none, or the
    run is gone."""
    from whet.models.cache import CachedEncoder
    from whet.rungs.vectors import load_encoder

    folder = run / "04-rungs" / rung
    if not (folder / CARD).is_file() or not (run / EXAMPLES).is_file():
        return None
    card = read_json(folder / CARD)
    if "encoder" not in card:
        return None
    texts = [row["input"] for row in read_jsonl(run / EXAMPLES) if row["side"] != "test"]
    try:
        encoder = CachedEncoder(load_encoder(folder, card["encoder"]), run / "cache")
    except InputError:
        return None
    some = [texts[place] for place in spread(len(texts))]
    return np.asarray(encoder.encode(some, precise=False).vectors, np.float32)
