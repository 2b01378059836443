"""The fast form of attention: plain matrix products, block by block, with a backward written by hand.

    P = exp(q Kᵀ - lse)     dV = Pᵀ dO     dS = P (dO Vᵀ - D)     dQ = dS K     dK = dSᵀ Q     D = Σ dO O

Only the log-sum-exps are kept for the way back, not the probabilities (Dao and others, arXiv 2205.14135).
torch's own flash backward took a quarter of a training step on a CPU, which is what this replaces. The
subtractions happen inside the products, in fp32: what is subtracted rides along as two more columns of the
rows, split in two halves, against two columns of -1 beside the keys, so that in 16 bits what is rounded is
the small difference and not the large terms. Queries are scaled as they are gathered. Knows no windows, soft
caps or dropout. The letters of the shapes are those of ``plans``; w = d + 2 is the width with both columns.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from whet.train.plans import Asked, Block, Plan, Shared

LONG, ROWS = 512, 256
"""Segments longer than the one are met by as many of their rows as the other at once: those see no further
than themselves, and what lies after them need not be multiplied."""
EVEN = 16
"""Scores are halved down to as many columns while the largest is looked for."""
SMALL = 40.0
"""No score can be further from zero, by its row's and its keys' lengths: then that bound is subtracted, and
what is exponentiated lies in e^-80 to 1, where 16 bits are as fine as anywhere."""

Pair = tuple[Tensor, Tensor]
"""Keys and values, each with its two columns: [.., N, w]."""


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
        ahead = None if pk is None or pv is None else (_with_ones(pk[0]), _with_ones(pv[0]))
        kept: list[Tensor] = list(ahead or ())
        for block in plan.blocks:
            sides = _sides(q, k, v, block, scale)
            own = _block_forward(*sides, ahead)
            _put(out, own, block)
            kept += [*sides, own]
        ctx.save_for_backward(*kept)
        ctx.plan, ctx.scale, ctx.tokens, ctx.ahead = plan, scale, q.shape[0], ahead is not None
        return out.unsqueeze(0)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        kept = list(ctx.saved_tensors)
        ahead = (kept.pop(0), kept.pop(0)) if ctx.ahead else None
        sums = [torch.zeros(_narrow(side).shape, device=side.device) for side in ahead or ()]
        found: list[Tensor] = []
        for place, block in enumerate(ctx.plan.blocks):
            sides = kept[4 * place : 4 * place + 4]
            do = _gathered(grads[0][0], block, sides[1].shape[0], zero=True)
            parts = _block_backward(sides, do, ahead, sums, ctx.scale)
            found = found or [
                torch.empty(ctx.tokens, *_width(part), dtype=do.dtype, device=do.device) for part in parts
            ]
            for side, part in zip(found, parts, strict=True):
                _put(side, part, block)
        flat = [side.transpose(0, 1).unsqueeze(0) for side in found]
        ended = [s.to(grads[0].dtype)[None] for s in sums] if ahead else [None, None]
        return *flat, *ended, None, None


def _sides(q: Tensor, k: Tensor, v: Tensor, block: Block, scale: float) -> tuple[Tensor, Tensor, Tensor]:
    """A block's queries [K, n, G, S, w], scaled and with room in their last columns, and its keys and values
    [K, n, 1, S, w] with their ones."""
    keys = k.shape[1]
    wide = _gathered(q, block, keys)
    if scale != 1.0:
        _narrow(wide).mul_(scale)
    return wide, _ones(_gathered(k, block, keys)), _ones(_gathered(v, block, keys))


def _gathered(side: Tensor, block: Block, keys: int, *, zero: bool = False) -> Tensor:
    """The tokens of a block from the flat row: [T, H, d] to [K, n, G, S, w], the last two columns unset;
    ``zero``: padding is 0."""
    part = side[block.index]
    if zero and not block.full:
        part = part * block.real[..., None, None]
    count, size, heads, width = part.shape
    wide = part.new_empty(keys, count, heads // keys, size, width + 2)
    _narrow(wide).copy_(part.view(count, size, keys, heads // keys, width).permute(2, 0, 3, 1, 4))
    return wide


def _narrow(wide: Tensor) -> Tensor:
    """Without the last two columns."""
    return wide[..., :-2]


def _ones(wide: Tensor) -> Tensor:
    """The last two columns -1: what rides in those of the rows is subtracted."""
    wide[..., -2:] = -1.0
    return wide


def _with_ones(side: Tensor) -> Tensor:
    return torch.nn.functional.pad(side, (0, 2), value=-1.0)


def _ride(rows: Tensor, less: Tensor) -> None:
    """Put what is subtracted from each row's scores into its last two columns: rounded, and the rest."""
    high = less.to(rows.dtype)
    rows[..., -2] = high
    rows[..., -1] = less - high


