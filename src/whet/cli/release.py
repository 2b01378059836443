"""``whet release``, ``approve``, ``live``, ``retire``, ``rollback``, ``releases``: the registry by hand.

Knows words and tables for people; the rules stand in ``whet.release.registry``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from whet.cli.options import AsJson, By, Debug, Store, Why, print_json
from whet.errors import InputError

if TYPE_CHECKING:
    from whet.release.registry import Registry
    from whet.release.releases import Release

Id = Annotated[str, typer.Argument(help="A release, such as tickets@3.")]


def release(
    run: Annotated[Path, typer.Argument(help="A run, or RUN/04-rungs/NAME.")],
    rung: Annotated[
        str, typer.Option("--rung", help="Which specialist; default: the verdict's winner.")
    ] = "",
    name: Annotated[
        str, typer.Option("--name", help="What applications ask for; default: the task's name.")
    ] = "",
    trained_by: Annotated[
        str, typer.Option("--trained-by", help="Who may not approve it; default: your login name.")
    ] = "",
    store: Store = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Put a run's specialist forward: a candidate that somebody else approves."""
    made = _registry(store).add(run, rung, trained_by=trained_by or login(), name=name)
    _tell(
        made,
        as_json,
        f"{made.id}: a candidate ({made.rung}), trained by {made.trained_by}",
        f"next: whet approve {made.id} --by NAME, by somebody else",
    )


def approve(
    id_: Id,
    by: By,
    gate: Annotated[
        Path | None, typer.Option("--gate", help="The gate's result; default: the one of the run.")
    ] = None,
    policy: Annotated[
        Path | None, typer.Option("--policy", help="Policy file, where the store has none of its own.")
    ] = None,
    allow_outside: Annotated[
        bool, typer.Option("--allow-outside", help="It may run the command or call the address it names.")
    ] = False,
    store: Store = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Approve a candidate whose gate was passed; binds its files, base, data, figures and policy."""
    done = _registry(store).approve(id_, by=by, gate=gate, policy=policy, allow_outside=allow_outside)
    _tell(done, as_json, f"{done.id}: approved by {done.approved_by}", f"next: whet live {done.id} --by NAME")


def live(id_: Id, by: By, store: Store = None, as_json: AsJson = False, debug: Debug = False) -> None:
    """Let an approved release answer for its name."""
    done = _registry(store).go_live(id_, by=by)
    _tell(done, as_json, f"{done.id}: live; {done.name} is answered by it")


def retire(
    id_: Id, by: By, why: Why = "", store: Store = None, as_json: AsJson = False, debug: Debug = False
) -> None:
    """Serve a release no more, for good."""
    done = _registry(store).retire(id_, by=by, why=why)
    _tell(done, as_json, f"{done.id}: retired")


def rollback(
    name: Annotated[str, typer.Argument(help="A release's name, such as tickets.")],
    by: By,
    why: Why = "",
    store: Store = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Retire a name's live release; the one before it answers again."""
    done = _registry(store).rollback(name, by=by, why=why)
    _tell(done, as_json, f"{done.id}: live again; what was live is retired")


def releases(
    name: Annotated[str, typer.Argument(help="Only those of this name.")] = "",
    tidy: Annotated[
        bool,
        typer.Option("--tidy", help="First remove the files of those retired longer than the policy keeps."),
    ] = False,
    store: Store = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Show every release and its state."""
    registry = _registry(store)
    gone = registry.tidy(by=login()) if tidy else []
    found = registry.releases(name)
    if as_json:
        told = {"releases": [one.as_dict() for one in found], "files_removed": gone}
        print_json(told)
        return
    if tidy:
        typer.echo(f"files removed: {', '.join(gone) or 'none (retention: retired_days in the policy)'}")
    for line in _table(found) if found else ["there are no releases: whet release RUN makes one"]:
        typer.echo(line)


def login() -> str:
    """The name of who is logged in.

    Raises:
        InputError: the machine does not know it.
    """
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container without an entry for its user
        what = "this machine does not say who is logged in."
        raise InputError(what, fix="name who it is: --by NAME, or --trained-by NAME.") from None


def _registry(store: Path | None) -> Registry:
    from whet.database import home
    from whet.release.registry import Registry

    return Registry(home(store))


def _tell(done: Release, as_json: bool, *lines: str) -> None:
    if as_json:
        print_json(done.as_dict())
        return
    for line in lines:
        typer.echo(line)


def _table(found: list[Release]) -> list[str]:
    rows = [("release", "state", "rung", "trained by", "approved by", "since", "also called")]
    rows += [
        (one.id, one.state, one.rung, one.trained_by, one.approved_by or "-", one.since, one.alias or "")
        for one in found
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
