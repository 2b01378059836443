"""Names of people, places, organisations, addresses and jobs, by a small adapter on the offline encoder.

The adapter in ``names/`` is a LoRA (stock PEFT), an embedding of word shapes and a BIO head; its README
is its data card, ``tools/train_names.py`` builds it again. A text's tags are the best legal sequence
(Viterbi 1967). ``caution``, 0 as shipped, is taken from the score of every tag but O. It knows English
sentences best, and nothing of what a name means.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from whet.check.pii.spans import joined
from whet.check.subject import Span
from whet.errors import InputError
from whet.models.bio import transitions, viterbi
from whet.models.encoder import Encoder, load_model, native_bf16
from whet.models.source import find_encoder
from whet.models.words import Words, read_words
from whet.store import make_folder, write_bytes, write_json
from whet.train.encoders import with_adapter
from whet.train.tagger import Tagger

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from whet.models.source import EncoderSource

ADAPTER = Path(__file__).parent / "names"
CARD, HEAD, WEIGHTS = "names.json", "head.safetensors", "adapter_model.safetensors"
AT_ONCE = 2048  # texts read into memory together


@dataclass(frozen=True)
class NamesFinder:
    """Finds names in texts: one list of spans a text, in order of place."""

    encoder: Encoder
    tagger: Tagger
    tags: tuple[str, ...]
    """``O``, then B- and I- of each kind."""
    caution: float

    def __call__(self, texts: Sequence[str]) -> list[list[Span]]:
        found: list[list[Span]] = []
        for start in range(0, len(texts), AT_ONCE):
            found += self._some(texts[start : start + AT_ONCE])
        return found

    def _some(self, texts: Sequence[str]) -> list[list[Span]]:
        words = read_words(self.encoder, texts)
        scores = self.tagger.scores(words, self.encoder.pad_id)
        return decode(texts, words, scores, self.tags, self.caution)


def names_finder(source: EncoderSource | None = None, folder: Path = ADAPTER) -> NamesFinder:
    """The shipped finder on its base, the default encoder unless another copy of it is given.

    Raises:
        InputError: the encoder is not the one that the adapter was trained on.
    """
    card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    source = source or find_encoder(card["base"]["name"])
    if source.sha256 != card["base"]["sha256"]:
        raise InputError(
            f"the names adapter belongs to {card['base']['name']} ({card['base']['sha256'][:16]}…), "
            f"not to these weights ({source.sha256[:16]}…).",
            where=source.folder,
            fix="use the default encoder for the check of names.",
        )
    return NamesFinder(
        Encoder(source), load_tagger(source, folder, card), tuple(card["tags"]), float(card["caution"])
    )


def load_tagger(source: EncoderSource, folder: Path, card: dict[str, Any]) -> Tagger:
    """The base with the adapter merged into it, and the head; bf16 where that is native: half the time."""
    import torch

    tagger = open_tagger(source, folder, card)
    merged = tagger.model.merge_and_unload().eval()
    if native_bf16():
        merged = merged.to(torch.bfloat16)
    return replace(tagger, model=merged)


def open_tagger(source: EncoderSource, folder: Path, card: dict[str, Any], **config: Any) -> Tagger:
    """The base with the adapter beside it, as ``save_tagger`` was given it: training can go on from there.
    ``config`` overrides the base's configuration."""
    import torch
    from safetensors.torch import load_file

    model = with_adapter(load_model(source, "fp32", **config), int(card["recipe"]["rank"]))
    live = dict(model.named_parameters())
    with torch.no_grad():
        for name, value in load_file(folder / WEIGHTS).items():
            live[name.replace(".weight", ".default.weight")].copy_(value)
    head = {name: value.float() for name, value in load_file(folder / HEAD).items()}
    return Tagger(model, head["shapes"], head["weight"], head["bias"])


def save_tagger(folder: Path, tagger: Tagger, card: dict[str, Any], base: str) -> None:
    """Write a trained tagger (not yet merged): fp16 tensors as safetensors, the rest as JSON."""
    import torch
    from safetensors.torch import save

    make_folder(folder)
    adapter = {
        name.replace(".default.weight", ".weight"): p.detach().to(torch.float16).contiguous()
        for name, p in tagger.model.named_parameters()
        if ".lora_" in name
    }
    head = {"shapes": tagger.shapes, "weight": tagger.weight, "bias": tagger.bias}
    write_bytes(folder / WEIGHTS, save(adapter))
    write_bytes(folder / HEAD, save({name: part.to(torch.float16) for name, part in head.items()}))
    config = tagger.model.peft_config["default"]
    config.base_model_name_or_path = base
    config.save_pretrained(folder)
    write_json(folder / CARD, card)


def decode(
    texts: Sequence[str], words: Words, scores: NDArray[np.float32], tags: tuple[str, ...], caution: float
) -> list[list[Span]]:
    """Spans of each text from the log-probabilities of its words' tags [words, tags]."""
    found: list[list[Span]] = [[] for _ in texts]
    scores = scores - caution * np.array([tag != "O" for tag in tags], np.float32)
    allowed = transitions(tags)
    bounds = np.searchsorted([place[0] for place in words.places], np.arange(len(texts) + 1))
    tagged = np.append(scores.argmax(axis=1) > 0, False)
    named = np.add.reduceat(tagged, bounds[:-1]) if len(texts) else tagged[:0]
    for text in map(int, np.flatnonzero(named)):
        first, last = int(bounds[text]), int(bounds[text + 1])
        if first < last:
            best = viterbi(scores[first:last], allowed)
            spans = _spans([tags[tag] for tag in best], words.places[first:last])
            found[text] = joined(texts[text], spans)
    return found


def _spans(tags: Sequence[str], places: Sequence[tuple[int, int, int]]) -> list[Span]:
    found: list[Span] = []
    for tag, (_, start, end) in zip(tags, places, strict=True):
        if tag.startswith("B-"):
            found.append((start, end, tag[2:]))
        elif tag.startswith("I-"):
            found[-1] = (found[-1][0], end, tag[2:])
    return found
