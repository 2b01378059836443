"""head, where answers are values that stand in the input: softmax regression on frozen words.

Of each word it reads what the encoder makes of it in the middle and at the end (the upper layers of a
sentence encoder have given up much of what a single word is), its shape, and the shapes beside it. The
encoder reads every text once; the strength C is chosen on dev, and what is chosen then learns from dev too.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from whet.data.fields import NoFields
from whet.data.filling import filling_from
from whet.models.cache import CachedEncoder
from whet.models.encoder import Encoder
from whet.models.words import SHAPES, Words, word_shapes, word_states
from whet.records import Example, FitInfo
from whet.rungs.spans import Lesson, SpanSpecialist, lesson_of
from whet.rungs.vectors import default_encoder, load_encoder, save_encoder
from whet.store import write_bytes
from whet.train.linear import LinearHead, fit_linear

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from whet.models.encoder import TextEncoder
    from whet.rungs.base import Setting
    from whet.rungs.spans import Scores

STRENGTHS = (10.0, 100.0)
SHAPE_SIZE = 0.5  # of the ones that stand for a shape, beside states of length 1


@dataclass(frozen=True)
class FrozenReader:
    """A linear head on the states of words (``spans.WordReader``)."""

    encoder: Encoder
    head: LinearHead

    def scores(self, words: Words) -> Scores:
        return scores_of(self.head, features(self.encoder, words))

    def save(self, folder: Path) -> dict[str, Any]:
        from safetensors.numpy import save

        arrays = {"weight": self.head.weight, "bias": self.head.bias}
        write_bytes(folder / "arrays.safetensors", save(arrays))
        return {"encoder": save_encoder(folder, self.encoder.source)}


def load_span_head(folder: Path, card: Mapping[str, Any]) -> SpanSpecialist:
    from safetensors.numpy import load_file

    arrays = load_file(folder / "arrays.safetensors")
    reader = FrozenReader(load_encoder(folder, card["encoder"]), LinearHead(arrays["weight"], arrays["bias"]))
    return specialist_from(card, reader)


def specialist_from(card: Mapping[str, Any], reader: Any) -> SpanSpecialist:
    """What a card says, with its reader."""
    spans = card["spans"]
    filling, info = filling_from(spans["filling"]), FitInfo(**card["info"])
    return SpanSpecialist(
        str(card["rung"]), reader, filling, tuple(spans["tags"]), float(spans["temperature"]), info
    )


def features(encoder: Encoder, words: Words, *, precise: bool = True) -> NDArray[np.float32]:
    """What the head reads of each word [words, 2 dim + 3 SHAPES]."""
    states = word_states(encoder, words, middle_and_last(encoder), precise=precise)
    parts = np.split(states, 2, axis=1)
    shapes = np.eye(SHAPES, dtype=np.float32)[word_shapes(words)] * np.float32(SHAPE_SIZE)
    texts = np.array([place[0] for place in words.places])
    beside = [_moved(shapes, texts, 1), _moved(shapes, texts, -1)]
    return np.concatenate([*map(_unit, parts), shapes, *beside], axis=1)


def middle_and_last(encoder: Encoder) -> tuple[int, int]:
    layers = int(encoder.model("fp32").config.num_hidden_layers)
    return layers // 2, layers


def _unit(states: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows of length 1."""
    lengths = np.linalg.norm(states, axis=1, keepdims=True)
    return np.asarray(states / np.maximum(lengths, 1e-6), dtype=np.float32)


def _moved(rows: NDArray[np.float32], texts: NDArray[np.int64], by: int) -> NDArray[np.float32]:
    """The rows of the words ``by`` places before, of the same text; zero where there is none."""
    moved = np.roll(rows, by, axis=0)
    moved[np.roll(texts, by) != texts] = 0
    edge = slice(0, by) if by > 0 else slice(by, None)
    moved[edge] = 0
    return moved


