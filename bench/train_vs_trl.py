"""Our training step against TRL's SFTTrainer: same model, rows, adapter and machine, arms interleaved.

    pip install -e '.[bench]' trl==1.16.0
    python bench/train_vs_trl.py [--prompt 300 --input 40 --output 10 --batch 16]
    python bench/train_vs_trl.py --model qwen3-0.6b --device cuda --prompt 1000 --input 100 --output 10

The model has the shape that ``--model`` names (unless said otherwise a Llama of 135M: 30 layers, 576 wide,
vocabulary 49,152) and random weights; LoRA r=16 on all linear layers, AdamW, no dropout. Every arm runs in a
process of its own, in a random order, ``--rounds`` times; the first steps of each are not counted. Prints one
JSON line: examples a second of each arm (median, and the interval of the medians by bootstrap), peak memory
(of the process on a CPU, of the tensors on a GPU), the ratios, and what share of the arithmetic limit ours
reaches. ``--arms`` chooses; ``--steps``, ``--warm`` and ``--rounds`` shorten. Of our arms, whose steps are
short, five are counted at least.

TRL tuned is the best of a small sweep: bf16 weights, no checkpointing, two batch sizes, packing. On a GPU
packing goes with the best attention that is installed for it: flash attention 3 or 2, else flex.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

SHAPES: dict[str, dict[str, Any]] = {
    "llama-135m": {
        "model_type": "llama",
        "vocab_size": 49_152,
        "hidden_size": 576,
        "intermediate_size": 1_536,
        "num_hidden_layers": 30,
        "num_attention_heads": 9,
        "num_key_value_heads": 3,
        "head_dim": 64,
    },
    "qwen3-0.6b": {
        "model_type": "qwen3",
        "vocab_size": 151_936,
        "hidden_size": 1_024,
        "intermediate_size": 3_072,
        "num_hidden_layers": 28,
        "num_attention_heads": 16,
        "num_key_value_heads": 8,
        "head_dim": 128,
    },
    "llama-1b": {
        "model_type": "llama",
        "vocab_size": 128_256,
        "hidden_size": 2_048,
        "intermediate_size": 8_192,
        "num_hidden_layers": 16,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "head_dim": 64,
    },
}
COMMON = {"tie_word_embeddings": True, "max_position_embeddings": 4_096}
RANK = 16
LEAST = 5
"""Steps of ours that are counted, at least: one of two seconds says little beside one of forty."""
OURS: dict[str, dict[str, Any]] = {
    "whet": {},
    "whet, prefixes not shared": {"share": False},
    "whet, prefixes by themselves": {"together": False},
    "whet, torch's attention": {"plain": True},
    "whet, PEFT's LoRA": {"fuse": False},
    "whet, weights not laid out": {"pack": False},
    "whet, last layer whole": {"last": False},
    "whet, one row at a time": {"pass_tokens": 1},
    "whet, compiled": {"compile": True},
}
TRL: dict[str, dict[str, Any]] = {
    "trl stock": {"per_device": 8, "bf16_weights": False, "checkpointing": True},
    "trl tuned, 8": {"per_device": 8, "bf16_weights": True},
    "trl tuned, 16": {"per_device": 16, "bf16_weights": True},
    "trl tuned, packed": {"per_device": 1, "bf16_weights": True, "packing": True},
}


def main() -> None:
    arguments = parse()
    if arguments.arm:
        print(json.dumps(run(arguments)))
        return
    names = arguments.arms or [*TRL, *OURS]
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    rng = random.Random(0)
    for _ in range(arguments.rounds):
        for name in rng.sample(names, len(names)):
            rows[name].append(arm(arguments, name))
            print(json.dumps(rows[name][-1]), file=sys.stderr, flush=True)
    print(json.dumps(summary(arguments, rows)))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, value in (("prompt", 300), ("input", 40), ("output", 10), ("batch", 16)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--model", choices=SHAPES, default="llama-135m")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=4, help="counted, after the first ones")
    parser.add_argument("--warm", type=int, default=2, help="steps before them; 1 where one takes minutes")
    parser.add_argument("--arms", nargs="+", choices=[*TRL, *OURS])
    parser.add_argument("--arm", default="", help=argparse.SUPPRESS)
    return parser.parse_args()


def arm(arguments: argparse.Namespace, name: str) -> dict[str, Any]:
    command = [sys.executable, __file__, *sys.argv[1:], "--arm", name]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, check=True, env={**os.environ, "HF_HUB_OFFLINE": "1"}
    )
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    name = arguments.arm
    seconds, losses = ours(arguments, **OURS[name]) if name in OURS else trl(arguments, **TRL[name])
    memory = peak_gib(arguments)
    speeds = [arguments.batch / second for second in seconds]
    limit = least_seconds(arguments) if name == "whet" else None
    return {"arm": name, "speeds": speeds, "peak_gib": memory, "losses": losses, "least_seconds": limit}


def peak_gib(arguments: argparse.Namespace) -> float:
    """Of this process on a CPU, of its tensors on a GPU."""
    if arguments.device == "cpu":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    import torch

    return float(torch.cuda.max_memory_allocated() / 2**30)


def settle(arguments: argparse.Namespace) -> None:
    """Wait for what a GPU still has to do."""
    if arguments.device == "cuda":
        import torch

        torch.cuda.synchronize()


def examples(arguments: argparse.Namespace, count: int) -> list[tuple[list[int], int]]:
    """(tokens, how many are read only): one instruction, own input and output of each row."""
    rng = random.Random(0)
    vocabulary = SHAPES[arguments.model]["vocab_size"]
    shared = [rng.randrange(vocabulary) for _ in range(arguments.prompt)]
    own = arguments.input + arguments.output
    drawn = [[rng.randrange(vocabulary) for _ in range(own)] for _ in range(count)]
    return [(shared + part, arguments.prompt + arguments.input) for part in drawn]


def rows_of(drawn: list[tuple[list[int], int]]) -> list[Any]:
    """The same rows as the training step has them."""
    from whet.train.sharing import Row

    return [Row(tuple(ids), (0.0,) * read + (1.0,) * (len(ids) - read)) for ids, read in drawn]


def base(arguments: argparse.Namespace, *, bf16: bool, attention: str, device: str = "") -> Any:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(0)
    config = AutoConfig.for_model(**SHAPES[arguments.model], **COMMON)
    dtype = torch.bfloat16 if bf16 else torch.float32
    with torch.device(device or arguments.device):
        return AutoModelForCausalLM.from_config(config, dtype=dtype, attn_implementation=attention)


def ours(
    arguments: argparse.Namespace,
    *,
    plain: bool = False,
    fuse: bool = True,
    compile: bool = False,
    **settings: Any,
) -> tuple[list[float], list[float]]:
    import contextlib

    from whet.train.adapters import LoraRecipe
    from whet.train.attention import only_plain
    from whet.train.causal import prepared
    from whet.train.optimizer import Optimizer, Rates, trainable
    from whet.train.step import Settings, gradients

    lora = LoraRecipe(RANK, 2.0 * RANK)
    model = base(arguments, bf16=True, attention="eager")
    ready = prepared(model, lora, Settings(**settings), 0, fuse=fuse, compile=compile)
    optimizer = Optimizer(trainable(ready.model), Rates(1e-3))
    steps = max(arguments.steps, LEAST) + arguments.warm
    given = rows_of(examples(arguments, steps * arguments.batch))
    seconds, losses = [], []
    with only_plain() if plain else contextlib.nullcontext():
        for step in range(steps):
            start = time.perf_counter()
            part = given[step * arguments.batch : (step + 1) * arguments.batch]
            losses.append(gradients(ready.model, part, ready.settings).loss)
            optimizer.step(1.0)
            settle(arguments)
            seconds.append(time.perf_counter() - start)
    return seconds[arguments.warm :], losses


def trl(
    arguments: argparse.Namespace,
    *,
    per_device: int,
    bf16_weights: bool,
    checkpointing: bool = False,
    packing: bool = False,
) -> tuple[list[float], list[float]]:
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import TrainerCallback
    from trl import SFTConfig, SFTTrainer

    steps = arguments.steps + arguments.warm
    rows = [
        {"input_ids": ids, "completion_mask": [0] * read + [1] * (len(ids) - read)}
        for ids, read in examples(arguments, steps * arguments.batch)
    ]
    times, losses = [time.perf_counter()], list[float]()

    class Clock(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, *_: Any, **__: Any) -> None:
            settle(arguments)
            times.append(time.perf_counter())

        def on_log(self, *_: Any, logs: dict[str, float] | None = None, **__: Any) -> None:
            losses.extend([logs["loss"]] if logs and "loss" in logs else [])

    length = arguments.prompt + arguments.input + arguments.output
    config = SFTConfig(
        output_dir=tempfile.mkdtemp(),
        per_device_train_batch_size=per_device,
        gradient_accumulation_steps=max(1, arguments.batch // per_device) if not packing else 1,
        num_train_epochs=1,
        learning_rate=1e-3,
        lr_scheduler_type="constant",
        max_grad_norm=1.0,
        gradient_checkpointing=checkpointing,
        bf16=True,
        use_cpu=arguments.device == "cpu",
        packing=packing,
        max_length=length * arguments.batch if packing else length,
        completion_only_loss=True,
        shuffle_dataset=False,
        report_to="none",
        save_strategy="no",
        disable_tqdm=True,
        logging_steps=1,
    )
    trainer = SFTTrainer(
        model=base(arguments, bf16=bf16_weights, attention=attention(arguments, packing=packing)),
        args=config,
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer(),
        peft_config=LoraConfig(
            r=RANK, lora_alpha=2 * RANK, target_modules="all-linear", task_type="CAUSAL_LM"
        ),
        callbacks=[Clock()],
    )
    trainer.train()
    seconds = [after - before for before, after in itertools.pairwise(times)]
    return seconds[arguments.warm :], losses


def attention(arguments: argparse.Namespace, *, packing: bool) -> str:
    """The best of transformers' attentions that can run here; only some keep packed rows apart cheaply."""
    from transformers.utils import is_flash_attn_2_available, is_flash_attn_3_available

    if arguments.device == "cpu":
        return "sdpa"
    for name, there in (
        ("flash_attention_3", is_flash_attn_3_available),
        ("flash_attention_2", is_flash_attn_2_available),
    ):
        if there():
            return name
    return "flex_attention" if packing else "sdpa"


