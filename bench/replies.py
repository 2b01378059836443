"""Bitext's short replies, written by a model of 656,000 parameters: before training, and after ``whet tune``.

    python bench/replies.py [--data ../shared/data] [--lr 0.004] [--epochs 4] [--out FOLDER]

27 approved replies, one an intent, to 6,480 utterances (CDLA-Sharing-1.0). The whole way goes through the
front door: a task file, ``whet tune`` with full training, and its folder of weights, read by transformers
alone. The held-out rows are those that ``whet tune`` splits off and never looks at; near-duplicates keep to
one side. Prints one JSON line: held-out exact match with Wilson's interval, before and after. A reply counts
where its text is that of the approved one, to the character. The model's tokenizer cannot write brackets or
@, so that three replies are out of reach: ``ceiling`` says what share of the rows that leaves, and
``in_tokens`` counts replies that are right in every token.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from whet.config import load_task
from whet.evaluate.stats import wilson
from whet.given import split_of, tokens_of
from whet.models.decoder import find_decoder, load_decoder, load_tokenizer

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
FILE, MODEL = "bitext_support/bitext_v_short_d5bd1d4.csv", "weights/tinystories-656k"
TASK = """task: replies
kind: write
examples: {examples}
fields: {{input: instruction, output: response}}
models: [{model}]
split: {{test: 0.2, dev: 0.1}}
tune: {{methods: [{method}], epochs: {epochs}, lr: {lr}, batch: 16, precision: fp32}}
seed: {seed}
"""


@dataclass(frozen=True)
class Asked:
    """Held-out rows, as tokens: what is read, and the approved answer."""

    prompts: list[list[int]]
    answers: list[list[int]]
    texts: list[str]
    ends: tuple[int, ...]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--lr", type=float, default=4e-3)
    parser.add_argument("--epochs", type=float, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="folder to keep; a broken-off training goes on there")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        print(json.dumps(measured(arguments, arguments.out or Path(place))))


def measured(arguments: argparse.Namespace, place: Path) -> dict[str, Any]:
    path = place / "replies.yaml"
    path.write_text(
        TASK.format(
            examples=arguments.data / FILE,
            model=arguments.data / MODEL,
            method="full",
            epochs=arguments.epochs,
            lr=arguments.lr,
            seed=arguments.seed,
        ),
        encoding="utf-8",
    )
    held_out = asked(path, "test")
    before = scores(arguments.data / MODEL, held_out)
    start = time.perf_counter()
    card = tuned(path, place / "out")
    seconds = time.perf_counter() - start
    after = scores(place / "out" / "weights", held_out)
    return {
        "bench": "replies",
        "rows": card["rows"],
        "lr": arguments.lr,
        "epochs": arguments.epochs,
        "seed": arguments.seed,
        "seconds": round(seconds, 1),
        "steps": card["steps"],
        "best_step": card["best"]["step"],
        "dev_loss": [round(look["loss"], 4) for look in card["curve"]],
        "ceiling": ceiling(arguments.data / MODEL, held_out),
        "before": before,
        "after": after,
    }


def tuned(task: Path, out: Path) -> dict[str, Any]:
    """The card that ``whet tune`` prints."""
    done = subprocess.run(
        [sys.executable, "-m", "whet", "tune", str(task), "--out", str(out), "--json"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )
    card: dict[str, Any] = json.loads(done.stdout)
    return card


def asked(path: Path, side: str) -> Asked:
    """The rows of one side of a task, as the model that it names reads them."""
    task = load_task(path)
    subject, splits = split_of(task, path.parent)
    source = find_decoder(task.local_models[0])
    found = tokens_of(task, subject, getattr(splits, side), load_tokenizer(source), source)
    starts = [next(place for place, weight in enumerate(row.weights) if weight) for row in found.rows]
    return Asked(
        [list(row.ids[:start]) for row, start in zip(found.rows, starts, strict=True)],
        [list(row.ids[start:]) for row, start in zip(found.rows, starts, strict=True)],
        [example.output for example in getattr(splits, side)],
        found.ends,
    )


def scores(folder: Path, held_out: Asked) -> dict[str, Any]:
    """Exact match of greedy answers, in text and in tokens."""
    source = find_decoder(str(folder))
    tokenizer = load_tokenizer(find_decoder(str(DATA / MODEL)))
    said = greedy(load_decoder(source, "fp32", attention="sdpa"), held_out)
    texts = tokenizer.batch_decode(said, skip_special_tokens=True)
    in_text = [one.strip() == other for one, other in zip(texts, held_out.texts, strict=True)]
    in_tokens = [one == other for one, other in zip(said, held_out.answers, strict=True)]
    return {"in_text": rate(in_text), "in_tokens": rate(in_tokens)}


def rate(right: Sequence[bool]) -> dict[str, float]:
    """Share, Wilson's 95 % interval, and of how many."""
    return asdict(wilson(sum(right), len(right)))


def ceiling(folder: Path, held_out: Asked) -> float:
    """Share of the approved answers that the tokenizer can write."""
    tokenizer = load_tokenizer(find_decoder(str(folder)))
    texts = tokenizer.batch_decode(held_out.answers, skip_special_tokens=True)
    right: list[bool] = [one.strip() == other for one, other in zip(texts, held_out.texts, strict=True)]
    return sum(right) / len(right)


def greedy(model: Any, rows: Asked, batch: int = 64) -> list[list[int]]:
    """The likeliest token, one after the other, up to an end or the longest answer; by transformers alone."""
    import torch

    longest = max(map(len, rows.answers)) + 1
    order = sorted(range(len(rows.prompts)), key=lambda row: len(rows.prompts[row]))
    found: dict[int, list[int]] = {}
    for at in range(0, len(order), batch):
        part = order[at : at + batch]
        width = max(len(rows.prompts[row]) for row in part)
        pads = [width - len(rows.prompts[row]) for row in part]
        ids = torch.tensor([[0] * pad + rows.prompts[row] for pad, row in zip(pads, part, strict=True)])
        mask = torch.tensor([[0] * pad + [1] * (width - pad) for pad in pads])
        out = model.generate(
            input_ids=ids,
            attention_mask=mask,
            max_new_tokens=longest,
            do_sample=False,
            eos_token_id=list(rows.ends),
            pad_token_id=0,
        )
        for row, said in zip(part, out[:, width:].tolist(), strict=True):
            found[row] = _ended(said, rows.ends)
    return [found[row] for row in range(len(rows.prompts))]


def _ended(said: list[int], ends: Sequence[int]) -> list[int]:
    """Up to the first end, with it."""
    place = next((n for n, token in enumerate(said) if token in ends), len(said))
    return said[: place + 1]


if __name__ == "__main__":
    main()
