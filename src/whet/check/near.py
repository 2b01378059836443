"""Which rows say the same: exactly, but for writing, and nearly; for a million rows in one pass.

Near-duplicates are texts of which at most one word in five differs (``DIFFERENT``): the word edit distance
over the words of the longer one. They are found without comparing all pairs:

- Each edit spoils at most three grams of three words (Ukkonen, Theoretical Computer Science 92, 1992). So
  two texts within k edits share one of the 3k + 1 rarest grams of each (prefix filter: Xiao, Wang, Lin,
  "Ed-Join", VLDB 2008), and a gram that stands in one text alone proposes nobody. Nothing is lost here.
- Texts of more than ``SKETCH`` grams are represented by those of smallest hash (Broder, "On the resemblance
  and containment of documents", 1997).
- Where a gram stands in more than ``REACH`` texts, each meets only its neighbours, in an order that brings
  alike texts together (sorted neighbourhood: Hernández, Stolfo, SIGMOD 1995), and candidates end at
  ``PAIRS``: of thousands of copies of a template, each has its twin, but is not paired with every other.
- Every candidate is then measured (RapidFuzz), so no pair beyond the threshold is named.

Does not know paraphrases; texts of fewer than four words are near to nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cpdist

from whet.check.words import FIRST_CODE, HashArray, IntArray, Words, mix, portions, spread, words_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from whet.check.subject import Subject

    FloatArray = NDArray[np.float32]

DIFFERENT = 0.2
"""Share of the words that may differ: wide enough for 10 % of edits as anybody counts them, and far from the
third that tells two uses of one template apart."""
GRAM = 3  # words
SKETCH = 48  # grams
REACH = 64  # texts
PAIRS = 16_000_000  # candidates; ten seconds to measure
WORDS_AT_ONCE = 1_000_000
_ORDERS = 4  # different orders within large buckets, so that a pair torn apart in one meets in another


@dataclass(frozen=True, slots=True, eq=False)
class Alike:
    """What n texts have in common. A class of equal texts is named by its first row."""

    words: Words
    exact: IntArray
    """[n] First row with the same text, white space at the ends aside."""
    folded: IntArray
    """[n] First row with the same letters and digits in the same order, whatever the case, space and
    punctuation. Texts without letters and digits are equal only exactly."""
    near: IntArray
    """[m, 2] Pairs of first rows (of ``folded``) that are near-duplicates, the smaller first, in order."""
    similarity: FloatArray
    """[m] Of each pair: 1 - word edit distance / words of the longer text."""


class _Same:
    """Inputs as a key of the cache: equal to the very same object only."""

    __slots__ = ("texts",)

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = texts

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.texts is self.texts

    def __hash__(self) -> int:
        return id(self.texts)


def alike(subject: Subject) -> Alike:
    """What the subject's inputs have in common: worked out once for all checks that ask in a row."""
    return _last(_Same(subject.inputs))


@lru_cache(maxsize=1)
def _last(key: _Same) -> Alike:
    return find_alike(key.texts)


def forget() -> None:
    """Give back the memory of the last answer."""
    _last.cache_clear()


def find_alike(texts: Sequence[str]) -> Alike:
    """Exact, folded and near duplicates among the texts."""
    words = words_of(texts)
    exact = _first_equal(texts)
    letters = np.where(words.letters == 0, mix(exact.astype(np.uint64) + np.uint64(1)), words.letters)
    _, first, number = np.unique(letters, return_index=True, return_inverse=True)
    near, similarity = near_pairs(words, np.sort(first))
    return Alike(words, exact, first[number], near, similarity)


def _first_equal(texts: Sequence[str]) -> IntArray:
    first: dict[str, int] = {}
    rows = (first.setdefault(text.strip(), row) for row, text in enumerate(texts))
    return np.fromiter(rows, np.int64, len(texts))


