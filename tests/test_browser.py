"""The pages as a reader has them: a real browser opens them, clicks, and nothing is loaded or complains.

Needs Chromium and Playwright; without one the tests are skipped, and under ``WHET_BROWSER=required`` (as in
``.ci/run``) they fail: a step that is skipped shows nothing. The control is a page that does reach out.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import tickets
from whet.check.findings import STANDARDS
from whet.checkup import check_task
from whet.config import load_task
from whet.pipeline import run_task
from whet.trust.evidence import evidence

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESK, PHONE = (1280, 900), (390, 844)
KEY = "AKIA" + "Q3EGRZX7WJ2MB5LT"  # has the form of a cloud key, and opens nothing
SURELY_CONTRAST = 4.5  # WCAG 2.2, 1.4.3, AA


@dataclass
class Seen:
    """A page that is open, and what it did by itself."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


Open = Callable[..., Any]


def _missing(what: str) -> Any:
    if os.environ.get("WHET_BROWSER") == "required":
        pytest.fail(f"{what} is not at hand, and WHET_BROWSER=required")
    pytest.skip(f"{what} is not at hand")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The browser, at work."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _missing("Playwright (pip install playwright)")
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if path is None:
        _missing("Chromium (apt-get install chromium)")
    with sync_playwright() as driver, driver.chromium.launch(executable_path=path, args=ARGUMENTS) as browser:
        yield browser


@pytest.fixture
def open_page(chromium: Browser) -> Open:
    """Opens a file at a width and height, light or dark, each time with a fresh profile."""

    @contextmanager
    def opened(file: Path, size: tuple[int, int] = DESK, *, dark: bool = False) -> Iterator[Seen]:
        context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if dark else "light",
        )
        try:
            seen = Seen(context.new_page())
            seen.page.on("console", lambda said: seen.complaints.append(said.text))
            seen.page.on("pageerror", lambda error: seen.complaints.append(str(error)))
            seen.page.on("request", lambda request: seen.requests.append(request.url))
            seen.page.goto(file.as_uri())
            yield seen
        finally:
            context.close()

    return opened


@pytest.fixture(scope="module")
def check_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The check's page of tickets with faults: copies, contradictions, a secret, a broken row."""
    folder = tmp_path_factory.mktemp("check")
    rows = [*tickets(40), *tickets(40)[:60]]
    rows += [(text, "login" if label != "login" else "refund") for text, label in rows[:3]]
    rows[7] = (f"my key is {KEY} and it does not work", rows[7][1])
    lines = [json.dumps({"text": text, "label": label}) for text, label in rows]
    (folder / "tickets.jsonl").write_text("\n".join([*lines, '{"text": "half a li']), encoding="utf-8")
    task = "task: tickets\nexamples: tickets.jsonl\nfields: {input: text, output: label}\n"
    (folder / "task.yaml").write_text(task, encoding="utf-8")
    check_task(
        load_task(folder / "task.yaml"),
        folder,
        folder / "out",
        encoder=None,
        tell=lambda *_: None,
        command="whet check task.yaml",
        date="2026-01-31T10:00:00+00:00",
    )
    return folder / "out" / "check.html"


@pytest.fixture(scope="module")
def report_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a small run, with the real encoder."""
    folder = tmp_path_factory.mktemp("run")
    lines = [f'"{text}",{label}' for text, label in tickets(40)]
    (folder / "tickets.csv").write_text("text,label\n" + "\n".join(lines), encoding="utf-8")
    task = "task: tickets\nexamples: tickets.csv\nfields: {input: text, output: label}\n"
    (folder / "task.yaml").write_text(f"{task}rungs: [floor, fewshot]\n", encoding="utf-8")
    return run_task(folder / "task.yaml", folder / "out").report


@pytest.fixture(scope="module")
def evidence_page(report_page: Path) -> Path:
    """The evidence of that run's specialist."""
    return evidence(report_page.parent).page


@pytest.fixture(params=["check", "report", "evidence"])
def page_file(request: pytest.FixtureRequest) -> Path:
    found: Path = request.getfixturevalue(f"{request.param}_page")
    return found


# Every page.


@pytest.mark.parametrize(("size", "dark"), [(DESK, False), (DESK, True), (PHONE, False), (PHONE, True)])
def test_a_page_fits_loads_nothing_and_does_not_complain(
    page_file: Path, open_page: Open, size: tuple[int, int], dark: bool
) -> None:
    with open_page(page_file, size, dark=dark) as seen:
        folded = seen.page.locator("details:not([open]) > summary")
        while folded.count():
            folded.first.click()
        assert seen.page.locator("details:not([open])").count() == 0
        width = seen.page.evaluate("document.documentElement.scrollWidth")
        assert width <= size[0], f"{width} px wide at {size[0]}"
        light = luminance(seen.page.evaluate("getComputedStyle(document.body).backgroundColor"))
        assert light < 0.1 if dark else light > 0.9
        assert worst_contrast(seen.page) >= SURELY_CONTRAST
        assert seen.complaints == []
        assert seen.requests == [page_file.as_uri()]


def test_a_page_that_reaches_out_is_seen(tmp_path: Path, open_page: Open) -> None:
    """The control: width, contrast, requests and complaints are what they are called."""
    file = tmp_path / "bad.html"
    body = '<p style="width: 900px; color: #999; background: #aaa">wide</p><img src="missing.png">'
    file.write_text(f"<body>{body}<script>undefined_name()</script></body>", encoding="utf-8")
    with open_page(file, PHONE) as seen:
        assert seen.page.evaluate("document.documentElement.scrollWidth") > PHONE[0]
        assert worst_contrast(seen.page) < SURELY_CONTRAST
        assert len(seen.requests) == 2
        assert any("undefined_name" in said for said in seen.complaints)


