"""Does training earn back its cost at this volume? By the break-even of a run, or by the most it could save.

Even before a run there is a bound: training cannot save more than what every answer costs today, errors
included. Where a year of that is less than a year of training, no result can make it worth while. Prices are
the task's ``costs``, or assumptions that are said to be such.
"""

from __future__ import annotations

from whet.advise.known import TUNED, Answer, Known, Question
from whet.price import first_year_usd

MONTHS = 12


def volume(known: Known) -> Answer:
    """The first question: whether the requests of a year pay for a year of training."""
    ask = Question("volume", "Do enough requests come to earn back what training costs?", "monthly_volume")
    monthly = known.task.monthly_volume
    if monthly is None:
        return ask.unknown("The task does not say how many requests come.", "set `monthly_volume`.")
    tuned = [known.rungs[name] for name in TUNED if name in known.rungs]
    if not tuned:
        return _bound(known, ask, monthly)
    pays = [rung["break_even_requests"] for rung in tuned if rung["break_even_requests"] is not None]
    year = MONTHS * monthly
    if not pays:
        return ask.no("At these prices a tuned model saves nothing on a request.", "keep what is cheaper.")
    said = f"It breaks even after {min(pays):,} requests; {year:,} come in a year."
    return ask.yes(said) if min(pays) <= year else ask.no(said, "keep what is cheaper.")


def _bound(known: Known, ask: Question, monthly: int) -> Answer:
    """What training could save at the most, against what it costs at the least."""
    cost = first_year_usd(0.0, known.task.costs, known.sizes)
    price = _price(known)
    if price is None:
        return ask.unknown("What a request costs today is not measured.", "climb the ladder: `whet run`.")
    year, error = MONTHS * monthly, known.task.costs.error_usd
    most = year * (_errors(known) * error + price)
    said = (
        f"{monthly:,} requests a month: with every error mended, training would save at most ${most:,.0f} a "
        f"year, and it costs ${cost:,.0f} (labelling, review, retraining; see `costs`)."
    )
    if most >= cost:
        return ask.yes(said)
    minutes = monthly * known.task.costs.label_seconds / 60
    never = year * (error + price) < cost  # even where every answer is wrong today
    return ask.no(said, "keep what is cheaper.", never=never, minutes=round(minutes))


def _errors(known: Known) -> float:
    """The share of wrong answers of the best rung so far; all, where nothing was measured."""
    if known.verdict is None or not known.verdict["higher_is_better"]:
        return 1.0
    return 1.0 - max(float(rung["value"]) for rung in known.verdict["rungs"])


def _price(known: Known) -> float | None:
    """US dollars of a request today, by what was measured or stated; None where it was neither."""
    if known.verdict is not None:
        return max(float(rung["usd_per_1k"]) for rung in known.verdict["rungs"]) / 1000
    if any(model.usd_per_million for model in known.task.endpoints):
        return None
    return known.task.existing.usd_per_1k / 1000 if known.task.existing else 0.0
