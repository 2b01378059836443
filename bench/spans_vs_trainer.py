"""Our span tagging against Hugging Face Trainer: same encoder, rows, epochs and machine, one run.

    python bench/spans_vs_trainer.py --data restaurant8k --out docs/proofs/spans.jsonl

Data are read from ../shared/data (``slots.py``) and split by whet: the given test file whole, training rows
like a row of it left out, a tenth of the rest for dev. Each arm runs in a fresh process, one after the other,
and its clock covers everything from the texts to the trained model: loading, aligning, tokenising, choosing,
training. Ours learns from texts and JSON, and finds the places by itself; Trainer is given the true places,
and dev's rows beside train's, for it needs no dev; with ``--same-rows`` it has train's alone, as ours.

What is counted is a span: exactly its first and last character and its field, over all test rows, micro-F1
as in CoNLL; the interval is a bootstrap over rows. Places within words that the tokenizer keeps whole, and
spans that share words with another, are counted like all others, and cannot be found by either.

Trainer: ``AutoModelForTokenClassification``, bf16, first pieces labelled, the rest left out of the loss,
batch 32, linear decay, the best of its rates on test (which favours it); the time of that one run is counted.
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
from pathlib import Path
from typing import Any

import numpy as np

from slots import Row, read, write

RATES = (3e-4, 1e-3)
BATCH = 32
RESAMPLES = 2000
Spans = Sequence[tuple[int, int, str]]


def main() -> None:
    arguments = parse()
    if arguments.arm:
        print(json.dumps({"arm": arguments.arm, **ARMS[arguments.arm](load(arguments), arguments)}))
        return
    arms = [arm(arguments, name) for name in arguments.ours.split(",") if name]
    arms += [arm(arguments, "trainer", rate=rate) for rate in arguments.rates]
    line = {
        "bench": "spans_vs_trainer",
        "data": arguments.data,
        "epochs": arguments.epochs,
        "encoder": "all-MiniLM-L6-v2",
        "seed": arguments.seed,
        "threads": os.environ.get("OMP_NUM_THREADS", "all"),
        "arms": arms,
        **compared(arms),
    }
    print(json.dumps(line))
    if arguments.out:
        with arguments.out.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def compared(arms: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Ours beside the best of Trainer's; nothing where one of them was not run."""
    ours = [row for row in arms if row["arm"] == "tune"]
    theirs = [row for row in arms if row["arm"] == "trainer"]
    if not ours or not theirs:
        return {}
    best = max(theirs, key=lambda row: row["f1"])
    return {
        "seconds_ratio": ours[0]["seconds"] / best["seconds"],
        "cpu_seconds_ratio": ours[0]["cpu_seconds"] / best["cpu_seconds"],
        "f1_difference": ours[0]["f1"] - best["f1"],
    }


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", choices=("restaurant8k", "snips"), required=True)
    parser.add_argument("--epochs", type=float, default=4.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--ours", default="head,tune", help="our arms")
    parser.add_argument("--rates", type=float, nargs="*", default=list(RATES), help="of Trainer")
    parser.add_argument("--rows", type=int, default=0, help="training rows, dev a ninth (0: all)")
    parser.add_argument("--same-rows", action="store_true", help="Trainer does not learn from dev's rows")
    parser.add_argument("--out", type=Path, help="add the line to this file")
    parser.add_argument("--arm", default="")
    parser.add_argument("--rate", type=float, default=RATES[0])
    return parser.parse_args()


def arm(arguments: argparse.Namespace, name: str, **options: float) -> dict[str, Any]:
    """Run one arm in a process of its own; its last line is its result."""
    more = [part for key, value in options.items() for part in (f"--{key}", str(value))]
    command = [sys.executable, __file__, *sys.argv[1:], "--arm", name, *more]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, check=True, env={**os.environ, "HF_HUB_OFFLINE": "1"}
    )
    row: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    print(json.dumps(row), file=sys.stderr, flush=True)
    return row


