"""The gradient of one optimizer step: every prefix read once, every row once, only learned positions judged.

    groups of rows -> [prefix pass] -> passes over the rows' own parts -> [one pass back through the prefix]
                   -> [prefix and own parts in one pass, where both fit]

Exact: in fp32 the gradients equal those of one row at a time (``tests/test_exactness.py``). The loss is the
sum over all learned tokens of the step over their summed weights, however the rows fall into passes.
Gradients are left in ``.grad``, added to what is there. Knows no optimizer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from whet.models.positions import turned_beyond
from whet.train.attention import attending
from whet.train.last import trimmed
from whet.train.losses import head_of, summed_loss
from whet.train.plans import Plan, Prefix, picking, plan
from whet.train.sharing import LEAST_SAVED, Group, Row, groups, unshared

PASS_TOKENS = 4096
FEW = 2
"""Where no more than one token in as many is learned, the last layer makes those alone."""
MET = 1 << 21
"""Scores of one head there, at most: all of them are kept for the way back."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a step is put together; each part can be switched off, to measure it."""

    share: bool = True
    """Read common prefixes once."""
    least_saved: int = LEAST_SAVED
    together: bool = True
    """Read a prefix in the pass of its rows, where one pass holds them all."""
    pass_tokens: int = PASS_TOKENS
    """Tokens of rows in one pass, at most; a longer row passes alone."""
    pack: bool = True
    """Lay frozen weights out once for a CPU's products."""
    last: bool = True
    """Ask the last layer for the states at learned places only."""
    widths: int = 64
    """Segments side by side in one block of attention, at most."""


DEFAULT = Settings()


@dataclass(frozen=True, slots=True)
class Stepped:
    """What one step did."""

    loss: float
    """Mean over the learned tokens, by weight."""
    weight: float
    """Summed weights of the learned tokens."""
    learned: int
    """Learned tokens."""
    read: int
    """Tokens that the model read."""
    given: int
    """Tokens of the rows as they came: what would have been read without sharing."""


def gradients(
    model: Any, rows: Sequence[Row], settings: Settings = DEFAULT, *, weight: float | None = None
) -> Stepped:
    """Add the gradients of the mean loss of ``rows`` to those of the model.

    Args:
        model: a causal model whose attention is ``attention.NAME``, PEFT's wrapping or not.
        weight: what the summed loss is divided by; None: the summed weights of these rows.
    """
    total = sum(sum(row.weights[1:]) for row in rows) if weight is None else weight
    loss, read = 0.0, 0
    for group in grouped(model, rows, settings):
        own, tokens = _group(model, [rows[index] for index in group.rows], group.prefix, total, settings)
        loss, read = loss + own, read + tokens
    learned = sum(sum(w != 0 for w in row.weights[1:]) for row in rows)
    return Stepped(loss, total, learned, read, sum(len(row.ids) for row in rows))


def _group(
    model: Any, rows: Sequence[Row], length: int, total: float, settings: Settings
) -> tuple[float, int]:
    """Loss over ``total``, and tokens read, of rows that share their first ``length`` tokens."""
    own = sum(len(row.ids) - length for row in rows)
    if length and settings.together and length + own <= settings.pass_tokens:
        return _pass(model, rows, None, total, settings, inside=length), length + own
    kept = read_prefix(model, rows[0].ids[:length]) if length else None
    cut = kept.leaves() if kept else None
    loss, read = 0.0, length
    for part in passes(rows, length, settings.pass_tokens):
        loss += _pass(model, part, cut, total, settings)
        read += sum(len(row.ids) - length for row in part)
    if kept is not None and cut is not None:
        kept.backward(cut)
    return loss, read


def passes(rows: Sequence[Row], length: int, most: int) -> Iterator[list[Row]]:
    """Rows in the order of their length, as many at once as ``most`` tokens allow."""
    part, held = list[Row](), 0
    for row in sorted(rows, key=lambda row: len(row.ids)):
        own = len(row.ids) - length
        if part and held + own > most:
            yield part
            part, held = [], 0
        part.append(row)
        held += own
    if part:
        yield part


def read_prefix(model: Any, ids: Sequence[int]) -> Prefix:
    """Keys and values of a pass over a shared beginning."""
    record = Prefix(len(ids))
    device = model.get_input_embeddings().weight.device
    laid = plan([len(ids)], record=record, widths=1, device=device)
    if trimmed(trunk(model)):
        laid = picking(laid, torch.zeros(1, dtype=torch.long, device=device))  # its states are not looked at
    hidden_states(model, [ids], laid)
    return record


