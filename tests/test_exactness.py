"""The step's gradients equal those of one row at a time, on every architecture; a leak between rows shows."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch

from tests.architectures import ARCHITECTURES, tiny
from whet.train import attention, flash, losses, plans, probe
from whet.train.adapters import LoraRecipe
from whet.train.attention import NAME, only_plain, register
from whet.train.causal import prepared
from whet.train.compiled import compiled
from whet.train.frozen import layers_of
from whet.train.last import trimmed
from whet.train.lora import Base
from whet.train.sharing import Row
from whet.train.step import Settings, gradients, trunk

ALLOWED = 1e-5
"""Relative error of all gradients together, in fp32."""
SHARED = Settings(least_saved=1, pass_tokens=40, widths=3)


def rows(seed: int = 0) -> list[Row]:
    """Ragged rows of two instructions and of none, some of them weighted, one learned in two places."""
    rng = random.Random(seed)
    first, second = ([rng.randrange(3, 96) for _ in range(size)] for size in (23, 14))
    made = []
    for number in range(11):
        start = [first, first, second, []][number % 4]
        own, out = ([rng.randrange(3, 96) for _ in range(rng.randrange(1, most))] for most in (9, 6))
        weights = [0.0] * (len(start) + len(own)) + [1.0] * len(out)
        ids = [*start, *own, *out]
        if number == 5:
            weights[len(start) + len(own) - 1] = 0.5
        made.append(Row((1, *ids), (0.0, *weights)))
    return made


def one_at_a_time(model: Any, given: list[Row]) -> float:
    """The reference: stock attention, stock logits, every row alone."""
    total = sum(sum(row.weights[1:]) for row in given)
    whole = 0.0
    for row in given:
        logits = model(input_ids=torch.tensor([row.ids]), use_cache=False).logits[0, :-1].float()
        losses = torch.nn.functional.cross_entropy(logits, torch.tensor(row.ids[1:]), reduction="none")
        loss = (losses * torch.tensor(row.weights[1:])).sum() / total
        loss.backward()  # type: ignore[no-untyped-call]
        whole += float(loss.detach())
    return whole


def taken(model: Any) -> dict[str, torch.Tensor]:
    found = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad(set_to_none=True)
    return found


def error(found: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor]) -> float:
    assert found.keys() == wanted.keys()
    wrong = sum(float((found[name] - wanted[name]).square().sum()) for name in wanted)
    return float((wrong / sum(float(side.square().sum()) for side in wanted.values())) ** 0.5)


def compared(model: Any, given: list[Row], settings: Settings = SHARED) -> float:
    """The error of the step's gradients; their losses must agree too."""
    model.set_attn_implementation("eager")
    loss = one_at_a_time(model, given)
    wanted = taken(model)
    model.set_attn_implementation(NAME)
    done = gradients(model, given, settings)
    assert done.loss == pytest.approx(loss, rel=1e-5)
    return error(taken(model), wanted)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_full_training_is_exact(name: str) -> None:
    assert compared(tiny(name), rows()) <= ALLOWED


