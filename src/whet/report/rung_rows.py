"""The table of rungs: quality, price, speed, and when training has earned itself back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from whet.config_parts import Costs
from whet.report import words
from whet.report.charts import glyph
from whet.report.ranking import role
from whet.report.shapes import Measured, Verdict

if TYPE_CHECKING:
    from whet.config import Task


def rung_rows(verdict: Verdict, rungs: Sequence[Measured], task: Task) -> list[dict[str, Any]]:
    """The table of rungs."""
    metric, trained = verdict["metric"], {rung.name: rung.trains for rung in rungs}
    return [
        {
            "name": rung["name"],
            "what": words.RUNGS.get(rung["name"], ""),
            "role": role(verdict, rung["name"]),
            "value": words.shown(rung["value"], metric),
            "interval": words.span(rung["low"], rung["high"], metric),
            "reading": words.READINGS[rung["reading"]],
            "glyph": glyph(rung["reading"]),
            "dev": words.shown(rung["dev"], metric),
            "usd": words.usd(rung["usd_per_1k"]),
            "monthly": _monthly(rung),
            "p50": words.millis(rung["p50_ms"]),
            "p95": words.millis(rung["p95_ms"]),
            "tokens": _tokens(rung),
            "saved": _saved(rung),
            "fit": words.duration(rung["fit_seconds"]),
            "parameters": words.many(rung["parameters_trained"]) if rung["parameters_trained"] else "",
            "break_even": _break_even(rung, trained.get(rung["name"], False)),
            "when": _when(rung, task),
        }
        for rung in verdict["rungs"]
    ]


def _monthly(rung: Mapping[str, Any]) -> str:
    amount = rung["usd_per_month"]
    return "" if amount is None else f"{words.usd(amount)}/month"


def _tokens(rung: Mapping[str, Any]) -> str:
    """Read and written for one request, of rungs that ask a model that writes."""
    if not rung["tokens_out"]:
        return words.NONE
    return f"{words.count(rung['tokens_in'])} + {words.count(rung['tokens_out'])}"


def _saved(rung: Mapping[str, Any]) -> str:
    """What a trained model need not read."""
    saved = rung["saved_against_prompt"]
    if saved is None:
        return ""
    tokens = words.count(abs(saved["tokens"]))
    return f"{tokens} {'fewer' if saved['tokens'] > 0 else 'more'}"


def _break_even(rung: Mapping[str, Any], trained: bool) -> str:
    requests = rung["break_even_requests"]
    if requests is not None:
        return words.count(requests)
    return "never" if trained else words.NONE


def _when(rung: Mapping[str, Any], task: Task) -> str:
    requests = rung["break_even_requests"]
    if requests is None or task.monthly_volume is None:
        return ""
    return words.months(requests, task.monthly_volume)


def assumptions(verdict: Verdict, task: Task) -> str:
    """What the prices and the break-even rest on."""
    costs = task.costs
    labelled = words.count(verdict["n_train"] + verdict["n_dev"])
    wrong = "a unit of cost" if verdict["metric"] == "cost" else "a wrong answer"
    source = "whet's defaults, which are guesses" if costs == Costs() else "the task file"
    volume = task.monthly_volume
    pace = f" Times to it are at {words.count(volume)} requests a month." if volume else ""
    return (
        f"Break-even is the number of requests after which a trained rung has earned back its first "
        f"year, against the cheapest untrained rung: labelling {labelled} examples at "
        f"{words.plain(costs.label_seconds)} s each; training and {words.plain(costs.review_hours)} h of "
        f"review, once and at {words.plain(costs.retrain_per_year)} retrainings; a person at "
        f"{words.price(costs.person_usd_per_hour)} an hour, a machine at "
        f"{words.price(costs.machine_usd_per_hour)} an hour, {wrong} at "
        f"{words.price(costs.error_usd)}.{pace} These prices come from {source}; "
        f"set `costs` in the task file to change them."
    )
