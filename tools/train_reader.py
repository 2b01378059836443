"""Train the reader and write it with its card. One command:

    python tools/train_reader.py --work FOLDER

A small Llama learns to follow its prompt from generated text (``tools/reader``), by the project's own loop:
``FIRST`` rows at a constant rate, then ``SECOND`` rows over which the rate falls to zero. FOLDER takes the
checkpoints; the same command goes on from the newest. Same machine, versions and threads: same bytes.

It took 63 minutes on one core with AVX512, at 2,400 to 2,900 tokens a second. At a higher rate (1e-3) the
heads that are laid at the start wear away, and definitions are never learned (``docs/proofs/tried.md``).
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from reader import mix
from reader.card import readme
from reader.lists import topics
from reader.measure import figures, items
from reader.start import THETA, lay, of_topics, telling_of
from reader.tokens import BEGIN, END, PAD, tokenizer_of
from whet.models.decoder import describe_decoder, load_decoder, load_tokenizer
from whet.models.layout import layout_of
from whet.models.quiet import quiet_transformers
from whet.models.writer import open_writer
from whet.store import write_json, write_text
from whet.train.attention import register
from whet.train.causal import prepared
from whet.train.course import Batches, Plan
from whet.train.job import CausalJob
from whet.train.loop import Watching, train
from whet.train.optimizer import Rates
from whet.train.step import Settings

OUT = Path(__file__).resolve().parent.parent / "src/whet/models/reader"
FIRST, SECOND = 52_000, 44_000
BATCH = 24
CONTEXT = 1024
SHAPE = {
    "hidden_size": 256,
    "intermediate_size": 768,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "max_position_embeddings": CONTEXT,
    "tie_word_embeddings": True,
}
LR, WARM = 4e-4, 50
BETAS, DECAY = (0.9, 0.98), 0.05
TOKENIZED = 8_000
"""Items that the tokenizer is trained on."""
MEASURED = 300
"""Held-out items of each skill."""
SAVE_SECONDS = 180.0
STOP = "STOP"
"""A file of this name in a phase's folder ends the process after the next step; without it, it goes on."""
SEED = 5
PRECISION = "fp32"
"""Of products: the same on every processor. The weights are published in bf16."""
TOLD = 25
"""Steps between two lines."""


def main() -> None:
    arguments = _arguments()
    start = arguments.work / "start"
    if not start.exists():
        make_start(start)
    first = phase(start, arguments.work / "first", arguments.first, SEED, "constant")
    second = phase(first.model, arguments.work / "second", arguments.second, SEED + 1, "linear")
    said = {
        "rows": [arguments.first, arguments.second],
        "seed": SEED,
        "steps": first.steps + second.steps,
        "seconds": round(first.seconds + second.seconds),
    }
    publish(second.model, arguments.out, said)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="for checkpoints and what is between")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--first", type=int, default=FIRST)
    parser.add_argument("--second", type=int, default=SECOND)
    return parser.parse_args()


def make_start(folder: Path) -> None:
    """A model that has learned nothing, and a tokenizer of the texts to come."""
    import torch

    texts = (turn.text for n in range(TOKENIZED) for turn in mix.item(f"tokens/{n}", 1.0).turns)
    tokenizer = tokenizer_of(texts, CONTEXT)
    model = random_model(tokenizer)
    lay_heads(model, tokenizer)
    with quiet_transformers():
        model.to(torch.bfloat16).save_pretrained(folder)
        tokenizer.save_pretrained(folder)


def random_model(tokenizer: Any) -> Any:
    """In fp32, by the seed."""
    import torch

    torch.manual_seed(SEED)
    ids = tokenizer.convert_tokens_to_ids
    with quiet_transformers() as transformers:
        config = transformers.LlamaConfig(
            vocab_size=len(tokenizer),
            bos_token_id=ids(BEGIN),
            eos_token_id=ids(END),
            pad_token_id=ids(PAD),
            rope_parameters={"rope_type": "default", "rope_theta": THETA},
            **SHAPE,
        )
        return transformers.LlamaForCausalLM(config)


