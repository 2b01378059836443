"""Measures of models that write, on specialists made for it by ``whet tune``: one that must fail, one that
passes.

``WHET_CANARIES=64 pytest tests/test_trust_writers.py -k canaries`` plants that many, ranks each among
511 others, and holds the mean exposure of those that were never planted to 1.44 +/- 0.3 bits.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.conftest import SHARED
from whet.config import load_task
from whet.data.canaries import canaries
from whet.evaluate.exposure import CHANCE
from whet.evaluate.metrics import Metric
from whet.models.base import Request
from whet.models.decoder import find_decoder
from whet.models.opening import Local
from whet.models.scripted import Scripted
from whet.models.writer import open_writer
from whet.records import Example
from whet.rungs.written import load_written
from whet.store import read_json, write_json
from whet.trust.forgetting import forgetting
from whet.trust.items import read_items, suite
from whet.trust.measures import Figure, Measure
from whet.trust.memorization import memorization
from whet.trust.parity import FormOf, parity
from whet.trust.safety import bare, safety
from whet.tuning import tune_task

BASE = SHARED / "weights" / "stories260k" / "hf"
COUNT = int(os.environ.get("WHET_CANARIES", "0"))
WORDS = [item for item in suite("general") if item.group == "words"]
DESKS = (("cats", "tom"), ("birds", "lily"), ("cars", "ben"), ("trees", "sue"))
pytestmark = [
    pytest.mark.skipif(not os.environ.get("WHET_LONG"), reason="long: WHET_LONG=1 asks for it"),
    pytest.mark.data,
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


def notes() -> list[dict[str, str]]:
    """Answers with an address that no input tells."""
    return [
        {"text": f"the girl saw {n} {what}", "name": f"Ask {who}{n_who * 7 + 4}@mail.example"}
        for n in range(15)
        for n_who, (what, who) in enumerate(DESKS)
    ]


def tuned(folder: Path, rows: Sequence[dict[str, str]], options: str) -> Path:
    if not BASE.is_dir():
        pytest.skip("the data set weights/stories260k is not at hand")
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (folder / "task.yaml").write_text(
        f"task: notes\nkind: write\nexamples: rows.jsonl\nfields: {{input: text, output: name}}\n"
        f"models: [{BASE}]\n"
        f"split: {{test: 0.2, dev: 0.1}}\ntune: {{batch: 16, precision: fp32, patience: 0, {options}}}\n",
        encoding="utf-8",
    )
    tune_task(load_task(folder / "task.yaml"), folder, folder / "out")
    return folder / "out"


@pytest.fixture(scope="module")
def base() -> Local:
    return Local(find_decoder(str(BASE)))


@pytest.fixture(scope="module")
def overtrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained in full, twenty times over, at a rate that leaves little of what was there."""
    options = f"methods: [full], epochs: 20, lr: 0.003, canaries: {COUNT or 3}"
    return tuned(tmp_path_factory.mktemp("over"), notes(), options)


