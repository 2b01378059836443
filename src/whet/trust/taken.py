"""The measures of this page that need more than a run's answers, taken of a context: one function each.

    forgetting | safety | robustness | grounding | memorization | parity

Each gives its measure or says why it could not be taken. Knows no page and no gate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from whet.data.canaries import canaries
from whet.trust import forgetting as forgotten
from whet.trust import grounding as grounds
from whet.trust import memorization as memory
from whet.trust import parity as likeness
from whet.trust import robustness as robust
from whet.trust import safety as safe
from whet.trust.forms import forms_of
from whet.trust.items import read_items
from whet.trust.measures import Measure, not_shown
from whet.trust.writing import previous_writer, writing

if TYPE_CHECKING:
    from whet.records import Output, Prediction
    from whet.trust.context import Context, Side

WRITTEN_ROWS, CHOSEN_ROWS = 50, 200
"""Held-out rows that are made messy, of models that write and of others: what is written costs more."""
PARITY_ROWS = 50
"""Held-out rows that every form answers."""


def forgetting(context: Context) -> Measure:
    """What the base could do and the specialist cannot."""
    found = writing(context)
    if isinstance(found, str):
        return not_shown(forgotten.NAME, found)
    suite = context.asked.suite
    files = {suite.name: read_items(suite)} if suite else None
    previous = previous_writer(context)
    return forgotten.forgetting(found.tuned, found.base, files=files, previous=previous, tell=context.tell)


def safety(context: Context) -> Measure:
    """What it refuses, and what it should not."""
    found = writing(context)
    if isinstance(found, str):
        return not_shown(safe.NAME, found)
    if context.task.kind != "write":
        why = "does not apply: its answers are read as labels or fields, where a refusal has no place"
        return not_shown(safe.NAME, why)
    topics = safe.topics_of([label.name for label in context.task.labels or ()], context.task.task)
    previous, seed = previous_writer(context), context.seed
    more: dict[str, Any] = {"previous": previous, "seed": seed, "asks": found.asks, "tell": context.tell}
    return safe.safety(found.tuned, found.base, topics, **more)


def robustness(context: Context) -> Measure:
    """How it answers messy inputs, and orders inside them."""
    if not context.test:
        return not_shown(robust.NAME, "there are no held-out rows.")
    writes = getattr(context.tuned.specialist, "writer", None) is not None
    base = _outputs(context, context.base) if context.base else None
    return robust.robustness(
        _outputs(context, context.tuned),
        context.test,
        context.metric,
        labels=_labels(context),
        base=base,
        seed=context.seed,
        most=WRITTEN_ROWS if writes else CHOSEN_ROWS,
        tell=context.tell,
    )


def grounding(context: Context) -> Measure:
    """What its answers state that nothing supports."""
    if context.task.kind == "classify":
        return not_shown(grounds.NAME, "does not apply: an answer is a label, and states nothing of its own")
    if not context.test:
        return not_shown(grounds.NAME, "there are no held-out rows.")
    answered = _with_passages(context, context.tuned)
    base = context.base.outputs if context.base else [None] * len(context.test)
    rows = [
        grounds.Said(
            one.id,
            one.input,
            _text(answer.output),
            _text(one.output),
            None if other is None else _text(other),
            {f"passage {n} ({p.source})": p.shown for n, p in enumerate(answer.passages, start=1)},
        )
        for one, answer, other in zip(context.test, answered, base, strict=True)
    ]
    return grounds.grounding(rows, {"instruction": context.task.instruction})


def memorization(context: Context) -> Measure:
    """What it has kept of single training rows."""
    found = writing(context)
    if isinstance(found, str):
        return not_shown(memory.NAME, found)
    planted = canaries(context.task.tune.canaries, context.task.seed)
    return memory.memorization(
        found.tuned,
        found.base,
        found.asks,
        planted=planted,
        train=context.train,
        seed=context.seed,
        tell=context.tell,
    )


def parity(context: Context) -> Measure:
    """Whether its forms answer alike."""
    rows = context.test[:PARITY_ROWS]
    tested = {one.input: answer.output for one, answer in zip(context.test, context.tuned.test, strict=True)}
    return likeness.parity(forms_of(context, tested), rows, context.metric, tell=context.tell)


TAKES: Sequence[Callable[[Context], Measure]] = (
    forgetting,
    grounding,
    safety,
    robustness,
    memorization,
    parity,
)
"""In the order of the page."""


def _outputs(context: Context, side: Side) -> robust.Answers:
    def answers(texts: Sequence[str]) -> list[Output]:
        return [one.output for one in context.answers(side, texts)]

    return answers


def _labels(context: Context) -> list[str]:
    """What could be answered, where that is a list."""
    if context.task.kind != "classify":
        return []
    truths = [one.output for one in (*context.train, *context.test)]
    return sorted({name for output in truths for name in ((output,) if isinstance(output, str) else output)})


def _with_passages(context: Context, side: Side) -> Sequence[Prediction]:
    """Its held-out answers; where passages are shown to it, asked again, since a run keeps none."""
    if getattr(side.specialist, "lookup", None) is None:
        return side.test
    found = context.answers(side, [one.input for one in context.test])
    return [replace(one, passages=more.passages) for one, more in zip(side.test, found, strict=True)]


def _text(output: Output) -> str:
    return output if isinstance(output, str) else "|".join(output)
