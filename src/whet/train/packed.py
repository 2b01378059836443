"""Frozen weights laid out once as a CPU's products want them, instead of anew at every product.

A plain product first copies its weights into blocks of the order in which the processor multiplies; weights
that do not learn can stay in it: the same numbers, a tenth to a third sooner. There are two copies, one for
the way forward and one for the way back. The product is oneDNN's (``mkldnn``), as torch's compiler calls it;
for models that only answer, ``models/packed.py`` does the like. Knows no model.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor

LEAST = 100_000
"""Weights of a layer; asking for the product takes longer than laying out fewer."""
ROWS = 4096
"""Rows that the layout is chosen for; any number of them may come."""


@dataclass(frozen=True, slots=True)
class Packed:
    """A frozen weight [o, i], twice."""

    forward: Tensor
    """For rows [n, i] to [n, o]."""
    back: Tensor
    """For gradients [n, o] to [n, i]."""


def packed(weight: Tensor) -> Packed | None:
    """Both layouts of a weight; None where this machine has none."""
    if weight.device.type != "cpu" or weight.numel() < LEAST or not _able(weight.dtype):
        return None
    return Packed(_laid(weight.detach()), _laid(weight.detach().T.contiguous()))


def product(rows: Tensor, laid: Tensor, bias: Tensor | None = None) -> Tensor:
    """[n, i] times a laid out weight [o, i], and a bias [o]: [n, o]."""
    made: Tensor = _operations()._linear_pointwise(rows, laid, bias, "none", [], "")
    return made


@cache
def _able(dtype: torch.dtype) -> bool:
    """Whether the product is there and right, asked of it on a small one."""
    if dtype not in {torch.float32, torch.bfloat16}:
        return False
    draw = torch.Generator().manual_seed(0)
    rows, weight = (torch.randn(count, 32, generator=draw).to(dtype) for count in (5, 48))
    try:
        made = product(rows, _laid(weight))
    except (AttributeError, RuntimeError):
        return False
    return torch.allclose(made.float(), rows.float() @ weight.float().T, rtol=1e-2, atol=1e-1)


def _laid(weight: Tensor) -> Tensor:
    laid: Tensor = _operations()._reorder_linear_weight(weight, ROWS)
    return laid


def _operations() -> Any:
    return torch.ops.mkldnn
