"""``whet evidence``: every measure of a finished run's specialist, and the page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from whet.cli.options import AsJson, Debug, print_json
from whet.errors import InputError

PLACE = 14  # columns of a measure's name


def evidence(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    rung: Annotated[
        str | None, typer.Option("--rung", help="Whose evidence; default: the rung that the verdict names.")
    ] = None,
    base: Annotated[
        str | None, typer.Option("--base", help="The untrained counterpart; default: chosen by the rung.")
    ] = None,
    against: Annotated[
        Path | None, typer.Option("--against", help="The run folder of the previous release.")
    ] = None,
    precision: Annotated[
        float, typer.Option("--precision", min=0.5, max=0.9999, help="Wanted of what goes out alone.")
    ] = 0.98,
    suite: Annotated[
        Path | None, typer.Option("--suite", help="An evaluation file of your own, for forgetting.")
    ] = None,
    form: Annotated[
        Path | None, typer.Option("--form", help="A folder that was exported or merged, for parity.")
    ] = None,
    served: Annotated[
        str, typer.Option("--served", help="Where it is served, for parity: http://HOST/v1#NAME.")
    ] = "",
    samples: Annotated[
        int | None,
        typer.Option(
            "--samples",
            min=2,
            max=100,
            help="Answers drawn for each of up to 200 held-out and 200 dev rows; costs them.",
        ),
    ] = None,
    temperature: Annotated[
        float | None,
        typer.Option("--temperature", min=0.01, max=2.0, help="At which --samples are drawn; default: 0.7."),
    ] = None,
    outside: Annotated[
        bool, typer.Option("--allow-outside", help="The run may ask the servers that it names.")
    ] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Measure what a specialist must show before anyone relies on it; write 08-evidence.html."""
    from whet.cli.progress import progress
    from whet.trust.context import Asked
    from whet.trust.evidence import evidence as take

    if temperature is not None and samples is None:
        raise InputError("has no effect without --samples N.", where="--temperature")
    with progress() as shown:
        asked = Asked(suite=suite, precision=precision, form=form, endpoint=served)
        asked = replace(asked, samples=samples or 0, temperature=temperature or asked.temperature)
        done = take(run, rung=rung, base=base, against=against, asked=asked, outside=outside, tell=shown.tell)
    if as_json:
        print_json({"page": str(done.page), **done.found})
        return
    for line in spoken(done.found):
        typer.echo(line)
    typer.echo(f"page: {done.page}")


def spoken(found: dict[str, Any]) -> list[str]:
    """What the terminal says: one line a measure."""
    lines = [found["sentence"].replace("`", "")]
    for one in found["measures"]:
        shown = one["standing"] == "shown"
        said = one["said"] if shown else f"not shown: {one['why']}"
        lines.append(f"{'●' if shown else '–'} {one['name']:{PLACE}} {said}")
    return lines