def near_pairs(words: Words, rows: IntArray) -> tuple[IntArray, FloatArray]:
    """Near-duplicates among these rows: pairs [m, 2], the smaller first, and their similarity [m]."""
    counts = words.counts[rows]
    long = _edits(counts) > 0
    rows, counts = rows[long], counts[long]
    bits = max(len(rows).bit_length(), 1)
    keys = _grams(words, rows, bits)
    keys.sort()
    keys = _rarest(_shared(keys, bits), counts, bits)
    pairs = _candidates(*_buckets(words, rows, keys, bits), counts)
    similarity = _similarity(words, rows, pairs)
    return rows[pairs[similarity > 0]], similarity[similarity > 0]


def _edits(counts: IntArray) -> IntArray:
    """How many edits a text of so many words may be from a near-duplicate, which may be longer."""
    found: IntArray = np.floor(counts * DIFFERENT / (1 - DIFFERENT) + 1e-9).astype(np.int64)
    return found


def _kept(counts: IntArray) -> IntArray:
    """Grams that represent a text of so many words; the ends of a text count as words, twice each."""
    return np.minimum(counts + GRAM - 1, SKETCH)


def _grams(words: Words, rows: IntArray, bits: int) -> HashArray:
    """Keys of all grams: the hash in the high bits, the place of the text in ``rows`` in the low ones.

    One number holds both, so that sorting is in place, fast, and needs no index beside it.
    """
    counts = words.counts[rows]
    keys = np.empty(int(_kept(counts).sum()), np.uint64)
    end = 0
    for part in portions(counts, WORDS_AT_ONCE):
        hashes, owner = _grams_of(words, rows[part])
        start, end = end, end + len(hashes)
        place = (owner + part.start).astype(np.uint64)
        keys[start:end] = hashes >> np.uint64(bits) << np.uint64(bits) | place
    return keys


def _grams_of(words: Words, rows: IntArray) -> tuple[HashArray, IntArray]:
    """Hashes of the grams that represent each text, and whose they are."""
    codes, counts = words.of(rows)
    ends = GRAM - 1
    begins = np.cumsum(counts + 2 * ends) - (counts + 2 * ends)
    padded = np.zeros(int((counts + 2 * ends).sum()), np.uint64)
    padded[spread(begins + ends, counts)] = codes - np.uint32(FIRST_CODE - 1)
    first, second, third = (padded[spread(begins + shift, counts + ends)] for shift in range(GRAM))
    hashes = mix(first << np.uint64(42) | second << np.uint64(21) | third)
    owner = np.repeat(np.arange(len(rows)), counts + ends)
    if len(hashes) and int(counts.max()) + ends > SKETCH:
        order = np.lexsort((hashes, owner))
        smallest = order[spread(np.zeros_like(counts), counts + ends) < SKETCH]
        return hashes[smallest], owner[smallest]
    return hashes, owner


def _owner(keys: HashArray, bits: int) -> IntArray:
    return (keys & np.uint64((1 << bits) - 1)).astype(np.int64)


def _shared(keys: HashArray, bits: int) -> HashArray:
    """Without grams that occur once. ``keys`` are in order, here and below."""
    grams = keys >> np.uint64(bits)
    several = np.zeros(len(keys), bool)
    several[1:] = grams[1:] == grams[:-1]
    several[:-1] |= several[1:]
    return keys[several]


def _runs(keys: HashArray, bits: int) -> tuple[IntArray, IntArray]:
    """Where the run of each gram begins, and how long it is."""
    grams = keys >> np.uint64(bits)
    begins = np.flatnonzero(np.concatenate([np.ones(min(len(keys), 1), bool), grams[1:] != grams[:-1]]))
    return begins, np.diff(begins, append=len(keys))


