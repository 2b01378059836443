"""``whet key``: API keys are made, listed and revoked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from whet.cli.options import AsJson, By, Debug, Store, print_json
from whet.cli.release import login

if TYPE_CHECKING:
    from whet.release.keys import Key, Keys

app = typer.Typer(help="API keys: made once, shown once, kept as a digest.", rich_markup_mode=None)


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Whose key it is: a person or a program.")],
    role: Annotated[
        str, typer.Option("--role", help="client, trainer, approver, reviewer or viewer.")
    ] = "client",
    requests: Annotated[
        int | None, typer.Option("--requests", help="Requests a minute; default: the server's.", min=1)
    ] = None,
    tokens: Annotated[
        int | None, typer.Option("--tokens", help="Tokens a minute; default: the server's.", min=1)
    ] = None,
    at_once: Annotated[
        int | None, typer.Option("--at-once", help="Requests at the same time; default: the server's.", min=1)
    ] = None,
    by: By = "",
    store: Store = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Make a key. It is shown now and never again."""
    from whet.release.keys import Limits

    key, secret = _keys(store).add(name, role, Limits(requests, tokens, at_once), by=by or login())
    if as_json:
        print_json({**key.as_dict(), "secret": secret})
    else:
        typer.echo(secret)
        typer.echo(f"{key.id}: {key.name}, {key.role}. The key above is shown once; keep it now.", err=True)


@app.command(name="list")
def list_(
    revoked: Annotated[bool, typer.Option("--revoked", help="Those that were revoked, too.")] = False,
    store: Store = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Show the keys, without their secrets."""
    found = _keys(store).all(revoked=revoked)
    if as_json:
        print_json({"keys": [key.as_dict() for key in found]})
        return
    for key in found:
        typer.echo(_line(key))
    if not found:
        typer.echo("there are no keys: whet key add NAME makes one")


@app.command()
def revoke(
    key: Annotated[str, typer.Argument(help="A key's name or id.")],
    by: By = "",
    store: Store = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Take a key back: it is refused from now on."""
    done = _keys(store).revoke(key, by=by or login())
    if as_json:
        print_json(done.as_dict())
    else:
        typer.echo(f"{done.id}: {done.name}, revoked")


def _keys(store: Path | None) -> Keys:
    from whet.database import home
    from whet.release.keys import Keys

    return Keys(home(store))


def _line(key: Key) -> str:
    limits = key.limits
    told = {"requests/min": limits.requests_per_minute, "tokens/min": limits.tokens_per_minute}
    told["at once"] = limits.at_once
    said = ", ".join(f"{value:,} {name}" for name, value in told.items() if value) or "the server's limits"
    state = f"revoked {key.revoked_at}" if key.revoked_at else f"since {key.made_at}"
    return f"{key.id}  {key.shown}…  {key.role:<9}  {key.name:<24}  {state}  {said}"
