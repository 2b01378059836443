"""``whet check`` on the terminal: the ten standards, then each finding with its first rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from whet.report.checkpage import SIGNS

if TYPE_CHECKING:
    from whet.checkup import Checked

SHOWN = 3  # rows of a finding
STYLES = {"met": "green", "advice": "yellow", "accepted": "yellow", "blocks": "red", "not checked": "dim"}


def show_checked(checked: Checked) -> None:
    """Print the standards, the findings, one sentence and where the page is."""
    console = Console(highlight=False)
    console.print(standard_table(checked.found))
    for finding in checked.found["findings"]:
        _show_finding(console, finding)
    console.print(f"\n{checked.sentence}", soft_wrap=True, markup=False)
    if checked.found["skipped"]:
        console.print(f"{len(checked.found['skipped'])} checks did not run: see the page.", style="dim")
    if checked.folder:
        console.print(f"page: {checked.folder / 'check.html'}", soft_wrap=True, markup=False)


def standard_table(found: dict[str, Any]) -> Table:
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
    status = "accepted" if finding["accepted"] else finding["severity"]
    sign, _ = SIGNS[status]
    console.print(f"\n{sign} {finding['what']}", style=STYLES[status], soft_wrap=True, markup=False)
    console.print(f"  {finding['check']}. {finding['why']}", soft_wrap=True, markup=False, style="dim")
    for row in finding["rows"][:SHOWN]:
        line = f"    {row['source']}: {row['note'] or row['input']}"
        console.print(line, markup=False, no_wrap=True, overflow="ellipsis")
    if (more := len(finding["rows"]) - SHOWN) > 0:
        console.print(f"    and {more:,} more", markup=False)
    console.print(f"  Repair: {finding['repair']}", soft_wrap=True, markup=False)
