"""Fine-tune an encoder and its head: what the loop (``loop.py``) asks of that job.

Two things make it quick. The head starts from logistic regression on the frozen vectors, so the training
begins where ``head`` ends and needs few epochs. And the encoder is made ready by ``encoders.py``, with fp32
masters for AdamW where it is bf16 (Micikevicius and others, arXiv 1710.03740), and read in batches of like
length.

Knows no task and no files: what to do at an evaluation comes as ``on_eval``.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from whet.models.batches import shuffled_batches
from whet.models.encoder import collate, pooled_sums
from whet.train.course import Look, Plan, named
from whet.train.encoders import Recipe, seeded, trainable
from whet.train.linear import LinearHead, total_loss

if TYPE_CHECKING:
    from pathlib import Path

    import torch
    from numpy.typing import NDArray

    from whet.models.encoder import TokenBatch, Windows
    from whet.models.source import EncoderSource
    from whet.train.course import Batches
    from whet.train.frozen import States
    from whet.train.step import Stepped

SAVE_SECONDS = 60.0
"""Between checkpoints: one takes about a second, and so much work is lost at a kill."""
PASS_TOKENS = 4096  # 64 windows of 256 tokens at once held 4.7 GB in fp32, for nothing


@dataclass(frozen=True, slots=True)
class Data:
    """What is trained on: windows of n texts, their targets [n, labels], and where they come from."""

    windows: Windows
    table: NDArray[np.float32]
    several: bool
    sources: Sequence[str]
    """``file:line`` of each text."""


@dataclass(frozen=True)
class Trained:
    """What the last look at dev found trained."""

    last: Mapping[str, torch.Tensor]
    """Trained tensors by name: the encoder's (full) or the adapter's (LoRA)."""
    curve: Sequence[Mapping[str, float]]
    parameters: int
    notes: Sequence[str]
    """Such as a loss that was not finite, and on which texts."""
    seconds_before: float
    """Spent by processes that were killed."""


OnEval = Callable[[Any, LinearHead], Look]
"""(model, head) -> what dev says"""


def train_classifier(
    source: EncoderSource,
    data: Data,
    head: LinearHead,
    recipe: Recipe,
    *,
    pad_id: int,
    seed: int,
    on_eval: OnEval | None,
    start: Look | None = None,
    on_step: Callable[[int, int], None] = lambda done, total: None,
    folder: Path | None = None,
    keep: bool = True,
) -> Trained:
    """Train from ``head`` until the steps are done or dev no longer improves.

    ``start`` is what dev says of ``head`` on the frozen vectors, where it is at hand. Without ``on_eval`` dev
    is not looked at. In ``folder`` a training that was killed goes on where it was. A loss
    that is not finite ends the training; the state of the last look at dev stands. ``keep``: states of layers
    that do not learn are read once.
    """
    from whet.train.loop import NotFinite, Watching, train

    with seeded(seed):
        model = trainable(source, recipe)
    job = EncoderJob(model, source.pooling, data, head, recipe, pad_id, on_eval)
    job, notes = on_kept_states(job) if keep else (job, [])
    plan, batches = _plan(recipe, seed, looks=on_eval is not None), by_length(data, recipe, seed)
    watching = Watching(lambda told: on_step(int(told["step"]), int(told["steps"])))
    try:
        ended = train(job, len(data.windows.ids), plan, folder, watching, batches, start)
    except NotFinite as error:
        ended = error.ended
        notes.append(f"training by {recipe.method} ended early: {error.what}")
    last = {name: tensor for name, tensor in ended.weights.items() if not name.startswith(HEAD)}
    parameters = sum(tensor.numel() for tensor in job.live.values())
    return Trained(last, as_told(ended.state.curve), parameters, notes, ended.seconds_before)


def as_told(curve: Sequence[Mapping[str, float]]) -> list[dict[str, float]]:
    """The curve in the words of ``records.FitInfo``."""
    names = {"step": "step", "train_loss": "loss", "loss": "dev_loss", "score": "dev_score"}
    return [{names[name]: value for name, value in row.items()} for row in curve]


def _plan(recipe: Recipe, seed: int, *, looks: bool) -> Plan:
    """As the loop has it. The start need not be passed: a good frozen head is first lost and then passed, as
    the rate falls."""
    from whet.train.optimizer import Part, Rates

    parts = (Part(HEAD, recipe.head_lr, 0.0), Part("", recipe.lr, recipe.decay))
    return Plan(
        Rates(recipe.lr, recipe.decay, recipe.clip, recipe.warmup, recipe.schedule, parts=parts),
        epochs=recipe.epochs,
        batch=recipe.batch,
        looks=recipe.evals_per_epoch if looks else 0,
        patience=recipe.patience,
        start_counts=False,
        take="last",
        save_seconds=SAVE_SECONDS,
        keep=1,
        seed=seed,
    )


def by_length(data: Data, recipe: Recipe, seed: int) -> Batches:
    """Shuffled batches of like length; every epoch goes on with the generator of the one before."""
    rng, drawn = random.Random(seed), list[list[list[int]]]()

    def batches(epoch: int) -> list[list[int]]:
        while len(drawn) <= epoch:
            drawn.append(shuffled_batches(data.windows.lengths(), recipe.batch, rng))
        return drawn[epoch]

    return batches


def passes(windows: Windows, rows: Sequence[int], most: int) -> list[list[int]]:
    """The rows of a step in passes of at most ``most`` tokens, padding counted, or one text where that has
    more; the windows of a text stay together, for they are pooled together."""
    by_text: dict[int, list[int]] = {}
    for row in rows:
        by_text.setdefault(windows.owner[row], []).append(row)
    parts: list[list[int]] = [[]]
    for text in by_text.values():
        wider = [*parts[-1], *text]
        if parts[-1] and len(wider) * max(len(windows.ids[row]) for row in wider) > most:
            parts.append([])
        parts[-1] += text
    return parts


HEAD = "head."
"""What the names of the head's tensors begin with."""


