"""The review queue: every decision once, whatever is killed; two people never before the same item by
accident."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from whet.config_monitor import Monitoring
from whet.database import reading
from whet.errors import InputError, Refused
from whet.monitor.review import Queue, reasons_of
from whet.monitor.reviewed import agreement, reviewed, sampled_quality
from whet.monitor.seats import drawn
from whet.monitor.tables import DECISIONS, SEATS, stamp
from whet.monitor.traffic import Logged, Served, Traffic

KILLS = int(os.environ.get("WHET_KILLS", "8"))
DECIDED = 200
ITEMS = int(os.environ.get("WHET_DECISIONS", "240"))


def queue_of(home: Path, count: int, **keeping: object) -> Queue:
    """A queue with ``count`` uncertain requests."""
    traffic = Traffic(home, Monitoring(**{"keep": "whole", "reviewed": 0.1, **keeping}))  # type: ignore[arg-type]
    traffic.log(
        *(Served(f"r{n:06}", "desk", "desk@1", f"text {n}", "refund", 0.3 + n % 2 / 2) for n in range(count))
    )
    queue = Queue(traffic)
    queue.add([(row, ["uncertain"]) for row in traffic.since()])
    return queue


def key() -> str:
    return uuid.uuid4().hex


def test_why_a_person_looks() -> None:
    row = Logged(
        *(
            "r",
            "t",
            "desk",
            "desk@1",
            "in",
            "out",
            "out",
            0.4,
            0.9,
            False,
            0.1,
            0.0,
            0.0,
            None,
            "desk@2",
            "other",
        ),
        ("too long",),
    )
    assert reasons_of(row, far=0.5) == ["rule", "feedback", "novel", "shadow", "uncertain"]
    assert reasons_of(row, far=0.95, unsure=0.2) == ["rule", "feedback", "shadow"]


def test_a_request_is_queued_once_and_the_sample_is_fair(tmp_path: Path) -> None:
    queue = queue_of(tmp_path, 2_000)
    assert queue.add([(row, ["novel"]) for row in queue.traffic.since()]) == 0
    assert queue.left("desk") == 2_000
    share = sum(drawn(f"r{n:06}", 0.1, "sample") for n in range(2_000)) / 2_000
    assert 0.08 < share < 0.12


def test_two_people_have_two_items_and_a_lease_runs_out(tmp_path: Path) -> None:
    queue = queue_of(tmp_path, 3, double=0.0)
    ana, bo = queue.next("desk", "ana"), queue.next("desk", "bo")
    assert ana
    assert bo
    assert ana.item != bo.item
    again = queue.next("desk", "ana")
    assert again
    assert again.item == ana.item  # a page that is loaded anew loses nothing
    later = stamp(hours=1)
    taken = queue.next("desk", "cy", at=later)
    assert taken
    assert taken.item == ana.item
    with pytest.raises(Refused, match="somebody else's"):
        queue.decide(ana.seat, "ana", "accept", key=key())
    queue.decide(taken.seat, "cy", "accept", key=key())
    with pytest.raises(Refused, match="is decided"):
        queue.decide(taken.seat, "cy", "reject", key=key())


def test_an_item_of_the_double_share_is_for_two_people(tmp_path: Path) -> None:
    queue = queue_of(tmp_path, 1, double=1.0)
    first = queue.next("desk", "ana")
    assert first
    queue.decide(first.seat, "ana", "accept", key=key())
    assert queue.next("desk", "ana") is None
    second = queue.next("desk", "bo")
    assert second
    assert second.item == first.item
    queue.decide(second.seat, "bo", "correct", key=key(), output="parcel")
    assert reviewed(queue.traffic, "desk")[0].output is None  # disputed
    found = agreement(queue.traffic, "desk")
    assert found
    assert found.disputed == ("r000000",)


def test_the_same_key_is_the_same_decision(tmp_path: Path) -> None:
    queue = queue_of(tmp_path, 2, double=0.0)
    item = queue.next("desk", "ana")
    assert item
    once = queue.decide(item.seat, "ana", "correct", key="k" * 20, output="parcel", comment="by mail")
    assert queue.decide(item.seat, "ana", "correct", key="k" * 20, output="parcel") == once
    assert len(queue.decisions("desk")) == 1
    row = reviewed(queue.traffic, "desk")[0]
    assert (row.output, row.right, row.source) == ("parcel", False, "review:r000000")


def test_what_one_skips_goes_to_another_and_then_ends(tmp_path: Path) -> None:
    queue = queue_of(tmp_path, 1, double=0.0)
    for who in ("ana", "bo"):
        item = queue.next("desk", who)
        assert item
        queue.decide(item.seat, who, "skip", key=key())
        assert queue.next("desk", who) is None
    assert queue.left("desk") == 0
    assert reviewed(queue.traffic, "desk") == []


def test_wrong_use_is_said(tmp_path: Path) -> None:
    queue = queue_of(tmp_path, 1)
    item = queue.next("desk", "ana")
    assert item
    for verdict, output in (("correct", None), ("accept", "parcel"), ("maybe", None)):
        with pytest.raises(InputError):
            queue.decide(item.seat, "ana", verdict, key=key(), output=output)
    with pytest.raises(InputError, match="named person"):
        queue.next("desk", " ")
    with pytest.raises(InputError, match="key"):
        queue.decide(item.seat, "ana", "accept", key="1")


def test_quality_of_the_sample_is_that_of_the_traffic(tmp_path: Path) -> None:
    """A tenth is wrong; what looks uncertain is wrong more often, and only the sample is fair (the
    control)."""
    traffic = Traffic(tmp_path, Monitoring(keep="whole", reviewed=0.3, double=0.0))
    wrong = {f"r{n}" for n in range(0, 2_000, 10)}
    rows = [
        Served(
            f"r{n}",
            "desk",
            "desk@1",
            str(n),
            "b" if f"r{n}" in wrong else "a",
            0.5 if f"r{n}" in wrong else 0.9,
        )
        for n in range(2_000)
    ]
    traffic.log(*rows)
    queue = Queue(traffic)
    queue.add([(row, reasons_of(row)) for row in traffic.since()])
    for _ in range(DECIDED):
        item = queue.next("desk", "ana")
        assert item
        verdict, output = ("correct", "a") if item.request in wrong else ("accept", None)
        queue.decide(item.seat, "ana", verdict, key=key(), output=output)
    found = sampled_quality(traffic, "desk")
    assert found.low <= 0.9 <= found.high
    assert found.n == DECIDED
    assert found.high - found.low < 0.3


def review_until_done(home: Path, journal: Path, who: str) -> None:
    """A reviewer's page: notes what it will send, sends it, and sends it again after a crash."""
    queue = Queue(Traffic(home, Monitoring(keep="whole")))
    last = json.loads(journal.read_text().splitlines()[-1]) if journal.exists() else None
    while True:
        if last:
            queue.decide(last["seat"], who, "correct", key=last["key"], output=last["output"])
        item = queue.next("desk", who)
        if item is None:
            return
        last = {"seat": item.seat, "key": key(), "output": f"{who}:{item.seat}"}
        with journal.open("a", encoding="utf-8") as out:
            out.write(json.dumps(last) + "\n")
            out.flush()
            os.fsync(out.fileno())


