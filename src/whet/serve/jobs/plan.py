"""From a job to what whet runs: the rows as a task, the base's kind, the client's settings in whet's words.

    plain rows -> a task for the ladder (kind guessed from the answers) -> floor, head, tune | prompt, tune
    conversations -> a task for the training core alone, which needs a base that writes

Without a base the offline encoder learns; it needs answers that repeat, or whose values stand in the inputs.
A setting without effect is said. Knows no table and trains nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet.config import DEFAULT_ENCODER, Task, task_from
from whet.errors import InputError
from whet.given import RATES
from whet.models.opening import writes
from whet.start import guessed_task
from whet.store import make_folder, write_jsonl
from whet.taskfile import Hints

if TYPE_CHECKING:
    from whet.serve.jobs.asked import Hyperparameters
    from whet.serve.jobs.book import Job
    from whet.serve.jobs.chats import Chats

ENCODER_RUNGS, DECODER_RUNGS = ["floor", "head", "tune"], ["prompt", "tune"]
ROWS, DEV, TASK = "rows.jsonl", "dev.jsonl", "task"
TEST, SHARE = 0.2, 0.1
"""Of the rows, held out to say how good it is, and to choose by where there is no validation file."""
NEEDS_BASE = (
    "name a base that writes when the server starts: whet serve --base {model}=FOLDER; or make each row one "
    "question with one of a list of answers."
)


@dataclass(frozen=True, slots=True)
class Planned:
    """What shall be run."""

    task: Task
    folder: Path
    """Where the task's files lie."""
    alone: bool
    """Whether the training core runs alone, without the ladder."""
    notes: tuple[str, ...]
    """What the client should know."""


def planned(job: Job, rows: Chats, dev: Chats | None, folder: Path) -> Planned:
    """Lay a job's rows out as a task.

    Args:
        dev: the validation file's rows.
        folder: the job's own.

    Raises:
        InputError: the base cannot learn these rows.
    """
    writer = bool(job.base) and writes(job.base)
    plain = rows.plain and (dev is None or dev.plain)
    if not plain and not writer:
        what = (
            "the rows hold conversations, tools or several system messages, and no base that writes is named."
        )
        raise InputError(what, where=job.asked.training_file, fix=NEEDS_BASE.format(model=job.asked.model))
    make_folder(folder)
    notes = [*_of_base(job), *_without_effect(job.asked.settings, writer)]
    if not plain:
        return Planned(_conversations(job, rows, dev, folder), folder, True, tuple(notes))
    return Planned(_ladder(job, rows, dev, folder, writer), folder, False, tuple(notes))


def _ladder(job: Job, rows: Chats, dev: Chats | None, folder: Path, writer: bool) -> Task:
    """Question and answer as two columns; what the answers are, is guessed."""
    write_jsonl(folder / ROWS, rows.pairs())
    if dev is not None:
        write_jsonl(folder / DEV, dev.pairs())
    guessed = guessed_task(folder / ROWS, Hints(inputs=("input",), output="output"), lambda line: None)
    value = guessed.model_dump(mode="json", exclude_defaults=True)
    (told,) = rows.systems
    value |= {"instruction": told, "rungs": DECODER_RUNGS if writer else ENCODER_RUNGS}
    return _task(value, job, dev is not None, writer)


def _conversations(job: Job, rows: Chats, dev: Chats | None, folder: Path) -> Task:
    """Whole conversations, each as it came."""
    from whet.data.shapes.messages import write_messages

    for name, chats in ((ROWS, rows), (DEV, dev)):
        if chats is not None:
            write_jsonl(folder / name, [{"messages": write_messages(turns)} for turns in chats.rows])
    fields = {"input": "input", "output": "output"}
    return _task({"kind": "write", "fields": fields}, job, dev is not None, writer=True)


def _task(value: Mapping[str, Any], job: Job, dev: bool, writer: bool) -> Task:
    split: dict[str, Any] = {"test": TEST, "dev": DEV if dev else SHARE}
    own = {
        "task": job.asked.suffix or job.asked.model,
        "examples": ROWS,
        "models": [job.base or DEFAULT_ENCODER],
        "split": split,
        "seed": job.seed,
        "tune": _tune(job.asked.settings, writer),
    }
    return task_from({**value, **own}, where=job.id)


def _tune(asked: Hyperparameters, writer: bool) -> dict[str, Any]:
    """The client's settings; LoRA, so that what is kept of a job is small."""
    found: dict[str, Any] = {"methods": ["lora"]}
    if asked.n_epochs != "auto":
        found["epochs"] = float(asked.n_epochs)
    if writer and asked.batch_size != "auto":
        found["batch"] = asked.batch_size
    if writer and asked.learning_rate_multiplier != "auto":
        found["lr"] = min(RATES["lora"] * asked.learning_rate_multiplier, 0.5)
    return found


def _of_base(job: Job) -> list[str]:
    if job.base:
        return [f"{job.asked.model} stands for {Path(job.base).name} here."]
    said = f"stands for the offline encoder here ({DEFAULT_ENCODER}), which chooses and does not write."
    return [f"{job.asked.model} {said}"]


def _without_effect(asked: Hyperparameters, writer: bool) -> list[str]:
    names = ("batch_size", "learning_rate_multiplier")
    given = [] if writer else [name for name in names if getattr(asked, name) != "auto"]
    return [f"{name} has no effect: an encoder is trained with settings of its own." for name in given]
