"""One evidence page for one specialist: every measure, always against its base, on the same unseen examples.

    run -> specialist, base, previous release -> measures -> 08-evidence.json -> 08-evidence.html

Stored answers are used wherever the run has them, and whatever is asked anew is kept in the run's cache. A
measure that cannot be taken is *not shown*, with its reason. Which measures there are stands in ``TAKES``.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from whet.advising import task_of_run
from whet.config import Task
from whet.data.neardup import fold
from whet.errors import InputError, WhetError
from whet.ladder import as_output
from whet.measure import metric_of
from whet.models.cache import CachedEncoder
from whet.models.encoder import Encoder
from whet.models.opening import named
from whet.records import Example, Prediction
from whet.report.evidencepage import render_evidence
from whet.report.shapes import answering
from whet.rungs.base import CARD, Tell, silent
from whet.runs import command_line, now
from whet.store import exclusive, file_digest, read_json, read_jsonl, write_json, write_text
from whet.trust.bias import bias
from whet.trust.confidence import confidence
from whet.trust.context import Asked, Context, Side, Take
from whet.trust.judging import beside_judged
from whet.trust.maintenance import maintenance
from whet.trust.measures import Measure, as_json, not_shown
from whet.trust.overfitting import overfitting
from whet.trust.parts import slices
from whet.trust.quality import quality
from whet.trust.taken import TAKES as ASKED

FORMAT = 1
FILE = "08-evidence"
TAKES: Sequence[Take] = (quality, overfitting, confidence, slices, bias, *ASKED, maintenance)
"""In the order of the page."""
BASES = {
    "tune": ("prompt", "template", "fewshot", "prompt+"),
    "tune+retrieve": ("retrieve", "prompt", "template", "fewshot", "prompt+"),
}
"""Untrained counterparts of a rung, best first; the floor and what exists today are none of the model."""
FROZEN = ("head", "retrieve", "fewshot", "prompt")
"""Of an encoder that was tuned: the same encoder untouched, with the same labels learned on top of it."""
UNTRAINED = ("prompt", "fewshot", "prompt+", "template", "floor")


@dataclass(frozen=True)
class Shown:
    """What was found, and where it stands."""

    found: dict[str, Any]
    json: Path
    page: Path
    seconds: float


def evidence(
    run: Path,
    *,
    rung: str | None = None,
    base: str | None = None,
    against: Path | None = None,
    asked: Asked | None = None,
    outside: bool = False,
    tell: Tell = silent,
    takes: Sequence[Take] = TAKES,
) -> Shown:
    """Take every measure of a finished run's specialist, and write its page.

    Args:
        run: the run folder.
        rung: the specialist; default: the rung that the verdict names.
        base: the untrained counterpart; default: chosen by the rung.
        against: the run folder of the previous release.
        asked: what else is to be shown.
        outside: whether the run's specialists may call the addresses that they name.

    Raises:
        InputError: no finished run, no such rung in it.
    """
    start = time.perf_counter()
    task_of_run(run)  # no lock is left in a folder that is no run
    with exclusive(run):
        context = context_of(
            run, rung=rung, base=base, against=against, asked=asked, outside=outside, tell=tell
        )
        taken, seconds = take_all(context, takes)
        measures = beside_judged(context, taken)
        found = _found(context, measures, seconds, against)
        stem = stem_of(run, context.tuned.name, FILE)
        paths = run / f"{stem}.json", run / f"{stem}.html"
        write_json(paths[0], found)
        write_text(paths[1], render_evidence(found))
    return Shown(found, *paths, time.perf_counter() - start)


def stem_of(run: Path, rung: str, name: str) -> str:
    """``08-evidence`` for the rung that the verdict names, ``08-evidence-NAME`` for another."""
    verdict = read_json(run / "06-verdict.json")
    return name if answering(verdict) == rung else f"{name}-{rung}"


def take_all(context: Context, takes: Sequence[Take]) -> tuple[list[Measure], dict[str, float]]:
    """Every measure; what fails for want of something is not shown."""
    measures, seconds = [], {}
    for number, take in enumerate(takes):
        name = take.__name__
        context.tell(f"evidence: {name}", number, len(takes))
        start = time.perf_counter()
        try:
            measures.append(take(context))
        except (WhetError, OSError) as error:
            measures.append(not_shown(name, f"It could not be taken: {error}"))
        seconds[name] = round(time.perf_counter() - start, 2)
    return measures, seconds


def context_of(
    run: Path,
    *,
    rung: str | None = None,
    base: str | None = None,
    against: Path | None = None,
    asked: Asked | None = None,
    outside: bool = False,
    tell: Tell = silent,
) -> Context:
    """Everything that a measure may look at; errors as in ``evidence``."""
    task, folder = task_of_run(run)
    verdict = read_json(run / "06-verdict.json")
    sides = sides_of(run)
    rows = read_jsonl(run / "05-scores.jsonl")[1:]
    tuned = _side(run, rung or answering(verdict), rows, outside)
    encoders = _encoders(task, folder, run)
    counterpart = base or _base_name(tuned, rows)
    context = Context(
        run=run,
        task=task,
        folder=folder,
        tuned=tuned,
        base=_side(run, counterpart, rows, outside) if counterpart else None,
        previous=None,
        train=sides["train"],
        dev=sides["dev"],
        test=sides["test"],
        metric=metric_of(task, folder, run / "cache", encoders, command_line()),
        encoders=encoders,
        asked=asked or Asked(),
        seed=task.seed,
        tell=tell,
    )
    return _with_previous(context, against, outside) if against else context


def sides_of(run: Path) -> dict[str, tuple[Example, ...]]:
    """Train, dev and test of a run, as its first artifact has them."""
    sides: dict[str, list[Example]] = {"train": [], "dev": [], "test": []}
    for row in read_jsonl(run / "01-examples.jsonl"):
        side = row.pop("side")
        sides[side].append(Example(**{**row, "output": as_output(row["output"])}))
    return {side: tuple(rows) for side, rows in sides.items()}


def _side(run: Path, name: str, rows: Sequence[Mapping[str, Any]], outside: bool) -> Side:
    """A rung of the run with its stored answers."""
    if not rows or name not in rows[0]["rungs"]:
        known = ", ".join(rows[0]["rungs"]) if rows else "none"
        raise InputError(f"the run has no rung {name!r}.", where=run, fix=f"one of: {known}.")
    answers = [row["rungs"][name] for row in rows]
    given = tuple(
        Prediction(as_output(a["output"]), float(a["confidence"]), failed=str(a.get("failed", "")))
        for a in answers
    )
    return Side(name, run / "04-rungs" / name, given, outside=outside)


def _base_name(tuned: Side, rows: Sequence[Mapping[str, Any]]) -> str | None:
    """The untrained counterpart that the run has."""
    reads = (tuned.folder / CARD).is_file() and "encoder" in tuned.card
    likes = FROZEN if tuned.name == "tune" and reads else BASES.get(tuned.name, UNTRAINED)
    there = rows[0]["rungs"]
    return next((name for name in likes if name in there and name != tuned.name), None)


def _encoders(task: Task, folder: Path, run: Path) -> list[CachedEncoder]:
    return [CachedEncoder(Encoder(source), run / "cache") for source in named(task, folder).encoders]


def _with_previous(context: Context, against: Path, outside: bool) -> Context:
    """The previous release answers the rows that are unseen now; those it has learned from are marked."""
    old, _ = task_of_run(against)
    if old.kind != context.task.kind:
        fix = "name a run of the same task."
        raise InputError(f"is of another kind of task: {old.kind}.", where=against, fix=fix)
    sides = sides_of(against)
    known = {fold(e.input) for side in ("train", "dev") for e in sides[side]}
    learned = frozenset(e.id for e in context.test if fold(e.input) in known)
    name = answering(read_json(against / "06-verdict.json"))
    side = Side(name, against / "04-rungs" / name, (), learned, outside)
    answers = context.answers(side, [e.input for e in context.test])
    return replace(context, previous=replace(side, test=tuple(answers)))


def _found(
    context: Context, measures: Sequence[Measure], seconds: Mapping[str, float], against: Path | None
) -> dict[str, Any]:
    """08-evidence.json."""
    base = context.base
    return {
        "format": FORMAT,
        "task": context.task.task,
        "kind": context.task.kind,
        "metric": context.metric.name,
        "rung": context.tuned.name,
        "base": base.name if base else None,
        "previous": {"run": str(against), "rung": context.previous.name} if context.previous else None,
        "sizes": {"train": len(context.train), "dev": len(context.dev), "test": len(context.test)},
        "specialist": context.tuned.digest,
        "scores": file_digest(context.run / "05-scores.jsonl"),
        "command": command_line(),
        "at": now(),
        "sentence": _sentence(context, measures),
        "measures": [as_json(measure) for measure in measures],
        "seconds": dict(seconds),
    }


def _sentence(context: Context, measures: Sequence[Measure]) -> str:
    shown = sum(measure.standing == "shown" for measure in measures)
    apply = sum(measure.applies for measure in measures)
    base = f" against `{context.base.name}`" if context.base else ""
    return (
        f"`{context.tuned.name}` was measured{base} on {len(context.test):,} unseen examples: "
        f"{shown} of the {apply} measures that apply could be taken."
    )
