"""How far each request is from everything that was learned: 1 - cosine to the nearest training example.

Where the training examples' vectors are not at hand, the release's first requests stand in for them, each
without itself. Filled in beside the server, for rows that came with a vector and without a novelty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import bindparam, update

from whet.database import writing
from whet.monitor.tables import TRAFFIC

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from whet.monitor.looking import Span
    from whet.monitor.traffic import Traffic, Vectors

    Rows = NDArray[np.float32]

MOST = 4_000  # vectors that stand for what was learned
AT_ONCE = 5_000


def fill(traffic: Traffic, release: str, reference: Span, learned: Rows | None = None) -> int:
    """Give rows their novelty; how many.

    Args:
        reference: the release's first hours.
        learned: unit vectors of training examples [n, dim], where they are at hand.
    """
    first = traffic.vectors(reference.first, release=release, until=reference.last, most=MOST)
    known = first.rows if learned is None else thinned(learned)
    if not len(known):
        return 0
    own = {one: place for place, one in enumerate(first.ids)} if learned is None else {}
    filled = 0
    while len(new := traffic.vectors(reference.first, release=release, most=AT_ONCE, unread=True)):
        far = distances(new.rows, known, np.array([own.get(one, -1) for one in new.ids]))
        _write(traffic, new, far)
        filled += len(new)
    return filled


def distances(rows: Rows, known: Rows, own: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
    """1 - cosine to the nearest of the known [n]; ``own``: the place of each row among them, -1 for none."""
    alike = np.asarray(rows, np.float32) @ np.asarray(known, np.float32).T
    if own is not None:
        inside = own >= 0
        alike[np.flatnonzero(inside), own[inside]] = -1.0
    return np.asarray(1.0 - alike.max(axis=1), np.float64)


def thinned(vectors: Rows) -> Rows:
    """At most ``MOST`` vectors, drawn evenly."""
    return np.asarray(vectors[spread(len(vectors))])


def spread(count: int) -> NDArray[np.int64]:
    """At most ``MOST`` places of so many, evenly."""
    return np.linspace(0, count - 1, min(MOST, count)).astype(np.int64)


def _write(traffic: Traffic, new: Vectors, far: NDArray[np.float64]) -> None:
    values = [{"one": one, "far": float(x)} for one, x in zip(new.ids, far, strict=True)]
    with writing(traffic.engine) as connection:
        mine = TRAFFIC.c.id == bindparam("one")
        connection.execute(update(TRAFFIC).where(mine).values(novelty=bindparam("far")), values)
