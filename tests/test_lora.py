"""The fused LoRA linear: the same outputs and gradients as PEFT's, in fp32."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model

from whet.train.lora import fused


class Two(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = torch.nn.Linear(12, 20)
        self.second = torch.nn.Linear(20, 7, bias=False)

    def forward(self, x: torch.Tensor) -> Any:
        return self.second(torch.tanh(self.first(x)))


def adapted(**options: Any) -> Any:
    torch.manual_seed(0)
    model = get_peft_model(
        Two(), LoraConfig(r=4, lora_alpha=6, target_modules=["first", "second"], **options)
    )
    for name, parameter in model.named_parameters():
        if "lora_B" in name:  # they start at zero, which would hide everything
            torch.nn.init.normal_(parameter, std=0.3)
    return model


def gradients(model: Any, x: torch.Tensor) -> dict[str, torch.Tensor]:
    model.zero_grad()
    (model(x) ** 2).sum().backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("shape", [(12,), (5, 12), (3, 5, 12)])
def test_outputs_and_gradients_are_those_of_peft(shape: tuple[int, ...]) -> None:
    x = torch.randn(*shape, requires_grad=True)
    theirs, ours = adapted(), fused(adapted())
    assert torch.allclose(theirs(x), ours(x), atol=1e-6)
    wanted = gradients(theirs, x)
    through = x.grad.clone() if x.grad is not None else None
    x.grad = None
    found = gradients(ours, x)
    assert wanted.keys() == found.keys()
    assert all("lora" in name for name in found), "the base is frozen"
    for name, value in wanted.items():
        assert torch.allclose(value, found[name], rtol=1e-5, atol=1e-6), name
    assert through is not None
    assert x.grad is not None
    assert torch.allclose(through, x.grad, rtol=1e-5, atol=1e-6)


def test_a_wrong_scale_is_seen() -> None:
    """The control: with another scale the outputs differ."""
    x = torch.randn(5, 12)
    ours = fused(adapted())
    before = ours(x)
    ours.base_model.model.first.scaling["default"] = 1.0
    assert not torch.allclose(before, ours(x), atol=1e-3)


@pytest.mark.parametrize("options", [{"use_dora": True}, {"lora_dropout": 0.1}])
def test_what_is_not_plain_stays_with_peft(options: dict[str, Any]) -> None:
    model = fused(adapted(**options))
    assert "forward" not in vars(model.base_model.model.first)
