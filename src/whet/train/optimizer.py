"""AdamW on fp32 masters, whatever the precision the model computes in, with a state that fits safetensors.

Gradients are added up in fp32 (a bf16 sum of many passes loses the small ones), clipped by their global norm
(Pascanu and others, arXiv 1211.5063), and applied by torch's fused AdamW (Loshchilov and Hutter, arXiv
1711.05101); the model gets the result in its own precision (Micikevicius and others, arXiv 1710.03740).
Schedules are factors on the rate. Knows no files and no data.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

SCHEDULES = ("linear", "cosine", "constant")


@dataclass(frozen=True, slots=True)
class Part:
    """Parameters with a rate of their own, such as a head that is trained with its encoder."""

    prefix: str
    """Of their names; a parameter belongs to the first part whose prefix it has."""
    lr: float
    decay: float
    """Of all of them, vectors too."""


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
    parts: tuple[Part, ...] = ()

    def of(self, name: str, tensor: Tensor) -> tuple[float, float]:
        """Rate and decay of one parameter."""
        for part in self.parts:
            if name.startswith(part.prefix):
                return part.lr, part.decay
        return self.lr, self.decay if tensor.ndim > 1 else 0.0

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
        self._masters = {name: _master(tensor) for name, tensor in self.live.items()}
        self._gathered = set[str]()
        for name in self._apart():
            self._gather(name)
        self._adam = torch.optim.AdamW(self._groups(), lr=rates.lr, betas=rates.betas, fused=True)

    def _apart(self) -> list[str]:
        """Parameters whose master is another tensor."""
        return [name for name, tensor in self.live.items() if self._masters[name] is not tensor]

    def _gather(self, name: str) -> None:
        """Add every gradient of a live parameter to that of its master, in fp32. The master keeps its memory:
        fresh memory at every step costs more than the addition."""
        master = self._masters[name]

        def move(tensor: Tensor) -> None:
            assert tensor.grad is not None
            if master.grad is None:
                master.grad = tensor.grad.float()
            elif name in self._gathered:
                master.grad += tensor.grad
            else:
                master.grad.copy_(tensor.grad)
            self._gathered.add(name)
            tensor.grad = None

        self.live[name].register_post_accumulate_grad_hook(move)  # type: ignore[no-untyped-call]

    def _groups(self) -> list[dict[str, object]]:
        """Parameters of one rate and decay stand together: a group is one call of the fused step."""
        found = defaultdict[tuple[float, float], list[Tensor]](list)
        for name, master in self._masters.items():
            found[self._rates.of(name, master)].append(master)
        return [
            {"params": masters, "rate": lr, "weight_decay": decay} for (lr, decay), masters in found.items()
        ]

    def step(self, factor: float) -> float:
        """Clip, step and clear; returns the gradients' norm before clipping. With a norm that is not finite,
        nothing is changed. ``factor`` is the schedule's."""
        self._fill()
        norm = float(torch.nn.utils.clip_grad_norm_(self._masters.values(), self._rates.clip or math.inf))
        if math.isfinite(norm):
            for group in self._adam.param_groups:
                group["lr"] = group["rate"] * factor
            self._adam.step()
            self._write_back()
        self.clear()
        return norm

    def _fill(self) -> None:
        """A parameter that the loss did not touch has a gradient of zero."""
        for name, master in self._masters.items():
            if master.grad is None:
                master.grad = torch.zeros_like(master)
            elif master is not self.live[name] and name not in self._gathered:
                master.grad.zero_()

    def _write_back(self) -> None:
        if names := self._apart():
            with torch.no_grad():
                torch._foreach_copy_(
                    [self.live[name] for name in names], [self._masters[name] for name in names]
                )

    def clear(self) -> None:
        """Forget the gradients."""
        self._gathered.clear()
        for tensor in self.live.values():
            tensor.grad = None

    def state(self) -> dict[str, Tensor]:
        """Masters, both moments and the count of steps, by ``name|what``: what the next step depends on."""
        found = {}
        for name, master in self._masters.items():
            found[f"{name}|master"] = master.detach()
            for what, value in self._adam.state.get(master, {}).items():
                found[f"{name}|{what}"] = value
        return found

    def forms(self) -> dict[str, tuple[torch.Size, torch.dtype]]:
        """Shape and type of every tensor of ``state()``, once a step was made."""
        found = {}
        for name, master in self._masters.items():
            for what in ("master", "exp_avg", "exp_avg_sq"):
                found[f"{name}|{what}"] = master.shape, master.dtype
            found[f"{name}|step"] = torch.Size(), torch.float32
        return found

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Go on from ``state()`` of an optimizer over the same parameters."""
        for name, master in self._masters.items():
            own = f"{name}|"
            kept = {key.removeprefix(own): value for key, value in state.items() if key.startswith(own)}
            with torch.no_grad():
                master.copy_(kept.pop("master"))
            if kept:
                self._adam.state[master] = {
                    what: value.clone().to(master.device) for what, value in kept.items()
                }
        self._write_back()


def _master(tensor: Tensor) -> Tensor:
    """The tensor itself where it is fp32; else an fp32 copy."""
    if tensor.dtype == torch.float32:
        return tensor
    return tensor.detach().float().clone().requires_grad_()


def trainable(model: torch.nn.Module) -> dict[str, Tensor]:
    """The parameters that learn, by name, in the model's order."""
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


def count(tensors: Sequence[Tensor]) -> int:
    return sum(tensor.numel() for tensor in tensors)
