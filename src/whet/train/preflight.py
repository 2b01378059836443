"""Does a training fit this machine? Asked before a weight is loaded; if not, the nearest that does is named.

    way to train -> needs -> fits | with smaller passes | refused, with what would fit

What changes no result is done and said (smaller passes); what changes one is the user's to choose. Disk
first: it is what fails last and costs most. Knows no files; what is free comes as arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from whet.errors import InputError
from whet.models.shape import Shape
from whet.train import estimate
from whet.train.course import Plan, batch_of
from whet.train.estimate import LIBRARIES, Load, Speed, Way, memory_of, smaller
from whet.train.limit import Work, measured_rate, work_of
from whet.train.sharing import Row

LEAST_PASS = 128
"""Tokens of a pass below which nothing more is gained."""
MARGIN = 0.9
"""Share of the free memory that may be planned with."""
UNITS = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))
RANK = 16
"""Of the adapter that is proposed where all weights do not fit."""
SAMPLE = 64
"""Steps that are looked at."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What a training will need."""

    memory: int
    """Bytes beyond what the process holds already."""
    disk: int
    """Bytes of all checkpoints that stand at once, and of the result."""
    seconds: float

    def line(self, memory: int | None, disk: int) -> str:
        """As the user reads it, beside what is free."""
        free = "" if memory is None else f" ({size(memory)} free)"
        return (
            f"needs about {size(self.memory)} of memory{free}, {duration(self.seconds)}, "
            f"and {size(self.disk)} of disk ({size(disk)} free)"
        )


@dataclass(frozen=True)
class Fit:
    """How a training will go."""

    way: Way
    needs: Needs
    work: Work
    speed: Speed
    notes: Sequence[str]
    """What is done otherwise than asked."""


