"""Weights of linear layers as the processor's kernels want to read them, laid out once and not at each call.

    W [out, in], row by row -> blocks of oneDNN's choice        y = x Wᵀ + b, the same numbers

A step of generation multiplies a few rows with every weight, and laying the weights out takes as long as the
product itself. It costs their memory once more. A layer whose weights are written again, and a copy of a
model, go back to the plain product. For models that answer; knows no model but its linear layers. Source:
oneDNN's "memory format propagation", which torch calls prepacking.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import Linear
from torch.nn.functional import linear

MOST_BYTES = 1 << 32
"""Of weights that are laid out once more; a larger model keeps its memory."""
LEAST = 100_000
"""Weights of a layer; asking for the kernel takes longer than laying out fewer."""
ROWS = 16  # that the layout is chosen for; others may be read as well
ALLOWED = {torch.float32: 1e-4, torch.bfloat16: 2e-2}
"""Relative difference from the plain product, by rounding."""


@dataclass(frozen=True, slots=True)
class Packed:
    """In place of a layer's ``forward``."""

    layer: Linear
    weight: Tensor
    """Of oneDNN's layout; it looks as [out, in]."""
    laid_out: tuple[int, int]
    """Which weights they were: where they lie, and how often they were written."""

    def __call__(self, x: Tensor) -> Tensor:
        if not x.numel() or x.dtype != self.weight.dtype or state_of(self.layer.weight) != self.laid_out:
            return linear(x, self.layer.weight, self.layer.bias)
        return product(x, self.weight, self.layer.bias)

    def __deepcopy__(self, memo: dict[int, Any]) -> Packed:
        """A copy has weights of its own, which are not laid out."""
        return Packed(copy.deepcopy(self.layer, memo), self.weight, self.laid_out)


def laid(weight: Tensor, rows: int) -> Tensor:
    """A weight [out, in] in blocks, in the order that is best for products with so many rows."""
    blocks: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight, rows)
    return blocks


def product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """[.., in] times a weight in blocks [out, in], and a bias [out]: [.., out]."""
    found: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return found


def state_of(weight: Tensor) -> tuple[int, int]:
    """Where a weight lies, and how often it was written."""
    return weight.data_ptr(), weight._version


def pack(model: Any) -> int:
    """Lay out the linear layers of a model that is on the processor; how many bytes that took, or 0."""
    layers = [one for one in model.modules() if type(one) is Linear and _worth(one.weight)]
    size = sum(one.weight.nbytes for one in layers)
    on_processor = all(one.weight.device.type == "cpu" for one in layers)
    if not layers or not on_processor or size > MOST_BYTES:
        return 0
    try:
        with torch.no_grad():
            found = [_packed(layer) for layer in layers]
            if not _alike(found[0]):
                return 0
    except (AttributeError, RuntimeError, NotImplementedError):  # no such kernel on this processor
        return 0
    for layer, packed in zip(layers, found, strict=True):
        layer.forward = packed  # type: ignore[method-assign, assignment]
    return size


def _worth(weight: Tensor) -> bool:
    return weight.dtype in ALLOWED and weight.numel() >= LEAST


def _packed(layer: Linear) -> Packed:
    return Packed(layer, laid(layer.weight.detach(), ROWS), state_of(layer.weight))


def _alike(packed: Packed) -> bool:
    """Whether a layer gives what it gave."""
    weight = packed.layer.weight
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(3, weight.shape[1], generator=draw).to(weight.dtype)
    there, here = linear(x, weight, packed.layer.bias).float(), packed(x).float()
    return bool((here - there).abs().max() <= ALLOWED[weight.dtype] * there.abs().max())
