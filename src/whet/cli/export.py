"""``whet export``: a specialist in the form of another library, if it answers there as it does here."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from whet.cli.options import AsJson, Debug, print_json
from whet.cli.progress import progress
from whet.errors import InputError


def export(
    what: Annotated[
        str, typer.Argument(help="A run, RUN/04-rungs/NAME, a folder of whet tune, or a release.")
    ],
    to: Annotated[str, typer.Option("--to", help="peft, merged, onnx, ollama, vllm or gguf.")],
    out: Annotated[Path, typer.Option("--out", help="Folder to write; it must be new.")],
    rung: Annotated[str, typer.Option("--rung", help="Of a run; default: the verdict's winner.")] = "",
    rows: Annotated[
        Path | None, typer.Option("--rows", help="File of inputs to compare on; default: held-out rows.")
    ] = None,
    name: Annotated[
        str, typer.Option("--name", help="What a server is to call it; default: the task's.")
    ] = "",
    llama_cpp: Annotated[
        Path | None, typer.Option("--llama-cpp", help="With --to gguf: a checkout of llama.cpp.")
    ] = None,
    gguf_type: Annotated[
        str, typer.Option("--gguf-type", help="With --to gguf: f32, f16, bf16, q8_0.")
    ] = "f16",
    python: Annotated[
        str, typer.Option("--python", help="With --to gguf: an interpreter with what the converter needs.")
    ] = sys.executable,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Write a specialist for PEFT, transformers, ONNX, Ollama, vLLM or llama.cpp; kept only if it agrees
    there."""
    from whet.data.load import load_inputs
    from whet.release.export import Options
    from whet.release.export import export as written

    given = load_inputs(rows, None)[1] if rows else []
    with _found(what, rung) as leaving, progress() as bar:
        bar.tell(f"writing {to}, and comparing", 0, 1)
        options = Options(name or leaving.name, llama_cpp, gguf_type, python)
        done = written(leaving.folder, to, out, inputs=given or leaving.inputs, options=options)
    if as_json:
        print_json({**done.as_dict(), "approved": leaving.approved})
        return
    typer.echo(f"wrote {out} ({to}): {done.parity.said()}, on {done.on}")
    for note in (*done.notes, *([] if leaving.approved else ["nobody has approved it"])):
        typer.echo(f"note: {note}")
    for line in done.commands:
        typer.echo(f"next: {line}")


@dataclass(frozen=True)
class _Leaving:
    """What is to be exported."""

    folder: Path
    name: str
    inputs: Sequence[str]
    approved: str
    """The release's id; empty where it is none."""


@contextlib.contextmanager
def _found(what: str, rung: str) -> Iterator[_Leaving]:
    """A folder as it is, or a release's files, checked while they are copied."""
    from whet.release.export import held_out
    from whet.release.made_of import made_of
    from whet.release.releases import slug

    if Path(what).is_dir():
        found = made_of(Path(what), rung)
        yield _Leaving(found.specialist, slug(found.task), held_out(found.source), "")
        return
    from whet.database import FILE, home
    from whet.release.registry import Registry

    if not (home() / FILE).is_file():
        raise InputError("there is no such folder, and no store with releases here.", where=what)
    release, held = Registry(home()).hold(what)
    try:
        yield _Leaving(held.folder, release.name, held_out(release.source), release.id)
    finally:
        held.close()
