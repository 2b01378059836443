"""``whet log``: shows the audit log, verifies it, and writes its head to a second place."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from whet.cli.options import AsJson, Debug, Store, print_json

app = typer.Typer(
    help="Show the audit log; `whet log verify` finds whatever was changed in it.",
    invoke_without_command=True,
    rich_markup_mode=None,
)

Head = Annotated[Path | None, typer.Option("--head", help="A head that was kept outside the store.")]
PublicKey = Annotated[Path | None, typer.Option("--key", help="The public key, kept outside the store.")]
OutsideHead = Annotated[Path, typer.Argument(help="File outside the store.")]


@app.callback()
def show(
    context: typer.Context,
    last: Annotated[int, typer.Option("--last", help="Only so many, from the end; 0: all.", min=0)] = 0,
    store: Store = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Show who did what, the oldest first."""
    if context.invoked_subcommand:
        return
    from whet.database import home
    from whet.release.verify import entries, shown

    found = entries(home(store))[-last:]
    if as_json:
        print_json({"entries": [asdict(one) for one in found]})
        return
    for entry in found:
        typer.echo(shown(entry))
    if not found:
        typer.echo("the log is empty")


@app.command()
def verify(
    head: Head = None,
    key: PublicKey = None,
    store: Store = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Find any edit, deletion, reordering or insertion; exit 1 if there is one."""
    from whet.database import home
    from whet.release import verify as verifying

    found = verifying.verify(home(store), head=head, key=key)
    if as_json:
        print_json(found.as_dict())
    else:
        said = "nothing was changed" if found.ok else "THE LOG WAS CHANGED"
        typer.echo(f"{found.entries:,} entries: {said}")
        for line in (*found.problems, *(f"note: {note}" for note in found.notes)):
            typer.echo(f"  {line}")
    if not found.ok:
        raise typer.Exit(1)


@app.command()
def head(file: OutsideHead, store: Store = None, as_json: AsJson = False, debug: Debug = False) -> None:
    """Write the log's signed head to a file outside the store, to see later whether its end was cut off."""
    from whet.database import home
    from whet.release.verify import write_head

    written = write_head(home(store), file)
    if as_json:
        typer.echo(json.dumps(written, indent=1))
    else:
        typer.echo(f"wrote {file}: {written['entries']:,} entries, {str(written['hash'])[:12]}…")
