"""``whet check``: the ten standards on the terminal, then each finding with its first rows."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from whet.cli.options import AsJson, Debug, GroupColumn, InputColumns, OutputColumn, TimeColumn, print_json

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from whet.checkup import Checked

SHOWN = 3  # rows of a finding
BRIEF = 40  # characters of an output beside another
PIPED = 300  # columns where nobody looks at a screen
STYLES = {"met": "green", "advice": "yellow", "accepted": "yellow", "blocks": "red", "not checked": "dim"}


def check(
    what: Annotated[Path, typer.Argument(help="A file of examples, or a task file.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for the page; default: whet-runs/NAME-check.")
    ] = None,
    inputs: InputColumns = None,
    output: OutputColumn = None,
    time: TimeColumn = None,
    group: GroupColumn = None,
    test: Annotated[
        Path | None, typer.Option("--test", help="File of held-out examples: looked at for leaks and form.")
    ] = None,
    traffic: Annotated[
        Path | None, typer.Option("--traffic", help="File of real inputs: what do the examples not cover?")
    ] = None,
    model: Annotated[
        bool, typer.Option(help="Use the task's encoder: label errors, off-task rows, names of people.")
    ] = True,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Check examples against ten standards; exit 1 if something blocks a run."""
    from whet.cli.progress import progress
    from whet.start import check_anything
    from whet.taskfile import Hints

    folder = out or Path("whet-runs") / f"{what.stem}-check"
    hints = Hints(tuple(inputs or ()), output, time, group, test, traffic)
    with progress() as shown:
        checked = check_anything(what, folder, hints, model=model, tell=shown.tell, say=shown.say)
    if as_json:
        found = {"page": str(folder / "check.html"), **checked.found}
        print_json(found)
    else:
        show_checked(checked)
    if not checked.passes:
        raise typer.Exit(1)


def show_checked(checked: Checked) -> None:
    """Print the standards, the findings, one sentence and where the page is."""
    from rich.console import Console

    wide = None if sys.stdout.isatty() else PIPED
    console = Console(highlight=False, emoji=False, width=wide)  # t.csv:100: is a line, not a sign
    console.print(standard_table(checked.found))
    for finding in checked.found["findings"]:
        _show_finding(console, finding)
    console.print(f"\n{checked.sentence}", soft_wrap=True, markup=False)
    if checked.found["skipped"]:
        console.print(f"{len(checked.found['skipped'])} checks did not run: see the page.", style="dim")
    if checked.folder:
        console.print(f"page: {checked.folder / 'check.html'}", soft_wrap=True, markup=False)


def standard_table(found: dict[str, Any]) -> Table:
    from rich.table import Table

    from whet.report.checkpage import SIGNS

    table = Table(box=None, show_header=False, pad_edge=False)
    for style in ("", "bold", "", ""):
        table.add_column(style=style)
    for standard in found["standards"]:
        sign, word = SIGNS[standard["status"]]
        rows = f"{standard['rows']:,} rows" if standard["rows"] else ""
        colour = STYLES[standard["status"]]
        table.add_row(f"[{colour}]{sign}[/]", standard["name"], f"[{colour}]{word}[/]", rows)
    return table


def _show_finding(console: Console, finding: dict[str, Any]) -> None:
    from whet.report.checkpage import SIGNS

    status = "accepted" if finding["accepted"] else finding["severity"]
    sign, _ = SIGNS[status]
    console.print(f"\n{sign} {finding['what']}", style=STYLES[status], soft_wrap=True, markup=False)
    console.print(f"  {finding['check']}. {finding['why']}", soft_wrap=True, markup=False, style="dim")
    lines = [line_of(row) for row in finding["rows"]] or told_of(finding)
    for line in lines[:SHOWN]:
        console.print(f"    {line}", markup=False, no_wrap=True, overflow="ellipsis")
    if (more := len(lines) - SHOWN) > 0:
        console.print(f"    and {more:,} more", markup=False)
    console.print(f"  Repair: {finding['repair']}", soft_wrap=True, markup=False)


def line_of(row: dict[str, Any]) -> str:
    """``file:line: field: what is wrong``; the field where it is not the input or the output."""
    field = "" if row["field"] in ("", "input", "output") else f"{row['field']}: "
    return f"{row['source']}: {field}{row['note'] or _against(row)}"


def _against(row: dict[str, Any]) -> str:
    """The input, behind both outputs where another row has another one."""
    own, other = row["output"], row.get("other_output")
    if other is None or other == own:
        return str(row["input"])
    return f"{_brief(own)} here, {_brief(other)} in {row['others'][0]}: {row['input']}"


def _brief(text: str) -> str:
    return repr(text if len(text) <= BRIEF else f"{text[: BRIEF - 1]}…")


def told_of(finding: dict[str, Any]) -> list[str]:
    """What a finding without rows says in words: records that could not be read, with their places."""
    return [f"{key}: {value}" for key, value in finding["figures"].items() if isinstance(value, str)]
