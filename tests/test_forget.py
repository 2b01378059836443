"""Forgetting a person: nothing of the store, the runs and their caches has the person any more; the rest
stays."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.conftest import Whet, tickets
from tests.releases import copy_of
from whet.config_monitor import Monitoring
from whet.errors import InputError
from whet.monitor.forget import forget
from whet.monitor.review import Queue
from whet.monitor.reviewed import reviewed
from whet.monitor.traffic import Served, Traffic
from whet.pipeline import run_task
from whet.release.registry import Registry
from whet.release.verify import entries

PERSON = "ana.lopez@acme.org"


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in whose examples the person stands four times."""
    folder = tmp_path_factory.mktemp("forget")
    rows = [(f"{PERSON} asks: {t}" if n % 45 == 0 else t, label) for n, (t, label) in enumerate(tickets(60))]
    with (folder / "tickets.csv").open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows([("text", "label"), *rows])
    (folder / "task.yaml").write_text(
        "task: desk\nexamples: tickets.csv\nfields: {input: text, output: label}\nrungs: [floor, retrieve]\n",
        encoding="utf-8",
    )
    return run_task(folder / "task.yaml", folder / "runs" / "desk").folder


@pytest.fixture
def run(whole_run: Path, tmp_path: Path) -> Path:
    return copy_of(whole_run, tmp_path / "runs" / "desk")


def log(home: Path, keeping: Monitoring) -> Traffic:
    traffic = Traffic(home, keeping)
    traffic.log(
        Served("r1", "desk", "desk@1", f"write to {PERSON}", "refund", 0.4),
        Served("r2", "desk", "desk@1", "where is it", "parcel", 0.4, person=PERSON.upper()),
        Served("r3", "desk", "desk@1", "another one", "parcel", 0.4),
    )
    queue = Queue(traffic)
    queue.add([(row, ["uncertain"]) for row in traffic.since()])
    for number in range(3):
        item = queue.next("desk", "bo")
        assert item
        queue.decide(item.seat, "bo", "accept", key=f"key-{number:04}", comment=f"asked {PERSON}")
    return traffic


def holding(folder: Path, value: str) -> set[str]:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)) for path in paths if value.encode() in path.read_bytes()}


def test_a_person_is_gone_from_everywhere_but_what_is_bound_by_digests(run: Path, tmp_path: Path) -> None:
    home = tmp_path / "store"
    release = Registry(home).add(run, "floor", trained_by="cy")
    traffic = log(home, Monitoring(keep="whole", double=0.0, reviewed=0.5))
    assert holding(run, PERSON)  # the control: it is there to be found
    assert holding(home, PERSON)
    pretended = forget(home, PERSON, [run.parent], by="dee", pretend=True)
    assert holding(home, PERSON)
    done = forget(home, PERSON, [run.parent], by="dee")
    assert pretended.counts() == done.counts()
    assert done.trained == (release.id,)
    rungs = {path for path in holding(run, PERSON) if path.startswith("04-rungs")}
    assert holding(run, PERSON) == rungs
    assert {str(run / path) for path in rungs} <= set(done.holding)
    assert {str(home / path) for path in holding(home, PERSON)} <= set(done.holding)
    assert not holding(home, PERSON) - {
        path for path in holding(home, PERSON) if path.startswith("releases/")
    }
    assert [row.id for row in traffic.since()] == ["r3"]
    assert [row.request for row in reviewed(traffic, "desk")] == ["r3"]
    rows = [json.loads(line) for line in (run / "01-examples.jsonl").read_text().splitlines()]
    assert len(rows) > 150  # the others stay


def test_the_log_says_that_it_happened_and_not_of_whom(run: Path, tmp_path: Path) -> None:
    home = tmp_path / "store"
    log(home, Monitoring())
    forget(home, PERSON, [run], by="dee")
    entry = list(entries(home))[-1]
    assert (entry.event, entry.who) == ("person.forgotten", "dee")
    assert PERSON not in json.dumps(entry.fields)
    assert entry.fields["requests"] == 2


def test_a_stand_in_is_found_by_the_value_it_stands_for(tmp_path: Path) -> None:
    traffic = log(tmp_path, Monitoring(keep="redacted"))
    assert not holding(tmp_path, PERSON)
    assert forget(tmp_path, PERSON, [], by="dee").requests == 2
    assert [row.id for row in traffic.since()] == ["r3"]


def test_too_short_a_value_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="by chance"):
        forget(tmp_path, "al", [], by="dee")
    with pytest.raises(InputError, match="nobody"):
        forget(tmp_path, PERSON, [], by=" ")


def test_the_command_says_what_still_has_to_be_done(run: Path, tmp_path: Path, whet: Whet) -> None:
    home = tmp_path / "store"
    Registry(home).add(run, "retrieve", trained_by="cy")
    done = whet("forget", PERSON, "--by", "dee", "--runs", run.parent, "--store", home)
    assert done.returncode == 1, done.stderr
    assert "learned from the person: desk@1" in done.stdout


@pytest.mark.parametrize("name", ["Élise Martin", "Łukasz Ön", "E\u0301lise Martin"])
def test_names_of_any_alphabet_are_found_in_any_case(name: str, tmp_path: Path) -> None:
    traffic = Traffic(tmp_path, Monitoring(keep="whole"))
    said = ("Élise Martin", "ŁUKASZ ÖN", "Elise Martin")
    traffic.log(
        *(Served(f"r{n}", "desk", "desk@1", f"this is {one}", "refund", 0.4) for n, one in enumerate(said))
    )
    done = forget(tmp_path, name, [], by="Ana")
    assert done.requests == 1
    assert traffic.count() == 2
