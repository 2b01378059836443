"""What words and parts of words say of a text, as vectors beside those of an encoder.

A small sentence encoder weighs a name, a code or a misspelt word too little: texts that differ in one of
them lie together. Here a text is its words, its pairs of words and the character 3- to 5-grams within words
(misspellings share most of theirs), hashed, weighted by tf-idf (Salton and Buckley, Inf. Proc. & Man. 24,
1988) and brought down by a randomised singular value decomposition (Halko, Martinsson, Tropp, SIAM Review
53, 2011). Nothing is learned from labels. Knows no language: scripts without spaces are split by character
class alone.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_matrix, diags

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

DIMENSIONS, MORE, STEPS = 384, 20, 1
"""Kept; drawn beyond them; power iterations."""
WEIGHT = 2.0
"""Of the words beside the encoder, both at unit length."""
STRENGTH = 15.0
"""C of a head on them: more dimensions, each of which says less."""
_BUCKETS = 1 << 16
_GRAMS = (3, 4, 5)
_WORD = re.compile(r"\w+|[^\w\s]")


def with_words(vectors: Vectors, texts: Sequence[str], seed: int = 0) -> Vectors:
    """Unit vectors of an encoder [n, dim] with those of the words behind them: unit vectors [n, more]."""
    joined = np.hstack([vectors, WEIGHT * lexical(texts, seed)])
    return np.asarray(joined / np.maximum(np.linalg.norm(joined, axis=1, keepdims=True), 1e-9), np.float32)


def lexical(texts: Sequence[str], seed: int = 0) -> Vectors:
    """Vectors [n, at most DIMENSIONS] whose products are near those of the texts' tf-idf rows."""
    counts = _weighted(_counted(texts))
    rng = np.random.default_rng(seed)
    wanted = min(DIMENSIONS + MORE, counts.shape[0])
    found = counts @ rng.standard_normal((counts.shape[1], wanted), dtype=np.float32)
    for _ in range(STEPS):
        basis, _ = np.linalg.qr(found)
        found = counts @ (counts.T @ basis)
    basis, _ = np.linalg.qr(found)
    small = (counts.T @ basis).T
    turned, values, _ = np.linalg.svd(small @ small.T)
    return np.asarray((basis @ (turned * np.sqrt(values)))[:, :DIMENSIONS], np.float32)


def _counted(texts: Sequence[str]) -> csr_matrix:
    """How often each hashed part occurs in each text [n, buckets that are used]."""
    known: dict[str, list[int]] = {}
    places: list[int] = []
    ends = [0]
    for text in texts:
        words = _WORD.findall(text.lower())
        for word in words:
            if word not in known:
                known[word] = [_bucket(part) for part in _parts(word)]
            places += known[word]
        places += [_bucket(f"{one} {next_one}") for one, next_one in pairwise(words)]
        ends.append(len(places))
    used, columns = np.unique(np.array(places, np.int64), return_inverse=True)
    ones = np.ones(len(places), np.float32)
    return csr_matrix((ones, columns, np.array(ends)), (len(texts), max(len(used), 1)))


def _parts(word: str) -> list[str]:
    """The word, and its character n-grams with its borders."""
    edged = f" {word} "
    return [word, *(edged[at : at + n] for n in _GRAMS for at in range(len(edged) - n + 1))]


def _bucket(part: str) -> int:
    return zlib.crc32(part.encode("utf-8", "surrogatepass")) % _BUCKETS


def _weighted(counts: csr_matrix) -> csr_matrix:
    """(1 + log count) * (1 + log of the inverse share of texts), rows of unit length."""
    counts.sum_duplicates()
    texts = counts.shape[0]
    holding = np.bincount(counts.indices, minlength=counts.shape[1])
    rarity = 1 + np.log((1 + texts) / (1 + holding))
    counts.data = ((1 + np.log(counts.data)) * rarity[counts.indices]).astype(np.float32)
    lengths = np.sqrt(np.asarray(counts.multiply(counts).sum(axis=1)).ravel())
    return csr_matrix(diags((1 / np.maximum(lengths, 1e-9)).astype(np.float32)) @ counts)
