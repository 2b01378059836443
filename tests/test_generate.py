"""Generation gives what reading one row at a time gives, whatever else is written beside it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
import torch

from tests.architectures import ARCHITECTURES, tiny
from whet.models import readers
from whet.models.choices import score
from whet.models.flat import Flat, Store
from whet.models.generate import Row, common, write
from whet.models.passes import Piece, parts, planned
from whet.models.readers import Cached, Reread, fitting, whole
from whet.train.adapters import LoraRecipe
from whet.train.causal import prepared
from whet.train.sharing import Row as GivenRow
from whet.train.step import Settings, gradients

ENDS = frozenset({2, 7})
OTHERS: dict[str, tuple[dict[str, Any], str]] = {
    "mamba": ({"state_size": 8, "conv_kernel": 4}, "what is shared again"),
    "bloom": ({"n_layer": 2, "n_head": 4}, "the model's own cache"),
}


def prompts(count: int = 7, shared: int = 11, seed: int = 0) -> list[tuple[int, ...]]:
    """Rows of different lengths that begin alike."""
    rng = random.Random(seed)
    first = [rng.randrange(8, 96) for _ in range(shared)]
    return [(*first, *(rng.randrange(8, 96) for _ in range(1 + rng.randrange(6)))) for _ in range(count)]


def naive(model: Any, ids: Sequence[int], most: int) -> tuple[int, ...]:
    """Greedy, all tokens read again for every new one."""
    written = list[int]()
    with torch.no_grad():
        while len(written) < most:
            whole = torch.tensor([[*ids, *written]])
            token = int(model(input_ids=whole, use_cache=False).logits[0, -1].argmax())
            if token in ENDS:
                break
            written.append(token)
    return tuple(written)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_all_architectures_write_what_they_write_alone(name: str) -> None:
    model = tiny(name)
    rows = prompts()
    found, why = write(model, [Row(ids, 12) for ids in rows], ENDS)
    assert why == ""
    assert [one.ids for one in found] == [naive(model, ids, 12) for ids in rows]


@pytest.mark.parametrize("name", OTHERS)
def test_what_the_fast_reader_does_not_fit_goes_through_the_cache_and_says_so(name: str) -> None:
    more, says = OTHERS[name]
    model = tiny(name, **more)
    rows = prompts(4)
    found, why = write(model, [Row(ids, 9) for ids in rows], ENDS)
    assert says in why
    assert [one.ids for one in found] == [naive(model, ids, 9) for ids in rows]


@pytest.mark.parametrize("make", [Flat, Cached, whole, Reread])
def test_readers_agree(make: Any) -> None:
    model = tiny("qwen3")
    rows = prompts()
    found, _ = write(model, [Row(ids, 9) for ids in rows], ENDS, make=make)
    scores, _ = score(model, rows, ((8, 9), (8,), (10, 11, 12), ()), ENDS, make=make)
    assert [one.ids for one in found] == [naive(model, ids, 9) for ids in rows]
    assert scores == [pytest.approx(summed(model, ids), abs=1e-4) for ids in rows]


def summed(model: Any, ids: Sequence[int]) -> list[float]:
    """Log-probabilities of the choices of ``test_readers_agree``, each read alone."""
    sums = []
    for choice in ((8, 9), (8,), (10, 11, 12), ()):
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([[*ids, *choice]]), use_cache=False).logits[0]
        steps = logits.double().log_softmax(-1)
        own = [float(steps[len(ids) - 1 + n, token]) for n, token in enumerate(choice)]
        sums.append(sum(own) + float(steps[-1, sorted(ENDS)].logsumexp(0)))
    return sums


def test_what_is_written_does_not_hang_on_the_company() -> None:
    model = tiny("llama")
    rows = [Row(ids, 10, temperature=0.8, seed=n) for n, ids in enumerate(prompts(9))]
    together, _ = write(model, rows, ENDS)
    alone = [write(model, [row], ENDS)[0][0] for row in rows]
    backward = write(model, rows[::-1], ENDS)[0][::-1]
    assert [one.ids for one in together] == [one.ids for one in alone] == [one.ids for one in backward]
    assert [one.logprob for one in together] == pytest.approx([one.logprob for one in alone], abs=1e-4)
    assert len({one.ids for one in together}) > 1


def test_a_seed_draws_the_same_and_another_does_not() -> None:
    model = tiny("llama")
    (ids,) = prompts(1)
    drawn = write(model, [Row(ids, 10, temperature=1.0, seed=seed) for seed in (1, 1, 2, 3)], ENDS)[0]
    assert drawn[0] == drawn[1]
    assert len({one.ids for one in drawn}) > 2


def test_rows_that_end_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whet.models.generate.ROWS", 3)
    read = list[int]()
    go_on = Flat.go_on

    def counted(self: Flat, ids: Sequence[Sequence[int]]) -> torch.Tensor:
        read.append(len(ids))
        return go_on(self, ids)

    monkeypatch.setattr(Flat, "go_on", counted)
    model, rows = tiny("llama"), prompts(8)
    limits = [1 + 3 * (n % 4) for n in range(8)]
    given = [Row(ids, most) for ids, most in zip(rows, limits, strict=True)]
    found, _ = write(model, given, ENDS, make=Flat)
    alone = [naive(model, ids, most) for ids, most in zip(rows, limits, strict=True)]
    assert [one.ids for one in found] == alone
    assert max(read) <= 3
    assert sum(read) == sum(len(one.ids) - (one.ended != "end") for one in found)


def test_the_shared_beginning_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    model, rows = tiny("llama"), prompts(6, shared=30)
    read = list[int]()
    model.register_forward_pre_hook(
        lambda module, given, named: read.append(named["input_ids"].numel()), with_kwargs=True
    )
    write(model, [Row(ids, 1) for ids in rows], ENDS, make=Flat)
    shared = common(rows)
    assert sum(read) == shared + sum(len(ids) - shared for ids in rows)


def test_long_rows_are_read_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whet.models.flat.PASS_TOKENS", 5)
    model, rows = tiny("gemma3_text"), prompts(4, shared=17)
    found, _ = write(model, [Row(ids, 6) for ids in rows], ENDS, make=Flat)
    assert [one.ids for one in found] == [naive(model, ids, 6) for ids in rows]


def test_a_row_that_sees_another_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: a store that hands out the wrong row's keys does not fit."""
    of = Store.of

    def wrong(self: Store, layer: int, laid: Any) -> Any:
        keys, values = of(self, layer, laid)
        return keys.flip(0), values

    monkeypatch.setattr(Store, "of", wrong)
    make, why = fitting(tiny("llama"))
    assert make is Cached
    assert "differ" in why


