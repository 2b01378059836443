"""The feed-forward parts of a model's layers, compiled by torch: one kernel in place of a row of small ones.

Ansel and others, "PyTorch 2" (ASPLOS 2024). Attention stays as it is, for its plan changes from pass to
pass; the matrix products are the same either way. Shapes are free from the start, so that no pass but the
first waits for a compiler, and a run that goes on after a kill runs the same code. On a CPU it needs a C++
compiler. Knows no model but the names that ``transformers`` gives these parts.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

PARTS = ("mlp", "feed_forward")
"""What the feed-forward part of a layer is called."""


def compiled(model: Any) -> int:
    """Compile them in place, at their first use; how many there are. Names of weights stay as they are."""
    parts = [module for name, module in model.named_modules() if name.rpartition(".")[2] in PARTS]
    for part in parts:
        part.compile(dynamic=True)
    return len(parts)


def missing(device: str) -> str:
    """Why nothing can be compiled here; '' where a small function was compiled and gives what it should."""
    x = torch.ones(8, 64, device=device)
    try:
        right = torch.equal(torch.compile(_small, dynamic=True)(x), _small(x))
    except Exception as error:  # torch wraps what compilers, their absence and full disks do in many classes
        return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
    return "" if right else "a compiled function gives other numbers"


def _small(x: Tensor) -> Tensor:
    return torch.nn.functional.relu(x - 0.5) * x
