"""One job from its files to a model that can be asked: checked, planned, trained, held to the gate, told.

    files -> chats -> plan -> ladder (or the core alone) -> figures, checkpoints -> release (done.py) ->
    succeeded

Everything goes into the job's folder in the store, and each step that a kill interrupts goes on there: the
run keeps its finished steps, the training its checkpoints. A fault of the data or of the world fails the job
with its reason.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet.errors import InputError, Refused, WhetError
from whet.serve.faults import Fault
from whet.serve.jobs.chats import read_chats
from whet.serve.jobs.done import Made, concluded, name_of
from whet.serve.jobs.files import RESULTS, Files
from whet.serve.jobs.plan import Planned, planned
from whet.serve.jobs.watch import Stopped, Watch

if TYPE_CHECKING:
    from whet.serve.jobs.book import Book, Job
    from whet.serve.jobs.chats import Chats

FOLDER, RUN = "jobs", "run"
CODES = {InputError: "invalid_training_file", Refused: "data_refused"}


def perform(book: Book, files: Files, job: Job, worker: str) -> None:
    """Do a job to its end, or until it is not this worker's any more."""
    with Watch(book, job, worker).beating() as watch:
        try:
            _performed(watch, files)
        except Stopped:
            return
        except (WhetError, Fault) as error:
            _failed(watch, error)
        except Exception as error:  # a job must end: what nobody foresaw is told like any other failure
            _failed(watch, error)
            raise


def _performed(watch: Watch, files: Files) -> None:
    job = watch.job
    folder = watch.book.home / FOLDER / job.id
    again = (folder / RUN).is_dir()
    plan = planned(job, _chats(files, job.asked.training_file), _validation(files, job), folder)
    if not again:
        watch.change(status="queued")
        watch.event("Files validated, moving job to queued state")
        for note in plan.notes:
            watch.event(note, level="warn")
    watch.change(status="running")
    watch.event("The job goes on where it stopped" if again else "Fine-tuning job started")
    made = _alone(watch, plan) if plan.alone else _climbed(watch, plan)
    _tell_figures(watch, made)
    results = files.add_bytes("step_metrics.csv", RESULTS, _table(made), owner=job.owner)
    for line in concluded(watch.book.home, job, made):
        watch.say(line)
    _succeeded(watch, made, results)


def _chats(files: Files, id_: str) -> Chats:
    kept = files.get(id_)
    return read_chats(kept.path, kept.filename)


def _validation(files: Files, job: Job) -> Chats | None:
    if job.asked.validation_file is None:
        return None
    kept = files.get(job.asked.validation_file)
    return read_chats(kept.path, kept.filename, least=1)


def _climbed(watch: Watch, plan: Planned) -> Made:
    """The ladder: the verdict names what is enough."""
    from whet.pipeline import run_task
    from whet.store import read_json

    outcome = run_task(plan.task, plan.folder / RUN, folder=plan.folder, tell=watch.tell)
    verdict = outcome.verdict
    rung = str(verdict["winner"] or verdict["provisional"] or verdict["best"])
    watch.event(f"Held-out rows say: {outcome.sentence}")
    card = read_json(outcome.folder / "04-rungs" / rung / "specialist.json")
    tuned = outcome.folder / "04-rungs" / "tune" / "specialist.json"
    curve = read_json(tuned)["info"]["curve"] if tuned.is_file() else card["info"]["curve"]
    tokens = round(sum(row.get("tokens_in", 0) for row in verdict["rungs"] if row["name"] == rung))
    return Made(outcome.folder, rung, tuple(curve), trained_tokens=_learned(plan, tokens))


def _alone(watch: Watch, plan: Planned) -> Made:
    """The training core: conversations as they came."""
    from whet.train.loop import Interrupted
    from whet.tuning import tune_task

    try:
        done = tune_task(
            plan.task,
            plan.folder,
            plan.folder / RUN,
            tell=watch.tell,
            say=lambda line: None,
            asked_to_stop=watch.stopped,
        )
    except Interrupted:
        raise Stopped from None
    if done.failed:
        raise Refused(f"the trained weights cannot be used: {'; '.join(done.failed)}.")
    curve = [{"step": point["step"], "dev_loss": point["loss"]} for point in done.card["curve"]]
    return Made(done.folder, "", tuple(curve), trained_tokens=int(done.card["learned"]))


def _learned(plan: Planned, mean: int) -> int:
    """Tokens that training has read, about: those of a row, times rows, times epochs."""
    from whet.store import read_jsonl

    rows = len(read_jsonl(plan.folder / "rows.jsonl"))
    return round(mean * rows * plan.task.tune.epochs)


def _tell_figures(watch: Watch, made: Made) -> None:
    """Every look at the validation rows as an event and a checkpoint."""
    name = name_of(watch.job)
    for point in made.curve:
        figures = metrics_of(point)
        step = int(figures["step"])
        told = ", ".join(
            f"{key.replace('_', ' ')}={value:.4f}" for key, value in figures.items() if key != "step"
        )
        watch.event(f"Step {step}: {told or 'no figures'}", figures)
        watch.book.mark(watch.job.id, step, f"{name}:ckpt-step-{step}", figures)


def metrics_of(point: Mapping[str, Any]) -> dict[str, float]:
    """A point of a curve under OpenAI's names."""
    names = {
        "loss": "train_loss",
        "dev_loss": "full_valid_loss",
        "dev_score": "full_valid_mean_token_accuracy",
    }
    found = {other: float(point[own]) for own, other in names.items() if point.get(own) is not None}
    return {"step": int(point["step"]), **found}


def _table(made: Made) -> bytes:
    """The result file: a line a look, by OpenAI's columns."""
    columns = ("step", "train_loss", "full_valid_loss", "full_valid_mean_token_accuracy")
    lines = [",".join(columns)]
    for point in made.curve:
        figures = metrics_of(point)
        lines.append(",".join(str(figures.get(name, "")) for name in columns))
    return ("\n".join(lines) + "\n").encode()


def _succeeded(watch: Watch, made: Made, results: str) -> None:
    from whet.serve.jobs.book import Lost

    name = name_of(watch.job)
    watch.event(f"New fine-tuned model created: {name}")
    values = {"fine_tuned_model": name, "result_files": json.dumps([results])}
    try:
        watch.book.end(watch.job.id, watch.worker, "succeeded", trained_tokens=made.trained_tokens, **values)
    except Lost:
        raise Stopped from None
    watch.event("The job has successfully completed")


def _failed(watch: Watch, error: Exception) -> None:
    """The job's end, with the reason as OpenAI's shape has it."""
    from whet.serve.jobs.book import Lost

    what, fix = getattr(error, "what", str(error)), getattr(error, "fix", "")
    code = next((code for kind, code in CODES.items() if isinstance(error, kind)), "server_error")
    param = "training_file" if code != "server_error" else None
    message = f"{what} Fix: {fix}" if fix else what
    try:
        said = json.dumps({"code": code, "message": message, "param": param})
        watch.book.end(watch.job.id, watch.worker, "failed", error=said)
    except Lost:
        return
    watch.event(f"The job failed: {message}", level="error")


def folder_of(home: Path, id_: str) -> Path:
    """A job's own folder in the store."""
    return home / FOLDER / id_
