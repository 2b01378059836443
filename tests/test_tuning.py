"""``whet tune`` through the front door, on a really pretrained tiny model: what it writes is stock PEFT."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.conftest import SHARED, Whet

THINGS = {"cat": "Tom", "dog": "Rex", "bird": "Pip", "fish": "Finn"}
WORDS = [
    "the",
    "girl",
    "sun",
    "big",
    "red",
    "ball",
    "tree",
    "park",
    "day",
    "mom",
    "happy",
    "small",
    "box",
    "play",
    "run",
    "house",
    "water",
    "toy",
    "friend",
    "hat",
]
VERBS = ("saw", "fed", "lost", "found", "liked", "drew")


def story_rows(count: int) -> list[dict[str, str]]:
    """Who is it about? The answer is the animal's name."""
    rng = random.Random(0)
    rows = []
    for _ in range(count):
        animal = rng.choice(list(THINGS))
        said = " ".join(rng.sample(WORDS, 8))
        text = f"{said} {rng.choice(VERBS)} a {animal} {' '.join(rng.sample(WORDS, 6))}"
        rows.append({"text": text, "name": THINGS[animal]})
    return rows


BASE = "weights/stories260k/hf"


@pytest.fixture
def task_file(tmp_path: Path, shared: Callable[[str], Path]) -> Path:
    return written(tmp_path, shared(BASE))


def written(folder: Path, base: Path) -> Path:
    """A task of 80 rows."""
    rows = "".join(json.dumps(row) + "\n" for row in story_rows(80))
    (folder / "rows.jsonl").write_text(rows, encoding="utf-8")
    path = folder / "names.yaml"
    path.write_text(
        f"task: names\nkind: write\nexamples: rows.jsonl\nfields: {{input: text, output: name}}\n"
        f"models: [{base}]\nsplit: {{test: 0.2, dev: 0.2}}\n"
        "tune: {epochs: 4, lr: 0.005, batch: 8, rank: 4, precision: fp32, device: cpu}\n",
        encoding="utf-8",
    )
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, whet: Whet) -> tuple[Path, dict[str, Any], str]:
    """A training through the command line: its folder, its card and what was said."""
    base = SHARED / BASE
    if not base.exists():
        pytest.skip("the tiny model is not at hand")
    task = written(tmp_path_factory.mktemp("names"), base)
    done = whet("tune", task, "--out", task.parent / "out", "--json")
    assert done.returncode == 0, done.stderr
    return task.parent / "out", json.loads(done.stdout), done.stderr


