"""Train an encoder to tag words: a LoRA adapter, an embedding of word shapes, and a linear head.

Tags are BIO (Ramshaw and Marcus 1995): B- begins a span of a kind, I- goes on, O is outside. A word's
scores are the mean over its pieces, so that a rare name in five pieces is judged as a whole. The base is
frozen; weights are fp32, products run in bf16 where the processor multiplies it natively. The loop is
``loop.py``, without looks and without checkpoints. Knows no kinds and no files.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from whet.models.batches import length_batches, shuffled_batches
from whet.models.encoder import load_model, native_bf16
from whet.models.words import SHAPES, Words, collate_words
from whet.train.course import Plan, named
from whet.train.encoders import with_adapter

if TYPE_CHECKING:
    from pathlib import Path

    import torch
    from numpy.typing import NDArray

    from whet.models.source import EncoderSource
    from whet.train.course import Look
    from whet.train.step import Stepped

BATCH_TOKENS = 2048
NO_TAG = -100  # a word that the loss leaves out


@dataclass(frozen=True, slots=True)
class TagRecipe:
    """Hyper-parameters of one training."""

    rank: int = 16
    lr: float = 1e-3
    epochs: float = 4.0
    batch: int = 32
    """Windows."""
    warmup: float = 0.1
    """Share of the steps."""
    decay: float = 0.01
    clip: float = 1.0
    smoothing: float = 0.0
    drop_shapes: float = 0.1
    """Share of windows whose shapes are hidden, so that the words themselves are learnt too."""
    drop_pieces: float = 0.0
    """Share of pieces that another of the batch stands in for, so that no sentence is learnt by heart."""


@dataclass(frozen=True)
class Tagger:
    """The model with its adapter, the shapes' embedding [SHAPES, dim] and the head [tags, dim], [tags]."""

    model: Any
    shapes: torch.Tensor
    weight: torch.Tensor
    bias: torch.Tensor

    def scores(self, words: Words, pad_id: int) -> NDArray[np.float32]:
        """Log-probabilities of the tags of each word [words, tags]."""
        import torch

        total = torch.zeros(len(words.places), len(self.bias))
        pieces = torch.zeros(len(words.places), 1)
        with torch.inference_mode():
            for rows in length_batches(words.lengths(), BATCH_TOKENS):
                ids, mask, shapes, owners = collate_words(words, rows, pad_id)
                logits = self.forward(ids, mask, shapes).float()
                real = owners >= 0
                total.index_add_(0, owners[real], logits[real])
                pieces.index_add_(0, owners[real], torch.ones(int(real.sum()), 1))
        return torch.log_softmax(total / pieces.clamp(min=1), dim=1).numpy()

    def forward(self, ids: torch.Tensor, mask: torch.Tensor, shapes: torch.Tensor) -> torch.Tensor:
        """Scores of each piece [rows, length, tags]."""
        import torch

        embedded = self.model.get_input_embeddings()(ids)
        embedded = embedded + torch.nn.functional.embedding(shapes, self.shapes).to(embedded.dtype)
        whole = None if bool(mask.all()) else mask
        hidden = self.model(inputs_embeds=embedded, attention_mask=whole).last_hidden_state
        return torch.nn.functional.linear(hidden, self.weight.to(hidden.dtype), self.bias.to(hidden.dtype))


