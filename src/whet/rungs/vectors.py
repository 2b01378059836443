"""The specialist shared by the rungs on a frozen encoder: vectors, a few arrays, a score.

A rung gives the score: a function of its arrays and the input's unit vectors. Here is what they have
in common: the choice among encoders on dev, predicting, and the folder. Once everything is chosen, a
rung that learns from all examples learns from dev too: the choice stands, and a tenth more examples
are worth more than a set that has done its work.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from whet.config import DEFAULT_ENCODER
from whet.errors import InputError
from whet.models.encoder import Encoder
from whet.models.source import describe, find_encoder
from whet.records import Example, FitInfo, Prediction
from whet.rungs.base import CARD, FORMAT, Setting
from whet.rungs.deciding import Decider, fitted
from whet.store import make_folder, write_bytes, write_json

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from whet.models.encoder import Encoded, TextEncoder
    from whet.models.source import EncoderSource

Arrays = Mapping[str, "NDArray[Any]"]
Score = Callable[[Arrays, "NDArray[np.float32]"], "NDArray[np.floating[Any]]"]
"""(arrays, vectors [n, dim]) -> scores [n, labels]"""


@dataclass(frozen=True)
class VectorSpecialist:
    """A frozen encoder, arrays and a score."""

    rung: str
    encoder: TextEncoder
    arrays: Arrays
    score: Score
    decider: Decider
    info: FitInfo

    def predict(self, inputs: Sequence[str]) -> list[Prediction]:
        return self.decider.predictions(*self.scored(inputs)) if inputs else []

    def scored(self, inputs: Sequence[str]) -> tuple[NDArray[np.floating[Any]], Encoded]:
        """Scores of the labels [n, labels], and the vectors that they come from."""
        encoded = self.encoder.encode(inputs)
        return self.score(self.arrays, encoded.vectors), encoded

    def save(self, folder: Path) -> None:
        from safetensors.numpy import save

        make_folder(folder)
        write_bytes(folder / "arrays.safetensors", save(dict(self.arrays)))
        encoder = save_encoder(folder, self.encoder.source)
        write_card(folder, self.rung, self.info, decider=asdict(self.decider), encoder=encoder)


def load_vectors(folder: Path, card: Mapping[str, Any], score: Score) -> VectorSpecialist:
    from safetensors.numpy import load_file

    return VectorSpecialist(
        rung=str(card["rung"]),
        encoder=load_encoder(folder, card["encoder"]),
        arrays=load_file(folder / "arrays.safetensors"),
        score=score,
        decider=load_decider(card["decider"]),
        info=FitInfo(**card["info"]),
    )


def load_decider(card: Mapping[str, Any]) -> Decider:
    return Decider(**{**card, "labels": tuple(card["labels"])})


def write_card(folder: Path, rung: str, info: FitInfo, **more: Any) -> None:
    """``specialist.json``: what the folder holds and how it came to be. Written last."""
    card = {"format": FORMAT, "rung": rung, **more, "info": asdict(info)}
    write_json(folder / CARD, card)


def save_encoder(folder: Path, source: EncoderSource) -> dict[str, Any]:
    """How to find the encoder again; one that only this machine knows is copied along."""
    if source.local and source.folder != folder / "encoder":
        shutil.copytree(source.folder, folder / "encoder", dirs_exist_ok=True)
    return {"name": source.name, "sha256": source.sha256, "copied": source.local}


def load_encoder(folder: Path, card: Mapping[str, Any]) -> Encoder:
    """The encoder that the specialist was fitted with, by digest.

    Raises:
        InputError: other weights under the same name.
    """
    name = str(card["name"])
    copied = folder / "encoder"
    source = describe(copied, name, local=True) if card["copied"] else find_encoder(name)
    if source.sha256 != card["sha256"]:
        raise InputError(
            f"the encoder {name} on this machine has other weights than the specialist's.",
            where=folder,
            fix="fetch the same revision again, or fit the rung again.",
        )
    return Encoder(source)


@lru_cache(maxsize=1)
def default_encoder() -> Encoder:
    return Encoder(find_encoder(DEFAULT_ENCODER))


class Meter:
    """Counts the seconds that a cache saved a rung, so that the first rung does not pay for all."""

    def __init__(self) -> None:
        self.saved = 0.0
        self._inner: TextEncoder

    def on(self, encoder: TextEncoder) -> TextEncoder:
        self._inner = encoder
        return self

    @property
    def source(self) -> EncoderSource:
        return self._inner.source

    def encode(self, texts: Sequence[str], *, precise: bool = True) -> Encoded:
        start = time.perf_counter()
        encoded = self._inner.encode(texts, precise=precise)
        self.saved += encoded.seconds - (time.perf_counter() - start)
        return encoded


@dataclass(frozen=True)
class Candidate:
    """One combination tried on dev."""

    choices: Mapping[str, Any]
    arrays: Arrays
    parameters: int = 0


Propose = Callable[["TextEncoder", Sequence[Example], tuple[str, ...]], "Sequence[Candidate]"]
"""(encoder, train, labels) -> candidates, to be compared on dev"""


def fit_vectors(
    rung: str,
    setting: Setting,
    score: Score,
    propose: Propose,
    train: Sequence[Example],
    dev: Sequence[Example],
    *,
    again: Callable[[Mapping[str, Any]], Propose] | None = None,
) -> VectorSpecialist:
    """Try every candidate of every encoder on dev and keep the best, the earlier one on a tie.

    ``again`` turns the choices into the proposal that fits them once more, on train and dev. The confidence
    stays as it was fitted on dev, before dev was learned.
    """
    start, meter = time.perf_counter(), Meter()
    labels = label_names(setting, train)
    truths = [example.output for example in dev]
    best: tuple[float, VectorSpecialist] | None = None
    tried: list[dict[str, Any]] = []
    for encoder in setting.encoders or (default_encoder(),):
        encoded = encoder.encode([example.input for example in dev])
        for candidate in propose(meter.on(encoder), train, labels):
            scores = score(candidate.arrays, encoded.vectors)
            decider = fitted(Decider(labels, setting.multi_label), scores, truths, setting.metric)
            gain = setting.metric.on(dev, decider.outputs(scores)[0])
            choices = {"encoder": encoder.source.name, **candidate.choices}
            tried.append({**choices, "dev": gain})
            if best is None or gain > best[0]:
                info = FitInfo(choices, gain, candidate.parameters)
                best = gain, VectorSpecialist(rung, encoder, candidate.arrays, score, decider, info)
    assert best is not None, "a rung proposed no candidate"
    chosen = best[1]
    if again:
        chosen = _with_dev(chosen, again(chosen.info.choices), train, dev)
    seconds = time.perf_counter() - start + meter.saved
    return replace(chosen, info=replace(chosen.info, seconds=seconds, tried=tried))


def _with_dev(
    chosen: VectorSpecialist, propose: Propose, train: Sequence[Example], dev: Sequence[Example]
) -> VectorSpecialist:
    """The chosen specialist, fitted on train and dev; its answers to dev are those from before. What is
    read again here comes from the cache, and is not counted twice."""
    answers = [p.output for p in chosen.predict([example.input for example in dev])]
    labels = chosen.decider.labels
    final = propose(chosen.encoder, [*train, *dev], labels)[0]
    info = replace(chosen.info, dev_outputs=answers, parameters_trained=final.parameters)
    return replace(chosen, arrays=final.arrays, info=info)


def label_names(setting: Setting, train: Sequence[Example]) -> tuple[str, ...]:
    """The task's labels, or those that train shows, sorted."""
    if setting.labels:
        return tuple(label.name for label in setting.labels)
    outputs = [example.output for example in train]
    return tuple(sorted({n for o in outputs for n in ((o,) if isinstance(o, str) else o)}))


def with_choices(setting: Setting, choices: Mapping[str, Any]) -> Setting:
    """The setting narrowed to the encoder already chosen."""
    name = choices.get("encoder")
    kept = [encoder for encoder in setting.encoders if encoder.source.name == name]
    return replace(setting, encoders=kept) if kept else setting
