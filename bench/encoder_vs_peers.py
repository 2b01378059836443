"""Our encoder training against Hugging Face Trainer and SetFit: same encoder, rows and machine, one run.

    pip install -e '.[bench,offline]'
    python bench/encoder_vs_peers.py --train train.csv --test test.csv

Each arm runs in a fresh process, one after the other, and its clock covers everything from the texts to
the trained model: loading, tokenising, choosing hyper-parameters, training. Accuracy is on the test file.
Peers train on our train and dev rows together, for they need no dev. Prints one JSON line: seconds,
accuracies, ratios, and the share of the arithmetic limit that our training reached.

Trainer: bf16, 4 epochs, batch 64, linear decay, the best of three learning rates; the time of that one
run is counted. Ours is run with more and more epochs until it reaches Trainer's accuracy; the time of the
one that does is counted.

SetFit: its defaults, on 8 examples a label. Its steps grow with the square of the labels: 77 labels make
23,400 of them, hours on two cores. So ``--setfit-labels 20`` compares whole runs on the first 20 labels,
and ``--setfit-factor 10`` gives SetFit on all labels ten times our time, its schedule ending there, beside
the time that its defaults would take.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

RATES = (1e-4, 3e-4, 1e-3)
EPOCHS = (0.5, 1.0, 2.0, 3.0)
SHOTS = 8
SETFIT_WARM = 30  # steps that measure its speed


def main() -> None:
    arguments = parse()
    if arguments.arm:
        print(json.dumps(run_arm(arguments)))
        return
    if arguments.setfit:
        against_setfit(arguments)
        return
    trainer = [arm(arguments, "trainer", rate=rate) for rate in RATES]
    best = max(trainer, key=lambda row: row["accuracy"])
    ours = until(arguments, best["accuracy"])
    line = {
        "bench": "encoder_vs_peers",
        "encoder": "all-MiniLM-L6-v2",
        "data": arguments.train.stem,
        "n_train": best["n_train"],
        "n_test": best["n_test"],
        "trainer": best,
        "trainer_all": trainer,
        "tune": ours[-1],
        "tune_all": ours,
        "seconds_ratio": ours[-1]["seconds"] / best["seconds"],
        "accuracy_difference": ours[-1]["accuracy"] - best["accuracy"],
    }
    print(json.dumps(line))


def against_setfit(arguments: argparse.Namespace) -> None:
    """Whole runs on the first labels, then ten times our time on all of them."""
    arguments.labels = arguments.setfit_labels
    few, whole = arm(arguments, "tune-few"), arm(arguments, "setfit")
    line = {"bench": "encoder_vs_setfit", "labels": arguments.labels, "tune_few": few, "setfit": whole}
    print(json.dumps(line | compared(few, whole)))
    arguments.labels = 0
    few = arm(arguments, "tune-few")
    budget = arm(arguments, "setfit", seconds=arguments.setfit_factor * few["seconds"])
    line = {"bench": "encoder_vs_setfit", "labels": "all", "tune_few": few, "setfit": budget}
    print(json.dumps(line | compared(few, budget)))


def compared(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, float]:
    return {
        "seconds_ratio": ours["seconds"] / theirs["seconds"],
        "accuracy_difference": ours["accuracy"] - theirs["accuracy"],
    }


def until(arguments: argparse.Namespace, wanted: float) -> list[dict[str, Any]]:
    """Our runs with more and more epochs, until one is as accurate as ``wanted``."""
    runs: list[dict[str, Any]] = []
    for epochs in EPOCHS:
        runs.append(arm(arguments, "tune", epochs=epochs))
        if runs[-1]["accuracy"] >= wanted:
            break
    return runs


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--input", default="text")
    parser.add_argument("--output", default="category")
    parser.add_argument("--labels", type=int, default=0, help="only the first N labels (0: all)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--setfit", action="store_true", help="against SetFit instead of Trainer")
    parser.add_argument("--setfit-labels", type=int, default=20)
    parser.add_argument("--setfit-factor", type=float, default=10.0)
    parser.add_argument("--arm", default="")
    parser.add_argument("--rate", type=float, default=1e-4)
    parser.add_argument("--epochs", type=float, default=2.0)
    parser.add_argument("--seconds", type=float, default=0.0, help="SetFit's budget (0: its defaults)")
    return parser.parse_args()


def arm(arguments: argparse.Namespace, name: str, **options: float) -> dict[str, Any]:
    """Run one arm in a process of its own; its last line is its result."""
    given = {"labels": arguments.labels, **options}
    more = [part for key, value in given.items() for part in (f"--{key}", str(value))]
    command = [sys.executable, __file__, *sys.argv[1:], "--arm", name, *more]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, check=True, env={**os.environ, "HF_HUB_OFFLINE": "1"}
    )
    row: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    print(json.dumps(row), file=sys.stderr, flush=True)
    return row


def run_arm(arguments: argparse.Namespace) -> dict[str, Any]:
    data = load(arguments)
    arms = {"trainer": trainer, "setfit": setfit, "tune": tune, "tune-few": tune_few}
    return {"arm": arguments.arm, **arms[arguments.arm](data, arguments)}


class Data:
    """Rows of the honest split: near twins of test rows are out of training for every arm."""

    def __init__(self, train: list[Any], dev: list[Any], test: list[Any], labels: list[str]):
        self.train, self.dev, self.test, self.labels = train, dev, test, labels

    def few(self) -> list[Any]:
        """The first SHOTS rows of each label, of train and dev together."""
        counts = dict.fromkeys(self.labels, 0)
        kept = []
        for example in [*self.train, *self.dev]:
            counts[example.output] += 1
            if counts[example.output] <= SHOTS:
                kept.append(example)
        return kept

    def sizes(self) -> dict[str, int]:
        return {"n_train": len(self.train) + len(self.dev), "n_test": len(self.test)}


def load(arguments: argparse.Namespace) -> Data:
    from whet.config import task_from
    from whet.data.load import load_examples
    from whet.data.split import split_examples

    task = task_from(
        {
            "task": "bench",
            "examples": str(arguments.train.resolve()),
            "seed": arguments.seed,
            "fields": {"input": arguments.input, "output": arguments.output},
            "split": {"test": str(arguments.test.resolve()), "dev": 0.1},
        }
    )
    splits = split_examples(task, load_examples(task, Path()), Path())
    labels = sorted(label.name for label in splits.labels)
    labels = labels[: arguments.labels or None]
    train, dev, test = (
        [e for e in side if e.output in labels] for side in (splits.train, splits.dev, splits.test)
    )
    return Data(train, dev, test, labels)


def accuracy(outputs: list[Any], test: list[Any]) -> float:
    right = [output == example.output for output, example in zip(outputs, test, strict=True)]
    return float(sum(right)) / len(right)


def tune(data: Data, arguments: argparse.Namespace) -> dict[str, Any]:
    from whet.rungs.base import Setting
    from whet.rungs.tune import Tune

    start = time.perf_counter()
    options = {"methods": ["full"], "epochs": arguments.epochs}
    specialist = Tune(Setting(seed=arguments.seed, tune=options)).fit(data.train, data.dev)
    seconds = time.perf_counter() - start
    outputs = [p.output for p in specialist.predict([e.input for e in data.test])]
    info = specialist.info
    return {
        "seconds": seconds,
        "accuracy": accuracy(outputs, data.test),
        **data.sizes(),
        "choices": info.choices,
        "dev": info.dev_score,
        "curve": list(info.curve),
        "tried": list(info.tried),
        **limit(data, info.choices, seconds),
    }


def tune_few(data: Data, arguments: argparse.Namespace) -> dict[str, Any]:
    """The same on 8 examples a label: seven train, one is dev."""
    few = data.few()
    dev = few[::SHOTS]
    train = [example for index, example in enumerate(few) if index % SHOTS]
    return tune(Data(train, dev, data.test, data.labels), arguments)


def limit(data: Data, choices: Any, seconds: float) -> dict[str, float]:
    """The least time that the arithmetic of this training could take, and our share of it.

    Tokens, padding not counted: one frozen reading (2N per token), then epochs of training (6N in full,
    4N by LoRA: no weight gradients), N the parameters without embeddings. The rate is the best that this
    machine's own bf16 product reaches on the model's shapes, measured now.
    """
    from whet.models.encoder import Encoder
    from whet.rungs.vectors import default_encoder

    source = default_encoder().source
    tokens = int(Encoder(source).tokenize([e.input for e in data.train]).tokens().sum())
    weights = 6 * (4 * source.dim**2 + 2 * source.dim * 4 * source.dim)
    recipe = choices["recipe"]
    per_token = (2 + (4 if recipe["method"] == "lora" else 6) * recipe["epochs"]) * weights
    rate = product_rate(source.dim)
    least = tokens * per_token / rate
    return {"tflops": rate / 1e12, "limit_seconds": least, "share_of_limit": least / seconds}


def product_rate(dim: int, rows: int = 1024) -> float:
    """Operations per second of [rows, dim] x [dim, 4 dim] in bf16, the best of twenty."""
    import torch

    left, right = torch.randn(rows, dim).bfloat16(), torch.randn(4 * dim, dim).bfloat16()
    best = float("inf")
    for _ in range(20):
        start = time.perf_counter()
        for _ in range(10):
            torch.nn.functional.linear(left, right)
        best = min(best, (time.perf_counter() - start) / 10)
    return 2 * rows * dim * 4 * dim / best


def model_folder() -> str:
    from whet.rungs.vectors import default_encoder

    return str(default_encoder().source.folder)


def trainer(data: Data, arguments: argparse.Namespace) -> dict[str, Any]:
    """Hugging Face Trainer as its users run it."""
    import torch
    from transformers import (
        AutoModelForSequenceClassification,
        AutoTokenizer,
        DataCollatorWithPadding,
        Trainer,
        TrainingArguments,
    )

    start = time.perf_counter()
    tokenizer = AutoTokenizer.from_pretrained(model_folder())
    model = AutoModelForSequenceClassification.from_pretrained(model_folder(), num_labels=len(data.labels))
    place = {label: index for index, label in enumerate(data.labels)}
    rows = [
        {"input_ids": tokenizer(e.input, truncation=True)["input_ids"], "labels": place[e.output]}
        for e in [*data.train, *data.dev]
    ]
    settings = TrainingArguments(
        output_dir=tempfile.mkdtemp(),
        num_train_epochs=4,
        per_device_train_batch_size=64,
        learning_rate=arguments.rate,
        bf16=True,
        use_cpu=True,
        seed=arguments.seed,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        logging_strategy="no",
    )
    run = Trainer(
        model=model, args=settings, train_dataset=rows, data_collator=DataCollatorWithPadding(tokenizer)
    )
    run.train()
    seconds = time.perf_counter() - start
    model.eval()
    outputs = []
    with torch.inference_mode():
        for at in range(0, len(data.test), 64):
            texts = [e.input for e in data.test[at : at + 64]]
            batch = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
            outputs += [data.labels[i] for i in model(**batch).logits.argmax(dim=1).tolist()]
    return {
        "seconds": seconds,
        "accuracy": accuracy(outputs, data.test),
        "rate": arguments.rate,
        **data.sizes(),
    }


def setfit(data: Data, arguments: argparse.Namespace) -> dict[str, Any]:
    """SetFit with its defaults; with ``--seconds``, its schedule ends about then."""
    few = data.few()
    per_step = setfit_run(data, few, SETFIT_WARM)[1] / SETFIT_WARM
    steps = round(arguments.seconds / per_step) if arguments.seconds else -1
    model, seconds = setfit_run(data, few, steps)
    outputs = [str(label) for label in model.predict([e.input for e in data.test])]
    labels = len(data.labels)
    # Every pair of unlike rows once, and as many pairs of like rows: SetFit's oversampling.
    whole = 2 * SHOTS**2 * labels * (labels - 1) // 2 // 16
    return {
        "seconds": seconds,
        "accuracy": accuracy(outputs, data.test),
        "n_train": len(few),
        "n_test": len(data.test),
        "steps": whole if steps < 0 else steps,
        "default_steps": whole,
        "default_seconds": whole * per_step if steps > 0 else seconds,
    }


def setfit_run(data: Data, few: list[Any], steps: int) -> tuple[Any, float]:
    """A trained SetFit model, and the seconds of loading and training it."""
    from datasets import Dataset
    from setfit import SetFitModel, Trainer, TrainingArguments

    start = time.perf_counter()
    model = SetFitModel.from_pretrained(model_folder(), labels=data.labels)
    rows = Dataset.from_dict({"text": [e.input for e in few], "label": [str(e.output) for e in few]})
    settings = TrainingArguments(report_to="none", seed=0, save_strategy="no", max_steps=steps)
    Trainer(model=model, args=settings, train_dataset=rows).train()
    return model, time.perf_counter() - start


if __name__ == "__main__":
    main()
