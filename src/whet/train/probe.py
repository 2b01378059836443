"""Does the flat step fit this model? Asked of the model itself, on a few short rows, before any training.

A layer that keeps state, an attention that does not come through the registry, a head with a transform that
``losses`` does not know: none can be told from a name. So the same random rows are read flat and one by one;
where the states disagree, or the flat reading fails, the padded step is used, and it is said.
"""

from __future__ import annotations

import contextlib
import random
from typing import Any

import torch
from torch import Tensor

from whet.train import last
from whet.train.attention import NAME, register
from whet.train.losses import head_of
from whet.train.plans import picking, plan
from whet.train.step import hidden_states, read_prefix, trunk

ROWS, PREFIX, OWN = 3, 12, 9
ALLOWED = {torch.float32: 1e-4}
ALLOWED_HALF = 0.05
"""Relative difference of states, in fp32 and in 16 bits; a leak between rows makes tenths."""


def fitted(model: Any) -> str:
    """Set the model's attention to ours; why not, where it does not fit, and its own stands. '' is yes."""
    before = model.config._attn_implementation
    register()
    prefix, own = _tokens(int(model.config.get_text_config().vocab_size))
    with torch.no_grad():
        wanted = torch.cat([_alone(model, [*prefix, *part])[PREFIX:] for part in own])
        reason = _set(model) or _differs(model, prefix, own, wanted)
    if reason:
        model.set_attn_implementation(before)
    return reason


def head_fits(model: Any) -> bool:
    """Whether the logits that ``losses`` makes are those of the model."""
    ids = torch.tensor([_tokens(int(model.config.get_text_config().vocab_size))[0]], device=_device(model))
    with torch.no_grad():
        wanted = model(input_ids=ids, use_cache=False).logits[0]
        found = head_of(model).logits(trunk(model)(input_ids=ids, use_cache=False).last_hidden_state[0])
    return _apart(found, wanted) <= allowed(model)


def _tokens(vocabulary: int) -> tuple[list[int], list[list[int]]]:
    rng = random.Random(0)
    return [rng.randrange(vocabulary) for _ in range(PREFIX)], [
        [rng.randrange(vocabulary) for _ in range(OWN - place)] for place in range(ROWS)
    ]


def _alone(model: Any, ids: list[int]) -> Tensor:
    """Last hidden states of one row [tokens, d], as the model comes."""
    out = trunk(model)(input_ids=torch.tensor([ids], device=_device(model)), use_cache=False)
    states: Tensor = out.last_hidden_state[0]
    return states


def _set(model: Any) -> str:
    with contextlib.suppress(ValueError):
        model.set_attn_implementation(NAME)
    return "" if model.config._attn_implementation == NAME else "its attention cannot be replaced"


def _differs(model: Any, prefix: list[int], own: list[list[int]], wanted: Tensor) -> str:
    """How the states of rows laid end to end behind a shared prefix differ from those of each alone."""
    try:
        ahead = read_prefix(model, prefix)
        laid = plan([len(part) for part in own], prefix=ahead, device=_device(model))
        found = hidden_states(model, own, laid)
    except (NotImplementedError, RuntimeError, TypeError, AttributeError, KeyError, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    apart = _apart(found, wanted)
    return (
        "" if apart <= allowed(model) else f"rows read together differ from rows read alone, by {apart:.1%}"
    )


def trimmed(model: Any) -> bool:
    """Let the last layer make picked states only, where that gives the same."""
    if not last.trim(trunk(model)):
        return False
    prefix, own = _tokens(int(model.config.get_text_config().vocab_size))
    lengths, places = [len(part) for part in own], torch.tensor([2, OWN, 2 * OWN - 2], device=_device(model))
    laid = plan(lengths, inside=PREFIX, device=_device(model))
    try:
        with torch.no_grad():
            wanted = hidden_states(model, [prefix, *own], laid)[places + PREFIX]
            found = hidden_states(model, [prefix, *own], picking(laid, places))
            fits = found.shape == wanted.shape and _apart(found, wanted) <= allowed(model)
    except (NotImplementedError, RuntimeError, TypeError, AttributeError, KeyError, ValueError):
        fits = False
    if not fits:
        last.untrim(trunk(model))
    return fits


def _apart(found: Tensor, wanted: Tensor) -> float:
    return float((found - wanted).float().norm() / wanted.float().norm())


def allowed(model: Any) -> float:
    """Relative difference that two ways of reading may make in the model's precision."""
    return ALLOWED.get(next(model.parameters()).dtype, ALLOWED_HALF)


def _device(model: Any) -> torch.device:
    device: torch.device = model.get_input_embeddings().weight.device
    return device
