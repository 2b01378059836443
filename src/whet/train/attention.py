"""Attention of many rows laid end to end, each seeing a shared prefix and itself, and nobody else.

    out = softmax([q Kpᵀ | q Kᵀ + causal]) [Vp ; V]

It reaches every layer through ``transformers``' registry of attention functions: any decoder whose layers ask
the registry can run here, and ``whet.train.probe`` tells whether one does. Two forms of the same thing:
``plain`` is differentiated by torch and knows windows and soft caps; ``flash.fast`` has its backward written
by hand, and ``varlen.varlen`` is its like on a GPU. The letters of the shapes are those of ``plans``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor

from whet.train.few import few
from whet.train.flash import fast
from whet.train.plans import Asked, Block, Plan, Shared
from whet.train.varlen import can, varlen

NAME = "whet"
KNOWN = frozenset(
    {"scaling", "dropout", "sliding_window", "softcap", "position_ids", "is_causal", "use_cache"}
)
"""What layers may tell their attention; anything else may change what it should do."""


_CURRENT: ContextVar[Plan | None] = ContextVar("plan", default=None)


class Enough(Exception):
    """Keys and values are kept, and that was all that was asked of the layer."""


def current() -> Plan | None:
    """The plan that models follow now."""
    return _CURRENT.get()


@contextlib.contextmanager
def attending(plan: Plan) -> Iterator[None]:
    """Within the block, models whose attention is ``whet`` follow the plan."""
    token = _CURRENT.set(plan)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def attention(
    module: Any, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, **told: Any
) -> tuple[Tensor, None]:
    """The attention of one layer, as ``transformers`` asks for it: query [1, H, T, d] to [1, T, H, d]."""
    laid = _CURRENT.get()
    if laid is None or query.shape[0] != 1 or mask is not None:
        raise RuntimeError("attention without a plan")
    if told.get("dropout"):
        raise NotImplementedError("the layer wants dropout on its scores")
    if strange := sorted(name for name, value in told.items() if name not in KNOWN and value is not None):
        raise NotImplementedError(f"the layer tells its attention of {', '.join(strange)}")
    layer = int(module.layer_idx)
    scale = told.get("scaling")
    asked = Asked(
        scale=query.shape[-1] ** -0.5 if scale is None else float(scale),
        window=told.get("sliding_window"),
        cap=told.get("softcap"),
    )
    if laid.meets is not None and laid.picked is not None:
        keys, values = laid.meets.keys[layer], laid.meets.values[layer]
        return few(query, keys, values, _ahead(laid, layer), laid, laid.picked, asked), None
    for kept in (laid.record, laid.meets):
        if kept is not None:
            kept.keep(layer, key, value)
    if laid.meets is not None:
        raise Enough
    if laid.ahead is not None:
        return _together(query, key, value, laid, laid.ahead, asked), None
    shared = _ahead(laid, layer)
    return _chosen(asked, laid, query, value)(query, key, value, shared, laid, asked), None


def _ahead(current: Plan, layer: int) -> Shared:
    """Keys and values of a prefix that was read before."""
    prefix = current.prefix
    return None if prefix is None else (prefix.keys[layer], prefix.values[layer])


def _together(query: Tensor, key: Tensor, value: Tensor, current: Plan, ahead: Plan, asked: Asked) -> Tensor:
    """A prefix and its rows in one flat row: [1, T, H, d]."""
    n = current.inside
    q, k, v = (side[:, :, :n] for side in (query, key, value))
    rows_q, rows_k, rows_v = (side[:, :, n:] for side in (query, key, value))
    first = _chosen(asked, ahead, q, v)(q, k, v, None, ahead, asked)
    rest = _chosen(asked, current, rows_q, rows_v)(rows_q, rows_k, rows_v, (k, v), current, asked)
    return torch.cat([first, rest], dim=1)


Form = Callable[[Tensor, Tensor, Tensor, Shared, Plan, Asked], Tensor]


def _chosen(asked: Asked, current: Plan, query: Tensor, value: Tensor) -> Form:
    """The fast form of the device at hand, where nothing asks for more than it knows."""
    longest = current.before + max(block.index.shape[1] for block in current.blocks)
    windowed = asked.window is not None and asked.window < longest
    if _PLAIN.get() or windowed or asked.cap is not None:
        return plain
    return varlen if can(query, value) else fast


_PLAIN: ContextVar[bool] = ContextVar("plain", default=False)


@contextlib.contextmanager
def only_plain() -> Iterator[None]:
    """Within the block the fast form is off, to measure it and to hold it to this one."""
    token = _PLAIN.set(True)
    try:
        yield
    finally:
        _PLAIN.reset(token)


def plain(query: Tensor, key: Tensor, value: Tensor, shared: Shared, plan: Plan, asked: Asked) -> Tensor:
    """Scores, softmax in fp32, and sums, as torch differentiates them: [1, T, H, d]."""
    out = query.new_zeros(query.shape[2], query.shape[1], value.shape[-1])
    for block in plan.blocks:
        part = _plain_block(query[0], key[0], value[0], shared, block, plan.before, asked)
        out = out.index_copy(0, block.index[block.real], part.movedim(0, 2)[block.real])
    return out.unsqueeze(0)


def _plain_block(
    query: Tensor, key: Tensor, value: Tensor, shared: Shared, block: Block, before: int, asked: Asked
) -> Tensor:
    """[H, n, S, d] for one block; query [H, T, d], key and value [K, T, d]."""
    group = query.shape[0] // key.shape[0]
    q, k, v = query[:, block.index], *(side[:, block.index] for side in (key, value))
    k, v = (side.repeat_interleave(group, dim=0) for side in (k, v))
    if shared is not None:
        count = block.index.shape[0]
        ahead = [
            side[0].repeat_interleave(group, dim=0)[:, None].expand(-1, count, -1, -1) for side in shared
        ]
        k, v = torch.cat([ahead[0], k], dim=2), torch.cat([ahead[1], v], dim=2)
    scores = (q @ k.transpose(-1, -2)).float() * asked.scale
    if asked.cap is not None:
        scores = asked.cap * torch.tanh(scores / asked.cap)
    seen = visible(block.index.shape[1], before, asked.window, query.device)
    weights = scores.masked_fill(~seen, float("-inf")).softmax(dim=-1)
    return weights.to(v.dtype) @ v


def visible(size: int, before: int, window: int | None, device: torch.device) -> Tensor:
    """Which keys [before + size] each of ``size`` tokens sees: those up to itself, within the window."""
    places = torch.arange(before, before + size, device=device)[:, None]
    keys = torch.arange(before + size, device=device)[None]
    seen = keys <= places
    return seen if window is None else seen & (places - keys < window)


def register() -> None:
    """Make ``NAME`` an attention that models of ``transformers`` can be set to."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, attention)
