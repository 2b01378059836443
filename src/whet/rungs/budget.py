"""What ``tune`` may take: how long its trainings would run here, and which of them fit its minutes.

The unit is one reading of the training texts by the frozen encoder, whose seconds are known from before: it
measures machine, texts and model at once. What does not fit is given up in this order: the second method,
then epochs, and with them the mixture with the base, which is there to temper long trainings. What was given
up is said, for a training that was cut short cannot show that training is useless. Knows no weights and no
loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

EPOCH = 2.5  # readings that an epoch costs; measured 2.2 in bf16, and three times the arithmetic at most
ENDS = 2.0  # readings for new heads after a training: as trained, and mixed with the base
CURVE_TRAINED, CURVE_READ = 0.75, 0.75  # the learning curve trains on a quarter and on half, and reads those
SHARES = (0.75, 0.5, 0.25, 0.1)  # of the epochs asked for


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be trained."""

    methods: tuple[str, ...]
    epochs: float
    note: str = ""
    """What was given up to keep to the minutes; empty where nothing was."""
    cut_short: bool = False
    """Whether fewer epochs are trained than were asked for; then the weights are taken as trained."""


def cost(methods: int, epochs: float, ends: float = ENDS) -> float:
    """Readings of the training texts that ``methods`` trainings take, with the learning curve."""
    training = EPOCH * epochs + ends
    return methods * training + CURVE_TRAINED * EPOCH * epochs + CURVE_READ


def plan(methods: Sequence[str], epochs: float, reading: float, minutes: float | None) -> Plan:
    """The largest plan that fits.

    Args:
        methods: those asked for, the one to keep first.
        reading: seconds that one reading of the training texts takes here.
        minutes: what all may take; None for as long as it takes. The smallest plan is made in any case.
    """
    whole, first = Plan(tuple(methods), epochs), tuple(methods[:1])
    shorter = [Plan(first, share * epochs, cut_short=True) for share in SHARES]
    tried = [whole, Plan(first, epochs), *shorter]
    if minutes is None:
        return whole
    chosen = next((p for p in tried if reading * _cost_of(p) <= 60 * minutes), shorter[-1])
    if chosen == whole:
        return whole
    return replace(chosen, note=_given_up(chosen, whole, minutes, reading * _cost_of(whole) / 60))


def _cost_of(planned: Plan) -> float:
    return cost(len(planned.methods), planned.epochs, 1.0 if planned.cut_short else ENDS)


def _given_up(chosen: Plan, whole: Plan, minutes: float, full: float) -> str:
    parts = []
    if len(chosen.methods) < len(whole.methods):
        parts.append(f"by `{chosen.methods[0]}` only")
    if chosen.epochs < whole.epochs:
        parts.append(f"for {chosen.epochs:g} of {whole.epochs:g} epochs")
    return (
        f"trained {' and '.join(parts)}, to keep to `tune.minutes` ({minutes:g}); all of it would take "
        f"about {max(full, 1):.0f} minutes on this machine"
    )
