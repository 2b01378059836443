"""tune, of models that write: each learns the task's own turns, and is asked by the same turns afterwards.

The training itself is the core's (``whet.train``), which comes as a function: this module says what is
learned, and lets dev choose between the trained models, and between free answers and held ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet.models.decoder import describe_decoder
from whet.models.layout import Conversation
from whet.models.opening import Local
from whet.records import Example, Turn
from whet.rungs.asked import Asked, Candidate, fit_asked, frame_for
from whet.rungs.base import Setting

if TYPE_CHECKING:
    from whet.models.decoder import DecoderSource
    from whet.rungs.frame import Frame


@dataclass(frozen=True)
class Lesson:
    """What a model is to learn."""

    source: DecoderSource
    train: tuple[Conversation, ...]
    dev: tuple[Conversation, ...]
    instruction: str


@dataclass(frozen=True)
class Taught:
    """What a training gave."""

    weights: Path
    """An adapter, or a whole model."""
    adapter: bool
    parameters: int
    """Trained."""
    seconds: float
    curve: Sequence[Mapping[str, float]]
    notes: Sequence[str]


Teach = Callable[[Lesson], Taught]


def fit_taught(
    rung: str, setting: Setting, train: Sequence[Example], dev: Sequence[Example], chosen: Mapping[str, Any]
) -> Asked | None:
    """Train every local model that writes, and keep the best on dev; None where there is none.

    Args:
        chosen: what an earlier fit chose; models that were not chosen are not trained.
    """
    local = [writer for writer in setting.writers if isinstance(writer, Local)]
    if chosen.get("model"):
        local = [writer for writer in local if writer.name == chosen["model"]]
    if not local or setting.teach is None:
        return None
    frame = frame_for(setting)
    taught = [_taught(writer, frame, setting, train, dev) for writer in local]
    writers = [_writer(one, writer) for one, writer in zip(taught, local, strict=True)]
    found = fit_asked(rung, replace(setting, writers=writers), lambda _: _ways(frame), dev, chosen)
    assert found is not None
    place = next(n for n, writer in enumerate(writers) if writer is found.writer)
    return _told(found, taught[place], sum(one.seconds for one in taught))


def _taught(
    writer: Local, frame: Frame, setting: Setting, train: Sequence[Example], dev: Sequence[Example]
) -> Taught:
    assert setting.teach is not None
    shown, judged = (tuple(_conversation(frame, example) for example in side) for side in (train, dev))
    return setting.teach(Lesson(writer.source, shown, judged, frame.told()))


def _conversation(frame: Frame, example: Example) -> Conversation:
    """The turns that will be asked, and the approved answer."""
    answer = Turn("assistant", frame.shown(example.output))
    return Conversation((*frame.request(example.input).turns, answer), example.source)


def _writer(taught: Taught, before: Local) -> Local:
    if taught.adapter:
        return Local(before.source, taught.weights)
    source = describe_decoder(taught.weights, before.source.name, local=True)
    return Local(source)


def _ways(frame: Frame) -> list[Candidate]:
    """Free, and held to its form where it has one."""
    held = replace(frame, strict=True)
    ways = {"free": frame, "held": held} if held.form() is not None else {"free": frame}
    return [Candidate({"answers": name}, way) for name, way in ways.items()]


def _told(asked: Asked, taught: Taught, seconds: float) -> Asked:
    info = replace(
        asked.info,
        parameters_trained=taught.parameters,
        seconds=asked.info.seconds + seconds,
        curve=taught.curve,
        notes=[*asked.info.notes, *taught.notes],
    )
    return replace(asked, info=info)
