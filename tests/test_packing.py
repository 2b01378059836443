"""Rows read together do not see each other: where transformers' own packed reading lets them, ours does not.

transformers finds the borders of packed rows where positions begin anew, but not where it makes a cache, and
a cache is what a model's config asks for unless told otherwise.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.architectures import tiny
from whet.train.attention import NAME
from whet.train.plans import plan
from whet.train.step import hidden_states, trunk

ROWS = ([5, 9, 23, 41, 8], [77, 12, 60], [33, 2, 90, 14, 51, 7])
SAME, OTHER = 1e-5, 1e-2


def states(model: Any, **more: Any) -> torch.Tensor:
    """Last hidden states [14, d] of the rows laid end to end, by transformers."""
    ids = torch.tensor([[token for row in ROWS for token in row]])
    places = torch.tensor([[place for row in ROWS for place in range(len(row))]])
    found: torch.Tensor = trunk(model)(input_ids=ids, position_ids=places, **more).last_hidden_state[0]
    return found


def apart(found: torch.Tensor, wanted: torch.Tensor) -> float:
    return float((found - wanted).norm() / wanted.norm())


@pytest.mark.parametrize("name", ["llama", "qwen3", "gpt_neox"])
@torch.no_grad()
def test_packed_rows_see_each_other_in_transformers_and_not_here(name: str) -> None:
    model = tiny(name)
    model.set_attn_implementation("sdpa")
    read = [trunk(model)(input_ids=torch.tensor([row]), use_cache=False) for row in ROWS]
    alone = torch.cat([out.last_hidden_state[0] for out in read])
    assert model.config.use_cache
    assert apart(states(model), alone) > OTHER  # the trap: nobody said that there shall be no cache
    assert apart(states(model, use_cache=False), alone) < SAME
    mask = torch.ones(1, len(alone), dtype=torch.long)
    assert apart(states(model, use_cache=False, attention_mask=mask), alone) > OTHER  # another one
    model.set_attn_implementation(NAME)
    assert apart(hidden_states(model, ROWS, plan([len(row) for row in ROWS])), alone) < SAME
