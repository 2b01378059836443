"""Cross-entropy of next tokens, at the positions that are learned and at no others.

With a vocabulary of 49,152 the head of a 135M model costs as much as half its layers, so positions that are
only read never meet it. The gradients of the hidden states, and of a head that learns, are made in the
forward pass, chunk by chunk, and no logits are kept (Wijmans and others, "Cut Your Losses", arXiv 2411.09009,
for the idea; here without kernels). Sums, not means: who divides, and by what, is the step's affair.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

CHUNK = 1 << 24  # logits at once: 64 MiB in fp32


@dataclass(frozen=True, slots=True)
class Head:
    """From hidden states [m, d] to logits [m, V]."""

    weight: Tensor
    """[V, d]"""
    bias: Tensor | None = None
    scale: float = 1.0
    """Logits are multiplied by it (Cohere's ``logit_scale``, one over Granite's ``logits_scaling``)."""
    cap: float | None = None
    """Logits become cap · tanh(logits / cap) (Gemma 2)."""

    @property
    def frozen(self) -> bool:
        return not self.weight.requires_grad and not (self.bias is not None and self.bias.requires_grad)

    def logits(self, hidden: Tensor) -> Tensor:
        """[m, V] in the precision of ``hidden``, scaled and capped as the model does it."""
        logits = torch.nn.functional.linear(hidden, self.weight, self.bias)
        if self.scale != 1.0:
            logits = logits * self.scale
        return logits if self.cap is None else self.cap * torch.tanh(logits / self.cap)


def head_of(model: Any) -> Head:
    """The head of a causal model of ``transformers``, PEFT's wrapping or not."""
    layer, config = model.get_output_embeddings(), model.config.get_text_config()
    scale = float(getattr(config, "logit_scale", None) or 1.0)
    scale /= float(getattr(config, "logits_scaling", None) or 1.0)
    scale *= float(getattr(config, "lm_head_multiplier", None) or 1.0)
    cap = getattr(config, "final_logit_softcapping", None)
    return Head(layer.weight, layer.bias, scale, cap)


def summed_loss(hidden: Tensor, targets: Tensor, weights: Tensor, head: Head) -> Tensor:
    """Sum over m positions of weight · (-log p(target)), in fp32.

    Args:
        hidden: states that predict [m, d].
        targets: the tokens they should predict [m].
        weights: of each position [m].
    """
    parts = max(1, -(-hidden.shape[0] * head.weight.shape[0] // CHUNK))
    if not head.frozen and parts > 1 and torch.is_grad_enabled():
        learned: Tensor = _Learned.apply(  # type: ignore[no-untyped-call]
            hidden, head.weight, head.bias, targets, weights, head, parts
        )
        return learned
    pieces = zip(*(side.chunk(parts) for side in (hidden, targets, weights)), strict=True)
    if head.frozen and hidden.requires_grad:
        losses = [_Frozen.apply(h, t, w, head) for h, t, w in pieces]  # type: ignore[no-untyped-call]
    else:
        losses = [_plain(h, t, w, head) for h, t, w in pieces]
    return torch.stack(losses).sum()


def _plain(hidden: Tensor, targets: Tensor, weights: Tensor, head: Head) -> Tensor:
    logits = head.logits(hidden).float()
    losses = torch.nn.functional.cross_entropy(logits, targets, reduction="none")
    return (losses * weights).sum()


class _Frozen(torch.autograd.Function):
    """The loss and, at once, d loss / d hidden."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, targets: Tensor, weights: Tensor, head: Head) -> Tensor:
        loss, gradient = _slopes(hidden, targets, weights, head)
        ctx.save_for_backward(gradient @ head.weight)
        return loss

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (gradient,) = ctx.saved_tensors
        return gradient * grads[0].to(gradient.dtype), None, None, None


class _Learned(torch.autograd.Function):
    """The same of several chunks, with the gradients of a head that learns, summed over them in fp32."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        targets: Tensor,
        weights: Tensor,
        head: Head,
        parts: int,
    ) -> Tensor:
        losses, back = [], []
        total = torch.zeros_like(weight, dtype=torch.float32)
        shift = None if bias is None else torch.zeros_like(bias, dtype=torch.float32)
        for h, t, w in zip(*(side.chunk(parts) for side in (hidden, targets, weights)), strict=True):
            loss, gradient = _slopes(h, t, w, head)
            losses.append(loss)
            back.append(gradient @ weight)
            total += gradient.T @ h
            if shift is not None:
                shift += gradient.sum(0)
        ctx.save_for_backward(torch.cat(back), total, shift)
        ctx.kept = weight.dtype
        return torch.stack(losses).sum()

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        back, total, shift = ctx.saved_tensors
        scaled = (total * grads[0]).to(ctx.kept)
        moved = None if shift is None else (shift * grads[0]).to(ctx.kept)
        return back * grads[0].to(back.dtype), scaled, moved, None, None, None, None


def _slopes(hidden: Tensor, targets: Tensor, weights: Tensor, head: Head) -> tuple[Tensor, Tensor]:
    """The summed loss, and its gradient by the head's products [m, V]: weight · (softmax - onehot), through
    scale and cap, in the precision of ``hidden``."""
    logits = head.logits(hidden).float()
    log_sums = logits.logsumexp(dim=1)
    loss = ((log_sums - logits.gather(1, targets[:, None]).squeeze(1)) * weights).sum()
    slope = None if head.cap is None else 1 - (logits / head.cap).square()
    gradient = logits.sub_(log_sums[:, None]).exp_()
    gradient[torch.arange(len(targets), device=targets.device), targets] -= 1
    gradient *= (weights * head.scale)[:, None]
    if slope is not None:
        gradient *= slope
    return loss, gradient.to(hidden.dtype)
