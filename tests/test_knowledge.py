"""Rungs that look things up: passages are found, shown, cited; documents change without a fit."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import Whet
from tests.standin import MODEL, StandIn, read
from whet.cli.answers import as_row
from whet.cli.index import index
from whet.errors import InputError
from whet.models.base import Request
from whet.models.scripted import Scripted
from whet.records import Example, Passage
from whet.retrieve.documents import Document, Documents
from whet.rungs.asked import Asked
from whet.rungs.base import Setting, load_specialist
from whet.rungs.lookup import cited, holds
from whet.rungs.retrieve import Retrieve

THINGS = ("lamp", "pump", "door", "gate", "oven", "fan", "bell", "tap", "heater", "drill")
COLOURS = ("red", "blue", "green", "white", "black")
PAIRS = [f"{colour} {thing}" for colour in COLOURS for thing in THINGS]


def facts(seed: int) -> dict[str, str]:
    """A code of its own for every machine; another seed, other codes."""
    rng = random.Random(seed)
    return dict(zip(PAIRS, map(str, rng.sample(range(1000, 10_000), len(PAIRS))), strict=True))


def documents(seed: int) -> Documents:
    found = facts(seed).items()
    texts = [f"The service code of the {pair} is {code}. Keep it dry." for pair, code in found]
    return Documents(tuple(Document(f"{n}.txt", text) for n, text in enumerate(texts)), words=20, overlap=0)


def asked(pair: str) -> str:
    return f"What is the service code of the {pair}?"


def rows(pairs: list[str]) -> list[Example]:
    return [Example(pair, asked(pair), facts(0)[pair], f"rows:{n}") for n, pair in enumerate(pairs)]


def reads(request: Request) -> str:
    return read(request.turns[-1].text)


def setting(**more: Any) -> Setting:
    return Setting(kind="write", documents=documents(0), writers=[Scripted(reads)], **more)


def fitted(given: Setting, **chosen: Any) -> Asked:
    found = Retrieve(setting=given, choices=chosen).fit(rows(PAIRS[:30]), rows(PAIRS[30:45]))
    assert isinstance(found, Asked)
    return found


def test_passages_answer_what_examples_cannot() -> None:
    found = fitted(setting())
    assert found.info.choices["passages"] >= 1
    assert found.info.dev_score == 1.0
    without = fitted(replace(setting(), documents=None))
    assert without.info.dev_score == 0.0  # the control: these codes stand in the documents alone
    assert without.predict([asked(PAIRS[47])])[0].knowledge == ""


def test_what_was_shown_comes_back_with_the_answer_and_what_it_leans_on_is_marked() -> None:
    found = fitted(setting())
    answer = found.predict([asked(PAIRS[47])])[0]
    assert answer.output == facts(0)[PAIRS[47]]
    assert answer.knowledge == documents(0).digest
    leans = cited(answer.output, answer.passages)
    assert [one.source for one, yes in zip(answer.passages, leans, strict=True) if yes] == ["47.txt:1"]


def test_order_and_company_change_nothing() -> None:
    found = fitted(setting(), model="scripted", passages=3, k=0)
    inputs = [asked(pair) for pair in PAIRS[40:]]
    together = [replace(one, seconds=0.0) for one in found.predict(inputs)]
    backwards = [replace(one, seconds=0.0) for one in found.predict(inputs[::-1])]
    assert backwards[::-1] == together
    assert replace(found.predict(inputs[:1])[0], seconds=0.0) == together[0]
    assert found.predict([]) == []


def test_given_its_choices_it_searches_no_more() -> None:
    first = fitted(setting())
    script = Scripted(reads)
    again = fitted(replace(setting(), writers=[script]), **first.info.choices)
    assert again.info.choices == first.info.choices
    assert len(script.asked) == 15


class Narrow(Scripted):
    """A model that reads little."""

    def too_long(self, requests: list[Request]) -> list[bool]:
        return [sum(len(turn.text.split()) for turn in one.turns) > 50 for one in requests]


def test_passages_that_a_model_has_no_room_for_are_left_out_from_the_last_and_said() -> None:
    found = fitted(replace(setting(), writers=[Narrow(reads)]), model="scripted", passages=5, k=0)
    answer = found.predict([asked(PAIRS[47])])[0]
    assert 0 < len(answer.passages) < 5
    assert answer.passages[0].source == "47.txt:1"
    assert any("15 of 15 dev rows left room for fewer passages than 5" in note for note in found.info.notes)


def test_an_answer_leans_on_what_it_names_or_says() -> None:
    passages = (Passage("The code is 41.", "a:1"), Passage("The code is 4.", "b:1"), Passage("No.", "c:1"))
    assert cited("4", passages) == [False, True, False]
    assert cited("See [1].", passages) == [True, False, False]
    assert holds(passages[0], json.dumps({"code": 41, "ok": True}))
    assert not holds(passages[2], json.dumps({"code": 41, "ok": None}))


@pytest.fixture(scope="module")
def server() -> Iterator[StandIn]:
    running = StandIn()
    running.script(reads=True)
    yield running
    running.close()


def handbook(folder: Path, seed: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for colour in COLOURS:
        lines = [
            f"The service code of the {p} is {c}." for p, c in facts(seed).items() if p.startswith(colour)
        ]
        text = f"# Machines in {colour}\n\n" + "\n\n".join(lines)
        (folder / f"{colour}.md").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def run(server: StandIn, whet: Whet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose task has documents."""
    folder = tmp_path_factory.mktemp("knows")
    handbook(folder / "old", 0)
    lines = [json.dumps({"ask": row.input, "reply": row.output}) for row in rows(PAIRS)]
    (folder / "rows.jsonl").write_text("\n".join(lines), encoding="utf-8")
    task = {
        "task": "codes",
        "kind": "write",
        "examples": "rows.jsonl",
        "fields": {"input": "ask", "output": "reply"},
        "models": [{"endpoint": server.url, "model": MODEL, "concurrency": 4}],
        "knowledge": {"documents": ["old"], "words": 12, "overlap": 0},
        "rungs": ["floor", "prompt", "retrieve"],
        "split": {"test": 0.4, "dev": 0.2},
    }
    (folder / "codes.yaml").write_text(yaml.safe_dump(task), encoding="utf-8")
    done = whet("run", folder / "codes.yaml", "--out", folder / "run")
    assert done.returncode == 0, done.stderr
    return folder


