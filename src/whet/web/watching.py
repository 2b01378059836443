"""Monitoring: which releases are asked, their traffic drawn, what was found of drift, and alarms to close.

Figures come from the database by stretches (``monitor.stretches``), findings from the last pass of ``whet
watch``. Nothing is looked for here: a page must not change what an alarm says.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from markupsafe import Markup
from sqlalchemy import select

from whet.database import reading
from whet.errors import InputError
from whet.monitor import watch
from whet.monitor.stretches import Stretch, Watched, ends_of, stretch, watched
from whet.monitor.tables import WATCHES, moment, stamp
from whet.report import words
from whet.report.charts import Point, Series, lines
from whet.web.frame import page, site_of, who
from whet.web.site import Site

router = APIRouter()
SPANS = {"day": 24, "week": 168, "month": 720, "quarter": 2160}
"""Hours that a page draws."""
MANY = 48
"""Stretches of a chart, at most."""
CLOSED_SECONDS = 120.0
"""For which a stretch that is over counts as known: feedback may still come."""
REQUESTS = "Requests an hour"
CLOSED = 20
"""Closed alarms that are shown."""
Value = Callable[[Stretch], float | None]
Write = Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Chart:
    """One picture of one figure."""

    title: str
    now: str
    picture: Markup


@router.get("/watch")
def releases(request: Request) -> Response:
    site = site_of(request)
    open_: dict[str, int] = {}
    for alarm in watch.alarms(site.traffic, open_only=True):
        open_[alarm.release] = open_.get(alarm.release, 0) + 1
    state = {one.id: one.state for one in site.releases()}
    return page(request, "watch.html.j2", watched=watched(site.traffic.engine), open=open_, state=state)


@router.get("/watch/{release}")
def one(request: Request, release: str, span: str = "week") -> Response:
    site = site_of(request)
    found = next((one for one in watched(site.traffic.engine) if one.release == release), None)
    if found is None:
        raise InputError(
            "nobody asked this release yet.", where=release[:80], fix="Watch lists those with traffic."
        )
    span = span if span in SPANS else "week"
    parts = stretches(site, found, SPANS[span])
    alarms = watch.alarms(site.traffic, release=release)
    shown = [one for one in alarms if one.closed is None] + [one for one in alarms if one.closed][-CLOSED:][
        ::-1
    ]
    return page(
        request,
        "watched.html.j2",
        one=found,
        span=span,
        spans=list(SPANS),
        rows=sum(part.rows for part in parts),
        charts=charts(parts, found.last),
        told=told(site, release),
        alarms=[(alarm, site.traffic.rows(alarm.examples)) for alarm in shown],
    )


@router.post("/watch/{release}/close")
def close(request: Request, release: str, alarm: Annotated[int, Form()]) -> Response:
    """Close an alarm: its signals are watched again."""
    site = site_of(request)
    if not any(one.id == alarm for one in watch.alarms(site.traffic, release=release, open_only=True)):
        raise InputError("no such alarm of this release is open.", where=f"alarm {alarm}")
    watch.close(site.traffic, alarm, who(request).name)
    return RedirectResponse(f"/watch/{quote(release)}", 303)


def stretches(site: Site, one: Watched, hours: float) -> list[Stretch]:
    """The latest stretches of a release; those that are over are remembered for a moment."""
    until = one.last or stamp()
    start = max(one.first or until, stamp(moment(until), hours=-hours))
    ends = ends_of(start, until, MANY)
    with reading(site.traffic.engine) as connection:
        return [
            site.memo.get(
                ("stretch", one.release, *pair),
                CLOSED_SECONDS if pair[1] <= until else 0.0,
                partial(stretch, connection, one.release, *pair),
            )
            for pair in pairwise(ends)
        ]


def told(site: Site, release: str) -> dict[str, Any] | None:
    """What the last pass of the watch found, as it was kept."""
    wanted = (WATCHES.c.told, WATCHES.c.looked, WATCHES.c.first, WATCHES.c.last)
    query = select(*wanted).where(WATCHES.c.release == release)
    with reading(site.traffic.engine) as connection:
        row = connection.execute(query).first()
    if row is None:
        return None
    found: dict[str, Any] = {"looked": row.looked, "first": row.first, "last": row.last, "signals": []}
    kept = json.loads(row.told) if row.told else {}
    found["signals"] = [_signal(state) for state in kept.get("states", ())]
    found["notes"] = kept.get("notes", ())
    found["implied"] = _implied(kept.get("implied"))
    found["quality"] = [_quality(*one) for one in kept.get("quality", {}).items()]
    return found


def _signal(state: dict[str, Any]) -> dict[str, Any]:
    unit, share, z, limit = state["unit"], state["share"], state["z"], state["limit"]

    def write(value: float | None) -> str:
        if value is None:
            return words.NONE
        return words.percent(value) if share else words.minus(f"{value:.3g} {unit}".strip())

    return {
        **{
            "about": state["about"],
            "group": state["group"],
            "now": write(state["now"]),
            "was": write(state["was"]),
        },
        "moved": z is not None and limit is not None and z > limit,
        "near": words.NONE if z is None or not limit else f"{z:.1f} of {limit:.1f}",
    }


def _quality(source: str, one: dict[str, Any]) -> str:
    spread = words.span(one["low"], one["high"], "")
    return f"Right by {source}: {words.percent(one['value'])} ({spread}, n={one['n']:,})"


def _implied(said: dict[str, Any] | None) -> str:
    if not said:
        return ""
    if not said.get("known"):
        return f"Accuracy cannot be told from confidence: {said['why']}"
    spread = words.span(said["low"], said["high"], "")
    return f"Accuracy implied by confidence: {words.percent(said['accuracy'])} ({spread})"


def charts(parts: Sequence[Stretch], until: str) -> list[Chart]:
    """The pictures of a release, those of which there is something to draw."""
    wanted: list[tuple[str, Value, Write, float]] = [
        (REQUESTS, lambda p: p.rows / _hours(p, until), lambda y: f"{y:.3g}", 1e12),
        ("Confidence, mean", lambda p: p.confidence, _share, 1.0),
        ("Without an answer", lambda p: p.refused, _share, 1.0),
        ("Seconds an answer, mean", lambda p: p.seconds, lambda y: f"{y:.3g}", 1e9),
        (
            "Price of 1,000, USD",
            lambda p: 1000 * p.usd / p.rows,
            lambda y: f"{y:.7f}".rstrip("0").rstrip("."),
            1e12,
        ),
        ("What callers say, mean", lambda p: p.good, _share, 1.0),
    ]
    found = [_chart(parts, *one) for one in wanted]
    return [one for one in (*found, _right(parts)) if one]


def _hours(part: Stretch, until: str) -> float:
    """How long a stretch lasts, as far as it is over; a quarter of an hour at least."""
    end = moment(min(part.end, until) if until > part.start else part.end)
    return max((end - moment(part.start)).total_seconds() / 3600, 0.25)


def _share(value: float) -> str:
    return words.percent(value, 0)


def _chart(
    parts: Sequence[Stretch],
    title: str,
    value: Callable[[Stretch], float | None],
    write: Callable[[float], str],
    most: float,
) -> Chart | None:
    told = [
        (at, found)
        for at, part in enumerate(parts)
        if part.rows or title == REQUESTS
        for found in [value(part)]
        if found is not None
    ]
    if not any(found for _, found in told):
        return None
    points = tuple(Point(float(at), found) for at, found in told)
    return Chart(title, write(points[-1].y), _lines(parts, points, write, most, title))


def _right(parts: Sequence[Stretch]) -> Chart | None:
    """Right answers, by the labels that came later, with Wilson's interval."""
    from whet.evaluate.stats import wilson

    told = [(at, wilson(part.right, part.labelled)) for at, part in enumerate(parts) if part.labelled]
    if not told:
        return None
    points = tuple(Point(float(at), one.value, one.low, one.high) for at, one in told)
    title = "Right, by labels that came later"
    return Chart(
        title,
        words.percent(points[-1].y, 0),
        _lines(parts, points, _share, 1.0, title),
    )


def _lines(
    parts: Sequence[Stretch],
    points: tuple[Point, ...],
    write: Callable[[float], str],
    most: float,
    title: str,
) -> Markup:
    places = sorted({int(points[0].x), int(points[len(points) // 2].x), int(points[-1].x)})
    highest = max(point.y for point in points)
    return lines(
        [Series("first", points, dots=len(points) <= 24)],
        x_ticks=places,
        write_x=lambda x: parts[int(x)].start[5:13].replace("T", " ") + "h",
        write_y=write,
        least=max(2 * highest, 1e-9) if most > 1 else 0.1,  # amounts are drawn from zero
        within=(0.0, most),
        label=f"{title}: from {write(points[0].y)} to {write(points[-1].y)}",
    )
