"""``whet predict`` and ``whet try``: a specialist answers a file, or a person."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from whet.cli.options import AllowOutside, AsJson, Debug, print_json

Specialist = Annotated[Path, typer.Argument(help="RUN/04-rungs/NAME, or a folder of whet tune.")]


def predict(
    specialist: Specialist,
    file: Annotated[Path, typer.Argument(help="Inputs: TXT (one a line), CSV, TSV or JSONL.")],
    column: Annotated[str | None, typer.Option("--input", help="Input column.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="JSONL to write; default: print.")] = None,
    allow_outside: AllowOutside = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Answer every input of a file with a fitted rung or a trained model, one JSON line each."""
    from whet.cli.answers import as_row
    from whet.data.load import load_inputs
    from whet.rungs.base import load_specialist
    from whet.store import write_jsonl

    ids, texts = load_inputs(file, column)
    answers = load_specialist(specialist, outside=allow_outside).predict(texts)
    rows = [{"id": i, **as_row(text, a, digits=4)} for i, text, a in zip(ids, texts, answers, strict=True)]
    if out:
        write_jsonl(out, rows)
        summary = {"predictions": len(rows), "file": str(out)}
        if as_json:
            print_json(summary)
        else:
            typer.echo(f"wrote {len(rows):,} predictions to {out}")
    elif as_json:
        print_json(rows)
    else:
        for row in rows:
            typer.echo(json.dumps(row, ensure_ascii=False))


def try_(
    specialist: Specialist,
    text: Annotated[str | None, typer.Argument(help="An input; without one, asks.")] = None,
    allow_outside: AllowOutside = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Ask a fitted rung or a trained model: one input, or line by line until an empty line."""
    from whet.cli.answers import as_row, spoken
    from whet.rungs.base import load_specialist

    loaded = load_specialist(specialist, outside=allow_outside)
    lines = [text] if text is not None else _lines()
    for line in lines:
        answer = loaded.predict([line])[0]
        if as_json:
            print_json(as_row(line, answer))
        else:
            for said in spoken(answer):
                typer.echo(said)


def _lines() -> Iterator[str]:
    """Lines from standard input; an empty line or its end stops."""
    asking = sys.stdin.isatty()
    while True:
        if asking:
            typer.echo("> ", nl=False)
        line = sys.stdin.readline()
        if not line.strip():
            return
        yield line.strip()
