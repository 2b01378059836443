"""Fine-tune an encoder and its head: one visible loop.

Two things make it quick. The head starts from logistic regression on the frozen vectors, so the loop
begins where ``head`` ends and needs few epochs. And the weights run in bf16 where the processor
multiplies it natively, with fp32 masters for AdamW (Micikevicius and others, arXiv 1710.03740), in
batches of like length, with the word embeddings frozen. Dropout is off: drawing its masks costs a
seventh of a step on a CPU and one or two epochs do not need it.

Knows no task and no files: what to do at an evaluation comes as ``on_eval``.
"""

from __future__ import annotations

import contextlib
import math
import random
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from whet.models.batches import shuffled_batches
from whet.models.encoder import TokenBatch, collate, load_model, native_bf16, pooled_sums
from whet.train.linear import LinearHead, total_loss

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from whet.models.encoder import Windows
    from whet.models.source import EncoderSource

LORA_ALPHA = 2  # times the rank


@dataclass(frozen=True, slots=True)
class Recipe:
    """Hyper-parameters of one training."""

    method: str = "full"
    """``full`` or ``lora``."""
    lr: float = 2e-4
    epochs: float = 2.0
    batch: int = 64
    head_lr: float = 1e-3
    smoothing: float = 0.05
    warmup: float = 0.1
    """Share of the steps."""
    decay: float = 0.01
    clip: float = 1.0
    rank: int = 16
    evals_per_epoch: int = 1
    patience: int = 2
    """Evaluations without a better dev score, after the first, after which it stops."""


@dataclass(frozen=True, slots=True)
class Data:
    """What is trained on: windows of n texts and their targets [n, labels]."""

    windows: Windows
    table: NDArray[np.float32]
    several: bool


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What ``on_eval`` found on dev."""

    gain: float
    loss: float


@dataclass(frozen=True)
class Trained:
    """What the last look at dev found trained."""

    last: dict[str, torch.Tensor]
    """Trained tensors by name: the encoder's (full) or the adapter's (LoRA)."""
    curve: list[dict[str, float]]
    parameters: int
    steps: int
    tokens: int
    """Tokens read in training, padding not counted."""


OnEval = Callable[[Any, LinearHead], Evaluation]
"""(model, head) -> what dev says"""


def train_classifier(
    source: EncoderSource,
    data: Data,
    head: LinearHead,
    recipe: Recipe,
    *,
    pad_id: int,
    seed: int,
    on_eval: OnEval,
    start: Evaluation,
    on_step: Callable[[int, int], None] = lambda done, total: None,
) -> Trained:
    """Train from ``head`` until the steps are done or dev no longer improves.

    ``start`` is what dev says of ``head`` on the frozen vectors, which are at hand already. A loss that is
    not finite ends the training; the state of the last look at dev stands.
    """

    with _seeded(seed):
        model = _trainable(source, recipe)
    weight, bias = (_leaf(part) for part in (head.weight, head.bias))
    live = {name: p for name, p in model.named_parameters() if p.requires_grad}
    masters = _Masters(list(live.values()), [weight, bias], recipe)
    rng = random.Random(seed)
    steps = max(1, round(recipe.epochs * _batches_in(data, recipe)))
    every = max(1, round(_batches_in(data, recipe) / recipe.evals_per_epoch))
    watch = _Watch(model, live, on_eval, recipe.patience)
    watch.begin(start)
    tokens, smooth = 0, 0.0
    for step, batch in zip(range(1, steps + 1), _endless(data, recipe, rng, pad_id), strict=False):
        loss = _batch_loss(model, weight, bias, batch, data, source.pooling, recipe)
        if not math.isfinite(loss.item()):
            watch.note_failure(step)
            break
        loss.backward()  # type: ignore[no-untyped-call]
        masters.step(_rate(step, steps, recipe))
        tokens += int(batch.ids.numel() if batch.mask is None else batch.mask.sum())
        smooth = loss.item() if step == 1 else 0.9 * smooth + 0.1 * loss.item()
        on_step(step, steps)
        if step % every == 0 or step == steps:
            watch.look(step, smooth, _as_head(weight, bias))
            if watch.tired():
                break
    count = sum(p.numel() for p in live.values()) + weight.numel() + bias.numel()
    return Trained(watch.last, watch.curve, count, step, tokens)


def _trainable(source: EncoderSource, recipe: Recipe) -> Any:
    """The model ready to train: bf16 where that is native, the right parameters unfrozen."""
    precision = "bf16" if native_bf16() else "fp32"
    # torch's flash attention takes 37 % of a step in its backward pass at 20 tokens a text on a CPU;
    # plain matrix products take a tenth of that.
    model = load_model(source, precision, attn_implementation="eager")
    if recipe.method == "lora":
        from whet.train.lora import fused

        return fused(with_adapter(model, recipe.rank))
    model.get_input_embeddings().weight.requires_grad_(False)
    return model.eval()  # eval turns dropout off; gradients flow all the same


def with_adapter(model: Any, rank: int) -> Any:
    """A fresh LoRA adapter on every linear layer (Hu and others, arXiv 2106.09685), by PEFT."""
    from peft import LoraConfig, TaskType, get_peft_model

    config = LoraConfig(
        r=rank,
        lora_alpha=LORA_ALPHA * rank,
        target_modules="all-linear",
        task_type=TaskType.FEATURE_EXTRACTION,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # PEFT asks transformers in an old way
        # The adapter keeps the base's precision; AdamW has fp32 masters of it (see _Masters).
        return get_peft_model(model, config, autocast_adapter_dtype=False).eval()


@contextlib.contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """torch's generator at ``seed`` within the block, and as it was after."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def _batches_in(data: Data, recipe: Recipe) -> int:
    return math.ceil(len(data.windows.ids) / recipe.batch)


