"""The web application for tests: a site in a folder, and a client with cookies and forms, as a browser is."""

from __future__ import annotations

import html
import json
import re
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient
from sqlalchemy import insert

from tests.releases import APPROVER, TRAINER, copy_of, pass_gate
from whet.config_monitor import Monitoring
from whet.database import writing
from whet.monitor.advice import NOTHING, Moved
from whet.monitor.review import Queue
from whet.monitor.rows import Logged, Served
from whet.monitor.tables import ALARMS, WATCHES, stamp
from whet.monitor.traffic import Traffic
from whet.serve.hosts import LOOPBACK
from whet.web.app import app_of
from whet.web.site import Site

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&"
NAME = "Mo Machine"


def site_of(folder: Path, *, alone: bool = True) -> Site:
    (folder / "runs").mkdir(exist_ok=True)
    return Site(folder / "runs", folder / "store", NAME, LOOPBACK, alone)


class Pages:
    """A browser without a screen."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.client = TestClient(app_of(site), base_url="http://localhost", raise_server_exceptions=True)

    def get(self, path: str, **more: Any) -> Any:
        return self.client.get(path, follow_redirects=False, **more)

    def form(self, path: str = "/login") -> str:
        """The token of this browser's forms, from a page that has one."""
        found = re.search(r'name="form" value="(\w+)"', self.get(path).text)
        assert found
        return html.unescape(found[1])

    def post(self, path: str, /, **fields: str) -> Any:
        return self.post_from({}, path, **fields)

    def post_from(self, headers: dict[str, str], path: str, /, **fields: str) -> Any:
        """A form with headers as a browser sends them from elsewhere."""
        data = {"form": self.form(), **fields}
        at = f"{path}?form={data['form']}"
        return self.client.post(at, data=data, headers=headers, follow_redirects=False)

    def log_in(self, secret: str, to: str = "/") -> Any:
        return self.post("/login", key=secret, to=to)


LABELS = ("login", "parcel", "refund")
RELEASE = "small-tickets@1"
TASK = "small tickets"


def furnish(site: Site, run: Path, *, requests: int = 300, queued: int = 40) -> None:
    """Runs, releases, traffic with feedback and labels, a queue, an alarm: something on every page."""
    pass_gate(copy_of(run, site.folder / "desk"), site.home)
    hostile = site.folder / HOSTILE.replace("/", "")
    copy_of(run, hostile)
    for _ in range(2):
        site.registry.add(site.folder / "desk", "floor", trained_by=TRAINER)
    site.registry.approve(RELEASE, by=APPROVER)
    site.registry.go_live(RELEASE, by=APPROVER)
    traffic = Traffic(site.home, Monitoring(keep="whole", reviewed=0.2, double=0.0))
    log(traffic, requests)
    queue, rows = Queue(traffic), list[tuple[Logged, list[str]]]()
    for row in traffic.since():
        rows.append((row, ["uncertain"] if len(rows) % 2 else ["novel", "uncertain"]))
        if len(rows) == queued:
            break
    queue.add(rows)
    _alarm(traffic)


def log(traffic: Traffic, many: int, *, hours: float = 60.0) -> None:
    """Requests over some hours until now, the first of them hostile."""
    now = datetime.now(UTC)
    for start in range(0, many, 5_000):
        part = range(start, min(many, start + 5_000))
        traffic.log(*(_served(n, stamp(now, hours=hours * (n - many) / many)) for n in part))
    for n in range(0, min(many, 300), 12):
        traffic.truth(f"req_{n:06}", LABELS[n % 3 if n % 10 else (n + 1) % 3])
        traffic.feedback(f"req_{n:06}", float(n % 4 > 0))


def _served(n: int, time: str) -> Served:
    text = f"where is my parcel number {n}? it was promised for monday" if n else f"{HOSTILE} help"
    sure = 0.3 + (n * 37 % 100) / 143
    return Served(
        f"req_{n:06}",
        TASK,
        RELEASE,
        text,
        LABELS[n % 3],
        sure,
        seconds=0.01 + n % 7 / 500,
        usd=1e-5,
        time=time,
    )


def _alarm(traffic: Traffic) -> None:
    """A watch that found something, as ``whet watch`` writes it."""
    moved = Moved("label:refund", "output", "share of 'refund'", stamp(hours=-9), 0.12, 0.31, "", True, 6.2)
    about = {"name": "confidence", "about": "confidence of answers", "group": "confidence", "unit": ""}
    confidence = {**about, "share": False, "was": 0.71, "now": 0.64, "z": 2.1, "limit": 4.4}
    refund = {**confidence, "about": "share of 'refund'", "share": True, "was": 0.12, "now": 0.31, "z": 6.2}
    told = {
        "states": [confidence, refund],
        "notes": ["the price of an answer never varies and is not watched"],
        "quality": {"labels": {"value": 0.9, "low": 0.8, "high": 0.95, "n": 100}},
        "implied": {"known": True, "accuracy": 0.91, "low": 0.88, "high": 0.94, "why": ""},
    }
    watch = {
        "release": RELEASE,
        "task": TASK,
        "first": stamp(hours=-60),
        "last": stamp(hours=-36),
        "looked": stamp(hours=-1),
    }
    alarm = {
        "time": stamp(hours=-2),
        "task": TASK,
        "release": RELEASE,
        "since": moved.since,
        "kind": "nothing",
    }
    alarm |= {"moved": json.dumps([asdict(moved)]), "examples": json.dumps([f"req_{n:06}" for n in range(5)])}
    with writing(traffic.engine) as connection:
        connection.execute(insert(WATCHES).values(**watch, told=json.dumps(told)))
        connection.execute(insert(ALARMS).values(**alarm, advice=NOTHING))
