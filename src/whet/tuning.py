"""Training alone, of a causal model: from a task file to a folder with an adapter and its card.

    examples -> split -> conversations -> tokens -> one is shown -> model -> loop -> adapter + card

The loop, the step and the checkpoints live in ``whet.train``; here they meet the task, the model and the
files. Test rows are split off and never looked at. A killed training goes on where it stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet.check.load import load_subject
from whet.data.split import split_given
from whet.errors import InputError
from whet.models.decoder import find_decoder, load_decoder, load_tokenizer
from whet.models.encoder import native_bf16
from whet.models.folder import UNSET_LENGTH, model_place
from whet.models.layout import Conversation
from whet.records import Example, Turn
from whet.runs import environment, now
from whet.store import exclusive, make_folder, write_json
from whet.train.tokens import Tokenized, tokenize

if TYPE_CHECKING:
    from whet.check.subject import Subject
    from whet.config import Task
    from whet.data.split import Splits
    from whet.models.decoder import DecoderSource
    from whet.train.adapters import LoraRecipe
    from whet.train.causal import Prepared
    from whet.train.loop import Ended, Plan

Tell = Callable[[str, int, int], None]
RATES = {"lora": 2e-4, "full": 1e-4}
ALPHA = 2.0  # times the rank


@dataclass(frozen=True)
class Tuned:
    """What a training leaves."""

    folder: Path
    card: Mapping[str, Any]
    """``card.json``"""
    shown: str
    """One row with what is learned marked."""


def tune_task(
    task: Task,
    folder: Path,
    out: Path,
    *,
    tell: Tell = lambda what, done, total: None,
    say: Callable[[str], None] = lambda line: None,
    asked_to_stop: Callable[[], bool] = lambda: False,
) -> Tuned:
    """Train the task's first model on its examples.

    Args:
        folder: where the task's relative paths start.
        out: where the adapter, the checkpoints and the figures go.

    Raises:
        InputError: wrong input; nothing was written.
        Interrupted: asked to stop; the same command goes on.
        WorldError: the world failed; the last checkpoint stands.
    """
    start = time.perf_counter()
    model = _own_model(task)
    subject = load_subject(task, folder)
    splits = split_given(task, *_examples(subject))
    source = find_decoder(model_place(model, folder))
    tokenizer = load_tokenizer(source)
    train, dev = (tokens_of(task, subject, side, tokenizer, source) for side in (splits.train, splits.dev))
    from whet.train.shown import shown

    example = shown(train, tokenizer)
    for line in (example, *train.notes()):
        say(line)
    make_folder(out)
    with exclusive(out):
        ready, recipe = _ready(task, source)
        ended, plan = _train(task, ready, train, dev, out, tell, asked_to_stop)
        card = _card(task, source, train, splits, ready, recipe, plan, ended)
        card["seconds"] = time.perf_counter() - start
        _write(ready, ended, source, out, card)
    return Tuned(out, card, example)


def _own_model(task: Task) -> str:
    """The first model that runs here."""
    if not task.local_models:
        raise InputError(
            "an endpoint cannot be trained from here.",
            where=f"{task.task}: models",
            fix="name a causal model by its id or folder.",
        )
    return task.local_models[0]


def _examples(subject: Subject) -> tuple[list[Example], dict[str, list[Example]]]:
    """The rows of the main file, and those of files given for dev and test."""
    sides = subject.sides or ["train"] * len(subject)
    found: dict[str, list[Example]] = {"train": [], "dev": [], "test": []}
    groups = subject.columns.get("group", "")
    times = subject.columns.get("time", "")
    for row, side in enumerate(sides):
        source = subject.source(row)
        group, moment = (subject.meta[name][row] if name else None for name in (groups, times))
        found[side].append(
            Example(source, subject.inputs[row], subject.outputs[row], source, group or None, moment or None)
        )
    return found.pop("train"), found


def tokens_of(
    task: Task, subject: Subject, side: Sequence[Example], tokenizer: Any, source: DecoderSource
) -> Tokenized:
    """The rows of one side as tokens."""
    place = {subject.source(row): row for row in range(len(subject))}
    conversations = [conversation(task, subject, place[example.source]) for example in side]
    context = None if source.context >= UNSET_LENGTH else source.context
    return tokenize(
        conversations, tokenizer, learn=task.tune.learn, context=context, too_long=task.tune.too_long
    )


def conversation(task: Task, subject: Subject, row: int) -> Conversation:
    """A row as turns: its own, or instruction, input and output."""
    source = subject.source(row)
    if subject.turns is not None:
        tools = subject.tools[row] if subject.tools is not None else None
        return Conversation(subject.turns[row], source, tuple(tools) if tools else None)
    asked = [Turn("system", task.instruction)] if task.instruction else []
    return Conversation(
        (*asked, Turn("user", subject.inputs[row]), Turn("assistant", subject.outputs[row])), source
    )


def _ready(task: Task, source: DecoderSource) -> tuple[Prepared, LoraRecipe | None]:
    from whet.train.adapters import LoraRecipe
    from whet.train.causal import prepared
    from whet.train.step import Settings

    options = task.tune
    lora = LoraRecipe(options.rank, ALPHA * options.rank) if method(task) == "lora" else None
    return prepared(load_decoder(source, precision(task)), lora, Settings(), task.seed), lora


def method(task: Task) -> str:
    """One method is trained here: the task's, or LoRA where it leaves the choice open."""
    return task.tune.methods[0] if "methods" in task.tune.model_fields_set else "lora"


