"""The plain step: padded rows through a model as it comes, for models that the flat step does not fit.

Recurrent layers carry state from one segment into the next, and some attentions ask for more than ours knows.
Such models read every row whole, batch by batch of like length, with a mask over the padding. Same losses,
same gradients; slower.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from whet.train.losses import head_of, summed_loss
from whet.train.sharing import Row
from whet.train.step import DEFAULT, Settings, Stepped, learned_places, trunk


def gradients(
    model: Any, rows: Sequence[Row], settings: Settings = DEFAULT, *, weight: float | None = None
) -> Stepped:
    """As ``step.gradients``."""
    total = sum(sum(row.weights[1:]) for row in rows) if weight is None else weight
    loss, read = 0.0, 0
    for part in _batches(rows, settings.pass_tokens):
        own = _forward(model, part) / total
        own.backward()  # type: ignore[no-untyped-call]
        loss += float(own.detach())
        read += len(part) * max(len(row.ids) for row in part)
    learned = sum(sum(w != 0 for w in row.weights[1:]) for row in rows)
    return Stepped(loss, total, learned, read, sum(len(row.ids) for row in rows))


def losses(model: Any, rows: Sequence[Row], settings: Settings = DEFAULT) -> float:
    """As ``step.losses``."""
    with torch.no_grad():
        total = sum(float(_forward(model, part)) for part in _batches(rows, settings.pass_tokens))
    return total / sum(sum(row.weights[1:]) for row in rows)


def _batches(rows: Sequence[Row], most: int) -> Iterator[list[Row]]:
    """Rows of like length, ``most`` tokens with their padding, or one row."""
    part = list[Row]()
    for row in sorted(rows, key=lambda row: len(row.ids)):
        if part and len(row.ids) * (len(part) + 1) > most:
            yield part
            part = []
        part.append(row)
    if part:
        yield part


def _forward(model: Any, rows: Sequence[Row]) -> Tensor:
    """Summed loss of one batch."""
    head = head_of(model)
    device = head.weight.device
    longest = max(len(row.ids) for row in rows)
    ids = torch.zeros(len(rows), longest, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for place, row in enumerate(rows):
        ids[place, : len(row.ids)] = torch.tensor(row.ids)
        mask[place, : len(row.ids)] = 1
    states = trunk(model)(input_ids=ids.to(device), attention_mask=mask.to(device), use_cache=False)
    places, targets, weights = learned_places(rows, 0, width=longest)
    hidden = states.last_hidden_state.flatten(0, 1)[torch.tensor(places, device=device)]
    wanted, counted = torch.tensor(targets, device=device), torch.tensor(weights, device=device)
    return summed_loss(hidden, wanted, counted, head)
