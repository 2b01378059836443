"""``whet init``: a file of examples in, a commented task file out."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from whet.cli.options import AsJson, Debug, GroupColumn, InputColumns, OutputColumn, TimeColumn, print_json
from whet.errors import InputError


def init(
    file: Annotated[Path, typer.Argument(help="CSV, TSV, JSONL or JSON file of examples.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Task file to write; default: FILE's name, .yaml.")
    ] = None,
    inputs: InputColumns = None,
    output: OutputColumn = None,
    time: TimeColumn = None,
    group: GroupColumn = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Guess a task from a file of examples and write a commented task file."""
    from whet.start import draft
    from whet.store import write_text
    from whet.taskfile import Hints

    path = out or file.with_suffix(".yaml")
    if path.exists():
        raise InputError("is already there; nothing was written.", where=path, fix="name another with --out.")
    found = draft(file, path.parent, Hints(tuple(inputs or ()), output, time, group))
    write_text(path, found.text)
    if as_json:
        print_json({"task_file": str(path), "task": found.task.model_dump(mode="json")})
        return
    for line in found.said:
        typer.echo(line)
    typer.echo(f"wrote {path}\nnext: {shlex.join(['whet', 'run', str(path)])}")
