"""One small training, as programs that tests can kill: a random Llama with a LoRA adapter and dropout.

    python -m tests.training

Reads lines ``FOLDER [forget] [until=STEP]`` and runs each training in a child of its own, so that torch is
imported once: prints 0 when it is ready, then of each child its number and its wait status. ``forget`` is the
control: the generators are not taken back when it resumes. ``until`` waits for the file ``FOLDER/go`` before
that step is saved, and stops there. A training leaves in its folder ``seen.jsonl`` (the rows of every step),
and at its end ``digests.json`` (of the adapter and of the optimizer) or ``error.txt``.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch

from tests.architectures import tiny
from whet.errors import WhetError
from whet.train import checkpoint
from whet.train.adapters import LoraRecipe
from whet.train.causal import prepared
from whet.train.course import Plan
from whet.train.job import CausalJob
from whet.train.loop import Interrupted, Watching, train
from whet.train.optimizer import Rates
from whet.train.sharing import Row
from whet.train.step import Settings, Stepped

ROWS, BATCH, EPOCHS = 22, 4, 2
STEPS = 12
ENDED = ("adapter_model.safetensors", "optimizer.safetensors")


def rows(count: int, seed: int) -> list[Row]:
    rng = random.Random(seed)
    drawn = [[rng.randrange(3, 96) for _ in range(rng.randrange(6, 14))] for _ in range(count)]
    return [Row((1, *ids), (0.0,) * (len(ids) - 1) + (1.0, 1.0)) for ids in drawn]


class Telling(CausalJob):
    """Remembers the rows of the last step."""

    last: tuple[int, ...] = ()

    def gradients(self, rows: Sequence[int], forget: Callable[[], None]) -> Stepped:
        self.last = tuple(rows)
        return super().gradients(rows, forget)

    def forget(self) -> None:
        """What an optimizer would do: clear the gradients."""
        for tensor in self.live.values():
            tensor.grad = None


def job(dropout: float = 0.2) -> Telling:
    """Two passes a step, so that gradients are added up; the dropout of the adapter is on."""
    ready = prepared(tiny("llama"), LoraRecipe(4, 8.0, dropout), Settings(pass_tokens=24), seed=1)
    names = [f"rows.jsonl:{number + 1}" for number in range(ROWS)]
    return Telling(ready.model, rows(ROWS, 0), names, rows(6, 1), ready.form, ready.settings)


def plan() -> Plan:
    return Plan(Rates(3e-3), epochs=EPOCHS, batch=BATCH, looks=2, patience=0, save_every=2, keep=2)


def main(folder: Path, *, forget: bool, until: int) -> None:
    torch.manual_seed(7)
    if forget:
        torch.set_rng_state = lambda new_state: None
    work = job()
    done = 0

    def note(figures: Mapping[str, float]) -> None:
        nonlocal done
        done = int(figures["step"])
        with (folder / "seen.jsonl").open("a") as stream:
            stream.write(json.dumps({"step": done, "rows": work.last}) + "\n")
        while done == until and not (folder / "go").exists():
            time.sleep(0.002)

    train(work, ROWS, plan(), folder / "checkpoints", Watching(note, lambda: done == until))
    last = checkpoint.folders(folder / "checkpoints")[-1]
    digests = json.loads((last / "manifest.json").read_text())
    (folder / "digests.json").write_text(json.dumps({name: digests[name] for name in ENDED}))


def child(folder: Path, options: Sequence[str]) -> int:
    """Exit status of a training: 0 at its end, 3 where the world failed, 130 where it was stopped."""
    until = next((option.partition("=")[2] for option in options if option.startswith("until=")), "0")
    try:
        main(folder, forget="forget" in options, until=int(until))
    except Interrupted:
        return 130
    except WhetError as error:
        (folder / "error.txt").write_text(str(error))
        return 3
    return 0


def serve() -> None:
    torch.set_num_threads(1)
    job()  # what is imported on the way is imported here, once
    print(0, flush=True)
    for line in sys.stdin:
        folder, *options = line.split()
        number = os.fork()
        if number == 0:
            status = 1
            try:
                status = child(Path(folder), options)
            finally:
                os._exit(status)
        print(number, flush=True)
        print(os.waitpid(number, 0)[1], flush=True)


if __name__ == "__main__":
    serve()