@dataclass
class EncoderJob:
    """``loop.Job`` for an encoder with a head on its pooled vectors."""

    model: Any
    pooling: str
    data: Data
    head: LinearHead
    """Where the head starts."""
    recipe: Recipe
    pad_id: int
    on_eval: OnEval | None
    states: States | None = None
    """Of the layers that do not learn; the windows of ``data`` are then places in them."""

    def __post_init__(self) -> None:
        self._weight, self._bias = _leaf(self.head.weight), _leaf(self.head.bias)
        trunk = {name: p for name, p in self.model.named_parameters() if p.requires_grad}
        self._live = {**trunk, f"{HEAD}weight": self._weight, f"{HEAD}bias": self._bias}

    @property
    def live(self) -> Mapping[str, torch.Tensor]:
        return self._live

    def names(self, rows: Sequence[int]) -> str:
        texts = dict.fromkeys(self.data.windows.owner[row] for row in rows)
        return named([self.data.sources[text] for text in texts])

    def gradients(self, rows: Sequence[int], forget: Callable[[], None]) -> Stepped:
        from whet.train.step import Stepped

        windows, pad = self.data.windows, 0 if self.states else self.pad_id
        texts = len({windows.owner[row] for row in rows})
        loss, read = 0.0, 0
        for part in passes(windows, rows, PASS_TOKENS):
            batch = collate(windows, part, pad)
            with self.states.instead() if self.states else contextlib.nullcontext():
                share = self._loss(batch) / texts
            share.backward()  # type: ignore[no-untyped-call]
            loss, read = loss + share.item(), read + batch.ids.numel()
        return Stepped(loss, float(texts), texts, read, sum(len(windows.ids[row]) for row in rows))

    def _loss(self, batch: TokenBatch) -> torch.Tensor:
        """Loss summed over the texts of a batch; vectors are unit length, as in the frozen head."""
        import torch

        hidden = self.model(input_ids=batch.ids, attention_mask=batch.mask).last_hidden_state
        vectors = torch.nn.functional.normalize(pooled_sums(hidden, batch, self.pooling), dim=1)
        wanted = torch.from_numpy(self.data.table[batch.texts])
        logits = vectors @ self._weight.T + self._bias
        return total_loss(logits, wanted, several=self.data.several, smoothing=self.recipe.smoothing)

    def look(self) -> Look:
        assert self.on_eval is not None
        head = LinearHead(*(part.detach().clone().numpy() for part in (self._weight, self._bias)))
        return self.on_eval(self.model, head)

    def write(self, folder: Path) -> None:
        """Nothing: the optimizer's masters are all that is needed to go on."""


def on_kept_states(job: EncoderJob) -> tuple[EncoderJob, list[str]]:
    """The job with what the layers that do not learn make of its texts read once, and a note where the model
    does not allow that."""
    from whet.train.frozen import layers_of
    from whet.train.frozen_texts import tried

    layers = layers_of(job.model, job.recipe.top) if job.recipe.top else None
    if layers is None or layers.cut == 0:
        return job, []
    kept, reason = tried(job.model, layers, job.data.windows, job.pad_id)
    if kept is None:
        return job, [f"layers that do not learn read every text anew: {reason}"]
    return replace(job, data=replace(job.data, windows=kept.windows), states=kept.states), []


def _leaf(values: NDArray[np.float32]) -> torch.Tensor:
    import torch

    return torch.from_numpy(values).clone().requires_grad_()
