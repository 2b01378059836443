"""``whet gate``: the evidence of a specialist against a policy; exit 0 or 1."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from whet.cli.options import AsJson, Debug, print_json
from whet.errors import InputError

if TYPE_CHECKING:
    from whet.trust.gate import Opened
    from whet.trust.policy import Policy

SIGNS = {"passed": "✓", "failed": "✗", "too few": "?", "not shown": "–", "does not apply": " "}
PIPED = 300  # columns where nobody looks at a screen


def gate(
    run: Annotated[Path, typer.Argument(help="A run folder with its evidence (whet evidence).")],
    policy: Annotated[
        Path | None,
        typer.Option("--policy", help="YAML; default: the store's policy.yaml, else defaults."),
    ] = None,
    stakes: Annotated[
        str | None, typer.Option("--stakes", help="normal or high, where no policy file says it.")
    ] = None,
    rung: Annotated[
        str | None, typer.Option("--rung", help="Whose evidence; default: the rung that the verdict names.")
    ] = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """May this specialist be released? Exit 0: yes; exit 1: not yet, and what is missing."""
    from whet.trust.gate import gate as hold

    rules, digest = _policy(policy, stakes)
    told = hold(run, rules, digest, rung=rung)
    if as_json:
        print_json({**asdict(told), "file": str(told.file)})
    else:
        _show(told)
    if not told.passed:
        raise typer.Exit(1)


def _policy(named: Path | None, stakes: str | None) -> tuple[Policy, str]:
    """The policy that holds, and the digest that an approval binds."""
    from whet.database import home
    from whet.release.policy import FILE, policy_of
    from whet.trust.policy import default_policy, load_policy

    known: tuple[Literal["normal", "high"], ...] = ("normal", "high")
    level = next((one for one in known if one == (stakes or "normal")), None)
    if level is None:
        raise InputError(f"must be normal or high, got {stakes!r}.", where="--stakes")
    digest = policy_of(home(), named).digest
    own = home() / FILE
    path = named or (own if own.is_file() else None)
    if path is None:
        return default_policy(level), digest
    if stakes is not None:
        fix = f"write `stakes: {stakes}` into {path}."
        raise InputError("has no effect: the policy file says it.", where="--stakes", fix=fix)
    return load_policy(path), digest


def _show(told: Opened) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, emoji=False, width=None if sys.stdout.isatty() else PIPED)
    table = Table(box=None)
    for name in ("", "line", "limit", "found"):
        table.add_column(name, overflow="fold")
    for line in told.lines:
        optional = (
            "" if line.needed or line.state in ("passed", "failed", "does not apply") else " (not needed)"
        )
        table.add_row(SIGNS[line.state], line.name, line.limit, f"{line.state}{optional}: {line.found}")
    console.print(table)
    console.print(told.sentence.replace("`", ""), soft_wrap=True, markup=False, style="bold")
    console.print(f"wrote {told.file}", soft_wrap=True, markup=False)
