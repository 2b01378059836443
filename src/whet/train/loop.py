"""The one training loop: epochs of shuffled rows, gradients, steps, looks at dev, checkpoints, an end.

What is trained comes as a ``Job``: it knows the model and the data, the loop knows when. Everything that the
next step depends on is a function of the seed and the step, or stands in the checkpoint, so that a run that
was killed and resumed ends in the same bytes as one that was not (same machine, same number of threads).
Knows no model, no task and no files but its checkpoints.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from whet.errors import WorldError
from whet.train import checkpoint, generators, inspection
from whet.train.optimizer import Optimizer, Rates
from whet.train.step import Stepped

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how often."""

    rates: Rates
    epochs: float = 3.0
    batch: int = 16
    """Rows of one optimizer step."""
    looks: int = 1
    """Looks at dev an epoch."""
    patience: int = 3
    """Looks without a better one after which it stops; 0: never before the end."""
    save_every: int = 0
    """Steps between checkpoints; 0: at every look."""
    keep: int = 2
    """Checkpoints kept, beside the best."""
    seed: int = 0

    def steps(self, rows: int) -> int:
        return max(1, round(self.epochs * math.ceil(rows / self.batch)))

    def every(self, rows: int) -> int:
        """Steps between looks."""
        return max(1, round(math.ceil(rows / self.batch) / self.looks))


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


class Job(Protocol):
    """What the loop asks of that which is trained."""

    @property
    def live(self) -> Mapping[str, Tensor]:
        """The parameters that learn, by name."""

    def names(self, rows: Sequence[int]) -> str:
        """Where rows come from, to name them in an error."""

    def gradients(self, rows: Sequence[int], forget: Callable[[], None]) -> Stepped:
        """Add the gradients of the mean loss of these rows; before a second try, ``forget`` those so far."""

    def look(self) -> Look:
        """Judge the model on dev."""

    def write(self, folder: Path) -> None:
        """Write the trained weights in their own format."""


@dataclass(frozen=True)
class State:
    """Where a training stands, as JSON values; with the tensors of a checkpoint, all that it depends on."""

    step: int = 0
    best: Mapping[str, Any] | None = None
    best_step: int = 0
    waited: int = 0
    curve: Sequence[Mapping[str, float]] = ()


@dataclass(frozen=True)
class Ended:
    """What a training leaves."""

    state: State
    steps: int
    best: Look
    weights: Mapping[str, Tensor]
    """Of the best look, by name."""
    seconds: float


@dataclass(frozen=True)
class Watching:
    """What the loop tells, and what it asks."""

    on_step: Callable[[Mapping[str, float]], None] = lambda figures: None
    """Told of every step: step, steps, loss, rate, norm, rows, learned, read, given, seconds."""
    asked_to_stop: Callable[[], bool] = lambda: False
    """Asked after every step; True saves and leaves with ``Interrupted``."""


class Interrupted(WorldError):
    """The training was asked to stop; its last step is saved."""


def order(rows: int, seed: int, epoch: int) -> list[int]:
    """The rows of an epoch in their order: a function of seed and epoch alone."""
    places = list(range(rows))
    random.Random(f"{seed}/{epoch}").shuffle(places)
    return places


def batch_of(step: int, rows: int, plan: Plan) -> list[int]:
    """The rows of a step, counted from 1: every row once an epoch, whose last step may be smaller."""
    an_epoch = math.ceil(rows / plan.batch)
    epoch, place = divmod(step - 1, an_epoch)
    return order(rows, plan.seed, epoch)[place * plan.batch : (place + 1) * plan.batch]


def train(job: Job, rows: int, plan: Plan, folder: Path | None, watching: Watching = Watching()) -> Ended:
    """Train to the end, from the newest checkpoint in ``folder`` where there is one.

    Args:
        rows: how many the job has.
        folder: for checkpoints; None keeps none.

    Raises:
        Interrupted: asked to stop; ``folder`` holds the last step.
        WorldError: a loss or gradient that is not finite; the best weights so far are in ``folder``.
    """
    return _Training(job, rows, plan, folder, watching).run()


