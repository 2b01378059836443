"""LoRA in one autograd function: the base's product and the adapter's, without copies between.

    y = x Wᵀ + bias + scale · (x Aᵀ) Bᵀ          Hu and others, arXiv 2106.09685

PEFT makes the adapter and writes it to disk; only its forward pass is replaced while training. There the
adapter's part is made, scaled and added in three passes over memory, here it is accumulated into the
base's product. The base is frozen: its weights get no gradient. An adapter kept in fp32 over a bf16 base is
rounded on the way in, and its gradients are given back in fp32. n rows, i inputs, o outputs, r the rank.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import torch

from whet.models.packed import product
from whet.train.packed import Packed, packed

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Base:
    """The frozen weight of a layer."""

    weight: Tensor
    """[o, i]"""
    laid: Packed | None
    """The same, laid out for products."""

    def of(self, rows: Tensor, bias: Tensor | None) -> Tensor:
        """[n, i] to [n, o]."""
        if self.laid and self.laid.fits(self.weight, rows):
            return product(rows, self.laid.forward, bias)
        return rows @ self.weight.T if bias is None else torch.addmm(bias, rows, self.weight.T)

    def back(self, grad: Tensor) -> Tensor:
        """[n, o] to [n, i]."""
        if self.laid and self.laid.fits(self.weight, grad):
            return product(grad, self.laid.back)
        return grad @ self.weight


class _LoraLinear(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, base: Base, bias: Tensor | None, a: Tensor, b: Tensor, scale: float
    ) -> Tensor:
        rows = x.reshape(-1, x.shape[-1])  # [n, i]
        ctx.kept = a.dtype
        a, b = a.to(x.dtype), b.to(x.dtype)
        low = rows @ a.T  # [n, r]
        y = base.of(rows, bias)  # [n, o]
        y.addmm_(low, b.T, alpha=scale)
        ctx.save_for_backward(rows, a, b, low)
        ctx.base, ctx.scale, ctx.shape = base, scale, x.shape
        return y.view(*x.shape[:-1], len(b))

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        rows, a, b, low = ctx.saved_tensors
        grad = grads[0].reshape(-1, len(b))  # [n, o]
        through = grad @ b  # [n, r]
        gradient_x = None
        if ctx.needs_input_grad[0]:
            gradient_x = ctx.base.back(grad).addmm_(through, a, alpha=ctx.scale).view(ctx.shape)
        gradient_a = (through.T @ rows).to(ctx.kept).mul_(ctx.scale)
        gradient_b = (low.T @ grad).T.to(ctx.kept).mul_(ctx.scale)
        return gradient_x, None, None, gradient_a, gradient_b, None


def fused(model: Any, *, pack: bool = True) -> Any:
    """A PEFT model whose plain LoRA layers run in one function; other layers stay as they are.

    Args:
        pack: lay the base's weights out for products, where the machine has a way to.
    """
    plain, fast = _classes()
    for module in model.modules():
        if type(module) in (plain, fast) and _plain(module):
            weight = module.base_layer.weight
            module.base = Base(weight, packed(weight) if pack else None)
            module.__class__ = fast
    return model


@cache
def _classes() -> tuple[type, type]:
    """PEFT's layer, and the same with our way forward. Of a class of its own, not with a ``forward`` of each
    layer: torch's compiler would compile each of those anew."""
    from peft.tuners.lora import Linear

    return Linear, type("FusedLinear", (Linear,), {"forward": _forward})


def _plain(module: Any) -> bool:
    """A linear base (GPT-2's layers keep their weights the other way round) with one active adapter, nothing
    merged, no dropout, no DoRA, no bias of its own."""
    if not isinstance(module.base_layer, torch.nn.Linear) or module.fan_in_fan_out:
        return False
    (name, *others) = module.active_adapters
    drops = isinstance(module.lora_dropout[name], torch.nn.Identity)
    variant = name in getattr(module, "lora_variant", {})
    bias = module.lora_B[name].bias is not None
    return not others and not module.merged and drops and not variant and not bias


def _forward(module: Any, x: Tensor) -> Tensor:
    (name,) = module.active_adapters
    a, b, bias = module.lora_A[name].weight, module.lora_B[name].weight, module.base_layer.bias
    result: Tensor = _LoraLinear.apply(x, module.base, bias, a, b, module.scaling[name])  # type: ignore[no-untyped-call]
    return result
