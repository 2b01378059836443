"""The task files under ``examples/``: every rung that their models allow, and what the reader shows on them.

On the reader alone, without an encoder beside it: examples teach a mapping that no prompt can know, passages
bring facts, the template makes every output valid, training brings the house's form. Each claim is an exact
test over the same held-out rows, and each has its other arm as control.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import yaml

import whet.models
from tests.conftest import Whet
from tests.standin import MODEL, StandIn
from whet.config import Task, load_task
from whet.data.load import load_examples
from whet.data.split import Splits, split_examples
from whet.evaluate.stats import paired_right
from whet.models.finding import READER
from whet.models.opening import named, open_writers
from whet.records import Prediction
from whet.retrieve.documents import read_documents
from whet.rungs.base import Setting, find_rung
from whet.tuning import teach

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
WRITING = ["floor", "prompt", "prompt+", "fewshot", "template", "retrieve"]
RUNGS = {
    "shelves": [*WRITING, "head", "tune"],
    "orders": [*WRITING, "head", "tune"],
    "desk": [*WRITING, "tune", "tune+retrieve"],
}
SURE = 0.01

pytestmark = pytest.mark.skipif(
    not (Path(whet.models.__file__).parent / READER).is_dir(),
    reason="the reader is not trained: python tools/train_reader.py --work FOLDER",
)


@pytest.fixture(scope="module")
def server() -> Iterator[StandIn]:
    running = StandIn(packages=True)
    yield running
    running.close()


class Alone:
    """A task of the examples, answered by the reader and nothing else."""

    def __init__(self, name: str, cache: Path):
        self.folder, self.cache = EXAMPLES / name, cache
        self.task: Task = load_task(self.folder / "task.yaml")
        self.splits: Splits = split_examples(self.task, load_examples(self.task, self.folder), self.folder)
        self.wanted = [example.output for example in self.splits.test]

    def setting(self) -> Setting:
        models = named(self.task, self.folder)
        knowledge = self.task.knowledge
        return Setting(
            kind=self.task.kind,
            labels=self.splits.labels,
            instruction=self.task.instruction,
            schema=self.task.json_schema,
            pattern=self.task.pattern,
            writers=open_writers(models, self.cache, again="", fresh=False),
            documents=read_documents(knowledge, self.folder) if knowledge else None,
            answer_tokens=24,
            prompt=self.task.prompt.model_dump(),
            tune=self.task.tune.model_dump(),
            teach=partial(teach, self.task, self.cache / "tune", lambda *_: None),
        )

    def answers(self, rung: str) -> Sequence[Prediction]:
        made = find_rung(rung)(setting=self.setting())  # type: ignore[call-arg]
        fitted = made.fit(self.splits.train, self.splits.dev)
        return list(fitted.predict([example.input for example in self.splits.test]))

    def right(self, rung: str) -> np.ndarray[Any, Any]:
        found = zip(self.answers(rung), self.wanted, strict=True)
        return np.array([float(answer.output == wanted) for answer, wanted in found])


def ahead(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> float:
    """p of the exact test that one is not ahead of the other."""
    return float(paired_right(one, other).p_ahead)


def test_examples_beat_a_prompt_on_a_mapping_that_nothing_tells(tmp_path: Path) -> None:
    shelves = Alone("shelves", tmp_path)
    prompt, fewshot = shelves.right("prompt"), shelves.right("fewshot")
    assert ahead(fewshot, prompt) < SURE
    assert ahead(prompt, fewshot) > 0.5


@pytest.mark.long
def test_passages_beat_none_and_training_brings_the_form(tmp_path: Path) -> None:
    desk = Alone("desk", tmp_path)
    wanted = np.array(
        [str(output).removeprefix("Desk 4: ").removesuffix(" / closed") for output in desk.wanted]
    )

    def told(rung: str) -> np.ndarray[Any, Any]:
        pairs = zip(desk.answers(rung), wanted, strict=True)
        return np.array([float(value in str(answer.output)) for answer, value in pairs])

    assert ahead(told("retrieve"), told("fewshot")) < SURE
    trained = desk.right("tune+retrieve")
    for rung in ("prompt", "fewshot", "template", "retrieve", "tune"):
        assert ahead(trained, desk.right(rung)) < SURE, rung


def test_the_template_makes_every_output_valid(tmp_path: Path) -> None:
    orders = Alone("orders", tmp_path)
    schema = orders.task.json_schema
    assert schema is not None

    def valid(answer: Prediction) -> bool:
        try:
            jsonschema.validate(json.loads(str(answer.output)), schema)
        except (ValueError, jsonschema.ValidationError):
            return False
        return True

    assert all(valid(answer) for answer in orders.answers("template"))
    assert not all(valid(answer) for answer in orders.answers("prompt"))


@pytest.mark.long
@pytest.mark.parametrize("name", RUNGS)
def test_it_climbs_every_rung_that_its_models_allow(name: str, tmp_path: Path, whet: Whet) -> None:
    shutil.copytree(EXAMPLES / name, tmp_path / name)
    found = whet.json("run", tmp_path / name / "task.yaml", "--out", tmp_path / "run")
    rungs: Any = found["rungs"]
    assert [rung["name"] for rung in rungs] == RUNGS[name]
    assert all(rung["low"] <= rung["value"] <= rung["high"] for rung in rungs)
    assert found["winner"] or found["provisional"]


@pytest.mark.long
def test_a_served_model_climbs_them_too(server: StandIn, tmp_path: Path, whet: Whet) -> None:
    server.script(writer=READER)
    shutil.copytree(EXAMPLES / "orders", tmp_path / "orders")
    file = tmp_path / "orders" / "task.yaml"
    task = yaml.safe_load(file.read_text(encoding="utf-8"))
    task |= {"models": [{"endpoint": server.url, "model": MODEL}], "prompt": {"calls": 24}}
    file.write_text(yaml.safe_dump(task), encoding="utf-8")
    rows = (tmp_path / "orders" / "rows.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "orders" / "rows.jsonl").write_text("".join(rows[:60]), encoding="utf-8")
    found = whet.json("run", file, "--out", tmp_path / "run")
    rungs: Any = found["rungs"]
    assert {"floor", "prompt", "prompt+", "fewshot", "template", "retrieve"} <= {r["name"] for r in rungs}
    held = json.loads((tmp_path / "run/04-rungs/template/specialist.json").read_text(encoding="utf-8"))
    assert held["rung"] == "template"
    headers = server.seen()["headers"]
    assert headers
    assert all("OpenAI/Python" in one["user-agent"] for one in headers)
