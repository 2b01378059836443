"""The rungs side by side and against the best: the rows of two charts and three tables.

The table of rungs itself is ``rung_rows``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from whet.report import words
from whet.report.charts import Guide, Scale, axis, glyph, scale_over, strip
from whet.report.shapes import Measured, Verdict, answering

if TYPE_CHECKING:
    pass

NEAR = 4.0  # margins that the chart of differences reaches out to, at most


@dataclass(frozen=True, slots=True)
class Row:
    """One rung in a chart."""

    name: str
    role: str
    """``winner``, ``provisional`` or nothing."""
    picture: Markup
    figure: str
    interval: str
    reading: str
    glyph: Markup


@dataclass(frozen=True, slots=True)
class Chart:
    rows: tuple[Row, ...]
    axis: Markup
    legend: tuple[tuple[str, str], ...]
    """Class of the guide and what it means."""
    readings: tuple[tuple[Markup, str], ...] = ()
    """The shapes that occur, and what they mean."""


def role(verdict: Verdict, name: str) -> str:
    if name == verdict["winner"]:
        return "winner"
    return "provisional" if name == verdict["provisional"] else ""


def rung_chart(verdict: Verdict, baseline: float) -> Chart:
    """Every rung's value with its 95 % interval, lowest rung first."""
    rungs, metric = verdict["rungs"], verdict["metric"]
    band, guides = _guides(verdict, baseline)
    values = [v for g in guides for v in (g.low, g.high)]
    values += [rung[key] for rung in rungs for key in ("low", "value", "high")]
    top = float("inf") if metric == "cost" else 1.0
    scale = scale_over(values, within=(min(0.0, *values), top), least=0.05)
    seen = list(dict.fromkeys(rung["reading"] for rung in rungs))
    return Chart(
        rows=tuple(_rung_row(verdict, rung, scale, guides) for rung in rungs),
        axis=axis(scale, lambda v: _tick(v, metric)),
        legend=tuple(_legend(verdict, band, baseline)),
        readings=tuple((glyph(reading), words.READINGS[reading]) for reading in seen),
    )


def _guides(verdict: Verdict, baseline: float) -> tuple[Guide, list[Guide]]:
    """The margin's band beside the best, the baseline, and the target where there is one."""
    best = next(r["value"] for r in verdict["rungs"] if r["name"] == verdict["best"])
    edge = best - verdict["margin"] if verdict["higher_is_better"] else best + verdict["margin"]
    low, high = sorted((edge, best))
    band = Guide("band", max(low, 0.0) if verdict["metric"] != "cost" else low, high)
    guides = [band, Guide("baseline", baseline, baseline)]
    if verdict["target"] is not None:
        guides.append(Guide("target", verdict["target"], verdict["target"]))
    return band, guides


def _rung_row(verdict: Verdict, rung: Mapping[str, Any], scale: Scale, guides: Sequence[Guide]) -> Row:
    metric, part = verdict["metric"], role(verdict, rung["name"])
    figure = words.shown(rung["value"], metric)
    interval = words.span(rung["low"], rung["high"], metric)
    reading = words.READINGS[rung["reading"]]
    picture = strip(
        scale,
        guides,
        low=rung["low"],
        value=rung["value"],
        high=rung["high"],
        shape=rung["reading"],
        strong=bool(part),
        label=f"{rung['name']}: {figure}, 95 % interval {interval}, {reading}",
    )
    return Row(rung["name"], part, picture, figure, interval, reading, glyph(rung["reading"]))


def _tick(value: float, metric: str) -> str:
    return f"{value:g}" if metric == "cost" else f"{100 * value:.10g}{words.NBSP}%"


def _legend(verdict: Verdict, band: Guide, baseline: float) -> list[tuple[str, str]]:
    metric = verdict["metric"]
    margin = words.apart(verdict["margin"], metric)
    rows = [
        ("band", f"within the margin of {margin} of the best ({words.span(band.low, band.high, metric)})"),
        ("baseline", f"always the most frequent label ({words.shown(baseline, metric)})"),
    ]
    if verdict["target"] is not None:
        rows.insert(1, ("target", f"target ({words.shown(verdict['target'], metric)})"))
    return rows


