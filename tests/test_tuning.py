"""``whet tune`` through the front door, on a really pretrained tiny model: what it writes is stock PEFT."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.conftest import Whet

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


@pytest.fixture
def task_file(tmp_path: Path, shared: Callable[[str], Path]) -> Path:
    base = shared("weights/stories260k/hf")
    rows = "".join(json.dumps(row) + "\n" for row in story_rows(80))
    (tmp_path / "rows.jsonl").write_text(rows, encoding="utf-8")
    path = tmp_path / "names.yaml"
    path.write_text(
        f"task: names\nkind: write\nexamples: rows.jsonl\nfields: {{input: text, output: name}}\n"
        f"models: [{base}]\nsplit: {{test: 0.2, dev: 0.2}}\n"
        "tune: {epochs: 4, lr: 0.005, batch: 8, rank: 4, precision: fp32}\n",
        encoding="utf-8",
    )
    return path


@pytest.mark.data
@pytest.mark.filterwarnings("ignore::FutureWarning")  # PEFT asks transformers in an old way
def test_it_learns_and_what_it_writes_is_stock_peft(task_file: Path, whet: Whet) -> None:
    done = whet("tune", task_file, "--out", task_file.parent / "out", "--json")
    assert done.returncode == 0, done.stderr
    card = json.loads(done.stdout)
    losses = [look["loss"] for look in card["curve"]]
    assert card["best"]["loss"] == min(losses)
    assert min(losses) < 0.7 * losses[0]
    folder = task_file.parent / "out" / "weights"
    assert logits(card["base"]["name"], folder) != pytest.approx(logits(card["base"]["name"], None))
    lines = (task_file.parent / "out" / "training.jsonl").read_text().splitlines()
    assert len(lines) == card["steps"]
    assert json.loads(lines[0])["learned"] > 0


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
@pytest.mark.slow
def test_a_signal_saves_and_the_same_command_goes_on(task_file: Path, whet: Whet) -> None:
    out = task_file.parent / "out"
    task_file.write_text(task_file.read_text().replace("epochs: 4", "epochs: 40"))
    command = [sys.executable, "-m", "whet", "tune", str(task_file), "--out", str(out)]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while not (out / "training.jsonl").exists():
        assert running.poll() is None
        time.sleep(0.05)
    running.send_signal(signal.SIGTERM)
    _, said = running.communicate()
    assert running.returncode == 130
    assert f"whet tune {task_file}" in said
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
def test_the_check_counts_in_the_tokens_of_the_model_that_will_learn(task_file: Path, whet: Whet) -> None:
    rows = task_file.parent / "rows.jsonl"
    long = {"text": "the girl saw a small red ball " * 120, "name": "Tom"}
    with rows.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(long) + "\n")
    done = whet("check", task_file, "--out", task_file.parent / "check", "--no-model", "--json")
    found = {finding["check"]: finding for finding in json.loads(done.stdout)["findings"]}
    assert done.returncode == 1
    assert [row["source"] for row in found["formatted.too-long"]["rows"]] == ["rows.jsonl:81"]
