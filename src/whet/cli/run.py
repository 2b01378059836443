"""``whet run`` and ``whet demo``: the whole ladder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from whet.cli.options import AsJson, Debug, GroupColumn, InputColumns, OutputColumn, TimeColumn, print_json
from whet.cli.progress import progress


def run(
    what: Annotated[Path, typer.Argument(help="A task file, or a file of examples.")],
    out: Annotated[Path | None, typer.Option("--out", help="Run folder.")] = None,
    inputs: InputColumns = None,
    output: OutputColumn = None,
    time: TimeColumn = None,
    group: GroupColumn = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Ask served models anew, even what is kept from before.")
    ] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Climb the ladder: check what is enough, and say how sure."""
    from whet.cli.show import show_outcome
    from whet.start import run_anything
    from whet.taskfile import Hints

    folder = out or Path("whet-runs") / what.stem
    hints = Hints(tuple(inputs or ()), output, time, group)
    with progress() as shown:
        outcome = run_anything(what, folder, hints, tell=shown.tell, say=shown.say, fresh=fresh)
    if as_json:
        print_json({"folder": str(outcome.folder), "report": str(outcome.report), **outcome.verdict})
    else:
        show_outcome(outcome)
    if outcome.verdict["target_met"] in {"no", "probably not"}:
        raise typer.Exit(1)


def demo(
    out: Annotated[Path, typer.Option("--out", help="Run folder.")] = Path("whet-runs/demo"),
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Run the whole ladder on a support desk's tickets that come with whet."""
    from whet.cli.show import show_outcome, show_serving
    from whet.demo.task import demo_task
    from whet.pipeline import run_task

    task, folder = demo_task()
    with progress() as shown:
        shown.say("a support desk's tickets, written for this demo: which queue gets which?")
        outcome = run_task(task, out, folder=folder, tell=shown.tell)
    if as_json:
        print_json({"folder": str(outcome.folder), "report": str(outcome.report), **outcome.verdict})
    else:
        show_outcome(outcome)
        show_serving(outcome, "My parcel was meant to come on Tuesday. Where is it?")
