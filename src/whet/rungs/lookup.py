"""Passages of the task's documents, found for each input of a rung that asks, and kept in its folder.

The documents can change without a new fit (``whet index``): how many passages are shown, by which encoder
they are found and how they are cut stays as it was chosen. Knows no model that writes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet.records import Passage
from whet.retrieve.index import Index, build_index, load_index
from whet.rungs.vectors import default_encoder, load_encoder, save_encoder

if TYPE_CHECKING:
    from whet.models.encoder import TextEncoder
    from whet.records import Output
    from whet.rungs.base import Setting


@dataclass(frozen=True)
class Lookup:
    """What finds the passages, and how many."""

    index: Index
    k: int
    fitted_with: str
    """Digest of the documents that the rung was fitted with."""

    def find(self, inputs: Sequence[str]) -> list[tuple[Passage, ...]]:
        """The k best passages for each input, best first."""
        return self.index.find(inputs, self.k)

    def save(self, folder: Path) -> dict[str, Any]:
        """What ``load_lookup`` needs."""
        encoder = save_encoder(folder, self.index.encoder.source)
        more = {"k": self.k, "fitted_with": self.fitted_with, "encoder": encoder}
        return {**self.index.save(folder), **more}


def load_lookup(folder: Path, card: Mapping[str, Any]) -> Lookup:
    index = load_index(folder, card, load_encoder(folder, card["encoder"]))
    return Lookup(index, int(card["k"]), str(card["fitted_with"]))


def lookup_for(setting: Setting, k: int = 1) -> Lookup | None:
    """The task's documents, cut and read; None: it has none."""
    if setting.documents is None:
        return None
    index = build_index(setting.documents, encoder_for(setting))
    return Lookup(index, k, index.digest)


def encoder_for(setting: Setting) -> TextEncoder:
    """The encoder that finds like texts: the task's first, or the offline default."""
    return setting.encoders[0] if setting.encoders else default_encoder()


def cited(output: Output, passages: Sequence[Passage]) -> list[bool]:
    """Whether an answer leans on each passage: it names its number, or says what stands in it."""
    text = output if isinstance(output, str) else " ".join(output)
    return [f"[{n}]" in text or holds(passage, output) for n, passage in enumerate(passages, start=1)]


def holds(passage: Passage, output: Output) -> bool:
    """Whether a value of the output stands in a passage, as whole words, in small letters or capitals."""
    return any(_stands(value, passage.shown) for value in values(output))


def values(output: Output) -> list[str]:
    """What an output says: the values of JSON, else its text, without the full stop."""
    said = [output] if isinstance(output, str) else list(output)
    found = [value for text in said for value in _leaves(_json(text))]
    return [value for one in found if (value := one.strip().rstrip("."))]


def _stands(value: str, text: str) -> bool:
    return bool(re.search(rf"(?<!\w){re.escape(value.casefold())}(?!\w)", text.casefold()))


def _json(text: str) -> Any:
    """JSON that holds values; anything else, a bare number too, is a text."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, dict | list) else text


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _leaves(inner)
    elif value is not None and not isinstance(value, bool):
        yield str(value)
