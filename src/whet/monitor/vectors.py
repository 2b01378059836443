"""Are the inputs others than they were? A permutation test on their vectors, in whole hours.

The statistic is the maximum mean discrepancy (Gretton and others, JMLR 13, 2012) with a Gaussian kernel, by
random Fourier features (Rahimi and Recht 2007): zero only where the distributions are the same. Its null is
made by drawing anew which hours are old and which are new: rows of one hour are alike, and shuffled row by
row they would promise more than they know. Counting stops early where the answer is plain (Besag and
Clifford 1991). Pure functions of numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating]

FEATURES = 256
ROUNDS = 9_999
ENOUGH = 20  # permutations as far apart as what was seen: the test cannot become significant any more
AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Apart:
    """How far two sets of vectors are apart."""

    p: float
    distance: float
    """The maximum mean discrepancy, squared."""
    rounds: int
    toward: NDArray[np.float64]
    """How typical each new row is of what is new [new rows]: its inner product with the difference."""


def features(vectors: Floats, scale: float, seed: int = 0) -> NDArray[np.float64]:
    """Random Fourier features of a Gaussian kernel of width ``scale`` [n, 2 FEATURES]."""
    rng = np.random.default_rng(seed)
    turns = np.asarray(vectors, np.float64) @ (rng.normal(size=(vectors.shape[1], FEATURES)) / scale)
    return np.asarray(np.concatenate([np.cos(turns), np.sin(turns)], axis=1) / np.sqrt(FEATURES))


def width(vectors: Floats, seed: int = 0) -> float:
    """The median distance between rows: the usual width of the kernel."""
    rng = np.random.default_rng(seed)
    one, other = (np.asarray(vectors)[rng.integers(0, len(vectors), 2_000)] for _ in range(2))
    distances = np.linalg.norm(one - other, axis=1)
    return float(np.median(distances[distances > 0])) if (distances > 0).any() else 1.0


def apart(
    before: Floats,
    now: Floats,
    blocks: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None,
    *,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> Apart:
    """Test whether ``now`` [m, dim] comes from where ``before`` [n, dim] came from.

    Args:
        blocks: the hour of each row of both, where it is known; without, rows stand for themselves.
    """
    made = features(np.concatenate([before, now]), width(before, seed), seed)
    hour = np.arange(len(made)) if blocks is None else np.concatenate(blocks)
    new = np.arange(len(made)) >= len(before)
    # An hour that has rows on both sides is two blocks: sides are what is exchanged.
    _, block = np.unique(np.stack([hour, new], axis=1), axis=0, return_inverse=True)
    block = block.reshape(-1)
    counts = np.bincount(block).astype(float)
    sums = np.zeros((len(counts), made.shape[1]))
    np.add.at(sums, block, made)
    side = np.zeros(len(counts), bool)
    side[block[new]] = True
    difference = made[new].mean(axis=0) - made[~new].mean(axis=0)
    seen = float(difference @ difference)
    extreme, tried = _permuted(sums, counts, int(side.sum()), seen, rounds, seed)
    return Apart((extreme + 1) / (tried + 1), seen, tried, made[new] @ difference)


def _permuted(
    sums: NDArray[np.float64], counts: NDArray[np.float64], new: int, seen: float, rounds: int, seed: int
) -> tuple[int, int]:
    """How many permutations of the blocks are as far apart as what was seen, and how many were tried."""
    rng = np.random.default_rng(seed + 1)
    extreme = tried = 0
    while tried < rounds and extreme < ENOUGH:
        many = min(AT_ONCE, rounds - tried)
        order = rng.random((many, len(counts))).argsort(axis=1)
        chosen = (order < new).astype(float)
        there = chosen @ sums / (chosen @ counts)[:, None]
        rest = (1 - chosen) @ sums / ((1 - chosen) @ counts)[:, None]
        extreme += int((((there - rest) ** 2).sum(axis=1) >= seen - 1e-12).sum())
        tried += many
    return extreme, tried
