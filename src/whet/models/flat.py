"""A causal model that reads many rows as one flat row, behind a beginning that is read once for all.

The keys and values of the beginning are met by all rows in one product (``attended``); those of each row
lie in a slot of a store, so that a row that ends leaves its place to another. No token is spent on padding
but inside the attention. It reaches every layer through ``transformers``' registry of attention functions;
whether it fits a model, ``whet.models.readers`` asks the model. Letters of the shapes as in ``passes``; H
heads, G of them for each of the K of the keys.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from whet.models.attended import Kind, attended
from whet.models.passes import Pass, Piece, parts, planned

NAME = "whet-reading"
KNOWN = frozenset(
    {"scaling", "dropout", "sliding_window", "softcap", "position_ids", "is_causal", "use_cache"}
) | {"output_router_logits"}
"""What layers may tell their attention; anything else may change what it should do."""
PASS_TOKENS = 1024
"""Read at once: more does not make products faster, and scores fall out of the caches."""


@dataclass
class Store:
    """Keys and values of rows, layer by layer, each [rows, K, room, d]."""

    rows: int
    room: int
    """Tokens that a row can read."""
    keys: dict[int, Tensor] = field(default_factory=dict)
    values: dict[int, Tensor] = field(default_factory=dict)

    def put(self, layer: int, key: Tensor, value: Tensor, laid: Pass) -> None:
        """Keep what a pass read, each side [K, N, d]."""
        for sides, side in ((self.keys, key), (self.values, value)):
            if layer not in sides:
                shape = (self.rows, side.shape[0], self.room, side.shape[-1])
                sides[layer] = side.new_zeros(shape)  # what is hidden meets weights of 0: finite
            sides[layer][laid.slots, :, laid.places] = side.transpose(0, 1)

    def of(self, layer: int, laid: Pass) -> tuple[Tensor, Tensor]:
        """What the rows of a pass have read [n, K, L, d]."""
        rows = slice(laid.first, laid.first + laid.index.shape[0])
        keys, values = (sides[layer][rows, :, : laid.longest] for sides in (self.keys, self.values))
        return keys, values

    def move(self, source: int, target: int, length: int) -> None:
        for sides in (self.keys, self.values):
            for side in sides.values():
                side[target, :, :length] = side[source, :, :length]


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of one store, read in one pass with other parts; what the attention of all layers follows."""

    laid: Pass
    store: Store
    ahead: Store | None
    """Its one row is the prefix."""
    start: int = 0
    """Where its tokens begin in the flat row."""

    @property
    def place(self) -> slice:
        return slice(self.start, self.start + len(self.laid.slots))


_CURRENT: ContextVar[Sequence[Part]] = ContextVar("reading", default=())


def read_parts(model: Any, parts: Sequence[Part], ids: Tensor, last: Tensor) -> Tensor:
    """Read all parts in one pass, within ``attending``; each sees its own store and prefix alone.

    Args:
        ids: the tokens of all parts [N], end to end.
        last: the places in it after which logits are wanted [n].

    Returns:
        [n, V], fp32.
    """
    token = _CURRENT.set(parts)
    try:
        out = model(
            input_ids=ids[None],
            position_ids=torch.cat([part.laid.positions for part in parts])[None],
            use_cache=False,
            logits_to_keep=last,
        )
    finally:
        _CURRENT.reset(token)
    logits: Tensor = out.logits[0].float()
    return logits


