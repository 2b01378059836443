"""Attention on a GPU: packed, by torch's flash kernel for rows of any length, and the prefix apart.

    out = Σᵢ exp(lseᵢ - lse) outᵢ        lse = log Σᵢ exp lseᵢ        i: the prefix, the row itself

The way back does not differentiate the merge. With the merged output and log-sum-exp, each kernel's own
backward gives its part of the gradient exactly, since P = exp(S - lse) and D = Σ dO O mean the same for both
(as in ring attention, Liu and others, arXiv 2310.01889). No key is copied and nothing is padded. The kernel
takes 16 bits only and is asked for no windows and no soft caps: what it cannot do is left to ``flash`` and to
``attention.plain``. Before it is believed, it is held to ``flash`` on the machine at hand (``distrusted``).
The letters of the shapes are those of ``plans``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import accumulate
from typing import Any, Protocol

import torch
from torch import Tensor

from whet.train.flash import fast
from whet.train.plans import Asked, Block, Plan, Shared, plan

WIDEST, STEP = 256, 8
"""Of a head: the kernel's limit, and what its width must be a multiple of."""
APART = 0.02
"""Relative difference to ``flash`` in fp32 that 16 bits explain."""
ROWS, PREFIX = 40, 21
"""Tokens, to try it on."""


@dataclass(frozen=True, slots=True)
class Pack:
    """Which of the queries, end to end, meet which of the keys."""

    queries: Tensor
    """Where each segment begins, and where the last one ends: [n + 1], int32."""
    keys: Tensor
    most_queries: int
    most_keys: int
    causal: bool
    """Each query sees the keys up to its own place; False: all of them."""


class Kernel(Protocol):
    """A variable-length attention, both ways."""

    def forward(self, q: Tensor, k: Tensor, v: Tensor, pack: Pack, scale: float) -> tuple[Tensor, Tensor]:
        """Output [T, H, d] and log-sum-exps [H, T] in fp32 of q [T, H, d], k and v [N, K, d]."""

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
        """Gradients of q, k and v, for the output and log-sum-exps given."""


class TorchKernel:
    """That under ``torch.nn.attention.varlen``, whose front door takes no lse from outside."""

    def forward(self, q: Tensor, k: Tensor, v: Tensor, pack: Pack, scale: float) -> tuple[Tensor, Tensor]:
        out, lse, *_ = torch.ops.aten._flash_attention_forward(
            *(q, k, v, pack.queries, pack.keys, pack.most_queries, pack.most_keys, 0.0, pack.causal, False),
            scale=scale,
        )
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
        seed = torch.zeros(2, dtype=torch.uint64, device=q.device)  # of a dropout that is off
        sides = (do, q, k, v, out, lse, pack.queries, pack.keys, pack.most_queries, pack.most_keys)
        found: tuple[Tensor, Tensor, Tensor] = torch.ops.aten._flash_attention_backward(
            *sides, 0.0, pack.causal, seed, torch.empty(0, device=q.device), scale=scale
        )
        return found


TORCH = TorchKernel()


def varlen(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    shared: Shared,
    plan: Plan,
    asked: Asked,
    kernel: Kernel = TORCH,
) -> Tensor:
    """As ``flash.fast``: [1, T, H, d] of query [1, H, T, d], key and value [1, K, T, d], the prefix's two."""
    before = shared if shared is not None else (None, None)
    packs = packed(plan.blocks, 0 if shared is None else shared[0].shape[2], query.device)
    out: Tensor = _Varlen.apply(query, key, value, *before, packs, asked.scale, kernel)  # type: ignore[no-untyped-call]
    return out


def can(query: Tensor, value: Tensor) -> bool:
    """Whether the kernel takes these, and is believed on their device."""
    width = query.shape[-1]
    half = query.dtype in (torch.bfloat16, torch.float16)
    if query.device.type != "cuda" or not half or width % STEP or width > WIDEST or value.shape[-1] != width:
        return False
    return not distrusted(query.device.type, query.dtype)


class _Varlen(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        pk: Tensor | None,
        pv: Tensor | None,
        packs: Sequence[Pack],
        scale: float,
        kernel: Kernel,
    ) -> Tensor:
        ctx.packs, ctx.scale, ctx.kernel, ctx.shared = packs, scale, kernel, pk is not None
        flat = [_flat(side) for side in (q, k, v, pk, pv) if side is not None]
        parts = [
            kernel.forward(flat[0], k, v, pack, scale)
            for (k, v), pack in zip(_pairs(flat), packs, strict=True)
        ]
        out, lse = merged(*parts[0], *parts[1]) if len(parts) == 2 else parts[0]
        ctx.save_for_backward(*flat, out, lse)
        return out.unsqueeze(0)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        *flat, out, lse = ctx.saved_tensors
        do = grads[0][0].contiguous()
        queries, sides = list[Tensor](), list[Tensor]()
        for (k, v), pack in zip(_pairs(flat), ctx.packs, strict=True):
            dq, dk, dv = ctx.kernel.backward(do, flat[0], k, v, out, lse, pack, ctx.scale)
            queries.append(dq)
            sides += [_heads_first(dk), _heads_first(dv)]
        dq = queries[0] if len(queries) == 1 else (queries[0].float() + queries[1]).to(do.dtype)
        return _heads_first(dq), *sides, *([] if ctx.shared else [None, None]), None, None, None


