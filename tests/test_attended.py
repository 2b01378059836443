"""The fused attention is the plain one, and laid-out weights give what the layers gave."""

from __future__ import annotations

import copy
import os
import signal
import threading
import time
from typing import Any

import pytest
import torch
from torch import nn

from whet.models import attended as module
from whet.models.attended import FUSED, Kind, attended
from whet.models.packed import LEAST, Packed, pack
from whet.models.passes import Pass, Piece, planned
from whet.models.threads import alone, computed

KINDS, GROUP, WIDTH, BEFORE = 2, 3, 16, 21
TREE = Piece(range(11), (-1, 0, 1, 1, 3, -1, 5, 6, 7, 7, 2))


def laid_out(sizes: list[int], read: list[int], before: int, tree: bool = False) -> Pass:
    pieces = [Piece(range(size)) for size in sizes]
    return planned(
        [*pieces[:-1], TREE] if tree else pieces, read, first=0, before=before, device=torch.device("cpu")
    )


def both_ways(laid: Pass, kind: Kind, monkeypatch: pytest.MonkeyPatch) -> list[torch.Tensor]:
    """What the fused kernel finds and what plain products find, of the same random pass."""
    draw = torch.Generator().manual_seed(0)

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=draw)

    rows, tokens = laid.index.shape[0], len(laid.slots)
    query = random(KINDS * GROUP, tokens, WIDTH)
    own = (random(rows, KINDS, laid.longest, WIDTH), random(rows, KINDS, laid.longest, WIDTH))
    before = (random(KINDS, BEFORE, WIDTH), random(KINDS, BEFORE, WIDTH)) if laid.before else None
    found = []
    for fused_from in (1, 1 << 30):
        monkeypatch.setattr(module, "FUSED_FROM", fused_from)
        found.append(attended(query, own, before, laid, kind))
    return found


@pytest.mark.skipif(FUSED is None, reason="this torch has no such kernel")
@pytest.mark.parametrize("before", [0, BEFORE])
@pytest.mark.parametrize("window", [None, 4, 1000])
@pytest.mark.parametrize("tree", [False, True])
def test_the_fused_kernel_finds_what_plain_products_find(
    before: int, window: int | None, tree: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    laid = laid_out([9, 12, 8, 11], [0, 5, 0, 7], before, tree)
    fused, plain = both_ways(laid, Kind(0.25, window=window), monkeypatch)
    assert torch.allclose(fused, plain, atol=1e-5)
    assert fused.shape == (40, KINDS * GROUP, WIDTH)


@pytest.mark.skipif(FUSED is None, reason="this torch has no such kernel")
def test_without_its_sight_it_would_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: tokens that see what comes after them."""
    monkeypatch.setattr(Pass, "sight", lambda *_: None)
    fused, plain = both_ways(laid_out([9, 12], [0, 5], BEFORE), Kind(0.25), monkeypatch)
    assert not torch.allclose(fused, plain, atol=1e-2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("bias", [False, True])
def test_laid_out_weights_multiply_as_before(dtype: torch.dtype, bias: bool) -> None:
    torch.manual_seed(0)
    layer = nn.Linear(320, LEAST // 320 + 1, bias=bias, dtype=dtype)
    inputs = [torch.randn(*shape, 320, dtype=dtype) for shape in ((1,), (1, 7), (2, 3), (0,), (300,))]
    with torch.no_grad():
        plain = [layer(x) for x in inputs]
        assert pack(layer) == layer.weight.nbytes
        assert isinstance(layer.forward, Packed)
        close = 1e-5 if dtype == torch.float32 else 2e-2
        for x, there in zip(inputs, plain, strict=True):
            assert torch.allclose(layer(x).float(), there.float(), rtol=close, atol=close)
        assert layer(torch.randn(2, 320).to(torch.float64).to(dtype)).dtype == dtype


def test_weights_that_are_written_again_and_those_of_a_copy_are_seen() -> None:
    """Evidence rounds a copy of the model to 8 bits and compares: old weights would always agree."""
    torch.manual_seed(0)
    layer, x = nn.Linear(512, 512), torch.randn(4, 512)
    assert pack(layer)
    with torch.no_grad():
        before = layer(x)
        twin = copy.deepcopy(layer)
        assert torch.allclose(twin(x), before, atol=1e-5)
        for one in (twin, layer):
            one.weight.copy_(one.weight.round())
            assert torch.allclose(one(x), nn.functional.linear(x, one.weight, one.bias), atol=1e-5)
            assert not torch.allclose(one(x), before, atol=1e-2)
        assert copy.deepcopy(nn.Sequential(layer)).to(torch.bfloat16)(x.bfloat16()).dtype == torch.bfloat16


def test_what_is_small_or_of_another_kind_is_left_alone() -> None:
    assert pack(nn.Linear(8, 8)) == 0
    assert pack(nn.Embedding(LEAST, 2)) == 0
    assert pack(nn.Linear(512, 512, dtype=torch.float64)) == 0


def test_a_layout_that_gives_other_numbers_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = nn.Linear(512, 512)
    monkeypatch.setattr("whet.models.packed._packed", lambda one: Wrong())
    assert pack(layer) == 0
    assert not isinstance(layer.forward, Wrong)


class Wrong:
    """A kernel that reads weights by the wrong layout."""

    layer: Any = nn.Linear(512, 512)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return torch.zeros(*x.shape[:-1], 512)


def test_one_thread_computes_for_all_in_turn() -> None:
    names, together, most = list[str](), [0], [0]

    def work() -> str:
        together[0] += 1
        most[0] = max(most[0], together[0])
        time.sleep(0.01)
        together[0] -= 1
        return computed(lambda: threading.current_thread().name)  # who computes already does not wait

    threads = [threading.Thread(target=lambda: names.append(computed(work))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert names == ["compute"] * 8
    assert most == [1]


def test_a_fault_comes_back_to_who_asked() -> None:
    with pytest.raises(ZeroDivisionError):
        computed(lambda: 1 // 0)
    assert computed(lambda: 5) == 5


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_computes_too() -> None:
    assert computed(lambda: 1) == 1
    child = os.fork()
    if not child:
        os._exit(computed(lambda: 7))
    ended = [0]
    thread = threading.Thread(target=lambda: ended.append(os.waitpid(child, 0)[1]), daemon=True)
    thread.start()
    thread.join(timeout=20)
    if thread.is_alive():
        os.kill(child, signal.SIGKILL)
    assert os.waitstatus_to_exitcode(ended[-1]) == 7


def test_alone_is_one_thread_and_then_as_before() -> None:
    before = torch.get_num_threads()
    with alone():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before
