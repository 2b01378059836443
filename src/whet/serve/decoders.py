"""A decoder's specialist as something that answers: its frame around the conversation, then its seat.

    Ask -> the frame's turns, demonstrations and passages -> request -> engine -> text -> output, confidence

A specialist of the rungs (``rungs.asked``) was made for one instruction: its own stands before what is asked,
and a caller's system message is not read, which the reply says. One of ``whet tune`` (``rungs.written``)
reads the conversation as it comes. Knows no HTTP.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from whet.models.base import Answer, Form, Request
from whet.models.layout import Layout
from whet.models.threads import alone
from whet.records import Prediction, Turn
from whet.rungs.asked import Asked
from whet.rungs.posing import Posed
from whet.rungs.written import Written
from whet.serve import calling, faults, labels
from whet.serve.asking import Ask, Chance, Emit, Ends, Reply, unheard
from whet.serve.elsewhere import Elsewhere
from whet.serve.seats import Seat, Wish
from whet.serve.specialists import chances, input_of
from whet.serve.wrapping import Unfit, check_schema, content_of, wrapped

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Said = tuple[Prediction, labels.Labels]
"""What the specialist makes of an answer, and the probabilities of the labels."""
ENDS: dict[str, Ends] = {"length": "length"}


class Decoding:
    """A specialist that writes (``asking.Answering``)."""

    def __init__(self, specialist: Asked | Written):
        """``specialist``: its writer is a place to ask at."""
        assert isinstance(specialist.writer, Seat | Elsewhere)
        self._specialist, self._seat = specialist, specialist.writer
        self.chooses = labels.chooses(specialist)
        self._labels = isinstance(specialist, Asked) and specialist.frame.kind == "classify"
        if isinstance(specialist, Asked):
            posed = specialist.posed(["a", "b"])  # loads what finds examples and passages
            if not specialist.lookup and not specialist.neighbours:
                self._seat.keep([one.request for one in posed])

    async def answer(self, ask: Ask, emit: Emit = unheard) -> Reply:
        text = input_of(ask)
        request, posed = await asyncio.to_thread(self._asks, ask, text)
        if self._labels and ask.schema is not None:
            check_schema(ask.schema)
        wish = Wish(self._tools(ask), ask.top, ask.top_p, ask.owner)
        aloud = unheard if ask.tools or self._labels else emit
        answer, found = await self._seat.ask(request, wish, aloud)
        reply = self._reply(ask, self._specialist_says(answer, posed), answer, found)
        return replace(reply, asked=text, passages=posed.passages, notes=tuple(self._unread(ask)))

    async def vectors(self, texts: Sequence[str]) -> tuple[NDArray[np.float32], int]:
        raise faults.unsupported("this model makes no embeddings.", "model")

    def stuck(self) -> float:
        return self._seat.stuck()

    def close(self) -> None:
        self._seat.close()

    def _asks(self, ask: Ask, text: str) -> tuple[Request, Posed]:
        """What the model is asked; on a thread, as finding passages takes its time."""
        with alone():
            return self._request(ask, text)

    def _request(self, ask: Ask, text: str) -> tuple[Request, Posed]:
        if isinstance(self._specialist, Asked):
            (posed,) = self._specialist.posed([text])
            request = posed.request
            *before, last = request.turns
            request = replace(request, turns=(*before, *_between(ask.turns), last))
        else:
            own = [Turn("system", self._specialist.instruction)] if self._specialist.instruction else []
            told = any(turn.role == "system" for turn in ask.turns)
            request = Request(ask.turns if told else (*own, *ask.turns))
            posed = Posed(request)
        return self._formed(ask, request), posed

    def _formed(self, ask: Ask, request: Request) -> Request:
        form, turns = request.form, request.turns
        if ask.forced:
            form = Form(schema=calling.schema_of_call(ask.tools, ask.forced))
            if not reads_tools(self._seat.layout):
                turns = (Turn("system", calling.told(ask.tools)), *turns)
        elif ask.schema is not None and not self._labels:
            form = Form(schema=ask.schema)
        return replace(
            request,
            turns=turns,
            form=form,
            tokens=ask.tokens or request.tokens,
            stop=ask.stop,
            temperature=ask.temperature,
            seed=ask.seed,
        )

    def _tools(self, ask: Ask) -> tuple[Any, ...]:
        return ask.tools if reads_tools(self._seat.layout) or not ask.forced else ()

    def _reply(self, ask: Ask, said: Said, answer: Answer, found: tuple[Chance, ...]) -> Reply:
        prediction, known = said
        content, ended = answer.text, ENDS.get(answer.ended, "stop")
        calls = calling.calls_in(content, [one["function"]["name"] for one in ask.tools]) if ask.tools else ()
        if self._labels and not calls:
            content = content_of(prediction.output)
            found = chances(content, prediction.confidence, known, ask.top)
            if ask.schema is not None:
                try:
                    content = wrapped(prediction.output, ask.schema)
                except Unfit as error:
                    content, ended = str(error), "content_filter"
        return Reply(
            text=content,
            output=prediction.output,
            ended="tool_calls" if calls else ended,
            confidence=prediction.confidence,
            labels=known,
            chances=found,
            calls=calls,
            tokens_in=answer.tokens_in,
            tokens_out=answer.tokens_out,
        )

    def _specialist_says(self, answer: Answer, posed: Posed) -> Said:
        if isinstance(self._specialist, Written):
            return self._specialist.prediction(answer), ()
        prediction = self._specialist.prediction(answer, posed)
        known = labels.sorted_labels(*self._specialist.shares(answer)) if answer.choices else ()
        return prediction, known

    def _unread(self, ask: Ask) -> Iterator[str]:
        told = [turn.text for turn in ask.turns if turn.role == "system"]
        if told and isinstance(self._specialist, Asked) and told != [self._specialist.frame.told()]:
            yield "the system message was not read: this specialist has an instruction of its own"


def _between(turns: Sequence[Turn]) -> Iterator[Turn]:
    """Earlier turns of a conversation, without instructions and without what is asked last."""
    last = max((n for n, turn in enumerate(turns) if turn.role in ("user", "tool")), default=-1)
    return (turn for n, turn in enumerate(turns) if turn.role != "system" and n < last)


def reads_tools(layout: Layout) -> bool:
    return "tools" in (layout.template or "")
