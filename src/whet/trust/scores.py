"""The scores of every label, of specialists that choose: what temperature and conformal sets need.

Kept in the run's cache. Knows the two forms that have such scores: vectors with a head, and the tuned encoder
with its head. Others state a confidence only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from whet.rungs.head import score
from whet.rungs.tuned import TunedSpecialist
from whet.rungs.vectors import VectorSpecialist
from whet.store import make_folder, value_digest, write_bytes
from whet.trust.context import KEPT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from whet.rungs.deciding import Decider
    from whet.trust.context import Context, Side


@dataclass(frozen=True)
class Scores:
    """Logits [n, labels] and how the specialist turns them into answers."""

    logits: NDArray[np.float64]
    decider: Decider

    def probabilities(self, t: float) -> NDArray[np.float64]:
        """With temperature ``t`` in place of the specialist's own."""
        return np.asarray(replace(self.decider, temperature=t).probabilities(self.logits))


def scores_of(context: Context, side: Side, inputs: Sequence[str]) -> Scores | None:
    """The scores of one label per input; None where the specialist has none, or gives several labels."""
    specialist: Any = side.specialist
    if not isinstance(specialist, VectorSpecialist | TunedSpecialist) or specialist.decider.multi_label:
        return None
    path = (
        context.run
        / KEPT
        / f"{side.name}-scores-{value_digest([side.digest, list(inputs)])[:16]}.safetensors"
    )
    from safetensors.numpy import load_file, save

    if path.is_file():
        return Scores(load_file(path)["logits"].astype(np.float64), specialist.decider)
    logits = np.ascontiguousarray(_logits(context, specialist, inputs), dtype=np.float32)
    make_folder(path.parent)
    write_bytes(path, save({"logits": logits}))
    return Scores(logits.astype(np.float64), specialist.decider)


def _logits(context: Context, specialist: VectorSpecialist | TunedSpecialist, inputs: Sequence[str]) -> Any:
    if isinstance(specialist, TunedSpecialist):
        arrays = {"weight": specialist.head.weight, "bias": specialist.head.bias}
        return score(arrays, specialist.encoder.encode(inputs).vectors)
    own = specialist.encoder.source.sha256
    encoder = next((e for e in context.encoders if e.source.sha256 == own), specialist.encoder)
    return specialist.score(specialist.arrays, encoder.encode(inputs).vectors)
