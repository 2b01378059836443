"""Ways for a causal model to read many rows and remember them, and which of them fits a model.

``Flat`` is the fast one. ``Cached`` goes through the caches of ``transformers``, which every architecture
there brings along: no padding, so rows of one length at a time. ``whole`` is the same for recurrent models,
some of which cannot go on by several tokens at once: rows are read from their first token, then one by one.
``Reread`` remembers nothing, and serves what has no cache. Which one fits cannot be told from a name: the
same random rows are read by the reader and one by one, and the logits compared. Knows no text.
"""

from __future__ import annotations

import contextlib
import copy
import inspect
import random
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Protocol

import torch
from torch import Tensor

from whet.models.flat import Flat, attending, under
from whet.models.passes import Piece

USUAL = {None, "eager", "sdpa", "flash_attention_2", "flash_attention_3", "flex_attention"}
CACHES = ("past_key_values", "cache_params")
"""What models call their cache."""
PREFIX, OWN = 6, (5, 5, 3)
"""Tokens of the rows that a reader is tried on."""
ALLOWED = {torch.float32: 1e-4}
ALLOWED_HALF = 0.05
"""Relative difference of logits, in fp32 and in 16 bits; a row that sees another makes tenths."""
UNFIT = (
    *(AttributeError, IndexError, KeyError, NotImplementedError, RuntimeError, TypeError, ValueError),
    AssertionError,
)


class Reader(Protocol):
    """Reads tokens of many rows behind one prefix, and remembers them."""

    even: bool
    """Rows must be of one length, all the time."""

    def add(self, ids: Sequence[Sequence[int]]) -> Tensor:
        """New rows behind those there are; the logits after each [n, V], fp32. ``even``: only where there
        are none."""

    def go_on(self, ids: Sequence[Sequence[int]]) -> Tensor:
        """More of every row; the logits after each [n, V], fp32."""

    def keep(self, rows: Sequence[int]) -> None:
        """Only these rows go on, in this order; no row may move up."""

    def branch(self, tree: Piece) -> Iterator[Tensor]:
        """The logits after every token of a tree that each row reads [T, V], row by row; then all rows are
        as they were."""


class Make(Protocol):
    """A reader that has read a prefix, with room for ``rows`` rows of ``room`` tokens."""

    def __call__(self, model: Any, prefix: Sequence[int], rows: int, room: int) -> Reader: ...


class Cached:
    """Reads through the model's own cache; ``share``: the prefix once for all rows."""

    even = True

    def __init__(self, model: Any, prefix: Sequence[int], rows: int, room: int, *, share: bool = True):
        names = inspect.signature(_plain(model).forward).parameters
        self._name = next((name for name in CACHES if name in names), "")
        if not self._name:
            raise NotImplementedError("the model takes no cache")
        self._model = model
        self._cache: Any = None
        self._start: Any = None
        self._rows = 0
        self._whole = None if share else tuple(prefix)
        if prefix and share:
            self._read([prefix])
            self._start, self._cache = self._cache, None

    def add(self, ids: Sequence[Sequence[int]]) -> Tensor:
        self._rows = len(ids)
        if self._whole is not None:
            self._cache = None
            return self._read([(*self._whole, *row) for row in ids])
        self._cache = copy.deepcopy(self._start)
        if self._start is not None:
            self.keep([0] * len(ids))
        return self._read(ids)

    def go_on(self, ids: Sequence[Sequence[int]]) -> Tensor:
        if self._whole is None:
            return self._read(ids)
        *_, logits = (self._read([[token] for token in column]) for column in zip(*ids, strict=True))
        return logits

    def keep(self, rows: Sequence[int]) -> None:
        self._rows = len(rows)
        self._cache.reorder_cache(torch.tensor(rows, dtype=torch.long, device=_device(self._model)))

    def branch(self, tree: Piece) -> Iterator[Tensor]:
        before, self._cache = self._cache, None
        count = self._rows
        for row in range(count):
            self._cache = copy.deepcopy(before)
            self.keep([row])
            yield _by_level(self, tree)
        self._cache, self._rows = before, count

    def _read(self, ids: Sequence[Sequence[int]]) -> Tensor:
        given = {} if self._cache is None else {self._name: self._cache}
        out = self._model(
            input_ids=torch.tensor(list(map(list, ids)), device=_device(self._model)),
            use_cache=True,
            **given,
        )
        self._cache = getattr(out, self._name)
        logits: Tensor = out.logits[:, -1].float()
        return logits


whole = partial(Cached, share=False)


