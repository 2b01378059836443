"""What a task is measured by: from its ``metric`` section to a ``Metric``.

Brings a scorer what it needs from elsewhere: the encoder, the task's schema, the model of a judge. Knows no
rung.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from whet.config import Cost, Task
from whet.errors import InputError
from whet.evaluate.metrics import Metric, cost_function
from whet.evaluate.scorers.base import Scorer
from whet.evaluate.scorers.registry import Tools, scorer_of
from whet.models.endpoint import Endpoint

if TYPE_CHECKING:
    from whet.config_models import Model
    from whet.models.base import Writer
    from whet.models.encoder import TextEncoder


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


def tools_of(task: Task, folder: Path, cache: Path, encoders: Sequence[TextEncoder], again: str) -> Tools:
    """What scorers may use."""
    return Tools(
        encode=(lambda texts: encoders[0].encode(texts).vectors) if encoders else None,
        writer_of=lambda model: _judge(model, cache, again),
        json_schema=task.json_schema,
        folder=folder,
    )


def _judge(model: Model, cache: Path, again: str) -> Writer:
    if isinstance(model, str):
        raise InputError(
            f"a judge must be an endpoint so far, not {model!r}.",
            where="scorer judge: model",
            fix="serve it, and name its address: {endpoint: ..., model: ...}.",
        )
    return Endpoint(model, cache, again=again)
