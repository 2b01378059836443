"""The climb: every rung is fitted on train, chosen on dev, and only then meets the test set, once.

Knows rungs by their contract only. Writes ``04-rungs/NAME/`` and ``05-scores.jsonl`` into a run, and
goes on where an earlier run of the same inputs stopped.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from whet.errors import InputError
from whet.models.endpoint import Endpoint
from whet.models.opening import elsewhere
from whet.records import Label, Output, Prediction, Specialist
from whet.rungs.asked import Asked
from whet.rungs.base import (
    CHOOSES,
    FINDS,
    LEARNS,
    LOOKS_UP,
    WRITES,
    Setting,
    all_rungs,
    find_rung,
    load_specialist,
    opened,
)
from whet.rungs.vectors import VectorSpecialist
from whet.store import read_jsonl, write_jsonl

if TYPE_CHECKING:
    from pathlib import Path

    from whet.config import Task
    from whet.data.split import Splits
    from whet.models.opening import Models
    from whet.runs import Run

LATENCY_CALLS = 20
SCORES = 2  # of the form of 05-scores.jsonl; an older one is written anew
ANYWAY = {"existing", "floor"}  # rungs that need no model


@dataclass(frozen=True)
class Fitted:
    """A rung with its specialist."""

    name: str
    specialist: Specialist
    folder: str
    trains: bool


@dataclass(frozen=True)
class Measured:
    """What a rung showed: its test answers and what they cost."""

    name: str
    outputs: tuple[Output, ...]
    confidences: tuple[float, ...]
    dev_gain: float
    fit_seconds: float
    parameters_trained: int
    trains: bool
    seconds_per_1k: float
    provider_usd_per_1k: float
    p50_ms: float
    p95_ms: float
    tokens_in: float
    """Read for one request, on average; 0: not known."""
    tokens_out: float
    choices: Mapping[str, Any]
    curve: Sequence[Mapping[str, float]]
    notes: Sequence[str]
    cut_short: bool = False
    """Whether it was trained for less than the task asks, to keep to its time."""
    prompt: Mapping[str, str] = field(default_factory=dict)
    """What is said to the model before and after the fit, where the rung changed it."""
    unanswered: Mapping[int, str] = field(default_factory=dict)
    """Place of a test input that the rung did not answer, and why."""


def asked_for(task: Task) -> list[str]:
    """The rungs that a task names, lowest first; ``auto`` names all that serve its kind.

    Raises:
        InputError: there is no such rung; `existing` without what exists.
    """
    known = all_rungs()
    if task.rungs == "auto":
        fits = [name for name, rung in known.items() if task.kind in rung.kinds]
        return [name for name in fits if name != "existing" or task.existing is not None]
    for name in task.rungs:
        find_rung(name)
    if "existing" in task.rungs and task.existing is None:
        raise InputError(
            "the rung `existing` needs to know what you have.",
            where="rungs",
            fix="set existing: {command | url | predictions}.",
        )
    return [name for name in known if name in task.rungs]


def chosen_rungs(
    names: Sequence[str], task: Task, models: Models, listed: Sequence[Label], no_places: str = "no JSON"
) -> list[str]:
    """Those of the rungs that the task's kind and models open.

    Args:
        listed: the labels, or the answers that repeat; empty where there is no list to choose from.
        no_places: why the values of the answers cannot be found in the inputs; empty where they can.

    Raises:
        InputError: the task names one by name that is not open.
    """
    reads, finds = bool(models.encoders), task.kind == "extract" and not no_places
    there = {CHOOSES: reads and bool(listed), FINDS: reads and finds}
    there |= {WRITES: models.write, LEARNS: bool(models.decoders)}
    there[LOOKS_UP] = there[LEARNS] and task.knowledge is not None
    opens = [name for name in names if opened(find_rung(name), task.kind, there)]
    if task.rungs != "auto" and (shut := [name for name in names if name not in opens]):
        rung = find_rung(shut[0])
        needs = " or ".join(getattr(rung, "forms", ())) if task.kind in rung.kinds else "another kind of task"
        raise InputError(
            f"the rung `{shut[0]}` needs {needs}, for a task of the kind `{task.kind}`.",
            where="rungs",
            fix="leave it out, or name a model in `models` that can do it.",
        )
    if set(opens) <= ANYWAY and not set(names) <= ANYWAY:
        raise InputError(
            "nothing in `models` can do this: its answers do not repeat, so that a model has to write them"
            + (f" ({no_places})." if task.kind == "extract" else "."),
            where=f"{task.task}: models",
            fix="name a decoder (an id or a folder) or a server (`endpoint:`); see docs/task-file.md.",
        )
    return opens


def climb(
    run: Run, names: Sequence[str], setting: Setting, splits: Splits, made_from: dict[str, Any]
) -> list[Fitted]:
    """Fit every rung, lowest first; one that is already there is loaded."""
    return [_fit_one(run, name, setting, splits, made_from) for name in names]


def _fit_one(run: Run, name: str, setting: Setting, splits: Splits, made_from: dict[str, Any]) -> Fitted:
    rung = find_rung(name)
    folder, step = f"04-rungs/{name}", f"rung {name}"
    if setting.documents is not None and getattr(rung, "reads_documents", False):
        about = {name: getattr(setting.documents, name) for name in ("digest", "words", "overlap")}
        made_from = {**made_from, "documents": about}
    if run.fresh(step, made_from):
        setting.tell(f"{name}: kept from before", 1, 1)
        return Fitted(name, load_specialist(run.path(folder), outside=True), folder, rung.trains)
    start = time.perf_counter()
    setting.tell(name, 0, 1)
    shutil.rmtree(run.path(folder), ignore_errors=True)
    setting = replace(setting, work=run.unfinished(step, made_from))
    specialist = rung(setting=setting).fit(splits.train, splits.dev)  # type: ignore[call-arg]
    specialist.save(run.path(folder))
    run.record(step, made_from, [folder], time.perf_counter() - start)
    setting.tell(f"{name}: fitted", 1, 1)
    return Fitted(name, load_specialist(run.path(folder), outside=True), folder, rung.trains)


def measure(
    run: Run, fitted: Sequence[Fitted], setting: Setting, splits: Splits, made_from: dict[str, Any]
) -> list[Measured]:
    """Open the test set: every rung answers every test input, and is timed on dev inputs."""
    made_from = {**made_from, "form": SCORES}
    if not run.fresh("scores", made_from):
        start = time.perf_counter()
        rows: list[dict[str, Any]] = [
            {"id": e.id, "input": e.input, "source": e.source, "truth": e.output, "rungs": {}}
            for e in splits.test
        ]
        costs = {}
        for number, item in enumerate(fitted):
            setting.tell(f"held-out answers: {item.name}", number, len(fitted))
            costs[item.name] = _answer(item, setting, splits, rows)
        write_jsonl(run.path("05-scores.jsonl"), [{"costs": costs}, *rows])
        run.record("scores", made_from, ["05-scores.jsonl"], time.perf_counter() - start)
    return read_scores(run.path("05-scores.jsonl"), fitted)


def _answer(item: Fitted, setting: Setting, splits: Splits, rows: list[dict[str, Any]]) -> dict[str, float]:
    """Add the rung's answers to ``rows``; its costs."""
    answers = with_cache(item.specialist, setting).predict([e.input for e in splits.test])
    for row, answer in zip(rows, answers, strict=True):
        row["rungs"][item.name] = {"output": answer.output, "confidence": answer.confidence}
        if answer.failed:
            row["rungs"][item.name]["failed"] = answer.failed
        if answer.passages:
            row["rungs"][item.name]["passages"] = [passage.source for passage in answer.passages]
        if answer.cached:
            row["rungs"][item.name]["cached"] = True
    n = len(answers)
    times = latencies(item.specialist, [e.input for e in splits.dev], answers)
    return {
        "seconds_per_1k": 1000 * sum(a.seconds for a in answers) / n,
        "usd_per_1k": 1000 * sum(a.usd for a in answers) / n,
        "p50_ms": float(np.percentile(times, 50)),
        "p95_ms": float(np.percentile(times, 95)),
        "tokens_in": sum(a.tokens_in for a in answers) / n,
        "tokens_out": sum(a.tokens_out for a in answers) / n,
    }