def test_pages_read_without_scripts(page_file: Path, open_page: Open) -> None:
    with open_page(page_file) as seen:
        text = page_file.read_text(encoding="utf-8")
        bare = text[: text.rindex("<script>")] + text[text.rindex("</script>") + len("</script>") :]
        before = seen.page.locator("main").inner_text()
        seen.page.set_content(bare)
        assert seen.page.locator("main").inner_text() == before


# The check's page.


def test_the_ten_standards_stand_at_a_glance(check_page: Path, open_page: Open) -> None:
    with open_page(check_page) as seen:
        cards = seen.page.locator(".standards > li")
        assert [card.locator("b").inner_text() for card in cards.all()] == list(STANDARDS)
        places = [box_of(card) for card in cards.all()]
        assert max(y + height for y, height in places) - min(y for y, _ in places) <= DESK[1]
        words = dict(zip(STANDARDS, cards.locator(".word").all_inner_texts(), strict=True))
        assert (words["privacy safe"], words["well formatted"]) == ("blocks", "blocks")
        assert (words["consistent"], words["task aligned"]) == ("look at it", "met")


def test_rows_are_one_click_away(check_page: Path, open_page: Open) -> None:
    found = json.loads((check_page.parent / "03-check.json").read_text(encoding="utf-8"))["findings"]
    clicked = 0
    with open_page(check_page) as seen:
        links = seen.page.locator(".found a")
        assert links.count() == len(found)
        for link in links.all():
            rows = seen.page.locator(f"[id='{(link.get_attribute('href') or '')[1:]}'].cases")
            if rows.count():
                seen.page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = false })")
                assert not rows.is_visible()
                link.click()
                rows.wait_for(state="visible")
                assert in_view(seen.page, rows.locator("li").first)
                clicked += 1
        assert clicked == sum(bool(finding["rows"]) for finding in found) >= 3
        source = next(f for f in found if f["check"] == "private.secrets")["rows"][0]["source"]
        assert source == "tickets.jsonl:8"
        assert seen.page.get_by_text(source).count() > 0
        assert KEY not in seen.page.content()


def test_the_keyboard_opens_rows_too(check_page: Path, open_page: Open) -> None:
    with open_page(check_page) as seen:
        link = seen.page.locator(".found a").first
        rows = seen.page.locator(f"[id='{(link.get_attribute('href') or '')[1:]}']")
        link.focus()
        seen.page.keyboard.press("Enter")
        rows.wait_for(state="visible")


# Helpers.


def box_of(element: Locator) -> tuple[float, float]:
    """Top and height in px."""
    box = element.bounding_box()
    assert box is not None
    return box["y"], box["height"]


def in_view(page: Page, element: Locator) -> bool:
    top, _ = box_of(element)
    return 0 <= top < int(page.evaluate("innerHeight"))


def luminance(colour: str) -> float:
    """WCAG's relative luminance of ``rgb(r, g, b)``."""
    channels = [int(part) / 255 for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


COLOURS = """() => {
  const clear = e => getComputedStyle(e).backgroundColor === 'rgba(0, 0, 0, 0)'
  const paper = e => {
    if (!e) return 'rgb(255, 255, 255)'
    return clear(e) ? paper(e.parentElement) : getComputedStyle(e).backgroundColor
  }
  return [...document.querySelectorAll('h1, h2, h3, p, li, dt, dd, th, td, b, small, a, summary, code')]
    .filter(e => e.checkVisibility() && e.innerText.trim() && !e.closest('svg'))
    .map(e => [getComputedStyle(e).color, paper(e)])
}"""


def worst_contrast(page: Page) -> float:
    """The lowest contrast of a text to what is behind it; half-transparent colours are left out."""
    pairs = {(ink, paper) for ink, paper in page.evaluate(COLOURS) if "rgba" not in ink + paper}
    lights = [sorted((luminance(ink), luminance(paper))) for ink, paper in pairs]
    return min((high + 0.05) / (low + 0.05) for low, high in lights)


# The evidence page.


def test_every_measure_is_told_in_a_line_and_leads_to_its_figures(
    evidence_page: Path, open_page: Open
) -> None:
    told = json.loads(evidence_page.with_suffix(".json").read_text(encoding="utf-8"))
    with open_page(evidence_page) as seen:
        lines = seen.page.locator("#glance li")
        assert lines.count() == len(told["measures"])
        for at, one in enumerate(told["measures"]):
            line = lines.nth(at)
            assert line.locator(".tally").inner_text().strip()
            word = "does not apply" if one["why"].startswith("does not apply") else one["standing"]
            assert line.locator(".word").inner_text() == word
            line.locator("a").click()
            assert seen.page.locator(f"#{one['name']} tbody tr").count() >= len(one["figures"])


def test_a_minute_is_enough_for_what_stands_at_the_top(evidence_page: Path, open_page: Open) -> None:
    """Verdict and glance have no more words than one reads in a minute and a half at 238 a minute."""
    with open_page(evidence_page) as seen:
        words = seen.page.locator("#glance").inner_text().split()
        words += seen.page.locator("section.verdict").inner_text().split()
        assert len(words) < 1.5 * 238
