"""AdamW on fp32 masters, whatever the precision the model computes in, with a state that fits safetensors.

Gradients are added up in fp32 (a bf16 sum of many passes loses the small ones), clipped by their global norm
(Pascanu and others, arXiv 1211.5063), and applied by torch's fused AdamW (Loshchilov and Hutter, arXiv
1711.05101); the model gets the result in its own precision (Micikevicius and others, arXiv 1710.03740).
Schedules are factors on the rate. Knows no files and no data.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

SCHEDULES = ("linear", "cosine", "constant")


@dataclass(frozen=True, slots=True)
class Rates:
    """How large the steps are."""

    lr: float
    decay: float = 0.01
    """Weight decay, decoupled; vectors (norms, biases) have none."""
    clip: float = 1.0
    """Largest global norm of the gradients; 0: no clipping."""
    warmup: float = 0.1
    """Share of the steps over which the rate rises from zero."""
    schedule: str = "linear"
    """After warm-up: ``linear`` or ``cosine`` to zero, or ``constant``."""
    betas: tuple[float, float] = (0.9, 0.999)

    def factor(self, step: int, steps: int) -> float:
        """On the rate at a step, counted from 1 to ``steps``."""
        warm = max(1, round(self.warmup * steps))
        if step <= warm:
            return step / warm
        left = (steps - step + 1) / max(steps - warm, 1)
        if self.schedule == "cosine":
            return 0.5 * (1 - math.cos(math.pi * left))
        return left if self.schedule == "linear" else 1.0


class Optimizer:
    """AdamW over the live parameters of a model, by name."""

    def __init__(self, live: Mapping[str, Tensor], rates: Rates):
        self.live = dict(live)
        self._rates = rates
        self._copies = {name: _master(tensor) for name, tensor in self.live.items()}
        for name, tensor in self.live.items():
            if self._copies[name] is not tensor:
                _gather(tensor, self._copies[name])
        groups = [self._group(name, copy) for name, copy in self._copies.items()]
        self._adam = torch.optim.AdamW(groups, lr=rates.lr, betas=rates.betas, fused=True)

    def _group(self, name: str, copy: Tensor) -> dict[str, object]:
        """Each parameter is a group of its own, so that its state has a name."""
        return {"params": [copy], "name": name, "weight_decay": self._rates.decay if copy.ndim > 1 else 0.0}

    def step(self, factor: float) -> float:
        """Clip, step and clear; returns the gradients' norm before clipping. ``factor`` is the schedule's."""
        copies = list(self._copies.values())
        for copy in copies:
            if copy.grad is None:
                copy.grad = torch.zeros_like(copy)
        norm = torch.nn.utils.clip_grad_norm_(copies, self._rates.clip or math.inf)
        for group in self._adam.param_groups:
            group["lr"] = self._rates.lr * factor
        self._adam.step()
        self._write_back()
        self.clear()
        return float(norm)

    def _write_back(self) -> None:
        pairs = [
            (self.live[name], copy) for name, copy in self._copies.items() if self.live[name] is not copy
        ]
        if pairs:
            with torch.no_grad():
                torch._foreach_copy_([live for live, _ in pairs], [copy for _, copy in pairs])

    def clear(self) -> None:
        """Forget the gradients."""
        for copy in self._copies.values():
            copy.grad = None

    def state(self) -> dict[str, Tensor]:
        """Masters, both moments and the count of steps, by ``name|what``: what the next step depends on."""
        found = {}
        for group in self._adam.param_groups:
            (copy,) = group["params"]
            found[f"{group['name']}|master"] = copy.detach()
            for what, value in self._adam.state.get(copy, {}).items():
                found[f"{group['name']}|{what}"] = value
        return found

    def forms(self) -> dict[str, tuple[torch.Size, torch.dtype]]:
        """Shape and type of every tensor of ``state()``, once a step was made."""
        found = {}
        for group in self._adam.param_groups:
            (copy,) = group["params"]
            for what in ("master", "exp_avg", "exp_avg_sq"):
                found[f"{group['name']}|{what}"] = copy.shape, copy.dtype
            found[f"{group['name']}|step"] = torch.Size(), torch.float32
        return found

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Go on from ``state()`` of an optimizer over the same parameters."""
        for group in self._adam.param_groups:
            (copy,) = group["params"]
            with torch.no_grad():
                copy.copy_(state[f"{group['name']}|master"])
            own = f"{group['name']}|"
            kept = {key.removeprefix(own): value for key, value in state.items() if key.startswith(own)}
            del kept["master"]
            if kept:
                self._adam.state[copy] = {what: value.clone().to(copy.device) for what, value in kept.items()}
        self._write_back()


def _master(tensor: Tensor) -> Tensor:
    """The tensor itself where it is fp32; else an fp32 copy."""
    if tensor.dtype == torch.float32:
        return tensor
    return tensor.detach().float().clone().requires_grad_()


def _gather(live: Tensor, copy: Tensor) -> None:
    """Add every gradient of ``live`` to that of its master, in fp32."""

    def move(tensor: Tensor) -> None:
        assert tensor.grad is not None
        copy.grad = tensor.grad.float() if copy.grad is None else copy.grad.add_(tensor.grad)
        tensor.grad = None

    live.register_post_accumulate_grad_hook(move)  # type: ignore[no-untyped-call]


def trainable(model: torch.nn.Module) -> dict[str, Tensor]:
    """The parameters that learn, by name, in the model's order."""
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


def count(tensors: Sequence[Tensor]) -> int:
    return sum(tensor.numel() for tensor in tensors)
