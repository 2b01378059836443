"""The routes of files and fine-tuning jobs. Source: OpenAI's API reference. Knows how nothing is done."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Query, Request, UploadFile
from fastapi.responses import FileResponse

from whet.serve.jobs.asked import NewJob
from whet.serve.jobs.book import no_job
from whet.serve.jobs.files import LONGEST_LIST
from whet.serve.jobs.hosted import Hosted
from whet.serve.jobs.rows import PAGE

Shown = dict[str, Any]
After = Annotated[str | None, Query(max_length=64)]


def routers(hosted: Hosted) -> list[APIRouter]:
    """All routes of the fine-tuning API; handlers run on threads, as they wait for the store."""
    from whet.serve.jobs.routes_evals import evals_router

    return [files_router(hosted), jobs_router(hosted), evals_router(hosted)]


def owner_of(request: Request) -> str:
    """Whose key it is; empty where nobody needs one."""
    key = getattr(request.state, "key", None)
    return str(key.name) if key is not None else ""


def files_router(hosted: Hosted) -> APIRouter:
    router, files = APIRouter(prefix="/v1/files", tags=["files"]), hosted.files

    @router.post("")
    def upload(
        request: Request, file: Annotated[UploadFile, File()], purpose: Annotated[str, Form(max_length=64)]
    ) -> Shown:
        return files.add(file.filename or "", purpose, file.file, owner=owner_of(request))

    @router.get("")
    def every(
        purpose: Annotated[str | None, Query(max_length=64)] = None,
        after: After = None,
        limit: int = LONGEST_LIST,
        order: Annotated[str, Query(max_length=8)] = "desc",
    ) -> Shown:
        return files.listed(purpose=purpose, after=after, limit=limit, order=order)

    @router.get("/{file_id}")
    def one(file_id: str) -> Shown:
        return files.show(file_id)

    @router.get("/{file_id}/content")
    def content(file_id: str) -> FileResponse:
        return FileResponse(files.get(file_id).path, media_type="application/octet-stream")

    @router.delete("/{file_id}")
    def delete(file_id: str) -> Shown:
        return files.delete(file_id)

    return router


def jobs_router(hosted: Hosted) -> APIRouter:
    router, book = APIRouter(prefix="/v1/fine_tuning/jobs", tags=["fine-tuning"]), hosted.book

    @router.post("")
    def create(request: Request, asked: NewJob) -> Shown:
        return hosted.create(asked, owner=owner_of(request))

    @router.get("")
    def every(request: Request, after: After = None, limit: int = PAGE) -> Shown:
        hosted.tend()
        return book.listed(after=after, limit=limit, metadata=metadata_of(request))

    @router.get("/{job_id}")
    def one(job_id: str) -> Shown:
        hosted.tend()
        return book.show(job_id)

    @router.get("/{job_id}/events")
    def events(job_id: str, after: After = None, limit: int = PAGE) -> Shown:
        hosted.tend()
        return book.events(job_id, after=after, limit=limit)

    @router.get("/{job_id}/checkpoints")
    def checkpoints(job_id: str, after: After = None, limit: int = 10) -> Shown:
        return book.checkpoints(job_id, after=after, limit=limit)

    @router.post("/{job_id}/{verb}")
    def turn(job_id: str, verb: str) -> Shown:
        verbs = {"cancel": book.cancel, "pause": book.pause, "resume": book.resume}
        if verb not in verbs:
            raise no_job(f"{job_id}/{verb}")
        found = verbs[verb](job_id)
        hosted.tend()
        return found

    return router


def metadata_of(request: Request) -> dict[str, str]:
    """``metadata[key]=value`` of a query."""
    pairs = request.query_params.multi_items()
    return {name[9:-1]: value for name, value in pairs if name.startswith("metadata[") and name.endswith("]")}