def test_the_ladder_says_that_looking_things_up_is_what_it_takes(run: Path) -> None:
    found = json.loads((run / "run" / "06-verdict.json").read_text(encoding="utf-8"))
    values = {rung["name"]: rung["value"] for rung in found["rungs"]}
    assert values["retrieve"] == 1.0
    assert max(values["floor"], values["prompt"]) < 0.2
    assert found["winner"] == "retrieve"
    assert any(note.startswith("`knowledge`: 5 documents, digest") for note in found["notes"])
    rows = (run / "run" / "05-scores.jsonl").read_text(encoding="utf-8").splitlines()[1:]
    assert all(json.loads(row)["rungs"]["retrieve"]["passages"] for row in rows)


def predicted(specialist: Path, pair: str) -> dict[str, Any]:
    return as_row(pair, load_specialist(specialist).predict([asked(pair)])[0])


def test_a_prediction_names_its_passages(run: Path, whet: Whet) -> None:
    said = whet("try", run / "run" / "04-rungs" / "retrieve", asked("red pump")).stdout.splitlines()
    assert said[0].startswith(facts(0)["red pump"])
    assert said[1].startswith("  [1]* old/red.md:5 (Machines in red)")


def test_documents_change_without_a_fit_and_the_digest_travels(run: Path, whet: Whet, tmp_path: Path) -> None:
    specialist = run / "run" / "04-rungs" / "retrieve"
    before = predicted(specialist, "red pump")
    assert before["output"] == facts(0)["red pump"]
    assert [p["cited"] for p in before["passages"]].count(True) == 1
    assert before["passages"][0]["heading"] == "Machines in red"
    new = handbook(tmp_path / "new", 1)
    told = whet.json("index", specialist, new)["specialists"]
    assert isinstance(told, list)
    assert (told[0]["rung"], told[0]["changed"], told[0]["before"]) == ("retrieve", True, before["knowledge"])
    after = predicted(specialist, "red pump")
    assert after["output"] == facts(1)["red pump"] != before["output"]
    assert after["knowledge"] == told[0]["digest"] != before["knowledge"]
    card = json.loads((specialist / "specialist.json").read_text(encoding="utf-8"))["knowledge"]
    assert (card["digest"], card["fitted_with"]) == (after["knowledge"], before["knowledge"])
    assert len(list(specialist.glob("passages-*"))) == 2  # the old ones are gone
    index(run / "codes.yaml", None, run / "run")  # the task's own again
    assert predicted(specialist, "red pump") == before


@pytest.mark.parametrize(
    ("what", "more", "says"),
    [
        ("run/04-rungs/prompt", ["old"], "looks nothing up in documents"),
        ("old", ["old"], "neither a specialist nor a run"),
        ("run/04-rungs/retrieve", ["nowhere"], "no such file or folder"),
        ("run/04-rungs/retrieve", [], "no documents are named"),
    ],
)
def test_what_cannot_be_indexed_is_refused(run: Path, what: str, more: list[str], says: str) -> None:
    with pytest.raises(InputError, match=says):
        index(run / what, [run / name for name in more])


def test_documents_that_nobody_reads_are_said(run: Path, whet: Whet, tmp_path: Path) -> None:
    task = yaml.safe_load((run / "codes.yaml").read_text(encoding="utf-8"))
    task |= {"examples": str(run / "rows.jsonl"), "knowledge": str(run / "old"), "rungs": ["floor", "prompt"]}
    (tmp_path / "t.yaml").write_text(yaml.safe_dump(task), encoding="utf-8")
    assert whet("run", tmp_path / "t.yaml", "--out", tmp_path / "run").returncode == 0
    notes = json.loads((tmp_path / "run" / "06-verdict.json").read_text(encoding="utf-8"))["notes"]
    assert any("`knowledge` had no effect" in note for note in notes)


def test_a_damaged_index_is_refused(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run / "run" / "04-rungs" / "retrieve", tmp_path / "it")
    (file,) = (tmp_path / "it").glob("passages-*.json")
    file.write_text("[]", encoding="utf-8")
    with pytest.raises(InputError, match="0 passages do not fit"):
        load_specialist(tmp_path / "it")