def difference_chart(verdict: Verdict) -> Chart | None:
    """How far each lower rung is behind the best, with one-sided bounds, near the margin."""
    compared, metric, margin = verdict["comparisons"], verdict["metric"], verdict["margin"]
    if not compared:
        return None
    unit = margin or max(abs(c["difference"]) for c in compared) or 0.01
    reach = NEAR * unit
    near = [c for c in compared if abs(c["difference"]) <= reach]
    ends = [0.0, 2 * unit, -unit, *[v for c in near for v in (c["low"], c["high"])]]
    kept = [v for v in ends if -2 * reach <= v <= 2 * reach]
    scale = scale_over(kept, within=(-float("inf"), float("inf")), least=unit)
    zone = Guide("zone", scale.low, margin)
    lines = [zone, Guide("zero", 0.0, 0.0), Guide("margin", margin, margin)]
    return Chart(
        rows=tuple(_difference_row(verdict, c, scale, lines) for c in compared),
        axis=axis(scale, lambda v: _difference_tick(v, metric)),
        legend=(
            ("zone", "less than the margin behind"),
            ("zero", "no difference"),
            ("margin", f"the margin, {words.apart(margin, metric)}"),
        ),
    )


def _difference_row(verdict: Verdict, c: Mapping[str, Any], scale: Scale, guides: Sequence[Guide]) -> Row:
    metric = verdict["metric"]
    figure = words.apart(c["difference"], metric)
    interval = words.span_apart(c["low"], c["high"], metric).removesuffix(words.POINTS)
    reading = words.READINGS[c["reading"]]
    picture = strip(
        scale,
        guides,
        low=c["low"],
        value=c["difference"],
        high=c["high"],
        shape=c["reading"],
        strong=bool(role(verdict, c["b"])),
        label=f"{c['b']}: {figure} behind {c['a']}, bounds {interval}, {reading}",
    )
    part = role(verdict, c["b"])
    return Row(c["b"], part, picture, figure, interval, reading, glyph(c["reading"]))


def _difference_tick(value: float, metric: str) -> str:
    value = 0.0 if abs(value) < 1e-12 else value
    return words.minus(f"{value:g}" if metric == "cost" else f"{100 * value:.10g}")


def comparison_rows(verdict: Verdict) -> list[dict[str, Any]]:
    """The paired comparisons, with p-values."""
    metric = verdict["metric"]
    return [
        {
            "name": c["b"],
            "role": role(verdict, c["b"]),
            "difference": words.apart(c["difference"], metric),
            "low": words.apart(c["low"], metric),
            "high": words.apart(c["high"], metric),
            "p_worse": words.p_value(c["p_adjusted"]),
            "p_enough": words.p_value(c["p_good_enough"]),
            "reading": words.READINGS[c["reading"]],
            "glyph": glyph(c["reading"]),
        }
        for c in verdict["comparisons"]
    ]


def scorer_rows(verdict: Verdict) -> list[dict[str, Any]]:
    """What else was measured: for each rung, every scorer's mean with its interval."""
    scorers = verdict.get("scorers") or []
    return [
        {"name": rung["name"], "figures": [_figure(scorer["rungs"][rung["name"]]) for scorer in scorers]}
        for rung in verdict["rungs"]
        if scorers
    ]


def _figure(found: Mapping[str, float]) -> dict[str, str]:
    interval = f"{words.percent(found['low'])} to {words.percent(found['high'])}"
    return {"value": words.percent(found["value"]), "interval": interval}


def changed_rows(verdict: Verdict) -> list[dict[str, str]]:
    """What training changed, by each measure; a run of an older version does not say."""
    found = []
    for one in verdict.get("changed") or []:
        name, sign = one["name"], "+" if one["difference"] > 0 else ""
        low, high = (words.apart(one[end], name) for end in ("low", "high"))
        found.append(
            {
                "name": name,
                "before": words.shown(one["before"], name),
                "after": words.shown(one["after"], name),
                "difference": f"{sign}{words.apart(one['difference'], name)}",
                "interval": f"{low} to {high}",
            }
        )
    return found


def changed_by(rungs: Sequence[Measured]) -> str:
    """What stands behind the difference: training alone, or another model as well."""
    models = {rung.name: str(rung.choices.get("model", "")) for rung in rungs}
    before, after = (models.get(name, "") for name in ("prompt", "tune"))
    if before and after and before != after:
        return f"prompt stands on {before}, tune on {after}: the models differ, and not the training alone"
    return "the model as it came and as it was trained"


def answer_of(verdict: Verdict) -> Mapping[str, Any]:
    """The figures of the rung the page is about."""
    name = answering(verdict)
    return next(rung for rung in verdict["rungs"] if rung["name"] == name)
