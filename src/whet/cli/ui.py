"""``whet ui``: runs, reviews, figures and releases in a browser, on this machine."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from whet.cli.options import Debug, Store

PORT = 8081
Runs = Annotated[Path, typer.Argument(help="Folder of runs; new ones go there, too.")]
Host = Annotated[str, typer.Option("--host", help="Address to listen on.")]
Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="Port; 0: any that is free.")]
Hosts = Annotated[
    list[str] | None, typer.Option("--allow-host", help="Another name that this application is called by.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object when it is ready.")]


def ui(
    folder: Runs = Path("whet-runs"),
    store: Store = None,
    host: Host = "127.0.0.1",
    port: Port = PORT,
    allow_host: Hosts = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Runs, answers side by side, findings, reviews, figures, releases and the log, in a browser."""
    from whet.cli.release import login
    from whet.database import home
    from whet.errors import InputError
    from whet.release.keys import Keys
    from whet.serve.hosts import LOOPBACK, hosts_of
    from whet.serve.server import bound, check_address
    from whet.web.app import app_of
    from whet.web.frame import warm
    from whet.web.server import run
    from whet.web.site import Site

    if folder.exists() and not folder.is_dir():
        raise InputError("is no folder.", where=folder, fix="name the folder that holds the runs.")
    keyed = Keys(home(store)).any()
    check_address(host, keys=keyed, trial=False)
    listening = bound(host, port)
    name, at = listening.getsockname()[:2]
    alone = host in LOOPBACK and not keyed
    site = Site(folder, home(store), login() if alone else "", hosts_of(host, allow_host or ()), alone, at)
    site.warm()
    warm()
    address = f"http://{f'[{name}]' if ':' in name else name}:{at}"

    def ready() -> None:
        if as_json:
            typer.echo(json.dumps({"address": address, "runs": str(folder), "keys": keyed}))
        else:
            typer.echo(f"runs in {folder}: {address}/")
            if not keyed:
                typer.echo(
                    "note: nobody needs a key, and nobody can approve: whet key add NAME --role approver"
                )
        sys.stdout.flush()

    run(app_of(site), listening, ready)
