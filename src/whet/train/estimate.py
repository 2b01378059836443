"""What a training will need, from the model's shape and the rows alone: memory, disk, time.

Memory is what stands still (weights, masters, gradients, moments, the best so far) and what one pass keeps
for its way back: about three numbers for every number that a layer makes, and the fp32 copies that norms make
of the hidden states. Time is arithmetic at the measured rate, and the cost of starting so many small
operations, which is all that a tiny model pays. ``docs/proofs/preflight.jsonl`` has estimates beside what was
measured. Knows no files and no weights.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from whet.models.shape import Shape
from whet.train.limit import Work
from whet.train.losses import CHUNK
from whet.train.sharing import Row, groups
from whet.train.step import PASS_TOKENS, passes

LIBRARIES = 64 << 20
"""Bytes that torch, transformers and PEFT take on top while they load a model and train."""
KEPT, KEPT_BY_PEFT = 3.0, 6.0
"""Numbers kept for the way back, for each that a layer makes: by our linear layer, and by PEFT's (DoRA)."""
SCORE = 8
"""Bytes kept of a score, beside the score itself, where torch differentiates softmax and cap."""
EFFICIENCY = 0.5
"""Share of the measured rate that the products of a step reach."""
OPERATIONS = 700
"""Small operations of a layer on its way forward and back, and of the optimizer on its weights; torch's
dispatcher counts 450 of a Llama's layer without the optimizer."""


@dataclass(frozen=True, slots=True)
class Way:
    """A way to train: what can be chosen."""

    rank: int | None
    """Of the adapter; None: all weights learn."""
    precision: str
    """``bf16`` or ``fp32``, of the base."""
    pass_tokens: int = PASS_TOKENS
    context: int | None = None
    """Tokens that a row may have; None: all that it has."""
    dora: bool = False
    pack: bool = False
    """Frozen weights are laid out for products, which takes two copies of them."""
    top: int | None = None
    """Layers that learn, from the top; None: all of the model."""

    @property
    def bytes(self) -> int:
        """Of one weight of the base."""
        return 2 if self.precision == "bf16" else 4

    def live(self, shape: Shape) -> int:
        """Weights that learn."""
        if self.rank is not None:
            return int(shape.adapter(self.rank) * self.share(shape))
        return shape.parameters if self.top is None else int(shape.weights * self.share(shape))

    def share(self, shape: Shape) -> float:
        """Of the layers, those that learn."""
        return 1.0 if self.top is None else min(1.0, self.top / shape.layers)


@dataclass(frozen=True, slots=True)
class Load:
    """The most that one step holds at once."""

    tokens: int
    """Of a shared beginning and the largest pass behind it."""
    shared: int
    """Of the shared beginning."""
    learned: int
    """Learned positions of one pass."""
    pairs: int = 0
    """Tokens of one pass that attention multiplies with each other."""
    longest: int = 0
    """Tokens of the longest row."""


def load_of(steps: Sequence[Sequence[Row]], way: Way) -> Load:
    """The most that any of these steps holds at once."""
    found = [load for rows in steps for load in _loads(rows, way)]
    return Load(
        max(load.tokens for load in found),
        max(load.shared for load in found),
        max(load.learned for load in found),
        max(load.pairs for load in found),
        max(load.longest for load in found),
    )


def _loads(rows: Sequence[Row], way: Way) -> Iterator[Load]:
    cut = [Row(row.ids[: way.context], row.weights[: way.context]) for row in rows]
    for group in groups(cut):
        for part in passes([cut[index] for index in group.rows], group.prefix, way.pass_tokens):
            own = [len(row.ids) - group.prefix for row in part]
            learned = sum(weight != 0 for row in part for weight in row.weights)
            pairs = group.prefix**2 + sum(size * (group.prefix + size) for size in own)
            longest = group.prefix + max(own)
            yield Load(group.prefix + sum(own), group.prefix, learned, pairs, longest)


def memory_of(shape: Shape, way: Way, load: Load) -> int:
    """Bytes at the widest moment of a step, beyond what the process held before."""
    still = shape.parameters * way.bytes + way.live(shape) * _apiece(way)
    still += int(2 * shape.weights * way.bytes * way.share(shape)) if way.pack else 0
    return int(LIBRARIES + still + _pass(shape, way, load))


def _apiece(way: Way) -> int:
    """Bytes of a weight that learns: its gradient and two moments in fp32 and the best so far; beside them an
    adapter's own weight, or the fp32 master of a bf16 one."""
    if way.rank is not None:
        return 4 + 8 + 4 + 4
    return 4 + 8 + way.bytes + (4 if way.bytes == 2 else 0)


def _pass(shape: Shape, way: Way, load: Load) -> float:
    """Bytes that a pass keeps for its way back, the sums of its beginning, scores where attention cannot make
    them anew, and one chunk of logits."""
    times = KEPT_BY_PEFT if way.dora else KEPT
    kept = times * shape.outputs * way.bytes + 2 * 4 * shape.width * shape.layers
    sums = 2 * 4 * shape.heads * shape.layers * load.shared
    scores = shape.plain_heads(load.longest) * load.pairs * (SCORE + way.bytes)
    logits = min(load.learned * shape.vocabulary, CHUNK) * (4 + 2 * way.bytes)
    # a head that learns has its gradient summed over chunks in fp32, beside that of one chunk
    learning = way.rank is None and way.top is None and load.learned * shape.vocabulary > CHUNK
    head = shape.head * (4 + way.bytes) if learning else 0
    return (load.tokens * kept + sums + scores) * way.share(shape) + logits + head


def disk_of(shape: Shape, way: Way, keep: int) -> int:
    """Bytes of all checkpoints at once (one is written before the oldest goes) and of the result."""
    apiece = way.bytes if way.rank is None else 4
    one = 12 + 2 * apiece  # master and two moments; the weights as they are, and the best
    return way.live(shape) * ((keep + 1) * one + apiece)


@dataclass(frozen=True, slots=True)
class Speed:
    """Of this machine."""

    rate: float
    """Operations a second of the products of the model."""
    operation: float
    """Seconds of one small operation."""


def seconds_of(
    work: Work, layers: int, steps: Sequence[Sequence[Row]], dev: Sequence[Row], speed: Speed
) -> tuple[float, float]:
    """Of a step, the mean of ``steps``, and of a look at dev (forward only: a third of the work)."""
    rate, small = speed.rate * EFFICIENCY, layers * OPERATIONS * speed.operation
    step = sum(work.of(rows) for rows in steps) / len(steps) / rate + small
    return step, (work.of(dev) / 3 / rate + small / 2 if dev else 0.0)


def measured_operation(device: str = "cpu") -> float:
    """Seconds of one small operation, forward or back, the best of a few rounds."""
    import torch

    best, count = float("inf"), 50
    for _ in range(5):
        value = torch.ones(8, requires_grad=True, device=device)
        start = time.perf_counter()
        total = value
        for _ in range(count):
            total = total * 1.0
        total.sum().backward()  # type: ignore[no-untyped-call]
        float(value.grad.sum())  # type: ignore[union-attr]  # a GPU has done it only when it is read
        best = min(best, (time.perf_counter() - start) / (2 * count))
    return best


def smaller(way: Way, least: int) -> list[Way]:
    """The same way with passes of half as many tokens, again and again."""
    sizes = [way.pass_tokens >> times for times in range(1, 20)]
    return [replace(way, pass_tokens=tokens) for tokens in sizes if tokens >= least]
