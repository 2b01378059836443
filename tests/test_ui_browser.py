"""The web application as a person has it: ``whet ui`` as a process, a real browser, keyboard and phone.

Every page at phone and desk width: nothing complains, nothing leaves this machine, nothing is wider than the
screen, every text can be read. ``WHET_LONG=1``: a hundred thousand requests and queue items, and the times.
``WHET_PHOTOGRAPHS`` names a folder for what was seen. The browser is that of ``test_browser.py``.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from tests.releases import small_run
from tests.serving import Server
from tests.test_browser import DESK, PHONE, SURELY_CONTRAST, Seen, chromium, worst_contrast
from tests.uisite import HOSTILE, RELEASE, TASK, furnish, site_of
from whet.database import reading
from whet.monitor.tables import DECISIONS
from whet.web.site import Site

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["chromium"]
LONG = pytest.mark.skipif(not os.environ.get("WHET_LONG"), reason="long: WHET_LONG=1 asks for it")
PAGES = {
    "home": "/",
    "run": "/runs/desk",
    "hostile": f"/runs/{HOSTILE.replace('/', '')}",
    "new": "/new",
    "checks": "/checks",
    "findings": "/checks/desk",
    "beside": "/beside",
    "queues": "/review",
    "review": f"/review/next?task={TASK}",
    "figures": f"/review/figures?task={TASK}",
    "watch": "/watch",
    "watched": f"/watch/{RELEASE}",
    "releases": "/releases",
    "log": "/log",
    "login": "/login",
    "nothing": "/runs/nothing",
}
Open = Callable[..., Any]


@contextmanager
def serving_ui(site: Site) -> Iterator[str]:
    """``whet ui`` on a free port; its address."""
    command = [sys.executable, "-m", "whet", "ui", str(site.folder), "--store", str(site.home)]
    server = Server([*command, "--port", "0", "--json"])
    try:
        yield server.address
    finally:
        server.end()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    found = site_of(tmp_path_factory.mktemp("ui"))
    furnish(found, small_run(tmp_path_factory.getbasetemp()))
    return found


@pytest.fixture(scope="module")
def address(site: Site) -> Iterator[str]:
    with serving_ui(site) as found:
        yield found


@pytest.fixture
def open_page(chromium: Browser, address: str) -> Open:
    """Opens a page at a width, light or dark, each time with a fresh profile."""
    return opener(chromium, address)


def opener(browser: Browser, address: str) -> Open:
    @contextmanager
    def opened(path: str, size: tuple[int, int] = DESK, *, dark: bool = False) -> Iterator[Seen]:
        view: Any = {"width": size[0], "height": size[1]}
        context = browser.new_context(viewport=view, color_scheme="dark" if dark else "light")
        try:
            seen = Seen(context.new_page())
            seen.page.on("console", lambda said: seen.complaints.append(said.text))
            seen.page.on("pageerror", lambda error: seen.complaints.append(str(error)))
            seen.page.on("request", lambda request: seen.requests.append(request.url))
            seen.page.goto(f"{address}{path}")
            yield seen
        finally:
            context.close()

    return opened


def photograph(page: Page, name: str) -> None:
    folder = os.environ.get("WHET_PHOTOGRAPHS")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


@pytest.mark.parametrize(("size", "dark"), [(DESK, False), (PHONE, True)], ids=["desk", "phone"])
def test_every_page_fits_reaches_nothing_and_does_not_complain(
    open_page: Open, address: str, size: tuple[int, int], dark: bool
) -> None:
    with open_page("/", size, dark=dark) as seen:
        for name, path in PAGES.items():
            seen.page.goto(f"{address}{path}")
            photograph(seen.page, f"{name}-{'phone' if size == PHONE else 'desk'}")
            width = seen.page.evaluate("document.documentElement.scrollWidth")
            assert width <= size[0], f"{name}: {width} px wide at {size[0]}"
            assert worst_contrast(seen.page) >= SURELY_CONTRAST, name
            if name == "nothing":
                assert "400" in seen.complaints.pop()  # the browser says so itself, of every such answer
            assert seen.complaints == [], name
        assert all(url.startswith((f"{address}/", "data:")) for url in seen.requests), seen.requests


def test_a_page_that_reaches_out_is_refused_and_seen(open_page: Open) -> None:
    """The control: what the policy forbids does not leave, and the complaint is heard."""
    with open_page("/") as seen:
        seen.page.evaluate(
            "document.body.insertAdjacentHTML('beforeend', '<img src=\"http://127.0.0.2:9/x.png\">')"
        )
        seen.page.evaluate("fetch('http://127.0.0.2:9/').catch(() => 0)")
        assert any("Content Security Policy" in said for said in seen.complaints)


@pytest.mark.parametrize("file", ["07-report.html", "03-check.html"])
def test_a_run_s_own_page_reads_here_as_alone(open_page: Open, address: str, file: str) -> None:
    with open_page(f"/runs/desk/pages/{file}") as seen:
        seen.page.locator("summary").first.click()
        assert seen.complaints == []
        assert seen.requests == [f"{address}/runs/desk/pages/{file}"]
        assert seen.page.evaluate("origin") == "null"  # nobody's session, whatever the page holds
        paper = seen.page.evaluate("getComputedStyle(document.querySelector('main')).maxWidth")
        assert paper != "none"  # its style holds


def test_every_page_is_reached_by_keyboard_and_shows_where_one_is(open_page: Open) -> None:
    with open_page("/") as seen:
        page = seen.page
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        reached = set()
        for _ in range(12):
            page.keyboard.press("Tab")
            about = page.evaluate(
                "(e => [e.getAttribute('href'), getComputedStyle(e).outlineStyle])(document.activeElement)"
            )
            reached.add(about[0])
            assert about[1] != "none"
        assert {"/", "/new", "/checks", "/beside", "/review", "/watch", "/releases", "/log"} <= reached


def decided(site: Site) -> list[Any]:
    with reading(site.traffic.engine) as connection:
        return list(connection.execute(select(DECISIONS).order_by(DECISIONS.c.time)))


def item_of(page: Page) -> str:
    return str(page.locator("form.item").get_attribute("data-item"))


def next_after(page: Page, *keys: str) -> float:
    """Press keys and wait until another item stands there; milliseconds of the page's own clock."""
    page.evaluate(
        """before => {
          let pressed = 0
          addEventListener('keydown', () => { pressed = performance.now() }, {capture: true})
          window.took = new Promise(done => {
            const look = () => {
              const form = document.querySelector('form.item')
              if (!form || form.dataset.item !== before) done(performance.now() - pressed)
            }
            const box = document.querySelector('[data-review]')
            new MutationObserver(() => requestAnimationFrame(look)).observe(box, {childList: true})
          })
        }""",
        item_of(page),
    )
    for key in keys:
        page.keyboard.press(key)
    return float(page.evaluate("window.took"))