def test_kills_neither_lose_nor_double_a_decision(tmp_path: Path) -> None:
    """Two reviewers at work are killed again and again. WHET_KILLS and WHET_DECISIONS: the long form."""
    queue = queue_of(tmp_path, ITEMS, double=0.1)
    with reading(queue.traffic.engine) as connection:
        seats = connection.execute(select(func.count()).select_from(SEATS)).scalar_one()
    queue.traffic.engine.dispose()
    context, rng = multiprocessing.get_context("fork"), random.Random(0)
    journals = {who: tmp_path / f"{who}.jsonl" for who in ("ana", "bo")}
    at_work = {who: _started(context, tmp_path, path, who) for who, path in journals.items()}
    for number in range(KILLS):
        who = ("ana", "bo")[number % 2]
        time.sleep(rng.uniform(0.02, 0.3))
        if at_work[who].is_alive():
            os.kill(at_work[who].pid, signal.SIGKILL)
        at_work[who].join()
        at_work[who] = _started(context, tmp_path, journals[who], who)
    for process in at_work.values():
        process.join()
        assert process.exitcode == 0
    for (
        who,
        path,
    ) in journals.items():  # one was killed after the other had nothing left: its seat is open again
        review_until_done(tmp_path, path, who)
    with reading(queue.traffic.engine) as connection:
        rows = connection.execute(select(DECISIONS)).all()
        states = set(connection.scalars(select(SEATS.c.state)))
    assert states == {"done"}
    assert len(rows) == len({row.seat for row in rows}) == seats
    sent: dict[str, Any] = {}
    for path in journals.values():
        sent |= {line["key"]: line for line in map(json.loads, path.read_text().splitlines())}
    assert all(sent[row.key]["seat"] == row.seat and sent[row.key]["output"] == row.output for row in rows)


def _started(context: multiprocessing.context.ForkContext, home: Path, path: Path, who: str) -> Any:
    process = context.Process(target=review_until_done, args=(home, path, who))
    process.start()
    return process


def test_a_complaint_that_comes_late_is_queued(tmp_path: Path) -> None:
    traffic = Traffic(tmp_path, Monitoring(keep="whole", reviewed=1e-9, double=0.0))
    now = datetime.now(UTC)
    traffic.log(
        *(
            Served(f"r{n}", "desk", "desk@1", f"text {n}", "refund", 0.99, time=stamp(now, hours=-3))
            for n in range(3)
        )
    )
    queue, since = Queue(traffic), stamp(now, hours=-1)
    assert queue.offer("desk@1", stamp(now, hours=-4), since) == 0
    assert queue.complained("desk@1", since) == 0
    traffic.feedback("r1", 0.0, "wrong")
    assert [queue.complained("desk@1", since) for _ in range(2)] == [1, 0]
    assert queue.complained("desk@1", stamp(now, hours=1)) == 0, "what was told before was offered before"
