"""Two specialists asked the same thing: their answers side by side, with what differs marked.

Any rung of any run here, and what the registry allows. A run's specialist reaches nothing outside; a release
is loaded from files that were checked. Models stay loaded for the next question, the longest unused go.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from markupsafe import Markup

from whet.errors import InputError
from whet.release.history import APPROVED, LIVE
from whet.report import words
from whet.report.beside import marked, whole
from whet.web.frame import page, site_of
from whet.web.memo import Memo
from whet.web.shelf import RUNGS, folder_of, shelf
from whet.web.site import Site

if TYPE_CHECKING:
    from whet.records import Prediction, Specialist

router = APIRouter()
LOADED = Memo(most=4)
HOUR = 3600.0
LONGEST = 20_000
"""Characters of an input."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one of the two says."""

    name: str
    shown: Markup
    """The second one with its differences to the first."""
    confidence: str
    seconds: str
    failed: str
    passages: tuple[str, ...]


def choices(site: Site) -> dict[str, str]:
    """What can be asked: by what a form says, in words."""
    found = {
        f"release:{one.id}": f"{one.id} ({one.state})"
        for one in site.releases()
        if one.state in (APPROVED, LIVE)
    }
    for kept in shelf(site.folder, site.memo):
        found |= {f"run:{kept.name}/{rung}": f"{kept.name}: {rung}" for rung in kept.rungs}
    return found


@router.get("/beside")
def form(request: Request, first: str = "", second: str = "") -> Response:
    return _page(request, first, second, "", [])


@router.post("/beside")
def ask(
    request: Request,
    first: Annotated[str, Form(max_length=400)] = "",
    second: Annotated[str, Form(max_length=400)] = "",
    text: Annotated[str, Form(max_length=LONGEST)] = "",
) -> Response:
    """Ask both."""
    if not text.strip():
        raise InputError("nothing was asked.", where="input", fix="type an input.")
    site = site_of(request)
    known = choices(site)
    answers = list[Answer]()
    before: str | None = None
    for name in (first, second):
        if name not in known:
            raise InputError("there is no such specialist.", where=name[:80], fix="choose one of the list.")
        found, seconds = _asked(site, name, text)
        answers.append(_answer(known[name], found, seconds, before))
        before = words.output(found.output)
    return _page(request, first, second, text, answers)


def _page(request: Request, first: str, second: str, text: str, answers: list[Answer]) -> Response:
    known = choices(site_of(request))
    names = list(known)
    first = first if first in known else (names[0] if names else "")
    second = second if second in known else next((name for name in names if name != first), first)
    alike = len({str(answer.shown) for answer in answers}) == 1 and bool(answers)
    values: dict[str, Any] = {"choices": known, "first": first, "second": second, "text": text}
    return page(request, "beside.html.j2", **values, answers=answers, alike=alike, longest=LONGEST)


def _asked(site: Site, name: str, text: str) -> tuple[Prediction, float]:
    """One answer and its seconds; loading does not count."""
    with site.asking:
        specialist = LOADED.get(_stamp(site, name), HOUR, _loader(site, name, text))
        start = time.perf_counter()
        return specialist.predict([text])[0], time.perf_counter() - start


def _stamp(site: Site, name: str) -> tuple[object, ...]:
    """Changes when the specialist may have changed."""
    kind, _, rest = name.partition(":")
    if kind == "release":
        return site.home, name, site.registry.stamp()
    run, _, rung = rest.partition("/")
    return (
        site.folder,
        name,
        (folder_of(site.folder, run) / RUNGS / rung / "specialist.json").stat().st_mtime_ns,
    )


def _loader(site: Site, name: str, text: str) -> Callable[[], Specialist]:
    """Loads a specialist and lets it answer once: what it reads at its first question is not its time."""
    from whet.rungs.base import load_specialist

    kind, _, rest = name.partition(":")
    if kind == "release":
        return lambda: _warmed(site.registry.load(rest)[1], text)
    run, _, rung = rest.partition("/")
    return lambda: _warmed(load_specialist(folder_of(site.folder, run) / RUNGS / rung), text)


def _warmed(specialist: Specialist, text: str) -> Specialist:
    specialist.predict([text])
    return specialist


def _answer(name: str, found: Prediction, seconds: float, before: str | None) -> Answer:
    said = words.output(found.output)
    same = before is None or said == before
    return Answer(
        name,
        whole(said) if same or before is None else marked(before, said),
        words.percent(found.confidence, 0),
        words.duration(seconds) if seconds >= 0.1 else words.millis(1000 * seconds),
        found.failed,
        tuple(words.shorten(one.shown, 400) for one in found.passages),
    )
