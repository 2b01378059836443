"""Logistic regression on frozen vectors, full batch, by L-BFGS: convex, so one answer.

Minimises C * sum of losses + |W|^2 / 2 (scikit-learn's form), softmax for one label per input and
independent sigmoids for several. Runs on torch because it is there and uses both cores. Knows no text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

ITERATIONS = 80


@dataclass(frozen=True, slots=True)
class LinearHead:
    """logits = vectors [n, dim] @ weight.T [dim, labels] + bias [labels]."""

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]

    @property
    def parameters(self) -> int:
        return int(self.weight.size + self.bias.size)


def fit_linear(
    vectors: NDArray[np.float32],
    table: NDArray[np.floating],
    strength: float,
    *,
    several: bool,
    start: LinearHead | None = None,
) -> LinearHead:
    """Fit a head.

    Args:
        vectors: unit vectors [n, dim].
        table: approved labels as 0 and 1 [n, labels].
        strength: C; larger trusts the data more.
        several: sigmoids instead of a softmax.
        start: where to start; it changes the time, not the answer.
    """
    import torch

    inputs, wanted = torch.from_numpy(vectors).float(), torch.from_numpy(table).float()
    weight = torch.zeros(table.shape[1], vectors.shape[1])
    bias = torch.zeros(table.shape[1])
    if start is not None:
        weight, bias = torch.from_numpy(start.weight).clone(), torch.from_numpy(start.bias).clone()
    weight.requires_grad_(True)
    bias.requires_grad_(True)
    solver = torch.optim.LBFGS(
        [weight, bias], max_iter=ITERATIONS, history_size=10, line_search_fn="strong_wolfe"
    )

    def closure() -> torch.Tensor:
        solver.zero_grad()
        logits = inputs @ weight.T + bias
        loss = strength * total_loss(logits, wanted, several=several) + weight.square().sum() / 2
        loss = loss / len(inputs)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    solver.step(closure)  # type: ignore[no-untyped-call]
    return LinearHead(weight.detach().numpy(), bias.detach().numpy())


def total_loss(
    logits: torch.Tensor, wanted: torch.Tensor, *, several: bool, smoothing: float = 0.0
) -> torch.Tensor:
    """Summed cross-entropy of logits [n, labels] to targets [n, labels]; rows without a known label
    add nothing to the softmax form."""
    import torch.nn.functional as fn

    if several:
        return fn.binary_cross_entropy_with_logits(logits, wanted, reduction="sum")
    known = wanted.sum(dim=1) > 0
    logits, wanted = logits[known], wanted[known]
    return fn.cross_entropy(logits, wanted, reduction="sum", label_smoothing=smoothing)
