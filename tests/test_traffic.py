"""Traffic: what is written is redacted, kept as long as the task says, and found; nothing counts twice."""

from __future__ import annotations

import multiprocessing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import insert

from whet.config_monitor import Monitoring
from whet.database import writing
from whet.errors import InputError
from whet.monitor.private import mark_of, redactor, secret_of
from whet.monitor.tables import WATCHES, stamp
from whet.monitor.traffic import Served, Traffic

MAIL = "please write to ana.lopez@acme.org about order 7"


def served(number: int = 0, **values: object) -> Served:
    given: dict[str, object] = {"input": f"text {number}", "output": "refund", "confidence": 0.5}
    return Served(id=f"r{number}", task="desk", release="desk-1", **{**given, **values})  # type: ignore[arg-type]


def test_what_is_personal_is_not_written(tmp_path: Path) -> None:
    """Not in the row, and nowhere in the store's files; the control keeps it whole and is found."""
    one = served(input=MAIL, person="ana.lopez@acme.org")
    for keep, found in (("redacted", False), ("whole", True)):
        home = tmp_path / keep
        Traffic(home, Monitoring(keep=keep)).log(one)  # type: ignore[arg-type]
        written = b"".join(path.read_bytes() for path in home.iterdir())
        assert (b"ana.lopez@acme.org" in written) is found
    row = next(Traffic(tmp_path / "redacted").since())
    assert "about order 7" in row.input
    assert "redacted.example.com" in row.input


def test_the_same_value_has_the_same_stand_in_in_every_process_of_a_store(tmp_path: Path) -> None:
    first, second = (redactor(tmp_path)([MAIL])[0] for _ in range(2))
    assert first == second != redactor(tmp_path / "other")([MAIL])[0]
    assert (tmp_path / "stand-ins.key").stat().st_mode & 0o077 == 0
    assert mark_of(tmp_path, " Ana  Lopez") == mark_of(tmp_path, "ana lopez")


def test_figures_alone_can_be_kept(tmp_path: Path) -> None:
    traffic = Traffic(tmp_path, Monitoring(keep="figures"))
    traffic.log(served(input=MAIL, embedding=np.ones(4) / 2))
    row = next(traffic.since())
    assert (row.input, row.output, row.label, row.confidence) == ("", "", "refund", 0.5)
    assert traffic.columns().figures["chars_in"].tolist() == [len(MAIL)]
    assert len(traffic.vectors()) == 0


def test_rows_come_back_in_the_order_of_time_and_by_release(tmp_path: Path) -> None:
    traffic = Traffic(tmp_path)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [served(n, time=stamp(start, hours=n % 7), embedding=np.eye(3)[n % 3]) for n in range(40)]
    traffic.log(*rows)
    traffic.log(Served("other", "desk", "desk-2", "x", "y", time=stamp(start, days=2)))
    times = [row.time for row in traffic.since()]
    assert times == sorted(times)
    assert [row.id for row in traffic.since(stamp(start, days=1))] == ["other"]
    assert traffic.count(release="desk-1") == 40
    columns = traffic.columns(release="desk-1", until=stamp(start, hours=1))
    assert set(columns.hours) == {start.timestamp() / 3600}
    vectors = traffic.vectors(release="desk-1")
    assert vectors.rows[vectors.ids.index("r4")].tolist() == [0, 1, 0]
    assert [row.id for row in traffic.rows(["r9", "gone", "r3"])] == ["r9", "r3"]


def test_pages_lose_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whet.monitor.traffic.AT_ONCE", 7)
    traffic = Traffic(tmp_path)
    now = stamp()
    traffic.log(*(served(n, time=now) for n in range(23)))  # all at the same moment
    assert sorted(row.id for row in traffic.since()) == sorted(f"r{n}" for n in range(23))


def test_a_request_that_is_logged_again_counts_once(tmp_path: Path) -> None:
    traffic = Traffic(tmp_path)
    traffic.log(served(1), served(1))
    traffic.log(served(1), served(2))
    assert traffic.count() == 2


def test_feedback_and_labels_come_later(tmp_path: Path) -> None:
    traffic = Traffic(tmp_path)
    traffic.log(served(1), served(2, shadow="desk-2", shadow_output="parcel"))
    traffic.feedback("r1", 0.0, "wrong, call ana.lopez@acme.org")
    traffic.truth("r1", "parcel")
    row = traffic.rows(["r1"])[0]
    assert (row.feedback, row.truth) == (0.0, "parcel")
    columns = traffic.columns()
    assert columns.truths == ["parcel", ""]
    assert np.isnan(columns.shadowed[0])
    assert columns.shadowed[1] == 1.0
    with pytest.raises(InputError, match="no such request"):
        traffic.feedback("r9", 1.0)
    with pytest.raises(InputError, match="from 0"):
        traffic.feedback("r1", 5)


def test_rows_are_forgotten_when_their_days_are_over(tmp_path: Path) -> None:
    traffic = Traffic(tmp_path, Monitoring(days=30))
    now = datetime.now(UTC)
    traffic.log(*(served(n, time=stamp(now - timedelta(days=n * 10))) for n in range(6)))
    assert traffic.prune() == 3  # those of 30, 40 and 50 days ago
    assert {row.id for row in traffic.since()} == {"r0", "r1", "r2"}


def test_of_a_reference_the_figures_stay(tmp_path: Path) -> None:
    """Later hours are held against it for as long as the release lives; what was said goes all the same."""
    traffic = Traffic(tmp_path, Monitoring(days=30, keep="whole"))
    now = datetime.now(UTC)
    given = {"person": "ana", "embedding": np.ones(3)}
    traffic.log(*(served(n, time=stamp(now - timedelta(days=n * 10)), **given) for n in range(6)))
    span = {"first": stamp(now - timedelta(days=45)), "last": stamp(now - timedelta(days=35))}
    with writing(traffic.engine) as connection:
        connection.execute(insert(WATCHES).values(release="desk-1", task="desk", looked=stamp(now), **span))
    assert traffic.prune() == 3
    assert {row.id for row in traffic.since()} == {"r0", "r1", "r2", "r4"}
    kept = traffic.rows(["r4"])[0]
    assert kept.confidence == 0.5
    assert not kept.input
    assert not kept.output
    assert traffic.columns().figures["confidence"].tolist() == [0.5] * 4
    assert len(traffic.vectors().ids) == 3
    assert traffic.prune() == 0, "what is blank already is not counted again"


def _log_some(home: Path, first: int) -> None:
    traffic = Traffic(home)
    for n in range(first, first + 20):
        traffic.log(served(n, input=MAIL))


def test_several_servers_write_into_one_store(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_log_some, args=(tmp_path, n * 20)) for n in range(2)]
    for process in writers:
        process.start()
    for process in writers:
        process.join()
        assert process.exitcode == 0
    assert len({row.input for row in Traffic(tmp_path).since()}) == 1
    assert Traffic(tmp_path).count() == 40
    assert len(secret_of(tmp_path)) == 32
