"""The packed attention of GPUs, as far as a CPU can tell: its packs, its merge and its way back.

The kernel is a stand-in of plain products that does what the GPU's kernel does, packs and all; the GPU's own
is held to the same check on its own machine, before it is used (``varlen.distrusted``).
"""

from __future__ import annotations

import itertools
import random
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.architectures import tiny
from tests.test_exactness import ALLOWED, SHARED, error, one_at_a_time, rows, taken
from whet.train import attention, varlen
from whet.train.attention import NAME, plain
from whet.train.plans import Asked, Prefix, plan
from whet.train.step import gradients
from whet.train.varlen import Pack


class Products:
    """``varlen.Kernel`` in plain products."""

    def forward(self, q: Tensor, k: Tensor, v: Tensor, pack: Pack, scale: float) -> tuple[Tensor, Tensor]:
        out, lse = torch.empty_like(q), torch.empty(q.shape[1], q.shape[0])
        for own, met in self._segments(pack):
            scores = self._scores(q[own], k[met], pack, scale)
            lse[:, own] = scores.logsumexp(-1)
            weights = (scores - lse[:, own, None]).exp()
            out[own] = (weights @ self._grouped(v[met], q)).transpose(0, 1).to(q.dtype)
        return out, lse

    def backward(
        self,
        do: Tensor,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        out: Tensor,
        lse: Tensor,
        pack: Pack,
        scale: float,
    ) -> tuple[Tensor, Tensor, Tensor]:
        dq, dk, dv = (torch.zeros_like(side) for side in (q, k, v))
        for own, met in self._segments(pack):
            p = (self._scores(q[own], k[met], pack, scale) - lse[:, own, None]).exp()
            far = do[own].transpose(0, 1).float()
            d = (do[own] * out[own]).float().sum(-1).T[..., None]
            ds = p * (far @ self._grouped(v[met], q).transpose(-1, -2) - d) * scale
            dq[own] = (ds @ self._grouped(k[met], q)).transpose(0, 1).to(q.dtype)
            dk[met] = self._ungrouped(ds.transpose(-1, -2) @ q[own].transpose(0, 1).float(), k)
            dv[met] = self._ungrouped(p.transpose(-1, -2) @ far, v)
        return dq, dk, dv

    @staticmethod
    def _segments(pack: Pack) -> list[tuple[slice, slice]]:
        sides = [side.tolist() for side in (pack.queries, pack.keys)]
        assert all(side[0] == 0 for side in sides)
        spans = [[slice(*ends) for ends in itertools.pairwise(side)] for side in sides]
        assert pack.most_queries == max(span.stop - span.start for span in spans[0])
        assert pack.most_keys == max(span.stop - span.start for span in spans[1])
        return list(zip(*spans, strict=True))

    def _scores(self, q: Tensor, k: Tensor, pack: Pack, scale: float) -> Tensor:
        scores = q.transpose(0, 1).float() @ self._grouped(k, q).transpose(-1, -2) * scale
        if not pack.causal:
            return scores
        later = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
        return scores.masked_fill(later, float("-inf"))

    @staticmethod
    def _grouped(side: Tensor, q: Tensor) -> Tensor:
        """[N, K, d] to [H, N, d] in fp32."""
        return side.transpose(0, 1).float().repeat_interleave(q.shape[1] // side.shape[1], dim=0)

    @staticmethod
    def _ungrouped(side: Tensor, like: Tensor) -> Tensor:
        """[H, N, d] to [N, K, d], summed over the heads that share keys."""
        heads, size, width = side.shape
        summed = side.view(like.shape[1], heads // like.shape[1], size, width).sum(1)
        return summed.transpose(0, 1).to(like.dtype)


products = partial(varlen.varlen, kernel=Products())


def both_ways(form: Any, sides: list[Tensor], laid: Any, towards: Tensor) -> list[Tensor]:
    """Output and all gradients; five sides are queries, keys, values and those of a prefix."""
    shared = (sides[3], sides[4]) if len(sides) == 5 else None
    out = form(*sides[:3], shared, laid, Asked(0.3, None, None))
    return [out.detach(), *torch.autograd.grad(out, sides, towards)]


@pytest.mark.parametrize("before", [0, 17])
@pytest.mark.parametrize("heads", [(4, 4), (4, 2), (6, 1)])
@pytest.mark.parametrize("sizes", [[5], [3, 11, 1, 7, 7, 2, 30]])
def test_it_is_plain_attention_both_ways(before: int, heads: tuple[int, int], sizes: list[int]) -> None:
    torch.manual_seed(0)
    many, few = heads
    tokens = sum(sizes)
    shapes = [(many, tokens), (few, tokens), (few, tokens), *[(few, before)] * (2 if before else 0)]
    sides = [torch.randn(1, head, size, 8).requires_grad_() for head, size in shapes]
    laid = plan(sizes, prefix=Prefix(before) if before else None, widths=3)
    towards = torch.randn(1, tokens, many, 8)
    wanted = both_ways(plain, sides, laid, towards)
    for ours, theirs in zip(both_ways(products, sides, laid, towards), wanted, strict=True):
        assert float((ours - theirs).norm() / theirs.norm()) <= ALLOWED


def test_segments_are_found_in_the_order_in_which_they_lie() -> None:
    sizes = [random.Random(3).randrange(1, 40) for _ in range(50)]
    assert varlen.lengths(plan(sizes, widths=4).blocks) == sizes


@pytest.mark.parametrize("name", ["llama", "gpt_neox"])
def test_a_training_step_by_it_is_exact(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, given = tiny(name), rows()
    one_at_a_time(model, given)
    wanted = taken(model)
    monkeypatch.setattr(attention, "_chosen", lambda *_: products)
    model.set_attn_implementation(NAME)
    gradients(model, given, SHARED)
    assert error(taken(model), wanted) <= ALLOWED


def test_the_check_of_a_kernel_believes_a_right_one() -> None:
    assert varlen.apart_from_fast(Products(), "cpu", torch.float32) <= ALLOWED
    assert varlen.apart_from_fast(Products(), "cpu", torch.bfloat16) <= varlen.APART


class Leaky(Products):
    """The control: rows see their neighbours."""

    @staticmethod
    def _segments(pack: Pack) -> list[tuple[slice, slice]]:
        return [(slice(0, int(pack.queries[-1])), slice(0, int(pack.keys[-1])))]


class Backwards(Products):
    """The control: right one way; on the way back, each part takes its own output for the whole."""

    def backward(
        self, do: Tensor, q: Tensor, k: Tensor, v: Tensor, out: Tensor, lse: Tensor, *more: Any
    ) -> tuple[Tensor, Tensor, Tensor]:
        return super().backward(do, q, k, v, *self.forward(q, k, v, *more), *more)


class Turned(Products):
    """The control: log-sum-exps come with their sides the other way round, as some versions have them."""

    def forward(self, q: Tensor, k: Tensor, v: Tensor, pack: Pack, scale: float) -> tuple[Tensor, Tensor]:
        out, lse = super().forward(q, k, v, pack, scale)
        return out, lse.T.contiguous().view_as(lse)


@pytest.mark.parametrize("kernel", [Leaky(), Backwards(), Turned()])
def test_the_check_of_a_kernel_sees_a_wrong_one(kernel: Products) -> None:
    assert varlen.apart_from_fast(kernel, "cpu", torch.float32) > varlen.APART


def test_without_a_gpu_it_is_not_chosen() -> None:
    side = torch.zeros(1, 2, 3, 8, dtype=torch.bfloat16)
    assert not varlen.can(side, side)
    assert "_flash_attention_forward" in varlen.distrusted("cpu", torch.bfloat16)
