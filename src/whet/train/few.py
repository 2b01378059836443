"""Attention of a few tokens of a flat row, which meet the keys and values of all of it.

    out = softmax([q Kpᵀ | q Kᵀ + causal]) [Vp ; V]        q of the picked tokens alone

What the last layer needs: its states are judged at learned places only. So few scores are differentiated by
torch. Knows windows and soft caps. The letters of the shapes are those of ``plans``; M tokens are picked,
m at most of one segment.
"""

from __future__ import annotations

import torch
from torch import Tensor

from whet.train.plans import Asked, Block, Pick, Picked, Plan, Shared


def few(
    query: Tensor, key: Tensor, value: Tensor, shared: Shared, plan: Plan, picked: Picked, asked: Asked
) -> Tensor:
    """[1, M, H, d] of query [1, H, M, d], key and value [1, K, T, d], and the prefix's two [1, K, P, d]."""
    n = plan.inside
    if n:
        shared = key[:, :, :n], value[:, :, :n]
    out = query.new_zeros(query.shape[2], query.shape[1], value.shape[-1])
    for block, pick in zip(plan.blocks, picked.blocks, strict=True):
        if pick.real.any():
            own = key[0][:, block.index + n], value[0][:, block.index + n]
            part = _block(query[0][:, pick.into], own, shared, block, pick, asked)
            out = out.index_copy(0, pick.into[pick.real], part.movedim(0, 2)[pick.real])
    return out.unsqueeze(0)


def _block(
    query: Tensor, own: tuple[Tensor, Tensor], shared: Shared, block: Block, pick: Pick, asked: Asked
) -> Tensor:
    """[H, n, m, d] of query [H, n, m, d], and keys and values [K, n, S, d]."""
    keys, (count, most) = own[0].shape[0], pick.at.shape
    rows = query.view(keys, -1, count, most, query.shape[-1]).transpose(1, 2)  # [K, n, G, m, d]
    flat = rows.flatten(2, 3)  # [K, n, G m, d]
    before = shared[0].shape[2] if shared else 0
    scores = flat @ own[0].transpose(-1, -2)
    if shared:
        ahead = flat.flatten(1, 2) @ shared[0][0].transpose(-1, -2)
        scores = torch.cat([ahead.view(*scores.shape[:3], before), scores], dim=-1)
    weights = _weights(scores.view(*rows.shape[:4], -1), _seen(block, pick, before, asked.window), asked)
    weights = weights.to(own[1].dtype).flatten(2, 3)
    made = weights[..., before:] @ own[1]
    if shared:
        made = made + (weights[..., :before].flatten(1, 2) @ shared[1][0]).view_as(made)
    return made.view(*rows.shape[:4], -1).transpose(1, 2).flatten(0, 1)


def _weights(scores: Tensor, seen: Tensor, asked: Asked) -> Tensor:
    """Softmax in fp32 of scores [K, n, G, m, P + S] that are seen [n, m, P + S]."""
    scores = scores.float() * asked.scale
    if asked.cap is not None:
        scores = asked.cap * torch.tanh(scores / asked.cap)
    return scores.masked_fill(~seen[:, None], float("-inf")).softmax(dim=-1)


def _seen(block: Block, pick: Pick, before: int, window: int | None) -> Tensor:
    """Which keys each picked token sees: those up to itself, within the window [n, m, P + S]."""
    places = pick.at[..., None] + before
    keys = torch.arange(before + block.index.shape[1], device=places.device)
    seen = keys <= places
    return seen if window is None else seen & (places - keys < window)
