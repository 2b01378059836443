"""Fine-tune an encoder to tag words: what the loop (``loop.py``) asks of that job.

The tagger is that of ``tagger.py``; here its encoder learns too, by LoRA or in full, made ready by
``encoders.py``, with fp32 masters and batches of like length as in ``classifier.py``. Every piece of a word
learns the word's tag. Batches are a function of seed and epoch, so that a training that was killed goes on
from its checkpoint. Knows no task and no files: what to do at an evaluation comes as ``on_eval``.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from whet.models.batches import shuffled_batches
from whet.models.words import SHAPES, Words, collate_words
from whet.train.classifier import HEAD, PASS_TOKENS, SAVE_SECONDS, as_told
from whet.train.course import Look, Plan, named
from whet.train.encoders import Recipe, seeded, trainable
from whet.train.tagger import NO_TAG, Tagger

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from whet.models.source import EncoderSource
    from whet.train.course import Batches
    from whet.train.step import Stepped

PARTS = ("shapes", "weight", "bias")
"""Of a tagger, beside its encoder."""


@dataclass(frozen=True, slots=True)
class TagData:
    """What is trained on: words of n texts, the tag of each, and where the texts come from."""

    words: Words
    tags: Sequence[int]
    count: int
    """How many tags there are."""
    sources: Sequence[str]
    """``file:line`` of each text."""


@dataclass(frozen=True)
class TrainedTagger:
    """What a training gives."""

    state: Mapping[str, torch.Tensor]
    """Trained tensors of the encoder (full) or the adapter (LoRA), by name."""
    head: Mapping[str, torch.Tensor]
    """Shapes, weight and bias, fp32."""
    best: Look
    curve: Sequence[Mapping[str, float]]
    parameters: int
    notes: Sequence[str]
    seconds_before: float
    """Spent by processes that were killed."""


OnEval = Callable[[Tagger], Look]
"""tagger -> what dev says"""


def train_spans(
    source: EncoderSource,
    data: TagData,
    recipe: Recipe,
    *,
    pad_id: int,
    seed: int,
    on_eval: OnEval,
    on_step: Callable[[int, int], None] = lambda done, total: None,
    folder: Path | None = None,
) -> TrainedTagger:
    """Train until the steps are done or dev no longer improves; the best look at dev stands.

    In ``folder`` a training that was killed goes on where it was. A loss that is not finite ends the
    training early.
    """
    from whet.train.loop import NotFinite, Watching, train

    job = SpanJob(_fresh(source, data.count, recipe, seed), data, recipe, pad_id, on_eval)
    watching = Watching(lambda told: on_step(int(told["step"]), int(told["steps"])))
    notes = []
    try:
        plan = _plan(recipe, seed)
        ended = train(job, len(data.words.ids), plan, folder, watching, _batches(data, recipe, seed))
    except NotFinite as error:
        ended = error.ended
        notes.append(f"training by {recipe.method} ended early: {error.what}")
    state = {name: tensor for name, tensor in ended.weights.items() if not name.startswith(HEAD)}
    head = {name: ended.weights[HEAD + name].float() for name in PARTS}
    parameters = sum(tensor.numel() for tensor in job.live.values())
    curve = as_told(ended.state.curve)
    return TrainedTagger(state, head, ended.best, curve, parameters, notes, ended.seconds_before)


def _fresh(source: EncoderSource, tags: int, recipe: Recipe, seed: int) -> Tagger:
    import torch

    with seeded(seed):
        model = trainable(source, recipe)
        weight = torch.randn(tags, source.dim) * 0.02
    parts = torch.zeros(SHAPES, source.dim), weight, torch.zeros(tags)
    return Tagger(model, *(part.requires_grad_() for part in parts))


def _plan(recipe: Recipe, seed: int) -> Plan:
    from whet.train.optimizer import Part, Rates

    parts = (Part(HEAD, recipe.head_lr, 0.0), Part("", recipe.lr, recipe.decay))
    return Plan(
        Rates(recipe.lr, recipe.decay, recipe.clip, recipe.warmup, recipe.schedule, parts=parts),
        epochs=recipe.epochs,
        batch=recipe.batch,
        looks=recipe.evals_per_epoch,
        patience=recipe.patience,
        start_counts=False,
        save_seconds=SAVE_SECONDS,
        keep=1,
        seed=seed,
    )


def _batches(data: TagData, recipe: Recipe, seed: int) -> Batches:
    """Shuffled batches of windows of like length."""

    def batches(epoch: int) -> list[list[int]]:
        return shuffled_batches(data.words.lengths(), recipe.batch, random.Random(f"{seed}/{epoch}"))

    return batches


@dataclass
class SpanJob:
    """``loop.Job`` for a tagger whose encoder learns."""

    tagger: Tagger
    data: TagData
    recipe: Recipe
    pad_id: int
    on_eval: OnEval

    def __post_init__(self) -> None:
        import torch

        trunk = {name: p for name, p in self.tagger.model.named_parameters() if p.requires_grad}
        self._live = {**trunk, **{HEAD + name: getattr(self.tagger, name) for name in PARTS}}
        self._wanted = torch.tensor(self.data.tags)

    @property
    def live(self) -> Mapping[str, torch.Tensor]:
        return self._live

    def names(self, rows: Sequence[int]) -> str:
        texts = dict.fromkeys(self.data.words.text_of(row) for row in rows)
        return named([self.data.sources[text] for text in texts if text >= 0])

    def gradients(self, rows: Sequence[int], forget: Callable[[], None]) -> Stepped:
        from whet.train.step import Stepped

        words = self.data.words
        pieces = sum(owner >= 0 for row in rows for owner in words.owners[row])
        loss, read = 0.0, 0
        for part in passes(words.lengths(), rows, PASS_TOKENS):
            ids, mask, shapes, owners = collate_words(words, part, self.pad_id)
            share = self._loss(ids, mask, shapes, owners) / max(pieces, 1)
            share.backward()  # type: ignore[no-untyped-call]
            loss, read = loss + share.item(), read + ids.numel()
        return Stepped(loss, float(pieces), pieces, read, sum(len(words.ids[row]) for row in rows))

    def _loss(
        self, ids: torch.Tensor, mask: torch.Tensor, shapes: torch.Tensor, owners: torch.Tensor
    ) -> torch.Tensor:
        """Cross-entropy summed over the pieces of words."""
        import torch

        logits = self.tagger.forward(ids, mask, shapes)
        targets = torch.where(owners >= 0, self._wanted[owners.clamp(min=0)], NO_TAG)
        return torch.nn.functional.cross_entropy(
            logits.float().flatten(0, 1),
            targets.flatten(),
            ignore_index=NO_TAG,
            label_smoothing=self.recipe.smoothing,
            reduction="sum",
        )

    def look(self) -> Look:
        return self.on_eval(self.tagger)

    def write(self, folder: Path) -> None:
        """Nothing: the optimizer's masters are all that is needed to go on."""


def passes(lengths: Sequence[int], rows: Sequence[int], most: int) -> list[list[int]]:
    """The rows of a step in passes of at most ``most`` tokens, padding counted, or one row."""
    parts: list[list[int]] = [[]]
    for row in rows:
        wider = [*parts[-1], row]
        if parts[-1] and len(wider) * max(lengths[r] for r in wider) > most:
            parts.append([])
        parts[-1].append(row)
    return parts
