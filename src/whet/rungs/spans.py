"""The specialist that finds values in a text and fills in JSON: ``head`` and ``tune`` of ``extract``.

A *reader* gives each word of a text log-probabilities of its BIO tags; the best legal sequence makes places,
and places make the answer (``data/filling.py``). An answer's confidence is the product of the probabilities
of the chosen tags, tempered on dev. What is common to both rungs is here: the lesson, that is training rows
as words with tags, what dev says of a reader, and the folder.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from whet.data.filling import Filling, Found, filling_of
from whet.data.spans import Aligned, Place, align
from whet.models.bio import tags_for, transitions, viterbi
from whet.models.words import Words, read_words
from whet.records import Example, FitInfo, Prediction
from whet.rungs.vectors import write_card
from whet.store import make_folder
from whet.train.course import Look

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from whet.models.encoder import Encoder
    from whet.rungs.base import Setting

    Scores = NDArray[np.float32]

UNKNOWN = -1  # the tag of a word that nobody knows
TEMPERATURES = np.geomspace(0.1, 10.0, 41)


class WordReader(Protocol):
    """What scores words: a head on a frozen encoder, or a tuned tagger."""

    @property
    def encoder(self) -> Encoder: ...

    def scores(self, words: Words) -> Scores:
        """Log-probabilities of the tags of each word [words, tags]."""

    def save(self, folder: Path) -> dict[str, Any]:
        """Write the weights; what the card must say of them."""


@dataclass(frozen=True)
class SpanSpecialist:
    """A reader of words and the form of answers."""

    rung: str
    reader: WordReader
    filling: Filling
    tags: tuple[str, ...]
    temperature: float
    info: FitInfo

    def predict(self, inputs: Sequence[str]) -> list[Prediction]:
        if not inputs:
            return []
        start = time.perf_counter()
        words = read_words(self.reader.encoder, inputs)
        tagged = decode(words, self.reader.scores(words), self.tags, len(inputs))
        tokens = words.tokens(len(inputs))
        share = (time.perf_counter() - start) / max(int(tokens.sum()), 1)
        return [
            Prediction(output, sure, int(read), 0, share * float(read))
            for (output, sure), read in zip(self.answers(inputs, tagged), tokens, strict=True)
        ]

    def spans(self, inputs: Sequence[str]) -> list[list[Found]]:
        """The places that were found in each text, in order."""
        words = read_words(self.reader.encoder, inputs)
        return [one.found for one in decode(words, self.reader.scores(words), self.tags, len(inputs))]

    def answers(self, inputs: Sequence[str], tagged: Sequence[Tagged]) -> list[tuple[str, float]]:
        """Outputs and confidences."""
        pairs = zip(inputs, tagged, strict=True)
        return [(self.filling.answer(text, one.found), one.sure(self.temperature)) for text, one in pairs]

    def save(self, folder: Path) -> None:
        make_folder(folder)
        more = self.reader.save(folder)
        spans = {"filling": self.filling.as_json(), "tags": self.tags, "temperature": self.temperature}
        write_card(folder, self.rung, self.info, spans=spans, **more)


@dataclass(frozen=True)
class Tagged:
    """One text's places, and the log-probability of all of its tags."""

    found: list[Found]
    logprob: float

    def sure(self, temperature: float) -> float:
        return float(np.exp(min(self.logprob / temperature, 0.0)))


def decode(words: Words, scores: Scores, tags: tuple[str, ...], texts: int) -> list[Tagged]:
    """The best legal tags of each text, as places."""
    allowed = transitions(tags)
    bounds = np.searchsorted([place[0] for place in words.places], np.arange(texts + 1))
    found = []
    for first, last in pairwise(map(int, bounds)):
        part = scores[first:last]
        best = best_tags(part, allowed) if len(part) else []
        chosen = part[np.arange(len(part)), best]
        found.append(Tagged(_places(best, tags, words.places[first:last], chosen), float(chosen.sum())))
    return found


def best_tags(scores: Scores, allowed: Scores) -> list[int]:
    """The best legal sequence; where the best tag of each word by itself is legal, that is it."""
    plain = scores.argmax(axis=1)
    if allowed[0, plain[0]] == 0 and not allowed[plain[:-1], plain[1:]].any():
        return [int(tag) for tag in plain]
    return viterbi(scores, allowed)


def _places(
    best: Sequence[int], tags: tuple[str, ...], places: Sequence[tuple[int, int, int]], chosen: Scores
) -> list[Found]:
    found: list[Found] = []
    for tag, (_, start, end), logprob in zip(best, places, chosen, strict=True):
        sure = float(np.exp(logprob))
        if tags[tag].startswith("B-"):
            found.append(Found(start, end, tags[tag][2:], sure))
        elif tags[tag].startswith("I-"):
            found[-1] = replace(found[-1], end=end, sure=found[-1].sure * sure)
    return found


