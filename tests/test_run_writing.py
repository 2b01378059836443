"""The ladder for replies and values, through the front door: a served model, and the encoder."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import Whet
from tests.standin import MODEL, StandIn

THINGS = ("parcel", "refund", "invoice", "login", "voucher", "address", "gift card", "order")
ACTS = ("cancel", "change", "track", "return", "find", "pay for", "repair", "complain about")


@pytest.fixture(scope="module")
def server() -> Iterator[StandIn]:
    running = StandIn()
    yield running
    running.close()


def texts(n: int) -> list[str]:
    """Different questions of a few words each, near to each other by little."""
    rng = random.Random(0)
    pairs = [(act, thing) for act in ACTS for thing in THINGS]
    names = [f"{rng.choice('BCDFGKLMNPRST')}{rng.choice(['ar', 'el', 'in', 'om'])}{k}" for k in range(n)]
    return [f"{name} wants to {a} a {t}" for name, (a, t) in zip(names, pairs * n, strict=False)]


def task_in(folder: Path, rows: list[tuple[str, str]], **keys: Any) -> Path:
    lines = [json.dumps({"ask": ask, "reply": reply}) for ask, reply in rows]
    (folder / "rows.jsonl").write_text("\n".join(lines), encoding="utf-8")
    fields = {"input": "ask", "output": "reply"}
    task = {"task": "replies", "kind": "write", "examples": "rows.jsonl", "fields": fields, **keys}
    (folder / "task.yaml").write_text(yaml.safe_dump({"split": {"test": 0.4}, **task}), encoding="utf-8")
    return folder / "task.yaml"


def served(server: StandIn, **more: Any) -> dict[str, Any]:
    return {"endpoint": server.url, "model": MODEL, "concurrency": 4, **more}


def verdict(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "06-verdict.json").read_text(encoding="utf-8"))
    return found


def test_a_served_model_that_writes_the_approved_replies_is_enough(
    server: StandIn, tmp_path: Path, whet: Whet
) -> None:
    server.script()
    rows = [(text, f"answer to {text}") for text in texts(48)]
    task = task_in(
        tmp_path, rows, models=[served(server, usd_per_million={"in": 1.0, "out": 2.0})], monthly_volume=5000
    )
    done = whet("run", task, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert "a month: floor $0.00, prompt $0.1" in done.stdout
    found = verdict(tmp_path / "run")
    names = [rung["name"] for rung in found["rungs"]]
    assert names == ["floor", "prompt", "prompt+", "fewshot", "template", "retrieve"]
    assert found["winner"] == "prompt"
    prompt = next(rung for rung in found["rungs"] if rung["name"] == "prompt")
    assert prompt["value"] == 1.0
    assert prompt["usd_per_1k"] == pytest.approx(0.02, rel=0.1)  # 10 tokens in and 5 out a call, and waiting
    page = (tmp_path / "run" / "07-report.html").read_text(encoding="utf-8")
    assert MODEL in page
    assert "Label by label" not in page


def test_a_saved_specialist_asks_the_same_model_again(server: StandIn, tmp_path: Path, whet: Whet) -> None:
    server.script()
    rows = [(text, f"answer to {text}") for text in texts(40)]
    task = task_in(tmp_path, rows, models=[served(server)], rungs=["floor", "prompt"])
    assert whet("run", task, "--out", tmp_path / "run").returncode == 0
    said = whet("try", tmp_path / "run" / "04-rungs" / "prompt", "where is it?")
    assert "answer to where is it?" in said.stdout, said.stderr


def test_inputs_that_are_not_answered_are_wrong_and_the_verdict_says_so(
    server: StandIn, tmp_path: Path, whet: Whet
) -> None:
    rows = [(text, f"answer to {text}") for text in texts(48)]
    server.script({text: ["filter"] * 9 for text, _ in rows[::3]})
    task = task_in(tmp_path, rows, models=[served(server)], rungs=["floor", "prompt"])
    assert whet("run", task, "--out", tmp_path / "run").returncode == 0
    found = verdict(tmp_path / "run")
    prompt = next(rung for rung in found["rungs"] if rung["name"] == "prompt")
    _, *scores = (
        json.loads(line) for line in (tmp_path / "run" / "05-scores.jsonl").read_text().splitlines()
    )
    failed = [row for row in scores if "failed" in row["rungs"]["prompt"]]
    assert 0 < len(failed) < len(scores)
    assert prompt["value"] == pytest.approx(1 - len(failed) / len(scores))
    assert any(
        f"prompt: {len(failed)} of {len(scores)} test inputs were not" in note for note in found["notes"]
    )


def test_replies_that_repeat_are_chosen_without_a_model_that_writes(tmp_path: Path, whet: Whet) -> None:
    rows = [(text, f"Please see our page on {text.rsplit(' a ')[1]}s.") for text in texts(96)]
    task = task_in(tmp_path, rows, tune={"methods": ["lora"], "epochs": 1})
    done = whet("run", task, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    found = verdict(tmp_path / "run")
    names = [rung["name"] for rung in found["rungs"]]
    assert {"floor", "prompt", "retrieve", "head"} <= set(names)
    head = next(rung for rung in found["rungs"] if rung["name"] == "head")
    assert head["value"] > 0.9


def test_values_are_extracted_and_compared_as_values(server: StandIn, tmp_path: Path, whet: Whet) -> None:
    server.script()
    rows = [(text, json.dumps({"name": text})) for text in texts(40)]
    task = task_in(
        tmp_path, rows, kind="extract", models=[served(server)], rungs=["floor", "prompt", "template"]
    )
    done = whet("run", task, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    values = {rung["name"]: rung["value"] for rung in verdict(tmp_path / "run")["rungs"]}
    assert values == {"floor": 0.0, "prompt": 0.0, "template": 1.0}  # only the form makes it JSON


def test_a_rung_that_nothing_opens_is_refused_by_name(tmp_path: Path, whet: Whet) -> None:
    rows = [(text, f"answer to {text}") for text in texts(40)]
    task = task_in(tmp_path, rows, rungs=["floor", "template"])
    done = whet("run", task, "--out", tmp_path / "run")
    assert done.returncode == 2
    assert "the rung `template` needs a model that writes" in done.stderr


def test_replies_in_a_file_are_guessed_and_refused_where_nothing_can_write_them(
    tmp_path: Path, whet: Whet
) -> None:
    rows = [
        {"question": t, "answer": f"About what {t}: we will write to you in two days."} for t in texts(48)
    ]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    done = whet("init", tmp_path / "rows.jsonl", "--out", tmp_path / "rows.yaml")
    assert done.returncode == 0, done.stderr
    assert "replies to write" in done.stdout
    found = whet("run", tmp_path / "rows.yaml", "--out", tmp_path / "run")
    assert found.returncode == 2
    assert "a model has to write them" in found.stderr
    assert not (tmp_path / "run").exists()


def test_fresh_asks_a_server_anew_and_only_then(server: StandIn, tmp_path: Path, whet: Whet) -> None:
    server.script()
    rows = [(text, f"answer to {text}") for text in texts(40)]
    task = task_in(tmp_path, rows, models=[served(server)], rungs=["floor", "prompt"])
    asked = []
    for more in ((), (), ("--fresh",), ()):
        assert whet("run", task, "--out", tmp_path / "run", *more).returncode == 0
        asked.append(sum(server.seen()["calls"].values()))
    assert asked[1] == asked[0], "what was answered is kept"
    assert asked[2] == 2 * asked[0]
    assert asked[3] == asked[2], "and kept again"
    assert verdict(tmp_path / "run")["test_openings"] == 2, "new answers are a new look at the test set"


def test_fresh_without_a_server_is_refused(tmp_path: Path, whet: Whet) -> None:
    task = task_in(tmp_path, [(text, text.rsplit(" a ")[1]) for text in texts(40)], rungs=["floor"])
    done = whet("run", task, "--out", tmp_path / "run", "--fresh")
    assert done.returncode == 2
    assert "nothing to ask anew" in done.stderr
