"""``/v1/chat/completions`` and ``/v1/completions``: asked and answered in the shapes of OpenAI's clients."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from whet.serve.asking import Ask
from whet.serve.catalogue import Served
from whet.serve.replies import Chunks, Head, new_id, whole
from whet.serve.serving import Noted
from whet.serve.shapes import ChatBody, CompletionBody
from whet.serve.streaming import unless_gone
from whet.serve.texts import asks_of_chat, asks_of_completion

if TYPE_CHECKING:
    from whet.serve.serving import Serving

router = APIRouter()


@router.post("/v1/chat/completions", tags=["OpenAI"])
async def chat_completions(body: ChatBody, request: Request) -> Response:
    """Answer a conversation."""
    asks = asks_of_chat(body)
    return await _answered(request, body, asks, chat=True, prompts=1)


@router.post("/v1/completions", tags=["OpenAI"])
async def completions(body: CompletionBody, request: Request) -> Response:
    """Go on from a text."""
    asks = asks_of_completion(body)
    prompts = len(asks) // (body.n or 1)
    return await _answered(request, body, asks, chat=False, prompts=prompts)


async def _answered(
    request: Request, body: ChatBody | CompletionBody, asks: Sequence[Ask], *, chat: bool, prompts: int
) -> Response:
    serving: Serving = request.app.state.serving
    about = noted(request, new_id("chatcmpl" if chat else "cmpl"), body.user)
    asks = [replace(ask, owner=owner_of(about)) for ask in asks]
    served = await serving.catalogue.pick(body.model, body.user or about.id)
    head = head_of(served, about.id, body.model, chat=chat)
    if body.stream:
        usage = bool(body.stream_options and body.stream_options.include_usage)
        stream = serving.stream(served, asks, Chunks(head, usage=usage), about, prompts)
        try:
            first = await unless_gone(request.receive, stream.first())
        except BaseException:
            stream.cancel()
            raise
        events = stream.rest(first)
        return StreamingResponse(
            events, media_type="text/event-stream", headers=headers_of(served, stream=True)
        )
    replies = await unless_gone(request.receive, serving.whole(served, asks, about))
    return JSONResponse(whole(head, replies, prompts=prompts), headers=headers_of(served))


def noted(request: Request, id_: str, person: str | None) -> Noted:
    key = getattr(request.state, "key", None)
    return Noted(id_, key, person or "", asyncio.get_running_loop().time())


def owner_of(about: Noted) -> str:
    """Whose requests may share what they begin with: those of one key."""
    return about.key.id if about.key is not None else "anybody"


def head_of(served: Served, id_: str, model: str, *, chat: bool = True) -> Head:
    about = served.about
    return Head(id_, model, about.id, about.digest, about.trial, served.threshold, chat)


def headers_of(served: Served, *, stream: bool = False) -> dict[str, str]:
    """Which release answered, and whether it is one on trial."""
    told: dict[str, Any] = {"x-whet-release": served.about.id, "cache-control": "no-store"}
    if served.about.trial:
        told["x-whet-trial"] = "true"
    return told | ({"x-accel-buffering": "no"} if stream else {})
