"""READ FIRST: the whole way of the data, from a task file to a verdict and a page.

    examples -> split -> check -> rungs (fit on train, choose on dev) -> held-out answers -> verdict -> report

Each step writes a numbered artifact into the run folder, with the digests of what it was made from; a
step whose inputs did not change is not done again. The steps themselves live below: ``data``, ``checkup``,
``rungs``, ``ladder``, ``verdict``, ``report``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet import checkup, ladder
from whet.config import Task, load_task
from whet.curve import learning_curve
from whet.data.load import load_examples
from whet.data.outputs import answers_of, inferred_schema, room_for
from whet.data.spans import why_not
from whet.data.split import Splits, split_examples
from whet.effects import without_effect
from whet.errors import InputError
from whet.evaluate.evidence import Sizes
from whet.measure import changed, evidence_of, failed, judged, metric_of, scored, scorers_of
from whet.models.cache import CachedEncoder
from whet.models.encoder import Encoder
from whet.models.opening import Models, named, open_writers
from whet.report.checkpage import sentence
from whet.report.page import render
from whet.retrieve.documents import read_documents
from whet.rungs import existing
from whet.rungs.base import Setting, Tell, silent
from whet.runs import Run, command_line, open_run
from whet.store import exclusive, read_json, value_digest, write_json, write_jsonl, write_text
from whet.tuning import teach
from whet.verdict import verdict

if TYPE_CHECKING:
    from whet.curve import LearningCurve
    from whet.ladder import Fitted, Measured
    from whet.records import Example


@dataclass(frozen=True)
class Outcome:
    """What a run leaves: its folder, the verdict, and which steps were kept from before."""

    folder: Path
    verdict: dict[str, Any]
    reused: tuple[str, ...]
    seconds: float

    @property
    def report(self) -> Path:
        return self.folder / "07-report.html"

    @property
    def sentence(self) -> str:
        return str(self.verdict["sentence"])


def run_task(
    task: Task | Path,
    out: Path,
    *,
    folder: Path | None = None,
    tell: Tell = silent,
    before_writing: Callable[[Path], None] | None = None,
    fresh: bool = False,
) -> Outcome:
    """Climb the ladder for one task.

    Args:
        task: a task, or the path of its file.
        out: the run folder; an earlier run of the same task goes on there.
        folder: where the task's relative paths start; for a task file, its own folder.
        tell: is told of progress.
        before_writing: called with ``out`` once all input is known to be good.
        fresh: ask served models anew, even what is kept from before.

    Raises:
        InputError: wrong input; nothing was written.
        Refused: the data do not pass the check.
        WorldError: the world failed; finished steps are kept.
    """
    start = time.perf_counter()
    if isinstance(task, Path):
        folder = task.parent if folder is None else folder
        task = load_task(task)
    folder = folder or Path()
    names = ladder.asked_for(task)
    if task.existing is not None:
        existing.at_hand(task.existing.model_dump(exclude_none=True), folder)
    documents = read_documents(task.knowledge, folder) if task.knowledge else None
    models = named(task, folder)
    if fresh and not models.endpoints:
        raise InputError(
            "there is nothing to ask anew: no model of the task is behind a server.",
            where=f"{task.task}: models",
            fix="leave --fresh away; steps whose inputs changed are done again by themselves.",
        )
    splits = split_examples(task, load_examples(task, folder), folder)
    listed = splits.labels if task.kind == "classify" else answers_of(splits.train, splits.dev)
    names = ladder.chosen_rungs(names, task, models, listed, _no_places(task, splits))

    open_run(out)
    with exclusive(out):
        run = Run(out)  # read under the lock: another run may just have ended
        if before_writing:
            before_writing(out)
        start_at = os.path.relpath(folder, out)
        told = {**task.model_dump(mode="json"), "tune": task.tune.model_dump(mode="json", exclude_unset=True)}
        run.describe(command=command_line(), task=told, folder=start_at)
        asked_anew = run.asked_anew(more=fresh)
        _write_data(run, splits)
        setting = _setting(task, folder, splits, models, out, tell, fresh)
        setting = replace(setting, labels=listed, documents=documents)
        checked = checkup.check_run(run, task, splits, setting, command_line())
        made = {**_made_from(run, task, models), **asked_anew}
        fitted = ladder.climb(run, names, setting, splits, made)
        curve = learning_curve(run, fitted, setting, splits, _with_rungs(made, run, fitted))
        measured, opening = _open_test(run, fitted, setting, splits, made)
        found = _judge(run, task, setting, splits, measured, opening, curve, checked)
        _report(run, task, found, splits, measured, curve, models)
    return Outcome(out, found, tuple(run.reused), time.perf_counter() - start)


def _again() -> str:
    """The command that goes on after a stop: without ``--fresh``, so that nothing is paid twice."""
    return command_line().replace(" --fresh", "")


def _write_data(run: Run, splits: Splits) -> None:
    """01-examples.jsonl and 02-split.json."""
    sides = {"train": splits.train, "dev": splits.dev, "test": splits.test}
    rows = [{**asdict(e), "side": side} for side, examples in sides.items() for e in examples]
    made = {"rows": value_digest(rows), "notes": value_digest(splits.notes)}
    if run.fresh("data", made):
        return
    write_jsonl(run.path("01-examples.jsonl"), rows)
    split = {
        "counts": {side: len(examples) for side, examples in sides.items()},
        "labels": [label.name for label in splits.labels],
        **{side: [e.id for e in examples] for side, examples in sides.items()},
        "left_out": splits.left_out,
        "notes": splits.notes,
    }
    write_json(run.path("02-split.json"), split)
    run.record("data", made, ["01-examples.jsonl", "02-split.json"], 0.0)


def _setting(
    task: Task, folder: Path, splits: Splits, models: Models, out: Path, tell: Tell, fresh: bool
) -> Setting:
    """What the rungs may know of the task."""
    encoders = []
    for source in models.encoders:

        def reading(done: int, total: int, name: str = source.name) -> None:
            tell(f"reading texts with {name.rpartition('/')[2]}", done, total)

        encoders.append(CachedEncoder(Encoder(source, tell=reading), out / "cache"))
    return Setting(
        kind=task.kind,
        multi_label=task.multi_label,
        label_separator=task.label_separator,
        instruction=task.instruction,
        encoders=encoders,
        metric=metric_of(task, folder, out / "cache", encoders, command_line()),
        writers=open_writers(models, out / "cache", again=_again(), fresh=fresh),
        schema=_schema(task, splits),
        answer_tokens=room_for([example.output for example in splits.train]),
        pattern=task.pattern,
        existing=task.existing.model_dump(exclude_none=True) if task.existing else {},
        prompt=task.prompt.model_dump(),
        tune=_tune_options(task),
        teach=partial(teach, task, out / "cache" / "tune", tell) if models.decoders else None,
        folder=folder,
        seed=task.seed,
        tell=tell,
    )


def _tune_options(task: Task) -> dict[str, Any]:
    """What the task says of trainings; how long is left to the rung where the task does not say."""
    said = "epochs" in task.tune.model_fields_set
    return task.tune.model_dump(exclude=None if said else {"epochs"})


def _no_places(task: Task, splits: Splits) -> str:
    """Why the values of the training answers cannot be found in their inputs; empty where they can."""
    if task.kind != "extract":
        return "no JSON"
    return why_not([e.input for e in splits.train], [str(e.output) for e in splits.train])


def _schema(task: Task, splits: Splits) -> dict[str, Any] | None:
    """The task's JSON Schema, or the one that its training examples show."""
    if task.kind != "extract" or task.json_schema is not None:
        return task.json_schema
    return inferred_schema([str(example.output) for example in splits.train])


