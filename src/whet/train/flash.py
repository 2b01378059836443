"""The fast form of attention: torch's flash kernel forward, matrix products backward.

Forward, the prefix and the segments are attended to apart, and put together by their log-sum-exps (Dao and
others, arXiv 2205.14135; Liu and others, arXiv 2310.01889). Backward, probabilities are made again:

    P = exp(q Kᵀ - lse)     dV = Pᵀ dO     dS = P (dO Vᵀ - D)     dQ = dS K     dK = dSᵀ Q     D = Σ dO O

torch's own backward on the CPU takes a quarter of a training step; this takes a tenth. In bf16 the two
subtractions happen inside the matrix products, in fp32: ``lse`` and ``D``, each as two bf16 halves, ride
along as two more columns, so that what is rounded is the small difference and not the large terms. Knows no
windows, soft caps or dropout. The letters of the shapes are those of ``plans``.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from whet.train.plans import Asked, Block, Plan, Shared

ROWS = 1024  # of scores at once: what is between the products stays in the cache
_flash = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu


def fast(query: Tensor, key: Tensor, value: Tensor, shared: Shared, plan: Plan, asked: Asked) -> Tensor:
    """[1, T, H, d] of query [1, H, T, d], key and value [1, K, T, d], and the prefix's two [1, K, P, d]."""
    before = shared if shared is not None else (None, None)
    out: Tensor = _Fast.apply(query, key, value, *before, plan, asked.scale)  # type: ignore[no-untyped-call]
    return out


class _Fast(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        pk: Tensor | None,
        pv: Tensor | None,
        plan: Plan,
        scale: float,
    ) -> Tensor:
        q, k, v = (side[0].transpose(0, 1) for side in (q, k, v))  # [T, H or K, d]
        out = torch.empty(q.shape, dtype=q.dtype, device=q.device)
        lse = torch.empty(q.shape[1], q.shape[0], device=q.device)  # [H, T]
        for block in plan.blocks:
            _own_forward(q, k, v, block, scale, out, lse)
        if pk is not None and pv is not None:
            out = _with_prefix(q, pk[0], pv[0], scale, out, lse)
        ctx.save_for_backward(q, k, v, pk, pv, out, lse)
        ctx.plan, ctx.scale = plan, scale
        return out.unsqueeze(0)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        q, k, v, pk, pv, out, lse = ctx.saved_tensors
        do = grads[0][0]  # [T, H, d]
        d = torch.linalg.vecdot(do.float(), out.float()).T  # [H, T]
        dq, dk, dv = (torch.zeros(side.shape, dtype=side.dtype, device=side.device) for side in (q, k, v))
        for block in ctx.plan.blocks:
            _own_backward((q, k, v, do), (lse, d), block, ctx.scale, (dq, dk, dv))
        dpk = dpv = None
        if pk is not None:
            dpk, dpv = _prefix_backward((q, pk[0], pv[0], do), (lse, d), ctx.scale, dq)
        flat = [side.transpose(0, 1).unsqueeze(0) for side in (dq, dk, dv)]
        return *flat, dpk, dpv, None, None


def _own_forward(
    q: Tensor, k: Tensor, v: Tensor, block: Block, scale: float, out: Tensor, lse: Tensor
) -> None:
    """Each segment to itself, written into out [T, H, d] and lse [H, T]."""
    group = q.shape[1] // k.shape[1]
    sides = [side[block.index].transpose(1, 2) for side in (q, k, v)]  # [n, H or K, S, d]
    repeated = [side.repeat_interleave(group, dim=1) if group > 1 else side for side in sides[1:]]
    part, sums = _flash(sides[0], *repeated, 0.0, True, scale=scale)
    places = block.index[block.real]
    out[places] = part.transpose(1, 2)[block.real]
    lse[:, places] = sums.transpose(0, 1)[:, block.real]


def _with_prefix(q: Tensor, pk: Tensor, pv: Tensor, scale: float, own: Tensor, lse: Tensor) -> Tensor:
    """Attention to the prefix [K, P, d] joined to ``own`` [T, H, d]; ``lse`` [H, T] becomes that of both."""
    tokens, heads, width = q.shape
    rows = _by_key(q, pk.shape[0])[None]
    part, sums = _flash(rows, pk[None], pv[None], 0.0, False, scale=scale)
    sums = sums.reshape(heads, tokens)
    both = torch.logaddexp(sums, lse)
    part = part.reshape(heads, tokens, width).transpose(0, 1)
    joined: Tensor = own * (lse - both).exp().T[..., None] + part * (sums - both).exp().T[..., None]
    lse.copy_(both)
    return joined.to(own.dtype)


