"""``whet queue``: the review queue on the terminal, one key an item, or its figures.

The page in the browser (``whet ui``) does the same over the same functions.
"""

from __future__ import annotations

import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from whet.cli.options import AsJson, Debug, Store, print_json

if TYPE_CHECKING:
    from whet.monitor.review import Queue
    from whet.monitor.seats import Item

KEYS = {"a": "accept", "r": "reject", "s": "skip"}


def queue(
    name: Annotated[str, typer.Argument(help="A release such as tickets@3, or a name: its live release.")],
    by: Annotated[str, typer.Option("--by", help="Your name: items come one by one.")] = "",
    out: Annotated[
        Path | None, typer.Option("--out", help="Write what was decided as examples (JSONL).")
    ] = None,
    store: Store = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Decide what the queue holds: accept, correct, reject or skip; without --by, show how it stands."""
    from whet.database import home
    from whet.monitor.review import Queue
    from whet.monitor.subject import subject_of

    subject = subject_of(home(store), name)
    reviews, task = Queue(subject.traffic), subject.task.task
    if by:
        _decide(reviews, task, by)
    if out:
        _write(reviews, task, out)
    told = _told(reviews, task)
    if as_json:
        print_json(told)
        return
    for line in _lines(told):
        typer.echo(line)


def _decide(queue: Queue, task: str, by: str) -> None:
    """Items one by one, until there are none or the input ends."""
    typer.echo("a: accept, r: reject, s: skip, anything else: the right answer; an empty line stops")
    while (item := queue.next(task, by)) is not None:
        for line in _shown(item):
            typer.echo(line)
        said = sys.stdin.readline().strip()
        if not said:
            return
        verdict = KEYS.get(said, "correct")
        output = said if verdict == "correct" else None
        queue.decide(item.seat, by, verdict, key=uuid.uuid4().hex, output=output)
    typer.echo("nothing is left to decide")


def _shown(item: Item) -> list[str]:
    sure = "" if item.confidence is None else f" ({item.confidence:.0%} sure)"
    other = [f"  the shadow release says: {item.shadow_output}"] if item.shadow_output else []
    return [f"\n{item.input}", f"  -> {item.output}{sure}", *other, f"  why: {item.why}"]


def _write(queue: Queue, task: str, out: Path) -> None:
    from whet.monitor.reviewed import reviewed
    from whet.store import write_jsonl

    rows = [
        {
            **{"id": row.source, "input": row.input, "output": row.output, "source": row.source},
            **{"release": row.release, "reviewers": row.reviewers, "decisions": row.keys, "time": row.time},
            **{"reasons": row.reasons, "answered": row.answered, "weight": row.weight},
        }
        for row in reviewed(queue.traffic, task)
        if row.output is not None
    ]
    write_jsonl(out, rows)


def _told(queue: Queue, task: str) -> dict[str, Any]:
    from dataclasses import asdict

    from whet.monitor.reviewed import agreement, reviewed, sampled_quality

    rows, both = reviewed(queue.traffic, task), agreement(queue.traffic, task)
    return {
        "task": task,
        "open": queue.left(task),
        "decided": len(rows),
        "wrong": sum(row.right is False for row in rows),
        "quality": asdict(sampled_quality(queue.traffic, task)),
        "agreement": asdict(both) if both else None,
    }


def _lines(told: dict[str, Any]) -> list[str]:
    lines = [
        f"{told['open']:,} items are open, {told['decided']:,} decided, {told['wrong']:,} of these wrong"
    ]
    quality = told["quality"]
    if quality["n"]:
        spread = f"{quality['low']:.1%} to {quality['high']:.1%}, n={quality['n']:,}"
        lines.append(f"right answers, by the random sample: {quality['value']:.1%} ({spread})")
    if told["agreement"]:
        kappa = told["agreement"]["kappa"]
        spread = f"{kappa['low']:.2f} to {kappa['high']:.2f}, n={kappa['n']:,}"
        lines.append(f"two reviewers agree with kappa {kappa['value']:.2f} ({spread})")
        lines += [f"  disputed: {request}" for request in told["agreement"]["disputed"]]
    return lines
