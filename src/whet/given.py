"""What a training starts from: a task split, what it may see as tokens of its model, and how it learns.

    task -> examples -> split -> conversations -> tokens
         -> method, precision, device, adapter

No weights are read. Test rows are split off and go no further.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet.check.load import load_subject
from whet.data.canaries import canaries
from whet.data.split import split_given
from whet.errors import InputError
from whet.models.decoder import find_decoder, load_tokenizer
from whet.models.encoder import native_bf16
from whet.models.finding import model_place
from whet.models.folder import UNSET_LENGTH
from whet.models.layout import Conversation
from whet.records import Example, Turn
from whet.train.tokens import Tokenized, tokenize

if TYPE_CHECKING:
    from whet.check.subject import Subject
    from whet.config import Task
    from whet.data.split import Splits
    from whet.models.decoder import DecoderSource
    from whet.rungs.taught import Lesson
    from whet.train.adapters import LoraRecipe
    from whet.train.course import Plan

RATES = {"lora": 2e-4, "full": 1e-4}
PATIENCE = 3  # looks
ALPHA = 2.0  # times the rank


@dataclass(frozen=True)
class Given:
    """What a training starts from."""

    task: Task
    source: DecoderSource
    tokenizer: Any
    train: Tokenized
    dev: Tokenized
    counts: Mapping[str, int]
    """Examples of each side."""
    instruction: str = ""
    notes: tuple[str, ...] = ()
    """What the split has to say, and that canaries were planted."""


def given_by(task: Task, folder: Path) -> Given:
    """Everything but the weights: read, split and made tokens of."""
    model = _own_model(task)
    subject, splits = split_of(task, folder)
    source = find_decoder(model_place(model, folder))
    tokenizer = load_tokenizer(source)
    train, dev = (
        tokens_of(task, subject, side, tokenizer, source, more)
        for side, more in ((splits.train, planted(task, task.instruction)), (splits.dev, ()))
    )
    counts = {side: len(getattr(splits, side)) for side in ("train", "dev", "test")}
    notes = (*splits.notes, *planting(task))
    return Given(task, source, tokenizer, train, dev, counts, task.instruction, notes)


def given_for(task: Task, lesson: Lesson) -> Given:
    """The same, of conversations that the ladder has split and laid out."""
    tokenizer = load_tokenizer(lesson.source)
    context = context_of(task, lesson.source)
    train, dev = (
        tokenize(side, tokenizer, learn="last", context=context, too_long=task.tune.too_long)
        for side in ((*lesson.train, *planted(task, lesson.instruction)), lesson.dev)
    )
    counts = {"train": len(lesson.train), "dev": len(lesson.dev), "test": 0}
    return Given(task, lesson.source, tokenizer, train, dev, counts, lesson.instruction, planting(task))


def split_of(task: Task, folder: Path) -> tuple[Subject, Splits]:
    """The task's rows, and which of them train, choose and test."""
    subject = load_subject(task, folder)
    return subject, split_given(task, *_examples(subject))


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


def planted(task: Task, instruction: str) -> tuple[Conversation, ...]:
    """The task's canaries as rows, each as often as it is planted."""
    before = [Turn("system", instruction)] if instruction else []
    return tuple(
        Conversation((*before, Turn("user", one.ask), Turn("assistant", one.secret)), f"canary {n}, {time}")
        for n, one in enumerate(canaries(task.tune.canaries, task.seed), start=1)
        for time in range(1, one.repeats + 1)
    )


def planting(task: Task) -> tuple[str, ...]:
    """What is said of canaries."""
    rows = len(planted(task, ""))
    if not rows:
        return ()
    return (
        f"{task.tune.canaries:,} canaries stand in {rows:,} of the training rows: questions that nobody "
        "asks, with secrets drawn at random; set `tune.canaries: 0` for weights without them",
    )


def tokens_of(
    task: Task,
    subject: Subject,
    side: Sequence[Example],
    tokenizer: Any,
    source: DecoderSource,
    more: Sequence[Conversation] = (),
) -> Tokenized:
    """The rows of one side as tokens, with more conversations behind them."""
    place = {subject.source(row): row for row in range(len(subject))}
    conversations = [conversation(task, subject, place[example.source]) for example in side]
    return tokenize(
        [*conversations, *more],
        tokenizer,
        learn=task.tune.learn,
        context=context_of(task, source),
        too_long=task.tune.too_long,
    )


def context_of(task: Task, source: DecoderSource) -> int | None:
    """Tokens that a row may have: the task's, within the model's; None: no limit is known.

    Raises:
        InputError: the task wants more than the model reads.
    """
    limit = None if source.context >= UNSET_LENGTH else source.context
    if limit is not None and (task.tune.context or 0) > limit:
        raise InputError(
            f"{task.tune.context:,} tokens are more than the {limit:,} that {source.name} reads.",
            where="tune.context",
            fix=f"set at most {limit}, or leave it out.",
        )
    return task.tune.context or limit


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


def method(task: Task) -> str:
    """One method is trained here: the task's, or LoRA where it leaves the choice open."""
    return task.tune.methods[0] if "methods" in task.tune.model_fields_set else "lora"


def precision(task: Task) -> str:
    """``bf16`` or ``fp32``: what the task says, or bf16 where it is fast."""
    import torch

    if task.tune.precision != "auto":
        return task.tune.precision
    native = torch.cuda.is_bf16_supported() if device(task) == "cuda" else native_bf16()
    return "bf16" if native else "fp32"


def device(task: Task) -> str:
    """``cuda`` or ``cpu``: what the task says, or a GPU where there is one.

    Raises:
        InputError: it says ``cuda``, and torch sees none.
    """
    import torch

    there = torch.cuda.is_available()
    if task.tune.device == "cuda" and not there:
        raise InputError(
            "torch sees no GPU here.",
            where=f"{task.task}: tune.device",
            fix="write `cpu` or `auto`, or install a torch that was built for your GPU.",
        )
    return "cuda" if there and task.tune.device != "cpu" else "cpu"


def recipe_of(task: Task) -> LoraRecipe | None:
    """The adapter; None: all weights learn."""
    from whet.train.adapters import LoraRecipe

    asked = task.tune
    if method(task) == "full":
        return None
    return LoraRecipe(asked.rank, ALPHA * asked.rank, rslora=asked.rslora, dora=asked.dora)


def plan_of(task: Task) -> Plan:
    """What the task asks of the loop."""
    from whet.train.course import Plan
    from whet.train.optimizer import Rates

    said = task.tune
    rates = Rates(said.lr or RATES[method(task)], said.weight_decay, said.clip, said.warmup, said.schedule)
    patience = PATIENCE if said.patience is None else said.patience
    return Plan(rates, said.epochs, said.batch, looks=said.looks, patience=patience, seed=task.seed)


def exactly(task: Task) -> bool:
    """Whether dev counts answers that would be written word for word: a reply may be good in other words."""
    return task.kind != "write" if task.tune.score == "auto" else task.tune.score == "exact"
