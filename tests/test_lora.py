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
    assert not hasattr(model.base_model.model.first, "base")


def large(*, pack: bool) -> Any:
    """A layer that is worth laying out, with an adapter."""
    torch.manual_seed(0)
    model = Two()
    model.first, model.second = torch.nn.Linear(320, 400), torch.nn.Linear(400, 7)
    recipe = LoraConfig(r=4, target_modules=["first", "second"], init_lora_weights=False)
    return fused(get_peft_model(model, recipe), pack=pack)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_weights_that_are_laid_out_give_the_same(dtype: torch.dtype) -> None:
    x, near = torch.randn(7, 320).to(dtype), 1e-5 if dtype == torch.float32 else 2e-2
    plain, laid = (large(pack=pack).to(dtype) for pack in (False, True))
    if dtype != torch.float32:  # what was laid out before is in the old precision
        plain, laid = (fused(model, pack=pack) for model, pack in ((plain, False), (laid, True)))
    assert laid.base_model.model.first.base.laid is not None
    assert plain.base_model.model.first.base.laid is None
    assert apart(laid(x), plain(x)) < near
    found, wanted = gradients(laid, x), gradients(plain, x)
    assert all(apart(found[name], wanted[name]) < near for name in wanted)
    assert laid(x[:0]).shape == (0, 7), "an expert may have no tokens"
    plain.base_model.model.first.base_layer.weight.data.mul_(1.1)  # the control: other weights are seen
    assert apart(laid(x), plain(x)) > near
    before = laid(x)
    assert apart(laid.double()(x.double()), before) < near, "cast, it is laid out no more"


def apart(found: torch.Tensor, wanted: torch.Tensor) -> float:
    return float((found - wanted).detach().float().norm() / wanted.detach().float().norm())