def _endless(data: Data, recipe: Recipe, rng: random.Random, pad_id: int) -> Iterator[TokenBatch]:
    """Epoch after epoch of shuffled batches of like length."""
    while True:
        for rows in shuffled_batches(data.windows.lengths(), recipe.batch, rng):
            yield collate(data.windows, rows, pad_id)


def _batch_loss(
    model: Any,
    weight: torch.Tensor,
    bias: torch.Tensor,
    batch: TokenBatch,
    data: Data,
    pooling: str,
    recipe: Recipe,
) -> torch.Tensor:
    """Mean loss over the texts of a batch; vectors are unit length, as in the frozen head."""
    import torch

    hidden = model(input_ids=batch.ids, attention_mask=batch.mask).last_hidden_state
    sums = pooled_sums(hidden, batch, pooling)
    vectors = torch.nn.functional.normalize(sums, dim=1)
    wanted = torch.from_numpy(data.table[batch.texts])
    logits = vectors @ weight.T + bias
    loss = total_loss(logits, wanted, several=data.several, smoothing=recipe.smoothing)
    return loss / max(len(batch.texts), 1)


def _rate(step: int, steps: int, recipe: Recipe) -> float:
    """Linear warm-up, then linear decay to zero: the factor on the learning rates."""
    warm = max(1, round(recipe.warmup * steps))
    return min(step / warm, (steps - step + 1) / max(steps - warm, 1))


class _Masters:
    """AdamW on fp32 copies of the live parameters, which stay in the model's precision."""

    def __init__(self, live: list[torch.Tensor], head: list[torch.Tensor], recipe: Recipe):
        import torch

        self._live = live
        self._copies = [p.detach().float().clone().requires_grad_() for p in live]
        self._grads = [torch.zeros_like(copy) for copy in self._copies]
        for copy, grad in zip(self._copies, self._grads, strict=True):
            copy.grad = grad
        self._head = head
        self._rates = (recipe.lr, recipe.head_lr)
        self._clip = recipe.clip
        self._adam = torch.optim.AdamW(
            [
                {"params": self._copies, "weight_decay": recipe.decay},
                {"params": head, "weight_decay": 0.0},
            ],
            lr=recipe.lr,
            fused=True,
        )

    def step(self, factor: float) -> None:
        """Take the live gradients, clip, step, and write the result back."""
        import torch

        with torch.no_grad():
            torch._foreach_copy_(self._grads, [_gradient(p) for p in self._live])
            torch.nn.utils.clip_grad_norm_([*self._copies, *self._head], self._clip)
            for group, rate in zip(self._adam.param_groups, self._rates, strict=True):
                group["lr"] = rate * factor
            self._adam.step()
            torch._foreach_copy_(self._live, self._copies)
        for parameter in (*self._live, *self._head):
            parameter.grad = None


def _gradient(parameter: torch.Tensor) -> torch.Tensor:
    """The gradient; parameters that the loss did not touch have none, which means zero."""
    import torch

    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad


def _leaf(values: NDArray[np.float32]) -> torch.Tensor:
    import torch

    return torch.from_numpy(values).clone().requires_grad_()


def _as_head(weight: torch.Tensor, bias: torch.Tensor) -> LinearHead:
    return LinearHead(weight.detach().clone().numpy(), bias.detach().clone().numpy())


class _Watch:
    """Looks at dev, keeps the state and the curve, and says when to stop."""

    def __init__(self, model: Any, live: dict[str, torch.Tensor], on_eval: OnEval, patience: int):
        self._model, self._live = model, live
        self._on_eval, self._patience = on_eval, patience
        self._since, self._highest = 0, -math.inf
        self.last: dict[str, torch.Tensor] = {}
        self.curve: list[dict[str, float]] = []

    def begin(self, found: Evaluation) -> None:
        """The curve begins with the frozen head."""
        self.curve.append({"step": 0, "dev_score": found.gain, "dev_loss": found.loss})
        self.last = self._state()

    def _state(self) -> dict[str, torch.Tensor]:
        return {name: p.detach().clone() for name, p in self._live.items()}

    def look(self, step: int, loss: float, head: LinearHead) -> None:
        found = self._on_eval(self._model, head)
        self.curve.append({"step": step, "dev_score": found.gain, "dev_loss": found.loss, "loss": loss})
        self.last = self._state()
        self._wait(found.gain)

    def _wait(self, gain: float) -> None:
        """Count evaluations without progress. The start does not count: a good frozen head is first lost
        and then passed, as the rate falls."""
        self._since = 0 if gain > self._highest else self._since + 1
        self._highest = max(self._highest, gain)

    def tired(self) -> bool:
        return self._since >= self._patience

    def note_failure(self, step: int) -> None:
        self.curve.append({"step": step, "failed": 1.0})
