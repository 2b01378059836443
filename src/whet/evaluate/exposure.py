"""Exposure: how much better a model knows a secret than chance would, in bits.

    exposure(s) = log2 |R| - log2 rank(s)

over the space R of secrets that could have stood there, ranked by likelihood (Carlini et al., The Secret
Sharer, USENIX Security 2019, definition 5). R is too large to rank whole; as in section 5.3 of the paper
it is

- sampled: rank(s) / |R| is estimated by its rank among n secrets drawn from R, which tells no more than
  log2(n + 1) bits; and
- extrapolated: a skew-normal distribution is fitted to the log-perplexities of the drawn ones, and
  exposure is -log2 of its share below that of s. Fitted here by moments, and never more than log2 |R|.

A secret that the model never saw ranks anywhere with equal chance: its exposure is 1/ln 2 = 1.44 bits on
average. Knows no model.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import logsumexp
from scipy.stats import skewnorm

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHANCE = 1 / math.log(2)
"""Bits, on average, of a secret that was never seen."""
MOST_SKEW = 0.99
"""Of a skew-normal distribution, whose skewness is below 0.9953."""
REACH, STEPS = 12.0, 4_000
"""Standard deviations below a secret, and points, over which the fitted density is summed."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """How much a model knows of one secret."""

    bits: float
    """The sampled one; where no drawn secret is likelier, the extrapolated one if that is more."""
    sampled: float
    extrapolated: float
    rank: float
    """Among the drawn ones and itself; equals share their places."""
    drawn: int


def exposure(logprob: float, drawn: Sequence[float] | NDArray[np.float64], space_bits: float) -> Exposure:
    """Exposure of one secret.

    Args:
        logprob: of the secret, in nats.
        drawn: log-probabilities [n] of secrets drawn evenly from the space, this one not among them.
        space_bits: log2 |R|.
    """
    others = np.asarray(drawn, dtype=np.float64)
    rank = 1.0 + float(np.sum(others > logprob)) + float(np.sum(others == logprob)) / 2
    sampled = math.log2(len(others) + 1) - math.log2(rank)
    far = min(extrapolated(logprob, others), space_bits)
    bits = max(sampled, far) if rank == 1.0 else sampled
    return Exposure(bits, sampled, far, rank, len(others))


def extrapolated(logprob: float, drawn: NDArray[np.float64]) -> float:
    """-log2 of the share of the fitted distribution that is likelier than the secret."""
    perplexities = -drawn
    spread = float(perplexities.std())
    if spread < 1e-9:  # all alike: nothing to fit
        return 1.0 if -logprob >= float(perplexities.mean()) else math.inf
    shape, place, scale = _fitted(perplexities, spread)
    points = np.linspace(-logprob - REACH * spread, -logprob, STEPS)
    density = skewnorm.logpdf(points, shape, place, scale)
    share = float(logsumexp(density)) + math.log(points[1] - points[0])
    return max(0.0, -share / math.log(2))


def _fitted(values: NDArray[np.float64], spread: float) -> tuple[float, float, float]:
    """Shape, place and scale of a skew-normal distribution by its first three moments (Azzalini 1985)."""
    mean = float(values.mean())
    skew = float(np.clip(np.mean(((values - mean) / spread) ** 3), -MOST_SKEW, MOST_SKEW))
    size = abs(skew) ** (2 / 3)
    delta = math.copysign(math.sqrt(math.pi / 2 * size / (size + ((4 - math.pi) / 2) ** (2 / 3))), skew)
    scale = spread / math.sqrt(1 - 2 * delta**2 / math.pi)
    return delta / math.sqrt(1 - delta**2), mean - scale * delta * math.sqrt(2 / math.pi), scale