def _made_from(run: Run, task: Task, models: Models) -> dict[str, Any]:
    """What the rungs depend on, as digests."""
    keys = {"kind", "multi_label", "label_separator", "instruction", "labels", "json_schema", "pattern"}
    keys |= {"metric", "existing", "prompt", "tune", "seed"}
    said = sorted(task.tune.model_fields_set)  # what is left open may be chosen otherwise than its default
    return {
        **({"said of tune": said} if said else {}),
        "examples": run.digest("01-examples.jsonl"),
        "task": value_digest(task.model_dump(mode="json", include=keys)),
        "models": models.digests(),
    }


def _with_rungs(made: dict[str, Any], run: Run, fitted: Sequence[Fitted]) -> dict[str, Any]:
    return {**made, "rungs": {f.name: run.digest(f"{f.folder}/specialist.json") for f in fitted}}


def _open_test(
    run: Run, fitted: Sequence[Fitted], setting: Setting, splits: Splits, made: dict[str, Any]
) -> tuple[list[Measured], int]:
    """The only place where the held-out set is answered; each opening is counted in the ledger."""
    made = _with_rungs(made, run, fitted)
    test = value_digest([(e.input, e.output) for e in splits.test])
    opening = run.open_test(test, value_digest(made))
    return ladder.measure(run, fitted, setting, splits, made), opening


