"""What an encoder's specialist knows beyond its answer: the probability of every label, the input's vector.

A specialist that scores labels (``scored``) is asked once for scores and vectors, and everything comes from
them; any other is asked by ``predict`` alone. Knows no request.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from whet.records import Prediction, Specialist

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from whet.models.encoder import Encoded
    from whet.rungs.deciding import Decider

Labels = tuple[tuple[str, float], ...]


@runtime_checkable
class Scoring(Protocol):
    """A specialist that scores labels of encoded texts."""

    @property
    def decider(self) -> Decider: ...

    def scored(self, inputs: Sequence[str]) -> tuple[NDArray[np.floating[Any]], Encoded]: ...


@dataclass(frozen=True, slots=True)
class Told:
    """A prediction and what else is known."""

    prediction: Prediction
    labels: Labels = ()
    """The likeliest first; of equals, in the specialist's order."""
    vector: NDArray[np.floating[Any]] | None = None


def told(specialist: Specialist, inputs: Sequence[str]) -> list[Told]:
    """One for each input, in order."""
    if not isinstance(specialist, Scoring):
        return [Told(prediction) for prediction in specialist.predict(inputs)]
    scores, encoded = specialist.scored(inputs)
    shares = specialist.decider.probabilities(scores)
    predictions = specialist.decider.predictions(scores, encoded)
    names = specialist.decider.labels
    return [
        Told(prediction, sorted_labels(names, row.tolist()), vector)
        for prediction, row, vector in zip(predictions, shares, encoded.vectors, strict=True)
    ]


def sorted_labels(names: Sequence[str], shares: Sequence[float]) -> Labels:
    return tuple(sorted(zip(names, map(float, shares), strict=True), key=lambda pair: -pair[1]))


def chooses(specialist: Specialist) -> bool:
    """Whether its answers come from a list, so that its confidence is calibrated."""
    return getattr(specialist, "decider", None) is not None
