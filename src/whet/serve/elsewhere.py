"""A decoder's specialist whose tokens are written by another server: vLLM, llama.cpp, Ollama.

    request -> POST URL/chat/completions, streamed -> pieces, log-probabilities -> answer

The front stays ours: approval, keys, limits, confidence, traffic. What runs behind the address is its owner's
word: the registry cannot hash weights there. The official SDK speaks; its own retries are off, as a client of
ours waits. Labels are asked for as a JSON enum, which all three hold an answer to. Knows no specialist.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from whet.data.shapes.messages import write_messages
from whet.errors import WorldError
from whet.models.base import Answer, Form, Request, Tell
from whet.serve import faults
from whet.serve.asking import Chance, Emit, unheard
from whet.serve.faults import Fault
from whet.serve.seats import Wish

if TYPE_CHECKING:
    from whet.models.layout import Layout

UNREACHED = "The engine behind this server cannot be reached."


@dataclass
class Elsewhere:
    """A place like ``seats.Seat``, at an address."""

    url: str
    """Up to ``/v1``."""
    model: str
    """What the server there calls it."""
    layout: Layout
    """Of the specialist's base: whether its template has a place for tools."""
    context: int
    """Tokens that it reads, as the base's files say."""
    _clients: dict[int, Any] = field(default_factory=dict)
    """By event loop."""

    @property
    def name(self) -> str:
        return f"{self.model} at {self.url}"

    def answer(self, requests: Sequence[Request], tell: Tell | None = None) -> list[Answer]:
        """Only through ``ask``: it needs a loop."""
        raise WorldError("asks through a server only.", where=self.name)

    def keep(self, requests: Sequence[Request]) -> None:
        """What is shared is kept by the server there, if it does so."""

    def too_long(self, requests: Sequence[Request]) -> list[bool]:
        """Which requests leave no room for the tokens that they ask for."""
        from whet.models.as_tokens import too_long

        return too_long(self.layout, self.context, requests)

    def stuck(self) -> float:
        return 0.0

    def close(self) -> None:
        """Nothing is held here."""

    async def ask(
        self, request: Request, wish: Wish | None = None, emit: Emit = unheard
    ) -> tuple[Answer, tuple[Chance, ...]]:
        """As ``Seat.ask``; raises a ``Fault`` with what the server there says."""
        import openai

        try:
            return await self._asked(request, wish or Wish(), emit)
        except openai.APIStatusError as error:
            raise _said(error) from error
        except openai.APIError as error:
            raise Fault(502, UNREACHED, code="upstream", after=faults.BUSY_SECONDS) from error

    async def _asked(self, request: Request, wish: Wish, emit: Emit) -> tuple[Answer, tuple[Chance, ...]]:
        heard = _Heard(request)
        stream = await self._client().chat.completions.create(**body_of(self.model, request, wish))
        async with aclosing(_chunks(stream)) as chunks:
            async for chunk in chunks:
                text, found = heard.take(chunk)
                if text:
                    emit(text, found if wish.top is not None else ())
        return heard.answer(), tuple(heard.chances) if wish.top is not None else ()

    def _client(self) -> Any:
        import openai

        loop = id(asyncio.get_running_loop())
        if loop not in self._clients:
            self._clients[loop] = openai.AsyncOpenAI(api_key="none", base_url=self.url, max_retries=0)
        return self._clients[loop]


async def _chunks(stream: Any) -> AsyncGenerator[Any]:
    """The stream's chunks; the connection is closed when nobody reads on, which frees the place there."""
    try:
        async for chunk in stream:
            yield chunk
    finally:
        await stream.close()