def with_cache(specialist: Specialist, setting: Setting) -> Specialist:
    """The same specialist, reading frozen vectors from the run's cache where it has them, and asking servers
    through the run's writer: as the task says now, of the task's budget, with the answers that are kept."""
    if isinstance(specialist, Asked) and isinstance(specialist.writer, Endpoint):
        spec = specialist.writer.spec
        for writer in setting.writers:
            if isinstance(writer, Endpoint) and writer.spec.asked() == spec.asked():
                return replace(specialist, writer=writer)
    if isinstance(specialist, VectorSpecialist):
        for cached in setting.encoders:
            if cached.source.sha256 == specialist.encoder.source.sha256:
                return replace(specialist, encoder=cached)
    return specialist


def latencies(specialist: Specialist, inputs: Sequence[str], answers: Sequence[Prediction]) -> list[float]:
    """Milliseconds of requests that are alone, after a warm-up; of a model elsewhere, of its test answers:
    each call there costs money."""
    if isinstance(specialist, Asked) and elsewhere(specialist.writer):
        return [1000 * answer.seconds for answer in answers]
    if getattr(specialist, "source", None):
        return [_one_call_ms(specialist, inputs[:1])]  # an existing command: one start is enough
    calls = [inputs[i % len(inputs)] for i in range(LATENCY_CALLS)]
    specialist.predict(calls[:1])
    return [_one_call_ms(specialist, [text]) for text in calls]