def test_items_are_decided_by_keyboard_alone(open_page: Open, site: Site) -> None:
    start = len(decided(site))
    with open_page(PAGES["review"]) as seen:
        page = seen.page
        next_after(page, "a")
        next_after(page, "r")
        number = page.locator("[data-number]").first
        label = number.get_attribute("value")
        next_after(page, *(number.get_attribute("data-number") or ""))
        page.keyboard.press("m")
        page.keyboard.type("by mail")
        page.keyboard.press("Escape")
        next_after(page, "s")
        page.keyboard.press("c")
        page.keyboard.type("other")
        next_after(page, "Enter")
        held = item_of(page)
        page.reload()
        assert item_of(page) == held  # a page that is loaded anew loses nothing
        rows = decided(site)[start:]
        assert [row.verdict for row in rows] == ["accept", "reject", "correct", "skip", "correct"]
        assert [row.output for row in rows] == [None, None, label, None, "other"]
        assert [row.comment for row in rows] == [None, None, None, "by mail", None]
        assert len({row.item for row in rows}) == 5
        assert seen.complaints == []


def test_what_could_not_be_sent_stays_and_is_one_decision(open_page: Open, site: Site) -> None:
    start = len(decided(site))
    with open_page(PAGES["review"]) as seen:
        page = seen.page
        page.route("**/review/decide", lambda route: route.abort())
        held = item_of(page)
        page.keyboard.press("a")
        page.get_by_role("alert").wait_for()
        assert item_of(page) == held
        page.unroute("**/review/decide")
        next_after(page, "a")
        assert len(decided(site)) == start + 1