def body_of(model: str, request: Request, wish: Wish) -> dict[str, Any]:
    """What is sent."""
    body: dict[str, Any] = {"model": model, "messages": write_messages(request.turns), "stream": True}
    body |= {"max_tokens": request.tokens, "temperature": request.temperature, "logprobs": True}
    body["stream_options"] = {"include_usage": True}
    if wish.top:
        body["top_logprobs"] = wish.top
    if request.temperature:
        body |= {"seed": request.seed, "top_p": wish.top_p}
    if request.stop:
        body["stop"] = list(request.stop)
    if request.form is not None:
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "strict": True, "schema": _schema(request.form)},
        }
    if wish.tools:
        body["tools"] = [dict(tool) for tool in wish.tools]
    return body


def _schema(form: Form) -> Mapping[str, Any]:
    if form.choices:
        return {"type": "string", "enum": list(form.choices)}
    if form.schema is not None:
        return form.schema
    raise faults.unsupported(
        "the engine behind this server holds answers to JSON Schema only.", "response_format"
    )


@dataclass
class _Heard:
    """What has come of one answer."""

    request: Request
    text: str = ""
    logprob: float | None = None
    chances: list[Chance] = field(default_factory=list)
    ended: str = "length"
    read: int = 0
    written: int = 0
    calls: dict[int, dict[str, str]] = field(default_factory=dict)

    def take(self, chunk: Any) -> tuple[str, list[Chance]]:
        if chunk.usage is not None:
            self.read, self.written = chunk.usage.prompt_tokens, chunk.usage.completion_tokens
        if not chunk.choices:
            return "", []
        choice = chunk.choices[0]
        self.ended = choice.finish_reason or self.ended
        for call in choice.delta.tool_calls or ():
            kept = self.calls.setdefault(call.index, {"name": "", "arguments": ""})
            kept["name"] += (call.function and call.function.name) or ""
            kept["arguments"] += (call.function and call.function.arguments) or ""
        found = [_chance(one) for one in (choice.logprobs and choice.logprobs.content) or ()]
        self.chances += found
        self.logprob = (self.logprob or 0.0) + sum(one.logprob for one in found) if found else self.logprob
        text = choice.delta.content or ""
        self.text += text
        return text, found

    def answer(self) -> Answer:
        text = self.text
        if self.calls:  # what was said beside them is not part of a call
            text = json.dumps([_call(one) for one in self.calls.values()])
        ended: Any = "length" if self.ended == "length" else "end"
        found = Answer(text, ended, self.logprob, tokens_in=self.read, tokens_out=self.written)
        choices = self.request.form.choices if self.request.form else ()
        return _chosen(found, choices) if choices else found


def _call(one: Mapping[str, str]) -> dict[str, Any]:
    try:
        return {"name": one["name"], "arguments": json.loads(one["arguments"] or "{}")}
    except ValueError:  # the room for the answer ended within it
        return {"name": one["name"], "arguments": one["arguments"]}


def _chosen(answer: Answer, choices: Sequence[str]) -> Answer:
    """A label that came as JSON; its probability is that of what was written, the others share the rest."""
    try:
        label = json.loads(answer.text)
    except ValueError:
        label = answer.text.strip().strip('"')
    if label not in choices:
        raise Fault(502, "The engine behind this server gave no label.", code="upstream")
    sure = math.exp(min(0.0, answer.logprob)) if answer.logprob is not None else 1.0
    rest = (1.0 - sure) / max(1, len(choices) - 1)
    return replace(answer, text=label, choices=tuple(sure if one == label else rest for one in choices))


def _chance(one: Any) -> Chance:
    top = tuple((beside.token, beside.logprob) for beside in one.top_logprobs or ())
    return Chance(one.token, one.logprob, top)


def _said(error: Any) -> Fault:
    """What the server there refuses of a request is the request's fault; all else is not."""
    if error.status_code == 400:
        return faults.bad(f"the engine behind this server says: {str(error.message)[:300]}")
    if error.status_code in (429, 503):
        return faults.busy("The engine behind this server is busy.")
    return Fault(502, UNREACHED, code="upstream", after=faults.BUSY_SECONDS)
