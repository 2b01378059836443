"""``whet advise``: ten questions on the terminal, those asked that cannot be measured, and the answer."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from whet.cli.options import Debug, InputColumns, OutputColumn, print_json
from whet.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from whet.advise.known import Answer
    from whet.advising import Advised

SIGNS = {"yes": ("✓", "green"), "no": ("✗", "red"), "unknown": ("?", "yellow")}
SHOWN = 3
PIPED = 300  # columns where nobody looks at a screen


def advise(
    what: Annotated[Path, typer.Argument(help="A task file, a file of examples, or a run folder.")],
    run: Annotated[
        Path | None, typer.Option("--run", help="The run to use; default: whet-runs/NAME, if it is there.")
    ] = None,
    says: Annotated[
        list[str] | None,
        typer.Option(
            "--say",
            help="NAME=VALUE: volume, measurable, knowledge, reviewer, privacy_cleared, "
            "affects_people. The task file's `advice` does the same.",
        ),
    ] = None,
    inputs: InputColumns = None,
    output: OutputColumn = None,
    model: Annotated[bool, typer.Option(help="Check with the task's encoder.")] = True,
    outside: Annotated[
        bool, typer.Option("--allow-outside", help="A run folder may ask the servers that it names.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on standard output; asks nothing.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Should this job be trained for? Yes: exit 0; not yet, or no and what to do instead: exit 1."""
    from whet.advise.counsel import as_json as whole
    from whet.advising import advise_anything, again
    from whet.cli.progress import progress
    from whet.taskfile import Hints

    with progress() as shown:
        found = advise_anything(
            what,
            run=run,
            said=_said(says or []),
            hints=Hints(tuple(inputs or ()), output),
            model=model,
            outside=outside,
            tell=shown.tell,
            say=shown.say,
        )
    told = {} if as_json or not _asking() else _ask(found.found.answers)
    if told:
        found = again(found, told)
    if as_json:
        place = str(found.run) if found.run else None
        about = {"run": place, "notes": list(found.notes), **whole(found.found, found.known)}
        print_json(about)
    else:
        _show(found, told)
    if found.found.advice != "yes":
        raise typer.Exit(1)


def _said(given: list[str]) -> dict[str, str]:
    pairs = [one.partition("=") for one in given]
    if bad := [name for name, sign, _ in pairs if not sign]:
        raise InputError(f"{bad[0]!r} says nothing.", where="--say", fix="write NAME=VALUE.")
    return {name: value for name, _, value in pairs}


def _asking() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _ask(answers: tuple[Answer, ...]) -> dict[str, str]:
    """What a person says to questions that could not be measured; an empty line leaves one open."""
    told = {}
    for answer in answers:
        if answer.state == "unknown" and answer.key:
            typer.echo(f"{answer.asks} {answer.said}", err=True)
            typer.echo(f"  {answer.key}: ", nl=False, err=True)
            if line := sys.stdin.readline().strip():
                told[_name(answer.key)] = line
    return told


def _name(key: str) -> str:
    from whet.advising import ASKED

    return next(name for name, stands_for in ASKED.items() if stands_for == key)


def _show(advised: Advised, told: dict[str, str]) -> None:
    from rich.console import Console

    console = Console(highlight=False, emoji=False, width=None if sys.stdout.isatty() else PIPED)
    for number, answer in enumerate(advised.found.answers, start=1):
        _show_answer(console, number, answer)
    _show_lacking(console, advised)
    for note in advised.notes:
        console.print(f"note: {note}", soft_wrap=True, markup=False)
    console.print(f"\n{advised.found.sentence}", soft_wrap=True, markup=False, style="bold")
    if advised.found.missing:
        console.print("\nFor a yes:")
        for line in advised.found.missing:
            console.print(f"  - {line}", soft_wrap=True, markup=False)
    if told:
        console.print("\nTo keep what you said, put it into the task file:")
        for name, value in told.items():
            console.print(f"  {_key(name)}: {value}", soft_wrap=True, markup=False)


def _key(name: str) -> str:
    from whet.advising import ASKED

    return ASKED[name]


def _show_answer(console: Console, number: int, answer: Answer) -> None:
    sign, colour = SIGNS[answer.state]
    how = f" ({answer.by})" if answer.by else ""
    console.print(f"[{colour}]{sign}[/] {number:2} [bold]{answer.name}[/][dim]{how}[/]")
    console.print(f"     {answer.said}", soft_wrap=True, markup=False)


def _show_lacking(console: Console, advised: Advised) -> None:
    """A few wrong answers that lack a fact, with the passage that holds it."""
    lacking = advised.known.lacking
    rows = [row for row in lacking.rows if row.what == "fact"] if lacking else []
    for row in rows[:SHOWN]:
        console.print(f"     {row.example.source}: lacks {', '.join(row.values)}", markup=False, style="dim")
        console.print(f"       “{' '.join(row.passage.split())[:200]}”", markup=False, style="dim")