@dataclass(frozen=True)
class Lesson:
    """Training rows and dev rows as words with tags."""

    train: tuple[Example, ...]
    dev: tuple[Example, ...]
    aligned: Aligned
    words: Words
    wanted: tuple[int, ...]
    """The tag of each word of train."""
    dev_words: Words
    dev_wanted: tuple[int, ...]
    """The tag of each word of dev; ``UNKNOWN`` in rows of which a value has no place."""
    tags: tuple[str, ...]
    filling: Filling

    @cached_property
    def dev_inputs(self) -> list[str]:
        return [example.input for example in self.dev]

    def look(self, scores: Scores, setting: Setting) -> Look:
        """What dev says of scores of its words: the metric, and the mean loss of a word."""
        tagged = decode(self.dev_words, scores, self.tags, len(self.dev))
        outputs = [self.filling.answer(e.input, t.found) for e, t in zip(self.dev, tagged, strict=True)]
        wanted = np.array(self.dev_wanted)
        right = scores[np.arange(len(wanted)), wanted][wanted != UNKNOWN]
        return Look(float(-right.mean()) if len(right) else 0.0, setting.metric.on(self.dev, outputs))

    def specialist(
        self, rung: str, reader: WordReader, scores: Scores, info: FitInfo, setting: Setting
    ) -> SpanSpecialist:
        """The reader as a specialist; ``scores`` are those of dev, on which the confidence is fitted."""
        tagged = decode(self.dev_words, scores, self.tags, len(self.dev))
        plain = SpanSpecialist(rung, reader, self.filling, self.tags, 1.0, info)
        outputs = [output for output, _ in plain.answers(self.dev_inputs, tagged)]
        right = np.array([o == e.output for o, e in zip(outputs, self.dev, strict=True)])
        told = replace(
            info,
            dev_score=setting.metric.on(self.dev, outputs),
            dev_outputs=outputs,
            notes=[*info.notes, *self.aligned.told()],
        )
        return replace(plain, temperature=_temperature(tagged, right), info=told)


def lesson_of(encoder: Encoder, train: Sequence[Example], dev: Sequence[Example]) -> Lesson:
    """Rows whose values have no place teach wrong tags, and are left out where others are left.

    Raises:
        NoFields: the answers are not of a form that can be tagged.
    """
    aligned = align([e.input for e in train], [str(e.output) for e in train])
    rows = [n for n, whole in enumerate(aligned.whole) if whole] or list(range(len(train)))
    kept = tuple(train[row] for row in rows)
    tags = tags_for([".".join(path) for path in aligned.taggable])
    words = read_words(encoder, [e.input for e in kept])
    places = [aligned.places[row] for row in rows]
    seen = _seen([e.input for e in kept], words, places)
    filling = filling_of(aligned.form, aligned.taggable, seen, [str(e.output) for e in train])
    dev_words = read_words(encoder, [e.input for e in dev])
    return Lesson(
        kept,
        tuple(dev),
        aligned,
        words,
        tags_of(words, places, tags),
        dev_words,
        tuple(_tags_of_dev(dev_words, dev, aligned, tags)),
        tags,
        filling,
    )


def _tags_of_dev(words: Words, dev: Sequence[Example], aligned: Aligned, tags: tuple[str, ...]) -> list[int]:
    """None is known where dev's answers have another form than those of train."""
    from whet.data.fields import NoFields

    try:
        there = align([e.input for e in dev], [str(e.output) for e in dev], aligned.taggable)
    except NoFields:
        return [UNKNOWN] * len(words.places)
    found = tags_of(words, there.places, tags)
    return [tag if there.whole[at[0]] else UNKNOWN for tag, at in zip(found, words.places, strict=True)]


def tags_of(words: Words, places: Sequence[Sequence[Place]], tags: tuple[str, ...]) -> tuple[int, ...]:
    """The tag of each word: B- where a place begins, I- within it; a word that is only in part in a place
    is in it."""
    number = {tag: n for n, tag in enumerate(tags)}
    begun, found = set[tuple[int, int]](), []
    for text, start, end in words.places:
        tag = "O"
        for place in places[text]:
            if place.start < end and start < place.end:
                before = "I-" if (text, place.start) in begun else "B-"
                tag = before + ".".join(place.path)
                begun.add((text, place.start))
                break
        found.append(number[tag])
    return tuple(found)


def _seen(
    inputs: Sequence[str], words: Words, places: Sequence[Sequence[Place]]
) -> list[tuple[str, str, str]]:
    """Name of the field, text of the whole words in its place, and value, of every place."""
    extents: dict[tuple[int, int], tuple[int, int]] = {}
    for text, start, end in words.places:
        for place in places[text]:
            if place.start < end and start < place.end:
                first, _ = extents.get((text, place.start), (start, end))
                extents[text, place.start] = first, end
    return [
        (".".join(place.path), inputs[text][slice(*extents[text, place.start])], place.value)
        for text, row in enumerate(places)
        for place in row
        if (text, place.start) in extents
    ]


def _temperature(tagged: Sequence[Tagged], right: NDArray[np.bool_]) -> float:
    """That which makes the confidences of dev likeliest."""

    def loss(temperature: float) -> float:
        sure = np.clip([one.sure(temperature) for one in tagged], 1e-6, 1 - 1e-6)
        return float(-np.log(np.where(right, sure, 1 - sure)).mean())

    return float(min(TEMPERATURES, key=loss)) if len(tagged) else 1.0
