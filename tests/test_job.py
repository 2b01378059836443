"""What the trained job does when memory runs out, and where it works."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch

from tests import training
from tests.architectures import tiny
from whet.config import Task
from whet.config_parts import Fields, TuneOptions
from whet.errors import InputError, WorldError
from whet.given import device, precision
from whet.train import generators, step
from whet.train.causal import prepared
from whet.train.job import CausalJob
from whet.train.optimizer import Optimizer, Rates
from whet.train.sharing import Row
from whet.train.step import Settings, Stepped


class Small:
    """The step on a machine with little memory: more tokens at once fail, after a part of the gradient."""

    def __init__(self, most: int):
        self._most = most

    def gradients(self, model: Any, rows: Sequence[Row], settings: Settings) -> Stepped:
        if settings.pass_tokens > self._most:
            step.gradients(model, rows[:3], settings)
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return step.gradients(model, rows, settings)

    def losses(self, model: Any, rows: Sequence[Row], settings: Settings) -> float:
        return step.losses(model, rows, settings)


def after_one_step(form: Any, tokens: int) -> tuple[dict[str, torch.Tensor], list[str]]:
    """All weights of a bf16 model in full training, and what was said."""
    ready = prepared(tiny("llama").bfloat16(), None, Settings(pass_tokens=tokens), seed=0)
    sources, notes = [f"f:{n}" for n in range(8)], list[str]()
    work = CausalJob(ready.model, training.rows(8, 0), sources, (), form, ready.settings, note=notes.append)
    optimizer = Optimizer(work.live, Rates(1e-2))
    work.gradients(range(8), optimizer.clear)
    optimizer.step(1.0)
    return optimizer.state(), notes


def test_where_memory_runs_out_the_step_is_made_again_and_is_the_same() -> None:
    wanted, _ = after_one_step(step, 64)
    found, notes = after_one_step(Small(64), 256)
    assert all(torch.equal(found[name], tensor) for name, tensor in wanted.items())
    assert [note.split(":")[0] for note in notes] == ["memory ran out", "memory ran out"]


def test_where_no_half_is_small_enough_the_rows_are_named() -> None:
    with pytest.raises(WorldError, match="f:0, f:1, f:2, f:3, f:4 and 3 more"):
        after_one_step(Small(1), 256)


def task(**tune: Any) -> Task:
    fields = Fields(input="a", output="b")
    return Task(task="t", kind="write", examples="f", fields=fields, tune=TuneOptions(**tune))


def test_a_gpu_is_taken_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert (device(task()), device(task(device="cpu"))) == ("cpu", "cpu")
    with pytest.raises(InputError, match="sees no GPU"):
        device(task(device="cuda"))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    found = [device(task(device=name)) for name in ("auto", "cuda", "cpu")]
    assert found == ["cuda", "cuda", "cpu"]
    assert precision(task()) == "bf16"
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: False)
    assert precision(task()) == "fp32"


def test_the_generator_of_the_device_is_kept_and_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu, gpu = torch.device("cpu"), torch.device("cuda", 0)
    kept = torch.arange(16, dtype=torch.uint8)
    given: list[tuple[torch.Tensor, torch.device]] = []
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda place: kept if place == gpu else None)
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda state, place: given.append((state, place)))
    found = generators.states(gpu)
    drawn = torch.rand(3)
    generators.set_back(found, gpu)
    assert torch.equal(torch.rand(3), drawn)
    assert given == [(kept, gpu)]
    assert set(generators.states(cpu)) == {"torch"}
    generators.check_device(found, gpu)
    for states, place in ((found, cpu), (generators.states(cpu), gpu)):
        with pytest.raises(WorldError, match="was made on a"):
            generators.check_device(states, place)