def _by_key(side: Tensor, keys: int) -> Tensor:
    """[T, H, d] to [K, G T, d]: the rows that meet one head of keys, in one matrix."""
    tokens, heads, width = side.shape
    return side.transpose(0, 1).reshape(keys, heads // keys * tokens, width)


Four = tuple[Tensor, Tensor, Tensor, Tensor]


def _prefix_backward(
    sides: Four, sums: tuple[Tensor, Tensor], scale: float, dq: Tensor
) -> tuple[Tensor, Tensor]:
    """Gradients of the prefix's keys and values [1, K, P, d]; what the queries get is added to dq."""
    q, pk, pv, do = sides
    tokens, heads, width = q.shape
    keys = pk.shape[0]
    rows, grads = _by_key(q, keys), _by_key(do, keys)
    lse, d = (side.reshape(keys, -1) for side in sums)
    dpk, dpv = (torch.zeros(pk.shape, device=pk.device) for _ in range(2))
    parts = torch.empty_like(rows)
    for head in range(keys):
        for at in range(0, rows.shape[1], ROWS):
            part = slice(at, at + ROWS)
            mine = rows[head, part], grads[head, part], lse[head, part], d[head, part]
            parts[head, part], own_k, own_v = _backward(mine, pk[head], pv[head], scale)
            dpk[head] += own_k
            dpv[head] += own_v
    dq += parts.reshape(heads, tokens, width).transpose(0, 1)
    return dpk.to(pk.dtype)[None], dpv.to(pv.dtype)[None]


def _own_backward(
    sides: Four,
    sums: tuple[Tensor, Tensor],
    block: Block,
    scale: float,
    into: tuple[Tensor, Tensor, Tensor],
) -> None:
    """Gradients of a block's queries, keys and values, put in their places in ``into``."""
    q, k, v, do = sides
    keys, (count, size) = k.shape[1], block.index.shape
    rows, grads = (_grouped(side[block.index], keys) for side in (q, do))
    grads = grads if block.full else grads * block.real[:, None, None, :, None]
    lse, d = (side[:, block.index].transpose(0, 1).reshape(count, keys, -1, size) for side in sums)
    mine = [side[block.index].transpose(1, 2) for side in (k, v)]  # [n, K, S, d]
    found = torch.empty_like(rows), *(torch.zeros_like(side, dtype=torch.float32) for side in mine)
    for at in range(0, size, _step(size)):
        part, seen = slice(at, at + _step(size)), slice(0, min(at + _step(size), size))
        some = [side[..., part, :].flatten(2, 3) for side in (rows, grads)]
        less = [side[..., part].flatten(2, 3) for side in (lse, d)]
        hidden = _hidden(at, rows.shape[2], seen.stop, q.device)
        dq, dk, dv = _backward((*some, *less), mine[0][:, :, seen], mine[1][:, :, seen], scale, hidden)
        found[0][..., part, :] = dq.view(count, keys, -1, seen.stop - at, q.shape[2])
        found[1][:, :, seen] += dk
        found[2][:, :, seen] += dv
    places = block.index[block.real]
    into[0][places] = found[0].flatten(1, 2).transpose(1, 2)[block.real]
    for side, own in zip(into[1:], found[1:], strict=True):
        side[places] = own.transpose(1, 2)[block.real].to(side.dtype)


def _step(size: int) -> int:
    """Rows of a segment at once: long ones in parts, which see only what is before their end."""
    return size if size <= 256 else 128


def _grouped(side: Tensor, keys: int) -> Tensor:
    """[n, S, H, d] to [n, K, G, S, d]."""
    count, size, heads, width = side.shape
    return side.view(count, size, keys, heads // keys, width).permute(0, 2, 3, 1, 4)


def _hidden(at: int, group: int, seen: int, device: torch.device) -> Tensor:
    """Which of the first ``seen`` keys lie after the rows of a part from ``at``: [G (seen - at), seen]."""
    rows = torch.arange(at, seen, device=device)[:, None]
    after = torch.arange(seen, device=device)[None] > rows
    return after.repeat(group, 1)


def _backward(
    mine: tuple[Tensor, ...], k: Tensor, v: Tensor, scale: float, hidden: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of queries [.., R, d], keys and values [.., N, d] that meet in one matrix of scores."""
    q, do, lse, d = mine
    p = _less(q, k, lse, scale).exp_()
    if hidden is not None:
        p.masked_fill_(hidden, 0)
    dv = p.transpose(-1, -2) @ do
    ds = _less(do, v, d, 1.0).mul_(p)
    return (ds @ k).mul_(scale), (ds.transpose(-1, -2) @ q).mul_(scale), dv


def _less(rows: Tensor, keys: Tensor, less: Tensor, scale: float) -> Tensor:
    """scale · rows keysᵀ - less, each row its own: [.., R, N]."""
    less = less / -scale
    high = less.to(rows.dtype)
    if rows.dtype == torch.float32:
        return (rows @ keys.transpose(-1, -2)).add_(high[..., None]).mul_(scale)
    more = torch.stack([high, (less - high).to(rows.dtype)], dim=-1)
    wide, ones = torch.cat([rows, more], dim=-1), keys.new_ones(*keys.shape[:-1], 2)
    product = wide @ torch.cat([keys, ones], dim=-1).transpose(-1, -2)
    return product if scale == 1.0 else product.mul_(scale)
