"""``whet review``: a random sample of outputs for a person to decide on, out as a file and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from whet.cli.options import AsJson, Debug
from whet.errors import InputError


def review(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    sample: Annotated[int | None, typer.Option("--sample", min=1, help="Outputs to draw at random.")] = None,
    take: Annotated[Path | None, typer.Option("--take", help="The file, filled in.")] = None,
    by: Annotated[str, typer.Option("--by", help="Who decided; with --take.")] = "",
    out: Annotated[Path | None, typer.Option("--out", help="File to write; default: RUN/review.csv.")] = None,
    rung: Annotated[
        str | None, typer.Option("--rung", help="Whose outputs; default: the rung that the verdict names.")
    ] = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Draw outputs for a named person to accept or reject, and take the decisions back."""
    if (sample is None) == (take is None):
        raise InputError("give --sample N, or --take FILE --by NAME.", where="whet review")
    from whet.trust import reviewing

    if sample is not None:
        if by:
            raise InputError("has no effect without --take.", where="--by")
        path, count = reviewing.offer(run, sample, rung=rung, out=out)
        told: dict[str, Any] = {"file": str(path), "outputs": count}
        said = f"wrote {count:,} outputs to {path}\nwrite accept or reject into every row, then:\n" + (
            f"whet review {run} --take {path} --by NAME"
        )
    else:
        assert take is not None
        if out is not None:
            raise InputError("has no effect with --take.", where="--out")
        told = reviewing.take(run, take, by, rung=rung)
        share = told["accepted"]
        said = (
            f"{told['reviewer']} accepts {100 * share['value']:.1f} % of {share['n']:,} outputs "
            f"({100 * share['low']:.1f} to {100 * share['high']:.1f} %)"
        )
        if told["agreement"]:
            said += f"\n{told['agreement']['sentence']}"
    typer.echo(json.dumps(told, ensure_ascii=False, indent=1) if as_json else said)