@dataclass
class _Training:
    job: Job
    rows: int
    plan: Plan
    folder: Path | None
    watching: Watching
    state: State = field(default_factory=State)
    best: dict[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.optimizer = Optimizer(self.job.live, self.plan.rates)
        self.steps = self.plan.steps(self.rows)
        self._device = generators.device_of(self.job.live)

    def run(self) -> Ended:
        start = time.perf_counter()
        self._resume()
        if self.state.step == 0:
            self._look(0)  # what the model can do before it has learned anything
        for step in self._left():
            self._step(step)
            looked = step % self.plan.every(self.rows) == 0 or step == self.steps
            if looked:
                self._look(step)
            stopping = self.watching.asked_to_stop()
            if self._due(step, looked) or stopping:
                self._save()
            if stopping and step < self.steps:
                raise Interrupted("stopped when asked.", where=self.folder)
        if self.folder and self.state.step < self.steps:
            self._save()
        best = Look(**(self.state.best or {"loss": math.inf}))
        return Ended(self.state, self.steps, best, self.best, time.perf_counter() - start)

    def _left(self) -> Iterator[int]:
        """The steps still to do; none once dev has not improved for long."""
        step = self.state.step
        while step < self.steps and not self._tired():
            step += 1
            yield step

    def _tired(self) -> bool:
        return 0 < self.plan.patience <= self.state.waited

    def _step(self, step: int) -> None:
        start = time.perf_counter()
        rows = batch_of(step, self.rows, self.plan)
        done = self.job.gradients(rows, self.optimizer.clear)
        factor = self.plan.rates.factor(step, self.steps)
        if not math.isfinite(done.loss):
            raise self._not_finite("the loss", done.loss, rows, step)
        norm = self.optimizer.step(factor)
        if not math.isfinite(norm):
            raise self._not_finite("the gradient", norm, rows, step)
        self.state = replace(self.state, step=step)
        figures = {"step": step, "steps": self.steps, "rate": self.plan.rates.lr * factor, "norm": norm}
        more = {"rows": len(rows), "seconds": time.perf_counter() - start}
        self.watching.on_step({**figures, **asdict(done), **more})

    def _not_finite(self, what: str, value: float, rows: Sequence[int], step: int) -> WorldError:
        return WorldError(
            f"{what} is {value} at step {step}, on {self.job.names(rows)}.",
            where=self.folder,
            fix="look at these rows; lower the rate, or train in fp32. The best weights so far are kept.",
        )

    def _look(self, step: int) -> None:
        found = self.job.look()
        row = {"step": step, **{k: v for k, v in asdict(found).items() if v is not None}}
        before = Look(**self.state.best) if self.state.best else None
        better = found.better_than(before)
        if better:
            self.best = {name: tensor.detach().clone() for name, tensor in self.job.live.items()}
        self.state = replace(
            self.state,
            curve=[*self.state.curve, row],
            waited=0 if better else self.state.waited + 1,
            best=asdict(found) if better else self.state.best,
            best_step=step if better else self.state.best_step,
        )

    def _due(self, step: int, looked: bool) -> bool:
        if self.folder is None:
            return False
        return looked if self.plan.save_every == 0 else step % self.plan.save_every == 0 or step == self.steps

    def _save(self) -> None:
        if self.folder is None:
            return
        tensors = {
            "optimizer": self.optimizer.state(),
            "generators": generators.states(self._device),
            "best": self.best,
        }
        state = {**asdict(self.state), "plan": asdict(self.plan), "rows": self.rows}
        checkpoint.save(self.folder, self.state.step, state, tensors, weights=self.job.write)
        checkpoint.retain(self.folder, self.plan.keep)

    def _resume(self) -> None:
        found = checkpoint.latest(self.folder) if self.folder else None
        if found is None:
            return
        self._same(found)
        state = self._state(found)
        generators.check_device(found.tensors.get("generators", {}), self._device)
        inspection.check_tensors(found.folder, found.tensors, self._wanted())
        generators.set_back(found.tensors["generators"], self._device)
        self.optimizer.load(found.tensors["optimizer"])
        self.best = dict(found.tensors["best"])
        self.state = state

    def _state(self, found: checkpoint.Checkpoint) -> State:
        """Where it stood, if the checkpoint says so in the form that ``_save`` gives it."""
        import json

        from pydantic import TypeAdapter, ValidationError

        names = State.__dataclass_fields__
        said = {name: value for name, value in found.state.items() if name in names}
        try:
            TypeAdapter(State).validate_json(json.dumps(said), strict=True)
            state = State(**said)
            TypeAdapter(Look | None).validate_json(json.dumps(state.best), strict=True)
        except ValidationError as error:
            what = f"is no state of a training: {error.errors()[0]['msg']}"
            inspection.refuse(found.folder / checkpoint.STATE, what)
        if state.step != found.step or not 0 < state.step <= self.steps:
            inspection.refuse(found.folder, f"says that it was saved at step {state.step}")
        return state

    def _wanted(self) -> dict[str, inspection.Forms]:
        """By file, the tensors that a checkpoint of this training has."""
        return {
            "optimizer": self.optimizer.forms(),
            "best": inspection.forms(self.job.live),
            "generators": inspection.forms(generators.states(self._device)),
        }

    def _same(self, found: checkpoint.Checkpoint) -> None:
        """A checkpoint of another training is not gone on with."""
        import json

        mine = json.loads(json.dumps({"plan": asdict(self.plan), "rows": self.rows}))
        for name, value in mine.items():
            if found.state.get(name) != value:
                raise WorldError(
                    f"the checkpoint was made with another {name}: {found.state.get(name)}, now {value}.",
                    where=found.folder,
                    fix="train into another folder, or with the settings from before.",
                )
