"""``whet serve``'s engine beside ``transformers serve``: chats that begin alike, and labels by an encoder.

    python bench/serve_vs_transformers.py [--chats 16 --prefix 300 --tokens 32 --rounds 3 --layers 30]

Two servers on loopback, each in a process of its own, of the same random Llama of 135M (30 layers, 576 wide;
``--layers`` makes it smaller), and one client that asks both in turn, ``--rounds`` times after one that is
not counted. ``--chats`` clients ask at once; every chat has the same system message of ``--prefix``
tokens and a question of its own, and gets ``--tokens`` tokens, greedily. transformers runs with continuous
batching where it has it, else as it comes; which, stands in the line.

- ``whet``, ``transformers``: requests a second with the same weights, and their ratio;
- ``adapter``: ours, with a LoRA adapter on those weights, which transformers does not serve;
- ``two_adapters``: ours, half of the chats by one adapter and half by another, and what that costs;
- ``labels``: a specialist on the offline encoder: requests a second of ``--clients`` clients that ask one
  input each, and the share that this is of the encoder's own rate in one batch.

Prints one JSON line.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import platform
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.loading import asked
from tests.releases import small_run
from tests.serving import Server, serving, until

from generate_vs_transformers import SHAPE

WORDS = ("parcel", "late", "refund", "where", "money", "queue", "customer", "reads", "answers", "sort")
START, PATIENCE = 180, 600  # seconds


def main() -> None:
    arguments = parse()
    found: dict[str, Any] = {
        "bench": "serve_vs_transformers",
        "machine": platform.machine(),
        **vars(arguments),
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        base = model_in(folder / "base", arguments.layers)
        trained = [trained_in(folder / f"adapter{n}", base, n) for n in (0, 1)]
        found |= chats(arguments, base, [whole_in(folder / "whole", base, trained[0]), *trained])
        found["labels"] = labels(folder, arguments)
    print(json.dumps(found))


def model_in(folder: Path, layers: int) -> Path:
    """A random Llama of 135M with a byte-level tokenizer and a chat template."""
    import torch
    from tests import chat_templates
    from transformers import AutoModelForCausalLM, LlamaConfig

    torch.manual_seed(0)
    config = LlamaConfig(**{**SHAPE, "num_hidden_layers": layers})
    AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16).save_pretrained(folder)
    chat_templates.tokenizer(chat_templates.CHATML).save_pretrained(folder)
    return folder


def trained_in(folder: Path, base: Path, seed: int) -> Path:
    """What ``whet tune`` would leave: a card and a LoRA adapter, with random weights."""
    import torch
    from peft import LoraConfig, get_peft_model

    from whet.models.decoder import find_decoder, load_decoder, load_tokenizer
    from whet.models.layout import layout_of
    from whet.models.writer import answer_ends
    from whet.store import write_json

    source = find_decoder(str(base))
    model = load_decoder(source, "fp32")
    layout = layout_of(load_tokenizer(source))
    ends = sorted(answer_ends(layout, model))
    wrapped = get_peft_model(
        model, LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")
    )
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, value in wrapped.named_parameters():
            if "lora_B" in name:
                value.normal_(std=0.02)
    wrapped.save_pretrained(folder / "weights", save_embedding_layers=False)
    card = {"format": 1, "task": folder.name, "instruction": "", "template": layout.digest, "ends": ends}
    card |= {"base": {"name": str(base), "sha256": source.sha256, "licence": ""}, "adapter": {"rank": 16}}
    write_json(folder / "card.json", {**card, "plan": {}, "curve": []})
    return folder


def whole_in(folder: Path, base: Path, like: Path) -> Path:
    """The base itself as what a full training left: the same weights that transformers serves."""
    from whet.store import read_json, write_json

    shutil.copytree(base, folder / "weights")
    write_json(folder / "card.json", {**read_json(like / "card.json"), "task": folder.name, "adapter": None})
    return folder


def chats(arguments: argparse.Namespace, base: Path, trained: Sequence[Path]) -> dict[str, Any]:
    """Rates of both servers with the same weights, in turn, and of ours with an adapter on them, and two."""
    rates: dict[str, list[float]] = {"whet": [], "adapter": [], "two_adapters": [], "transformers": []}
    system = beginning(base, arguments.prefix)
    with serving_all(trained) as ours, by_transformers(base, arguments) as (port, how):
        for number in range(arguments.rounds + 1):
            for seed, (arm, at, models) in enumerate(
                (
                    ("whet", ours.port, ["whole"]),
                    ("adapter", ours.port, ["adapter0"]),
                    ("two_adapters", ours.port, ["adapter0", "adapter1"]),
                    ("transformers", port, [str(base)]),
                ),
                start=4 * number,  # no arm is asked what another was
            ):
                rate = asyncio.run(asked_at_once(at, models, arguments, system, seed))
                rates[arm] += [rate] if number else []
    found: dict[str, Any] = {arm: round(statistics.median(values), 3) for arm, values in rates.items()}
    found |= {"transformers_how": how, "ratio": round(found["whet"] / found["transformers"], 2)}
    return {**found, "second_adapter": round(found["two_adapters"] / found["adapter"], 3)}


def beginning(base: Path, tokens: int) -> str:
    """A system message of so many tokens, by the base's own tokenizer."""
    from transformers import AutoTokenizer

    tokenizer, rng, words = AutoTokenizer.from_pretrained(base), random.Random(0), [WORDS[0]]
    while len(tokenizer(" ".join(words))["input_ids"]) < tokens:
        words.append(rng.choice(WORDS))
    return " ".join(words)


