"""The last layer makes only what is judged: the states at learned places.

    all states -> [last layer, up to its attention] -> keys and values of all
    picked states -> [last layer, whole, meeting those keys] -> picked states

Nothing above the last layer looks at another place, so what it would make there, and the way back through it,
is work for nothing: of thirty layers nearly one. The layer is asked twice, as it is; whether that gives the
same is asked of the model, by comparison. Knows no architecture.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from torch import Tensor

from whet.errors import InputError
from whet.train.attention import Enough, attending, current
from whet.train.frozen import layers_of
from whet.train.plans import Prefix

MARK = "makes_only_what_is_picked"


def trim(trunk: Any) -> bool:
    """Teach the last layer of a model without its head to make picked states only; False where its layers
    cannot be told."""
    try:
        layer = layers_of(trunk, 1).modules[-1]
    except InputError:
        return False
    layer.forward = partial(_forward, layer.forward)
    setattr(trunk, MARK, (layer,))  # in a tuple it is no second part of the model
    return True


def untrim(trunk: Any) -> None:
    """Undo it."""
    (layer,) = getattr(trunk, MARK)
    layer.forward = layer.forward.args[0]
    delattr(trunk, MARK)


def trimmed(trunk: Any) -> bool:
    """Whether the last layer makes only what is picked."""
    return hasattr(trunk, MARK)


def _forward(as_before: Any, states: Tensor, *more: Any, **named: Any) -> Any:
    """The layer's ``forward``; states [1, T, d], or of the picked ones [1, M, d] where some are."""
    plan = current()
    if plan is None or plan.picked is None:
        return as_before(states, *more, **named)
    met = Prefix(states.shape[1])
    try:
        with attending(replace(plan, meets=met, picked=None)):
            as_before(states, *more, **named)
    except Enough:
        pass
    count, places = states.shape[1], plan.picked.places
    few = [_at(one, places, count) for one in (states, *more)]
    with attending(replace(plan, meets=met)):
        return as_before(*few, **{name: _at(one, places, count) for name, one in named.items()})


def _at(told: Any, places: Tensor, count: int) -> Any:
    """Of what a layer is told about ``count`` tokens, what is told of some."""
    if isinstance(told, tuple | list):
        return type(told)(_at(one, places, count) for one in told)
    if not isinstance(told, Tensor) or told.dim() == 0:
        return told
    if told.dim() > 1 and told.shape[:2] == (1, count):
        return told[:, places]
    return told[places] if told.shape == (count,) else told
