"""Training again: reasons that are told, merged rows that leak nothing, and a candidate that waits for a
person."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import tickets
from tests.releases import LOST, approved
from whet.errors import InputError
from whet.monitor.reasons import proposals, propose, reasons
from whet.monitor.retrain import merged, retrain
from whet.monitor.review import Queue
from whet.monitor.subject import Subject, subject_of
from whet.monitor.tables import stamp
from whet.monitor.traffic import Served
from whet.pipeline import run_task
from whet.release.registry import Registry
from whet.store import read_jsonl, write_jsonl, write_text

pytestmark = pytest.mark.skipif(not os.environ.get("WHET_LONG"), reason="long: WHET_LONG=1 asks for it")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    """A live release of a desk that knows three queues, and the store it is in."""
    folder = tmp_path_factory.mktemp("desk")
    lines = [json.dumps({"text": text, "label": label}) for text, label in tickets(60)]
    write_text(folder / "tickets.jsonl", "\n".join(lines) + "\n")
    write_text(folder / "policy.md", "Where is my parcel: parcel.\n")
    task = "task: desk\nexamples: tickets.jsonl\nfields: {input: text, output: label}\nrungs: [floor, head]\n"
    write_text(
        folder / "task.yaml", task + "monitor: {keep: whole, double: 0, corrections: 30, policy: policy.md}\n"
    )
    run = run_task(folder / "task.yaml", folder / "run").folder
    registry = Registry(folder / "store")
    approved(registry, run, "head", name="desk")
    return subject_of(folder / "store", "desk")


def decide(subject: Subject, rows: list[tuple[str, str]], first: int = 0) -> None:
    """Requests that were answered 'parcel', and what a person said of them."""
    served = [
        Served(f"q{first + n}", "desk", subject.release.id, text, "parcel", 0.3)
        for n, (text, _) in enumerate(rows)
    ]
    subject.traffic.log(*served)
    queue = Queue(subject.traffic)
    queue.add([(row, ["uncertain"]) for row in subject.traffic.rows([one.id for one in served])])
    truth = dict(rows)
    while item := queue.next("desk", "bo"):
        right = truth[item.input]
        verdict, output = ("accept", None) if right == "parcel" else ("correct", right)
        queue.decide(item.seat, "bo", verdict, key=uuid.uuid4().hex, output=output)


def test_the_circle_of_a_retraining(desk: Subject, tmp_path: Path) -> None:
    """In one test, for a run takes seconds: nothing speaks for it, then reasons do, once; the new one is
    shown to be better on rows that neither learned from, and waits for a person."""
    assert reasons(desk) == []
    assert propose(desk) is None
    with pytest.raises(InputError, match="nothing was reviewed"):
        merged(desk, tmp_path)
    desk.watch()  # remembers nothing yet: a reference is not there
    decide(desk, [(text, "card") for text in LOST])
    found = reasons(desk)
    assert [one.kind for one in found] == ["corrections", "labels"]
    assert "card" in found[1].said
    proposal = propose(desk)
    assert proposal
    assert propose(desk) is None  # an event proposes once
    by_itself = desk.task.monitor.model_copy(update={"promote": "gate"})
    eager = replace(desk, task=desk.task.model_copy(update={"monitor": by_itself}))
    done = retrain(eager, tmp_path / "again", by="cy")
    data = tmp_path / "again-data"
    train, test = (
        {row["input"] for row in read_jsonl(data / name)} for name in ("examples.jsonl", "test.jsonl")
    )
    before = read_jsonl(desk.run / "01-examples.jsonl")
    assert not train & test
    assert {row["input"] for row in before if row["side"] == "test"} <= test
    assert 10 < sum(text in test for text in LOST) < 25
    assert done.compared.new
    assert done.compared.new.difference.value >= 0.8
    assert done.compared.kinds == ("card",)
    assert done.compared.promotes, done.said
    assert not done.compared.surely  # of some forty rows that it knew, nobody can be sure of two points
    assert done.candidate
    assert done.candidate.state == "candidate"  # so never by itself, whatever the task says
    assert done.candidate.name == "desk"
    assert proposals(desk)[0].state == "candidate"
    registry = Registry(desk.home)
    assert registry.servable("desk").id == desk.release.id
    answers = Registry(desk.home).load_trial(registry.trial(done.run, done.rung, host="127.0.0.1"))
    assert [a.output for a in answers.predict(["my card number 77 was stolen"])] == ["card"]


def test_one_that_learns_the_new_and_forgets_the_old_is_refused(desk: Subject, tmp_path: Path) -> None:
    """The control: among what it trains on, half of the refunds are called logins by now."""
    run = Path(shutil.copytree(desk.run, tmp_path / "spoilt"))
    rows = read_jsonl(run / "01-examples.jsonl")
    for number, row in enumerate(rows):
        if row["side"] != "test" and row["output"] == "refund" and number % 4:
            row["output"] = "login"
    write_jsonl(run / "01-examples.jsonl", rows)
    done = retrain(replace(desk, run=run), tmp_path / "again", by="cy")
    assert done.compared.new
    assert done.compared.new.promotes  # it has learned what is new
    assert not done.passed
    assert done.candidate is None
    assert "worse on what it knew" in done.said


def test_a_worse_one_is_not_put_forward(desk: Subject, tmp_path: Path) -> None:
    """The control: a person who decides at random teaches nothing, and the live release stays."""
    worse = replace(desk, task=desk.task.model_copy(update={"rungs": ["floor"]}))
    decide(desk, [(f"where is the shipment {n}", "parcel") for n in range(30)], 500)
    done = retrain(worse, tmp_path / "worse", by="cy")
    assert not done.passed
    assert done.candidate is None


def test_age_and_a_changed_policy_document_are_reasons(desk: Subject) -> None:
    assert [one.kind for one in reasons(desk, stamp(days=400)) if one.kind == "age"] == ["age"]
    assert "age" not in [one.kind for one in reasons(desk)]
    from sqlalchemy import insert

    from whet.database import writing
    from whet.monitor.tables import WATCHES

    with writing(desk.traffic.engine) as connection:
        about = {"release": desk.release.id, "task": "desk", "policy": desk.policy}
        connection.execute(insert(WATCHES).values(**about, first=stamp(), last=stamp(), looked=stamp()))
    assert "policy" not in [one.kind for one in reasons(desk)]
    write_text(desk.folder / "policy.md", "Where is my parcel: shipping.\n")
    assert "policy" in [one.kind for one in reasons(desk)]