async def asked_at_once(
    port: int, models: Sequence[str], arguments: argparse.Namespace, system: str, seed: int
) -> float:
    """Requests a second of chats that all begin at the same moment."""
    rng = random.Random(seed)
    bodies = [
        {
            "model": models[number % len(models)],
            "messages": [
                {"role": "system", "content": system},
                {"role": "user", "content": " ".join(rng.choice(WORDS) for _ in range(8))},
            ],
            "max_tokens": arguments.tokens,
            "temperature": 0.0,
            "stream": True,
        }
        for number in range(arguments.chats)
    ]
    start = time.perf_counter()
    answers = await asyncio.gather(*(asked(port, body, patience=PATIENCE) for body in bodies))
    seconds = time.perf_counter() - start
    wrong = [answer for answer in answers if answer.status != 200 or answer.failed]
    assert not wrong, (wrong[0].status, wrong[0].events[:2], wrong[0].failed)
    return len(bodies) / seconds


@contextlib.contextmanager
def serving_all(trained: Sequence[Path]) -> Iterator[Server]:
    """Our server with several trained folders on one base, which is more than a trial serves."""
    command = [sys.executable, __file__, "--serve", *map(str, trained)]
    server = Server(command)
    try:
        yield server
    finally:
        server.end()


def serve(folders: Sequence[Path]) -> None:
    """In a process of its own: every folder under its name."""
    from whet.errors import InputError
    from whet.serve.answers import Engines
    from whet.serve.app import app_of
    from whet.serve.catalogue import About, Catalogue
    from whet.serve.server import bound, run
    from whet.serve.serving import Serving

    class Folders:
        def __init__(self) -> None:
            self.engines = Engines()
            self.abouts = {folder.name: About(folder.name, folder.name, "0" * 64) for folder in folders}

        def names(self) -> list[About]:
            return list(self.abouts.values())

        def stamp(self) -> object:
            return None

        def release(self, name: str) -> About:
            if name not in self.abouts:
                raise InputError("there is no such model.", where=name)
            return self.abouts[name]

        def open(self, about: About) -> Any:
            return self.engines.answering(next(one for one in folders if one.name == about.name))

    inside = Serving(Catalogue(Folders()))
    listening = bound("127.0.0.1", 0)
    told = json.dumps({"address": f"http://127.0.0.1:{listening.getsockname()[1]}"})
    run(app_of(inside), inside, listening, lambda: print(told, flush=True))


@contextlib.contextmanager
def by_transformers(base: Path, arguments: argparse.Namespace) -> Iterator[tuple[int, str]]:
    """``transformers serve`` on a free port, and how it was started."""
    program = shutil.which("transformers", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert program, "transformers brings no command of its own here"
    told = subprocess.run([program, "serve", "--help"], capture_output=True, text=True, check=False).stdout
    more = ["--continuous-batching"] if "--continuous-batching" in told and arguments.batching else []
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    command = [program, "serve", "--host", "127.0.0.1", "--port", str(port), *more]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        assert until(lambda: reached(port) or process.poll() is not None, START), "it did not start"
        assert process.poll() is None, f"it ended: {' '.join(command)}"
        yield port, " ".join(["transformers serve", *more])
    finally:
        process.terminate()
        process.wait(timeout=30)


def reached(port: int) -> bool:
    with socket.socket() as one:
        one.settimeout(1)
        return one.connect_ex(("127.0.0.1", port)) == 0


def labels(folder: Path, arguments: argparse.Namespace) -> Mapping[str, float]:
    """Single inputs of many clients, beside the same inputs in one batch of the encoder."""
    from tests.conftest import tickets

    from whet.rungs.base import load_specialist

    (folder / "small").mkdir()
    run = small_run(folder / "small")
    texts = [text for text, _ in tickets(200, seed=1)][: arguments.inputs]
    specialist = load_specialist(run / "04-rungs" / "fewshot")
    specialist.predict(texts[:8])
    start = time.perf_counter()
    specialist.predict(texts)
    alone = len(texts) / (time.perf_counter() - start)
    with serving(run, "--trial", "--queue", "1024") as server:
        rate = asyncio.run(labelled(server.port, texts, arguments.clients))
    return {"requests_per_second": round(rate, 1), "of_batch_rate": round(rate / alone, 3)}


async def labelled(port: int, texts: Sequence[str], clients: int) -> float:
    """Requests a second of clients that ask one after another, each on connections of its own."""
    waiting = list(texts)

    async def one() -> None:
        while waiting:
            body = {"model": "small-tickets", "messages": [{"role": "user", "content": waiting.pop()}]}
            answer = await asked(port, body)
            assert answer.status == 200, answer

    await one_round(port, clients)
    start = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(clients)))
    return len(texts) / (time.perf_counter() - start)


async def one_round(port: int, clients: int) -> None:
    """Not counted."""
    body = {"model": "small-tickets", "messages": [{"role": "user", "content": "hello"}]}
    await asyncio.gather(*(asked(port, body) for _ in range(clients)))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    for name, usual in (("chats", 16), ("prefix", 300), ("tokens", 32), ("rounds", 3), ("layers", 30)):
        parser.add_argument(f"--{name}", type=int, default=usual)
    parser.add_argument("--inputs", type=int, default=600)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--batching", action=argparse.BooleanOptionalAction, default=True)
    return parser.parse_args()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve([Path(name) for name in sys.argv[2:]])
    else:
        main()
