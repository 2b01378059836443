"""whet's own routes, embeddings, the list of models, and what a machine that watches the server asks for."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from whet.errors import InputError
from whet.records import Turn
from whet.serve import faults
from whet.serve.asking import Ask, Reply
from whet.serve.catalogue import About, Served
from whet.serve.chat import head_of, headers_of, noted, owner_of
from whet.serve.faults import Fault
from whet.serve.replies import Head, new_id, passage
from whet.serve.shapes import EmbeddingBody, FeedbackBody, PredictBody
from whet.serve.streaming import unless_gone

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from whet.serve.serving import Noted, Serving

router = APIRouter()
LABELS = 20
"""The likeliest labels that a prediction tells."""


@router.post("/v1/predict", tags=["whet"])
async def predict(body: PredictBody, request: Request) -> Response:
    """Answer inputs as the specialist was measured: output, confidence, passages, release."""
    serving: Serving = request.app.state.serving
    about = noted(request, new_id("pred"), body.user)
    model = body.model or await _only(serving)
    served = await serving.catalogue.pick(model, body.user or about.id)
    asks = [Ask((Turn("user", text),), owner=owner_of(about)) for text in body.input]
    replies = await unless_gone(request.receive, serving.whole(served, asks, about))
    head = head_of(served, about.id, model)
    rows = [_row(about.row_id(n, len(asks)), reply, head) for n, reply in enumerate(replies)]
    told = {"object": "list", "data": rows, "model": model, "release": head.release, "trial": head.trial}
    return JSONResponse(told, headers=headers_of(served))


def _row(id_: str, reply: Reply, head: Head) -> dict[str, Any]:
    output = reply.output if isinstance(reply.output, str) else list(reply.output)
    row: dict[str, Any] = {"id": id_, "object": "prediction", "output": output}
    row |= {"confidence": reply.confidence, "unsure": head.unsure(reply), "release": head.release}
    if reply.labels:
        row["labels"] = [{"label": name, "probability": share} for name, share in reply.labels[:LABELS]]
    if reply.passages:
        row["passages"] = [passage(one) for one in reply.passages]
    return row


async def _only(serving: Serving) -> str:
    """The one model that is served."""
    names = [about.name for about in await serving.catalogue.names()]
    if len(names) != 1:
        raise faults.bad(f"several models are served; name one: {', '.join(names[:10]) or 'none'}.", "model")
    return names[0]


@router.post("/v1/feedback", tags=["whet"])
async def feedback(body: FeedbackBody, request: Request) -> Response:
    """Say of an answer whether it was good, or what is right."""
    serving: Serving = request.app.state.serving
    if body.good is None and body.truth is None:
        raise faults.bad("say good (0 to 1), or truth (the right output), or both.", "good")
    if serving.recorder is None:
        raise Fault(
            409, "This server keeps no requests, so that there is nothing to speak of.", code="not_kept"
        )
    good = None if body.good is None else float(body.good)
    told = serving.recorder.told
    try:
        await asyncio.to_thread(told, body.id, good=good, comment=body.comment, truth=body.truth)
    except InputError as error:
        raise Fault(404, error.what, code="not_found", param="id") from error
    return JSONResponse({"id": body.id, "object": "feedback"})


@router.post("/v1/embeddings", tags=["OpenAI"])
async def embeddings(body: EmbeddingBody, request: Request) -> Response:
    """Unit vectors of texts, by the encoder of a specialist."""
    serving: Serving = request.app.state.serving
    if "" in body.input:
        raise faults.bad("a text is empty.", "input")
    served = await serving.catalogue.find(body.model)
    about = noted(request, new_id("emb"), body.user)
    vectors, tokens = await unless_gone(request.receive, _vectors(serving, served, body, about))
    if body.dimensions not in (None, vectors.shape[1]):
        raise faults.unsupported(f"dimensions: this model has {vectors.shape[1]}.", "dimensions")
    rows = [
        {"object": "embedding", "index": n, "embedding": _written(vector, body.encoding_format)}
        for n, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    told = {"object": "list", "data": rows, "model": body.model, "usage": usage}
    return JSONResponse(told, headers=headers_of(served))


async def _vectors(
    serving: Serving, served: Served, body: EmbeddingBody, about: Noted
) -> tuple[NDArray[np.float32], int]:
    with serving.room.take(len(body.input)):
        try:
            async with asyncio.timeout(serving.caps.seconds):
                found = await served.answering.vectors(body.input)
        except TimeoutError:
            raise faults.late(serving.caps.seconds) from None
    if about.key is not None:
        serving.door.limiter.spent(about.key.id, found[1])
    return found


def _written(vector: NDArray[np.float32], form: str | None) -> list[float] | str:
    """As numbers, or as the base64 of little-endian fp32."""
    if form == "base64":
        return base64.b64encode(vector.astype("<f4").tobytes()).decode()
    return [float(value) for value in vector]


@router.get("/v1/models", tags=["OpenAI"])
async def models(request: Request) -> Response:
    """What may be asked for by name."""
    found = await request.app.state.serving.catalogue.names()
    return JSONResponse({"object": "list", "data": [_model(about.name, about) for about in found]})


@router.get("/v1/models/{model:path}", tags=["OpenAI"])
async def model(model: str, request: Request) -> Response:
    """One model: a name, a release's id, or its alias."""
    served = await request.app.state.serving.catalogue.find(model)
    told = _model(model, served.about)
    told["whet"]["unsure_below"] = served.threshold
    return JSONResponse(told)


def _model(name: str, about: About) -> dict[str, Any]:
    told = {"id": name, "object": "model", "created": about.created, "owned_by": "whet"}
    return {**told, "whet": {"release": about.id, "rung": about.rung, "trial": about.trial}}


@router.get("/healthz", tags=["health"])
async def healthz(request: Request) -> Response:
    """Whether the server works: 503 where there is work and nothing moves."""
    serving: Serving = request.app.state.serving
    stuck = serving.catalogue.stuck()
    well = stuck < serving.caps.stuck_seconds
    told = {"status": "ok"} if well else {"status": "stuck", "seconds": round(stuck)}
    return JSONResponse(told, 200 if well else 503)


@router.get("/readyz", tags=["health"])
async def readyz(request: Request) -> Response:
    """Whether new requests are taken."""
    draining = request.app.state.serving.door.draining
    return JSONResponse({"status": "draining" if draining else "ready"}, 503 if draining else 200)


@router.get("/metrics", tags=["health"])
async def metrics(request: Request) -> Response:
    """Figures for Prometheus."""
    text = request.app.state.serving.door.metrics.text()
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4; charset=utf-8")
