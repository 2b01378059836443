"""The routes of evals and their runs. Source: OpenAI's API reference. Knows how nothing is done."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from whet.serve.jobs.asked import NewEval, NewRun
from whet.serve.jobs.hosted import Hosted
from whet.serve.jobs.rows import PAGE

Shown = dict[str, Any]
After = Annotated[str | None, Query(max_length=64)]
Order = Annotated[str, Query(max_length=8)]


def evals_router(hosted: Hosted) -> APIRouter:
    router, evals = APIRouter(prefix="/v1/evals", tags=["evals"]), hosted.evals

    @router.post("", status_code=201)
    def create(request: Request, asked: NewEval) -> Shown:
        key = getattr(request.state, "key", None)
        return evals.create(asked, owner=str(key.name) if key is not None else "")

    @router.get("")
    def every(after: After = None, limit: int = PAGE, order: Order = "asc") -> Shown:
        return evals.listed(after=after, limit=limit, order=order)

    @router.get("/{eval_id}")
    def one(eval_id: str) -> Shown:
        return evals.show(eval_id)

    @router.delete("/{eval_id}")
    def delete(eval_id: str) -> Shown:
        return evals.delete(eval_id)

    @router.post("/{eval_id}/runs", status_code=201)
    def run(eval_id: str, asked: NewRun) -> Shown:
        return evals.run(eval_id, asked)

    @router.get("/{eval_id}/runs")
    def runs(eval_id: str, after: After = None, limit: int = PAGE, order: Order = "asc") -> Shown:
        return evals.runs(eval_id, after=after, limit=limit, order=order)

    @router.get("/{eval_id}/runs/{run_id}")
    def one_run(eval_id: str, run_id: str) -> Shown:
        return evals.show_run(eval_id, run_id)

    @router.post("/{eval_id}/runs/{run_id}/cancel")
    def cancel(eval_id: str, run_id: str) -> Shown:
        return evals.cancel(eval_id, run_id)

    @router.delete("/{eval_id}/runs/{run_id}")
    def delete_run(eval_id: str, run_id: str) -> Shown:
        return evals.delete_run(eval_id, run_id)

    @router.get("/{eval_id}/runs/{run_id}/output_items")
    def items(
        eval_id: str, run_id: str, after: After = None, limit: int = PAGE, order: Order = "asc"
    ) -> Shown:
        return evals.items(eval_id, run_id, after=after, limit=limit, order=order)

    return router
