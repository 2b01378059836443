"""May a retrained specialist stand in for the live release? Asked on rows that neither has learned from.

    held-out rows -> new kinds | fair rows | picked by the live release's failures -> two ways forward

*Fair* rows are the old test set and the queue's random sample. Rows that came to people because the live
release seemed to fail on them flatter whatever takes its place, an equal included: they do not count. A *new
kind* is a row whose approved output the live release's run never had: picked by its truth, not by a failure.

There are two ways, each at half of the error: no worse on fair rows, within the margin; or surely better on
the new kinds, with a loss on fair rows that is within the margin as far as is seen. The second is for a
person to weigh, for a small test set cannot be sure of a margin: nothing goes live by itself that way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from whet.evaluate.promote import ALPHA, Promotion, promotion

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

NEW, FAIR, PICKED = "new kind", "fair", "picked"


@dataclass(frozen=True, slots=True)
class Compared:
    """The new specialist beside the live release."""

    fair: Promotion
    """Within the margin."""
    new: Promotion | None
    """On kinds that the live release never learned, without a margin; None: there are no such rows."""
    kinds: tuple[str, ...]
    margin: float
    picked: int
    """Rows that were left out, for they were picked by the live release's failures."""

    @property
    def surely(self) -> bool:
        """Whether it is no worse on fair rows, within the margin: enough to go without a person."""
        return self.fair.promotes

    @property
    def recovers(self) -> bool:
        """Whether it does better on new kinds, and nothing that is seen elsewhere speaks against it."""
        d = self.fair.difference
        return self.new is not None and self.new.promotes and d.value >= -self.margin - 1e-12 and d.high >= 0

    @property
    def promotes(self) -> bool:
        return self.surely or self.recovers

    @property
    def sentence(self) -> str:
        fair = f"on what it knew, {_points(self.fair)}"
        if self.new is not None:
            fair = f"on new kinds ({', '.join(self.kinds)}) {_points(self.new)}; {fair}"
        if self.surely:
            return f"It may take over: {fair}."
        if self.recovers:
            return f"It learned what is new: {fair}. A person weighs it: the margin is not sure."
        if self.fair.difference.value < -self.margin:
            return f"It is worse on what it knew: {fair}."
        return f"Not shown yet: {fair}. {_more(self.fair)}"


def compare(
    new: Floats, old: Floats, parts: Sequence[str], truths: Sequence[str], *, margin: float
) -> Compared:
    """Compare.

    Args:
        new, old: gain of each held-out row, 0..1 [n].
        parts: ``NEW``, ``FAIR`` or ``PICKED``, of each row.
        truths: approved outputs, for their names.
        margin: how much worse the new one may be on fair rows.
    """
    part = np.asarray(parts)
    kinds = sorted({truth for truth, one in zip(truths, parts, strict=True) if one == NEW})
    on = {name: part == name for name in (NEW, FAIR)}
    return Compared(
        promotion(new[on[FAIR]], old[on[FAIR]], margin=margin, alpha=ALPHA / 2),
        promotion(new[on[NEW]], old[on[NEW]], alpha=ALPHA / 2) if on[NEW].any() else None,
        tuple(kinds),
        margin,
        int((part == PICKED).sum()),
    )


def _points(found: Promotion) -> str:
    d = found.difference
    return f"{100 * d.value:+.1f} points ({100 * d.low:+.1f} to {100 * d.high:+.1f}, n={d.n:,})"


def _more(found: Promotion) -> str:
    if found.more is None:
        return "Rows such as these never would show it."
    return f"About {found.more:,} more rows such as these would show it."