class Reread:
    """Remembers the tokens alone, and reads them all again for every new one."""

    even = True

    def __init__(self, model: Any, prefix: Sequence[int], rows: int, room: int):
        self._model, self._prefix = model, tuple(prefix)
        self._rows: list[tuple[int, ...]] = []

    def add(self, ids: Sequence[Sequence[int]]) -> Tensor:
        self._rows = [self._prefix] * len(ids)
        return self.go_on(ids)

    def go_on(self, ids: Sequence[Sequence[int]]) -> Tensor:
        self._rows = [(*before, *more) for before, more in zip(self._rows, ids, strict=True)]
        whole = torch.tensor(self._rows, device=_device(self._model))
        logits: Tensor = self._model(input_ids=whole, use_cache=False).logits[:, -1].float()
        return logits

    def keep(self, rows: Sequence[int]) -> None:
        self._rows = [self._rows[row] for row in rows]

    def branch(self, tree: Piece) -> Iterator[Tensor]:
        before = self._rows
        for row in before:
            self._rows = [row]
            yield _by_level(self, tree)
        self._rows = before


def _by_level(reader: Cached | Reread, tree: Piece) -> Tensor:
    """The logits after every token of a tree [T, V]; the reader has one row, which leads to its roots."""
    found = dict[int, Tensor]()
    rows, nodes = {-1: 0}, [node for node, parent in enumerate(tree.parents) if parent < 0]
    while nodes:
        reader.keep([rows[tree.parents[node]] for node in nodes])
        found |= zip(nodes, reader.go_on([[tree.ids[node]] for node in nodes]), strict=True)
        rows = {node: row for row, node in enumerate(nodes)}
        nodes = [node for node, parent in enumerate(tree.parents) if parent in rows]
    return torch.stack([found[node] for node in range(len(tree.ids))])


@contextlib.contextmanager
def reading(model: Any, make: Make | None = None) -> Iterator[tuple[Make, str]]:
    """Within the block the model can be read by what is given; and why it is not the fast way ('': it is).

    Args:
        make: the reader to take; None: the fastest that fits.
    """
    why = ""
    if make is None:
        make, why = fitting(model)
    with attending(model) if make is Flat else _usual(model):
        yield make, why


@contextlib.contextmanager
def _usual(model: Any) -> Iterator[None]:
    """Within the block the model reads as transformers has it: training gives it another attention."""
    with contextlib.ExitStack() as stack:
        if model.config._attn_implementation not in USUAL:
            stack.enter_context(under(model, "eager"))
        yield


def fitting(model: Any) -> tuple[Make, str]:
    """The fastest reader that fits the model, and why it is not the fast one."""
    with torch.no_grad(), _usual(model):
        return _fitting(model)


def _fitting(model: Any) -> tuple[Make, str]:
    if not (why := _unfit(model, Flat)):
        return Flat, ""
    if not (more := _unfit(model, Cached)):
        return Cached, f"one length at a time, through the model's own cache ({why})"
    if not (last := _unfit(model, whole)):
        return whole, f"one length at a time, what is shared again for every row ({why}; {more})"
    return Reread, f"slowly, all tokens again for every new one ({why}; {more}; {last})"


def _unfit(model: Any, make: Make) -> str:
    """Why a reader does not fit a model."""
    rng = random.Random(0)
    vocabulary = int(model.config.get_text_config().vocab_size)
    prefix, *rows = ([rng.randrange(vocabulary) for _ in range(size)] for size in (PREFIX, *OWN))
    wanted = torch.cat([_alone(model, [*prefix, *row]) for row in rows])
    try:
        found = _tried(model, make, prefix, rows)
    except UNFIT as error:
        return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no reason given'}"
    apart = float((found - wanted).norm() / wanted.norm())
    fits = apart <= ALLOWED.get(next(model.parameters()).dtype, ALLOWED_HALF)
    return "" if fits else f"logits of rows read together differ by {apart:.1%}"


def _tried(model: Any, make: Make, prefix: list[int], rows: list[list[int]]) -> Tensor:
    """Logits after each row, read in two steps behind the prefix."""
    with attending(model) if make is Flat else contextlib.nullcontext():
        reader = make(model, prefix, len(rows), max(OWN))
        if not reader.even:
            reader.add([row[:2] for row in rows])
            return reader.go_on([row[2:] for row in rows])
        found = []
        for row in rows:  # twice the same row, of which the second stays
            reader.add([row[:2], row[:2]])
            reader.keep([1])
            found.append(reader.go_on([row[2:]]))
        return torch.cat(found)


def _alone(model: Any, ids: list[int]) -> Tensor:
    """Logits after one row [1, V], as the model comes."""
    whole = torch.tensor([ids], device=_device(model))
    logits: Tensor = model(input_ids=whole, use_cache=False).logits[:, -1].float()
    return logits


def _plain(model: Any) -> Any:
    """Without PEFT's wrapping."""
    return model.get_base_model() if hasattr(model, "peft_config") else model


def _device(model: Any) -> torch.device:
    device: torch.device = model.get_input_embeddings().weight.device
    return device
