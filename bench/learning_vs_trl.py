"""Do ours and TRL's learn the same? Same model, rows, order, adapter and settings; three seeds each.

    pip install -e '.[bench]' trl==1.16.0
    python bench/learning_vs_trl.py [--data ../shared/data]

Two really pretrained models of 260,000 and 656,000 parameters learn to write four of Bitext's short replies,
by LoRA and in full. Both sides get the same tokens in the same order, start from the same adapter, and step
with the same AdamW on the same schedule, in fp32; a seed decides order and adapter. What is written is read
by transformers and PEFT alone, and judged on held-out rows: loss and greedy exact match.

Prints one JSON line for each model and method. ``curve``: how far the two sides' training losses are apart at
one step of one seed, how far two seeds of one side are, and what share of our losses lies within those of the
other side's seeds at that step, widened by nothing but what rounding does (``ROUNDING``).
``held_out``: for each seed both losses and both exact matches, with the 95 % interval of the paired
difference by bootstrap over the rows.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from replies import DATA, FILE, Asked, greedy
from whet.train.optimizer import Rates
from whet.train.sharing import Row

MODELS = {"stories260k": "weights/stories260k/hf", "tinystories-656k": "weights/tinystories-656k"}
METHODS = {"lora": 1e-2, "full": 5e-3}
RANK, BATCH, EPOCHS, SEEDS = 8, 8, 3, (0, 1, 2)
ROUNDING = 1e-3
"""Of a loss: what the order of sums changes over a training."""


def main() -> None:
    import torch

    torch.set_num_threads(1)
    arguments = parse()
    for model in arguments.models:
        for method in arguments.methods:
            print(json.dumps(case(arguments, model, method)), flush=True)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=[*MODELS])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=[*METHODS])
    parser.add_argument("--seeds", nargs="+", type=int, default=SEEDS)
    parser.add_argument("--replies", type=int, default=4, help="of the 27, the shortest")
    parser.add_argument("--train", type=int, default=128, help="rows to learn from")
    parser.add_argument("--held-out", type=int, default=100, help="rows to judge by")
    return parser.parse_args()


def case(arguments: argparse.Namespace, model: str, method: str) -> dict[str, Any]:
    """Both sides, all seeds, of one model and method."""
    folder, runs = arguments.data / MODELS[model], dict[str, list[Trained]](whet=[], trl=[])
    rows, held_out = drawn(arguments, folder)
    for seed in arguments.seeds:
        for side, train in (("whet", ours), ("trl", theirs)):
            recipe = Recipe(folder, method, METHODS[method], seed)
            runs[side].append(trained(train, recipe, rows, held_out))
    pairs = zip(runs["whet"], runs["trl"], strict=True)
    return {
        "bench": "learning_vs_trl",
        "model": model,
        "method": method,
        **{"lr": METHODS[method], "rank": RANK, "batch": BATCH, "epochs": EPOCHS},
        **{"train": len(rows), "held_out_rows": len(held_out.prompts), "seeds": list(arguments.seeds)},
        "curve": curves(runs["whet"], runs["trl"]),
        "held_out": [judged(mine, yours) for mine, yours in pairs],
        "spread": {side: spread(found) for side, found in runs.items()},
        "losses": {side: [rounded(run.losses) for run in found] for side, found in runs.items()},
    }


def curves(ours: list[Trained], theirs: list[Trained]) -> dict[str, Any]:
    """How the two sides' training losses lie to each other and to the seeds."""
    one, other = ([run.losses for run in side] for side in (ours, theirs))
    apart = [
        abs(a - b) for mine, yours in zip(one, other, strict=True) for a, b in zip(mine, yours, strict=True)
    ]
    seeds = [max(column) - min(column) for side in (one, other) for column in zip(*side, strict=True)]
    inside = [
        min(yours) - ROUNDING <= loss <= max(yours) + ROUNDING
        for mine, yours in zip(zip(*one, strict=True), zip(*other, strict=True), strict=True)
        for loss in mine
    ]
    return {
        "steps": len(one[0]),
        "sides_differ_at_a_step": {"median": statistics.median(apart), "most": max(apart)},
        "seeds_differ_at_a_step": {"median": statistics.median(seeds), "most": max(seeds)},
        "inside_the_other_sides_seeds": sum(inside) / len(inside),
    }


