"""How far a task's judge agrees with the person who has just labelled a sample of outputs.

The agreement that let the judge score (``evaluate.scorers.judge``) was measured on the task's own labelled
file; this one is of the specialist's outputs. Knows the task's scorers, no policy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet.advising import task_of_run
from whet.config_scorers import JudgeScorer
from whet.evaluate.scorers.judge import LEAST, Judge, Labelled, measure
from whet.measure import tools_of
from whet.records import Example
from whet.runs import command_line

if TYPE_CHECKING:
    from whet.config import Task


def judge_of(task: Task) -> JudgeScorer | None:
    """The judge that the task scores with, as its metric or beside it."""
    return next((one for one in (task.metric, *task.scorers) if isinstance(one, JudgeScorer)), None)


def levels_of(run: Path) -> tuple[str, ...]:
    """The rubric's levels, worst first; none where the task has no judge."""
    spec = judge_of(task_of_run(run)[0])
    return tuple(spec.levels) if spec else ()


def agreement_of(run: Path, rows: Sequence[Mapping[str, str]]) -> dict[str, Any] | None:
    """Kappa of judge and person on the rows whose level was filled in; None where there are too few, or no
    judge."""
    task, folder = task_of_run(run)
    spec = judge_of(task)
    levels = levels_of(run)
    sample = [
        Labelled(Example(row["id"], row["input"], row["approved"], ""), row["output"], row["level"])
        for row in rows
        if row["level"] in levels
    ]
    if spec is None or len(sample) < LEAST or len({one.level for one in sample}) < 2:
        return None
    from whet.evaluate.scorers.registry import scorer_of

    judge = scorer_of(spec, tools_of(task, folder, run / "cache", [], command_line()))
    assert isinstance(judge, Judge)
    found = measure(judge.rubric, judge.writer, sample)
    return {"kappa": asdict(found.kappa), "same": found.same, "sentence": found.sentence}
