"""Training the top layers from kept states against reading every layer anew: seconds of the same training.

    python bench/top_layers.py [--rounds 3] [--epochs 3] [--top 2]

A decoder (8 layers, 256 wide, rows of 64 shared and 48 own tokens) and an encoder (MiniLM's shape, texts of
24 tokens), both with random weights and a LoRA adapter. Both arms train the same steps; that of the kept
states pays for reading them. The arms take turns. One JSON line each: medians of both, their ratio, and the
last losses, which must agree.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

LAYERS, WIDTH, VOCABULARY = 8, 256, 2048
ROWS, SHARED, OWN, LEARNED = 64, 64, 48, 8
TEXTS, WORDS, LABELS = 128, 24, 4


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=float, default=3.0)
    parser.add_argument("--top", type=int, default=2)
    arguments = parser.parse_args()
    for kind, make in (("decoder", decoder), ("encoder", encoder)):
        print(json.dumps({"bench": "top_layers", "kind": kind, **compared(make, arguments)}), flush=True)


def compared(make: Callable[..., Callable[[], float]], arguments: argparse.Namespace) -> dict[str, Any]:
    """Both arms in turns, each from a fresh model that is made outside the clock."""
    seconds: dict[bool, list[float]] = {True: [], False: []}
    losses: dict[bool, float] = {}
    for _ in range(arguments.rounds):
        for keep in (True, False):
            run = make(arguments.top, arguments.epochs, keep=keep)
            start = time.perf_counter()
            losses[keep] = run()
            seconds[keep].append(time.perf_counter() - start)
    kept, anew = (statistics.median(seconds[keep]) for keep in (True, False))
    return {
        "top": arguments.top,
        "epochs": arguments.epochs,
        "seconds_kept": seconds[True],
        "seconds_anew": seconds[False],
        "speedup": anew / kept,
        "loss_kept": losses[True],
        "loss_anew": losses[False],
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
    }


def decoder(top: int, epochs: float, *, keep: bool) -> Callable[[], float]:
    """A training to run, which gives its last smoothed loss."""
    import torch
    from transformers import AutoModelForCausalLM, LlamaConfig

    from whet.train.adapters import LoraRecipe
    from whet.train.causal import prepared
    from whet.train.course import Plan
    from whet.train.frozen_rows import on_kept_states
    from whet.train.job import CausalJob
    from whet.train.loop import train
    from whet.train.optimizer import Rates
    from whet.train.sharing import Row
    from whet.train.step import Settings

    torch.manual_seed(0)
    shape = {"num_hidden_layers": LAYERS, "hidden_size": WIDTH, "intermediate_size": 3 * WIDTH}
    heads = {"num_attention_heads": 8, "num_key_value_heads": 4, "vocab_size": VOCABULARY}
    model = AutoModelForCausalLM.from_config(LlamaConfig(**shape, **heads), attn_implementation="eager")
    ready = prepared(model, LoraRecipe(8, 16.0), Settings(), 0, top=top)
    rng = random.Random(0)
    shared = [rng.randrange(VOCABULARY) for _ in range(SHARED)]
    weights = (0.0,) * (SHARED + OWN - LEARNED) + (1.0,) * LEARNED
    rows = [Row((*shared, *(rng.randrange(VOCABULARY) for _ in range(OWN))), weights) for _ in range(ROWS)]

    def run() -> float:
        job = CausalJob(ready.model, rows, [""] * ROWS, rows[:8], ready.form, ready.settings)
        job = on_kept_states(job, top, None) if keep else job
        plan = Plan(Rates(1e-3), epochs=epochs, batch=16, patience=0)
        return train(job, ROWS, plan, None).state.train_loss or 0.0

    return run


def encoder(top: int, epochs: float, *, keep: bool) -> Callable[[], float]:
    """As ``decoder``, of an encoder and a head on it."""
    import numpy as np
    import torch
    from transformers import BertConfig, BertModel

    from whet.models.encoder import Windows
    from whet.models.source import EncoderSource
    from whet.train.classifier import Data, train_classifier
    from whet.train.course import Look
    from whet.train.encoders import Recipe
    from whet.train.linear import LinearHead

    torch.manual_seed(0)
    shape = {"hidden_size": 384, "intermediate_size": 1536, "num_hidden_layers": 6, "num_attention_heads": 12}
    folder = Path(tempfile.mkdtemp())
    BertModel(BertConfig(**shape, vocab_size=VOCABULARY)).save_pretrained(folder)
    source = EncoderSource("random", folder, "0" * 64, "", 0, 384, 512, "mean", local=True)
    rng = random.Random(0)
    ids = [[rng.randrange(5, VOCABULARY) for _ in range(WORDS)] for _ in range(TEXTS)]
    table = np.eye(LABELS, dtype=np.float32)[[text[0] % LABELS for text in ids]]
    data = Data(Windows(ids, list(range(TEXTS)), TEXTS), table, False, [""] * TEXTS)
    head = LinearHead(np.zeros((LABELS, 384), np.float32), np.zeros(LABELS, np.float32))
    recipe = Recipe("lora", lr=1e-3, epochs=epochs, batch=32, top=top)

    def run() -> float:
        look = Look(0.0)
        done = train_classifier(
            source, data, head, recipe, pad_id=0, seed=0, on_eval=lambda *_: look, start=look, keep=keep
        )
        return done.curve[-1]["loss"]

    return run


if __name__ == "__main__":
    main()