def _one_call_ms(specialist: Specialist, inputs: Sequence[str]) -> float:
    start = time.perf_counter()
    specialist.predict(inputs)
    return 1000 * (time.perf_counter() - start)


def read_scores(path: Path, fitted: Sequence[Fitted]) -> list[Measured]:
    """``05-scores.jsonl`` back as records, so that every later figure comes from the artifact."""
    head, *rows = read_jsonl(path)
    return [_measured(item, head["costs"][item.name], rows) for item in fitted]


def _measured(item: Fitted, costs: Mapping[str, float], rows: list[dict[str, Any]]) -> Measured:
    answers = [row["rungs"][item.name] for row in rows]
    info = item.specialist.info
    return Measured(
        name=item.name,
        outputs=tuple(as_output(answer["output"]) for answer in answers),
        confidences=tuple(float(answer["confidence"]) for answer in answers),
        dev_gain=info.dev_score,
        fit_seconds=info.seconds,
        parameters_trained=info.parameters_trained,
        trains=item.trains,
        seconds_per_1k=costs["seconds_per_1k"],
        provider_usd_per_1k=costs["usd_per_1k"],
        p50_ms=costs["p50_ms"],
        p95_ms=costs["p95_ms"],
        tokens_in=costs["tokens_in"],
        tokens_out=costs["tokens_out"],
        choices=info.choices,
        curve=info.curve,
        notes=[*info.notes, *_unanswered(answers), *_kept(answers)],
        cut_short=info.cut_short,
        prompt=info.prompt,
        unanswered={at: str(a["failed"]) for at, a in enumerate(answers) if a.get("failed")},
    )


def _unanswered(answers: Sequence[Mapping[str, Any]]) -> list[str]:
    """How many test inputs a rung did not answer, and the first reason."""
    failed = [str(answer["failed"]) for answer in answers if answer.get("failed")]
    counts = f"{len(failed):,} of {len(answers):,} test inputs"
    return [f"{counts} were not answered: {failed[0]}"] if failed else []


def _kept(answers: Sequence[Mapping[str, Any]]) -> list[str]:
    """How many of them were not asked for now, but kept from before."""
    kept = sum(bool(answer.get("cached")) for answer in answers)
    again = "`whet run --fresh` asks anew"
    return [f"{kept:,} of {len(answers):,} test answers were kept from before ({again})"] if kept else []


def as_output(value: Any) -> Output:
    """JSON knows no tuples."""
    return value if isinstance(value, str) else tuple(value)