def spread(runs: list[Trained]) -> dict[str, list[float]]:
    """Of the held-out figures over the seeds: lowest and highest."""
    means = {"loss": [mean(run.loss) for run in runs], "exact": [mean(run.exact) for run in runs]}
    return {name: [min(values), max(values)] for name, values in means.items()}


def judged(mine: Trained, yours: Trained) -> dict[str, Any]:
    """Both held-out figures of one seed, and the interval of their paired difference."""
    found: dict[str, Any] = {"seed": mine.seed}
    for name in ("loss", "exact"):
        one, other = getattr(mine, name), getattr(yours, name)
        low, high = interval([a - b for a, b in zip(one, other, strict=True)])
        found[name] = {"whet": mean(one), "trl": mean(other), "difference": [low, high]}
    return found


def rounded(values: list[float]) -> list[float]:
    return [round(value, 4) for value in values]


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def interval(differences: list[float]) -> tuple[float, float]:
    """95 % of the mean, by bootstrap over the rows."""
    rng = random.Random(0)
    drawn = sorted(mean(rng.choices(differences, k=len(differences))) for _ in range(2_000))
    return drawn[50], drawn[1_949]


# One training.


@dataclass(frozen=True)
class Recipe:
    folder: Path
    method: str
    lr: float
    seed: int

    @property
    def rates(self) -> Rates:
        return Rates(self.lr, decay=0.0)


@dataclass(frozen=True)
class Trained:
    seed: int
    losses: list[float]
    """Of every step."""
    loss: list[float]
    """Of every held-out row."""
    exact: list[float]
    """Whether the greedy answer to it is right in every token: 0 or 1."""