def _judge(
    run: Run,
    task: Task,
    setting: Setting,
    splits: Splits,
    measured: list[Measured],
    opening: int,
    curve: LearningCurve,
    checked: dict[str, Any],
) -> dict[str, Any]:
    """06-verdict.json."""
    made = {
        "scores": run.digest("05-scores.jsonl"),
        "task": value_digest(task.model_dump(mode="json")),
        "curve": value_digest(asdict(curve)),
        "opening": opening,
        "check": run.digest("03-check.json"),
        "documents": setting.documents.digest if setting.documents else "",
    }
    if run.fresh("verdict", made):
        return dict(read_json(run.path("06-verdict.json")))
    measured = [_priced(rung, task) for rung in measured]
    evidence = evidence_of(measured, splits.test, setting.metric, task.seed)
    sizes = Sizes(len(splits.train), len(splits.dev), len(splits.test))
    from_rungs = [f"{rung.name}: {note}" for rung in measured for note in rung.notes]
    known = setting.documents.said() if setting.documents else ()
    effects = without_effect(task, setting, {rung.name for rung in measured})
    notes = [*splits.notes, *known, *_of_check(checked), *effects, *from_rungs]
    found = verdict(task, evidence, sizes, opening, notes)
    found["check"] = {key: checked[key] for key in ("passes", "accepted", "standards")}
    found["more_training_examples"] = curve.answer
    further = scorers_of(task, setting.folder, run.folder / "cache", setting.encoders, command_line())
    found["failures"] = failed(task, [label.name for label in splits.labels], splits.test, evidence)
    also = judged(further, splits.test, measured, task.seed)
    found["scorers"], found["changed"] = scored(also), changed([evidence, *also])
    write_json(run.path("06-verdict.json"), found)
    run.record("verdict", made, ["06-verdict.json"], 0.0)
    return found


def _of_check(checked: dict[str, Any]) -> list[str]:
    """What the check says, and what was accepted in spite of it."""
    accepted = [f"accepted by the task: {f['what']}" for f in checked["findings"] if f["accepted"]]
    return [f"the data: {sentence(checked)} See 03-check.html", *accepted]


def _priced(rung: Measured, task: Task) -> Measured:
    """Existing: its stated price is the whole price, not this machine's time."""
    return replace(rung, seconds_per_1k=0.0) if rung.name == "existing" else rung


def _report(
    run: Run,
    task: Task,
    found: dict[str, Any],
    splits: Splits,
    measured: list[Measured],
    curve: LearningCurve,
    models: Models,
) -> None:
    """07-report.html, always written anew: it is cheap, and tells which steps were kept."""
    page = render(
        task=task,
        verdict=found,
        test=splits.test,
        rungs=measured,
        curve=curve,
        models=models.facts(),
        manifest=read_json(run.path("manifest.json")),
        baseline=_share_of_largest(splits.test),
    )
    write_text(run.path("07-report.html"), page)


def _share_of_largest(test: Sequence[Example]) -> float:
    counts: dict[Any, int] = {}
    for example in test:
        counts[example.output] = counts.get(example.output, 0) + 1
    return max(counts.values()) / len(test)