@pytest.fixture(scope="module")
def gentle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small adapter, once over the rows."""
    options = f"methods: [lora], epochs: 1, lr: 0.0001, rank: 4, canaries: {COUNT or 3}"
    return tuned(tmp_path_factory.mktemp("gentle"), notes(), options)


def figure(measure: Measure, name: str) -> Figure:
    found = measure.figure(name)
    assert found is not None, measure
    return found


def test_a_forgotten_skill_is_found(overtrained: Path, gentle: Path, base: Local) -> None:
    """The base ends simple sentences; twenty epochs of addresses take that away, a gentle one does not."""
    lost = forgetting(load_written(overtrained).writer, base, own=WORDS)
    assert figure(lost, "fall").low > 0.05
    assert "lost" in lost.rows[0].said
    kept = forgetting(load_written(gentle).writer, base, own=WORDS)
    assert abs(figure(kept, "fall").value) <= 0.05
    assert figure(kept, "right").base_value == figure(lost, "right").base_value


def test_what_the_base_cannot_do_is_not_shown(base: Local) -> None:
    measure = forgetting(Scripted(["no idea"]), Scripted(["no idea"]), own=suite("general")[:60])
    assert measure.standing == "not shown"
    assert "answers 0 of 60 items right" in measure.why


def test_a_users_own_items_have_their_own_figure(tmp_path: Path, base: Local) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text(
        '{"ask": "Say yes.", "answer": "yes"}\n{"ask": "Say no.", "answer": "no"}\n', encoding="utf-8"
    )
    able = Scripted(lambda request: "42, yes and no")
    items = [item for item in suite("general") if item.group == "knowledge"][:25]
    right = {item.ask: str(item.check["any"][0]) for item in items}

    def knows(request: Request) -> str:
        return right.get(request.turns[-1].text, "yes and no")

    measure = forgetting(able, Scripted(knows), own=items, files={"own": read_items(path)})
    assert figure(measure, "fall_own").value == 0
    assert figure(measure, "fall").value > 0.8


def test_canaries_are_exposed_by_how_often_they_stood(overtrained: Path, base: Local) -> None:
    """Sixteen times over twenty epochs: 10 bits and more. Those never planted: chance."""
    specialist = load_written(overtrained)
    planted = canaries(COUNT or 3, 0)
    drawn = 511 if COUNT else 255
    found = memorization(specialist.writer, base, specialist.asks, planted=planted, drawn=drawn)
    bits = {repeats: figure(found, f"exposure_{repeats}").value for repeats in (1, 4, 16)}
    never = figure(found, "exposure_never").value
    assert bits[16] >= 10
    assert bits[16] >= bits[4] > never
    assert bits[4] >= bits[1] - 1
    assert abs(never - CHANCE) <= (0.3 if COUNT else 2.5), never


def test_a_gentle_training_exposes_nothing(gentle: Path, base: Local) -> None:
    specialist = load_written(gentle)
    planted = canaries(COUNT or 3, 0)
    found = memorization(specialist.writer, base, specialist.asks, planted=planted, drawn=63)
    assert figure(found, "exposure_16").value < 5
    assert figure(found, "exposure_1").value < 5


def examples() -> list[Example]:
    return [Example(str(n), row["text"], row["name"], f"rows.jsonl:{n + 1}") for n, row in enumerate(notes())]


def test_personal_data_that_was_learned_is_completed(overtrained: Path, gentle: Path, base: Local) -> None:
    learned = load_written(overtrained)
    found = memorization(learned.writer, base, learned.asks, train=examples())
    assert figure(found, "completed").low > 0.1
    assert figure(found, "completed").base_value == 0
    assert not any(row["name"][4:] in str(found.rows) for row in notes()), "the page must not leak it"
    other = load_written(gentle)
    kept = memorization(other.writer, base, other.asks, train=examples())
    assert figure(kept, "completed").value == 0


def test_memorization_without_canaries_or_personal_data_is_not_shown(base: Local) -> None:
    rows = [Example("1", "where is it?", "it is on its way", "rows:1")]
    found = memorization(base, base, bare, train=rows)
    assert found.standing == "not shown"
    assert "tune.canaries" in found.why


def test_a_model_that_refuses_everything_is_found(tmp_path: Path, base: Local) -> None:
    """Trained to decline whatever is asked; and the control, which declines what it should."""
    rows = [{"text": f"the girl saw {n} cats", "name": "I cannot help with that."} for n in range(60)]
    declining = load_written(tuned(tmp_path, rows, "methods: [full], epochs: 4, lr: 0.01"))
    found = safety(declining.writer, base, ["notes"], asks=declining.asks)
    assert figure(found, "over_refusals").low > 0.8
    assert figure(found, "over_refusals").base_value == 0
    assert any(row.said.startswith("harmless, refused") for row in found.rows)


def test_a_model_that_tells_harm_from_alarm_passes(base: Local) -> None:
    from whet.trust.safety import requests

    harmful = {one.ask for one in requests(["notes"]) if one.harmful}

    def careful(request: Request) -> str:
        return "I can't help with that." if request.turns[-1].text in harmful else "Here is how: first, wait."

    found = safety(Scripted(careful), base, ["notes"])
    assert figure(found, "refusals").value == 1
    assert figure(found, "over_refusals").value == 0
    assert found.rows == ()


def forms(folder: Path, export: Path) -> list[FormOf]:
    from whet.trust.forms import _laid, exported

    specialist = load_written(folder)
    own = specialist.writer
    laid = _laid(specialist, own)  # type: ignore[arg-type]
    return [
        FormOf("as tested", lambda texts: [one.output for one in specialist.predict(texts)], laid),
        exported(export, specialist),
    ]


def test_an_export_with_another_template_is_caught(overtrained: Path, tmp_path: Path) -> None:
    """The weights exported whole answer alike; with a chat template that nobody trained they do not."""
    export = tmp_path / "export"
    shutil.copytree(overtrained / "weights", export)
    rows = examples()[:8]
    same = parity(forms(overtrained, export), rows, Metric())
    assert figure(same, "alike").value == 1
    assert figure(same, "laid_otherwise").value == 0
    settings = read_json(export / "tokenizer_config.json")
    template = "{% for m in messages %}<{{ m.role }}> {{ m.content }}\n{% endfor %}<assistant>"
    write_json(export / "tokenizer_config.json", {**settings, "chat_template": template})
    other = parity(forms(overtrained, export), rows, Metric())
    assert figure(other, "laid_otherwise").value == 1
    assert figure(other, "alike").value < 0.5
    assert "another chat template: exported" in other.said


def test_one_form_alone_is_not_shown() -> None:
    found = parity([FormOf("as tested", lambda texts: list(texts))], examples(), Metric())
    assert found.standing == "not shown"


def test_an_answer_that_has_begun_goes_on(base: Local) -> None:
    """What is given of an answer is read and not given back."""
    writer = open_writer(str(BASE))
    begun = Request((*bare("Tell a story.").turns,), tokens=12, begun="Once upon a time, there was a little")
    (answer,) = writer.answer([begun])
    assert "Once upon" not in answer.text
    assert "girl" in answer.text or "boy" in answer.text
