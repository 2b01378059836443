"""Through the front door, with a served model: agreement between samples, and a judge beside a person."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Whet
from tests.standin import StandIn
from tests.test_run_writing import served, task_in, texts
from whet.trust.confidence import confidence
from whet.trust.context import Asked, Take
from whet.trust.evidence import evidence as taken
from whet.trust.measures import Figure, Measure, from_json
from whet.trust.overfitting import overfitting
from whet.trust.quality import quality

QUICK = {"skip": ["accurate", "consistent", "relevant", "representative", "well labelled"]}
HARD = "odd: "


@pytest.fixture(scope="module")
def server() -> Iterator[StandIn]:
    running = StandIn()
    yield running
    running.close()


def measure(told: dict[str, Any], name: str) -> Measure:
    return from_json(next(one for one in told["measures"] if one["name"] == name))


def figure(found: Measure, name: str) -> Figure:
    one = found.figure(name)
    assert one is not None, found
    return one


# A third of the questions is odd: the model has their answers wrong, and no probabilities tell.


@pytest.fixture(scope="module")
def unsure(server: StandIn, tmp_path_factory: pytest.TempPathFactory, whet: Whet) -> Path:
    folder = tmp_path_factory.mktemp("unsure")
    asked = [HARD * (at % 3 == 0) + text for at, text in enumerate(texts(170))]
    rows = [(text, "nobody knows" if text.startswith(HARD) else f"answer to {text}") for text in asked]
    server.script(refuses=["logprobs"])
    more: dict[str, Any] = {"rungs": ["floor", "prompt"], "check": QUICK, "split": {"test": 0.4, "dev": 0.4}}
    task = task_in(folder, rows, models=[served(server, usd_per_million={"in": 1.0, "out": 2.0})], **more)
    done = whet("run", task, "--out", folder / "run")
    assert done.returncode == 0, done.stderr
    return folder / "run"


def evidence(run: Path, *takes: Take, **asked: Any) -> dict[str, Any]:
    """The page of these measures alone: the others would ask the server for minutes."""
    found = taken(run, rung="prompt", asked=Asked(**asked), outside=True, takes=takes).found
    return dict(json.loads(json.dumps(found)))


def drawn(server: StandIn) -> int:
    """Answers that were asked for at a temperature."""
    return sum(bool(body.get("temperature")) for body in server.seen()["bodies"])


def test_nothing_is_drawn_that_was_not_asked_for(server: StandIn, unsure: Path, whet: Whet) -> None:
    server.script(refuses=["logprobs"])
    found = measure(evidence(unsure, confidence), "confidence")
    assert found.standing == "not shown"
    assert "--samples 5 asks five more answers" in found.why
    assert drawn(server) == 0
    done = whet("evidence", unsure, "--temperature", "0.5")
    assert done.returncode == 2
    assert "no effect without --samples" in done.stderr


def test_samples_that_disagree_tell_what_is_wrong(server: StandIn, unsure: Path) -> None:
    """And the control: a model that says its wrong answers again and again agrees with itself for nothing."""
    server.script(refuses=["logprobs"], wavers={HARD: 0.9})
    found = measure(evidence(unsure, confidence, samples=6, precision=0.8), "confidence")
    asked = figure(found, "samples").value
    assert asked % 6 == 0
    assert asked <= drawn(server) <= asked + 4  # the first four at once learn that there are no probabilities
    before = drawn(server)
    assert f"{asked:,.0f} more answers" in found.said
    assert "US dollars" in found.said
    assert "; 0 % are right where fewer of them agree" in found.said
    assert figure(found, "agreement_ece").value < 0.12
    assert figure(found, "agreement_ece_scaled").value <= 0.05
    assert found.figure("ece") is None  # what it states when it is served is no confidence still
    evidence(unsure, confidence, samples=6, precision=0.8)
    assert drawn(server) == before, "what was drawn is kept"
    server.script(refuses=["logprobs"])
    sure = measure(evidence(unsure, confidence, samples=6, precision=0.8, temperature=0.9), "confidence")
    assert figure(sure, "agreement_ece").value > 0.2
    assert figure(sure, "agreement_coverage").value == 0 < figure(found, "agreement_coverage").value


def test_a_server_that_takes_no_temperature_cannot_be_sampled(server: StandIn, unsure: Path) -> None:
    server.script(refuses=["logprobs", "temperature"])
    found = measure(evidence(unsure, confidence, samples=3, temperature=0.8), "confidence")
    assert found.standing == "not shown"
    assert "takes no temperature" in found.why


# A judge scores; a person labels a sample of what it has judged.

Says = Callable[[str, int], str]


@pytest.fixture(scope="module")
def judged(server: StandIn, tmp_path_factory: pytest.TempPathFactory, whet: Whet) -> Path:
    """A run whose replies are judged to be good where they say please."""
    folder = tmp_path_factory.mktemp("judged")
    server.script(judges="please")
    asked = ["please, " * (at % 2) + text for at, text in enumerate(texts(80))]
    people = [(text, f"answer to {text}", "good" if "please" in text else "bad") for text in asked[:40]]
    with (folder / "people.csv").open("w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows([("input", "output", "level"), *people])
    judge = {"score": "judge", "rubric": "It is polite.", "model": served(server), "labelled": "people.csv"}
    more: dict[str, Any] = {"rungs": ["floor", "prompt"], "check": QUICK, "metric": judge}
    more["split"] = {"test": 0.5}
    rows = [(text, f"answer to {text}") for text in asked]
    done = whet("run", task_in(folder, rows, models=[served(server)], **more), "--out", folder / "run")
    assert done.returncode == 0, done.stderr
    return folder / "run"


def reviewed(whet: Whet, run: Path, file: Path, says: Says) -> dict[str, Any]:
    """A person's file, out and back: the level by ``says`` of output and row number."""
    whet("review", run, "--rung", "prompt", "--sample", 40, "--out", file)
    with file.open(newline="", encoding="utf-8-sig") as source:
        rows = list(csv.DictReader(source))
    filled = [{**row, "decision": "accept", "level": says(row["output"], at)} for at, row in enumerate(rows)]
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, rows[0])
        writer.writeheader()
        writer.writerows(filled)
    done = whet("review", run, "--rung", "prompt", "--take", file, "--by", "Ana Lima")
    assert done.returncode == 0, done.stderr
    return evidence(run, quality, overfitting)


