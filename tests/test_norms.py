"""RMSNorm in one function: the same values and gradients as torch's, and only where it is the same."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.architectures import tiny
from whet.train import norms


def replaced(model: Any) -> int:
    return sum("forward" in vars(module) for module in norms.fused(model).modules())


@pytest.mark.parametrize(
    ("name", "found"), [("llama", True), ("qwen3", True), ("gemma2", False), ("gpt2", False)]
)
def test_it_takes_what_is_one_and_frozen(name: str, found: bool) -> None:
    assert replaced(tiny(name)) == 0  # its weights learn
    assert (replaced(tiny(name).requires_grad_(False)) > 0) == found


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_values_and_gradients_are_those_of_torch(dtype: torch.dtype) -> None:
    from transformers.models.llama.modeling_llama import LlamaRMSNorm

    torch.manual_seed(0)
    norm = LlamaRMSNorm(24, eps=1e-5).to(dtype).requires_grad_(False)
    norm.weight.copy_(1 + 0.3 * torch.randn(24))
    x, out = torch.randn(3, 7, 24, dtype=dtype), torch.randn(3, 7, 24, dtype=dtype)
    stock = [side.float() for side in both(norm, x, out)]
    assert replaced(norm) == 1
    near = 1e-5 if dtype == torch.float32 else 0.02
    for mine, theirs in zip(both(norm, x, out), stock, strict=True):
        assert torch.allclose(mine.float(), theirs, rtol=10 * near, atol=near)
    norm.variance_epsilon = 0.5  # the control: another norm is another
    assert not torch.allclose(both(norm, x, out)[1].float(), stock[1], rtol=0.02, atol=0.02)


def both(norm: Any, x: torch.Tensor, out: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """What a norm makes of ``x``, and the gradient of ``x`` for that of what it makes."""
    given = x.clone().requires_grad_()
    made = norm(given)
    made.backward(out)
    assert given.grad is not None
    return made.detach(), given.grad


def test_a_layer_that_only_has_the_name_stays() -> None:
    class StrangeRMSNorm(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(8), requires_grad=False)
            self.eps = 1e-6

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * self.weight

    assert replaced(StrangeRMSNorm()) == 0