def lay_heads(model: Any, tokenizer: Any) -> None:
    """What ``reader.start`` lays, for the words of this tokenizer."""
    kinds = of_topics(tokenizer, topics())
    mark, space = tokenizer("- ", add_special_tokens=False)["input_ids"]
    lay(model, kinds, telling_of(tokenizer, kinds, mix.plain()), (mark, space), SEED)


class Phase(NamedTuple):
    """What a part of the training has left."""

    model: Path
    steps: int
    seconds: float


def phase(start: Path, folder: Path, count: int, seed: int, schedule: str) -> Phase:
    """Train ``count`` rows from the model in ``start``, or go on with it."""
    done = folder / "model"
    source = describe_decoder(start, "reader", local=True)
    tokenizer = load_tokenizer(source)
    register()
    ready = prepared(load_decoder(source, PRECISION), None, Settings(share=False, widths=16), seed)
    layout = layout_of(tokenizer)
    easy = mix.EASY if schedule == "constant" else 0
    job = CausalJob(
        ready.model, mix.Rows(layout, count, seed, easy), _Names(), (), ready.form, ready.settings
    )
    watching = Watching(_Telling(), (folder / STOP).exists)
    ended = train(job, count, _plan(count, schedule), folder, watching, _in_order(count))
    job.publish(done, "reader", tokenizer)
    return Phase(done, ended.steps, ended.seconds)


def _plan(count: int, schedule: str) -> Plan:
    steps = -(-count // BATCH)
    rates = Rates(LR, DECAY, warmup=WARM / steps, schedule=schedule, betas=BETAS)
    return Plan(rates, epochs=1, batch=BATCH, looks=0, patience=0, save_seconds=SAVE_SECONDS, seed=SEED)


def _in_order(count: int) -> Batches:
    """Rows as they are numbered: what is easy comes first."""
    return lambda epoch: [range(at, min(at + BATCH, count)) for at in range(0, count, BATCH)]


class _Names(Sequence[str]):
    """Where rows come from: their numbers."""

    def __getitem__(self, place: Any) -> Any:
        return f"row {place}"

    def __len__(self) -> int:
        return FIRST


class _Telling:
    """A line every so many steps: the loss since the last, and the speed."""

    def __init__(self) -> None:
        self._some = list[Mapping[str, float]]()

    def __call__(self, figures: Mapping[str, float]) -> None:
        self._some.append(figures)
        if len(self._some) == TOLD or figures["step"] == figures["steps"]:
            loss = sum(one["loss"] for one in self._some) / len(self._some)
            speed = sum(one["read"] for one in self._some) / sum(one["seconds"] for one in self._some)
            print(
                f"{time.strftime('%H:%M:%S')} step {figures['step']:.0f} of {figures['steps']:.0f}, "
                f"loss {loss:.4f}, {speed:,.0f} tokens/s, norm {figures['norm']:.2f}",
                flush=True,
            )
            self._some.clear()


def halved(made: Path) -> Any:
    """The model with its weights rounded to bf16: half the bytes, and what the card is measured on."""
    import torch

    model = load_decoder(describe_decoder(made, "reader", local=True), "fp32")
    return model.to(torch.bfloat16)


def publish(made: Path, out: Path, said: Mapping[str, Any]) -> None:
    """The model in bf16 with its measured card."""
    shutil.copytree(made, out, dirs_exist_ok=True)
    halved(made).save_pretrained(out)
    source = describe_decoder(out, "reader", local=True)
    card = {
        "format": 1,
        "sha256": source.sha256,
        "parameters": source.parameters,
        "layers": source.layers,
        "width": source.dim,
        "vocabulary": source.vocabulary,
        "context": source.context,
        **said,
        "made_with": _versions(),
        "measured": figures(open_writer(str(out)), items(MEASURED)),
    }
    write_json(out / "reader.json", card)
    write_text(out / "README.md", readme(card))
    print(json.dumps(card["measured"], indent=1))


def _versions() -> dict[str, str]:
    return {name: version(name) for name in ("torch", "transformers", "tokenizers")}


if __name__ == "__main__":
    main()
