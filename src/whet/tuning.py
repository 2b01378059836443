"""Training alone, of a causal model: from a task file to a folder with weights, their card and a page.

    rows as tokens -> one is shown -> does it fit? -> model -> loop -> weights -> tried -> card, page

The loop, the step and the checkpoints live in ``whet.train``; here they meet the task, the model and the
files. Test rows are split off and never looked at. A killed training goes on where it stopped.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet.given import (
    Given,
    device,
    exactly,
    given_by,
    given_for,
    method,
    plan_of,
    precision,
    recipe_of,
)
from whet.models.decoder import load_decoder, skeleton
from whet.models.shape import shape_of
from whet.report.tunepage import render_tuned
from whet.rungs.taught import Taught
from whet.runs import environment, now
from whet.store import exclusive, make_folder, read_jsonl, value_digest, write_json, write_text
from whet.train import room
from whet.tuned_before import MADE_FROM, before, check_same, identity

if TYPE_CHECKING:
    from whet.config import Task
    from whet.rungs.taught import Lesson
    from whet.train.after import Check, Trained
    from whet.train.course import Ended, Plan
    from whet.train.job import CausalJob
    from whet.train.loop import Watching
    from whet.train.preflight import Fit

Tell = Callable[[str, int, int], None]
CARD, PAGE = "card.json", "training.html"


@dataclass(frozen=True)
class Tuned:
    """What a training leaves."""

    folder: Path
    card: Mapping[str, Any]
    """``card.json``"""
    shown: str
    """One row with what is learned marked."""

    @property
    def failed(self) -> list[str]:
        """What was tried afterwards and failed, a sentence each."""
        return [check["said"] for check in self.card["after"] if not check["ok"]]


@dataclass
class Watch:
    """Who is told, and who may stop it."""

    tell: Tell = lambda what, done, total: None
    say: Callable[[str], None] = lambda line: None
    asked_to_stop: Callable[[], bool] = lambda: False
    notes: list[str] = field(default_factory=list)

    def note(self, line: str) -> None:
        """Say it, and keep it for the card."""
        self.notes.append(line)
        self.say(f"note: {line}")


def tune_task(
    task: Task,
    folder: Path,
    out: Path,
    *,
    tell: Tell = lambda what, done, total: None,
    say: Callable[[str], None] = lambda line: None,
    asked_to_stop: Callable[[], bool] = lambda: False,
    command: str = "",
) -> Tuned:
    """Train the task's first model on its examples.

    Args:
        folder: where the task's relative paths start.
        out: where the weights, the checkpoints and the figures go.
        command: what the page names as its origin.

    Raises:
        InputError: wrong input, or it cannot fit; nothing was trained.
        Interrupted: asked to stop; the same command goes on.
        WorldError: the world failed; the last checkpoint stands.
    """
    return tune_given(given_by(task, folder), out, Watch(tell, say, asked_to_stop), command)


def teach(task: Task, out: Path, tell: Tell, lesson: Lesson) -> Taught:
    """Train a model on what the ladder lays out, in a folder of its own under ``out``; a training that was
    killed goes on there.

    Raises:
        InputError, WorldError: as ``tune_task``.
    """
    given = given_for(task, lesson)
    folder = out / value_digest(identity(given, plan_of(task)))[:16]
    card = tune_given(given, folder, Watch(tell), "").card
    curve = [{name: value for name, value in point.items() if value is not None} for point in card["curve"]]
    return Taught(
        weights=folder / "weights",
        adapter=card["method"] == "lora",
        parameters=card["trained"],
        seconds=card["seconds"],
        curve=[{"step": p["step"], "dev_loss": p["loss"]} for p in curve],
        notes=card["notes"],
    )


def tune_given(given: Given, out: Path, watch: Watch, command: str) -> Tuned:
    """Train on rows that are laid out; the rest as ``tune_task``."""
    from whet.train.after import checked
    from whet.train.shown import shown

    start = time.perf_counter()
    device(given.task)  # wrong input is told before any work
    example = shown(given.train, given.tokenizer)
    watch.say(example)
    dev = [f"of dev, {line}" for line in given.dev.notes()]
    for line in (*given.notes, *given.train.notes(), *dev):
        watch.note(line)
    fit, plan = _preflight(given, out, watch)
    make_folder(out)
    with exclusive(out):
        made = check_same(given, fit, plan, out)
        place = device(given.task)
        held = room.memory_now(place) or 0
        room.forget_peak(place)
        ended, trained = _train(given, fit, plan, out, watch, made)
        gc.collect()  # the model's layers refer to themselves, and the next one needs its room
        watch.tell("trying what was saved", 0, 1)
        checks = checked(trained, given.source, out / "weights", adapter=fit.way.rank is not None)
        card = _card(given, fit, plan, ended, checks, watch, out)
        card["seconds"] = time.perf_counter() - start + ended.seconds_before
        card["measured"] = {
            "memory": room.peak_memory(place) - held,
            "disk": room.size_of(out),
            "seconds": ended.seconds,
        }
        write_json(out / CARD, card)
        write_text(out / PAGE, render_tuned(card, _lines(out), example, command=command, date=now()))
    return Tuned(out, card, example)


def _preflight(given: Given, out: Path, watch: Watch) -> tuple[Fit, Plan]:
    """Whether it fits, said before a weight is loaded."""
    from whet.train.estimate import Way
    from whet.train.preflight import preflight
    from whet.train.step import PASS_TOKENS

    asked, recipe = given.task.tune, recipe_of(given.task)
    plan, place = plan_of(given.task), device(given.task)
    way = Way(
        recipe.rank if recipe else None,
        precision(given.task),
        asked.pass_tokens or before(out).get("pass_tokens") or PASS_TOKENS,  # as before: the same bytes
        dora=bool(recipe and recipe.dora),
        pack=place == "cpu"
        and bool(recipe and not recipe.dora and not recipe.dropout and not asked.compile)
        and before(out).get("pack", True),
        top=asked.top_layers,
    )
    memory, disk = room.free_memory(place), room.free_disk(out) + room.size_of(out)
    fit = preflight(
        shape_of(skeleton(given.source.folder)),
        way,
        plan,
        given.train.rows,
        given.dev.rows,
        memory=memory,
        disk=disk,
        where=out,
        fixed=asked.pass_tokens is not None,
        device=place,
    )
    watch.say(fit.needs.line(memory, disk))
    for line in fit.notes:
        watch.note(line)
    return fit, plan


def _train(
    given: Given, fit: Fit, plan: Plan, out: Path, watch: Watch, made: dict[str, Any]
) -> tuple[Ended, Trained]:
    """Train to the end and write the best weights. The model is gone when this returns, so that another can
    be loaded."""
    from whet.train import after, loop, step
    from whet.train.causal import prepared
    from whet.train.figures import Figures
    from whet.train.frozen import STATES
    from whet.train.frozen_rows import on_kept_states
    from whet.train.job import CausalJob
    from whet.train.step import Settings

    watch.tell("loading the model", 0, 1)
    model = load_decoder(given.source, fit.way.precision).to(device(given.task))
    settings = Settings(pass_tokens=fit.way.pass_tokens, pack=fit.way.pack)
    asked = given.task.tune
    recipe, seed = recipe_of(given.task), given.task.seed
    ready = prepared(model, recipe, settings, seed, top=asked.top_layers, compile=asked.compile)
    write_json(out / MADE_FROM, made)  # not before: settings that cannot be may still be mended
    for line in ready.notes:
        watch.note(line)
    rows = given.train.rows
    job = CausalJob(
        ready.model, rows, given.train.sources, given.dev.rows, ready.form, ready.settings, note=watch.note
    )
    job.exact = exactly(given.task)
    if job.exact and ready.form is not step:
        watch.note(
            "dev is judged by the loss alone: rows that are read padded are not compared word for word"
        )
    if asked.top_layers:
        watch.tell("reading the layers that do not learn", 0, 1)
        job = on_kept_states(job, asked.top_layers, out)
    figures = Figures(out / "training.jsonl", watch.tell, rows, plan, fit.work, fit.speed.rate)
    watching = loop.Watching(figures.step, watch.asked_to_stop)
    ended = _ended(job, len(rows), plan, out, watching, watch)
    (out / STATES).unlink(missing_ok=True)
    job.take(ended.weights)
    job.publish(out / "weights", given.source.name, given.tokenizer)
    wide = 2 * given.source.parameters * 4 < (room.free_memory() or 0)
    return ended, after.seen(ready.model.cpu(), given.dev.rows, fit.way.precision, wide=wide)


def _ended(job: CausalJob, rows: int, plan: Plan, out: Path, watching: Watching, watch: Watch) -> Ended:
    """The training to its end, or to a loss that is not finite where dev was better before it."""
    from whet.train.loop import NotFinite, train

    try:
        return train(job, rows, plan, out / "checkpoints", watching)
    except NotFinite as error:
        if not error.ended.state.best_step:
            raise
        watch.note(f"training ended early, with the best weights before it: {error.what}")
        return error.ended


def _card(
    given: Given, fit: Fit, plan: Plan, ended: Ended, checks: Sequence[Check], watch: Watch, out: Path
) -> dict[str, Any]:
    """What was trained, on what, how, what dev said, and what was tried afterwards."""
    from whet.train.figures import totals

    source, train = given.source, given.train
    return {
        "format": 1,
        "task": given.task.task,
        "base": {"name": source.name, "sha256": source.sha256, "licence": source.licence},
        "method": method(given.task),
        "adapter": asdict(recipe) if (recipe := recipe_of(given.task)) else None,
        "top_layers": given.task.tune.top_layers,
        "precision": fit.way.precision,
        "device": device(given.task),
        "plan": asdict(plan),
        "template": train.template,
        "ends": list(train.ends),
        "instruction": given.instruction,
        "rows": _read(given),
        "tokens": train.tokens,
        "learned": train.learned,
        "trained": sum(tensor.numel() for tensor in ended.weights.values()),
        "steps": ended.state.step,
        "best": {"step": ended.state.best_step, **asdict(ended.best)},
        "curve": list(ended.state.curve),
        "speed": totals(out / "training.jsonl"),
        "after": [asdict(check) for check in checks],
        "needs": {**asdict(fit.needs), "pass_tokens": fit.way.pass_tokens},
        "notes": watch.notes,
        "made_with": environment(),
    }


def _read(given: Given) -> dict[str, int]:
    """Examples of each side, without those that were left out for their length."""
    gone = {"train": len(given.train.dropped), "dev": len(given.dev.dropped)}
    return {side: count - gone.get(side, 0) for side, count in given.counts.items()}


def _lines(out: Path) -> list[dict[str, Any]]:
    """The figures of all steps."""
    return read_jsonl(out / "training.jsonl") if (out / "training.jsonl").exists() else []
