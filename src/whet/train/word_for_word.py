"""What dev says of a causal model: the loss, and how many rows it would write word for word.

Greedy decoding writes an answer exactly if each of its tokens is the likeliest after those before it. So the
pass that gives the loss tells it too, and nothing has to be written. Knows no task.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from whet.train.course import Look
from whet.train.losses import CHUNK, Head, head_of
from whet.train.plans import Prefix, plan
from whet.train.sharing import Row, groups, unshared
from whet.train.step import Settings, hidden_states, learned_places, passes, read_prefix


def judged(model: Any, rows: Sequence[Row], settings: Settings) -> Look:
    """Mean loss over the learned tokens of ``rows``, and the share of rows that are written word for word."""
    loss, weight, exact = 0.0, 0.0, 0
    shared = groups(rows, least=settings.least_saved) if settings.share else unshared(rows)
    with torch.no_grad():
        for group in shared:
            chosen = [rows[index] for index in group.rows]
            ahead = read_prefix(model, chosen[0].ids[: group.prefix]) if group.prefix else None
            for part in passes(chosen, group.prefix, settings.pass_tokens):
                own, right = _pass(model, part, ahead, settings)
                loss, exact = loss + own, exact + right
            weight += sum(sum(row.weights[1:]) for row in chosen)
    return Look(loss / weight, exact / len(rows))


def _pass(model: Any, rows: Sequence[Row], prefix: Prefix | None, settings: Settings) -> tuple[float, int]:
    """Summed loss, and rows that are written word for word."""
    before, head = prefix.length if prefix else 0, head_of(model)
    device = head.weight.device
    own = [row.ids[before:] for row in rows]
    laid = plan([len(ids) for ids in own], prefix=prefix, widths=settings.widths, device=device)
    places, targets, weights = learned_places(rows, before)
    hidden = hidden_states(model, own, laid)[torch.tensor(places, device=device)]
    losses, likeliest = _compared(hidden, torch.tensor(targets, device=device), head)
    counts = [sum(weight != 0 for weight in row.weights[1:]) for row in rows]
    right = sum(bool(part.all()) for part in torch.split(likeliest, counts))
    return float((losses * torch.tensor(weights, device=device)).sum()), right


def _compared(hidden: Tensor, targets: Tensor, head: Head) -> tuple[Tensor, Tensor]:
    """Of each position [m]: -log p(target), and whether the target is the likeliest token."""
    losses, likeliest = [], []
    size = max(1, CHUNK // head.weight.shape[0])
    for part, wanted in zip(torch.split(hidden, size), torch.split(targets, size), strict=True):
        logits = head.logits(part).float()
        losses.append(torch.nn.functional.cross_entropy(logits, wanted, reduction="none"))
        likeliest.append(logits.argmax(dim=1) == wanted)
    return torch.cat(losses), torch.cat(likeliest)