@pytest.mark.data
@pytest.mark.filterwarnings("ignore::FutureWarning")  # PEFT asks transformers in an old way
def test_it_learns_and_what_it_writes_is_stock_peft(trained: tuple[Path, dict[str, Any], str]) -> None:
    out, card, _ = trained
    assert card["device"] == "cpu"
    losses = [look["loss"] for look in card["curve"]]
    assert card["best"]["loss"] == min(losses)
    assert min(losses) < 0.7 * losses[0]
    base = card["base"]["name"]
    assert logits(base, out / "weights") != pytest.approx(logits(base, None))
    lines = [json.loads(line) for line in (out / "training.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(1, card["steps"] + 1))
    assert all(line["learned"] > 0 and line["limit"] > 0 for line in lines)


@pytest.mark.data
def test_what_was_saved_is_tried_and_the_card_says_so(trained: tuple[Path, dict[str, Any], str]) -> None:
    _, card, said = trained
    assert [(check["name"], check["ok"]) for check in card["after"]] == [
        ("loads", True),
        ("changes", True),
        ("merges", True),
    ]
    assert "4 of 40 tokens are learned (10.0%)" in said
    assert "⟦Rex</s>⟧" in said
    assert re.fullmatch("[0-9a-f]{64}", card["template"])


@pytest.mark.data
def test_the_estimate_before_is_near_what_was_measured(trained: tuple[Path, dict[str, Any], str]) -> None:
    _, card, said = trained
    needs, measured = card["needs"], card["measured"]
    assert "needs about" in said
    assert abs(needs["memory"] - measured["memory"]) < 250 << 20
    assert 0.5 < needs["disk"] / measured["disk"] < 3


@pytest.mark.data
def test_the_page_shows_the_curve_and_what_was_tried(trained: tuple[Path, dict[str, Any], str]) -> None:
    out, card, _ = trained
    page = (out / "training.html").read_text(encoding="utf-8")
    assert f"The loss on dev fell from {card['curve'][0]['loss']:.3f} to {card['best']['loss']:.3f}" in page
    assert page.count("✓") == 3
    assert '<span class="learned">Rex&lt;/s&gt;</span>' in page
    assert "whet tune" in page
    assert "http://" not in page.replace("http://www.w3.org", "")


@pytest.mark.data
def test_the_folder_of_another_training_is_not_written_into(
    trained: tuple[Path, dict[str, Any], str], whet: Whet
) -> None:
    out, _, _ = trained
    task = out.parent / "names.yaml"
    other = out.parent / "other.yaml"
    other.write_text(task.read_text().replace("rank: 4", "rank: 8"))
    done = whet("tune", other, "--out", out)
    assert done.returncode == 2
    assert "another training: rank 4, now 8; alpha 8.0, now 16.0" in done.stderr


@pytest.mark.data
def test_what_cannot_fit_is_refused_before_any_work(task_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from whet import InputError, tune
    from whet.train import room

    out = task_file.parent / "out"
    for what, message in (("free_disk", "of disk"), ("free_memory", "of memory")):
        with monkeypatch.context() as patch:
            patch.setattr(room, what, lambda *_: 1 << 10)
            with pytest.raises(InputError, match=message):
                tune(task_file, out)
        assert not out.exists()


@pytest.mark.data
@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("rank: 4", "rank: 4, context: 9999", "tune.context: 9,999 tokens are more than the 512"),
        ("rank: 4", "rank: 4, context: 40", "9 of 48 rows (18.8%) are longer than the context of 40"),
    ],
)
def test_a_context_that_does_not_fit_stops_it(
    task_file: Path, whet: Whet, old: str, new: str, said: str
) -> None:
    task_file.write_text(task_file.read_text().replace(old, new))
    done = whet("tune", task_file, "--out", task_file.parent / "out")
    assert done.returncode == 2
    assert said in done.stderr
    assert not (task_file.parent / "out").exists()


@pytest.mark.data
def test_what_could_not_begin_leaves_no_training_in_the_folder(task_file: Path, whet: Whet) -> None:
    out, text = task_file.parent / "out", task_file.read_text()
    task_file.write_text(text.replace("epochs: 4", "epochs: 1, top_layers: 99"))
    done = whet("tune", task_file, "--out", out)
    assert done.returncode == 2
    assert "layers" in done.stderr
    task_file.write_text(text.replace("epochs: 4", "epochs: 1, top_layers: 2"))
    done = whet("tune", task_file, "--out", out)
    assert done.returncode == 0, done.stderr


@pytest.mark.data
def test_rows_of_dev_that_are_left_out_are_listed_and_not_counted(task_file: Path, whet: Whet) -> None:
    task_file.write_text(task_file.read_text().replace("epochs: 4", "epochs: 1, context: 40, too_long: drop"))
    done = whet("tune", task_file, "--out", task_file.parent / "out", "--json")
    assert done.returncode == 0, done.stderr
    card = json.loads(done.stdout)
    assert any(note.startswith("9 row(s): left out: too long") for note in card["notes"])
    (dev,) = (note for note in card["notes"] if note.startswith("of dev, "))
    assert "row(s): left out: too long" in dev
    assert card["rows"] == {"train": 48 - 9, "dev": 16 - int(dev.split()[2]), "test": 16}


@pytest.mark.data
def test_training_that_brings_nothing_says_so(task_file: Path, whet: Whet) -> None:
    """The control of what is tried afterwards: the steps are too small to change anything."""
    text = task_file.read_text().replace("epochs: 4, lr: 0.005", "epochs: 1, lr: 0.000000001")
    task_file.write_text(text)
    done = whet("tune", task_file, "--out", task_file.parent / "out")
    assert done.returncode == 1, done.stderr
    assert "do not use these weights: training changed nothing" in done.stderr
    assert "Do not use" in (task_file.parent / "out" / "training.html").read_text()


@pytest.mark.data
def test_there_must_be_something_to_resume(task_file: Path, whet: Whet) -> None:
    done = whet("tune", task_file, "--out", task_file.parent / "out", "--resume")
    assert done.returncode == 2
    assert "there is no checkpoint" in done.stderr


@pytest.mark.data
def test_a_full_disk_ends_it_in_plain_words_and_it_goes_on_later(task_file: Path, whet: Whet) -> None:
    """No file may grow beyond what a checkpoint needs: the system refuses in the same way."""
    out = task_file.parent / "out"
    task_file.write_text(task_file.read_text().replace("epochs: 4", "epochs: 1"))
    done = whet.commands(["tune", str(task_file), "--out", str(out)], file_bytes=60_000)
    assert done.returncode == 3, done.stderr
    assert "cannot write: File too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list((out / "checkpoints").iterdir())
    assert whet("tune", task_file, "--out", out).returncode == 0


def logits(base: str, adapter: Path | None) -> list[float]:
    """The last logits of one text, by transformers and PEFT alone."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    model: Any = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    if adapter is not None:
        model = PeftModel.from_pretrained(model, adapter)
    with torch.no_grad():
        found: list[float] = model(torch.tensor([[1, 40, 50, 60]])).logits[0, -1].tolist()
    return found


@pytest.mark.data
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_top_layers_learn_alone_from_states_that_are_kept(task_file: Path, whet: Whet) -> None:
    from safetensors import safe_open

    task_file.write_text(task_file.read_text().replace("epochs: 4", "epochs: 4, top_layers: 2"))
    done = whet("tune", task_file, "--out", task_file.parent / "out", "--json")
    assert done.returncode == 0, done.stderr
    card = json.loads(done.stdout)
    assert not [note for note in card["notes"] if "anew" in note]
    assert card["best"]["loss"] < card["curve"][0]["loss"]
    with safe_open(task_file.parent / "out" / "weights" / "adapter_model.safetensors", "pt") as file:
        layers = {name.split("layers.")[1].split(".")[0] for name in file.keys()}  # noqa: SIM118
    assert layers == {"3", "4"}
    assert all(check["ok"] for check in card["after"])


@pytest.mark.data
def test_compiled_parts_train_from_the_front_door(task_file: Path, whet: Whet) -> None:
    task_file.write_text(task_file.read_text().replace("epochs: 4", "epochs: 2, compile: true"))
    done = whet("tune", task_file, "--out", task_file.parent / "out", "--json")
    assert done.returncode == 0, done.stderr
    card = json.loads(done.stdout)
    assert not [note for note in card["notes"] if "compiled" in note]
    assert all(check["ok"] for check in card["after"])


def wide(folder: Path, base: Path) -> Path:
    """A random model with the tiny one's tokenizer, whose weights are large enough to be laid out."""
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    shape = {"hidden_size": 512, "intermediate_size": 1024, "num_hidden_layers": 2, "head_dim": 64}
    config = AutoConfig.from_pretrained(base, num_attention_heads=8, num_key_value_heads=4, **shape)
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)
    return folder


