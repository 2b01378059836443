"""The accuracy that confidence implies, before anyone has labelled anything; and when it cannot be known.

Calibrated confidence, averaged, is the expected accuracy. What is left of miscalibration is taken from
labelled rows (difference of confidences: Guillory and others, ICCV 2021), and both errors are in the
interval. All of this holds while the requests are of the kind that confidence was calibrated on. Requests
far from every training example are answered with a confidence that means nothing (Garg and others, ICLR
2022: no method can know in general), so where there are more of them than there were, the answer is "cannot
know". Pure functions of numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import binom, norm

from whet.monitor.signals import FAR

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]

BEARABLE = 0.015  # share of such requests, beyond the reference's, that an estimate within 3 points can bear
SURE = 0.001  # p below which more far requests are no chance
LEAST = 100  # rows


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What labelled rows say of a release's confidence."""

    confidence: float
    accuracy: float
    spread: float
    """Standard deviation of right (1 or 0) minus confidence."""
    n: int
    far: float
    """Novelty beyond which a request is unlike what was learned; NaN: not known."""


@dataclass(frozen=True, slots=True)
class Implied:
    """What recent confidence implies."""

    known: bool
    accuracy: float
    low: float
    high: float
    n: int
    why: str = ""
    """Why it cannot be known."""


def calibrated(confidence: Floats, right: Floats, novelty: Floats | None = None) -> Calibrated:
    """From labelled rows that the release did not learn from: the held-out set, or reviewed traffic.

    Args:
        novelty: of rows that are as traffic is; NaN where it is not known.
    """
    far = np.nan
    if novelty is not None and (~np.isnan(novelty)).sum() >= LEAST:
        far = float(np.nanquantile(novelty, FAR))
    gap = right - confidence
    spread = float(gap.std(ddof=1)) if len(gap) > 1 else 0.5
    return Calibrated(float(confidence.mean()), float(right.mean()), spread, len(right), far)


def implied(confidence: Floats, novelty: Floats, known: Calibrated, alpha: float = 0.05) -> Implied:
    """The accuracy of recent requests.

    Args:
        confidence, novelty: of recent requests [n]; NaN where not known.
    """
    given = confidence[~np.isnan(confidence)]
    if len(given) < LEAST:
        return Implied(
            False, float("nan"), 0.0, 1.0, len(given), f"only {len(given)} requests have a confidence"
        )
    value = float(np.clip(given.mean() + known.accuracy - known.confidence, 0.0, 1.0))
    # how far the labelled rows may be off, and how far these requests may be from what is expected of them
    error = known.spread * np.sqrt(1 / max(known.n, 1) + 1 / len(given))
    half = float(norm.ppf(1 - alpha / 2) * error)
    why = _unlike(novelty[~np.isnan(novelty)], known.far)
    return Implied(not why, value, max(0.0, value - half), min(1.0, value + half), len(given), why)


def _unlike(novelty: Floats, far: float) -> str:
    """Why requests are not of the kind that confidence was calibrated on; empty where they are."""
    if np.isnan(far) or not len(novelty):
        return ""
    n, beyond = len(novelty), int((novelty > far).sum())
    share, usual = beyond / n, 1 - FAR
    if binom.sf(beyond - 1, n, usual) > SURE or share - usual < BEARABLE:
        return ""
    return f"{share:.0%} of the requests are unlike anything that was learned ({usual:.0%} were)"
