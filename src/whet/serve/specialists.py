"""Any specialist as something that answers: inputs of the same moment in one batch.

    Ask -> the specialist's input -> batch -> prediction -> text, label probabilities, notes

What a chat has and a specialist does not read (a system message, earlier turns, a temperature) is named in
the reply's notes. A decoder's specialist goes to the engine instead (``decoders.py``). Knows no HTTP.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from whet.errors import WhetError
from whet.models.threads import computed
from whet.records import Specialist
from whet.serve import faults, labels
from whet.serve.asking import Ask, Chance, Emit, Reply, unheard
from whet.serve.batches import Batches
from whet.serve.wrapping import Unfit, check_schema, content_of, wrapped

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FAINT = 1e-9
"""The least probability whose logarithm is told."""


class Batched:
    """A specialist that answers in batches (``asking.Answering``)."""

    def __init__(self, specialist: Specialist, *, name: str = "", reaches: bool = False):
        """``reaches``: answering waits for something elsewhere, and does not compute."""
        self._specialist = specialist
        self._reaches = reaches
        self.chooses = labels.chooses(specialist)
        self._batches: Batches[str, labels.Told] = Batches(self._told, name=name)
        self._encoder: Any = encoder_of(specialist)

    async def answer(self, ask: Ask, emit: Emit = unheard) -> Reply:
        if ask.tools:
            raise faults.unsupported("this specialist answers by itself and calls no tools.", "tools")
        if ask.schema is not None:
            check_schema(ask.schema)
        text = input_of(ask)
        try:
            found = await self._batches.put(text)
        except WhetError as error:
            raise faults.of(error) from error
        if found.prediction.failed:
            raise faults.Fault(502, "What answers behind this server failed.", code="upstream", after=1)
        return reply_of(ask, text, found, tuple(_unread(ask)))

    async def vectors(self, texts: Sequence[str]) -> tuple[NDArray[np.float32], int]:
        import asyncio

        if self._encoder is None:
            raise faults.unsupported("this model makes no embeddings.", "model")
        encoded = await asyncio.to_thread(computed, partial(self._encoder.encode, texts))
        return encoded.vectors, int(encoded.tokens.sum())

    def stuck(self) -> float:
        return self._batches.stuck()

    def close(self) -> None:
        self._batches.close()

    def _told(self, inputs: Sequence[str]) -> list[labels.Told]:
        work = partial(labels.told, self._specialist, inputs)
        return work() if self._reaches else computed(work)


def encoder_of(specialist: Specialist) -> Any:
    """The sentence encoder that a specialist reads with; None where it has none."""
    encoder = getattr(specialist, "encoder", None)
    return encoder if hasattr(encoder, "encode") else None


def input_of(ask: Ask) -> str:
    """The last message that is not the model's own: what a specialist was made to answer."""
    last = next((turn for turn in reversed(ask.turns) if turn.role in ("user", "tool")), None)
    if last is None or not last.text.strip():
        raise faults.bad("there is no message of the user, or it is empty.", "messages")
    return last.text


def _unread(ask: Ask) -> Iterator[str]:
    """What of the request this specialist does not read."""
    if any(turn.role == "system" for turn in ask.turns):
        yield "the system message was not read: this specialist was made for one instruction"
    if sum(turn.role in ("user", "assistant") for turn in ask.turns) > 1:
        yield "earlier turns were not read: this specialist answers one message"
    if ask.temperature:
        yield "temperature has no effect: this specialist does not draw its answers"


def reply_of(ask: Ask, text: str, found: labels.Told, notes: tuple[str, ...]) -> Reply:
    prediction = found.prediction
    content = content_of(prediction.output)
    ended: Any = "stop"
    if ask.schema is not None:
        try:
            content = wrapped(prediction.output, ask.schema)
        except Unfit as error:
            content, ended = str(error), "content_filter"
    return Reply(
        text=content,
        output=prediction.output,
        ended=ended,
        confidence=prediction.confidence,
        labels=found.labels,
        chances=chances(content_of(prediction.output), prediction.confidence, found.labels, ask.top),
        tokens_in=prediction.tokens_in,
        tokens_out=prediction.tokens_out,
        usd=prediction.usd,
        passages=prediction.passages,
        notes=notes,
        asked=text,
        vector=found.vector,
    )


def chances(label: str, sure: float, known: labels.Labels, top: int | None) -> tuple[Chance, ...]:
    """A label as one token, with the probabilities of the others beside it."""
    if top is None:
        return ()
    beside = tuple((name, _log(share)) for name, share in known[:top])
    return (Chance(label, _log(sure), beside),)


def _log(share: float) -> float:
    return math.log(max(share, FAINT))