def scores_of(head: LinearHead, read: NDArray[np.float32]) -> Scores:
    """Log-probabilities of the tags [words, tags]."""
    from scipy.special import log_softmax

    return np.asarray(log_softmax(read @ head.weight.T + head.bias, axis=1), dtype=np.float32)


def fit_span_head(
    setting: Setting, choices: Mapping[str, Any], train: Sequence[Example], dev: Sequence[Example]
) -> SpanSpecialist | None:
    """The best head of the best encoder on dev; None where the answers cannot be tagged."""
    start = time.perf_counter()
    best: tuple[tuple[float, float], _Fit] | None = None
    tried: list[dict[str, Any]] = []
    try:
        for encoder in plain_encoders(setting, choices):
            fit = _read(encoder, lesson_of(encoder, train, dev))
            for strength in (choices["C"],) if "C" in choices else STRENGTHS:
                fit = fit.at(strength)
                found = fit.lesson.look(fit.dev_scores(), setting)
                score = (found.score or 0.0, -found.loss)
                tried.append({**fit.choices, "dev": found.score, "dev_loss": found.loss})
                if best is None or score > best[0]:
                    best = score, fit
    except NoFields:
        return None
    assert best is not None, "no encoder, or no strength"
    specialist = best[1].specialist(setting)
    info = replace(specialist.info, seconds=time.perf_counter() - start, tried=tried)
    return replace(specialist, info=info)


def plain_encoders(setting: Setting, choices: Mapping[str, Any]) -> list[Encoder]:
    """The task's encoders, or the one chosen, or the offline default, as readers of words."""
    given: Sequence[TextEncoder] = setting.encoders or (default_encoder(),)
    named = [e for e in given if e.source.name == choices.get("encoder", e.source.name)]
    inner = [e.inner if isinstance(e, CachedEncoder) else e for e in named or given]
    return [e if isinstance(e, Encoder) else Encoder(e.source) for e in inner]


@dataclass(frozen=True)
class _Fit:
    """One encoder's words, read once, and the head fitted to them."""

    encoder: Encoder
    lesson: Lesson
    read: NDArray[np.float32]
    dev_read: NDArray[np.float32]
    head: LinearHead
    choices: Mapping[str, Any]

    def at(self, strength: float) -> _Fit:
        """The same words with a head of this strength."""
        choices = {"encoder": self.encoder.source.name, "spans": True, "C": strength}
        table = table_of(self.lesson.wanted, self.lesson.tags)
        head = fit_linear(self.read, table, strength, several=False, start=self.head)
        return replace(self, head=head, choices=choices)

    def dev_scores(self) -> Scores:
        return scores_of(self.head, self.dev_read)

    def specialist(self, setting: Setting) -> SpanSpecialist:
        """The specialist, its confidence fitted on dev before dev was learned."""
        reader = FrozenReader(self.encoder, self.head)
        info = FitInfo(self.choices)
        found = self.lesson.specialist("head", reader, self.dev_scores(), info, setting)
        both = np.concatenate([self.read, self.dev_read])
        table = table_of([*self.lesson.wanted, *self.lesson.dev_wanted], self.lesson.tags)
        head = fit_linear(both, table, self.choices["C"], several=False)  # whatever was tried before
        info = replace(found.info, parameters_trained=head.parameters)
        return replace(found, reader=FrozenReader(self.encoder, head), info=info)


def _read(encoder: Encoder, lesson: Lesson) -> _Fit:
    """With a head that knows nothing yet."""
    read, dev_read = features(encoder, lesson.words, precise=False), features(encoder, lesson.dev_words)
    tags = len(lesson.tags)
    blank = LinearHead(np.zeros((tags, read.shape[1]), np.float32), np.zeros(tags, np.float32))
    return _Fit(encoder, lesson, read, dev_read, blank, {})


def table_of(wanted: Sequence[int], tags: Sequence[str]) -> NDArray[np.float32]:
    """Tags as 0 and 1 [words, tags]; a word whose tag is not known has none."""
    return np.vstack([np.eye(len(tags), dtype=np.float32), np.zeros((1, len(tags)), np.float32)])[
        list(wanted)
    ]
