"""``whet convert``: a file of records to another shape, with the mapping and one row to look at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from whet.cli.options import AsJson, Debug, print_json
from whet.errors import InputError

if TYPE_CHECKING:
    from whet.data.convert import Summary

SHOWN = 300  # characters of the example
SHOWN_REASONS = 10


def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="File of records, in any known format.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="File to write; its ending says how.")],
    to: Annotated[str, typer.Option("--to", help="Format to write; docs/formats.md lists them.")],
    shape: Annotated[
        str | None, typer.Option("--from", help="Format of IN; default: told from its rows.")
    ] = None,
    fields: Annotated[
        list[str] | None,
        typer.Option("--field", help="input=COLUMN, output=COLUMN, system=, label=: for a plain table."),
    ] = None,
    labels: Annotated[
        Path | None, typer.Option("--labels", help="Names of the classes, where labels are numbers.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace OUT.")] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Write a file of examples in another format; exit 1 if rows had to be set aside."""
    from whet.data.convert import class_names
    from whet.data.convert import convert as convert_file

    summary = convert_file(
        source,
        target,
        to=to,
        shape=shape,
        fields=dict(_pair(field) for field in fields or ()),
        labels=class_names(labels) if labels else (),
        force=force,
    )
    if as_json:
        print_json(summary.as_dict())
    else:
        for line in said(summary):
            typer.echo(line)
    if summary.set_aside:
        raise typer.Exit(1)


def _pair(field: str) -> tuple[str, str]:
    name, mark, column = field.partition("=")
    if not mark or not name or not column:
        raise InputError(f"--field {field!r} names no column.", fix="write --field input=COLUMN.")
    return name, column


def said(summary: Summary) -> list[str]:
    """The mapping, one row before and after, and the counts."""
    lines = [f"{summary.source.name}: {summary.shape} -> {summary.to}"]
    lines += [f"  {key} -> {meaning}" for key, meaning in summary.mapping.items()]
    lines += [f"before: {_shown(summary.before)}", f"after:  {_shown(summary.after)}"]
    lines += [f"note: {note}" for note in summary.notes]
    lines.append(f"wrote {summary.written:,} rows to {summary.target}")
    if summary.set_aside:
        lines.append(f"set aside {summary.set_aside:,} rows in {summary.rejects}:")
        reasons = list(summary.reasons.items())
        lines += [f"  {count:,} {why}" for why, count in reasons[:SHOWN_REASONS]]
        lines += [f"  and {len(reasons) - SHOWN_REASONS} other reasons"] * (len(reasons) > SHOWN_REASONS)
    return lines


def _shown(values: Any) -> str:
    text = json.dumps(values, ensure_ascii=False)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
