"""``whet tune``: training alone, with a live bar; a signal saves the last step and leaves."""

from __future__ import annotations

import contextlib
import json
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from whet.cli.progress import progress


def tune(
    what: Annotated[Path, typer.Argument(help="A task file whose first model is a causal model.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder to write; default: whet-runs/NAME-tune.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on standard output.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Train a model on the task's examples; the same command goes on after a kill."""
    from whet.config import load_task
    from whet.train.loop import Interrupted
    from whet.tuning import tune_task

    folder = out or Path("whet-runs") / f"{what.stem}-tune"
    with progress() as bar, _signals() as asked:
        try:
            done = tune_task(
                load_task(what), what.parent, folder, tell=bar.tell, say=bar.say, asked_to_stop=asked
            )
        except Interrupted as error:
            raise KeyboardInterrupt from error  # the last step is saved; main says how to go on
    if as_json:
        typer.echo(json.dumps({"folder": str(folder), **done.card}, ensure_ascii=False, indent=1))
    else:
        for line in _said(done.card, folder):
            typer.echo(line)


@contextlib.contextmanager
def _signals() -> Iterator[Callable[[], bool]]:
    """Within the block SIGTERM and Ctrl-C ask to stop after the step; a second one stops at once."""
    asked: list[int] = []

    def note(number: int, frame: Any) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)
        typer.echo("\nstopping after this step ...", err=True)

    before = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _said(card: Mapping[str, Any], folder: Path) -> list[str]:
    """What was trained, what dev said of it, and where it is."""
    first, best = card["curve"][0], card["best"]
    lines = [f"note: {note}" for note in card["notes"]]
    lines.append(
        f"trained {card['base']['name']} ({card['method']}, {card['precision']}) on "
        f"{card['rows']['train']:,} examples, {card['steps']:,} steps, {card['seconds']:,.0f} s"
    )
    lines.append(
        f"dev loss {first['loss']:.3f} before training, best {best['loss']:.3f} at step {best['step']}"
    )
    return [*lines, f"weights: {folder / 'weights'}"]
