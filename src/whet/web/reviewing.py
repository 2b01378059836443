"""The review queue in a browser: one item at a time, decided by one key or two, the next one in the answer.

Who decides is whom the key names. An item comes with the key of its decision, made before it is shown: sent
twice, it is one decision (``monitor.review``). Without scripts every decision is a form and a page.
"""

from __future__ import annotations

import uuid
from dataclasses import asdict
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import func, select

from whet.database import reading
from whet.errors import Refused
from whet.monitor.reviewed import agreement, reviewed, sampled_quality
from whet.monitor.seats import Item
from whet.monitor.tables import DECISIONS, SEATS, TRAFFIC
from whet.report.beside import marked
from whet.web.door import FRAGMENT
from whet.web.frame import page, site_of, who
from whet.web.site import Site

router = APIRouter()
LOOKED = 2_000
"""Newest requests whose labels are offered as corrections."""
MOST = 99
"""Labels that can be chosen by their number: one digit, or two."""
LONGEST = 60
"""Characters of a label that is offered."""
LABEL_SECONDS = 30.0
FIGURES = 10.0
Text = Annotated[str, Form(max_length=100_000)]


@router.get("/review")
def queues(request: Request) -> Response:
    site = site_of(request)
    return page(request, "queues.html.j2", tasks=open_seats(site))


def open_seats(site: Site) -> list[tuple[str, int]]:
    """Tasks with the decisions that wait."""
    waiting = select(SEATS.c.task, func.count()).where(SEATS.c.state == "open").group_by(SEATS.c.task)
    every = select(DECISIONS.c.task).distinct()
    with reading(site.traffic.engine) as connection:
        found = {task: int(many) for task, many in connection.execute(waiting)}
        found |= {task: 0 for task in connection.scalars(every) if task not in found}
    return sorted(found.items())


def left_of(site: Site, task: str) -> int:
    """Decisions that wait in a task's queue."""
    mine = (SEATS.c.task == task) & (SEATS.c.state == "open")
    with reading(site.traffic.engine) as connection:
        return int(connection.execute(select(func.count()).where(mine)).scalar_one())


@router.get("/review/next")
def item(request: Request, task: str) -> Response:
    """The item that this reviewer holds, or the next one."""
    site = site_of(request)
    values = _shown(site, task, site.queue(task).next(task, who(request).name))
    return page(request, "review.html.j2", **values, left=left_of(site, task))


@router.post("/review/decide")
def decide(
    request: Request,
    task: Text,
    seat: Annotated[int, Form()],
    key: Text,
    verdict: Text = "",
    choice: Text = "",
    output: Text = "",
    comment: Text = "",
) -> Response:
    """Write a decision; answers with the next item. What somebody else decided meanwhile is passed over.

    Args:
        choice: a label that was chosen as the right answer; then nothing else counts.
    """
    site = site_of(request)
    verdict, output = ("correct", choice) if choice else (verdict, output)
    said = output.strip() if verdict == "correct" else None
    queue, who_decides, passed = site.queue(task), who(request).name, ""
    note = comment.strip()
    try:
        found = queue.decide_and_next(
            task, seat, who_decides, verdict, key=key, output=said or None, comment=note
        )
    except Refused as error:
        found, passed = queue.next(task, who_decides), error.what
    if FRAGMENT in request.headers:
        return page(request, "item.html.j2", **_shown(site, task, found, passed))
    if not passed:
        return RedirectResponse(f"/review/next?{_query(task)}", 303)
    return page(request, "review.html.j2", **_shown(site, task, found, passed), left=left_of(site, task))


@router.get("/review/figures")
def figures(request: Request, task: str) -> Response:
    """What the decisions come to, as ``whet queue`` tells it."""
    site = site_of(request)
    told = site.memo.get(("figures", task), FIGURES, lambda: _told(site, task))
    return page(request, "figures.html.j2", task=task, told=told)


def _told(site: Site, task: str) -> dict[str, Any]:
    traffic = site.traffic
    rows, both, quality = reviewed(traffic, task), agreement(traffic, task), sampled_quality(traffic, task)
    return {
        "decided": len(rows),
        "wrong": sum(row.right is False for row in rows),
        "quality": asdict(quality) if quality.n else None,
        "agreement": both,
        "disputed": traffic.rows(both.disputed[:20]) if both else [],
    }


def _shown(site: Site, task: str, found: Item | None, passed: str = "") -> dict[str, Any]:
    """What the page of an item says."""
    shadow = marked(found.output, found.shadow_output) if found and found.shadow_output else None
    labels = site.memo.get(("labels", task), LABEL_SECONDS, lambda: labels_of(site, task))
    return {
        "task": task,
        "item": found,
        "shadow": shadow,
        "key": uuid.uuid4().hex,
        "labels": labels,
        "digits": 1 if len(labels) < 10 else 2,
        "passed": passed,
    }


def labels_of(site: Site, task: str) -> list[str]:
    """What answers are chosen from, as far as the newest requests and corrections show; none where they are
    no labels. In alphabetical order, so that a number stays that of its label."""
    latest = (
        select(TRAFFIC.c.label).where(TRAFFIC.c.task == task).order_by(TRAFFIC.c.time.desc()).limit(LOOKED)
    )
    corrected = (DECISIONS.c.task == task) & (DECISIONS.c.verdict == "correct")
    given = select(DECISIONS.c.output).where(corrected).distinct().limit(MOST + 1)
    with reading(site.traffic.engine) as connection:
        there = {*connection.scalars(latest), *connection.scalars(given)} - {None, ""}
    labels = sorted(str(one) for one in there)
    short = all(len(label) <= LONGEST for label in labels)
    return labels if short and 1 < len(labels) <= MOST else []


def _query(task: str) -> str:
    return urlencode({"task": task})