def tokenizer() -> Any:
    """TRL wants one, though the rows are tokens already."""
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    vocabulary = {"<pad>": 0, "<eos>": 1, "<unk>": 2}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    return PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>"
    )


def least_seconds(arguments: argparse.Namespace) -> float:
    """The least time that a step's arithmetic could take here, at the rate of the model's own shapes."""
    from whet.models.shape import shape_of
    from whet.train.limit import measured_rate, work_of

    shape = shape_of(base(arguments, bf16=True, attention="eager", device="meta"))
    rows = rows_of(examples(arguments, arguments.batch))
    return work_of(shape, RANK).of(rows) / measured_rate(shape.linears, "bf16", device=arguments.device)


def summary(arguments: argparse.Namespace, rows: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    speeds = {
        name: interval([statistics.median(row["speeds"]) for row in found]) for name, found in rows.items()
    }
    memory = {name: max(row["peak_gib"] for row in found) for name, found in rows.items()}
    line: dict[str, Any] = {
        "bench": "train_vs_trl",
        **{
            name: getattr(arguments, name)
            for name in ("model", "device", "prompt", "input", "output", "batch", "rounds", "steps", "warm")
        },
        "examples_per_second": speeds,
        "peak_gib": memory,
    }
    if "whet" in speeds:
        mine = speeds["whet"]["median"]
        line["ratio"] = {name: mine / other["median"] for name, other in speeds.items() if name != "whet"}
        line["share_of_limit"] = (
            statistics.median(row["least_seconds"] for row in rows["whet"]) * mine / arguments.batch
        )
    return line


def interval(values: list[float]) -> dict[str, float]:
    """Median, and the 95 % interval of the median by bootstrap."""
    rng = random.Random(0)
    drawn = sorted(statistics.median(rng.choices(values, k=len(values))) for _ in range(2_000))
    return {"median": statistics.median(values), "low": drawn[50], "high": drawn[1_949]}


if __name__ == "__main__":
    main()
