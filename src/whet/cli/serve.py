"""``whet serve``: what is approved, behind an address that speaks OpenAI's protocol."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from whet.cli.options import Debug, Store
from whet.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from socket import socket

    from fastapi import APIRouter

    from whet.serve.serving import Serving

PORT = 8080
Names = Annotated[
    list[str] | None,
    typer.Argument(help="Releases by name or id; default: all that are live. With --trial: a run's folder."),
]
OnTrial = Annotated[
    bool, typer.Option("--trial", help="Serve a folder that nobody approved, on this machine only.")
]
Rung = Annotated[str, typer.Option("--rung", help="With --trial: a rung of the run; default: the winner.")]
Host = Annotated[str, typer.Option("--host", help="Address to listen on.")]
Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="Port; 0: any that is free.")]
Hosts = Annotated[
    list[str] | None, typer.Option("--allow-host", help="Another name that this server is called by.")
]
Below = Annotated[
    float | None,
    typer.Option("--unsure-below", min=0, max=1, help="Confidence under which a person must look."),
]
Canary = Annotated[str, typer.Option("--canary", help="ID:SHARE: it answers a share of its name's requests.")]
Shadow = Annotated[str, typer.Option("--shadow", help="ID:SHARE: it answers beside, and is not seen.")]
EngineUrl = Annotated[
    str,
    typer.Option("--engine", help="A vLLM, llama.cpp or Ollama that writes in its place: http://HOST/v1."),
]
EngineModel = Annotated[
    str, typer.Option("--engine-model", help="What that engine calls the model; default: the release's name.")
]
InPrecision = Annotated[
    Literal["auto", "bf16", "fp32"],
    typer.Option(
        "--precision",
        help="Of a decoder; auto: bf16 where its weights are stored in 16 bits and the processor has it.",
    ),
]
Keep = Annotated[bool, typer.Option("--keep/--keep-nothing", help="Keep requests, as the policy allows.")]
Queue = Annotated[int, typer.Option("--queue", min=1, max=100_000, help="Answers in work or waiting.")]
Deadline = Annotated[float, typer.Option("--deadline", min=1, help="Seconds for one request.")]
Drain = Annotated[float, typer.Option("--drain", min=0, help="Seconds for what is in work at the end.")]
Outside = Annotated[
    bool, typer.Option("--allow-outside", help="With --trial: run the command or call the address it names.")
]
Base = Annotated[
    list[str] | None,
    typer.Option("--base", help="NAME=FOLDER: what a model's name in a fine-tuning job stands for."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object when it is ready.")]


def serve(
    what: Names = None,
    trial: OnTrial = False,
    rung: Rung = "",
    store: Store = None,
    host: Host = "127.0.0.1",
    port: Port = PORT,
    allow_host: Hosts = None,
    below: Below = None,
    canary: Canary = "",
    shadow: Shadow = "",
    engine: EngineUrl = "",
    engine_model: EngineModel = "",
    precision: InPrecision = "auto",
    base: Base = None,
    keep: Keep = True,
    queue: Queue = 256,
    deadline: Deadline = 120.0,
    drain: Drain = 30.0,
    allow_outside: Outside = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Serve specialists as OpenAI's API does: chat, completions, embeddings, predictions."""
    import asyncio

    from whet.database import home
    from whet.serve.caps import Caps
    from whet.serve.server import bound
    from whet.serve.starting import Wanted, serving_of

    names = what or []
    if trial and len(names) != 1:
        raise InputError("--trial is for one folder.", where="whet serve", fix="whet serve RUN --trial")
    wanted = Wanted(
        names=() if trial else names,
        trial=Path(names[0]) if trial else None,
        rung=rung,
        outside=allow_outside,
        home=home(store),
        host=host,
        hosts=allow_host or (),
        threshold=below,
        canary=canary,
        shadow=shadow,
        engine=engine,
        engine_model=engine_model,
        precision=precision,
        keep=keep,
        caps=Caps(rows=queue, seconds=deadline, drain_seconds=drain),
    )
    serving = serving_of(wanted)
    loaded = asyncio.run(_load(serving, names=wanted.names))
    routers = [] if trial else _jobs(serving, home(store), base or [])
    _run(serving, bound(host, port), loaded, routers, as_json=as_json)


async def _load(serving: Serving, names: Sequence[str]) -> list[str]:
    """Load what is named, or all there is, so that a fault shows before anybody asks."""
    from whet.serve.faults import Fault

    wanted = list(names) or [about.name for about in await serving.catalogue.names()]
    for name in wanted:
        try:
            await serving.catalogue.find(name)
        except Fault as fault:
            if fault.__cause__ is not None:
                raise fault.__cause__ from None
            raise InputError(fault.message, where=name) from None
    return wanted


def _jobs(serving: Serving, store: Path, bases: list[str]) -> list[APIRouter]:
    """The fine-tuning API of a store, whose evals ask what is served; a job that waits there goes on."""
    from whet.serve.jobs.hosted import Hosted, bases_of
    from whet.serve.jobs.models import Models
    from whet.serve.jobs.routes import routers

    hosted, models = Hosted(store, bases_of(bases)), Models(serving)
    hosted.evals.answers, hosted.evals.asks = models.answers, models.asks
    hosted.tend()
    return routers(hosted)


def _run(
    serving: Serving,
    listening: socket,
    names: list[str],
    routers: Sequence[APIRouter],
    *,
    as_json: bool,
) -> None:
    from whet.serve.app import app_of
    from whet.serve.server import run

    host, port = listening.getsockname()[:2]
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}"

    def ready() -> None:
        if as_json:
            typer.echo(json.dumps({"address": address, "models": names}))
        else:
            typer.echo(f"serving {', '.join(names) or 'what will be live'} at {address}/v1")
            for line in _notes(serving):
                typer.echo(line)
        sys.stdout.flush()

    run(app_of(serving, routers=routers), serving, listening, ready)


def _notes(serving: Serving) -> list[str]:
    """What somebody who starts a server should know."""
    lines = []
    if serving.door.check is None:
        lines.append("nobody needs a key: only this machine can ask. whet key add NAME makes one")
    if serving.recorder is None:
        lines.append("requests are not kept")
    return [f"note: {line}" for line in lines]