@pytest.mark.data
@pytest.mark.parametrize("also", ["precision: bf16", "precision: fp32", "precision: bf16, top_layers: 1"])
def test_weights_that_are_laid_out_are_trained_and_looked_at_afterwards(
    also: str, tmp_path: Path, shared: Callable[[str], Path], whet: Whet
) -> None:
    """What is looked at afterwards is cast to fp32; what was laid out for products is not."""
    path = written(tmp_path, wide(tmp_path / "wide", shared(BASE)))
    path.write_text(path.read_text().replace("epochs: 4", "epochs: 1").replace("precision: fp32", also))
    done = whet("tune", path, "--out", tmp_path / "out", "--json")
    assert done.returncode == 0, done.stderr
    card = json.loads(done.stdout)
    assert [check["name"] for check in card["after"]][:2] == ["loads", "changes"]
    assert all(check["ok"] for check in card["after"]), card["after"]


@pytest.mark.data
def test_a_signal_saves_and_the_same_command_goes_on(task_file: Path, whet: Whet) -> None:
    out = task_file.parent / "out"
    task_file.write_text(task_file.read_text().replace("epochs: 4", "epochs: 12"))

    def stop(number: int) -> None:
        while not (out / "training.jsonl").exists():
            assert Path(f"/proc/{number}").exists()
            time.sleep(0.01)
        os.kill(number, signal.SIGTERM)

    done = whet.commands(["tune", str(task_file), "--out", str(out)], meanwhile=stop)
    assert done.returncode == 130
    assert f"whet tune {task_file}" in done.stderr
    done = whet("tune", task_file, "--out", out, "--json")
    assert done.returncode == 0
    steps = [json.loads(line)["step"] for line in (out / "training.jsonl").read_text().splitlines()]
    assert steps == sorted(set(steps))


@pytest.mark.data
def test_an_encoder_is_no_model_to_write_with(task_file: Path, whet: Whet) -> None:
    text = task_file.read_text()
    line = next(line for line in text.splitlines() if line.startswith("models:"))
    task_file.write_text(text.replace(line, "models: [sentence-transformers/all-MiniLM-L6-v2]"))
    done = whet("tune", task_file, "--out", task_file.parent / "out")
    assert done.returncode == 2
    assert not (task_file.parent / "out").exists()


@pytest.mark.data
@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_told_before_any_work(task_file: Path, whet: Whet) -> None:
    task_file.write_text(task_file.read_text().replace("device: cpu", "device: cuda"))
    done = whet("tune", task_file, "--out", task_file.parent / "out")
    assert done.returncode == 2
    assert "sees no GPU" in done.stderr
    assert not (task_file.parent / "out").exists()


@pytest.mark.data
def test_the_check_counts_in_the_tokens_of_the_model_that_will_learn(task_file: Path, whet: Whet) -> None:
    rows = task_file.parent / "rows.jsonl"
    long = {"text": "the girl saw a small red ball " * 120, "name": "Tom"}
    with rows.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(long) + "\n")
    done = whet("check", task_file, "--out", task_file.parent / "check", "--no-model", "--json")
    found = {finding["check"]: finding for finding in json.loads(done.stdout)["findings"]}
    assert done.returncode == 1
    assert [row["source"] for row in found["formatted.too-long"]["rows"]] == ["rows.jsonl:81"]


@pytest.mark.parametrize(
    ("kind", "score", "counts"),
    [
        ("write", "auto", False),
        ("extract", "auto", True),
        ("write", "exact", True),
        ("extract", "loss", False),
    ],
)
def test_dev_counts_whole_answers_where_the_task_says_so(kind: str, score: str, counts: bool) -> None:
    from whet.config import task_from
    from whet.given import exactly

    fields = {"input": "text", "output": "name"}
    task = {"task": "t", "kind": kind, "examples": "rows.jsonl", "fields": fields, "tune": {"score": score}}
    assert exactly(task_from(task)) is counts
