"""Requests of kinds that nobody taught: which they are, the most typical first.

    rows further than usual from what was learned -> groups of alike ones -> every row nearer to a group than
    to anything learned

A new kind among many known ones is seldom far from all of them: of two new intents of a bank, one request in
ten passed the bar for a single odd request. Alike they are, though, and what is nearer to their middle than
to any training example is most often theirs. Knows vectors, no tables.
"""

from __future__ import annotations

from itertools import chain, zip_longest
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import binom

from whet.monitor.advice import SHOWN, group_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Places = NDArray[np.intp]

USUAL = 0.9  # quantile of the reference's novelty: a tenth is further
MOST = 3  # kinds at once
SURE, TIMES = 0.001, 1.5
"""More are further than usual: no chance, and this many times as many."""


def kinds(vectors: NDArray[np.floating], novelty: NDArray[np.float64], usual: float) -> list[Places]:
    """The rows of each new kind, the most typical first.

    Args:
        vectors: unit vectors of the rows [n, dim].
        novelty: 1 - cosine to the nearest training example [n]; NaN where not known.
        usual: the reference's ``USUAL`` quantile of novelty.
    """
    left = np.nan_to_num(novelty, nan=-1.0) > usual
    known = ~np.isnan(novelty)
    if not _more(int(left.sum()), int(known.sum())):
        return []
    there, found = np.asarray(vectors, np.float64), list["Places"]()
    free = known.copy()
    for _ in range(MOST):
        group = group_of(there, left)
        if len(group) < SHOWN:
            break
        middle = there[group].mean(axis=0)
        near = there @ (middle / np.linalg.norm(middle))
        mine = free & (near > 1.0 - novelty)
        mine[group] = free[group]
        rows = np.flatnonzero(mine)
        found.append(rows[np.argsort(-near[rows], kind="stable")])
        free &= ~mine
        left &= ~mine
    return found


def in_turn(found: list[Places]) -> list[int]:
    """All rows, one of each kind after the other, in an order drawn at random: the most typical ones, learned
    from first, would leave a kind's borders unknown."""
    rng = np.random.default_rng(0)
    return [
        int(row) for row in chain.from_iterable(zip_longest(*map(rng.permutation, found))) if row is not None
    ]


def _more(beyond: int, rows: int) -> bool:
    usual = 1.0 - USUAL
    return beyond > TIMES * usual * rows and binom.sf(beyond - 1, rows, usual) < SURE