def trained(
    train: Callable[[Recipe, list[Row], Path], list[float]], recipe: Recipe, rows: list[Row], held_out: Asked
) -> Trained:
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as place:
        losses = train(recipe, rows, Path(place))
        loss, exact = scored(recipe, Path(place), held_out)
    said = f"{train.__name__}, {recipe.method}, seed {recipe.seed}: {mean(loss):.4f}, {mean(exact):.2f} exact"
    print(f"{said}, {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
    return Trained(recipe.seed, losses, loss, exact)


def drawn(arguments: argparse.Namespace, folder: Path) -> tuple[list[Row], Asked]:
    """Rows to learn from and rows to judge by, as tokens; the same for every arm and seed."""
    import csv

    from whet.models.decoder import find_decoder, load_tokenizer
    from whet.models.layout import Conversation
    from whet.records import Turn
    from whet.train.tokens import tokenize

    with (arguments.data / FILE).open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    random.Random(0).shuffle(rows)
    kept = sorted({row["response"] for row in rows}, key=len)[: arguments.replies]
    rows = [row for row in rows if row["response"] in kept]
    conversations = [
        Conversation((Turn("user", row["instruction"]), Turn("assistant", row["response"])), f"row {n}")
        for n, row in enumerate(rows[: arguments.train + arguments.held_out])
    ]
    found = tokenize(conversations, load_tokenizer(find_decoder(str(folder))))
    starts = [next(place for place, weight in enumerate(row.weights) if weight) for row in found.rows]
    parts = list(zip(found.rows, starts, strict=True))[arguments.train :]
    asked = Asked(
        [list(row.ids[:start]) for row, start in parts],
        [list(row.ids[start:]) for row, start in parts],
        [row["response"] for row in rows[arguments.train : arguments.train + arguments.held_out]],
        found.ends,
    )
    return list(found.rows[: arguments.train]), asked


def base(folder: Path) -> Any:
    from whet.models.decoder import find_decoder, load_decoder

    return load_decoder(find_decoder(str(folder)), "fp32", attention="sdpa")


def ours(recipe: Recipe, rows: list[Row], out: Path) -> list[float]:
    from whet.train.adapters import LoraRecipe
    from whet.train.causal import prepared
    from whet.train.course import Plan
    from whet.train.job import CausalJob
    from whet.train.loop import Watching, train
    from whet.train.step import Settings

    lora = LoraRecipe(RANK, 2.0 * RANK) if recipe.method == "lora" else None
    ready = prepared(base(recipe.folder), lora, Settings(), recipe.seed)
    job = CausalJob(ready.model, rows, [""] * len(rows), rows[:1], ready.form, ready.settings)
    plan = Plan(recipe.rates, epochs=EPOCHS, batch=BATCH, patience=0, seed=recipe.seed)
    losses: list[float] = []
    train(job, len(rows), plan, None, Watching(lambda figures: losses.append(figures["loss"])))
    job.write(out)
    return losses


def theirs(recipe: Recipe, rows: list[Row], out: Path) -> list[float]:
    """TRL, given the rows in the order in which our loop takes them, the epochs end to end."""
    from datasets import Dataset
    from torch.optim.lr_scheduler import LambdaLR
    from torch.utils.data import SequentialSampler
    from transformers import PrinterCallback, TrainerCallback, set_seed
    from trl import SFTConfig, SFTTrainer

    from whet.models.decoder import find_decoder, load_tokenizer
    from whet.train.course import order

    losses: list[float] = []

    class Log(TrainerCallback):  # type: ignore[misc]
        def on_log(self, *_: Any, logs: dict[str, float] | None = None, **__: Any) -> None:
            losses.extend([logs["loss"]] if logs and "loss" in logs else [])

    class InOrder(SFTTrainer):  # type: ignore[misc]
        def _get_train_sampler(self, *_: Any, **__: Any) -> Any:
            return SequentialSampler(self.train_dataset)

        def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
            """Ours; transformers' makes the first step with a rate of 0."""
            self.lr_scheduler = LambdaLR(
                self.optimizer, lambda done: recipe.rates.factor(done + 1, num_training_steps)
            )
            return self.lr_scheduler

    taken = [rows[place] for epoch in range(EPOCHS) for place in order(len(rows), recipe.seed, epoch)]
    given = [
        {"input_ids": list(row.ids), "completion_mask": [int(weight > 0) for weight in row.weights]}
        for row in taken
    ]
    set_seed(recipe.seed)
    tokenizer = load_tokenizer(find_decoder(str(recipe.folder)))
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.unk_token
    trainer = InOrder(
        model=wrapped(recipe),
        args=SFTConfig(
            output_dir=str(out / "trl"),
            per_device_train_batch_size=BATCH,
            num_train_epochs=1,
            learning_rate=recipe.lr,
            weight_decay=0.0,
            max_grad_norm=1.0,
            gradient_checkpointing=False,
            bf16=False,
            use_cpu=True,
            max_length=None,
            completion_only_loss=True,
            shuffle_dataset=False,
            report_to="none",
            save_strategy="no",
            disable_tqdm=True,
            logging_steps=1,
        ),
        train_dataset=Dataset.from_list(given),
        processing_class=tokenizer,
        callbacks=[Log()],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    trainer.model.save_pretrained(out, safe_serialization=True)
    return losses


def wrapped(recipe: Recipe) -> Any:
    """The model for TRL; its adapter begins as ours does, in PEFT's own layers."""
    from whet.train.adapters import LoraRecipe, adapted

    model = base(recipe.folder)
    if recipe.method == "full":
        return model
    return adapted(model, LoraRecipe(RANK, 2.0 * RANK), recipe.seed, fuse=False)


def scored(recipe: Recipe, out: Path, held_out: Asked) -> tuple[list[float], list[float]]:
    """Loss and exact match of each held-out row, by transformers and PEFT alone."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    if recipe.method == "lora":
        model = PeftModel.from_pretrained(base(recipe.folder), out)
    else:
        model = AutoModelForCausalLM.from_pretrained(out, dtype=torch.float32)
    model.eval()
    said = greedy(model, held_out)
    exact = [float(one == other) for one, other in zip(said, held_out.answers, strict=True)]
    loss = []
    for prompt, answer in zip(held_out.prompts, held_out.answers, strict=True):
        ids = torch.tensor([prompt + answer])
        labels = torch.tensor([[-100] * len(prompt) + answer])
        with torch.no_grad():
            loss.append(float(model(input_ids=ids, labels=labels).loss))
    return loss, exact


if __name__ == "__main__":
    main()
