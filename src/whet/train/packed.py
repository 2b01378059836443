"""Frozen weights laid out once as a CPU's products want them, instead of anew at every product.

A plain product first copies its weights into blocks of the order in which the processor multiplies; weights
that do not learn can stay in it: the same numbers, a tenth to a third sooner. There are two copies, one for
the way forward and one for the way back. How a weight is laid out, and for models that only answer, is the
affair of ``models/packed.py``. Knows no model.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from whet.models.packed import ALLOWED, LEAST, laid, product, state_of

ROWS = 4096
"""Rows that the layout is chosen for; any number of them may come."""


@dataclass(frozen=True, slots=True)
class Packed:
    """A frozen weight [o, i], twice."""

    forward: Tensor
    """For rows [n, i] to [n, o]."""
    back: Tensor
    """For gradients [n, o] to [n, i]."""
    laid_out: tuple[int, int]
    """Which weight it was: where it lay, and how often it was written."""

    def fits(self, weight: Tensor, rows: Tensor) -> bool:
        """Whether this still is that weight, for rows of its precision: a model may be cast."""
        return len(rows) > 0 and rows.dtype == self.forward.dtype and state_of(weight) == self.laid_out


def packed(weight: Tensor) -> Packed | None:
    """Both layouts of a weight; None where this machine has none."""
    if weight.device.type != "cpu" or weight.numel() < LEAST or not _able(weight.dtype):
        return None
    back = laid(weight.detach().T.contiguous(), ROWS)
    return Packed(laid(weight.detach(), ROWS), back, state_of(weight))


@cache
def _able(dtype: torch.dtype) -> bool:
    """Whether the product is there and right, asked of it on a small one."""
    if dtype not in ALLOWED:
        return False
    draw = torch.Generator().manual_seed(0)
    rows, weight = (torch.randn(count, 32, generator=draw).to(dtype) for count in (5, 48))
    try:
        made = product(rows, laid(weight, ROWS))
    except (AttributeError, RuntimeError):
        return False
    return torch.allclose(made.float(), rows.float() @ weight.float().T, rtol=1e-2, atol=1e-1)
