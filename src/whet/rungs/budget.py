"""What ``tune`` may take: how long its trainings would run here, and which of them fit its minutes.

The unit is one reading of the training texts by the frozen encoder, whose seconds are known from before: it
measures machine, texts and model at once. What does not fit is given up in this order: the second method,
then epochs. What was given up is said, for a training that was cut short cannot show that training is
useless. Knows no weights and no loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

EPOCH = 2.5  # readings that an epoch costs; measured 2.2 in bf16, and three times the arithmetic at most
ENDS = 2.0  # readings for new heads after a training: one for each share of the way
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
    """Whether fewer epochs are trained than were asked for."""


def cost(methods: int, epochs: float) -> float:
    """Readings of the training texts that ``methods`` trainings take, with the learning curve."""
    training = EPOCH * epochs + ENDS
    return methods * training + CURVE_TRAINED * EPOCH * epochs + CURVE_READ


def plan(methods: Sequence[str], epochs: float, reading: float, minutes: float | None) -> Plan:
    """The largest plan that fits.

    Args:
        methods: those asked for, the one to keep first.
        reading: seconds that one reading of the training texts takes here.
        minutes: what all may take; None for as long as it takes. The smallest plan is made in any case.
    """
    whole = Plan(tuple(methods), epochs)
    tried = [whole, *(Plan(tuple(methods[:1]), share * epochs) for share in (1.0, *SHARES))]
    if minutes is None:
        return whole
    fits = (p for p in tried if reading * cost(len(p.methods), p.epochs) <= 60 * minutes)
    chosen = next(fits, tried[-1])
    if chosen == whole:
        return whole
    full = reading * cost(len(methods), epochs) / 60
    note = _given_up(chosen, whole, minutes, full)
    return replace(chosen, note=note, cut_short=chosen.epochs < epochs)


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
