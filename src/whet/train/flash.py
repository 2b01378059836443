"""The fast form of attention: plain matrix products, block by block, with a backward written by hand.

    P = exp(q Kᵀ - m)     l = Σ P     O = P V / l
    G = dO / l     dV = Pᵀ G     dS = P (G Vᵀ - D)     dQ = dS K     dK = dSᵀ Q     D = Σ G O

P is made anew on the way back (Dao and others, arXiv 2205.14135). torch's own flash backward took a quarter
of a training step on a CPU, which is what this replaces. Where no score can be large m is 0, and nothing is
subtracted. Other subtractions happen inside the products, in fp32: what is subtracted rides along as two more
columns of the rows, split in two halves, against two columns of -1 beside the keys, so that in 16 bits what
is rounded is the small difference and not the large terms. Queries are scaled as they are gathered. Knows no
windows, soft caps or dropout. The letters of the shapes are those of ``plans``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from whet.train.plans import Asked, Block, Plan, Shared

LONG, ROWS = 512, 256
"""Segments longer than the one are met by as many of their rows as the other at once: those see no further
than themselves, and what lies after them need not be multiplied."""
EVEN = 16
"""Scores are halved down to as many columns while the largest is looked for."""
SMALL = 40.0
"""Where no score can be further from zero, by its row's and its keys' lengths, nothing is subtracted: P lies
in e^-40 to e^40, where 16 bits are as fine as anywhere."""

Pair = tuple[Tensor, Tensor]
"""Keys and values [.., N, d]."""


class Met(NamedTuple):
    """What rows saw on the way forward, kept for the way back."""

    out: Tensor
    """O [K, n, G, S, d]."""
    over: Tensor
    """1 / l, fp32 [K, n, G, S]."""
    most: Tensor | None
    """m, fp32 [K, n, G, S]; None: 0."""


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
        kept: list[Tensor | None] = list(ahead or ())
        for block in plan.blocks:
            sides = _sides(q, k, v, block, scale)
            met = _block_forward(*sides, ahead)
            _put(out, met.out, block)
            kept += [*sides, *met]
        ctx.save_for_backward(*kept)
        ctx.plan, ctx.scale, ctx.tokens, ctx.ahead = plan, scale, q.shape[0], ahead is not None
        return out.unsqueeze(0)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        kept = list(ctx.saved_tensors)
        ahead = (kept.pop(0), kept.pop(0)) if ctx.ahead else None
        sums = [torch.zeros(side.shape, device=side.device) for side in ahead or ()]
        found: list[Tensor] = []
        for block in ctx.plan.blocks:
            sides, met, kept = kept[:3], Met(*kept[3:6]), kept[6:]
            do = _gathered(grads[0][0], block, sides[1].shape[0], zero=True, room=2)
            parts = _block_backward(sides, met, do, ahead, sums, ctx.scale)
            found = found or [
                torch.empty(ctx.tokens, *_width(part), dtype=do.dtype, device=do.device) for part in parts
            ]
            for side, part in zip(found, parts, strict=True):
                _put(side, part, block)
        flat = [side.transpose(0, 1).unsqueeze(0) for side in found]
        ended = [s.to(grads[0].dtype)[None] for s in sums] if ahead else [None, None]
        return *flat, *ended, None, None


def _sides(q: Tensor, k: Tensor, v: Tensor, block: Block, scale: float) -> tuple[Tensor, Tensor, Tensor]:
    """A block's queries [K, n, G, S, d], scaled, and its keys and values [K, n, 1, S, d]."""
    keys = k.shape[1]
    rows = _gathered(q, block, keys)
    if scale != 1.0:
        rows.mul_(scale)
    return rows, _gathered(k, block, keys), _gathered(v, block, keys)