def preflight(
    shape: Shape,
    way: Way,
    plan: Plan,
    rows: Sequence[Row],
    dev: Sequence[Row],
    *,
    memory: int | None,
    disk: int,
    where: object,
    fixed: bool,
    device: str = "cpu",
) -> Fit:
    """Estimate a training, and find the passes that fit.

    Args:
        rows: to learn from.
        memory: bytes that are free; None: unknown, and everything fits.
        disk: bytes that are free at ``where``.
        fixed: the size of a pass was chosen by the user, and stays.
        device: where it is trained, and speed is measured.

    Raises:
        InputError: it does not fit, with the nearest way that does.
    """
    check_disk(estimate.disk_of(shape, way, plan.keep), disk, where)
    steps = sampled(rows, plan)
    question = Question(shape, lambda tried: estimate.load_of(steps, tried), memory)
    found = fitting(question, way, fixed=fixed)
    rate = measured_rate(shape.linears, way.precision, device=device)
    speed = Speed(rate, estimate.measured_operation(device))
    work = work_of(shape, way.rank)
    step, look = estimate.seconds_of(work, shape.layers, steps[:-1], dev, speed)
    count = plan.steps(len(rows))
    seconds = count * step + (1 + count // plan.every(len(rows))) * look
    needs = Needs(question.needed(found), estimate.disk_of(shape, found, plan.keep), seconds)
    return Fit(found, needs, work, speed, _otherwise(way, found))


def _otherwise(asked: Way, found: Way) -> list[str]:
    """What is done otherwise than asked."""
    if found.pass_tokens != asked.pass_tokens:
        return [f"passes of {found.pass_tokens:,} tokens, so that memory lasts; the result is the same"]
    return ["weights are not laid out for products, so that memory lasts"] if found != asked else []


def sampled(rows: Sequence[Row], plan: Plan) -> list[list[Row]]:
    """The first steps, and one of the longest row alone, which may come later."""
    count = min(SAMPLE, plan.steps(len(rows)))
    steps = [[rows[row] for row in batch_of(step, len(rows), plan)] for step in range(1, count + 1)]
    return [*steps, [max(rows, key=lambda row: len(row.ids))]]


@dataclass(frozen=True)
class Question:
    """What is asked: these rows, this model, this memory."""

    shape: Shape
    load: Callable[[Way], Load]
    """What a step holds at once, by the way to train."""
    free: int | None
    """Bytes of memory; None: unknown."""

    def needed(self, way: Way) -> int:
        return memory_of(self.shape, way, self.load(way))

    def fits(self, way: Way) -> bool:
        return self.free is None or self.needed(way) <= self.free * MARGIN


def fitting(question: Question, way: Way, *, fixed: bool) -> Way:
    """The way itself where it fits, else with the largest passes that do.

    Args:
        fixed: the size of a pass was chosen by the user, and stays.

    Raises:
        InputError: it does not fit, with the nearest way that does.
    """
    light = replace(way, pack=False)
    tries = [*([way] if way.pack else []), light, *([] if fixed else smaller(light, LEAST_PASS))]
    for tried in tries:
        if question.fits(tried):
            return tried
    least = "" if fixed else " even with the smallest passes"
    raise InputError(
        f"training needs about {size(question.needed(tries[-1]))} of memory{least}, and "
        f"{size(MARGIN * (question.free or 0))} of the {size(question.free or 0)} that are free can be used.",
        fix=_nearest(question, light, fixed=fixed),
    )


def check_disk(needed: int, free: int, where: object) -> None:
    """Refuse before any work what the disk cannot hold.

    Raises:
        InputError: says how much is needed, and how much there is.
    """
    if needed > free:
        raise InputError(
            f"checkpoints and result need about {size(needed)} of disk, and {size(free)} are free.",
            where=where,
            fix="free space, or choose another place with --out. An adapter (`methods: [lora]`) needs less "
            "than all weights, and one of a lower `rank` less still.",
        )


def _nearest(question: Question, way: Way, *, fixed: bool) -> str:
    """What could be done instead: the first that fits, where what changes the result least comes first."""
    for other in _others(question, way):
        for tried in (other, *smaller(other, LEAST_PASS)):
            if question.fits(tried):
                said = _said(way, tried if fixed else replace(tried, pass_tokens=way.pass_tokens))
                return f"{said}; that needs about {size(question.needed(tried))}."
    return f"choose a smaller model: one of {_largest(question, way)} parameters would fit."


def _others(question: Question, way: Way) -> Iterator[Way]:
    """Ways by what they change: the passes, what learns, the precision, the length of rows."""
    yield way
    light = replace(way, rank=way.rank or RANK)
    yield light
    light = replace(light, precision="bf16")
    yield light
    longest = question.load(replace(way, pass_tokens=1)).tokens
    for halved in range(1, 8):
        yield replace(light, context=max(64, longest >> halved))


def _said(way: Way, other: Way) -> str:
    """What to write into the task file."""
    said = []
    if other.rank != way.rank:
        said.append(f"`methods: [lora]` with `rank: {other.rank}` instead of all weights")
    if other.precision != way.precision:
        said.append("`precision: bf16`")
    if other.context != way.context:
        said.append(f"a shorter context, `context: {other.context}` with `too_long`")
    if other.pass_tokens != way.pass_tokens:
        said.append(f"`pass_tokens: {other.pass_tokens}` (smaller passes, the same result)")
    return "set under `tune`: " + ", ".join(said)


def _largest(question: Question, way: Way) -> str:
    """A model of this kind that would fit by LoRA in bf16: all that is not the libraries' grows with it."""
    least = replace(way, rank=way.rank or RANK, precision="bf16", pass_tokens=LEAST_PASS)
    share = max(0.0, (question.free or 0) * MARGIN - LIBRARIES) / (question.needed(least) - LIBRARIES)
    return f"about {question.shape.parameters * share / 1e6:,.1f} million"


def size(count: float) -> str:
    """Bytes as people read them."""
    for unit, name in UNITS:
        if count >= unit:
            return f"{count / unit:.1f} {name}" if count < 10 * unit else f"{count / unit:,.0f} {name}"
    return f"{count:,.0f} bytes"


def duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
