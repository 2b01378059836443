"""RMSNorm in one autograd function, where its weight is frozen: part by part, in memory that the caches hold.

    y = w · x r     r = (mean x² + eps)^(-1/2)     dx = r (g w - x̂ mean(g w x̂))     x̂ = x r

Zhang and Sennrich, "Root Mean Square Layer Normalization", arXiv 1910.07467. torch differentiates the layers
of ``transformers`` operation by operation, each with a copy in fp32 of all that there is. A layer is replaced
only if it gives the same on numbers drawn at random (Gemma's, which multiplies by 1 + w, does not). On a GPU
torch has a kernel for it. Knows no model.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor

NEAR = {torch.float32: 1e-5, torch.bfloat16: 2e-2, torch.float16: 2e-3}
"""Largest difference that rounding explains, of numbers near 1."""
AT_ONCE = 1 << 18
"""Numbers of a part: 1 MiB in fp32."""


class _RmsNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        rows = x.reshape(-1, x.shape[-1])  # [n, d]
        made, rates = torch.empty_like(rows), torch.empty(len(rows), 1, device=x.device)
        for mine, rate, theirs in _parts(rows, rates, made):
            unit = mine.float()
            torch.linalg.vector_norm(unit, dim=-1, keepdim=True, out=rate)
            rate.square_().div_(x.shape[-1]).add_(eps).rsqrt_()
            theirs.copy_((unit * rate).mul_(weight))
        ctx.save_for_backward(rows, rates, weight)
        return made.view(x.shape)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        rows, rates, weight = ctx.saved_tensors
        found = torch.empty_like(rows)
        for mine, rate, grad, theirs in _parts(rows, rates, grads[0].reshape(rows.shape), found):
            unit = mine.float() * rate
            g = grad.float() * weight
            along = torch.linalg.vecdot(g, unit)[:, None].div_(-rows.shape[-1])
            theirs.copy_(g.addcmul_(unit, along).mul_(rate))
        return found.view(grads[0].shape), None, None


def _parts(*sides: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """The same rows of several tensors [n, .], as many at once as the caches keep."""
    rows = max(1, AT_ONCE // sides[0].shape[-1])
    return zip(*(torch.split(side, rows) for side in sides), strict=True)


def fused(model: Any) -> Any:
    """The model with every frozen RMSNorm in one function; other layers stay as they are."""
    for module in model.modules():
        if type(module).__name__.endswith("RMSNorm") and _same(module):
            module.forward = partial(_forward, module, module.forward)
    return model


def _forward(module: Any, as_before: Any, x: Tensor) -> Tensor:
    if x.dtype != module.weight.dtype:
        result: Tensor = as_before(x)
        return result
    if x.device.type != "cpu":
        return torch.nn.functional.rms_norm(x, (x.shape[-1],), module.weight, _eps(module))
    normed: Tensor = _RmsNorm.apply(x, module.weight, _eps(module))  # type: ignore[no-untyped-call]
    return normed


def _eps(module: Any) -> float | None:
    found = getattr(module, "variance_epsilon", getattr(module, "eps", None))
    return found if isinstance(found, float) else None


def _same(module: Any) -> bool:
    """Whether a layer is what its name says: asked of it, on numbers drawn at random."""
    weight = getattr(module, "weight", None)
    if weight is None or weight.dim() != 1 or weight.requires_grad or _eps(module) is None:
        return False
    if weight.dtype not in NEAR or getattr(module, "bias", None) is not None:
        return False
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(4, len(weight), generator=draw).to(weight.device, weight.dtype)
    with torch.no_grad():
        apart = (_RmsNorm.apply(x, weight, _eps(module)) - module(x)).abs().max()  # type: ignore[no-untyped-call]
    return bool(apart <= NEAR[weight.dtype] * max(1.0, float(weight.abs().max())))
