"""A verdict on the terminal: one table and one plain sentence."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.table import Table

from whet.cli.serve import PORT
from whet.wording import apart, shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from whet.pipeline import Outcome

PLOT_WIDTH = 24
WORDS = {
    "good_enough": "good enough",
    "worse": "worse",
    "unclear": "unclear",
    "best": "best on dev",
    "above the best": "no better on dev",
}


def _changed(rows: Sequence[Mapping[str, Any]]) -> str:
    """What training changed, in a line."""
    parts = [
        f"{one['name']} {'+' if one['difference'] > 0 else ''}{apart(one['difference'], one['name'])} "
        f"({apart(one['low'], one['name'])} to {apart(one['high'], one['name'])})"
        for one in rows
    ]
    return f"training changed, against prompt: {', '.join(parts)}"


def show_outcome(outcome: Outcome) -> None:
    """Print table, sentence, what to note, and where to go on."""
    verdict, console = outcome.verdict, Console(highlight=False)
    console.print(rung_table(verdict, wide=console.width >= 110))
    for scorer in verdict.get("scorers", []):
        rungs = scorer["rungs"].items()
        means = ", ".join(f"{name} {shown(rung['value'], scorer['name'])}" for name, rung in rungs)
        console.print(f"{scorer['name']}: {means}", soft_wrap=True, markup=False)
    if verdict.get("changed"):
        console.print(_changed(verdict["changed"]), soft_wrap=True, markup=False)
    for line in _beside(verdict):
        console.print(line, soft_wrap=True, markup=False)
    console.print(f"\n{verdict['sentence']}\n", soft_wrap=True, markup=False)
    console.print(verdict["more_training_examples"], soft_wrap=True, markup=False)
    for note in verdict["notes"]:
        console.print(f"note: {note}", soft_wrap=True, markup=False)
    if outcome.reused:
        kept = ", ".join(outcome.reused)
        console.print(f"kept from before, inputs unchanged: {kept}", soft_wrap=True, markup=False)
    name = verdict["winner"] or verdict["provisional"]
    console.print(f"\nreport: {outcome.report}", soft_wrap=True, markup=False)
    console.print(
        f"try it: {program()} try {outcome.folder / '04-rungs' / name}", soft_wrap=True, markup=False
    )


def program() -> str:
    """What a shell here calls this program by: ``whet``, or as it was called where that is not found."""
    if shutil.which("whet"):
        return "whet"
    called = Path(sys.argv[0])
    return shlex.quote(str(called)) if called.name == "whet" else f"{shlex.quote(sys.executable)} -m whet"


def serving_lines(run: Path, task: str, text: str) -> tuple[str, str]:
    """The command that serves a run's winner, and the one that asks it; on trial, as nobody approved it."""
    from whet.release.releases import slug

    body = json.dumps({"model": slug(task), "messages": [{"role": "user", "content": text}]})
    address = f"http://127.0.0.1:{PORT}/v1/chat/completions"
    typed = "-H 'content-type: application/json'"
    return (
        f"{program()} serve {shlex.quote(str(run))} --trial",
        f"curl -s {address} {typed} -d {shlex.quote(body)}",
    )


def show_serving(outcome: Outcome, text: str) -> None:
    """How to serve what was found, and to call it from another terminal."""
    serve, call = serving_lines(outcome.folder, outcome.verdict["task"], text)
    typer.echo(f"\nserve it: {serve}\ncall it from another terminal:\n{call}")


CENT = 0.005
"""Dollars that are shown as a cent."""


def _beside(verdict: dict[str, Any]) -> list[str]:
    """What a month costs, where the task says how many requests come; how the answering rung fails."""
    monthly = [(r["name"], r["usd_per_month"]) for r in verdict["rungs"] if r["usd_per_month"] is not None]
    lines = list[str]()
    if any(usd >= CENT for _, usd in monthly):
        lines.append("a month: " + ", ".join(f"{name} ${usd:,.2f}" for name, usd in monthly))
    elif monthly:
        lines.append("a month: less than a cent, by any rung")
    name = verdict["winner"] or verdict["provisional"]
    kinds = verdict["failures"].get(name, {"kinds": []})["kinds"]
    if verdict["kind"] != "classify" and kinds:
        lines.append(f"{name} fails by: " + ", ".join(f"{one['kind']} {one['count']:,}" for one in kinds))
    return lines


def rung_table(verdict: dict[str, Any], *, wide: bool) -> Table:
    """All rungs, lowest first, with intervals drawn to one scale."""
    rungs, metric = verdict["rungs"], verdict["metric"]
    table = Table(title=f"{verdict['task']}: {verdict['n_test']:,} unseen examples", box=None)
    table.add_column("rung", style="bold")
    table.add_column(metric.replace("_", "-"), justify="right")
    table.add_column("95 % interval", justify="right")
    if wide:
        table.add_column("")
    for name in ("p50 ms", "$/1k", "fit s"):
        table.add_column(name, justify="right")
    table.add_column("")
    low = min(rung["low"] for rung in rungs)
    high = max(rung["high"] for rung in rungs)
    for rung in rungs:
        mark = "◀ " if rung["name"] == verdict["winner"] else ""
        plot = [whisker(rung, low, high)] if wide else []
        table.add_row(
            rung["name"],
            shown(rung["value"], metric),
            f"{shown(rung['low'], metric)} – {shown(rung['high'], metric)}",
            *plot,
            f"{rung['p50_ms']:.1f}",
            f"{rung['usd_per_1k']:.4f}",
            f"{rung['fit_seconds']:.0f}",
            mark + WORDS.get(rung["reading"], rung["reading"]),
        )
    return table


def whisker(rung: dict[str, Any], low: float, high: float) -> str:
    """``  ├──●──┤`` on a scale from ``low`` to ``high``."""
    span = max(high - low, 1e-9)
    left, dot, right = (
        round((rung[key] - low) / span * (PLOT_WIDTH - 1)) for key in ("low", "value", "high")
    )
    cells = [" "] * PLOT_WIDTH
    for at in range(left, right + 1):
        cells[at] = "─"
    cells[left], cells[right], cells[dot] = "├", "┤", "●"
    return "".join(cells)
