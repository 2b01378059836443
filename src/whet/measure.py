"""What a task is measured by: from its ``metric`` section to a ``Metric``.

Brings a scorer what it needs from elsewhere: the encoder, the task's schema, the model of a judge. Knows no
rung.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet.config import Task
from whet.config_parts import Cost
from whet.config_scorers import FormatScorer, GlossaryScorer, RulesScorer, SchemaScorer
from whet.errors import InputError
from whet.evaluate.evidence import Evidence
from whet.evaluate.failures import Rules, failures, grouped
from whet.evaluate.metrics import Metric, cost_function
from whet.evaluate.scorers.base import Scorer
from whet.evaluate.scorers.registry import Tools, scorer_of
from whet.models.opening import named, open_writers

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from whet.config_models import Model
    from whet.evaluate.evidence import Measured
    from whet.models.base import Writer
    from whet.models.encoder import TextEncoder
    from whet.records import Example


BEFORE, AFTER = "prompt", "tune"
"""A model before and after it learned; the page says so where the two stand on different ones."""
WHEN = {"before": BEFORE, "after": AFTER}
ONE_SIDE = 0.025


def metric_of(task: Task, folder: Path, cache: Path, encoders: Sequence[TextEncoder], again: str) -> Metric:
    """The task's metric.

    Args:
        folder: where the task's relative paths start.
        cache: where the answers of a judge are kept.
        encoders: the first one measures closeness.
        again: the command that goes on, should a judge stop.

    Raises:
        InputError: a scorer needs what is not there.
        Refused: a judge that does not agree with people.
    """
    if isinstance(task.metric, Cost):
        return Metric("cost", cost_function(task.metric.cost, task.metric.default))
    if isinstance(task.metric, str):
        return Metric(task.metric)
    tools = tools_of(task, folder, cache, encoders, again)
    return Metric(task.metric_name, scorer=scorer_of(task.metric, tools))


def scorers_of(
    task: Task, folder: Path, cache: Path, encoders: Sequence[TextEncoder], again: str
) -> list[Scorer]:
    """What else the task wants measured; arguments and errors as in ``metric_of``."""
    tools = tools_of(task, folder, cache, encoders, again)
    return [scorer_of(given, tools) for given in task.scorers]


def evidence_of(measured: Sequence[Measured], test: Sequence[Example], metric: Metric, seed: int) -> Evidence:
    """All rungs' answers on the test set, judged by one metric."""
    return Evidence(measured, [e.output for e in test], metric, seed, [e.input for e in test])


def judged(
    scorers: Sequence[Scorer], test: Sequence[Example], measured: Sequence[Measured], seed: int
) -> list[Evidence]:
    """All rungs' answers, judged by each scorer, once."""
    metrics = [Metric(scorer.name, scorer=scorer) for scorer in scorers]
    return [evidence_of(measured, test, metric, seed) for metric in metrics]


def scored(evidence: Sequence[Evidence]) -> list[dict[str, Any]]:
    """Each scorer's mean on the test set, with its interval, for every rung."""
    return [
        {"name": by.metric.name, "rungs": {rung.name: asdict(by.interval(rung)) for rung in by.rungs}}
        for by in evidence
    ]


def changed(evidence: Sequence[Evidence]) -> list[dict[str, Any]]:
    """What training changed: ``tune`` against ``prompt``, by the metric and every scorer, paired.

    Nothing, where one of the two was not measured. Differences stand in the metric's own unit.
    """
    found = []
    for by in evidence:
        rungs = {rung.name: rung for rung in by.rungs}
        if not {BEFORE, AFTER} <= set(rungs):
            return []
        pair, sign = by.pair(rungs[AFTER], rungs[BEFORE]), 1 if by.metric.higher_is_better else -1
        ends = sorted((sign * pair.lower(ONE_SIDE), sign * pair.upper(ONE_SIDE)))
        values = {when: by.interval(rungs[name]).value for when, name in WHEN.items()}
        more = {"difference": sign * pair.difference, "low": ends[0], "high": ends[1]}
        found.append({"name": by.metric.name, **values, **more})
    return found


FORM_SCORERS = (FormatScorer, RulesScorer, GlossaryScorer)


def rules_of(task: Task, labels: Sequence[str]) -> Rules:
    """What an answer must be by the task file, beyond being the approved one."""
    named = [task.metric, *task.scorers]
    form = [scorer_of(given, Tools()) for given in named if isinstance(given, FORM_SCORERS)]
    if task.kind == "extract" and task.json_schema is not None:
        form.append(scorer_of(SchemaScorer(score="schema"), Tools(json_schema=task.json_schema)))
    if task.kind == "write" and task.pattern:
        form.append(scorer_of(FormatScorer(score="format", regex=task.pattern), Tools()))
    return Rules(task.kind, frozenset(labels), form)


def failed(
    task: Task, labels: Sequence[str], test: Sequence[Example], evidence: Evidence
) -> dict[str, dict[str, Any]]:
    """For every rung its wrong answers by kind, and the inputs that it did not answer."""
    rules, found = rules_of(task, labels), {}
    for rung in evidence.rungs:
        wrong = wrong_by(evidence.metric, evidence.gains[rung.name])
        groups = grouped(failures(rules, test, rung.outputs, wrong, rung.unanswered), test)
        missing = [{"id": test[at].id, "why": why} for at, why in sorted(rung.unanswered.items())]
        found[rung.name] = {"wrong": sum(wrong), "kinds": groups, "unanswered": missing}
    return found


def wrong_by(metric: Metric, gains: Sequence[float] | NDArray[np.float64]) -> list[bool]:
    """Which answers the metric does not call right, by its gain of each."""
    right = 0.0 if metric.name == "cost" else 1.0
    return [bool(gain < right - 1e-9) for gain in gains]


def tools_of(task: Task, folder: Path, cache: Path, encoders: Sequence[TextEncoder], again: str) -> Tools:
    """What scorers may use."""
    return Tools(
        encode=(lambda texts: encoders[0].encode(texts).vectors) if encoders else None,
        writer_of=lambda model: _judge(task, model, folder, cache, again),
        json_schema=task.json_schema,
        folder=folder,
    )


def _judge(task: Task, model: Model, folder: Path, cache: Path, again: str) -> Writer:
    """The model that a judge names, served or on this machine."""
    found = named(task.model_copy(update={"models": [model]}), folder)
    if not found.write:
        raise InputError(
            f"{model} reads, and a judge must write.", where="scorer judge: model", fix="name a decoder."
        )
    return open_writers(found, cache, again=again)[0]
