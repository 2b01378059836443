"""The specialist shared by the rungs that ask a model that writes: a frame, a model, a reading of its answer.

A rung proposes frames; here is what they have in common: the choice among frames and models on dev,
predicting, and the folder. Where the model gives probabilities of the labels, they are tempered on dev like
those of every classifying rung; else the confidence is the probability of the answer as it was written.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from whet.data.outputs import read_answer
from whet.models.opening import open_writer, price_of, save_writer
from whet.records import Example, FitInfo, Output, Prediction, Specialist
from whet.rungs.base import Setting
from whet.rungs.deciding import Decider, fitted
from whet.rungs.frame import Frame, Shot, frame_of
from whet.rungs.lookup import Lookup, encoder_for, load_lookup
from whet.rungs.posing import Posed, left_out, posed_as, within
from whet.rungs.shots import Neighbours
from whet.rungs.vectors import load_decider, load_encoder, save_encoder, write_card
from whet.store import make_folder, read_jsonl, write_bytes, write_jsonl

if TYPE_CHECKING:
    from whet.models.base import Answer, Writer

FEW = 100
"""Dev rows that choose among frames; the chosen one answers all of dev."""
FAINT = 1e-9


__all__ = ["Asked", "Candidate", "best_of", "encoder_for", "fit_asked", "frame_for", "load_asked"]


@dataclass(frozen=True)
class Asked:
    """A frame around every input, and a model that answers."""

    rung: str
    writer: Writer
    frame: Frame
    info: FitInfo
    neighbours: Neighbours | None = None
    """Finds demonstrations for each input; None: all get the frame's own."""
    decider: Decider | None = None
    """For probabilities of the labels, where the model gives them."""
    lookup: Lookup | None = None
    """Finds passages for each input; None: the task has no documents, or they are not shown."""

    def predict(self, inputs: Sequence[str]) -> list[Prediction]:
        posed = self.posed(inputs)
        answers = self.writer.answer([one.request for one in posed])
        return [self.prediction(answer, one) for answer, one in zip(answers, posed, strict=True)]

    def posed(self, inputs: Sequence[str]) -> list[Posed]:
        """Each input with what is shown beside it."""
        start = time.perf_counter()
        near = self.neighbours.find(inputs) if self.neighbours else [()] * len(inputs)
        found = self.lookup.find(inputs) if self.lookup else [()] * len(inputs)
        share = (time.perf_counter() - start) / max(1, len(inputs))
        rows = [
            replace(posed_as(self.frame, text, shots, passages), seconds=share)
            for text, shots, passages in zip(inputs, near, found, strict=True)
        ]
        too_long = getattr(self.writer, "too_long", None)
        return within(self.frame, rows, inputs, too_long) if too_long else rows

    def prediction(self, answer: Answer, posed: Posed) -> Prediction:
        """An answer of the model to what was posed, as a prediction."""
        output, confidence = self._read(answer)
        return Prediction(
            output,
            confidence,
            answer.tokens_in,
            answer.tokens_out,
            answer.seconds + posed.seconds,
            price_of(self.writer, answer),
            failed=answer.failed,
            cached=answer.cached,
            passages=posed.passages,
            knowledge=self.lookup.index.digest if self.lookup else "",
        )

    def _read(self, answer: Answer) -> tuple[Output, float]:
        if answer.failed:
            return "", 0.0
        if self.decider is not None and answer.choices:
            outputs, sure = self.decider.outputs(_scores([answer]))
            return outputs[0], float(sure[0])
        chance = self.info.dev_score if answer.logprob is None else math.exp(answer.logprob)
        return self.read(answer.text), min(max(chance, 0.0), 1.0)

    def shares(self, answer: Answer) -> tuple[tuple[str, ...], list[float]]:
        """The labels and their probabilities, where the model scored them."""
        names = tuple(label.name for label in self.frame.labels)
        if self.decider is None:
            return names, list(answer.choices)
        return self.decider.labels, self.decider.probabilities(_scores([answer]))[0].tolist()

    def read(self, text: str) -> Output:
        """What the model wrote, as an output."""
        names = [label.name for label in self.frame.labels]
        return read_answer(self.frame.kind, text, names, several=self.frame.several)

    def save(self, folder: Path) -> None:
        make_folder(folder)
        more: dict[str, Any] = {"frame": self.frame.as_json(), "writer": save_writer(folder, self.writer)}
        if self.decider is not None:
            more["decider"] = asdict(self.decider)
        if self.neighbours is not None:
            more["neighbours"] = _save_neighbours(folder, self.neighbours)
        if self.lookup is not None:
            more["knowledge"] = self.lookup.save(folder)
        write_card(folder, self.rung, self.info, **more)


def load_asked(folder: Path, card: Mapping[str, Any]) -> Asked:
    return Asked(
        rung=str(card["rung"]),
        writer=open_writer(folder, card["writer"]),
        frame=frame_of(card["frame"]),
        info=FitInfo(**card["info"]),
        neighbours=_load_neighbours(folder, card["neighbours"]) if "neighbours" in card else None,
        decider=load_decider(card["decider"]) if "decider" in card else None,
        lookup=load_lookup(folder, card["knowledge"]) if "knowledge" in card else None,
    )


@dataclass(frozen=True)
class Candidate:
    """One way to ask, to be compared on dev."""

    choices: Mapping[str, Any]
    frame: Frame
    neighbours: Neighbours | None = None
    lookup: Lookup | None = None


