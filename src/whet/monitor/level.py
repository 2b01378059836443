"""How far a signal may be off in its worst stretch of a week, before somebody is told.

    z that 1 % of the weeks without change pass (``PASSED``) -> tail -> z for the share told in vain

The greatest z of a week hangs on nothing but how many rows of the reference there are for each of an hour. It
was simulated once with the arithmetic of ``whet.monitor.scan``; ``simulated`` does it again, and a test holds
the table to it. Knows no signal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import norm

from whet.monitor.scan import HARMONICS, LENGTHS, WEEK, prior_of, stretches, waves

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]

SPENT = 0.5
"""Of the budget. The rest covers what the simulated weeks leave out: quiet nights, waves beyond three, means
of few rows that are not quite normal (``bench/drift.py`` measures what comes of it)."""
SIMULATED = 20_000  # weeks
SEEN = 0.01
"""Share of the simulated weeks beyond which their tail is continued by a formula."""
FIRST = -14
PASSED = (
    4.4426,
    4.4408,
    4.4408,
    4.4375,
    4.4383,
    4.4365,
    4.4292,
    4.4256,
    4.3868,
    4.3727,
    4.3305,
    4.2456,
    4.1565,
    4.0595,
    3.9438,
    3.8497,
    3.7483,
    3.6595,
    3.5524,
    3.4521,
    3.3243,
    3.1935,
    3.0631,
)
"""z that ``SEEN`` of the simulated weeks pass, where an hour has 2^FIRST, 2^(FIRST+1), ... times the rows of
the reference; what lies outside is as at the ends."""


def limit(signals: int, alpha: float, per_hour: float, reference: float) -> float:
    """The z that the greatest of a week's stretches passes with probability ``alpha``, over all signals.

    Args:
        signals: how many are watched; the budget is split evenly (Bonferroni).
        per_hour: rows of an hour, on average.
        reference: rows of the reference.

    The tail beyond what the simulated weeks show is continued as that of a normal distribution times the
    number of stretches that are as good as independent, which grows with the level.
    """
    ratio = round(float(np.log2(max(per_hour, 1e-3) / max(reference, 1.0))))
    seen = PASSED[min(max(ratio - FIRST, 0), len(PASSED) - 1)]
    wanted = alpha * SPENT / signals
    independent = SEEN / (2 * norm.sf(seen))
    low, high = 1.0, 12.0
    for _ in range(60):
        middle = (low + high) / 2
        tail = 2 * norm.sf(middle) * independent * (middle / seen) ** 2
        low, high = (middle, high) if tail > wanted else (low, middle)
    return float(high)


def simulated(log_ratio: float, weeks: int = SIMULATED) -> Floats:
    """The greatest z of each simulated week without change, sorted; every week has a week before it.

    Args:
        log_ratio: of an hour's rows to those of the reference, to the base of 2.
    """
    rng = np.random.default_rng(7)
    n, rows = 100.0, 100.0 / 2.0**log_ratio
    x = waves(np.arange(2 * WEEK) + 0.5)
    error = np.diag(1 / (rows * np.array([1.0] + [0.5] * 2 * HARMONICS) + prior_of()))
    shape = stretches(x, axis=0) / LENGTHS[:, None, None]
    shape = shape[:, WEEK:]
    scale = 1.0 / np.sqrt(1.0 / (n * LENGTHS[:, None]) + np.einsum("lhw,wv,lhv->lh", shape, error, shape))
    greatest = []
    for _ in range(weeks // 250):
        noise = rng.normal(0.0, 1 / np.sqrt(n), (250, 2 * WEEK))
        wrong = rng.normal(0.0, np.sqrt(np.diag(error)), (250, len(error)))
        means = stretches(noise)[:, :, WEEK:] / LENGTHS[:, None]
        far = (means - np.einsum("lhw,bw->blh", shape, wrong)) * scale
        greatest.append(np.abs(far).max(axis=(1, 2)))
    return np.sort(np.concatenate(greatest))