@pytest.mark.parametrize("agrees", [True, False])
def test_the_kappa_of_judge_and_reviewer_stands_beside_what_was_judged(
    server: StandIn, judged: Path, tmp_path: Path, whet: Whet, agrees: bool
) -> None:
    """The control is a judge whose levels have nothing to do with what the person says."""
    server.script(judges="please")
    before = figure(measure(evidence(judged, quality), "quality"), "right") if agrees else None
    if before is not None:
        assert "agrees with people with kappa 1.00" in before.judge
        assert "Nobody has labelled this specialist's own outputs yet" in before.judge

    def says(output: str, at: int) -> str:
        polite = "please" in output if agrees and at else at % 2 == 0
        return "good" if polite else "bad"

    told = reviewed(whet, judged, tmp_path / "review.csv", says)
    found = measure(told, "quality")
    kappa, right = figure(found, "judge_kappa"), figure(found, "right")
    said = f"labelled by Ana Lima: kappa {kappa.value:.2f} (95 % interval {kappa.low:.2f} to {kappa.high:.2f}"
    assert said in right.judge
    assert (kappa.low > 0.6) if agrees else (kappa.low < 0.2), kappa
    page = next(judged.glob("08-evidence*.html")).read_text(encoding="utf-8")
    assert page.count(said) == sum(said in f["judge"] for one in told["measures"] for f in one["figures"]) > 3
    rules = tmp_path / "gate.yaml"
    rules.write_text("gate:\n  quality.judge_kappa: {at_least: 0.4, surely: true}\n", encoding="utf-8")
    lines = json.loads(whet("gate", judged, "--rung", "prompt", "--policy", rules, "--json").stdout)["lines"]
    line = next(one for one in lines if one["name"] == "quality.judge_kappa")
    assert (line["state"] == "passed") is agrees
