"""Train an encoder to tag words: a LoRA adapter, an embedding of word shapes, and a linear head.

Tags are BIO (Ramshaw and Marcus 1995): B- begins a span of a kind, I- goes on, O is outside. A word's
scores are the mean over its pieces, so that a rare name in five pieces is judged as a whole. The base is
frozen; weights are fp32, products run in bf16 where the processor multiplies it natively. The rate warms
up and falls to zero in a straight line, as in ``classifier.py``. Knows no kinds and no files.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from whet.models.batches import length_batches, shuffled_batches
from whet.models.encoder import load_model, native_bf16
from whet.models.words import SHAPES, Words, collate_words
from whet.train.classifier import with_adapter

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from whet.models.source import EncoderSource

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
    import torch

    heads = [tagger.shapes, tagger.weight, tagger.bias]
    adapter = [p for p in tagger.model.parameters() if p.requires_grad]
    for part in heads:
        part.requires_grad_(True)
    adam = torch.optim.AdamW([*adapter, *heads], lr=recipe.lr, weight_decay=recipe.decay, fused=True)
    wanted, rng = torch.tensor(tags), random.Random(seed)
    steps = max(1, round(recipe.epochs * len(words.ids) / recipe.batch))
    for step, rows in zip(range(1, steps + 1), _endless(words, recipe, rng), strict=False):
        loss = _loss(tagger, words, rows, wanted, recipe, pad_id, rng)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_([*adapter, *heads], recipe.clip)
        for group in adam.param_groups:
            group["lr"] = recipe.lr * _rate(step, steps, recipe.warmup)
        adam.step()
        adam.zero_grad()
        on_step(step, steps, loss.item())
    for part in heads:
        part.requires_grad_(False)
    return tagger


def _endless(words: Words, recipe: TagRecipe, rng: random.Random) -> Iterator[list[int]]:
    while True:
        yield from shuffled_batches(words.lengths(), recipe.batch, rng)


def _loss(
    tagger: Tagger,
    words: Words,
    rows: list[int],
    wanted: torch.Tensor,
    recipe: TagRecipe,
    pad_id: int,
    rng: random.Random,
) -> torch.Tensor:
    """Mean cross-entropy over the pieces of a batch."""
    import torch

    ids, mask, shapes, owners = collate_words(words, rows, pad_id)
    hidden = torch.tensor([rng.random() < recipe.drop_shapes for _ in rows])
    shapes = shapes.masked_fill(hidden.unsqueeze(1), 0)
    with torch.autocast("cpu", torch.bfloat16, enabled=native_bf16()):
        logits = tagger.forward(ids, mask, shapes)
    targets = torch.where(owners >= 0, wanted[owners.clamp(min=0)], NO_TAG)
    return torch.nn.functional.cross_entropy(
        logits.float().flatten(0, 1), targets.flatten(), ignore_index=NO_TAG, label_smoothing=recipe.smoothing
    )


def _rate(step: int, steps: int, warmup: float) -> float:
    """Linear warm-up, then linear decay to zero: the factor on the rate."""
    warm = max(1, round(warmup * steps))
    return min(step / warm, (steps - step + 1) / max(steps - warm, 1))