def _pass(
    model: Any, rows: Sequence[Row], cut: Prefix | None, total: float, settings: Settings, inside: int = 0
) -> float:
    """One pass forward and back over the rows' own parts, and over a prefix of ``inside`` tokens."""
    loss = _forward(model, rows, cut, settings, inside) / total
    loss.backward()  # type: ignore[no-untyped-call]
    return float(loss.detach())


def _forward(
    model: Any, rows: Sequence[Row], prefix: Prefix | None, settings: Settings, inside: int = 0
) -> Tensor:
    """Summed loss of the rows' own parts; the ``inside`` first tokens of all of them are read with them."""
    before = prefix.length if prefix else inside
    head = head_of(model)
    device = head.weight.device
    own = [row.ids[before:] for row in rows]
    lengths = [len(ids) for ids in own]
    laid = plan(lengths, prefix=prefix, inside=inside, widths=settings.widths, device=device)
    places, targets, weights = learned_places(rows, before)
    read = [rows[0].ids[:inside], *own] if inside else own
    hidden = _states_at(model, read, laid, torch.tensor(places, device=device))
    wanted, counted = torch.tensor(targets, device=device), torch.tensor(weights, device=device)
    return summed_loss(hidden, wanted, counted, head)


def _states_at(model: Any, own: Sequence[Sequence[int]], laid: Plan, places: Tensor) -> Tensor:
    """Last hidden states [m, d] at places of the rows' own parts."""
    longest = laid.before + max(map(len, own))
    few = FEW * len(places) <= sum(map(len, own)) and len(places) * longest <= MET
    if few and trimmed(trunk(model)):
        return hidden_states(model, own, picking(laid, places))
    return hidden_states(model, own, laid)[places + laid.inside]


def losses(model: Any, rows: Sequence[Row], settings: Settings = DEFAULT) -> float:
    """Mean loss over the learned tokens of ``rows``, without gradients."""
    total, weight = 0.0, 0.0
    with torch.no_grad():
        for group in grouped(model, rows, settings):
            chosen = [rows[index] for index in group.rows]
            ahead = read_prefix(model, chosen[0].ids[: group.prefix]) if group.prefix else None
            for part in passes(chosen, group.prefix, settings.pass_tokens):
                total += float(_forward(model, part, ahead, settings))
            weight += sum(sum(row.weights[1:]) for row in chosen)
    return total / weight


def grouped(model: Any, rows: Sequence[Row], settings: Settings) -> list[Group]:
    """Rows that are read together. LongRoPE turns all of a pass in one of two ways, by its longest row: so
    rows beyond the limit between them are read apart, and whole."""
    limit = turned_beyond(model.config)
    long = [index for index, row in enumerate(rows) if limit and len(row.ids) > limit]
    short = [index for index in range(len(rows)) if index not in set(long)] if long else range(len(rows))
    chosen = [rows[index] for index in short]
    found = groups(chosen, least=settings.least_saved) if settings.share else unshared(chosen)
    near = [Group(tuple(short[index] for index in group.rows), group.prefix) for group in found]
    return [*near, Group(tuple(long), 0)] if long else near


def learned_places(
    rows: Sequence[Row], before: int, *, width: int | None = None
) -> tuple[list[int], list[int], list[float]]:
    """Of each learned token: the place in the flat row of the state that predicts it, itself, its weight.

    Args:
        before: tokens of the prefix, which are not among the states.
        width: states of each row; None: as many as it has tokens of its own.
    """
    places, targets, weights = list[int](), list[int](), list[float]()
    start = -before
    for row in rows:
        for place in range(before + 1, len(row.ids)):
            if row.weights[place]:
                places.append(start + place - 1)
                targets.append(row.tokens[place])
                weights.append(row.weights[place])
        start += len(row.ids) - before if width is None else width
    return places, targets, weights


def hidden_states(model: Any, own: Sequence[Sequence[int]], plan: Plan) -> Tensor:
    """Last hidden states [T, d] of segments laid end to end, a prefix that is read with them before them."""
    device = model.get_input_embeddings().weight.device
    ids = torch.tensor([token for part in own for token in part], device=device)
    places = torch.cat([torch.arange(len(part), device=device) for part in own])
    places[plan.inside :] += plan.before
    with attending(plan):
        out = trunk(model)(input_ids=ids[None], position_ids=places[None], use_cache=False)
    states: Tensor = out.last_hidden_state[0]
    return states


def trunk(model: Any) -> Any:
    """The model without its head."""
    inner = model.get_base_model() if hasattr(model, "peft_config") else model
    return getattr(inner, inner.base_model_prefix)