def _width(part: Tensor) -> tuple[int, int]:
    """Heads and width of [K, n, G, S, d]."""
    return part.shape[0] * part.shape[2], part.shape[4]


def _put(flat: Tensor, part: Tensor, block: Block) -> None:
    """Tokens of a block [K, n, G, S, d] into their places of the flat row [T, H, d]."""
    count, size = block.index.shape
    rows = part.permute(1, 3, 0, 2, 4).reshape(count, size, *_width(part))
    if block.full:
        flat[block.index.flatten()] = rows.flatten(0, 1)
    else:
        flat[block.index[block.real]] = rows[block.real]


def _block_forward(q: Tensor, k: Tensor, v: Tensor, ahead: Pair | None) -> Tensor:
    """Attention of a block [K, n, G, S, d]; the last columns of its queries then hold its log-sum-exps."""
    size = q.shape[3]
    out = torch.empty(*q.shape[:4], v.shape[-1] - 2, dtype=q.dtype, device=q.device)
    for at, seen in _steps(size):
        part = slice(at, seen)
        own = k[..., :seen, :].squeeze(2), v[..., :seen, :].squeeze(2)
        hidden = _hidden(at, q.shape[2], seen, q.device)
        out[..., part, :], lse = _rows_forward(q[..., part, :], own, ahead, hidden)
        _ride(q[..., part, :], lse)
    return out


def _rows_forward(q: Tensor, own: Pair, ahead: Pair | None, hidden: Tensor) -> tuple[Tensor, Tensor]:
    """Rows [K, n, G, R, w] that meet their segments' pair [K, n, N, w] and the prefix's: what they attend to
    [K, n, G, R, d], and their log-sum-exps [K, n, G, R]."""
    shape = q.shape[:4]
    rows = q.reshape(*shape[:2], -1, q.shape[-1])  # [K, n, G R, w]
    top = _bound(rows, own[0], ahead)
    if top is None:
        top = _largest(rows, own[0], ahead, hidden)
    _ride(rows, top)
    flat = rows.flatten(1, 2)  # [K, n G R, w]
    p = (rows @ own[0].transpose(-1, -2)).exp_().masked_fill_(hidden, 0)
    total = p.sum(-1, dtype=torch.float32)
    out = p @ _narrow(own[1])
    if ahead is not None:
        p = (flat @ ahead[0].transpose(-1, -2)).exp_()
        total += p.sum(-1, dtype=torch.float32).view_as(total)
        out += (p @ _narrow(ahead[1])).view_as(out)
    out = out * total.reciprocal().to(out.dtype)[..., None]
    return out.view(*shape, -1), total.log_().add_(top).view(shape)


def _bound(rows: Tensor, own: Tensor, ahead: Pair | None) -> Tensor | None:
    """No less than any score of each row [K, n, R], by Cauchy and Schwarz; None where it is too large to
    stand in for the largest one."""
    most = _length(own).amax(-1, keepdim=True)  # [K, n, 1]
    if ahead is not None:
        most = torch.maximum(most, _length(ahead[0]).amax(-1)[:, None, None])
    bound = _length(rows) * most
    return bound if float(bound.max()) <= SMALL else None


