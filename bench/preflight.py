"""How far off the estimate before a training is: memory, disk and time, beside what was measured.

    python bench/preflight.py [--models tiny wide deep]

Each model (two really pretrained tiny ones, random Llamas of 30M and 60M) is trained by ``whet tune`` in a
process of its own, by LoRA and in full, for a few steps. Prints one JSON line: for each training what
``card.json`` says was estimated and measured, and their ratio.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

WEIGHTS = Path(__file__).resolve().parent.parent.parent / "shared" / "data" / "weights"
TINY = {"stories260k": WEIGHTS / "stories260k" / "hf", "tinystories-656k": WEIGHTS / "tinystories-656k"}
RANDOM: dict[str, dict[str, int]] = {
    "random 30M": {
        "hidden_size": 512,
        "intermediate_size": 1_376,
        "num_hidden_layers": 8,
        "vocab_size": 8_192,
    },
    "random 60M": {
        "hidden_size": 640,
        "intermediate_size": 1_708,
        "num_hidden_layers": 10,
        "vocab_size": 16_384,
    },
}
ROWS, BATCH, WORDS = 60, 8, 60


def main() -> None:
    arguments = parse()
    with tempfile.TemporaryDirectory() as name:
        found = [
            trained(Path(name), model, method, arguments.words)
            for model in arguments.models
            for method in ("lora", "full")
        ]
    print(json.dumps({"bench": "preflight", "words": arguments.words, "trainings": found}))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    known = [*TINY, *RANDOM]
    parser.add_argument("--models", nargs="+", default=known, choices=known)
    parser.add_argument("--words", type=int, default=WORDS, help="of each input")
    return parser.parse_args()


def trained(root: Path, model: str, method: str, words: int) -> dict[str, Any]:
    """Estimate and measurement of one training."""
    folder = root / f"{model}-{method}"
    folder.mkdir()
    place = TINY.get(model) or random_model(folder / "model", RANDOM[model])
    task = folder / "task.yaml"
    task.write_text(task_text(place, method), encoding="utf-8")
    rng = random.Random(0)
    lines = [json.dumps({"text": " ".join(rng.choices(SAID, k=words)), "name": "Tom"}) for _ in range(ROWS)]
    (folder / "rows.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    command = [sys.executable, "-m", "whet", "tune", str(task), "--out", str(folder / "out"), "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, env=environment())
    card = json.loads(done.stdout)
    needs, measured = card["needs"], card["measured"]
    ratios = {name: round(needs[name] / measured[name], 2) for name in ("memory", "disk", "seconds")}
    return {"model": model, "method": method, "estimated": needs, "measured": measured, "ratio": ratios}


def environment() -> dict[str, str]:
    return {**os.environ, "HF_HUB_OFFLINE": "1"}


def task_text(place: Path, method: str) -> str:
    return (
        f"task: estimate\nkind: write\nexamples: rows.jsonl\nfields: {{input: text, output: name}}\n"
        f"models: [{place}]\nsplit: {{test: 0.2, dev: 0.2}}\n"
        f"tune: {{methods: [{method}], epochs: 1, lr: 0.0001, batch: {BATCH}, precision: fp32}}\n"
    )


def random_model(folder: Path, shape: dict[str, int]) -> Path:
    """A Llama with random weights, and the tokenizer of a tiny one."""
    from transformers import AutoModelForCausalLM, LlamaConfig

    heads = {"num_attention_heads": 8, "num_key_value_heads": 4, "max_position_embeddings": 512}
    AutoModelForCausalLM.from_config(LlamaConfig(**shape, **heads)).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(TINY["stories260k"] / name, folder / name)
    return folder


SAID = (
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
)

if __name__ == "__main__":
    main()