class Flat:
    """A reader (``whet.models.readers.Reader``) whose rows may differ in length."""

    even = False

    def __init__(self, model: Any, prefix: Sequence[int], rows: int, room: int):
        """Read the prefix; ``room`` is what each of ``rows`` rows can read behind it."""
        self._model = model
        self._device = model.get_input_embeddings().weight.device
        self._ahead: Store | None = None
        self._before = 0
        if prefix:
            self._store, self._lengths = Store(1, len(prefix)), list[int]()
            self.add([prefix])
            self._ahead, self._before = self._store, len(prefix)
        self._store, self._lengths = Store(rows, room), []

    def add(self, ids: Sequence[Sequence[int]]) -> Tensor:
        """New rows behind those there are; the logits after each [n, V], fp32."""
        first = len(self._lengths)
        self._lengths += [0] * len(ids)
        return torch.cat(
            [
                self._long(first + at.start, [ids[row] for row in at])
                for at in parts(list(map(len, ids)), PASS_TOKENS)
            ]
        )

    def go_on(self, ids: Sequence[Sequence[int]]) -> Tensor:
        """More of every row; the logits after each [n, V], fp32."""
        return self._long(0, ids)

    def keep(self, rows: Sequence[int]) -> None:
        """Only these rows go on, in this order; no row may move up."""
        for place, row in enumerate(rows):
            if place != row:
                self._store.move(row, place, self._lengths[row])
        self._lengths = [self._lengths[row] for row in rows]

    def branch(self, tree: Piece) -> Iterator[Tensor]:
        """The logits after every token of a tree that each row reads [T, V], row by row; then all rows are
        as they were."""
        for at in parts([len(tree.ids)] * len(self._lengths), PASS_TOKENS):
            laid, logits = self._pass(at.start, [tree] * len(at), keep=None)
            yield from logits[laid.index]

    def _long(self, first: int, ids: Sequence[Sequence[int]]) -> Tensor:
        """Rows from ``first`` on; one that is too long for a pass is read piece by piece."""
        while len(ids) == 1 and len(ids[0]) > PASS_TOKENS:
            self._chain(first, [ids[0][:PASS_TOKENS]])
            ids = [ids[0][PASS_TOKENS:]]
        return self._chain(first, ids)

    def _chain(self, first: int, ids: Sequence[Sequence[int]]) -> Tensor:
        _, logits = self._pass(first, [Piece(row) for row in ids], keep=[len(row) for row in ids])
        for place, row in enumerate(ids, first):
            self._lengths[place] += len(row)
        return logits

    def _pass(
        self, first: int, pieces: Sequence[Piece], *, keep: Sequence[int] | None
    ) -> tuple[Pass, Tensor]:
        """One pass; logits after the last of each row's first ``keep`` tokens, or after all."""
        read = self._lengths[first : first + len(pieces)]
        laid = planned(pieces, read, first=first, before=self._before, device=self._device)
        ids = torch.tensor([token for piece in pieces for token in piece.ids], device=self._device)
        last = torch.arange(len(ids)) if keep is None else torch.tensor(keep).cumsum(0) - 1
        part = Part(laid, self._store, self._ahead)
        return laid, read_parts(self._model, [part], ids, last.to(self._device))


@contextlib.contextmanager
def attending(model: Any) -> Iterator[None]:
    """Within the block the model's attention is this one; after it, what it was.

    Raises:
        ValueError: it cannot be replaced.
    """
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, attention)
    with under(model, NAME):
        if model.config._attn_implementation != NAME:
            raise ValueError("its attention cannot be replaced")
        yield


@contextlib.contextmanager
def under(model: Any, name: str) -> Iterator[None]:
    """Within the block the model's attention is the registry's of that name."""
    before = model.config._attn_implementation
    model.set_attn_implementation(name)
    try:
        yield
    finally:
        model.set_attn_implementation(before)


def attention(
    module: Any, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, **told: Any
) -> tuple[Tensor, None]:
    """The attention of one layer, as ``transformers`` asks for it: query [1, H, N, d] to [1, N, H, d]."""
    parts = _CURRENT.get()
    if not parts or query.shape[0] != 1 or mask is not None:
        raise RuntimeError("attention without a pass")
    if told.get("dropout"):
        raise NotImplementedError("the layer wants dropout on its scores")
    if strange := sorted(name for name, known in told.items() if name not in KNOWN and known is not None):
        raise NotImplementedError(f"the layer tells its attention of {', '.join(strange)}")
    layer, scale = int(module.layer_idx), told.get("scaling")
    scale = query.shape[-1] ** -0.5 if scale is None else float(scale)
    kind = Kind(scale, told.get("softcap"), told.get("sliding_window"))
    found = []
    for part in parts:
        at = part.place
        part.store.put(layer, key[0, :, at], value[0, :, at], part.laid)
        own, ahead = part.store.of(layer, part.laid), part.ahead
        before = None if ahead is None else (ahead.keys[layer][0], ahead.values[layer][0])
        found.append(attended(query[0, :, at], own, before, part.laid, kind))
    return (found[0] if len(found) == 1 else torch.cat(found))[None], None