def fit_asked(
    rung: str,
    setting: Setting,
    propose: Callable[[Setting], Sequence[Candidate]],
    dev: Sequence[Example],
    chosen: Mapping[str, Any],
) -> Asked | None:
    """Try every candidate with every model that writes, and keep the best on dev, the earlier on a tie.

    Args:
        chosen: what an earlier fit chose; candidates that differ from it are not tried.
    """
    if not setting.writers:
        return None
    start = time.perf_counter()
    candidates = [c for c in propose(setting) if all(chosen.get(k, v) == v for k, v in c.choices.items())]
    writers = [w for w in setting.writers if chosen.get("model", w.name) == w.name] or setting.writers
    pairs = [(writer, candidate) for writer in writers for candidate in candidates]
    assert pairs, "a rung proposed no way to ask, or none that was chosen before"
    tried: list[dict[str, Any]] = []
    best: tuple[float, Asked] | None = None
    few = random.Random(setting.seed).sample(list(dev), min(FEW, len(dev))) if len(pairs) > 1 else []
    for number, (writer, candidate) in enumerate(pairs):
        choices = {"model": writer.name, **candidate.choices}
        near, lookup = candidate.neighbours, candidate.lookup
        asked = Asked(rung, writer, candidate.frame, FitInfo(choices), near, lookup=lookup)
        setting.tell(f"{rung}: {_said(choices)}", number, len(pairs))
        gain = _gain(asked, few, setting) if few else 0.0
        tried.append({**choices, "dev": gain})
        if best is None or gain > best[0]:
            best = gain, asked
    assert best is not None
    return _judged(best[1], dev, setting, tried if few else [], start)


def _gain(asked: Asked, dev: Sequence[Example], setting: Setting) -> float:
    outputs = [prediction.output for prediction in asked.predict([example.input for example in dev])]
    return setting.metric.on(dev, outputs)


def _judged(
    asked: Asked, dev: Sequence[Example], setting: Setting, tried: Sequence[Mapping[str, Any]], start: float
) -> Asked:
    """With its decider, its score on all of dev, and what it took to get there."""
    truths = [example.output for example in dev]
    posed = asked.posed([example.input for example in dev])
    answers = asked.writer.answer([one.request for one in posed], setting.tell)
    if answers and all(answer.choices for answer in answers):
        names = tuple(label.name for label in asked.frame.labels)
        decider = fitted(Decider(names), _scores(answers), truths, setting.metric)
        asked = replace(asked, decider=decider)
    outputs = [asked._read(answer)[0] for answer in answers]
    info = replace(
        asked.info,
        dev_score=setting.metric.on(dev, outputs),
        seconds=time.perf_counter() - start,
        tried=tried,
        notes=[*_notes(answers, tried, len(dev)), *_left_out(asked, posed)],
    )
    return replace(asked, info=info)


def _notes(answers: Sequence[Answer], tried: Sequence[Mapping[str, Any]], dev: int) -> list[str]:
    notes = []
    if tried and dev > FEW:
        notes.append(f"chose among {len(tried)} ways to ask on {FEW} dev rows")
    if failed := [answer.failed for answer in answers if answer.failed]:
        notes.append(f"{len(failed):,} of {len(answers):,} dev rows were not answered: {failed[0]}")
    return notes


def _left_out(asked: Asked, posed: Sequence[Posed]) -> list[str]:
    """Where the model reads too little for all examples or passages."""
    near, lookup = asked.neighbours, asked.lookup
    shots = len(asked.frame.shots) + (min(near.k, len(near.pool)) if near else 0)
    passages = min(lookup.k, len(lookup.index.passages)) if lookup else 0
    return left_out(posed, shots, passages)


def _scores(answers: Sequence[Answer]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Log probabilities of the labels [n, labels]."""
    return np.log(np.maximum(np.array([answer.choices for answer in answers], dtype=np.float64), FAINT))


def _said(choices: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in choices.items())


class NothingFits(Exception):
    """Of so few rows none of the ways of a rung can learn."""


def best_of(found: Sequence[Specialist | None]) -> Specialist:
    """What dev likes best; of equals the earlier.

    Raises:
        NothingFits: there is none.
    """
    there = [specialist for specialist in found if specialist is not None]
    if not there:
        raise NothingFits
    return max(there, key=lambda specialist: specialist.info.dev_score)


def _save_neighbours(folder: Path, neighbours: Neighbours) -> dict[str, Any]:
    from safetensors.numpy import save

    write_bytes(folder / "pool.safetensors", save({"vectors": neighbours.vectors}))
    write_jsonl(folder / "pool.jsonl", [asdict(shot) for shot in neighbours.pool])
    return {"k": neighbours.k, "encoder": save_encoder(folder, neighbours.encoder.source)}


def _load_neighbours(folder: Path, card: Mapping[str, Any]) -> Neighbours:
    from safetensors.numpy import load_file

    pool = tuple(
        Shot(row["input"], row["output"] if isinstance(row["output"], str) else tuple(row["output"]))
        for row in read_jsonl(folder / "pool.jsonl")
    )
    vectors = load_file(folder / "pool.safetensors")["vectors"]
    return Neighbours(load_encoder(folder, card["encoder"]), pool, vectors, int(card["k"]))


def frame_for(setting: Setting) -> Frame:
    """The frame that a task asks for, with nothing chosen yet."""
    return Frame(
        kind=setting.kind,
        instruction=setting.instruction,
        labels=setting.labels if setting.kind == "classify" else (),
        several=setting.multi_label,
        schema=setting.schema,
        pattern=setting.pattern,
        tokens=setting.answer_tokens,
    )
