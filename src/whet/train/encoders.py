"""An encoder made ready to train: its precision, and what of it learns, by which recipe.

bf16 where the processor multiplies it natively. Word embeddings are frozen in full training. Dropout is off:
drawing its masks costs a seventh of a step on a CPU, and one or two epochs do not need it. Knows no data, no
head and no files.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from whet.models.encoder import load_model, native_bf16

if TYPE_CHECKING:
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
    schedule: str = "linear"
    decay: float = 0.01
    clip: float = 1.0
    rank: int = 16
    top: int | None = None
    """Layers that learn, from the top; None: all. What the others make of the texts is read once."""
    evals_per_epoch: int = 1
    patience: int = 2
    """Evaluations without a better one, after the first, after which it stops."""


def trainable(source: EncoderSource, recipe: Recipe) -> Any:
    """The model ready to train: bf16 where that is native, the right parameters unfrozen."""
    precision = "bf16" if native_bf16() else "fp32"
    # torch's flash attention takes 37 % of a step in its backward pass at 20 tokens a text on a CPU;
    # plain matrix products take a tenth of that.
    model = load_model(source, precision, attn_implementation="eager")
    if recipe.method == "lora":
        from whet.train.lora import fused

        return fused(with_adapter(model, recipe.rank, recipe.top))
    if recipe.top:
        from whet.train.frozen import layers_of, learn_top

        return learn_top(model, layers_of(model, recipe.top)).eval()
    model.get_input_embeddings().weight.requires_grad_(False)
    return model.eval()  # eval turns dropout off; gradients flow all the same


def with_adapter(model: Any, rank: int, top: int | None = None) -> Any:
    """A fresh LoRA adapter (Hu and others, arXiv 2106.09685) on every linear layer, or those of the ``top``
    layers, by PEFT."""
    from peft import LoraConfig, TaskType, get_peft_model

    from whet.train.frozen import layers_of

    config = LoraConfig(
        r=rank,
        lora_alpha=LORA_ALPHA * rank,
        target_modules=layers_of(model, top).linear() if top else "all-linear",
        task_type=TaskType.FEATURE_EXTRACTION,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # PEFT asks transformers in an old way
        # The adapter keeps the base's precision; AdamW has fp32 masters of it.
        return get_peft_model(model, config, autocast_adapter_dtype=False).eval()


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """torch's generator at ``seed`` within the block, and as it was after."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
