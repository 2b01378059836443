"""``whet index``: a specialist looks things up in other documents from now on, and is not fitted again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from whet.cli.options import AsJson, Debug, print_json
from whet.errors import InputError

if TYPE_CHECKING:
    from whet.config_knowledge import Knowledge
    from whet.indexing import Reindexed

TASK_ENDINGS = {".yaml", ".yml"}


def index(
    what: Annotated[
        Path, typer.Argument(help="RUN/04-rungs/NAME, a run folder, or a task file whose run is meant.")
    ],
    documents: Annotated[
        list[Path] | None, typer.Argument(help="Files and folders; without, those of the task file.")
    ] = None,
    run: Annotated[
        Path | None, typer.Option("--run", help="Run folder of the task file; default: whet-runs/NAME.")
    ] = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Change the documents that a fitted rung looks things up in, without fitting it again."""
    from whet.indexing import reindex_all, specialists_in
    from whet.retrieve.documents import read_documents

    is_task = what.suffix.lower() in TASK_ENDINGS
    place = (run or Path("whet-runs") / what.stem) if is_task else what
    asked, folder = _asked(what, documents or [], is_task=is_task)
    read = read_documents(asked, folder)
    found = reindex_all(specialists_in(place), read)
    if as_json:
        rows = [{**vars(one), "folder": str(one.folder), "changed": one.changed} for one in found]
        print_json({"specialists": rows, "notes": read.notes})
        return
    for line in (*(_said(one) for one in found), *(f"note: {note}" for note in read.notes)):
        typer.echo(line)


def _asked(what: Path, documents: list[Path], *, is_task: bool) -> tuple[Knowledge, Path]:
    """Which documents are meant, and where their paths start."""
    from whet.config import load_task
    from whet.config_knowledge import Knowledge

    if documents:
        return Knowledge(documents=[str(path) for path in documents]), Path()
    task = load_task(what) if is_task else None
    if task is None or task.knowledge is None:
        raise InputError(
            "no documents are named.", where=what, fix="whet index SPECIALIST DOCUMENTS, files or folders."
        )
    return task.knowledge, what.parent


def _said(one: Reindexed) -> str:
    counts = f"{one.passages:,} passages of {one.documents:,} documents"
    before = f"was {one.before[:12]}" if one.changed else "as before"
    return f"{one.folder}: {counts}, digest {one.digest[:12]} ({before})"
