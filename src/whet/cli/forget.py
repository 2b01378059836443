"""``whet forget``: take a person out of the store and its runs, and name what learned from the person."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from whet.cli.options import AsJson, Debug, Store

if TYPE_CHECKING:
    from whet.monitor.forget import Forgotten


def forget(
    person: Annotated[str, typer.Argument(help="Name, address, number, or your own id of the person.")],
    by: Annotated[
        str, typer.Option("--by", help="Who does it; stands in the audit log, the person does not.")
    ],
    runs: Annotated[
        list[Path] | None, typer.Option("--runs", help="Folder with runs; default: whet-runs. Repeatable.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing; say what would go.")] = False,
    store: Store = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Erase a person from traffic, reviews, runs and caches; exit 1 while something holds the person."""
    from whet.database import home
    from whet.monitor.forget import forget as erase

    done = erase(home(store), person, runs or [Path("whet-runs")], by=by, pretend=dry_run)
    if as_json:
        typer.echo(json.dumps(asdict(done), ensure_ascii=False, indent=1, default=str))
    else:
        for line in _lines(done):
            typer.echo(line)
    if done.holding or done.trained:
        raise typer.Exit(1)


def _lines(done: Forgotten) -> list[str]:
    verb = "would go" if done.pretended else "are gone"
    files = sum(len(run.files) for run in done.runs)
    examples = sum(run.rows for run in done.runs)
    lines = [
        f"{done.requests:,} requests, {done.reviews:,} reviews, {examples:,} examples {verb}; "
        f"{files:,} files of runs {'would be' if done.pretended else 'were'} cleaned"
    ]
    lines += [f"learned from the person: {one}. Retire it, and train again." for one in done.trained]
    lines += [f"still holds the person: {path}" for path in done.holding]
    lines.append("the task's own data files are yours: take the person out of them too, before the next run")
    return lines
