"""Rates, schedules, clipping and the masters of the optimizer, each against values worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from whet.train.optimizer import Optimizer, Part, Rates


@pytest.mark.parametrize(
    ("schedule", "wanted"),
    [
        ("linear", [0.5, 1.0, 1.0, 0.75, 0.5, 0.25]),
        (
            "cosine",
            [0.5, 1.0, 1.0, 0.5 * (1 + math.cos(math.pi / 4)), 0.5, 0.5 * (1 - math.cos(math.pi / 4))],
        ),
        ("constant", [0.5, 1.0, 1.0, 1.0, 1.0, 1.0]),
    ],
)
def test_the_rate_rises_and_falls_as_the_schedule_says(schedule: str, wanted: list[float]) -> None:
    rates = Rates(1.0, warmup=1 / 3, schedule=schedule)
    assert [rates.factor(step, 6) for step in range(1, 7)] == pytest.approx(wanted)


def moved(rates: Rates, **shapes: tuple[int, ...]) -> dict[str, float]:
    """How far each parameter of ones goes in the first step: Adam's is the rate, whatever the gradient."""
    live = {name: torch.ones(shape, requires_grad=True) for name, shape in shapes.items()}
    optimizer = Optimizer(live, rates)
    for tensor in live.values():
        tensor.grad = torch.ones_like(tensor)
    optimizer.step(1.0)
    return {name: float((1 - tensor.detach()).mean()) for name, tensor in live.items()}


def test_parts_have_rates_and_decay_of_their_own() -> None:
    rates = Rates(0.01, decay=0.5, parts=(Part("head.", 0.1, 0.0),))
    found = moved(rates, trunk=(2, 2), norm=(2,), **{"head.weight": (2, 2)})
    assert found["head.weight"] == pytest.approx(0.1, rel=1e-4)
    assert found["trunk"] == pytest.approx(0.01 + 0.01 * 0.5, rel=1e-4)
    assert found["norm"] == pytest.approx(0.01, rel=1e-4)  # vectors do not decay


@pytest.mark.parametrize(("clip", "wanted"), [(1.0, 0.5), (0.0, 100.0)])
def test_the_gradient_is_clipped_by_its_norm(clip: float, wanted: float) -> None:
    live = {"w": torch.ones(2, 2, requires_grad=True)}
    optimizer = Optimizer(live, Rates(0.1, clip=clip))
    live["w"].grad = torch.full((2, 2), 100.0)
    assert optimizer.step(1.0) == pytest.approx(200.0)
    moment = optimizer.state()["w|exp_avg"]  # a tenth of the gradient that was applied
    assert float(10 * moment[0, 0]) == pytest.approx(wanted, rel=1e-4)


def test_a_gradient_that_is_not_finite_changes_nothing() -> None:
    live = {"w": torch.ones(2, 2, requires_grad=True), "v": torch.ones(2, requires_grad=True)}
    optimizer = Optimizer(live, Rates(0.1))
    live["w"].grad, live["v"].grad = torch.full((2, 2), math.inf), torch.ones(2)
    assert not math.isfinite(optimizer.step(1.0))
    assert all(bool((tensor == 1).all()) for tensor in live.values())
    assert "w|exp_avg" not in optimizer.state()


def test_gradients_in_sixteen_bits_are_added_up_in_thirty_two() -> None:
    """256 + 1 is 256 in bf16: a sum in the model's own precision loses the small gradients."""
    live = torch.zeros(1, 1, dtype=torch.bfloat16, requires_grad=True)
    optimizer = Optimizer({"w": live}, Rates(0.1, clip=0.0))
    for _ in range(2):  # the second step begins anew
        for gradient in (256.0, 1.0, 1.0):
            (live * gradient).sum().backward()  # type: ignore[no-untyped-call]
            assert live.grad is None
        assert optimizer.step(1.0) == 258.0
    assert torch.tensor(256.0, dtype=torch.bfloat16) + 1 == 256  # the control
    assert float(live.detach()) == pytest.approx(-0.2, rel=0.01)


def test_a_parameter_that_the_loss_did_not_touch_stays() -> None:
    live = {name: torch.ones(2, dtype=torch.bfloat16, requires_grad=True) for name in ("one", "other")}
    optimizer = Optimizer(live, Rates(0.1))
    live["one"].sum().backward()  # type: ignore[no-untyped-call]
    live["other"].sum().backward()  # type: ignore[no-untyped-call]
    optimizer.step(1.0)
    after = live["other"].detach().clone()
    moments = optimizer.state()["other|exp_avg"].clone()
    live["one"].sum().backward()  # type: ignore[no-untyped-call]
    optimizer.step(0.0)
    assert bool((live["other"] == after).all())
    assert torch.allclose(optimizer.state()["other|exp_avg"], 0.9 * moments)
