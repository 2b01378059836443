"""What ``whet tune`` left answers through ``whet try``, ``whet predict`` and ``whet.load``."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import whet as public
from tests.conftest import SHARED, Whet
from whet.config import load_task
from whet.errors import InputError
from whet.store import read_json, write_json
from whet.tuning import tune_task

BASE = SHARED / "weights" / "stories260k" / "hf"
TEXT = "the girl saw a small cat"
SURE = 20
"""Characters of an answer; far behind it this model babbles byte tokens that it never learned apart: ties."""
pytestmark = [pytest.mark.data, pytest.mark.filterwarnings("ignore::FutureWarning")]


def tuned(folder: Path, method: str) -> Path:
    """A training of a few steps, on rows that all say the same."""
    if not BASE.is_dir():
        pytest.skip("the data set weights/stories260k is not at hand")
    rows = [{"text": f"the girl saw {n} cats", "name": "Tom and Tim"} for n in range(60)]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (folder / "task.yaml").write_text(
        f"task: names\nkind: write\nexamples: rows.jsonl\nfields: {{input: text, output: name}}\n"
        f"models: [{BASE}]\nsplit: {{test: 0.2, dev: 0.2}}\ninstruction: Who is it?\n"
        f"tune: {{methods: [{method}], epochs: 3, lr: 0.01, batch: 8, rank: 4, precision: fp32}}\n",
        encoding="utf-8",
    )
    tune_task(load_task(folder / "task.yaml"), folder, folder / "out")
    return folder / "out"


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tuned(tmp_path_factory.mktemp("lora"), "lora")


def by_transformers(folder: Path) -> str:
    """The greedy answer by transformers and PEFT alone."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(BASE)
    model: Any = AutoModelForCausalLM.from_pretrained(BASE, dtype=torch.float32)
    model = PeftModel.from_pretrained(model, folder / "weights")
    given = tokenizer(f"Who is it?\n{TEXT}\n", return_tensors="pt")
    ids = model.generate(**given, max_new_tokens=16, do_sample=False)[0, given["input_ids"].shape[1] :]
    text: str = tokenizer.decode(ids, skip_special_tokens=True)
    return text


def test_the_trained_model_answers(adapter: Path, whet: Whet, tmp_path: Path) -> None:
    tried = whet.json("try", adapter, TEXT)
    assert str(tried["output"]).startswith(by_transformers(adapter))
    assert "Tom" in str(tried["output"])
    assert 0 < float(str(tried["confidence"])) <= 1
    inputs = tmp_path / "new.txt"
    inputs.write_text(f"{TEXT}\nthe girl saw 99 cats\n", encoding="utf-8")
    done = whet("predict", adapter, inputs)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["input"] for row in rows] == [TEXT, "the girl saw 99 cats"]
    assert rows[0]["output"][:SURE] == str(tried["output"])[:SURE]


def test_it_is_a_specialist_that_can_be_saved(adapter: Path, tmp_path: Path) -> None:
    loaded = public.load(adapter)
    found = loaded.predict([TEXT, "a bird"])
    alone = [loaded.predict([text])[0].output for text in (TEXT, "a bird")]
    assert [text[:SURE] for text in alone] == [str(one.output)[:SURE] for one in found]
    loaded.save(tmp_path / "copy")
    again = public.load(tmp_path / "copy").predict([TEXT])[0]
    assert str(again.output)[:SURE] == str(found[0].output)[:SURE]


def test_a_whole_model_answers_too(tmp_path: Path) -> None:
    folder = tuned(tmp_path, "full")
    (found,) = public.load(folder).predict([TEXT])
    assert "Tom" in found.output
    assert 0 < found.confidence <= 1
    assert not math.isnan(found.seconds)


def test_an_input_that_is_too_long_is_refused(adapter: Path, whet: Whet) -> None:
    done = whet("try", adapter, "the girl saw a cat " * 200)
    assert done.returncode == 2
    assert "512 tokens" in done.stderr


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda card: card["base"].update(sha256="0" * 64), "SHA-256"),
        (lambda card: card.update(template="0" * 64), "lays conversations out"),
        (lambda card: card.update(format=2), "another version"),
        (lambda card: card.pop("ends"), "no card|not the card"),
    ],
)
def test_another_base_or_card_is_refused(
    adapter: Path, tmp_path: Path, change: Callable[[dict[str, Any]], Any], says: str
) -> None:
    public.load(adapter).save(tmp_path / "copy")
    card = read_json(tmp_path / "copy" / "card.json")
    change(card)
    write_json(tmp_path / "copy" / "card.json", card)
    with pytest.raises(InputError, match=says):
        public.load(tmp_path / "copy")
