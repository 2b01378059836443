"""What the attention of one pass has to know: which tokens belong together, and what they see before them.

A pass of the training core is one flat row of T tokens: n segments laid end to end, each seeing itself and,
where there is one, a shared prefix of P tokens, and nobody else. Knows no model. H heads, G of them for each
of the K heads of keys; d the width of a head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

SCORES = 1 << 20
"""Scores of one head in a block, at most: memory of as many is reused, larger tensors are fresh each time."""
FEW, NEAR = 4, 1.25
"""A block of as many segments grows by those up to so much longer than its shortest: the rest is padding."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a layer asks of its attention."""

    scale: float
    window: int | None
    """A token sees itself and ``window - 1`` before it."""
    cap: float | None
    """Scores become cap · tanh(score / cap)."""


Shared = tuple[Tensor, Tensor] | None


@dataclass
class Prefix:
    """Keys and values of the shared prefix, layer by layer, each [1, K, P, d].

    ``keep`` fills it in the pass over the prefix. ``leaves`` cuts it off from that pass: what follows adds
    its gradients up in fp32, whatever the precision of the pass.
    """

    length: int
    keys: dict[int, Tensor] = field(default_factory=dict)
    values: dict[int, Tensor] = field(default_factory=dict)
    sums: dict[tuple[str, int], Tensor] = field(default_factory=dict)
    """Gradients by ``key`` or ``value`` and layer, fp32 [1, K, P, d]."""

    def keep(self, layer: int, key: Tensor, value: Tensor) -> None:
        self.keys[layer], self.values[layer] = key, value

    def leaves(self) -> Prefix:
        """The same values as leaves of a new graph."""
        cut = Prefix(self.length)
        for name, mine, theirs in (("key", self.keys, cut.keys), ("value", self.values, cut.values)):
            for layer, tensor in mine.items():
                theirs[layer] = cut.leaf(name, layer, tensor)
        return cut

    def leaf(self, name: str, layer: int, tensor: Tensor) -> Tensor:
        leaf = tensor.detach().requires_grad_()
        leaf.register_post_accumulate_grad_hook(  # type: ignore[no-untyped-call]
            lambda own: self.add((name, layer), own)
        )
        return leaf

    def add(self, place: tuple[str, int], leaf: Tensor) -> None:
        """Move a leaf's gradient into the sums."""
        assert leaf.grad is not None
        if place in self.sums:
            self.sums[place] += leaf.grad
        else:
            self.sums[place] = leaf.grad.float()
        leaf.grad = None

    def backward(self, cut: Prefix) -> None:
        """One pass back through the prefix, with what its leaves have gathered."""
        tensors, gradients = [], []
        for (name, layer), total in cut.sums.items():
            tensor = (self.keys if name == "key" else self.values)[layer]
            if tensor.requires_grad:
                tensors.append(tensor)
                gradients.append(total.to(tensor.dtype))
        torch.autograd.backward(tensors, gradients)


@dataclass(frozen=True, slots=True)
class Block:
    """Segments of like length: n of them, side by side."""

    index: Tensor
    """Place in the flat row of each token [n, S]; of padding, the place of the segment's last token."""
    real: Tensor
    """Whether it is a token [n, S]."""

    @property
    def full(self) -> bool:
        return bool(self.real.all())


@dataclass(frozen=True, slots=True)
class Pick:
    """Picked tokens of a block's segments, m at most of one."""

    into: Tensor
    """Which of all picked tokens each is [n, m]; of padding, the first."""
    at: Tensor
    """Its place in the segment [n, m]."""
    real: Tensor
    """Whether it is one [n, m]."""


@dataclass(frozen=True, slots=True)
class Picked:
    """Tokens of the flat row that are all that its last layer has to make."""

    places: Tensor
    """In the flat row, a prefix in it counted [M]."""
    blocks: tuple[Pick, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What the attention of one pass has to know."""

    blocks: tuple[Block, ...]
    prefix: Prefix | None = None
    """What every segment sees before itself."""
    record: Prefix | None = None
    """Where keys and values of this pass are kept, when it is the pass over a prefix."""
    ahead: Plan | None = None
    """Of a prefix that lies in the same flat row, before the segments."""
    picked: Picked | None = None
    """What is asked of the last layer; None: all tokens."""
    meets: Prefix | None = None
    """Within the last layer: keys and values of all tokens, to be kept (nothing picked) or met."""

    @property
    def before(self) -> int:
        """Tokens that every segment sees before itself."""
        return self.prefix.length if self.prefix else self.inside

    @property
    def inside(self) -> int:
        """Tokens of this flat row that are the prefix's."""
        return self.ahead.blocks[0].index.shape[1] if self.ahead else 0


def plan(
    lengths: Sequence[int],
    *,
    prefix: Prefix | None = None,
    record: Prefix | None = None,
    inside: int = 0,
    widths: int = 8,
    device: str | torch.device = "cpu",
) -> Plan:
    """A plan for segments of these lengths, laid end to end in this order.

    Args:
        inside: tokens of a prefix that lies before them in the same flat row; 0: none does.
        widths: segments side by side in one block, at most; blocks hold segments of like length.
    """
    starts = [0, *torch.tensor(lengths).cumsum(0).tolist()]
    ahead = plan([inside], device=device) if inside else None
    parts = _alike(lengths, widths, prefix.length if prefix else inside)
    return Plan(tuple(_block(part, lengths, starts, device) for part in parts), prefix, record, ahead)


def picking(plan: Plan, places: Tensor) -> Plan:
    """The plan whose last layer makes only the tokens at these places [M] of the segments' flat row."""
    last = max(int(block.index.max()) for block in plan.blocks)
    order = places.new_full((last + 1,), -1)
    order[places] = torch.arange(len(places), device=places.device)
    blocks = tuple(_pick(block, order) for block in plan.blocks)
    return replace(plan, picked=Picked(places + plan.inside, blocks))


def _pick(block: Block, order: Tensor) -> Pick:
    """Of a block's tokens, those that have a place in the order of the picked ones [T], others -1."""
    found = order[block.index].masked_fill(~block.real, -1)
    most = max(1, int((found >= 0).sum(1).max()))
    at = (found < 0).to(torch.int8).argsort(dim=1, stable=True)[:, :most]
    into = found.gather(1, at)
    return Pick(into.clamp(min=0), at, into >= 0)


def _alike(lengths: Sequence[int], widths: int, before: int) -> list[list[int]]:
    """Segments from short to long, in parts of like length whose scores fit the caches."""
    parts = list[list[int]]()
    for segment in sorted(range(len(lengths)), key=lambda segment: lengths[segment]):
        long, part = lengths[segment], parts[-1] if parts else []
        scores = (len(part) + 1) * long * (long + before)
        near = len(part) < FEW or long <= NEAR * lengths[part[0]]
        if part and len(part) < widths and scores <= SCORES and near:
            part.append(segment)
        else:
            parts.append([segment])
    return parts


def _block(
    part: Sequence[int], lengths: Sequence[int], starts: Sequence[int], device: str | torch.device
) -> Block:
    own = torch.tensor([lengths[segment] for segment in part], device=device)[:, None]
    first = torch.tensor([starts[segment] for segment in part], device=device)[:, None]
    places = torch.arange(int(own.max()), device=device)[None]
    return Block(first + places.minimum(own - 1), places < own)
