"""What dev says of a causal model: the loss, and which rows greedy decoding would write."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.architectures import tiny
from tests.test_exactness import SHARED, rows
from whet.train.attention import NAME
from whet.train.course import Look
from whet.train.sharing import Row
from whet.train.step import Settings, losses
from whet.train.word_for_word import judged


def answered(model: Any, prompts: list[list[int]]) -> list[Row]:
    """Prompts with what the model itself writes, by stock greedy decoding."""
    made = []
    for prompt in prompts:
        written = model.generate(
            torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt)), max_new_tokens=5,
            do_sample=False, eos_token_id=None,
        )  # fmt: skip
        ids = written[0].tolist()
        made.append(Row(tuple(ids), (0.0,) * len(prompt) + (1.0,) * 5))
    return made


@pytest.mark.parametrize("settings", [SHARED, Settings(share=False)])
def test_rows_that_the_model_would_write_are_counted(settings: Settings) -> None:
    model = tiny("llama")
    given = answered(model, [[1, *range(5, 30), last] for last in range(40, 48)])
    wrong = [Row((*row.ids[:-1], (row.ids[-1] + 1) % 96), row.weights) for row in given[:2]]
    model.set_attn_implementation(NAME)
    found = judged(model, [*wrong, *given[2:]], settings)
    assert found.score == pytest.approx(6 / 8)


def test_the_loss_is_that_of_the_step() -> None:
    model = tiny("llama")
    model.set_attn_implementation(NAME)
    assert judged(model, rows(), SHARED).loss == pytest.approx(losses(model, rows(), SHARED), rel=1e-6)


def test_what_makes_a_look_better() -> None:
    sure, right = Look(0.5, 0.7), Look(0.9, 0.8)
    assert right.better_than(sure)
    assert not sure.better_than(right)
    assert Look(0.4, 0.7).better_than(sure)
    assert not sure.better_than(sure)
    assert not Look(0.5).better_than(Look(0.5))
