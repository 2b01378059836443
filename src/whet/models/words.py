"""Texts as words for a token tagger: pieces, places in the text, and the shape of each word.

The offline encoder folds case and accents and drops line breaks, and names live by all three. So each
piece carries its word's shape (lower, Capitalised, UPPER, digits, ...) and what stood before it (space,
line break, nothing), as one small number that a tagger may embed. Texts longer than the context are read
in windows that overlap; nothing is cut off. Knows no labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from whet.halves import whole
from whet.models.batches import length_batches
from whet.models.encoder import BATCH_TOKENS, native_bf16

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from numpy.typing import NDArray

    from whet.models.encoder import Encoder

OVERLAP = 32  # pieces that two windows of a long text share
_FORMS = 8  # shapes of a word, 0 for the encoder's own marks
SHAPES = 3 * _FORMS


@dataclass(frozen=True, slots=True)
class Words:
    """The words of n texts, numbered through, and the windows that hold their pieces."""

    places: list[tuple[int, int, int]]
    """Text, start and end of each word, in order."""
    ids: list[list[int]]
    """Pieces of each window."""
    shapes: list[list[int]]
    """Shape of each piece, 0 to ``SHAPES`` - 1."""
    owners: list[list[int]]
    """The word of each piece; -1 for the encoder's own marks."""

    def lengths(self) -> list[int]:
        return [len(window) for window in self.ids]

    def text_of(self, window: int) -> int:
        """The text of a window; -1 where it has no words."""
        word = max(self.owners[window], default=-1)
        return self.places[word][0] if word >= 0 else -1

    def tokens(self, texts: int) -> NDArray[np.int64]:
        """Pieces of each text, the encoder's own marks included."""
        found = np.zeros(texts, np.int64)
        for window, ids in enumerate(self.ids):
            if (text := self.text_of(window)) >= 0:
                found[text] += len(ids)
        return found


def read_words(encoder: Encoder, texts: Sequence[str]) -> Words:
    """Split texts into words as the encoder's tokenizer does."""
    encoded = encoder.tokenizer(
        list(map(whole, texts)),  # of the same length
        truncation=True,
        max_length=encoder.source.context,
        stride=OVERLAP,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )
    extents = _extents(encoded)
    number = {key: place for place, key in enumerate(extents)}
    places = [(text, start, end) for (text, _), (start, end) in extents.items()]
    known = [shape(texts[text], start, end) for text, start, end in places]
    found = Words(places, [], [], [])
    for window, text in enumerate(encoded["overflow_to_sample_mapping"]):
        owners = [-1 if word is None else number[text, word] for word in encoded.word_ids(window)]
        found.ids.append(list(encoded["input_ids"][window]))
        found.owners.append(owners)
        found.shapes.append([0 if word < 0 else known[word] for word in owners])
    return found


def _extents(encoded: Any) -> dict[tuple[int, int], tuple[int, int]]:
    """Text and number of each word to where it begins and ends, over all its pieces and windows."""
    found: dict[tuple[int, int], tuple[int, int]] = {}
    for window, text in enumerate(encoded["overflow_to_sample_mapping"]):
        pieces = zip(encoded.word_ids(window), encoded["offset_mapping"][window], strict=True)
        for word, (start, end) in pieces:
            if word is not None:
                first, last = found.get((text, word), (start, end))
                found[text, word] = min(first, start), max(last, end)
    return found


def shape(text: str, start: int, end: int) -> int:
    """The shape of a word and what stands before it, as one number below ``SHAPES``."""
    gap = text[max(0, start - 3) : start]
    before = 2 if "\n" in gap or start == 0 else int(gap[-1:].isspace())
    return before * _FORMS + _kind(text[start:end])


def _kind(word: str) -> int:
    if word.isdigit():
        return 5
    if any(map(str.isdigit, word)):
        return 6
    if not any(map(str.isalpha, word)):
        return 7
    if word.islower():
        return 1
    if word.isupper():
        return 3 if len(word) > 1 else 2
    return 2 if word[0].isupper() and word[1:].islower() else 4


def collate_words(
    words: Words, rows: list[int], pad_id: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Windows as tensors [rows, length]: ids, mask, shapes, owners (-1 where there is no word)."""
    import torch

    longest = max(len(words.ids[row]) for row in rows)

    def padded(lists: list[list[int]], filler: int) -> torch.Tensor:
        return torch.tensor([lists[row] + [filler] * (longest - len(lists[row])) for row in rows])

    lengths = torch.tensor([[len(words.ids[row])] for row in rows])
    mask = (torch.arange(longest) < lengths).long()
    return padded(words.ids, pad_id), mask, padded(words.shapes, 0), padded(words.owners, -1)


def word_states(
    encoder: Encoder, words: Words, layers: Sequence[int], *, precise: bool = True
) -> NDArray[np.float32]:
    """What a frozen encoder makes of each word [words, layers x dim]: the means over its pieces, of the
    layers named, 0 being the embeddings and -1 the last. As for texts, ``precise`` runs in fp32."""
    import torch

    model = encoder.model("fp32" if precise or not native_bf16() else "bf16")
    total = torch.zeros(len(words.places), len(layers) * encoder.source.dim)
    pieces = torch.zeros(len(words.places), 1)
    with torch.inference_mode():
        for rows in length_batches(words.lengths(), BATCH_TOKENS):
            ids, mask, _, owners = collate_words(words, rows, encoder.pad_id)
            whole = None if bool(mask.all()) else mask
            states = model(input_ids=ids, attention_mask=whole, output_hidden_states=True).hidden_states
            real = owners >= 0
            total.index_add_(0, owners[real], torch.cat([states[n][real] for n in layers], dim=1).float())
            pieces.index_add_(0, owners[real], torch.ones(int(real.sum()), 1))
    return (total / pieces.clamp(min=1)).numpy()


def word_shapes(words: Words) -> NDArray[np.int64]:
    """The shape of each word [words]."""
    found = np.zeros(len(words.places), np.int64)
    for shapes, owners in zip(words.shapes, words.owners, strict=True):
        for number, owner in zip(shapes, owners, strict=True):
            if owner >= 0:
                found[owner] = number
    return found
