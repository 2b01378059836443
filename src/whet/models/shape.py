"""The shape of a causal model, read from a model without memory: what time, memory and disk depend on.

The model that ``config.json`` describes is built on torch's meta device and its layers are counted, so that
no name of an architecture is needed. Knows no weights and no training.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Shape:
    """What a token meets on its way through a model."""

    parameters: int
    layers: int
    width: int
    """Of the hidden states."""
    heads: int
    """Queries of all heads together: what attention multiplies a token with."""
    vocabulary: int
    linears: Mapping[tuple[int, int], int]
    """How many linear layers of (inputs, outputs) there are before the head."""
    expert_weights: int = 0
    """Weights of experts that one token meets, in all layers together."""
    expert_outputs: int = 0
    """Numbers that those make of it."""
    capped: int = 0
    """Heads, of all layers together, whose scores have a soft cap."""
    windowed: int = 0
    """Heads, of all layers together, that see a window of ``window`` tokens only."""
    window: int = 0

    @property
    def weights(self) -> int:
        """Weights that a token meets before the head."""
        return sum(i * o * count for (i, o), count in self.linears.items()) + self.expert_weights

    @property
    def head(self) -> int:
        """Weights of the head."""
        return self.width * self.vocabulary

    @property
    def outputs(self) -> int:
        """Numbers that all layers before the head make of one token."""
        return sum(o * count for (_, o), count in self.linears.items()) + self.expert_outputs

    def plain_heads(self, longest: int) -> int:
        """Heads whose attention runs as torch differentiates it, on rows of so many tokens."""
        return self.capped or (self.windowed if longest > self.window else 0)

    def adapter(self, rank: int) -> int:
        """Weights of a LoRA on every linear layer but the head."""
        return rank * sum((i + o) * count for (i, o), count in self.linears.items())


def shape_of(model: Any) -> Shape:
    """The shape of a causal model of ``transformers``, on whatever device."""
    config = model.config.get_text_config()
    heads = int(config.num_attention_heads)
    wide = int(getattr(config, "head_dim", None) or config.hidden_size // heads)
    met, made = _experts(model, config)
    capped, windowed = _told(config, heads)
    return Shape(
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        layers=int(config.num_hidden_layers),
        width=int(config.hidden_size),
        heads=heads * wide,
        vocabulary=int(config.vocab_size),
        linears=_linears(model),
        expert_weights=met,
        expert_outputs=made,
        capped=capped,
        windowed=windowed,
        window=int(getattr(config, "sliding_window", None) or 0),
    )


def _told(config: Any, heads: int) -> tuple[int, int]:
    """Heads with a soft cap, and with a window, of all layers together."""
    layers = int(config.num_hidden_layers)
    kinds = getattr(config, "layer_types", None) or ["sliding_attention"] * layers
    sliding = sum(kind == "sliding_attention" for kind in kinds)
    capped = heads * layers if getattr(config, "attn_logit_softcapping", None) else 0
    return capped, heads * sliding if getattr(config, "sliding_window", None) else 0


def _linears(model: Any) -> dict[tuple[int, int], int]:
    import torch
    from transformers.pytorch_utils import Conv1D

    head, found = model.get_output_embeddings(), Counter[tuple[int, int]]()
    for module in model.modules():
        if isinstance(module, torch.nn.Linear) and module is not head:
            found[module.in_features, module.out_features] += 1
        elif isinstance(module, Conv1D):  # GPT-2's linear layer, [inputs, outputs]
            inputs, outputs = module.weight.shape
            found[int(inputs), int(outputs)] += 1
    return dict(found)


def _experts(model: Any, config: Any) -> tuple[int, int]:
    """Experts lie in one tensor [experts, outputs, inputs], of which a token meets a few."""
    count = next((n for name in ("num_experts", "num_local_experts") if (n := getattr(config, name, 0))), 0)
    few = int(getattr(config, "num_experts_per_tok", None) or 0)
    wide = [p.shape for p in model.parameters() if p.ndim == 3 and p.shape[0] == count]
    met = sum(few * shape[1] * shape[2] for shape in wide)
    return int(met), int(sum(few * shape[1] for shape in wide))
