"""The least time that training could take here: what the bar, the page and the bench hold speed against.

A beginning of P tokens that n rows share is read once, and S tokens of each row are its own. Every token
meets N weights forward and back, and the weights that learn once more:

    all weights      6 N                                        forward 2, to the inputs 2, to the weights 2
    LoRA             4 N + 6 Na                                 the base's weights have no gradient
    head             4 H a learned position, 6 H where it learns too
    attention        7 L w (P² + Σ S (2 P + S))                 L layers, w wide; half of a square is masked

The last layer is counted at learned positions only, and its attention not at all: nothing looks at what it
would make elsewhere. (Its keys and values of all tokens are left out too; the limit is that much too low.)

The rate is that of this machine on the model's own shapes, measured, not a vendor's. Real training can come
near the limit but not beyond it. Knows no model but its shape.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from whet.train.sharing import Row, groups

if TYPE_CHECKING:
    from whet.models.shape import Shape

SECONDS = 0.4
"""How long a rate is measured."""
TOKENS = 512
"""Rows of the products that are measured; fewer where one takes too long."""


@dataclass(frozen=True, slots=True)
class Work:
    """Operations that training cannot do without."""

    token: float
    """A token through the weights of all layers but the last, forward and back."""
    learned: float
    """A learned position through the last layer and the head, forward and back."""
    pair: float
    """Two tokens that attention multiplies with each other."""

    def of(self, rows: Sequence[Row]) -> float:
        """Operations of one step over these rows, with every shared beginning read once."""
        total = 0.0
        for group in groups(rows):
            own = [len(rows[index].ids) - group.prefix for index in group.rows]
            pairs = group.prefix**2 + sum(size * (2 * group.prefix + size) for size in own)
            total += self.token * (group.prefix + sum(own)) + self.pair * pairs
        return total + self.learned * sum(sum(w != 0 for w in row.weights[1:]) for row in rows)


def work_of(shape: Shape, rank: int | None) -> Work:
    """Operations of training a model of this shape by LoRA of a rank, or (None) in full."""
    if rank is None:
        layers, head = 6.0 * shape.weights, 6.0 * shape.head
    else:
        layers, head = 4.0 * shape.weights + 6.0 * shape.adapter(rank), 4.0 * shape.head
    last = layers / shape.layers
    return Work(layers - last, last + head, 7.0 * (shape.layers - 1) * shape.heads)


def measured_rate(
    linears: Mapping[tuple[int, int], int], precision: str, tokens: int = TOKENS, device: str = "cpu"
) -> float:
    """Operations a second of [tokens, i] x [i, o] over the shapes of a model, the best in ``SECONDS``.

    Args:
        linears: how many layers of (inputs, outputs) there are.
        precision: ``bf16`` or ``fp32``.
    """
    import torch

    from whet.models.packed import product
    from whet.train.packed import packed

    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    while tokens > 32 and max(i * o for i, o in linears) * tokens > 1 << 35:
        tokens //= 2
    seconds = {shape: float("inf") for shape in linears}
    with torch.device(device):
        sides = {
            shape: (torch.ones(tokens, shape[0], dtype=dtype), torch.ones(shape[1], shape[0], dtype=dtype))
            for shape in linears
        }
    laid = {shape: found for shape, (_, right) in sides.items() if (found := packed(right))}
    start, first = time.perf_counter(), True
    while first or time.perf_counter() - start < SECONDS:
        for shape, (left, right) in sides.items():
            begun = time.perf_counter()
            left @ right.T if shape not in laid else product(left, laid[shape].forward)
            if device == "cuda":
                torch.cuda.synchronize()
            seconds[shape] = min(seconds[shape], time.perf_counter() - begun)
        first = False
    operations = sum(2.0 * tokens * i * o * count for (i, o), count in linears.items())
    return operations / sum(seconds[shape] * count for shape, count in linears.items())
