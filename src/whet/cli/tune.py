"""``whet tune``: training alone, with a live bar; a signal saves the last step and leaves."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from whet.cli.options import AsJson, Debug, print_json
from whet.cli.progress import progress
from whet.errors import InputError


def tune(
    what: Annotated[Path, typer.Argument(help="A task file whose first model is a causal model.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder to write; default: whet-runs/NAME-tune.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Only go on: an error where there is nothing to go on with.")
    ] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Train a model on the task's examples; the same command goes on after a kill."""
    from whet.config import load_task
    from whet.runs import command_line
    from whet.train.loop import Interrupted
    from whet.tuning import tune_task

    folder = out or Path("whet-runs") / f"{what.stem}-tune"
    if resume:
        _something_to_go_on_with(folder)
    with progress() as bar, _signals() as asked:
        try:
            done = tune_task(
                load_task(what),
                what.parent,
                folder,
                tell=bar.tell,
                say=bar.say,
                asked_to_stop=asked,
                command=command_line(),
            )
        except Interrupted as error:
            raise KeyboardInterrupt from error  # the last step is saved; main says how to go on
    if as_json:
        print_json({"folder": str(folder), **done.card})
    else:
        for line in _said(done.card, folder):
            typer.echo(line)
    if done.failed:
        typer.echo(f"do not use these weights: {'; '.join(done.failed)}", err=True)
        raise typer.Exit(1)


def _something_to_go_on_with(folder: Path) -> None:
    from whet.train.checkpoint import folders

    if not folders(folder / "checkpoints"):
        raise InputError(
            "there is no checkpoint to go on from.",
            where=folder,
            fix="check --out, or leave --resume away to start.",
        )


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
    """What was trained, what dev said of it, what was tried, and where it is."""
    first, best, speed = card["curve"][0], card["best"], card["speed"]
    lines = [
        f"trained {card['base']['name']} ({card['method']}, {card['precision']}) on "
        f"{card['rows']['train']:,} examples, {card['steps']:,} steps, {card['seconds']:,.0f} s"
    ]
    if speed:
        lines.append(
            f"{speed['examples_per_second']:,.1f} examples/s, {speed['share_of_limit']:.0%} of what this "
            "machine's arithmetic allows"
        )
    lines.append(
        f"dev loss {first['loss']:.3f} before training, best {best['loss']:.3f} at step {best['step']}"
    )
    if best["score"] is not None:
        lines.append(f"right answers on dev {first['score']:.1%} before training, then {best['score']:.1%}")
    lines += [f"{'ok  ' if check['ok'] else 'FAIL'} {check['said']}" for check in card["after"]]
    return [*lines, f"weights: {folder / 'weights'}", f"page: {folder / 'training.html'}"]
