"""What a training is asked for, and what it has reached: records that the loop and its checkpoints share.

Knows no model and no files; tensors only by name.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from torch import Tensor

    from whet.train.optimizer import Rates

SHOWN = 5


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how often."""

    rates: Rates
    epochs: float = 3.0
    batch: int = 16
    """Rows of one optimizer step."""
    looks: int = 1
    """Looks at dev an epoch; 0: none, and the weights are those of the end."""
    patience: int = 3
    """Looks without a better one after which it stops; 0: never before the end."""
    start_counts: bool = True
    """Whether what the model could do before it learned has to be passed."""
    take: Literal["best", "last"] = "best"
    """The look whose weights the training gives."""
    save_every: int = 0
    """Steps between checkpoints; 0: at every look, and where they are long apart between them too."""
    save_seconds: float = 0.0
    """Where it is set, checkpoints are so far apart instead, and short trainings leave none."""
    keep: int = 2
    """Checkpoints kept, the newest; each holds the best weights so far."""
    seed: int = 0

    def steps(self, rows: int) -> int:
        return max(1, round(self.epochs * math.ceil(rows / self.batch)))

    def every(self, rows: int) -> int:
        """Steps between looks."""
        return max(1, round(math.ceil(rows / self.batch) / max(self.looks, 1)))

    def looks_after(self, step: int, rows: int) -> bool:
        """Whether dev is looked at after a step."""
        return self.looks > 0 and (step % self.every(rows) == 0 or step == self.steps(rows))


@dataclass(frozen=True, slots=True)
class Look:
    """What dev said."""

    loss: float
    score: float | None = None
    """The task's metric, larger is better; None: the loss alone decides."""

    def better_than(self, other: Look | None) -> bool:
        if other is None:
            return True
        mine, theirs = (-math.inf if side.score is None else side.score for side in (self, other))
        return (mine, -self.loss) > (theirs, -other.loss)


@dataclass(frozen=True)
class State:
    """Where a training stands, as JSON values; with the tensors of a checkpoint, all that it depends on."""

    step: int = 0
    best: Mapping[str, Any] | None = None
    best_step: int = 0
    waited: int = 0
    train_loss: float | None = None
    """Smoothed over about ten steps."""
    curve: Sequence[Mapping[str, float]] = ()
    """Of every look: step, loss and score on dev, and the smoothed loss on train."""
    seconds: float = 0.0
    """Spent so far, in all processes."""


@dataclass(frozen=True)
class Ended:
    """What a training leaves."""

    state: State
    steps: int
    best: Look
    weights: Mapping[str, Tensor]
    """By name, of the look that ``Plan.take`` names; without looks, of the end."""
    seconds_before: float
    """Of ``seconds``, those that processes before this one spent."""

    @property
    def seconds(self) -> float:
        return self.state.seconds


Batches = Callable[[int], Sequence[Sequence[int]]]
"""The batches of an epoch, counted from 0: every row once, and the same whenever it is asked."""


def order(rows: int, seed: int, epoch: int) -> list[int]:
    """The rows of an epoch in their order: a function of seed and epoch alone."""
    places = list(range(rows))
    random.Random(f"{seed}/{epoch}").shuffle(places)
    return places


def in_any_order(rows: int, plan: Plan) -> Batches:
    """Batches of shuffled rows; the last of an epoch may be smaller."""

    def batches(epoch: int) -> list[list[int]]:
        places = order(rows, plan.seed, epoch)
        return [places[at : at + plan.batch] for at in range(0, rows, plan.batch)]

    return batches


def batch_of(step: int, rows: int, plan: Plan) -> list[int]:
    """The rows of a step, counted from 1, of a training whose batches come in any order."""
    epoch, place = divmod(step - 1, math.ceil(rows / plan.batch))
    return list(in_any_order(rows, plan)(epoch)[place])


def named(sources: Sequence[str]) -> str:
    """Some of these sources, and how many more there are."""
    shown = ", ".join(sources[:SHOWN])
    return shown if len(sources) <= SHOWN else f"{shown} and {len(sources) - SHOWN} more"
