"""tune, of models that write: each learns the task's own turns, and is asked by the same turns afterwards.
With documents the turns hold passages (``placing.py``).

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
from whet.records import Example, FitInfo, Turn
from whet.rungs.asked import Asked, Candidate, fit_asked, frame_for
from whet.rungs.base import Setting
from whet.rungs.placing import PLACES, placed

if TYPE_CHECKING:
    from whet.models.base import Request
    from whet.models.decoder import DecoderSource
    from whet.records import Passage
    from whet.rungs.frame import Frame
    from whet.rungs.lookup import Lookup

KS = (1, PLACES)
"""Passages that a trained model is asked with; dev chooses."""


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
    rung: str,
    setting: Setting,
    train: Sequence[Example],
    dev: Sequence[Example],
    chosen: Mapping[str, Any],
    lookup: Lookup | None = None,
) -> Asked | None:
    """Train every local model that writes, and keep the best on dev; None where there is none.

    Args:
        chosen: what an earlier fit chose; models that were not chosen are not trained.
        lookup: finds passages, which then stand in every row; None: nothing is looked up.
    """
    local = [writer for writer in setting.writers if isinstance(writer, Local)]
    if chosen.get("model"):
        local = [writer for writer in local if writer.name == chosen["model"]]
    if not local or setting.teach is None:
        return None
    frame = frame_for(setting)
    taught = [_taught(_Rows(writer, frame, setting, lookup), train, dev) for writer in local]
    writers = [_writer(one, writer) for one, writer in zip(taught, local, strict=True)]
    found = fit_asked(rung, replace(setting, writers=writers), lambda _: _ways(frame, lookup), dev, chosen)
    assert found is not None
    place = next(n for n, writer in enumerate(writers) if writer is found.writer)
    return _told(found, taught[place], sum(one.seconds for one in taught))


@dataclass(frozen=True)
class _Rows:
    """How examples become conversations for one model."""

    writer: Local
    frame: Frame
    setting: Setting
    lookup: Lookup | None

    def train(self, examples: Sequence[Example]) -> list[Conversation]:
        if self.lookup is None:
            return [self._conversation(example) for example in examples]
        shown = placed(self.lookup, examples, self.setting.seed, self._too_long)
        return [self._conversation(*pair) for pair in zip(examples, shown, strict=True)]

    def dev(self, examples: Sequence[Example]) -> list[Conversation]:
        """As they will be asked."""
        if self.lookup is None:
            return [self._conversation(example) for example in examples]
        lookup = replace(self.lookup, k=PLACES)
        asked = Asked("", self.writer, self.frame, FitInfo(), lookup=lookup)
        posed = asked.posed([example.input for example in examples])
        return [self._conversation(e, one.passages) for e, one in zip(examples, posed, strict=True)]

    def _too_long(self, example: Example, passages: Sequence[Passage]) -> bool:
        return self.writer.too_long([self._request(example, passages)])[0]

    def _request(self, example: Example, passages: Sequence[Passage]) -> Request:
        return self.frame.request(example.input, passages=[passage.shown for passage in passages])

    def _conversation(self, example: Example, passages: Sequence[Passage] = ()) -> Conversation:
        """The turns that will be asked, and the approved answer."""
        answer = Turn("assistant", self.frame.shown(example.output))
        return Conversation((*self._request(example, passages).turns, answer), example.source)


def _taught(rows: _Rows, train: Sequence[Example], dev: Sequence[Example]) -> Taught:
    assert rows.setting.teach is not None
    shown, judged = tuple(rows.train(train)), tuple(rows.dev(dev))
    return rows.setting.teach(Lesson(rows.writer.source, shown, judged, rows.frame.told()))


def _writer(taught: Taught, before: Local) -> Local:
    if taught.adapter:
        return Local(before.source, taught.weights)
    source = describe_decoder(taught.weights, before.source.name, local=True)
    return Local(source)


def _ways(frame: Frame, lookup: Lookup | None) -> list[Candidate]:
    """Free, and held to its form where it has one; with documents, by fewer passages and by more."""
    held = replace(frame, strict=True)
    ways = {"free": frame, "held": held} if held.form() is not None else {"free": frame}
    if lookup is None:
        return [Candidate({"answers": name}, way) for name, way in ways.items()]
    return [
        Candidate({"answers": name, "passages": k}, way, lookup=replace(lookup, k=k))
        for k in KS
        for name, way in ways.items()
    ]


def _told(asked: Asked, taught: Taught, seconds: float) -> Asked:
    info = replace(
        asked.info,
        parameters_trained=taught.parameters,
        seconds=asked.info.seconds + seconds,
        curve=taught.curve,
        notes=[*asked.info.notes, *taught.notes],
    )
    return replace(asked, info=info)
