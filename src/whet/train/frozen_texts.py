"""The kept states of an encoder's frozen layers: every window is read once, then given by its places.

Knows no labels. See ``frozen.py``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch

from whet.models.batches import length_batches
from whet.models.encoder import BATCH_TOKENS, Windows, collate
from whet.train.frozen import UNFIT, Layers, States, blank
from whet.train.probe import allowed

PROBED = 4
"""Windows that are read both ways, to see that it makes no difference."""


@dataclass(frozen=True)
class KeptWindows:
    """Windows whose ids are places in ``states``."""

    states: States
    windows: Windows


def tried(model: Any, layers: Layers, windows: Windows, pad_id: int) -> tuple[KeptWindows | None, str]:
    """The kept windows, or why there are none: asked of the model, on the first windows."""
    try:
        kept = kept_windows(model, layers, windows, pad_id)
        with kept.states.instead(), torch.no_grad():
            found = _hidden(model, kept.windows, 0)
    except UNFIT as error:
        return None, f"{type(error).__name__}: {error}"
    with torch.no_grad():
        wanted = _hidden(model, windows, pad_id)
    off = float((found - wanted).norm() / wanted.norm())
    return (None, f"its states differ by {off:.1%}") if off > allowed(model) else (kept, "")


def _hidden(model: Any, windows: Windows, pad_id: int) -> torch.Tensor:
    """States of the tokens of some windows, padding left out."""
    batch = collate(windows, list(range(min(PROBED, len(windows.ids)))), pad_id)
    hidden = model(input_ids=batch.ids, attention_mask=batch.mask).last_hidden_state.float()
    return hidden if batch.mask is None else hidden[batch.mask.bool()]  # type: ignore[no-any-return]


def kept_windows(model: Any, layers: Layers, windows: Windows, pad_id: int) -> KeptWindows:
    """States of all tokens of the windows, and the windows with places for tokens."""
    starts, end = list[int](), 0
    for window in windows.ids:
        starts.append(end)
        end += len(window)
    states = blank(model, layers, end, None)
    for rows in length_batches(windows.lengths(), BATCH_TOKENS):
        batch = collate(windows, rows, pad_id)
        with states.reading() as arrived:
            model(input_ids=batch.ids, attention_mask=batch.mask)
        for row, hidden in zip(rows, arrived[0], strict=True):
            length = len(windows.ids[row])
            states.table[starts[row] : starts[row] + length] = hidden[:length]
    ids = [list(range(start, start + len(window))) for start, window in zip(starts, windows.ids, strict=True)]
    return KeptWindows(states, replace(windows, ids=ids))
