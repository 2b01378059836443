"""The evidence page: what a specialist shows, one line a measure, the figures and rows behind each below.

Made from ``08-evidence.json`` alone. Knows no measure by name, but the question that each answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from whet.report import words
from whet.report.charts import Point, Scale, Series, lines
from whet.report.frame import GUIDE, fill

APART = "does not apply"  # how a reason begins where there is nothing to measure
ROWS = 20  # of one measure on the page; the JSON has them all
ASKS = {
    "quality": "Is it right, and better than before?",
    "overfitting": "Does it know the job, or the rows?",
    "confidence": "Can its certainty be believed?",
    "slices": "Does it fail some more than others?",
    "bias": "Do words for people change the answer?",
    "forgetting": "What could the base do that it cannot?",
    "grounding": "Is what it states supported?",
    "safety": "Does it refuse what it should, and only that?",
    "robustness": "Does messy input break it?",
    "memorization": "Does it give training data away?",
    "parity": "Do all its forms answer alike?",
    "maintenance": "What does it depend on?",
}


def render_evidence(found: Mapping[str, Any]) -> str:
    """The page.

    Args:
        found: ``08-evidence.json``.
    """
    measures = [_measure(one) for one in found["measures"]]
    missing = [one for one in measures if one["applies"] and not one["shown"]]
    return fill(
        "evidence.html.j2",
        guide=GUIDE,
        e=found,
        date=str(found["at"]).replace("T", " ").replace("+00:00", " UTC"),
        state=("undecided", f"{len(missing)} not shown")
        if missing
        else ("decided", "All that apply are shown"),
        measures=measures,
        facts=_facts(found),
        most=ROWS,
    )


def _facts(found: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(what, figure, what it means)."""
    sizes, previous = found["sizes"], found["previous"]
    facts = [
        ("Specialist", str(found["rung"]), words.RUNGS.get(found["rung"], "")),
        (
            "Against",
            str(found["base"] or "nothing"),
            words.RUNGS.get(found["base"] or "", "the run has no base"),
        ),
        ("Unseen examples", words.count(sizes["test"]), f"learned from {words.count(sizes['train'])}"),
    ]
    if previous:
        facts.append(("Previous release", str(previous["rung"]), str(previous["run"])))
    return facts


def _measure(one: Mapping[str, Any]) -> dict[str, Any]:
    """A measure as the page shows it."""
    shown = one["standing"] == "shown"
    said = one["said"] if shown else one["why"]
    head, _, rest = (said[:1].upper() + said[1:]).partition(". ")
    return {
        "name": one["name"],
        "asks": ASKS.get(one["name"], ""),
        "shown": shown,
        "applies": shown or not one["why"].startswith(APART),
        "standing": APART if one["why"].startswith(APART) else one["standing"],
        "first": words.typeset(head.rstrip(".") + "."),
        "rest": words.typeset(rest),
        "figures": [_figure(figure) for figure in one["figures"]],
        "based": any(figure["base_value"] is not None for figure in one["figures"]),
        "tables": one["tables"],
        "panels": [_panel(curve) for curve in one["curves"]],
        "rows": one["rows"][:ROWS],
        "count": len(one["rows"]),
    }


def _figure(figure: Mapping[str, Any]) -> dict[str, str]:
    unit = figure["unit"]
    interval = figure["low"] != figure["high"]
    base = figure["base_value"]
    gap = ""
    if figure["gap_low"] is not None:
        ends = (shown(figure[key], "points", bare=True) for key in ("gap_low", "gap_high"))
        gap = "difference " + " to ".join(ends) + words.POINTS
    return {
        "title": figure["title"] or figure["name"].replace("_", " "),
        "name": figure["name"],
        "value": shown(figure["value"], unit),
        "interval": f"{shown(figure['low'], unit)} to {shown(figure['high'], unit)}" if interval else "",
        "n": f"{words.count(figure['n'])} {figure['of']}",
        "base": "" if base is None else shown(base, unit),
        "gap": gap,
        "better": figure["better"],
        "judge": figure["judge"],
    }


def shown(value: float, unit: str, *, bare: bool = False) -> str:
    """A figure in its unit: 92.7 %, 1.5 points, 3.2 bits."""
    if unit == "share":
        return words.percent(value)
    if unit == "points":
        return words.apart(value, "").removesuffix(words.POINTS) if bare else words.apart(value, "")
    if unit == "count":
        return words.count(value)
    return words.minus(f"{value:.3g}") + (f"{words.NBSP}bits" if unit == "bits" else "")


def _panel(curve: Mapping[str, Any]) -> dict[str, Any]:
    """A curve, with the line of honesty where a share stands over a confidence."""
    points = tuple(Point(*map(float, point)) for point in curve["points"])
    series = [Series("first", points, dots=len(points) <= 20)]
    honest = curve["x"].startswith("stated")
    ends = min(p.x for p in points), max(p.x for p in points)
    if honest:
        series.append(Series("second", tuple(Point(x, x) for x in ends), dots=False))
    share = ends[1] <= 1
    picture = lines(
        series,
        x_ticks=Scale(ends[0], ends[1]).ticks(5) if ends[0] < ends[1] else [ends[0]],
        write_x=(lambda x: words.percent(x, 0)) if share else words.count,
        write_y=(lambda y: words.percent(y, 0)) if "share" in curve["y"] else lambda y: f"{y:g}",
        least=0.1,
        within=(0.0, 1.0) if "share" in curve["y"] else (0.0, 1e9),
        label=f"{curve['title']}: {curve['y']} over {curve['x']}",
    )
    legend = [("first", "measured"), ("second", "what an honest one would show")] if honest else []
    return {"title": curve["title"], "picture": picture, "legend": legend, "x": curve["x"]}
