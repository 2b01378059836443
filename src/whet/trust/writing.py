"""A specialist that writes and its base, as two models that answer requests; or why there are none.

Some measures ask what no run asks: items of a suite, the beginning of a training answer. They need the
model behind a specialist, without what the task says around an input, and the model that it was trained
from. What they answer is kept (``trust.remembered``). Knows no measure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from whet.models.base import Request
from whet.models.decoder import find_decoder
from whet.models.finding import model_place
from whet.models.opening import Local, elsewhere, writes
from whet.trust.context import KEPT
from whet.trust.remembered import Remembered, digest_of_base

if TYPE_CHECKING:
    from whet.models.base import Writer
    from whet.trust.context import Context

ENCODER = "does not apply: the specialist chooses or finds answers with an encoder and writes no text"
SERVED = "does not apply: the model is behind a server, and nothing of it was trained here"
UNTRAINED = "does not apply: nothing was trained, the model that answers is the base itself"


@dataclass(frozen=True)
class Writing:
    """Both models, and how the specialist's is asked."""

    tuned: Writer
    base: Writer
    asks: Callable[[str], Request]
    """An input as in training: under the task's instruction."""


def writing(context: Context) -> Writing | str:
    """The models of a trained specialist that writes; a sentence where there are none."""
    specialist: Any = context.tuned.specialist
    writer = getattr(specialist, "writer", None)
    if writer is None:
        return ENCODER
    if elsewhere(writer):
        return SERVED
    frame = getattr(specialist, "frame", None)
    if frame is not None and getattr(specialist, "rung", "") not in {"tune", "tune+retrieve"}:
        return UNTRAINED
    asks = specialist.asks if frame is None else frame.request
    base, folder = _base(context, writer), context.run / KEPT
    tuned = Remembered(writer, context.tuned.digest, folder)
    return Writing(tuned, Remembered(base, digest_of_base(base), folder), asks)


def previous_writer(context: Context) -> Writer | None:
    """The model of the release before; None where there is none that runs here."""
    if context.previous is None:
        return None
    writer = getattr(context.previous.specialist, "writer", None)
    if writer is None or elsewhere(writer):
        return None
    return Remembered(writer, context.previous.digest, context.run / KEPT)


def _base(context: Context, writer: Any) -> Local:
    """What was trained: of an adapter its own base, else the task's model of that name."""
    if isinstance(writer, Local) and writer.adapter is not None:
        return Local(writer.source)
    places = [model_place(name, context.folder) for name in context.task.local_models]
    decoders = [place for place in places if writes(place)]
    named = [place for place in decoders if place == writer.name]
    return Local(find_decoder((named or decoders or [writer.name])[0]))
