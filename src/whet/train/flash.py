"""The fast form of attention: plain matrix products, block by block, with a backward written by hand.

    P = exp(q Kᵀ - lse)     dV = Pᵀ dO     dS = P (dO Vᵀ - D)     dQ = dS K     dK = dSᵀ Q     D = Σ dO O

Only the log-sum-exps are kept for the way back, not the probabilities (Dao and others, arXiv 2205.14135).
torch's own flash backward took a quarter of a training step on a CPU, which is what this replaces. In 16 bits
the subtractions happen inside the products, in fp32: what is subtracted rides along as two more columns,
split in two halves, so that what is rounded is the small difference and not the large terms. Knows no
windows, soft caps or dropout. The letters of the shapes are those of ``plans``.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from whet.train.plans import Asked, Block, Plan, Shared

LONG, ROWS = 256, 128
"""Segments longer than the one are met by as many of their rows as the other at once: those see no further
than themselves, and what lies after them need not be multiplied."""

Pair = tuple[Tensor, Tensor]


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
        out = torch.empty(*q.shape[:2], v.shape[-1], dtype=q.dtype, device=q.device)
        ahead = None if pk is None or pv is None else (pk[0], pv[0])
        kept: list[Tensor] = []
        for block in plan.blocks:
            sides = _sides(q, k, v, block)
            own, lse = _block_forward(*sides, ahead, scale)
            _put(out, own, block)
            kept += [*sides, own, lse]
        ctx.save_for_backward(pk, pv, *kept)
        ctx.plan, ctx.scale, ctx.tokens = plan, scale, q.shape[0]
        return out.unsqueeze(0)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        pk, pv, *kept = ctx.saved_tensors
        ahead = None if pk is None else (pk[0], pv[0])
        sums = None if ahead is None else tuple(torch.zeros(s.shape, device=s.device) for s in ahead)
        found: list[Tensor] = []
        for place, block in enumerate(ctx.plan.blocks):
            sides = kept[5 * place : 5 * place + 5]
            do = _gathered(grads[0][0], block, sides[1].shape[0], zero=True)
            parts = _block_backward(sides, do, ahead, sums, ctx.scale)
            found = found or [
                torch.empty(ctx.tokens, *_width(part), dtype=do.dtype, device=do.device) for part in parts
            ]
            for side, part in zip(found, parts, strict=True):
                _put(side, part, block)
        flat = [side.transpose(0, 1).unsqueeze(0) for side in found]
        ended = (None, None) if sums is None else (s.to(pk.dtype)[None] for s in sums)
        return *flat, *ended, None, None


def _sides(q: Tensor, k: Tensor, v: Tensor, block: Block) -> tuple[Tensor, Tensor, Tensor]:
    """A block's queries [K, n, G, S, d], and its keys and values [K, n, 1, S, d]."""
    keys = k.shape[1]
    return _gathered(q, block, keys), _gathered(k, block, keys), _gathered(v, block, keys)


