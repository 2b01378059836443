"""The one training loop: epochs of batches, gradients, steps, looks at dev, checkpoints, an end.

What is trained comes as a ``Job``: it knows the model and the data, the loop knows when. Everything that the
next step depends on is a function of the seed and the step, or stands in the checkpoint, so that a run that
was killed and resumed ends in the same bytes as one that was not (same machine, same number of threads).
Knows no model, no task and no files but its checkpoints.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from whet.errors import WorldError
from whet.train import checkpoint, generators, inspection
from whet.train.course import Batches, Ended, Look, Plan, State, in_any_order
from whet.train.optimizer import Optimizer
from whet.train.step import Stepped

if TYPE_CHECKING:
    from torch import Tensor


BETWEEN = 300.0
"""Seconds without a checkpoint after which one is due though dev was not looked at, so that a kill costs no
more; longer where writing one takes more than a twentieth of them."""


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
class Watching:
    """What the loop tells, and what it asks."""

    on_step: Callable[[Mapping[str, float]], None] = lambda figures: None
    """Told of every step: step, steps, loss, rate, norm, rows, learned, read, given, seconds."""
    asked_to_stop: Callable[[], bool] = lambda: False
    """Asked after every step; True saves and leaves with ``Interrupted``."""


class Interrupted(WorldError):
    """The training was asked to stop; its last step is saved."""


class NotFinite(WorldError):
    """A loss or a gradient is infinite or not a number. The step was not made."""

    ended: Ended
    """What the training had reached."""


def train(
    job: Job,
    rows: int,
    plan: Plan,
    folder: Path | None,
    watching: Watching = Watching(),
    batches: Batches | None = None,
    start: Look | None = None,
) -> Ended:
    """Train to the end, from the newest checkpoint in ``folder`` where there is one.

    Args:
        rows: how many the job has.
        folder: for checkpoints; None keeps none.
        batches: of ``plan.batch`` rows each, the last of an epoch maybe fewer; None: in any order.
        start: what dev says of the model as it comes, where that is known.

    Raises:
        Interrupted: asked to stop; ``folder`` holds the last step.
        NotFinite: a loss or gradient that is not finite.
    """
    return _Training(job, rows, plan, folder, watching, batches or in_any_order(rows, plan), start).run()


@dataclass
class _Training:
    job: Job
    rows: int
    plan: Plan
    folder: Path | None
    watching: Watching
    batches: Batches
    start: Look | None = None
    state: State = field(default_factory=State)
    kept: dict[str, Tensor] = field(default_factory=dict)
    """The weights of the look that the plan takes."""

    def __post_init__(self) -> None:
        self.optimizer = Optimizer(self.job.live, self.plan.rates)
        self.steps = self.plan.steps(self.rows)
        self._device = generators.device_of(self.job.live)
        self._began = self._saved = time.perf_counter()
        self._cost = 0.0  # seconds that the last checkpoint took
        self._epoch: tuple[int, Sequence[Sequence[int]]] = (-1, [])

    def run(self) -> Ended:
        self._resume()
        if self.state.step == 0 and self.plan.looks:
            self._look(0, self.start)  # what the model can do before it has learned anything
        for step in self._left():
            self._step(step)
            looked = self.plan.looks_after(step, self.rows)
            if looked:
                self._look(step)
            stopping = self.watching.asked_to_stop()
            if self._due(step, looked) or stopping:
                self._save()
            if stopping and step < self.steps:
                raise Interrupted("stopped when asked.", where=self.folder)
        if self.state.step < self.steps and not self.plan.save_seconds:
            self._save()
        return self._ended()

    def _ended(self) -> Ended:
        best = Look(**(self.state.best or {"loss": math.inf}))
        weights = self.kept or self._weights()  # none are kept before the first look that counts
        return Ended(self._timed(), self.steps, best, weights, self.state.seconds)

    def _weights(self) -> dict[str, Tensor]:
        return {name: tensor.detach().clone() for name, tensor in self.job.live.items()}

    def _timed(self) -> State:
        """The state with the seconds of this process in it."""
        return replace(self.state, seconds=self.state.seconds + time.perf_counter() - self._began)

    def _left(self) -> Iterator[int]:
        """The steps still to do; none once dev has not improved for long."""
        step = self.state.step
        while step < self.steps and not self._tired():
            step += 1
            yield step

    def _tired(self) -> bool:
        return 0 < self.plan.patience <= self.state.waited

    def _batch(self, step: int) -> Sequence[int]:
        """The rows of a step, counted from 1."""
        epoch, place = divmod(step - 1, math.ceil(self.rows / self.plan.batch))
        if epoch != self._epoch[0]:
            self._epoch = (epoch, self.batches(epoch))
        return self._epoch[1][place]

    def _step(self, step: int) -> None:
        start = time.perf_counter()
        rows = self._batch(step)
        done = self.job.gradients(rows, self.optimizer.clear)
        factor = self.plan.rates.factor(step, self.steps)
        if not math.isfinite(done.loss):
            raise self._not_finite("the loss", done.loss, rows, step)
        norm = self.optimizer.step(factor)
        if not math.isfinite(norm):
            raise self._not_finite("the gradient", norm, rows, step)
        before = self.state.train_loss
        loss = done.loss if before is None else 0.9 * before + 0.1 * done.loss
        self.state = replace(self.state, step=step, train_loss=loss)
        figures = {"step": step, "steps": self.steps, "rate": self.plan.rates.lr * factor, "norm": norm}
        more = {"rows": len(rows), "seconds": time.perf_counter() - start}
        self.watching.on_step({**figures, **asdict(done), **more})

    def _not_finite(self, what: str, value: float, rows: Sequence[int], step: int) -> NotFinite:
        error = NotFinite(
            f"{what} is {value} at step {step}, on {self.job.names(rows)}.",
            where=self.folder,
            fix="look at these rows; lower the rate, or train in fp32, in another folder. "
            "A checkpoint, where there is one, holds the best weights so far.",
        )
        error.ended = self._ended()
        return error

    def _look(self, step: int, known: Look | None = None) -> None:
        found = known or self.job.look()
        if self.plan.take == "last":
            self.kept = self._weights()
        self.state = replace(self.state, curve=[*self.state.curve, self._row(step, found)])
        if step or self.plan.start_counts:
            self._compare(step, found)

    def _row(self, step: int, found: Look) -> dict[str, float]:
        """One point of the curve that shows overfitting: the losses on train and on dev side by side."""
        row = {**asdict(found), "train_loss": self.state.train_loss}
        return {"step": step, **{name: value for name, value in row.items() if value is not None}}

    def _compare(self, step: int, found: Look) -> None:
        before = Look(**self.state.best) if self.state.best else None
        if not found.better_than(before):
            self.state = replace(self.state, waited=self.state.waited + 1)
            return
        if self.plan.take == "best":
            self.kept = self._weights()
        self.state = replace(self.state, waited=0, best=asdict(found), best_step=step)

    def _due(self, step: int, looked: bool) -> bool:
        if self.plan.save_seconds:
            return time.perf_counter() - self._saved >= self.plan.save_seconds
        if self.plan.save_every:
            return step % self.plan.save_every == 0 or step == self.steps
        return looked or time.perf_counter() - self._saved >= max(BETWEEN, 20 * self._cost)

    def _save(self) -> None:
        if self.folder is None:
            return
        start = time.perf_counter()
        tensors = {
            "optimizer": self.optimizer.state(),
            "generators": generators.states(self._device),
            "best": self.kept,
        }
        state = {**asdict(self._timed()), "plan": asdict(self.plan), "rows": self.rows}
        checkpoint.save(self.folder, self.state.step, state, tensors, weights=self.job.write)
        checkpoint.retain(self.folder, self.plan.keep)
        self._saved = time.perf_counter()
        self._cost = self._saved - start

    def _resume(self) -> None:
        found = checkpoint.latest(self.folder) if self.folder else None
        if found is None:
            return
        self._same(found)
        state = self._state(found)
        generators.check_device(found.tensors.get("generators", {}), self._device)
        inspection.check_tensors(found.folder, found.tensors, self._wanted(found))
        generators.set_back(found.tensors["generators"], self._device)
        self.optimizer.load(found.tensors["optimizer"])
        self.kept = dict(found.tensors["best"])
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

    def _wanted(self, found: checkpoint.Checkpoint) -> dict[str, inspection.Forms]:
        """By file, the tensors that a checkpoint of this training has; the best, once a look has counted."""
        looked = self.plan.looks and (self.plan.take == "last" or found.state.get("best"))
        return {
            "optimizer": self.optimizer.forms(),
            "best": inspection.forms(self.job.live) if looked else {},
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
