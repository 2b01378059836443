"""Groups of near-identical texts, found with MinHash and verified exactly.

Two texts are near-duplicates when their sets of 5-character shingles, after case, space and
punctuation are folded, have a Jaccard similarity of at least ``THRESHOLD``. Candidates come from
banded MinHash (Broder 1997; Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", ch. 3):
20 bands of 4 rows propose a pair of similarity 0.7 with probability 1 - (1 - 0.7^4)^20 = 0.996, and the 48
bands that small sets can afford with 0.999998; every candidate is then checked on the true sets, so no pair
below the threshold is joined. Arrays only, no loop over pairs. Knows no labels and no split.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    IntArray = NDArray[np.int64]
    HashArray = NDArray[np.uint64]

SHINGLE = 5
THRESHOLD = 0.7
BANDS, BAND_ROWS = 20, 4
SMALL, SMALL_BANDS = 5_000, 48
# How far apart in a bucket two members may stand and still be paired: at least 50 places, and more as
# long as a band stays under this many pairs. Up to 4,000 texts, every bucket is paired whole.
NEIGHBOURS, PAIRS_A_BAND = 50, 16_000_000
VERIFY_AT_ONCE = 50_000

_FOLD = re.compile(r"[\W_]+")


def fold(text: str) -> str:
    """Lower case, with every run of space and punctuation as one space."""
    return _FOLD.sub(" ", text.lower()).strip()


def near_groups(texts: Sequence[str]) -> list[int]:
    """The group of each text: equal numbers for texts linked by near-duplicates.

    Texts that are equal after folding share a group whatever their length.
    """
    folded = [fold(text) or text for text in texts]
    unique = {text: index for index, text in enumerate(dict.fromkeys(folded))}
    left, right = near_pairs(list(unique))
    links = csr_matrix((np.ones(len(left), np.int8), (left, right)), shape=(len(unique),) * 2)
    _, group = connected_components(links, directed=False)
    return [int(group[unique[text]]) for text in folded]


def near_pairs(folded: Sequence[str]) -> tuple[IntArray, IntArray]:
    """Index pairs (left < right) of different folded texts that are near-duplicates."""
    hashes, owner = _shingles(folded)
    bands = SMALL_BANDS if len(folded) <= SMALL else BANDS
    left, right = _candidates(_signatures(hashes, owner, len(folded), bands))
    keep = _similar(hashes, owner, len(folded), left, right)
    return left[keep], right[keep]


def _mix(values: HashArray) -> HashArray:
    """SplitMix64 finaliser: a cheap, well-spread 64-bit hash of 64-bit numbers."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _shingles(texts: Sequence[str]) -> tuple[HashArray, IntArray]:
    """All shingle hashes [N] and the text that owns each [N], texts in order."""
    padded = [f" {text} ".ljust(SHINGLE) for text in texts]
    codes = np.frombuffer("".join(padded).encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
    lengths = np.array([len(text) for text in padded], dtype=np.int64)
    rolling = np.zeros(max(len(codes) - SHINGLE + 1, 0), dtype=np.uint64)
    for offset in range(SHINGLE):
        rolling = rolling * np.uint64(0x100000001B3) + codes[offset : offset + len(rolling)]
    counts = lengths - SHINGLE + 1
    starts = np.cumsum(lengths) - lengths
    owner = np.repeat(np.arange(len(texts)), counts)
    within = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    return _mix(rolling[starts[owner] + within]), owner


def _signatures(hashes: HashArray, owner: IntArray, count: int, bands: int) -> HashArray:
    """MinHash signatures [count, bands * BAND_ROWS]."""
    starts = np.searchsorted(owner, np.arange(count))
    seeds = _mix(np.arange(1, bands * BAND_ROWS + 1, dtype=np.uint64))
    columns = [np.minimum.reduceat(_mix(hashes ^ seed), starts) for seed in seeds]
    return np.stack(columns, axis=1)


def _candidates(signatures: HashArray) -> tuple[IntArray, IntArray]:
    """Pairs that agree on all rows of at least one band, each once."""
    found: list[IntArray] = []
    for band in range(signatures.shape[1] // BAND_ROWS):
        rows = signatures[:, band * BAND_ROWS : (band + 1) * BAND_ROWS]
        key = np.zeros(len(rows), dtype=np.uint64)
        for column in rows.T:
            key = _mix(key * np.uint64(31) + column)
        found.append(_bucket_pairs(key))
    pairs = np.unique(np.concatenate(found), axis=0) if found else np.empty((0, 2), np.int64)
    return pairs[:, 0], pairs[:, 1]


def _bucket_pairs(key: HashArray) -> IntArray:
    """Pairs [M, 2] within equal keys: each member with those that follow it."""
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    pairs = []
    reach = max(NEIGHBOURS, PAIRS_A_BAND // max(len(order), 1))
    for step in range(1, min(reach, len(order) - 1) + 1):
        same = ordered[:-step] == ordered[step:]
        if not same.any():
            break
        pairs.append(np.stack([order[:-step][same], order[step:][same]], axis=1))
    if not pairs:
        return np.empty((0, 2), np.int64)
    return np.sort(np.concatenate(pairs), axis=1)


def _similar(
    hashes: HashArray, owner: IntArray, count: int, left: IntArray, right: IntArray
) -> NDArray[np.bool_]:
    """Which candidate pairs truly reach the threshold, by the sizes of the true sets."""
    _, column = np.unique(hashes, return_inverse=True)
    width = int(column.max()) + 1 if len(column) else 1
    sets = csr_matrix((np.ones(len(owner), np.float32), (owner, column)), shape=(count, width))
    sets.data[:] = 1.0  # a shingle that occurs twice counts once
    size = np.asarray(sets.sum(axis=1)).ravel()
    keep = np.zeros(len(left), dtype=bool)
    for start in range(0, len(left), VERIFY_AT_ONCE):
        part = slice(start, start + VERIFY_AT_ONCE)
        shared = np.asarray(sets[left[part]].multiply(sets[right[part]]).sum(axis=1)).ravel()
        total = size[left[part]] + size[right[part]] - shared
        keep[part] = shared >= THRESHOLD * total
    return keep
