"""One self-contained HTML page from a run's artifacts: the verdict first, then what it rests on.

What it is made of lives beside it: ``ranking``, ``rung_rows``, ``mistakes`` and ``making``. Knows no files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from whet.config_parts import Cost
from whet.evaluate.metrics import Metric, cost_function
from whet.report import failed, making, mistakes, ranking, words
from whet.report.frame import GUIDE, fill
from whet.report.markup import sentences
from whet.report.rung_rows import assumptions, rung_rows
from whet.report.shapes import LearningCurve, Measured, Verdict, answering, rival

if TYPE_CHECKING:
    from whet.config import Task
    from whet.records import Example, Output

FEW_ANSWERS = 60
"""Replies or values that can be looked at one by one, like labels; of more, each is its own."""
SHORT = 60
"""Characters, likewise."""
BESIDE = 5
"""Inputs of a group whose outputs stand side by side."""


def render(
    *,
    task: Task,
    verdict: dict[str, Any],
    test: Sequence[Example],
    rungs: Sequence[Measured],
    curve: LearningCurve,
    models: Sequence[making.Model],
    manifest: dict[str, Any],
    baseline: float,
) -> str:
    """The page.

    Args:
        task: for its prose and its prices.
        verdict: ``06-verdict.json``.
        test: the held-out examples, in the order of the rungs' outputs.
        rungs: what each rung answered, lowest first.
        curve: the learning curve.
        models: the models the task offered.
        manifest: ``manifest.json``.
        baseline: accuracy of always answering the most frequent label.
    """
    return fill(
        "template.html.j2",
        task=task,
        v=verdict,
        guide=GUIDE,
        **_head(verdict, manifest),
        **_ranking(task, verdict, rungs, _in_metric(task, test, baseline)),
        **_mistakes(verdict, test, rungs),
        **_making(task, verdict, rungs, curve, models, manifest),
    )


def _head(verdict: Verdict, manifest: dict[str, Any]) -> dict[str, Any]:
    first, rest = sentences(words.typeset(str(verdict["sentence"])))
    return {
        "state": state_of(verdict),
        "first": first,
        "rest": rest,
        "facts": making.head_facts(verdict),
        "date": making.date_of(manifest),
        "margin": words.apart(verdict["margin"], verdict["metric"]),
        "seen": _seen(verdict),
    }


def state_of(verdict: Verdict) -> tuple[str, str]:
    """Class and word of the badge."""
    if verdict.get("nothing_good_enough"):
        return "missed", "Nothing is good enough"
    if verdict["winner"] is None:
        return "undecided", "Not decisive"
    if verdict["target_met"] == "no":
        return "missed", "Decisive, but the target is missed"
    return "decided", "Decisive"


def _seen(verdict: Verdict) -> str:
    seen = verdict["smallest_detectable_difference"]
    return "" if seen is None else words.apart(seen, verdict["metric"])


def _ranking(task: Task, verdict: Verdict, rungs: Sequence[Measured], baseline: float) -> dict[str, Any]:
    return {
        "answer": answering(verdict),
        "rung_chart": ranking.rung_chart(verdict, baseline),
        "rung_rows": rung_rows(verdict, rungs, task),
        "writing": any(rung["tokens_out"] for rung in verdict["rungs"]),
        "scorer_names": [scorer["name"] for scorer in verdict.get("scorers") or []],
        "scorer_rows": ranking.scorer_rows(verdict),
        "changed_rows": ranking.changed_rows(verdict),
        "changed_by": ranking.changed_by(rungs),
        "assumptions": assumptions(verdict, task),
        "difference_chart": ranking.difference_chart(verdict),
        "comparison_rows": ranking.comparison_rows(verdict),
    }


def _in_metric(task: Task, test: Sequence[Example], accuracy: float) -> float:
    """The most frequent label's baseline in the metric's unit."""
    truths = [example.output for example in test]
    constant = Counter(truths).most_common(1)[0][0]
    if isinstance(task.metric, Cost):
        cost = cost_function(task.metric.cost, task.metric.default)
        return Metric("cost", cost).value(truths, [constant] * len(truths))
    if task.metric == "macro_f1":
        return Metric("macro_f1").value(truths, [constant] * len(truths))
    return accuracy


def _mistakes(verdict: Verdict, test: Sequence[Example], rungs: Sequence[Measured]) -> dict[str, Any]:
    answer = answering(verdict)
    truths = [example.output for example in test]
    outputs = next(rung.outputs for rung in rungs if rung.name == answer)
    several = any(isinstance(output, tuple) for output in (*truths, *outputs))
    listed = verdict["kind"] == "classify" or _few_and_short({*truths, *outputs})
    beside = verdict["kind"] != "classify"
    names, kinds = failed.kind_rows(verdict)
    weakest, others = mistakes.label_rows(truths, outputs) if listed else ([], [])
    return {
        "several": several,
        "listed": listed,
        "wrong": sum(t != o for t, o in zip(truths, outputs, strict=True)),
        "confused": [] if several or not listed else mistakes.confused(truths, outputs),
        "matrix": [] if several or not listed else mistakes.matrix(truths, outputs),
        "missed": mistakes.missed(truths, outputs) if several else [],
        "weakest": weakest,
        "other_labels": others,
        "constant": mistakes.constant(rungs, answer),
        "beside": beside,
        "groups": mistakes.disagreements(
            test, rungs, answer, rival(verdict), BESIDE if beside else 10, beside=beside
        ),
        "failing": names,
        "kinds": kinds,
        "telling": any(row["about"] for row in kinds),
        "unanswered": failed.unanswered(verdict),
    }


def _few_and_short(outputs: set[Output]) -> bool:
    """Whether replies or values can be looked at like labels."""
    return len(outputs) <= FEW_ANSWERS and max(len(str(output)) for output in outputs) <= SHORT


def _making(
    task: Task,
    verdict: Verdict,
    rungs: Sequence[Measured],
    curve: LearningCurve,
    models: Sequence[making.Model],
    manifest: dict[str, Any],
) -> dict[str, Any]:
    metric = verdict["metric"]
    training = [(rung.name, making.training_panels(rung, metric)) for rung in rungs if rung.curve]
    return {
        "curve_answer": words.typeset(curve.answer),
        "learning": making.learning_panel(curve, metric),
        "training": [(name, panels) for name, panels in training if panels],
        "models": making.model_rows(models),
        "choices": making.choice_rows(rungs),
        "prompts": making.prompt_changes(rungs),
        "command": manifest.get("command", ""),
        "settings": making.setting_rows(manifest, task.seed),
        "steps": making.step_rows(manifest),
    }