def _flat(side: Tensor) -> Tensor:
    """[1, H, T, d] to [T, H, d], as the kernel wants it."""
    return side[0].transpose(0, 1).contiguous()


def _heads_first(side: Tensor) -> Tensor:
    """The reverse of ``_flat``."""
    return side.transpose(0, 1).unsqueeze(0)


def _pairs(flat: Sequence[Tensor]) -> list[tuple[Tensor, Tensor]]:
    """Keys and values of the rows, and of the prefix where there is one; ``flat`` begins with the queries."""
    return [(flat[at], flat[at + 1]) for at in range(1, len(flat) - 1, 2)]


def merged(one: Tensor, one_lse: Tensor, other: Tensor, other_lse: Tensor) -> tuple[Tensor, Tensor]:
    """Attention over two sets of keys from attention over each: [T, H, d] and [H, T]."""
    lse = torch.logaddexp(one_lse, other_lse)
    shares = ((side - lse).exp().T.unsqueeze(-1) for side in (one_lse, other_lse))  # [T, H, 1], fp32
    first, second = (share * side for share, side in zip(shares, (one, other), strict=True))
    return (first + second).to(one.dtype), lse


def packed(blocks: tuple[Block, ...], before: int, device: torch.device) -> list[Pack]:
    """The rows' pack, and that of the prefix of ``before`` tokens where there is one."""
    for kept in _last:
        if kept[0] is blocks and kept[1:3] == (before, device):
            return kept[3]
    made = _packed(lengths(blocks), before, device)
    _last[:] = [*_last[-1:], (blocks, before, device, made)]
    return made


_last: list[tuple[tuple[Block, ...], int, torch.device, list[Pack]]] = []
"""Of the last pass: every layer asks for the same, for its rows and for a prefix that lies beside them."""


def _packed(sizes: Sequence[int], before: int, device: torch.device) -> list[Pack]:
    ends = torch.tensor([0, *accumulate(sizes)], dtype=torch.int32, device=device)
    packs = [Pack(ends, ends, max(sizes), max(sizes), causal=True)]
    if before:
        tokens = sum(sizes)
        own, met = (torch.tensor([0, size], dtype=torch.int32, device=device) for size in (tokens, before))
        packs.append(Pack(own, met, tokens, before, causal=False))
    return packs


def lengths(blocks: Sequence[Block]) -> list[int]:
    """Of the segments, in the order in which they lie."""
    found: list[tuple[int, int]] = []
    for block in blocks:
        found += zip(block.index[:, 0].tolist(), block.real.sum(1).tolist(), strict=True)
    return [length for _, length in sorted(found)]


@lru_cache(maxsize=4)
def distrusted(device: str, dtype: torch.dtype) -> str:
    """Why the kernel is not used on this machine; '' where it agrees with ``flash`` in fp32, both ways."""
    try:
        apart = apart_from_fast(TORCH, device, dtype)
    except (RuntimeError, TypeError, AttributeError, NotImplementedError) as error:
        return f"{type(error).__name__}: {str(error).splitlines()[0]}"
    return "" if apart <= APART else f"it differs from plain attention by {apart:.1%}"


def apart_from_fast(kernel: Kernel, device: str, dtype: torch.dtype) -> float:
    """Largest relative difference to ``flash`` in fp32, of output and gradients, on three rows."""
    made = torch.Generator().manual_seed(0)
    sizes = [(4, ROWS), (2, ROWS), (2, ROWS), (2, PREFIX), (2, PREFIX)]
    drawn = [torch.randn(1, heads, size, 64, generator=made).to(device, dtype) for heads, size in sizes]
    towards = torch.randn(1, ROWS, 4, 64, generator=made).to(device, dtype)
    laid, asked = plan([9, 30, 1], widths=2, device=device), Asked(0.125, None, None)

    def both_ways(form: Callable[..., Tensor], kind: torch.dtype) -> list[Tensor]:
        sides = [side.to(kind).requires_grad_() for side in drawn]
        out = form(*sides[:3], (sides[3], sides[4]), laid, asked)
        return [out.detach(), *torch.autograd.grad(out, sides, towards.to(kind))]

    wanted = both_ways(fast, torch.float32)
    found = both_ways(partial(varlen, kernel=kernel), dtype)
    return max(float((b.float() - a).norm() / a.norm()) for a, b in zip(wanted, found, strict=True))
