"""``whet watch``: look at a release's traffic once, or again and again; alarms on the terminal.

Knows words for people; what is found stands in ``whet.monitor``.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from whet.cli.options import AsJson, Debug, Store, print_json

if TYPE_CHECKING:
    from whet.monitor.looking import Found
    from whet.monitor.subject import Subject
    from whet.monitor.watch import Pass

SHOWN = 120  # characters of an example


def watch(
    name: Annotated[str, typer.Argument(help="A release such as tickets@3, or a name: its live release.")],
    every: Annotated[
        float | None, typer.Option("--every", min=1, help="Look again after so many seconds, until stopped.")
    ] = None,
    close: Annotated[int | None, typer.Option("--close", help="Close this alarm, and look.")] = None,
    by: Annotated[str, typer.Option("--by", help="Who closes it.")] = "",
    store: Store = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Has the traffic of a release moved? Exit 1 while an alarm is open."""
    from whet.database import home
    from whet.monitor.subject import subject_of

    subject = subject_of(home(store), name)
    if close is not None:
        from whet.monitor.watch import close as close_alarm

        close_alarm(subject.traffic, close, by)
    open_ = _once(subject, as_json)
    while every is not None:
        time.sleep(every)
        subject = subject_of(home(store), name)  # a name follows its live release
        open_ = _once(subject, as_json)
    if open_:
        raise typer.Exit(1)


def _once(subject: Subject, as_json: bool) -> bool:
    """One pass; whether an alarm is open after it."""
    watched = subject.watch()
    done = watched.once()
    open_ = watched.open_alarms()
    if as_json:
        print_json(_plain(done, open_))
    else:
        for line in _lines(subject, done, open_):
            typer.echo(line)
    return bool(open_)


def _plain(done: Pass, open_: list[Any]) -> dict[str, Any]:
    from dataclasses import asdict

    from whet.monitor.watch import shown

    return {
        "release": done.release,
        "state": done.state,
        "alarm": asdict(done.alarm) if done.alarm else None,
        "open_alarms": [asdict(one) for one in open_],
        "found": shown(done.found) if done.found else None,
        "said": list(done.said),
        "queued_for_review": done.queued,
        "forgotten": done.forgotten,
    }


def _lines(subject: Subject, done: Pass, open_: list[Any]) -> list[str]:
    lines = [f"{done.release}: {done.state}", *(f"  {one}" for one in done.said)]
    if done.found:
        lines += _found(done.found)
    if done.queued:
        lines.append(f"  {done.queued:,} requests were queued for review")
    for alarm in open_:
        texts = [row.input.replace("\n", " ")[:SHOWN] for row in subject.traffic.rows(alarm.examples)]
        lines += alarm.lines(texts)
        lines.append(f"  close it: whet watch {done.release} --close {alarm.id} --by NAME")
    return lines


def _found(found: Found) -> list[str]:
    lines = [f"  {found.rows:,} requests beside {found.reference:,} of the reference"]
    for state in found.states:
        mark = "MOVED" if state.z > state.limit else f"{state.z:.1f} of {state.limit:.1f}"
        now, was = (
            f"{x:.1%}" if state.share else f"{x:.3g} {state.unit}".strip() for x in (state.now, state.was)
        )
        lines.append(f"  {state.about}: {now} (was {was}), {mark}")
    said = found.implied
    if said is not None and said.known:
        lines.append(
            f"  accuracy implied by confidence: {said.accuracy:.1%} ({said.low:.1%} to {said.high:.1%})"
        )
    elif said is not None:
        lines.append(f"  accuracy cannot be told from confidence: {said.why}")
    for source, figure in found.quality.items():
        spread = f"{figure.low:.1%} to {figure.high:.1%}"
        lines.append(f"  right by {source}: {figure.value:.1%} ({spread}, n={figure.n:,})")
    return lines
