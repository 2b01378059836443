"""The whole circle with real parts: serve, traffic, drift, review, retrain, gate, approve, serve again.

The new release answers what the old one could not; the audit log tells it in order and verifies.
"""

from __future__ import annotations

import json
import random
import uuid
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Whet, tickets
from tests.releases import APPROVER, LOST, approved
from tests.serving import serving
from whet.monitor.gated import gated
from whet.monitor.reasons import propose, reasons
from whet.monitor.retrain import retrain
from whet.monitor.review import Queue
from whet.monitor.subject import subject_of
from whet.monitor.tables import stamp
from whet.monitor.traffic import Served
from whet.pipeline import run_task
from whet.release.registry import Registry
from whet.release.verify import entries, verify
from whet.store import write_text

POLICY = """\
gate:
  quality.right: {at_least: 0.7}
  # of some sixty held-out rows, all of them right, none can be measured
  confidence.ece: {needed: false}
  slices.worst_gap: {needed: false}
  robustness.obeyed: {needed: false}
  robustness.fall: {needed: false}
"""


@pytest.mark.long
def test_the_circle(tmp_path: Path, whet: Whet) -> None:
    store = tmp_path / "store"
    run = desk(tmp_path)
    registry = Registry(store)
    live = approved(registry, run, "head", name="desk")
    subject = subject_of(store, "desk")

    # It serves: real requests, a day of them before and some hours of a new kind after.
    with serving("desk", "--store", store) as server:
        client = server.client()
        answer = client.chat.completions.create(
            model="desk", messages=[{"role": "user", "content": "my bank card was lost today"}], user="c-17"
        )
    assert answer.choices[0].message.content in {"parcel", "refund", "login"}
    row = next(iter(subject.traffic.since()))
    assert (row.release, row.input) == (live.id, "my bank card was lost today")
    replay(subject, hours=-32, many=24, new=0.0)
    watch = subject.watch()
    assert watch.once(stamp(hours=-8)).alarm is None
    replay(subject, hours=-8, many=8, new=0.3)

    # It is noticed, and people decide.
    done = watch.once(stamp())
    assert done.alarm
    assert done.alarm.kind in {"new label", "retrain"}
    queue, decided = Queue(subject.traffic), 0
    while decided < 60 and (item := queue.next("desk", "bo")):
        label = next(
            (name for name, words in KINDS.items() if any(w in item.input for w in words)), item.output
        )
        verdict, output = ("accept", None) if label == item.output else ("correct", label)
        queue.decide(item.seat, "bo", verdict, key=uuid.uuid4().hex, output=output)
        decided += 1

    # It is trained again, has to pass the gate, and waits for a person.
    assert {"alarm", "labels"} <= {one.kind for one in reasons(subject)}
    assert propose(subject)
    again = retrain(subject, tmp_path / "again", by="Tom Trainer", gate=gated(store))
    assert again.passed, again.said
    assert again.compared.kinds == ("card",)
    assert again.candidate
    assert registry.servable("desk").id == live.id
    assert whet("approve", again.candidate.id, "--by", APPROVER, "--store", store).returncode == 0
    assert whet("live", again.candidate.id, "--by", APPROVER, "--store", store).returncode == 0

    # The new release answers, and the log tells it in order.
    with serving("desk", "--store", store) as server:
        client = server.client()
        answer = client.chat.completions.create(
            model="desk", messages=[{"role": "user", "content": "my bank card was lost today"}]
        )
    assert answer.choices[0].message.content == "card"
    events = [entry.event for entry in entries(store)]
    told = ["release.added", "release.approved", "release.live"]
    assert events == [*told, told[0], "retraining.ended", *told[1:]]
    assert verify(store).ok


KINDS = {
    "card": ("bank card", "debit card", "visa card"),
    "parcel": ("parcel", "delivery", "package", "order", "shipment"),
    "refund": ("refund", "money back", "repayment", "reimbursement", "credit note"),
    "login": ("password", "login", "account access", "signing in", "two-step"),
}


def desk(folder: Path) -> Path:
    rows = [json.dumps({"text": text, "label": label}) for text, label in tickets(60)]
    write_text(folder / "tickets.jsonl", "\n".join(rows) + "\n")
    write_text(
        folder / "task.yaml",
        "task: desk\nexamples: tickets.jsonl\nfields: {input: text, output: label}\nrungs: [floor, head]\n"
        "monitor: {keep: whole, double: 0, corrections: 1000}\n",
    )
    (folder / "store").mkdir()
    write_text(folder / "store" / "policy.yaml", POLICY)
    return run_task(folder / "task.yaml", folder / "run").folder


def replay(subject: object, hours: int, many: int, new: float) -> None:
    """Requests of some hours, fifty each, answered by the live specialist."""
    _, head = Registry(subject.home).load(subject.release.id)  # type: ignore[attr-defined]
    rng, rows = random.Random(hours), [text for text, _ in tickets(400, seed=1)]
    texts = [rng.choice(LOST) if rng.random() < new else rng.choice(rows) for _ in range(50 * many)]
    answers, vectors = head.predict(texts), head.encoder.encode(texts).vectors  # type: ignore[attr-defined]
    subject.traffic.log(  # type: ignore[attr-defined]
        *(
            Served(
                *(f"t{hours}-{n}", "desk", subject.release.id, text, str(answer.output)),  # type: ignore[attr-defined]
                confidence=answer.confidence,
                embedding=np.asarray(vectors[n]),
                time=stamp(hours=hours + n / 50),
            )
            for n, (text, answer) in enumerate(zip(texts, answers, strict=True))
        )
    )
