"""One small training, as a program that tests can kill: a random Llama with a LoRA adapter and dropout.

    python -m tests.training FOLDER [--forget]

``--forget`` is the control: the generators are not taken back when it resumes. Prints the digests of the
adapter and of the optimizer, and every row it trained on, by step.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from tests.architectures import tiny
from whet.train import checkpoint
from whet.train.adapters import LoraRecipe
from whet.train.causal import prepared
from whet.train.job import CausalJob
from whet.train.loop import Plan, Watching, train
from whet.train.optimizer import Rates
from whet.train.sharing import Row
from whet.train.step import Settings, Stepped

ROWS, BATCH, EPOCHS = 22, 4, 3


def rows(count: int, seed: int) -> list[Row]:
    rng = random.Random(seed)
    drawn = [[rng.randrange(3, 96) for _ in range(rng.randrange(6, 14))] for _ in range(count)]
    return [Row((1, *ids), (0.0,) * (len(ids) - 1) + (1.0, 1.0)) for ids in drawn]


class Telling(CausalJob):
    """Appends the rows of every step to a file, so that what was seen is known across kills."""

    log: Path | None = None

    def gradients(self, rows: Sequence[int]) -> Stepped:
        done = super().gradients(rows)
        if self.log:
            with self.log.open("a") as stream:
                stream.write(json.dumps(list(rows)) + "\n")
        return done


def job(dropout: float = 0.2) -> Telling:
    """Two passes a step, so that gradients are added up; the dropout of the adapter is on."""
    ready = prepared(tiny("llama"), LoraRecipe(4, 8.0, dropout), Settings(pass_tokens=24), seed=1)
    names = [f"rows.jsonl:{number + 1}" for number in range(ROWS)]
    return Telling(ready.model, rows(ROWS, 0), names, rows(6, 1), ready.form, ready.settings)


def plan() -> Plan:
    return Plan(Rates(3e-3), epochs=EPOCHS, batch=BATCH, looks=2, patience=0, save_every=2, keep=2)


def main(folder: Path, *, forget: bool) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(7)
    if forget:
        torch.set_rng_state = lambda new_state: None
    work = job()
    work.log = folder / "seen.jsonl"
    train(work, ROWS, plan(), folder / "checkpoints", Watching())
    last = checkpoint.folders(folder / "checkpoints")[-1]
    digests = json.loads((last / "manifest.json").read_text())
    print(
        json.dumps({name: digests[name] for name in ("adapter_model.safetensors", "optimizer.safetensors")})
    )


if __name__ == "__main__":
    Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
    main(Path(sys.argv[1]), forget="--forget" in sys.argv)
