"""Training on kept states of frozen layers is training on the rows; a state out of its place shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.architectures import tiny
from tests.test_exactness import ALLOWED, SHARED, error, rows, taken
from whet.train.attention import NAME
from whet.train.frozen import UNFIT, layers_of, learn_top
from whet.train.frozen_rows import KeptRows, kept_rows
from whet.train.step import gradients, losses


def ready(name: str) -> Any:
    """Three layers, of which the upper one learns."""
    model = tiny(name, num_hidden_layers=3, n_layer=3, layer_types=None)
    model.set_attn_implementation(NAME)
    return learn_top(model, layers_of(model, 1))


def both(name: str) -> tuple[Any, KeptRows, dict[str, torch.Tensor], float]:
    """The model, its kept rows, and the gradients and loss of the rows as they are."""
    model, given = ready(name), rows()
    done = gradients(model, given, SHARED)
    return model, kept_rows(model, layers_of(model, 1), given, SHARED, None), taken(model), done.loss


@pytest.mark.parametrize("name", ["llama", "gemma2", "gpt2", "gpt_neox", "qwen3_moe", "opt", "cohere2"])
def test_gradients_are_those_of_the_whole_model(name: str) -> None:
    model, kept, wanted, loss = both(name)
    with kept.states.instead():
        done = gradients(model, kept.rows, SHARED)
    found = taken(model)
    assert done.loss == pytest.approx(loss, rel=1e-5)
    assert error(found, wanted) <= ALLOWED
    assert losses(model, rows(), SHARED) == pytest.approx(loss, rel=1e-5)  # outside, it is itself again


def test_states_of_another_row_are_seen() -> None:
    """The control: with two places exchanged the gradients differ."""
    model, kept, wanted, _ = both("llama")
    table = kept.states.table
    table[[3, 40]] = table[[40, 3]]
    with kept.states.instead():
        gradients(model, kept.rows, SHARED)
    assert error(taken(model), wanted) > 100 * ALLOWED


def test_states_that_find_no_room_on_the_disk_are_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = ready("llama")
    monkeypatch.setattr("whet.train.frozen.MOST_IN_MEMORY", 0)
    with monkeypatch.context() as patch:
        patch.setattr("whet.train.frozen.free_disk", lambda folder: 100)
        with pytest.raises(UNFIT, match="no room on the disk"):
            kept_rows(model, layers_of(model, 1), rows(), SHARED, tmp_path)
        assert not list(tmp_path.iterdir())
    assert kept_rows(model, layers_of(model, 1), rows(), SHARED, tmp_path).rows  # the control: there is room
    assert list(tmp_path.iterdir())