def test_without_scripts_the_forms_do_it(chromium: Browser, address: str, site: Site) -> None:
    start = len(decided(site))
    context = chromium.new_context(java_script_enabled=False)
    try:
        page = context.new_page()
        page.goto(f"{address}{PAGES['review']}")
        held = item_of(page)
        page.get_by_role("button", name="Accept").click()
        assert item_of(page) != held
        page.locator("[data-number]").first.click()
        assert [row.verdict for row in decided(site)[start:]] == ["accept", "correct"]
    finally:
        context.close()


def test_an_alarm_is_closed_where_it_is_read(open_page: Open, site: Site) -> None:
    with open_page(PAGES["watched"]) as seen:
        page = seen.page
        assert page.locator(".alarm blockquote").count() == 5
        assert page.locator(".panel svg").count() >= 5
        page.get_by_role("button", name="Close the alarm").click()
        assert page.locator(".alarm").count() == 0
        assert "closed" in page.locator("main").inner_text().lower()


def test_a_file_is_run_and_its_failure_told(open_page: Open, tmp_path: Path) -> None:
    """One column is no task: the run says so, in the browser as on a terminal."""
    file = tmp_path / "odd.csv"
    file.write_text("text\n" + "\n".join(f"hello {n}" for n in range(30)))
    with open_page("/new") as seen:
        page = seen.page
        page.locator("#file").set_input_files(file)
        page.get_by_role("button", name="Start").click()
        assert re.search(r"/work/\w{16}$", page.url)
        page.get_by_text("Failed").wait_for(timeout=120_000)
        assert "error:" in page.locator(".lines").inner_text()
        assert page.get_by_role("button", name="Go on").is_visible()
        photograph(page, "failed-desk")
        assert seen.complaints == []


@LONG
def test_a_run_goes_on_through_reload_and_a_new_server(
    chromium: Browser,
    tmp_path: Path,
    ticket_file: Path,
) -> None:
    site = site_of(tmp_path)
    with serving_ui(site) as address, opener(chromium, address)("/new") as seen:
        page = seen.page
        page.locator("#file").set_input_files(ticket_file)
        page.get_by_role("button", name="Start").click()
        page.get_by_text("Running").wait_for(timeout=120_000)
        page.reload()
        page.get_by_text("Running").wait_for(timeout=120_000)
        photograph(page, "running-desk")
        work = page.url.rpartition("/")[2]
    with serving_ui(site) as address, opener(chromium, address)(f"/work/{work}") as seen:
        page = seen.page
        assert page.get_by_text("Running").is_visible()
        page.get_by_role("link", name="To the run").wait_for(timeout=540_000)
        page.get_by_role("link", name="To the run").click()
        assert (
            "Decisive" in page.locator("main").inner_text() or "decisive" in page.locator("main").inner_text()
        )
        photograph(page, "ran-desk")
        assert [one for one in seen.complaints if "ERR_CONNECTION" not in one] == []


MANY, QUICK_ITEM, QUICK_PAGE = 100_000, 100.0, 300.0


@LONG
def test_a_hundred_thousand_are_as_quick(
    chromium: Browser,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    site = site_of(tmp_path)
    furnish(site, small_run(tmp_path_factory.getbasetemp()), requests=MANY, queued=MANY)
    with serving_ui(site) as address:
        with opener(chromium, address)(PAGES["review"]) as seen:
            took = sorted(next_after(seen.page, "a") for _ in range(60))
        print(f"next item: median {took[30]:.0f} ms, 95 % {took[57]:.0f} ms, most {took[-1]:.0f} ms")
        loads = {}
        for name, path in PAGES.items():
            with opener(chromium, address)("/login") as seen:
                took_load = []
                for _ in range(3):
                    start = time.perf_counter()
                    seen.page.goto(f"{address}{path}", wait_until="load")
                    took_load.append(1000 * (time.perf_counter() - start))
            loads[name] = (took_load[0], sorted(took_load)[1])
        print("pages, first and median of three, ms:")
        for name, (first, median) in loads.items():
            print(f"  {name:<10} {first:6.0f} {median:6.0f}")
        assert took[57] <= QUICK_ITEM
        assert {name: times for name, times in loads.items() if times[1] > QUICK_PAGE} == {}
