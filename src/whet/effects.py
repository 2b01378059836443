"""Settings that changed nothing in a run: each is said, with the reason."""

from __future__ import annotations

from collections.abc import Set
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from whet.config import Task
    from whet.rungs.base import Setting

READERS = {"retrieve", "tune+retrieve"}
"""Rungs that look things up in the task's documents."""


def without_effect(task: Task, setting: Setting, names: Set[str]) -> list[str]:
    """What is said of a run with these rungs."""
    notes = []
    if task.instruction and not setting.writers:
        notes.append("`instruction` had no effect: sentence encoders take none; it is shown in the report")
    if task.existing is not None and "existing" not in names:
        notes.append("`existing` had no effect: the rung is not among `rungs`")
    if task.knowledge is not None and not (setting.writers and names & READERS):
        notes.append("`knowledge` had no effect: passages are shown by `retrieve`, to a model that writes")
    if "tune" in task.model_fields_set and not names & {"tune", "tune+retrieve"}:
        notes.append("`tune` had no effect: the rung is not among `rungs`")
    if task.tune.canaries and setting.teach is None:
        notes.append("`tune.canaries` had no effect: they are planted where a local decoder is trained")
    if task.tune.compile and setting.teach is None:
        notes.append("`tune.compile` had no effect: it is for the training of a local decoder")
    if "prompt" in task.model_fields_set and not (setting.writers and "prompt+" in names):
        notes.append("`prompt` had no effect: it is for `prompt+` of a model that writes")
    return notes