def _gathered(side: Tensor, block: Block, keys: int, *, zero: bool = False) -> Tensor:
    """The tokens of a block from the flat row: [T, H, d] to [K, n, G, S, d]; ``zero``: padding is 0."""
    part = side[block.index]
    if zero and not block.full:
        part = part * block.real[..., None, None]
    count, size, heads, width = part.shape
    return part.view(count, size, keys, heads // keys, width).permute(2, 0, 3, 1, 4).contiguous()


def _width(part: Tensor) -> tuple[int, int]:
    """Heads and width of [K, n, G, S, d]."""
    return part.shape[0] * part.shape[2], part.shape[4]


def _put(flat: Tensor, part: Tensor, block: Block) -> None:
    """The reverse of ``_gathered``: tokens of a block into their places of the flat row [T, H, d]."""
    count, size = block.index.shape
    rows = part.permute(1, 3, 0, 2, 4).reshape(count, size, *_width(part))
    if block.full:
        flat[block.index.flatten()] = rows.flatten(0, 1)
    else:
        flat[block.index[block.real]] = rows[block.real]


def _block_forward(
    q: Tensor, k: Tensor, v: Tensor, ahead: Pair | None, scale: float
) -> tuple[Tensor, Tensor]:
    """Attention of a block [K, n, G, S, d] and its log-sum-exps [K, n, G, S]."""
    size = q.shape[3]
    out = torch.empty(*q.shape[:4], v.shape[-1], dtype=q.dtype, device=q.device)
    lse = torch.empty(q.shape[:4], device=q.device)
    for at, seen in _steps(size):
        part = slice(at, seen)
        own = k[..., :seen, :].squeeze(2), v[..., :seen, :].squeeze(2)
        found = _rows_forward(q[..., part, :], own, ahead, _hidden(at, q.shape[2], seen, q.device), scale)
        out[..., part, :], lse[..., part] = found
    return out, lse


def _rows_forward(
    q: Tensor, own: Pair, ahead: Pair | None, hidden: Tensor, scale: float
) -> tuple[Tensor, Tensor]:
    """Rows [K, n, G, R, d] that meet their segments' keys and values [K, n, N, d] and the prefix's pair."""
    shape = q.shape[:4]
    rows = q.reshape(*shape[:2], -1, q.shape[-1])  # [K, n, G R, d]
    flat = rows.flatten(1, 2)  # [K, n G R, d]
    top = (rows @ own[0].transpose(-1, -2)).masked_fill_(hidden, float("-inf")).amax(-1)
    if ahead is not None:
        top = torch.maximum(top, (flat @ ahead[0].transpose(-1, -2)).amax(-1).view_as(top))
    top = top.float().mul_(scale)
    p = _less(rows, own[0], top, scale).exp_().masked_fill_(hidden, 0)
    total = p.sum(-1, dtype=torch.float32)
    out = p @ own[1]
    if ahead is not None:
        p = _less(flat, ahead[0], top.flatten(1), scale).exp_()
        total += p.sum(-1, dtype=torch.float32).view_as(total)
        out += (p @ ahead[1]).view_as(out)
    out = out * total.reciprocal().to(out.dtype)[..., None]
    return out.view(*shape, -1), top.add_(total.log()).view(shape)


def _block_backward(
    sides: list[Tensor], do: Tensor, ahead: Pair | None, sums: Any, scale: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of a block's queries, keys and values; those of the prefix are added to ``sums``."""
    q, k, v, out, lse = sides
    d = (do.float() * out).sum(-1)
    dq = torch.empty_like(q)
    dk, dv = (torch.zeros(side.shape, device=side.device) for side in (k, v))
    for at, seen in _steps(q.shape[3]):
        part = slice(at, seen)
        mine = [side[..., part, :] for side in (q, do)] + [side[..., part] for side in (lse, d)]
        rows = [side.reshape(*side.shape[:2], -1, *side.shape[4:]) for side in mine]
        own = k[..., :seen, :].squeeze(2), v[..., :seen, :].squeeze(2)
        found = _gradients(rows, own, scale, _hidden(at, q.shape[2], seen, q.device))
        if ahead is not None:
            more = _gradients([side.flatten(1, 2) for side in rows], ahead, scale)
            found = found[0].add_(more[0].view_as(found[0])), *found[1:]
            sums[0].add_(more[1])
            sums[1].add_(more[2])
        dq[..., part, :] = found[0].view_as(mine[0])
        dk[..., :seen, :] += found[1].unsqueeze(2)
        dv[..., :seen, :] += found[2].unsqueeze(2)
    return dq, dk.to(k.dtype), dv.to(v.dtype)


def _gradients(
    rows: list[Tensor], pair: Pair, scale: float, hidden: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of queries [.., R, d], keys and values [.., N, d] that meet in one matrix of scores."""
    q, do, lse, d = rows
    k, v = pair
    p = _less(q, k, lse, scale).exp_()
    if hidden is not None:
        p.masked_fill_(hidden, 0)
    dv = p.transpose(-1, -2) @ do
    ds = _less(do, v, d, 1.0).mul_(p)
    return (ds @ k).mul_(scale), (ds.transpose(-1, -2) @ q).mul_(scale), dv


def _steps(size: int) -> list[tuple[int, int]]:
    """Parts of a segment's rows, each with the number of keys that it can see."""
    rows = size if size <= LONG else ROWS
    return [(at, min(at + rows, size)) for at in range(0, size, rows)]


def _hidden(at: int, group: int, seen: int, device: torch.device) -> Tensor:
    """Which of the first ``seen`` keys lie after the rows of a part from ``at``: [G (seen - at), seen]."""
    rows = torch.arange(at, seen, device=device)[:, None]
    return (torch.arange(seen, device=device)[None] > rows).repeat(group, 1)


def _less(rows: Tensor, keys: Tensor, less: Tensor, scale: float) -> Tensor:
    """scale · rows keysᵀ - less, each row its own: [.., R, N]."""
    if rows.dtype == torch.float32:
        return (rows @ keys.transpose(-1, -2)).mul_(scale).sub_(less[..., None])
    high = less.to(rows.dtype)
    more = torch.stack([high, (less - high).to(rows.dtype)], dim=-1)
    scaled = rows if scale == 1.0 else rows * scale
    wide, ones = torch.cat([scaled, more], dim=-1), keys.new_full((*keys.shape[:-1], 2), -1.0)
    return wide @ torch.cat([keys, ones], dim=-1).transpose(-1, -2)