def _gathered(side: Tensor, block: Block, keys: int, *, zero: bool = False, room: int = 0) -> Tensor:
    """The tokens of a block from the flat row: [T, H, d] to [K, n, G, S, d + room], the last columns unset;
    ``zero``: padding is 0."""
    part = side[block.index]
    if zero and not block.full:
        part = part * block.real[..., None, None]
    count, size, heads, width = part.shape
    made = part.new_empty(keys, count, heads // keys, size, width + room)
    made[..., :width].copy_(part.view(count, size, keys, heads // keys, width).permute(2, 0, 3, 1, 4))
    return made


def _narrow(wide: Tensor) -> Tensor:
    """Without the last two columns."""
    return wide[..., :-2]


def _with_ones(side: Tensor) -> Tensor:
    """Two more columns of -1: what rides in those of the rows is subtracted."""
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


def _block_forward(q: Tensor, k: Tensor, v: Tensor, ahead: Pair | None) -> Met:
    """Attention of a block."""
    most = _most(q, k, ahead)
    found = [
        _rows_forward(*_part(at, seen, q, k, v, most), ahead, _hidden(at, q.shape[2], seen, q.device))
        for at, seen in _steps(q.shape[3])
    ]
    out, over = (torch.cat(parts, dim=3) for parts in zip(*found, strict=True))
    return Met(out, over, most)


def _part(
    at: int, seen: int, q: Tensor, k: Tensor, v: Tensor, most: Tensor | None
) -> tuple[Tensor, Pair, Tensor | None]:
    """Rows of a block from ``at`` [K, n, G, R, d], the keys and values they can see, and their m."""
    own = k[..., :seen, :].squeeze(2), v[..., :seen, :].squeeze(2)
    return q[..., at:seen, :], own, None if most is None else most[..., at:seen]


def _rows_forward(
    q: Tensor, own: Pair, most: Tensor | None, ahead: Pair | None, hidden: Tensor
) -> tuple[Tensor, Tensor]:
    """O and 1 / l of rows [K, n, G, R, d] that meet their segments' pair [K, n, N, d] and the prefix's."""
    p, before = _powers(q, own[0], most, ahead, hidden)
    total = p.sum(-1).float()  # torch adds 16 bits up in fp32, and asked for fp32 it copies all of P first
    out = p @ own[1]
    if ahead is not None and before is not None:
        total += before.sum(-1).float().view_as(total)
        out += (before @ ahead[1]).view_as(out)
    over = total.reciprocal_()
    out *= over.to(out.dtype)[..., None]
    return out.view(q.shape), over.view(q.shape[:4])


def _powers(
    q: Tensor, keys: Tensor, most: Tensor | None, ahead: Pair | None, hidden: Tensor
) -> tuple[Tensor, Tensor | None]:
    """P of rows [K, n, G, R, d] over their segments' keys [K, n, G R, N] and the prefix's [K, n G R, P]."""
    rows, before = q.flatten(2, 3), None if ahead is None else ahead[0]
    if most is not None:
        rows = torch.nn.functional.pad(rows, (0, 2))
        _ride(rows, most.flatten(2, 3))
        keys, before = _with_ones(keys), None if before is None else _with_ones(before)
    p = (rows @ keys.transpose(-1, -2)).exp_().masked_fill_(hidden, 0)
    return p, None if before is None else (rows.flatten(1, 2) @ before.transpose(-1, -2)).exp_()


def _most(q: Tensor, k: Tensor, ahead: Pair | None) -> Tensor | None:
    """The largest score of each row [K, n, G, S]; None where all are small, by Cauchy and Schwarz."""
    most = _length(k).amax(-1, keepdim=True)  # [K, n, 1, 1]
    if ahead is not None:
        most = torch.maximum(most, _length(ahead[0]).amax(-1)[:, None, None, None])
    if float((_length(q) * most).max()) <= SMALL:
        return None
    found = [
        _largest(*_part(at, seen, q, k, k, None)[:2], ahead, _hidden(at, q.shape[2], seen, q.device))
        for at, seen in _steps(q.shape[3])
    ]
    return torch.cat(found, dim=3)


def _length(side: Tensor) -> Tensor:
    """Euclidean, in fp32."""
    length: Tensor = torch.linalg.vector_norm(side, dim=-1, dtype=torch.float32)
    return length


def _largest(q: Tensor, own: Pair, ahead: Pair | None, hidden: Tensor) -> Tensor:
    """The largest score of each row [K, n, G, R]."""
    rows = q.flatten(2, 3)
    top = _top((rows @ own[0].transpose(-1, -2)).masked_fill_(hidden, float("-inf")))
    if ahead is not None:
        before = rows.flatten(1, 2) @ ahead[0].transpose(-1, -2)
        top = torch.maximum(top, _top(before).view_as(top))
    return top.float().view(q.shape[:4])


def _top(scores: Tensor) -> Tensor:
    """The largest of each row. Halves are laid over each other while they are wide: torch looks along rows of
    16 bits several times slower than it compares two of them."""
    while scores.shape[-1] > EVEN:
        half = (scores.shape[-1] + 1) // 2
        scores = torch.maximum(scores[..., :half], scores[..., -half:])
    return scores.amax(-1)


def _block_backward(
    sides: list[Tensor], met: Met, do: Tensor, ahead: Pair | None, sums: list[Tensor], scale: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of a block's queries, keys and values; those of the prefix are added to ``sums``."""
    q, k, v = sides
    _narrow(do).mul_(met.over[..., None])
    _ride(do, (_narrow(do).float() * met.out).sum(-1))
    dq = torch.empty_like(q)
    dk, dv = (torch.zeros(side.shape, device=side.device) for side in (k, v))
    for at, seen in _steps(q.shape[3]):
        rows, own, most = _part(at, seen, q, k, v, met.most)
        p, before = _powers(rows, own[0], most, ahead, _hidden(at, q.shape[2], seen, q.device))
        mine, g = (side.flatten(2, 3) for side in (rows, do[..., at:seen, :]))
        found = _gradients(p, mine, g, own)
        if ahead is not None and before is not None:
            more = _gradients(before, mine.flatten(1, 2), g.flatten(1, 2), ahead)
            found = found[0].add_(more[0].view_as(found[0])), *found[1:]
            for total, gradient in zip(sums, more[1:], strict=True):
                total += gradient
        dq[..., at:seen, :] = found[0].mul_(scale).view_as(rows)
        dk[..., :seen, :] += found[1].unsqueeze(2)
        dv[..., :seen, :] += found[2].unsqueeze(2)
    return dq, dk.to(k.dtype), dv.to(v.dtype)


def _gradients(p: Tensor, q: Tensor, g: Tensor, pair: Pair) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of scaled queries [.., R, d], and of keys and values [.., N, d], that meet in one matrix P
    [.., R, N]; g [.., R, d + 2] is what comes back over l, with D in its last columns."""
    k, v = pair
    dv = p.transpose(-1, -2) @ _narrow(g)
    ds = (g @ _with_ones(v).transpose(-1, -2)).mul_(p)
    return ds @ k, ds.transpose(-1, -2) @ q, dv


def _steps(size: int) -> list[tuple[int, int]]:
    """Parts of a segment's rows, each with the number of keys that it can see."""
    rows = size if size <= LONG else ROWS
    return [(at, min(at + rows, size)) for at in range(0, size, rows)]


def _hidden(at: int, group: int, seen: int, device: torch.device) -> Tensor:
    """Which of the first ``seen`` keys lie after the rows of a part from ``at``: [G (seen - at), seen]."""
    rows = torch.arange(at, seen, device=device)[:, None]
    return (torch.arange(seen, device=device)[None] > rows).repeat(group, 1)