def fresh_tagger(source: EncoderSource, tags: int, rank: int, seed: int) -> Tagger:
    """A tagger that knows nothing yet: the base as it is, shapes and head near zero."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = with_adapter(load_model(source, "fp32", attn_implementation="eager"), rank)
        shapes = torch.zeros(SHAPES, source.dim)
        weight = torch.randn(tags, source.dim) * 0.02
    return Tagger(model, shapes, weight, torch.zeros(tags))


def train_tagger(
    tagger: Tagger,
    words: Words,
    tags: Sequence[int],
    recipe: TagRecipe,
    *,
    pad_id: int,
    seed: int,
    on_step: Callable[[int, int, float], None] = lambda done, total, loss: None,
) -> Tagger:
    """Train in place on the tag of each word (``NO_TAG``: not asked); returns the tagger.

    ``on_step`` is told steps done, steps in all, and the loss.
    """
    from whet.train.loop import Watching, train

    job = TaggerJob(tagger, words, tags, recipe, pad_id, random.Random(seed))
    watching = Watching(lambda told: on_step(int(told["step"]), int(told["steps"]), told["loss"]))
    train(job, len(words.ids), _plan(recipe, len(words.ids)), None, watching, job.batches)
    for part in job.heads.values():
        part.requires_grad_(False)
    return tagger


def _plan(recipe: TagRecipe, windows: int) -> Plan:
    from whet.train.optimizer import Part, Rates

    parts = (Part("", recipe.lr, recipe.decay),)
    rates = Rates(recipe.lr, recipe.decay, recipe.clip, recipe.warmup, parts=parts)
    steps = max(1, round(recipe.epochs * windows / recipe.batch))
    return Plan(rates, epochs=steps / math.ceil(windows / recipe.batch), batch=recipe.batch, looks=0)


class TaggerJob:
    """``loop.Job`` for a tagger. One generator draws the batches and what is hidden in them, in the order of
    the steps: such a training cannot go on from a checkpoint, and none is kept."""

    def __init__(
        self,
        tagger: Tagger,
        words: Words,
        tags: Sequence[int],
        recipe: TagRecipe,
        pad_id: int,
        rng: random.Random,
    ):
        import torch

        self._tagger, self._words, self._wanted = tagger, words, torch.tensor(tags)
        self._recipe, self._pad_id, self._rng = recipe, pad_id, rng
        self.heads = {"shapes": tagger.shapes, "weight": tagger.weight, "bias": tagger.bias}
        for part in self.heads.values():
            part.requires_grad_(True)

    @property
    def live(self) -> Mapping[str, torch.Tensor]:
        adapter = {name: p for name, p in self._tagger.model.named_parameters() if p.requires_grad}
        return {**adapter, **self.heads}

    def names(self, rows: Sequence[int]) -> str:
        return named([f"window {row + 1}" for row in rows])

    def batches(self, epoch: int) -> list[list[int]]:
        return shuffled_batches(self._words.lengths(), self._recipe.batch, self._rng)

    def gradients(self, rows: Sequence[int], forget: Callable[[], None]) -> Stepped:
        from whet.train.step import Stepped

        ids, mask, shapes, owners = collate_words(self._words, list(rows), self._pad_id)
        loss = self._loss(ids, mask, shapes, owners)
        loss.backward()  # type: ignore[no-untyped-call]
        pieces = int((owners >= 0).sum())
        return Stepped(loss.item(), float(pieces), pieces, ids.numel(), int(mask.sum()))

    def _loss(
        self, ids: torch.Tensor, mask: torch.Tensor, shapes: torch.Tensor, owners: torch.Tensor
    ) -> torch.Tensor:
        """Mean cross-entropy over the pieces of a batch."""
        import torch

        hidden = torch.tensor([self._rng.random() < self._recipe.drop_shapes for _ in ids])
        shapes = shapes.masked_fill(hidden.unsqueeze(1), 0)
        ids = _shuffled_some(ids, owners >= 0, self._recipe.drop_pieces, self._rng)
        with torch.autocast("cpu", torch.bfloat16, enabled=native_bf16()):
            logits = self._tagger.forward(ids, mask, shapes)
        targets = torch.where(owners >= 0, self._wanted[owners.clamp(min=0)], NO_TAG)
        return torch.nn.functional.cross_entropy(
            logits.float().flatten(0, 1),
            targets.flatten(),
            ignore_index=NO_TAG,
            label_smoothing=self._recipe.smoothing,
        )

    def look(self) -> Look:
        raise NotImplementedError("a tagger has no dev")

    def write(self, folder: Path) -> None:
        raise NotImplementedError("a tagger keeps no checkpoints")


def _shuffled_some(ids: torch.Tensor, real: torch.Tensor, share: float, rng: random.Random) -> torch.Tensor:
    """The pieces [rows, length] with a share of the real ones taken from anywhere in the batch."""
    import torch

    if not share:
        return ids
    flat, places = ids.flatten().clone(), real.flatten().nonzero().flatten()
    chosen = [place for place in places.tolist() if rng.random() < share]
    flat[chosen] = flat[places[torch.tensor([rng.randrange(len(places)) for _ in chosen], dtype=torch.long)]]
    return flat.view_as(ids)
