"""Which models the flat step fits is asked of the models; those that it does not fit learn all the same."""

from __future__ import annotations

import pytest
import torch

from tests.architectures import ARCHITECTURES, tiny
from tests.test_exactness import ALLOWED, SHARED, error, one_at_a_time, rows, taken
from whet.train import attention, padded, probe
from whet.train.attention import NAME


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_flat_step_fits(name: str) -> None:
    model = tiny(name)
    assert probe.fitted(model) == ""
    assert model.config._attn_implementation == NAME


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_head_is_known(name: str) -> None:
    assert probe.head_fits(tiny(name))


def test_a_head_with_another_transform_is_seen() -> None:
    model = tiny("cohere2")
    assert probe.head_fits(model)
    model.logit_scale = 0.5
    model.config.logit_scale = 0.3
    assert not probe.head_fits(model)


@pytest.mark.parametrize("name", ["mamba", "bloom"])
def test_models_with_state_or_an_attention_of_their_own_are_told(name: str) -> None:
    model = tiny(name, n_head=4, state_size=4)
    before = model.config._attn_implementation
    assert probe.fitted(model) != ""
    assert model.config._attn_implementation == before


def test_a_leak_between_rows_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = attention.plain

    def leaking(*sides: torch.Tensor, **_: object) -> torch.Tensor:
        query, key, value, shared, plan, asked = sides
        return honest(query, key, value.roll(1, dims=2), shared, plan, asked)  # type: ignore[arg-type]

    monkeypatch.setattr(attention, "fast", leaking)
    assert "differ" in probe.fitted(tiny("llama"))


@pytest.mark.parametrize("name", ["llama", "gemma2", "mamba", "bloom"])
def test_the_padded_step_is_exact(name: str) -> None:
    model = tiny(name, n_head=4, state_size=4)
    one_at_a_time(model, rows())
    wanted = taken(model)
    done = padded.gradients(model, rows(), SHARED)
    assert error(taken(model), wanted) <= ALLOWED
    assert padded.losses(model, rows(), SHARED) == pytest.approx(done.loss, rel=1e-5)
