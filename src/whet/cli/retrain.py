"""``whet retrain``: why to train again, and the training, up to a candidate before the approver."""

from __future__ import annotations

import getpass
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from whet.cli.options import AsJson, Debug, Store, print_json

if TYPE_CHECKING:
    from whet.monitor.reasons import Reason
    from whet.monitor.retrain import Retrained
    from whet.monitor.subject import Subject


def retrain(
    name: Annotated[str, typer.Argument(help="A release such as tickets@3, or a name: its live release.")],
    why: Annotated[bool, typer.Option("--why", help="Print the reasons, and train nothing.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="Run folder; default: whet-runs/NAME-NUMBER-again.")
    ] = None,
    by: Annotated[str, typer.Option("--by", help="Who may not approve it; default: your login name.")] = "",
    store: Store = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Climb the ladder again on what was reviewed since; a candidate if it may replace the live release."""
    from whet.database import home
    from whet.monitor.reasons import propose, reasons
    from whet.monitor.subject import subject_of

    subject = subject_of(home(store), name)
    found = reasons(subject)
    if why:
        _why(subject, found, as_json)
        return
    propose(subject)
    done = _train(subject, out or _place(subject), by or getpass.getuser())
    _show(done, found, as_json)
    if not done.passed:
        raise typer.Exit(1)


def _place(subject: Subject) -> Path:
    """A folder of this release's own: the last retraining's may be the run that it came from."""
    return Path("whet-runs") / f"{subject.release.id.replace('@', '-')}-again"


def _train(subject: Subject, out: Path, by: str) -> Retrained:
    from whet.cli.progress import progress
    from whet.monitor.gated import gated
    from whet.monitor.retrain import retrain as train

    with progress() as shown:
        return train(subject, out, by=by, gate=gated(subject.home), tell=shown.tell)


def _why(subject: Subject, found: list[Reason], as_json: bool) -> None:
    if as_json:
        rows = [{"kind": one.kind, "said": one.said} for one in found]
        print_json({"release": subject.release.id, "reasons": rows})
        return
    typer.echo(f"{subject.release.id}: {len(found) or 'no'} reason{'s' * (len(found) != 1)} to train again")
    for one in found:
        typer.echo(f"  {one.said}")
    if found:
        typer.echo(f"next: whet retrain {subject.release.name}")


def _show(done: Retrained, found: list[Reason], as_json: bool) -> None:
    from whet.monitor.retrain import as_dict

    if as_json:
        told = {**as_dict(done), "reasons": [one.said for one in found]}
        typer.echo(json.dumps(told, ensure_ascii=False, indent=1, default=str))
        return
    for one in found:
        typer.echo(f"because {one.said}")
    rows = done.merged
    typer.echo(
        f"{rows['train']:,} rows to learn from, {rows['test']:,} held out, {rows['reviewed']:,} were reviewed"
    )
    typer.echo(f"{done.rung} (was {done.was}): {done.said}")
    if done.candidate:
        typer.echo(f"{done.candidate.id}: {done.candidate.state}")
        typer.echo(f"next: whet approve {done.candidate.id} --by NAME, by somebody else")