class Data:
    """The rows of whet's split, as examples and as rows with their true places."""

    def __init__(self, splits: Any, train: Sequence[Row], test: Sequence[Row], most: int):
        self.examples = {side: list(getattr(splits, side)) for side in ("train", "dev", "test")}
        if most:
            for side, rows in (("train", most), ("dev", most // 9)):
                every = max(1, len(self.examples[side]) // rows)  # files stand one after the other
                self.examples[side] = self.examples[side][::every][:rows]
        known = {"train": _by_text(train), "dev": _by_text(train), "test": _by_text(test)}
        self.rows = {side: [known[side][e.input] for e in rows] for side, rows in self.examples.items()}
        self.left_out = {reason: len(rows) for reason, rows in splits.left_out.items()}
        self.fields = sorted({span[2] for row in train for span in row.spans})

    def sizes(self) -> dict[str, Any]:
        counts = {f"n_{side}": len(rows) for side, rows in self.rows.items()}
        spans = sum(len(row.spans) for row in self.rows["test"])
        return {**counts, "test_spans": spans, "left_out": self.left_out}


def _by_text(rows: Sequence[Row]) -> dict[str, Row]:
    return {row.text: row for row in rows}


def load(arguments: argparse.Namespace) -> Data:
    from whet.config import task_from
    from whet.data.load import load_examples
    from whet.data.split import split_examples

    train, test = read(arguments.data)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(train, folder / "train.jsonl")
        write(test, folder / "test.jsonl")
        task = task_from(
            {
                "task": "bench",
                "kind": "extract",
                "examples": str(folder / "train.jsonl"),
                "seed": arguments.seed,
                "fields": {"input": "text", "output": "output"},
                "split": {"test": str(folder / "test.jsonl"), "dev": 0.1},
            }
        )
        splits = split_examples(task, load_examples(task, folder), folder)
    return Data(splits, train, test, arguments.rows)


def figures(rows: Sequence[Row], found: Sequence[Spans]) -> dict[str, Any]:
    """Micro-F1 of exact spans, with a 95 % bootstrap interval over rows."""
    table = np.array([_counts(set(row.spans), set(spans)) for row, spans in zip(rows, found, strict=True)])
    draws = np.random.default_rng(0).multinomial(len(rows), np.full(len(rows), 1 / len(rows)), RESAMPLES)
    low, high = np.quantile(_f1(draws @ table), (0.025, 0.975))
    total = table.sum(axis=0)
    return {
        "f1": float(_f1(total)),
        "f1_low": float(low),
        "f1_high": float(high),
        "precision": float(total[0] / max(total[0] + total[1], 1)),
        "recall": float(total[0] / max(total[0] + total[2], 1)),
    }


def _counts(true: set[Any], given: set[Any]) -> tuple[int, int, int]:
    return len(true & given), len(given - true), len(true - given)


def _f1(counts: Any) -> Any:
    right, false, missed = np.moveaxis(np.asarray(counts, float), -1, 0)
    return 2 * right / np.maximum(2 * right + false + missed, 1)


def ours(name: str, data: Data, arguments: argparse.Namespace) -> dict[str, Any]:
    from whet.rungs.base import Setting, find_rung
    from whet.rungs.spans import SpanSpecialist

    clock = Clock()
    options = {"methods": ["full"], "epochs": arguments.epochs}
    setting = Setting(kind="extract", seed=arguments.seed, tune=options)
    specialist = find_rung(name)(setting=setting).fit(data.examples["train"], data.examples["dev"])  # type: ignore[call-arg]
    seconds = clock.read()
    assert isinstance(specialist, SpanSpecialist)
    inputs = [e.input for e in data.examples["test"]]
    found = [[(one.start, one.end, one.field) for one in spans] for spans in specialist.spans(inputs)]
    outputs = [p.output for p in specialist.predict(inputs)]
    whole = [o == e.output for o, e in zip(outputs, data.examples["test"], strict=True)]
    info = specialist.info
    return {
        **seconds,
        **figures(data.rows["test"], found),
        "exact_json": float(np.mean(whole)),
        **data.sizes(),
        "choices": info.choices,
        "dev": info.dev_score,
        "curve": list(info.curve),
        "notes": list(info.notes),
    }


class Clock:
    """Wall-clock seconds, and seconds of the processor: the second are right on a machine that others use."""

    def __init__(self) -> None:
        self.start = time.perf_counter(), time.process_time()

    def read(self) -> dict[str, float]:
        wall, cpu = self.start
        return {"seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - cpu}


def head(data: Data, arguments: argparse.Namespace) -> dict[str, Any]:
    return ours("head", data, arguments)


def tune(data: Data, arguments: argparse.Namespace) -> dict[str, Any]:
    return ours("tune", data, arguments)


def trainer(data: Data, arguments: argparse.Namespace) -> dict[str, Any]:
    """Hugging Face Trainer as its users run it."""
    from transformers import (
        AutoModelForTokenClassification,
        AutoTokenizer,
        DataCollatorForTokenClassification,
        Trainer,
        TrainingArguments,
    )

    from whet.rungs.vectors import default_encoder

    clock = Clock()
    folder = str(default_encoder().source.folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tags = ["O", *(f"{place}-{field}" for field in data.fields for place in "BI")]
    model = AutoModelForTokenClassification.from_pretrained(folder, num_labels=len(tags))
    given = data.rows["train"] if arguments.same_rows else [*data.rows["train"], *data.rows["dev"]]
    rows = [labelled(tokenizer, row, tags) for row in given]
    settings = TrainingArguments(
        output_dir=tempfile.mkdtemp(),
        num_train_epochs=arguments.epochs,
        per_device_train_batch_size=BATCH,
        learning_rate=arguments.rate,
        bf16=True,
        use_cpu=True,
        seed=arguments.seed,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        logging_strategy="no",
    )
    collate = DataCollatorForTokenClassification(tokenizer)
    Trainer(model=model, args=settings, train_dataset=rows, data_collator=collate).train()
    seconds = clock.read()
    found = tagged(model.eval(), tokenizer, data.rows["test"], tags)
    return {
        **seconds,
        **figures(data.rows["test"], found),
        "rate": arguments.rate,
        "n_learned": len(rows),
        **data.sizes(),
    }


def labelled(tokenizer: Any, row: Row, tags: Sequence[str]) -> dict[str, Any]:
    """A row with the tag of the first piece of each word; other pieces are left out (-100)."""
    encoded = tokenizer(row.text, truncation=True, return_offsets_mapping=True)
    labels, last, begun = [], None, set[tuple[int, int, str]]()
    for word, (start, end) in zip(encoded.word_ids(), encoded["offset_mapping"], strict=True):
        span = next((s for s in row.spans if s[0] < end and start < s[1]), None)
        if word is None or word == last:
            labels.append(-100)
        elif span is None:
            labels.append(0)
        else:
            labels.append(tags.index(("I-" if span in begun else "B-") + span[2]))
            begun.add(span)
        last = word
    return {"input_ids": encoded["input_ids"], "labels": labels}


def tagged(model: Any, tokenizer: Any, rows: Sequence[Row], tags: Sequence[str]) -> list[Spans]:
    """Spans by the best tag of each word's first piece; an I- without its B- begins a span."""
    import torch

    found: list[Spans] = []
    with torch.inference_mode():
        for at in range(0, len(rows), 64):
            texts = [row.text for row in rows[at : at + 64]]
            batch = tokenizer(
                texts, padding=True, truncation=True, return_tensors="pt", return_offsets_mapping=True
            )
            offsets = batch.pop("offset_mapping").tolist()
            best = model(**batch).logits.argmax(dim=2).tolist()
            for n in range(len(texts)):
                found.append(_spans(batch.word_ids(n), offsets[n], [tags[tag] for tag in best[n]]))
    return found


def _spans(words: Sequence[int | None], offsets: Sequence[Sequence[int]], tags: Sequence[str]) -> Spans:
    spans: list[tuple[int, int, str]] = []
    last, open_field = None, ""
    for word, (start, end), tag in zip(words, offsets, tags, strict=True):
        if word is None:
            continue
        if word == last:  # a later piece belongs to its word
            if open_field:
                spans[-1] = (spans[-1][0], end, open_field)
            continue
        last, field = word, tag[2:]
        if field and tag.startswith("I-") and field == open_field:
            spans[-1] = (spans[-1][0], end, field)
        elif field:
            spans.append((start, end, field))
        open_field = field
    return spans


ARMS = {"head": head, "tune": tune, "trainer": trainer}

if __name__ == "__main__":
    main()
