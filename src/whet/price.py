"""What a rung costs: per request, in its first year, and when it has earned itself back.

Prices are the task's, or assumptions that the report shows as such.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from whet.config_parts import Costs
    from whet.evaluate.evidence import Evidence, Measured, Sizes


def usd_per_1k(rung: Measured, costs: Costs) -> float:
    machine = rung.seconds_per_1k / 3600 * costs.machine_usd_per_hour
    return rung.provider_usd_per_1k + machine


def monthly_usd(per_1k: float, volume: int | None) -> float | None:
    """What a month's requests cost; None where the task does not say how many there are."""
    return None if volume is None else per_1k * volume / 1000


def saved_against_prompt(
    rung: Measured, rungs: Sequence[Measured], prices: Mapping[str, float]
) -> dict[str, float] | None:
    """What a trained model that writes need not read, because it has learned it: tokens and US dollars of
    one request less than those of `prompt`. None where either of them reads no instruction.

    Both got the same inputs, so that the difference is the instruction with what stands under it.
    """
    prompt = next((other for other in rungs if other.name == "prompt"), None)
    if not rung.trains or prompt is None or not (rung.tokens_out and prompt.tokens_out):
        return None
    usd = (prices["prompt"] - prices[rung.name]) / 1000
    return {"tokens": prompt.tokens_in - rung.tokens_in, "usd": usd}


def break_even(
    rung: Measured,
    evidence: Evidence,
    prices: Mapping[str, float],
    costs: Costs,
    sizes: Sizes,
) -> int | None:
    """Requests after which a trained rung has earned back what it cost in its first year, against the
    cheapest untrained one, errors priced. None: it never does, or it is not trained."""
    others = [r for r in evidence.rungs if not r.trains]
    if not rung.trains or not others:
        return None

    def per_request(r: Measured) -> float:
        wrong = -float(evidence.gains[r.name].mean())
        wrong = wrong + 1.0 if evidence.metric.higher_is_better else wrong
        return prices[r.name] / 1000 + wrong * costs.error_usd

    saved = min(per_request(other) for other in others) - per_request(rung)
    if saved <= 0:
        return None
    return math.ceil(first_year_usd(rung.fit_seconds, costs, sizes) / saved)


def first_year_usd(fit_seconds: float, costs: Costs, sizes: Sizes) -> float:
    """Labelling once; training and review now and at each retraining within a year."""
    labelling = (sizes.train + sizes.dev) * costs.label_seconds / 3600 * costs.person_usd_per_hour
    once = fit_seconds / 3600 * costs.machine_usd_per_hour
    review = costs.review_hours * costs.person_usd_per_hour
    return labelling + (1 + costs.retrain_per_year) * (once + review)