def precision(task: Task) -> str:
    if task.tune.precision != "auto":
        return task.tune.precision
    return "bf16" if native_bf16() else "fp32"


def _train(
    task: Task,
    ready: Prepared,
    train: Tokenized,
    dev: Tokenized,
    out: Path,
    tell: Tell,
    asked_to_stop: Callable[[], bool],
) -> tuple[Ended, Plan]:
    from whet.train import loop
    from whet.train.job import CausalJob
    from whet.train.optimizer import Rates

    rates = Rates(task.tune.lr or RATES[method(task)])
    plan = loop.Plan(rates, epochs=task.tune.epochs, batch=task.tune.batch, seed=task.seed)
    job = CausalJob(ready.model, train.rows, train.sources, dev.rows, ready.form, ready.settings)
    figures = Figures(out / "training.jsonl", tell)
    watching = loop.Watching(figures.step, asked_to_stop)
    return loop.train(job, len(train.rows), plan, out / "checkpoints", watching), plan


@dataclass
class Figures:
    """One JSON line a step, and progress for whoever watches."""

    path: Path
    tell: Tell

    def step(self, figures: Mapping[str, float]) -> None:
        import json

        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({**figures, "at": now()}) + "\n")
        speed = figures["rows"] / figures["seconds"]
        what = f"training: loss {figures['loss']:.3f}, {speed:,.1f} examples/s"
        self.tell(what, int(figures["step"]), int(figures["steps"]))


def _card(
    task: Task,
    source: DecoderSource,
    train: Tokenized,
    splits: Splits,
    ready: Prepared,
    recipe: LoraRecipe | None,
    plan: Plan,
    ended: Ended,
) -> dict[str, Any]:
    """What was trained, on what, how, and what dev said."""
    return {
        "format": 1,
        "task": task.task,
        "base": {"name": source.name, "sha256": source.sha256, "licence": source.licence},
        "method": method(task),
        "adapter": asdict(recipe) if recipe else None,
        "precision": precision(task),
        "plan": asdict(plan),
        "template": train.template,
        "ends": list(train.ends),
        "instruction": task.instruction,
        "rows": {side: len(getattr(splits, side)) for side in ("train", "dev", "test")},
        "tokens": train.tokens,
        "learned": train.learned,
        "steps": ended.state.step,
        "best": {"step": ended.state.best_step, **asdict(ended.best)},
        "curve": list(ended.state.curve),
        "notes": [*splits.notes, *train.notes(), *ready.notes],
        "made_with": environment(),
    }


def _write(ready: Prepared, ended: Ended, source: DecoderSource, out: Path, card: dict[str, Any]) -> None:
    """The best weights as stock PEFT (or transformers) writes them, and the card."""
    import torch

    with torch.no_grad():
        for name, tensor in ready.model.named_parameters():
            if name in ended.weights:
                tensor.copy_(ended.weights[name])
    if hasattr(ready.model, "peft_config"):
        for config in ready.model.peft_config.values():
            config.base_model_name_or_path = source.name
    ready.model.save_pretrained(out / "weights", safe_serialization=True)
    write_json(out / "card.json", card)
