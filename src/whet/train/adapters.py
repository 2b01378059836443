"""Adapters on a causal model: LoRA and its kin by PEFT, so that what is saved is stock PEFT.

Hu and others, arXiv 2106.09685; rsLoRA scales by the root of the rank (Kalajdzievski, arXiv 2312.03732);
DoRA learns direction and size apart (Liu and others, arXiv 2402.09353). The base is frozen; the adapter has
fp32 weights. Knows no data.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

ALL_LINEAR = "all-linear"


@dataclass(frozen=True, slots=True)
class LoraRecipe:
    """The shape of an adapter."""

    rank: int = 16
    alpha: float = 32.0
    dropout: float = 0.0
    targets: str | tuple[str, ...] = ALL_LINEAR
    """Names of layers; ``all-linear``: every linear layer but the head."""
    rslora: bool = False
    dora: bool = False


def adapted(model: Any, recipe: LoraRecipe, seed: int, *, fuse: bool = True, pack: bool = True) -> Any:
    """The model in PEFT's wrapping with a fresh adapter, which changes nothing yet.

    Args:
        fuse: run its layers, and frozen norms, in one function each.
        pack: lay frozen weights out for products on a CPU; takes two copies of them.
    """
    import torch
    from peft import LoraConfig, TaskType, get_peft_model

    from whet.train import lora, norms

    targets = recipe.targets if isinstance(recipe.targets, str) else list(recipe.targets)
    config = LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        lora_dropout=recipe.dropout,
        target_modules=targets,
        use_rslora=recipe.rslora,
        use_dora=recipe.dora,
        task_type=TaskType.CAUSAL_LM,
    )
    with torch.random.fork_rng(devices=[]), quiet():
        torch.manual_seed(seed)
        wrapped = get_peft_model(model, config, autocast_adapter_dtype=True)
    return lora.fused(norms.fused(wrapped), pack=pack) if fuse else wrapped


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """PEFT asks transformers in an old way, and says that GPT-2's layers lie the other way round."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        warnings.filterwarnings("ignore", message="fan_in_fan_out")
        yield
