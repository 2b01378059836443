"""Only the top layers learn: what the layers below make of the rows is read once and kept.

    ids -> [embeddings, layers below the cut] -> states, kept -> [layers above] -> the rest, as ever

Nothing below the cut changes and no dropout draws there, so the kept states are those that would be read
anew. Training then gives the model *places* in the table of states instead of tokens: the layers below pass
everything through, and at the cut the states take over. Works on any model of ``transformers`` whose layers
stand in one list; whether it does is asked of the model, by comparison. Knows no data. n places, d the width
of a state.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from whet.errors import InputError
from whet.train.room import free_disk

MOST_IN_MEMORY = 2 << 30  # bytes; larger tables are a file, which the system keeps in memory as it can
STATES = "states"
UNFIT = (NotImplementedError, RuntimeError, TypeError, AttributeError, KeyError, IndexError, ValueError)
"""What a model may raise that cannot be read in two parts."""


@dataclass(frozen=True)
class Layers:
    """The layers of a model, lowest first, by name; those from ``cut`` on learn."""

    names: tuple[str, ...]
    modules: tuple[Any, ...]
    cut: int

    def linear(self) -> list[str]:
        """Names of the linear layers within those that learn."""
        kinds = ("Linear", "Conv1D")  # GPT-2's layers are of the latter
        return [
            f"{name}.{inner}"
            for name, module in zip(self.names[self.cut :], self.modules[self.cut :], strict=True)
            for inner, part in module.named_modules()
            if type(part).__name__ in kinds
        ]


def layers_of(model: Any, top: int) -> Layers:
    """The layers of which the ``top`` ones learn.

    Raises:
        InputError: there are fewer, or they cannot be told.
    """
    count = int(model.config.get_text_config().num_hidden_layers)
    found = [
        (name, module)
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.ModuleList) and len(module) == count
    ]
    if not found or top > count:
        apart = "" if found else ", which do not stand in one list"
        raise InputError(
            f"{type(model).__name__} has {count} layers{apart}; {top} of them cannot be trained alone.",
            where="tune.top_layers",
            fix=f"choose at most {count}." if found else "leave it out: all layers are trained then.",
        )
    name, layers = found[0]
    return Layers(tuple(f"{name}.{place}" for place in range(count)), tuple(layers), count - top)


def learn_top(model: Any, layers: Layers) -> Any:
    """The model with all parameters frozen but those of its top layers."""
    model.requires_grad_(False)
    for layer in layers.modules[layers.cut :]:
        layer.requires_grad_(True)
    return model


@dataclass(frozen=True)
class States:
    """What arrives at the cut, by place."""

    model: Any
    layers: Layers
    table: Tensor
    """[n, d], in the precision of the model."""
    parts: list[int] = field(default_factory=list)
    """How many values a layer gives in a tuple, as was seen while reading; 0: the states alone."""

    @contextlib.contextmanager
    def instead(self) -> Iterator[None]:
        """Within the block the model takes places instead of tokens, and starts from their states."""
        given: list[Tensor] = []
        embeddings = self.model.get_input_embeddings()

        def places(ids: Tensor) -> Tensor:
            given[:] = [ids]
            return embeddings.weight.new_zeros(*ids.shape, embeddings.weight.shape[1])  # type: ignore[no-any-return]

        def stands(hidden: Tensor) -> Tensor:
            return self.table[given[0].to(self.table.device)].to(hidden.device)

        below = self.layers.modules[: self.layers.cut]
        with _replaced([embeddings], places), _replaced(below, self._hand_on), self._at_cut(stands):
            yield

    @contextlib.contextmanager
    def reading(self) -> Iterator[list[Tensor]]:
        """Within the block the layers above the cut rest; the list gets what arrives there, call by call."""
        arrived: list[Tensor] = []

        def note(hidden: Tensor) -> Tensor:
            arrived.append(hidden.detach())
            return hidden

        def shape(module: Any, given: Any, out: Any) -> None:
            self.parts[:] = [len(out) if isinstance(out, tuple) else 0]

        above, lowest = self.layers.modules[self.layers.cut :], self.layers.modules[0]
        seen = lowest.register_forward_hook(shape)
        with _replaced(above, self._hand_on), self._at_cut(note), torch.no_grad():
            try:
                yield arrived
            finally:
                seen.remove()

    def _hand_on(self, hidden_states: Tensor, *more: Any, **named: Any) -> Any:
        """A layer that hands on what it is given, in the form in which the model's own do."""
        parts = self.parts[0]
        return (hidden_states, *[None] * (parts - 1)) if parts else hidden_states

    def keep(self, places: Sequence[int] | Tensor, states: Tensor) -> None:
        """Note the states [m, d] of m places."""
        self.table[torch.as_tensor(places)] = states.to(self.table.device)

    def _at_cut(self, change: Callable[[Tensor], Tensor]) -> contextlib.AbstractContextManager[None]:
        return _changed(self.layers.modules[self.layers.cut], change)


def blank(model: Any, layers: Layers, places: int, folder: Path | None) -> States:
    """A table that waits for its states; a file in ``folder`` where it is too large for the memory.

    Args:
        folder: without one, the table is in memory whatever its size.
    """
    width = int(model.config.get_text_config().hidden_size)
    dtype = model.get_input_embeddings().weight.dtype
    size = places * width
    if folder is None or size * dtype.itemsize <= MOST_IN_MEMORY:
        return States(model, layers, torch.empty(places, width, dtype=dtype))
    if size * dtype.itemsize > free_disk(
        folder
    ):  # a file that is written as it is mapped would end the process
        raise RuntimeError(f"{size * dtype.itemsize:,} bytes of states have no room on the disk")
    table = torch.from_file(str(folder / STATES), shared=True, size=size, dtype=dtype)
    return States(model, layers, table.view(places, width))


@contextlib.contextmanager
def _changed(layer: Any, change: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """Within the block the states that arrive at a layer are changed first."""

    def hook(module: Any, given: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, Any]:
        if given:
            return (change(given[0]), *given[1:]), named
        return given, {**named, "hidden_states": change(named["hidden_states"])}

    handle = layer.register_forward_pre_hook(hook, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()


@contextlib.contextmanager
def _replaced(modules: Sequence[Any], forward: Callable[..., Any]) -> Iterator[None]:
    """Within the block the modules have another ``forward``."""
    before = [vars(module).get("forward") for module in modules]
    for module in modules:
        module.forward = forward
    try:
        yield
    finally:
        for module, own in zip(modules, before, strict=True):
            if own is None:
                del module.forward
            else:
                module.forward = own