def _rarest(keys: HashArray, counts: IntArray, bits: int) -> HashArray:
    """The prefix filter: of each text its 3k + 1 rarest grams, of which those that occur once are gone."""
    owner = _owner(keys, bits)
    kept = _kept(counts)
    wanted = np.where(kept < SKETCH, GRAM * _edits(counts) + 1, kept)
    wanted -= kept - np.bincount(owner, minlength=len(counts))
    _, sizes = _runs(keys, bits)
    frequency = np.repeat(sizes, sizes)
    some = wanted[owner] > 0
    keys, owner, frequency = keys[some], owner[some], frequency[some]
    order = np.lexsort((frequency, owner))
    rank = np.empty(len(keys), np.int64)
    rank[order] = spread(np.zeros(len(counts), np.int64), np.bincount(owner, minlength=len(counts)))
    return keys[rank < wanted[owner]]


def _buckets(words: Words, rows: IntArray, keys: HashArray, bits: int) -> tuple[IntArray, IntArray]:
    """Texts bucket by bucket, and for each the end of its bucket; in large buckets, alike texts together."""
    begins, sizes = _runs(keys, bits)
    owner, ends = _owner(keys, bits), np.repeat(begins + sizes, sizes)
    large = np.flatnonzero(np.repeat(sizes > REACH, sizes))
    if len(large):
        grams = keys[large] >> np.uint64(bits)
        members, place = np.unique(owner[large], return_inverse=True)
        least = _least_words(words, rows[members])
        beside = least[place, (grams % np.uint64(_ORDERS)).astype(np.int64)]
        owner[large] = owner[large[np.lexsort((beside, grams))]]
    return owner, ends


def _least_words(words: Words, rows: IntArray) -> HashArray:
    """MinHash of each text's words, ``_ORDERS`` times over: [rows, _ORDERS]."""
    codes, counts = words.of(rows)
    begins = np.cumsum(counts) - counts
    seeds = mix(np.arange(1, _ORDERS + 1, dtype=np.uint64))
    return np.stack([np.minimum.reduceat(mix(codes ^ seed), begins) for seed in seeds], axis=1)


def _candidates(owner: IntArray, ends: IntArray, counts: IntArray) -> IntArray:
    """Pairs [m, 2] of places that share a gram and whose lengths allow it, each once."""
    found = [np.empty(0, np.uint64)]
    here, total = np.arange(len(owner)), 0
    for step in range(1, REACH + 1):
        here = here[here + step < ends[here]]
        if not len(here) or total > PAIRS:
            break
        low, high = np.minimum(owner[here], owner[here + step]), np.maximum(owner[here], owner[here + step])
        least, most = np.minimum(counts[low], counts[high]), np.maximum(counts[low], counts[high])
        fits = (low != high) & (most - least <= DIFFERENT * most + 1e-9)
        found.append(low[fits].astype(np.uint64) << np.uint64(32) | high[fits].astype(np.uint64))
        total += len(found[-1])
    pairs = np.concatenate(found)
    pairs.sort()
    pairs = pairs[np.flatnonzero(np.diff(pairs, prepend=np.uint64(0)))]
    return np.stack([pairs >> np.uint64(32), pairs & np.uint64(0xFFFFFFFF)], axis=1).astype(np.int64)


def _similarity(words: Words, rows: IntArray, pairs: IntArray) -> FloatArray:
    """Normalised word edit similarity of each pair [m]; 0 where it is below the threshold."""
    sizes = words.counts[rows[pairs]].sum(axis=1)
    similarity = np.zeros(len(pairs), np.float32)
    for part in portions(sizes, WORDS_AT_ONCE * 4):
        members, place = np.unique(rows[pairs[part]], return_inverse=True)
        texts = words.as_characters(members)
        left, right = ([texts[n] for n in side] for side in place.reshape(-1, 2).T.tolist())
        similarity[part] = cpdist(
            left,
            right,
            scorer=Levenshtein.normalized_similarity,
            score_cutoff=1 - DIFFERENT - 1e-6,
            dtype=np.float32,
            workers=-1,
        )
    return similarity
