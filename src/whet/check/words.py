"""Texts as arrays of words, so that a million of them can be compared without a loop over words.

A word is a run of letters, marks and digits in lower case, apostrophes aside ("haven't" is "havent"); in
scripts that put no space between words (Han, kana, Thai, Lao, Khmer, Burmese) every letter is one. Each word
becomes a number of 20 bits by multilinear hashing, whose high bits are strongly universal (Lemire, Kaser,
"Strongly universal string hashing is fast", 2014): two different words share a number once in a million.
Knows no meaning, no stems, no typos.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
HashArray = NDArray[np.uint64]
CodeArray = NDArray[np.uint32]

FIRST_CODE = 0x10000
"""A word is FIRST_CODE plus 20 bits: exactly the code points above the basic plane, so that a text can
stand as a string with one character a word, which libraries for character strings then compare."""
AT_ONCE = 100_000  # characters that are turned into words together: arrays that fit a processor's cache
_UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x3040, 0x30FF),  # kana
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)
_APOSTROPHES = "'`´ʼ’＇"
_GAP, _PART, _WHOLE, _NOTHING = range(4)
"""What a character is: between words, part of one, a word of its own, or as if it were not there."""


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """n texts with N words in all."""

    codes: CodeArray
    """[N] The words of all texts, one after the other."""
    starts: IntArray
    """[n + 1] Where each text begins in ``codes``."""
    letters: HashArray
    """[n] Hash of a text's letters and digits alone, in order and in lower case; 0: it has none."""

    @property
    def counts(self) -> IntArray:
        """[n] Words of each text."""
        return np.diff(self.starts)

    def of(self, rows: IntArray) -> tuple[CodeArray, IntArray]:
        """The words of these texts, one after the other, and how many each has."""
        counts = self.counts[rows]
        return self.codes[spread(self.starts[rows], counts)], counts

    def as_characters(self, rows: IntArray) -> list[str]:
        """These texts as strings of one character a word."""
        codes, counts = self.of(rows)
        whole = codes.astype("<u4").tobytes().decode("utf-32-le")
        ends = np.cumsum(counts).tolist()
        return [whole[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def words_of(texts: Sequence[str]) -> Words:
    """All texts as words."""
    sizes = np.fromiter(map(len, texts), np.int64, len(texts))
    parts = [_words(texts[part]) for part in portions(sizes, AT_ONCE)]
    counts = [part.counts for part in parts]
    return Words(
        np.concatenate([np.empty(0, np.uint32), *(part.codes for part in parts)]),
        np.concatenate([[0], np.cumsum(np.concatenate([np.empty(0, np.int64), *counts]))]),
        np.concatenate([np.empty(0, np.uint64), *(part.letters for part in parts)]),
    )


def portions(sizes: IntArray, most: int) -> Iterator[slice]:
    """Slices of things of these sizes, each of about ``most`` together and of one thing at least."""
    number = (np.cumsum(sizes) - sizes) // most
    bounds = [0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), len(sizes)]
    return (slice(start, end) for start, end in pairwise(bounds) if start < end)


def spread(starts: IntArray, counts: IntArray) -> IntArray:
    """Indices of runs that begin at ``starts`` and are ``counts`` long, one run after the other."""
    before = np.cumsum(counts) - counts
    return np.repeat(starts - before, counts) + np.arange(int(counts.sum()))


def mix(values: HashArray) -> HashArray:
    """SplitMix64 finaliser: a cheap, well-spread 64-bit hash of 64-bit numbers."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


# One weight a place in a word; a longer word takes them round again.
_WEIGHTS = mix(np.arange(1, 65, dtype=np.uint64))
_PLACE = np.uint64(0x9E3779B97F4A7C15)


@cache
def _kinds() -> NDArray[np.uint8]:
    """What each code point is: gap, part of a word, or a word of its own."""
    kinds = np.fromiter((unicodedata.category(chr(code))[0] in "LMN" for code in range(0x110000)), np.uint8)
    for first, last in _UNSPACED:
        kinds[first : last + 1] *= _WHOLE
    kinds[[ord(mark) for mark in _APOSTROPHES]] = _NOTHING
    return kinds


def _words(texts: Sequence[str]) -> Words:
    lower = [f"{text.lower()}\n" for text in texts]
    points = np.frombuffer("".join(lower).encode("utf-32-le", "surrogatepass"), "<u4")
    kinds = _kinds()[points]
    there = kinds != _NOTHING
    ends = np.cumsum(there)[np.cumsum([len(text) for text in lower]) - 1]
    points, kinds = points[there], kinds[there]
    inside = kinds != _GAP
    chars = points[inside].astype(np.uint64)
    begins = np.flatnonzero(_begin(kinds)[inside])
    upto = np.cumsum(inside)[ends - 1]  # letters to the end of each text
    return Words(
        _word_codes(chars, begins),
        np.concatenate([[0], np.searchsorted(begins, upto)]),
        _letter_hash(chars, np.concatenate([[0], upto])),
    )


def _begin(kinds: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which characters begin a word."""
    before = np.concatenate([np.zeros(1, np.uint8), kinds[:-1]])
    found: NDArray[np.bool_] = (kinds == _WHOLE) | ((kinds == _PART) & (before != _PART))
    return found


def _word_codes(chars: HashArray, begins: IntArray) -> CodeArray:
    """[words] Multilinear hash of each word: the sum of its letters times the weights of their places."""
    if not len(begins):
        return np.empty(0, np.uint32)
    places = np.arange(len(chars)) - np.repeat(begins, np.diff(begins, append=len(chars)))
    sums = np.add.reduceat(chars * _WEIGHTS[places % len(_WEIGHTS)], begins)
    return (sums >> np.uint64(44)).astype(np.uint32) + np.uint32(FIRST_CODE)


def _letter_hash(chars: HashArray, bounds: IntArray) -> HashArray:
    """[texts] Sum of the hashes of each letter with its place among the letters of its text."""
    places = (np.arange(len(chars)) - np.repeat(bounds[:-1], np.diff(bounds))).astype(np.uint64)
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(mix(chars + places * _PLACE), dtype=np.uint64)])
    found: HashArray = sums[bounds[1:]] - sums[bounds[:-1]]
    return found