def _length(wide: Tensor) -> Tensor:
    """Euclidean, in fp32."""
    length: Tensor = torch.linalg.vector_norm(_narrow(wide), dim=-1, dtype=torch.float32)
    return length


def _largest(rows: Tensor, own: Tensor, ahead: Pair | None, hidden: Tensor) -> Tensor:
    """The largest score of each row [K, n, R]."""
    top = _top(_scores(rows, own).masked_fill_(hidden, float("-inf")))
    if ahead is not None:
        top = torch.maximum(top, _top(_scores(rows.flatten(1, 2), ahead[0])).view_as(top))
    return top.float()


def _scores(rows: Tensor, keys: Tensor) -> Tensor:
    """[.., R, N], nothing subtracted."""
    return _narrow(rows) @ _narrow(keys).transpose(-1, -2)


def _top(scores: Tensor) -> Tensor:
    """The largest of each row. Halves are laid over each other while they are wide: torch looks along rows of
    16 bits several times slower than it compares two of them."""
    while scores.shape[-1] > EVEN:
        half = (scores.shape[-1] + 1) // 2
        scores = torch.maximum(scores[..., :half], scores[..., -half:])
    return scores.amax(-1)


def _block_backward(
    sides: list[Tensor], do: Tensor, ahead: Pair | None, sums: list[Tensor], scale: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of a block's queries, keys and values; those of the prefix are added to ``sums``."""
    q, k, v, out = sides
    _ride(do, (_narrow(do).float() * out).sum(-1))
    dq = torch.empty_like(_narrow(q))
    dk, dv = (torch.zeros(_narrow(side).shape, device=side.device) for side in (k, v))
    for at, seen in _steps(q.shape[3]):
        part = slice(at, seen)
        mine = [side[..., part, :] for side in (q, do)]
        rows = [side.reshape(*side.shape[:2], -1, side.shape[-1]) for side in mine]
        own = k[..., :seen, :].squeeze(2), v[..., :seen, :].squeeze(2)
        found = _gradients(rows[0], rows[1], own, _hidden(at, q.shape[2], seen, q.device))
        if ahead is not None:
            more = _gradients(rows[0].flatten(1, 2), rows[1].flatten(1, 2), ahead)
            found = found[0].add_(more[0].view_as(found[0])), *found[1:]
            for total, gradient in zip(sums, more[1:], strict=True):
                total += gradient
        dq[..., part, :] = found[0].mul_(scale).view(*mine[0].shape[:4], -1)
        dk[..., :seen, :] += found[1].unsqueeze(2)
        dv[..., :seen, :] += found[2].unsqueeze(2)
    return dq, dk.to(k.dtype), dv.to(v.dtype)


def _gradients(
    q: Tensor, do: Tensor, pair: Pair, hidden: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of scaled queries [.., R, d], and of keys and values [.., N, d], that meet in one matrix."""
    k, v = pair
    p = (q @ k.transpose(-1, -2)).exp_()
    if hidden is not None:
        p.masked_fill_(hidden, 0)
    dv = p.transpose(-1, -2) @ _narrow(do)
    ds = (do @ v.transpose(-1, -2)).mul_(p)
    return ds @ _narrow(k), ds.transpose(-1, -2) @ _narrow(q), dv


def _steps(size: int) -> list[tuple[int, int]]:
    """Parts of a segment's rows, each with the number of keys that it can see."""
    rows = size if size <= LONG else ROWS
    return [(at, min(at + rows, size)) for at in range(0, size, rows)]


def _hidden(at: int, group: int, seen: int, device: torch.device) -> Tensor:
    """Which of the first ``seen`` keys lie after the rows of a part from ``at``: [G (seen - at), seen]."""
    rows = torch.arange(at, seen, device=device)[:, None]
    return (torch.arange(seen, device=device)[None] > rows).repeat(group, 1)