@pytest.mark.parametrize("name", ["llama", "gemma2", "cohere2", "granite", "gpt2"])
def test_a_head_that_learns_in_chunks_is_exact(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whet.train.losses.CHUNK", 3 * 96)
    assert compared(tiny(name), rows()) <= ALLOWED
    assert compared(tiny(name, tie_word_embeddings=True), rows()) <= ALLOWED


def test_a_head_with_a_bias_learns_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    made = torch.Generator().manual_seed(0)
    given = [torch.randn(*size, generator=made).requires_grad_() for size in ((9, 5), (7, 5), (7,))]
    targets, weights = torch.randint(0, 7, (9,), generator=made), torch.rand(9, generator=made)
    found = []
    for chunk in (1 << 24, 14):
        monkeypatch.setattr("whet.train.losses.CHUNK", chunk)
        loss = 3 * losses.summed_loss(given[0], targets, weights, losses.Head(given[1], given[2], 0.5, 2.0))
        found.append(torch.cat([part.flatten() for part in torch.autograd.grad(loss, given)]))
    assert torch.allclose(found[0], found[1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("limit", [30, 24])
def test_rows_that_longrope_turns_otherwise_are_read_apart(
    limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The instructions have 23 and 14 tokens, the rows up to 37."""
    factors = {"short_factor": [1.0, 1.5, 2.0, 3.0], "long_factor": [1.0, 4.0, 9.0, 16.0]}
    rope = {"rope_type": "longrope", "rope_theta": 1e4, "original_max_position_embeddings": limit, **factors}
    model = tiny("phi3", rope_parameters=rope, original_max_position_embeddings=limit)
    sizes = {len(row.ids) > limit for row in rows()}
    assert sizes == {True, False}
    assert compared(model, rows()) <= ALLOWED
    monkeypatch.setattr("whet.train.step.turned_beyond", lambda config: 0)
    with pytest.raises(AssertionError):  # the control: read together they are turned otherwise
        assert compared(model, rows()) <= ALLOWED


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_frozen_head_and_accumulated_steps_are_exact(name: str) -> None:
    model = tiny(name)
    model.get_output_embeddings().weight.requires_grad_(False)
    given = rows(1)
    total = sum(sum(row.weights[1:]) for row in given)
    model.set_attn_implementation("eager")
    one_at_a_time(model, given)
    wanted = taken(model)
    model.set_attn_implementation(NAME)
    for part in (given[:4], given[4:]):
        gradients(model, part, SHARED, weight=total)
    assert error(taken(model), wanted) <= ALLOWED


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_prefix_in_the_pass_of_its_rows_is_exact(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whet.train.step.read_prefix", lambda *_: pytest.fail("a prefix was read alone"))
    assert compared(tiny(name), rows(3), Settings(least_saved=1)) <= ALLOWED


def last_only(name: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A model whose last layer makes learned places only, however many they are."""
    model = tiny(name)
    register()
    model.set_attn_implementation(NAME)
    assert probe.trimmed(model)
    monkeypatch.setattr("whet.train.step.FEW", 0)
    return model


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("name", sorted(set(ARCHITECTURES) - {"gpt2"}))
def test_a_last_layer_at_learned_places_only_is_exact(
    name: str, together: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = last_only(name, monkeypatch)
    settings = Settings(least_saved=1) if together else SHARED
    made: list[int] = []
    last = layers_of(trunk(model), 1).modules[-1]
    last.register_forward_hook(lambda _, given, out: made.append(out.shape[1] if attention.current() else 0))
    assert compared(model, rows(4), settings) <= ALLOWED
    learned = sum(weight != 0 for row in rows(4) for weight in row.weights)
    assert learned <= sum(made) <= learned + 3, "and of each prefix that is read by itself, one"


def test_where_too_many_scores_would_be_kept_the_last_layer_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    model = last_only("llama", monkeypatch)
    monkeypatch.setattr("whet.train.step.MET", 10)
    monkeypatch.setattr("whet.train.step.picking", lambda laid, places: pytest.fail("places were picked"))
    assert compared(model, rows(4), Settings(least_saved=1)) <= ALLOWED


def test_a_model_that_counts_its_states_makes_all_of_them() -> None:
    model = tiny("gpt2")
    register()
    model.set_attn_implementation(NAME)
    assert not probe.trimmed(model)
    assert not trimmed(trunk(model))
    assert compared(model, rows(4)) <= ALLOWED


def test_a_last_layer_at_other_places_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: the neighbours of learned places."""
    model, honest = last_only("llama", monkeypatch), plans.picking

    def beside(laid: plans.Plan, places: torch.Tensor) -> plans.Plan:
        return honest(laid, (places - 1).clamp(min=0))

    found = gradients(model, rows(4), SHARED).loss
    monkeypatch.setattr("whet.train.step.picking", beside)
    assert gradients(model, rows(4), SHARED).loss != pytest.approx(found, rel=1e-3)


@pytest.mark.parametrize("name", ["llama", "gpt_neox", "qwen3_moe"])
def test_without_sharing_and_without_the_fast_form_it_is_the_same(name: str) -> None:
    model, given = tiny(name), rows(2)
    assert compared(model, given, Settings(share=False)) <= ALLOWED
    with only_plain():
        assert compared(model, given) <= ALLOWED


def attended(larger: float) -> tuple[torch.Tensor, torch.Tensor]:
    """The fast form and the plain one of three rows behind a prefix, keys ``larger`` times as long: the
    output and all gradients, flat."""
    made = torch.Generator().manual_seed(0)
    sizes = [(4, 40), (2, 40), (2, 40), (2, 21), (2, 21)]
    sides = [torch.randn(1, heads, size, 16, generator=made) for heads, size in sizes]
    laid = plans.plan([9, 30, 1], prefix=plans.Prefix(21), widths=2)
    scales = (1, larger, 1, larger, 1)
    found = []
    for form in (flash.fast, attention.plain):
        q, k, v, pk, pv = (side.clone() * scale for side, scale in zip(sides, scales, strict=True))
        given = [side.requires_grad_() for side in (q, k, v, pk, pv)]
        out = form(q, k, v, (pk, pv), laid, plans.Asked(1.0, None, None))
        gradients = torch.autograd.grad(out.square().sum(), given)
        found.append(torch.cat([part.flatten() for part in (out.detach(), *gradients)]))
    return found[0], found[1]


@pytest.mark.parametrize("larger", [0.1, 1.0, 30.0])
def test_scores_of_any_size_are_attended_to_alike(larger: float) -> None:
    fast, plain = attended(larger)
    assert float((fast - plain).norm() / plain.norm()) <= ALLOWED


def test_a_bound_far_above_the_scores_would_lose_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: of large scores the largest itself must be found."""
    monkeypatch.setattr(flash, "SMALL", float("inf"))
    fast, plain = attended(30.0)
    assert not float((fast - plain).norm() / plain.norm()) <= ALLOWED


@pytest.mark.filterwarnings("ignore:The .grad attribute")
def test_compiled_parts_are_exact_and_are_used() -> None:
    model, given = tiny("llama"), rows(2)
    plain = one_at_a_time(model, given)
    wanted = taken(model)
    torch._dynamo.reset()
    assert compiled(model) == 2
    model.set_attn_implementation(NAME)
    assert gradients(model, given, SHARED).loss == pytest.approx(plain, rel=1e-5)
    assert error(taken(model), wanted) <= ALLOWED
    assert torch._dynamo.utils.counters["frames"]["ok"] > 0


@pytest.mark.filterwarnings("ignore:The .grad attribute")
def test_compiled_parts_train_an_adapter_on_weights_that_could_be_laid_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("whet.train.packed.LEAST", 1)
    torch._dynamo.reset()
    both = [
        prepared(tiny("llama"), LoraRecipe(4, 8.0), SHARED, 0, compile=choice) for choice in (False, True)
    ]
    plain, compiled_one = (gradients(ready.model, rows(2), SHARED).loss for ready in both)
    assert compiled_one == pytest.approx(plain, rel=1e-5)
    bases = [module.base for module in both[0].model.modules() if hasattr(module, "base")]
    assert any(isinstance(base, Base) and base.laid for base in bases)  # the control


def test_without_a_compiler_training_goes_on_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch._inductor.config.cpp.cxx", ("no-such-compiler",))
    monkeypatch.setenv("TORCHINDUCTOR_FORCE_DISABLE_CACHES", "1")
    torch._dynamo.reset()
    ready = prepared(tiny("llama"), None, SHARED, 0, compile=True)
    (note,) = ready.notes
    assert note.startswith("nothing is compiled: ")
    assert "compiler" in note
    assert not any(module._compiled_call_impl for module in ready.model.modules())


def test_long_segments_in_parts_are_exact() -> None:
    rng = random.Random(3)
    ids = [tuple(rng.randrange(3, 96) for _ in range(size)) for size in (700, 300, 5)]
    given = [Row(part, (0.0,) * (len(part) - 3) + (1.0,) * 3) for part in ids]
    assert compared(tiny("llama", max_position_embeddings=1024), given) <= ALLOWED


@pytest.fixture
def leaky(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: segments that see their neighbour, as packed rows do under a plain causal mask."""
    honest = plans.plan

    def joined(lengths: list[int], **more: Any) -> plans.Plan:
        return honest([sum(lengths)], **more)

    monkeypatch.setattr("whet.train.step.plan", joined)


@pytest.mark.usefixtures("leaky")
def test_a_contaminated_mask_is_seen() -> None:
    model, given = tiny("llama"), rows()
    model.set_attn_implementation("eager")
    one_at_a_time(model, given)
    wanted = taken(model)
    model.set_attn_implementation(NAME)
    gradients(model, given, SHARED)
    assert error(taken(model), wanted) > 1000 * ALLOWED


def test_what_the_attention_does_not_know_is_refused() -> None:
    module = torch.nn.Module()
    module.layer_idx = 0  # type: ignore[assignment]
    side = torch.zeros(1, 2, 3, 4)
    with attention.attending(plans.plan([3])), pytest.raises(NotImplementedError, match="s_aux"):
        attention.attention(module, side, side, side, None, s_aux=torch.zeros(2))
