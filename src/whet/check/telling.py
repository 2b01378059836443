"""How little the words in which two texts differ tell their two labels apart.

"My card is not here" and "my pin is not here" are near twins with different labels, and rightly so: in the
rows of these labels, "card" goes with the one and "pin" with the other. Where the words that differ say
nothing about the labels, or speak for the other one, one of the two labels is wrong. The score is what a
naive Bayes classifier (multinomial, equal priors) makes of the differing words alone, the texts themselves
left out of its counts. It reads single words; it knows no order and no meaning.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from whet.check.words import FIRST_CODE, IntArray, Words

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST = 50_000
"""Pairs that are weighed; of more, the first. The others count as undecided."""
UNDECIDED = 0.5
UNSEEN = 0.5
"""Times that every word counts as seen in the words of an average label (Jeffreys' rule)."""
_CODES = 1 << 20  # different words

Differing = tuple[Counter[str], Counter[str]]
"""Words of the one text that the other lacks, and the other way round; a word is one character."""


def undecided(words: Words, labels: IntArray, pairs: IntArray, said: IntArray) -> NDArray[np.float64]:
    """For each pair, from 0 (the differing words explain the labels) over 0.5 (they say nothing) to 1.

    Args:
        words: all n texts.
        labels: number of each text's label [n]; -1: none.
        pairs: rows of near twins [m, 2].
        said: their labels, which differ [m, 2].
    """
    scores = np.full(len(pairs), UNDECIDED)
    differing = _differing(words, pairs[:MOST])
    chosen = {word for pair in differing for side in pair for word in side}
    counts, sizes = _counts(words, labels, chosen), _sizes(words, labels)
    unseen = UNSEEN / max(float(sizes.mean()), 1.0) if len(sizes) else 0.0

    def rate(word: str, label: int, own: int) -> float:
        """Share of a label's words, without those of the text itself."""
        seen = max(counts.get((word, label), 0) - own, 0)
        return seen / float(sizes[label]) + unseen

    def odds(lacking: Counter[str], own: int, other: int) -> float:
        return sum(n * math.log(rate(word, own, n) / rate(word, other, 0)) for word, n in lacking.items())

    for place, ((left, right), (one, two)) in enumerate(zip(differing, said[:MOST].tolist(), strict=True)):
        total = odds(left, one, two) + odds(right, two, one)
        scores[place] = 1 / (1 + math.exp(min(total, 500.0)))
    return scores


def _differing(words: Words, pairs: IntArray) -> list[Differing]:
    members, place = np.unique(pairs, return_inverse=True)
    texts = [Counter(text) for text in words.as_characters(members)]
    both = [(texts[left], texts[right]) for left, right in place.reshape(-1, 2).tolist()]
    return [(left - right, right - left) for left, right in both]


def _counts(words: Words, labels: IntArray, chosen: set[str]) -> dict[tuple[str, int], int]:
    """How often each chosen word stands in the texts of each label."""
    table = np.zeros(_CODES, bool)
    table[[ord(word) - FIRST_CODE for word in chosen]] = True
    places = np.flatnonzero(table[words.codes - np.uint32(FIRST_CODE)])
    label = labels[np.searchsorted(words.starts, places, side="right") - 1]
    width = int(labels.max(initial=0)) + 1
    keys = words.codes[places][label >= 0].astype(np.int64) * width + label[label >= 0]
    found, times = np.unique(keys, return_counts=True)
    pairs = zip((found // width).tolist(), (found % width).tolist(), times.tolist(), strict=True)
    return {(chr(code), number): count for code, number, count in pairs}


def _sizes(words: Words, labels: IntArray) -> NDArray[np.float64]:
    """Words in the texts of each label."""
    some = labels >= 0
    return np.bincount(labels[some], weights=words.counts[some]).astype(np.float64)