def test_what_a_layer_asks_beyond_what_is_known_is_refused() -> None:
    model = tiny("llama")
    model.config._attn_implementation = "eager"
    for layer in model.model.layers:
        inner = layer.self_attn.forward
        layer.self_attn.forward = lambda *given, inner=inner, **named: inner(*given, **named, s_aux=1)
    make, why = fitting(model)
    assert make is Cached
    assert "s_aux" in why


def test_a_model_in_training_writes_and_goes_on_training() -> None:
    model = tiny("llama")
    ready = prepared(model, LoraRecipe(2, 4.0), Settings(), 0)
    for name, weight in ready.model.named_parameters():
        if "lora_B" in name:
            weight.data.normal_()
    rows = prompts()
    before = gradients(ready.model, [GivenRow(rows[0], (0.0, *[1.0] * (len(rows[0]) - 1)))]).loss
    found, why = write(ready.model, [Row(ids, 8) for ids in rows], ENDS)
    assert why == ""
    after = gradients(ready.model, [GivenRow(rows[0], (0.0, *[1.0] * (len(rows[0]) - 1)))]).loss
    assert after == before
    ready.model.set_attn_implementation("eager")
    assert [one.ids for one in found] == [naive(ready.model, ids, 8) for ids in rows]


def test_the_model_is_left_as_it_was() -> None:
    model = tiny("llama")
    before = model.config._attn_implementation
    write(model, [Row((5, 6), 2)], ENDS)
    assert model.config._attn_implementation == before


def test_a_tree_sees_its_own_line_only() -> None:
    laid = planned([Piece((1, 2, 3), (-1, 0, -1))], [2], first=0, before=4, device=torch.device("cpu"))
    assert laid.positions.tolist() == [6, 7, 6]
    assert laid.seen[0].int().tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 0], [1, 1, 0, 0, 1]]


def test_parts_hold_what_fits() -> None:
    assert parts([3, 3, 9, 1], 6) == [range(0, 2), range(2, 3), range(3, 4)]
    assert readers.PREFIX
