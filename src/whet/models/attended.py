"""The attention of many rows that share a beginning: to it, and to what each row has read itself.

    softmax([q Kpᵀ | q Kᵀ + sight]) [Vp ; V]  =  (1 - w) softmax(q Kᵀ + sight) V  +  w softmax(q Kpᵀ) Vp
    w = sigmoid(logsumexp(q Kpᵀ) - logsumexp(q Kᵀ + sight))

All rows meet the beginning in one product (Juravsky and others, "Hydragen", arXiv 2402.05099). Rows that read
many tokens at once go through torch's fused kernel for processors, which never holds the scores; for the one
token of a row that writes, plain products are as fast. Letters as in ``passes``; H heads, G for each of K.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from whet.models.passes import Pass

FUSED = getattr(torch.ops.aten, "_scaled_dot_product_flash_attention_for_cpu", None)
FUSED_FROM = 8
"""Tokens of a row from which on the fused kernel is faster."""
Pair = tuple[Tensor, Tensor]
"""Keys and values."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a layer makes of its scores."""

    scale: float
    cap: float | None = None
    window: int | None = None

    def shaped(self, scores: Tensor) -> Tensor:
        scores = scores.float() * self.scale
        return scores if self.cap is None else self.cap * torch.tanh(scores / self.cap)


def attended(query: Tensor, own: Pair, before: Pair | None, laid: Pass, kind: Kind) -> Tensor:
    """What every token takes from those that it sees.

    Args:
        query: [H, N, d].
        own: what the rows have read, each [n, K, L, d].
        before: the beginning, each [K, P, d].

    Returns:
        [N, H, d].
    """
    (count, size), kinds = laid.index.shape, own[0].shape[1]
    group, width = query.shape[0] // kinds, query.shape[-1]
    q = query.transpose(0, 1)[laid.index].view(count, size, kinds, group, width)
    q = q.permute(0, 2, 3, 1, 4).reshape(count, kinds, group * size, width)
    how = _fused if _fits(q, own[1], size, kind, laid) else _plain
    out = how(q, own, before, laid, kind, group)
    out = out.view(count, kinds, group, size, -1).permute(0, 3, 1, 2, 4)
    return out.reshape(count, size, kinds * group, -1)[laid.real]


def _fits(q: Tensor, values: Tensor, size: int, kind: Kind, laid: Pass) -> bool:
    """Whether the fused kernel can do it, and should."""
    simple = kind.cap is None and laid.visible(kind.window)[0] is None
    return (
        FUSED is not None
        and simple
        and size >= FUSED_FROM
        and q.device.type == "cpu"
        and values.shape[-1] == q.shape[-1]
    )


def _fused(q: Tensor, own: Pair, before: Pair | None, laid: Pass, kind: Kind, group: int) -> Tensor:
    """[n, K, G S, d] of q, by the fused kernel."""
    assert FUSED is not None
    sight = laid.sight(kind.window, group, q.dtype)
    out, total = FUSED(q, *own, 0.0, False, attn_mask=sight, scale=kind.scale)
    if before is None:
        return Tensor(out)
    count, kinds, tokens, width = q.shape
    flat = q.transpose(0, 1).reshape(1, kinds, count * tokens, width)
    pair = (side[None] for side in before)
    ahead, more = (
        side.view(kinds, count, tokens, *side.shape[3:]).transpose(0, 1)
        for side in FUSED(flat, *pair, 0.0, False, scale=kind.scale)
    )
    share = torch.sigmoid(more - total)[..., None].to(out.dtype)
    return torch.lerp(out, ahead, share)


def _plain(q: Tensor, own: Pair, before: Pair | None, laid: Pass, kind: Kind, group: int) -> Tensor:
    """[n, K, G S, d] of q, product by product."""
    keys, values = own
    count, kinds, _, width = q.shape
    seen_ahead, seen = laid.visible(kind.window)
    scores = _hidden(kind.shaped(q @ keys.transpose(-1, -2)), seen, group)
    if before is None:
        return scores.softmax(-1).to(values.dtype) @ values
    length = before[0].shape[1]
    flat = q.transpose(0, 1).reshape(kinds, -1, width)  # [K, n G S, d]
    more = kind.shaped(flat @ before[0].transpose(-1, -2)).view(kinds, count, -1, length).transpose(0, 1)
    more = more if seen_ahead is None else _hidden(more, seen_ahead, group)
    weights = torch.cat([more, scores], dim=-1).softmax(-1).to(values.dtype)
    out = weights[..., length:] @ values
    shared = weights[..., :length].transpose(0, 1).reshape(kinds, -1, length) @ before[1]
    out += shared.view(kinds, count, -1, shared.shape[-1]).transpose(0, 1)
    return out


def _hidden(scores: Tensor, seen: Tensor, group: int) -> Tensor:
    """Scores [n, K, G S, keys] with what a token does not see at minus infinity; seen [n, S, keys]."""
    hidden = ~seen[:, None, None]
    return (
        scores.view(*scores.shape[:2], group, *seen.shape[1:])
        .masked_fill(hidden, float("-inf"))
        .flatten(2, 3)
    )
