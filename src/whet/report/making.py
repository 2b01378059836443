"""How the answer came about: learning, training, models, choices, and the artifacts with their digests."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Protocol

from markupsafe import Markup

from whet.report import words
from whet.report.charts import Point, Series, lines
from whet.report.shapes import LearningCurve, Measured, Verdict, answering

KINDS = ("first", "second")


NO_LIMIT = 1_000_000
"""Tokens; a context from here on is one that no file states."""


class Model(Protocol):
    """What the page says of a model; ``whet.models`` has records that fit. 0 and "" are not known."""

    @property
    def name(self) -> str: ...
    @property
    def sha256(self) -> str: ...
    @property
    def licence(self) -> str: ...
    @property
    def parameters(self) -> int: ...
    @property
    def dim(self) -> int: ...
    @property
    def context(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Panel:
    """A line chart with its title and legend (class of the line, what it is)."""

    title: str
    picture: Markup
    legend: tuple[tuple[str, str], ...] = ()


def learning_panel(curve: LearningCurve, metric: str) -> Panel | None:
    """Dev score over the number of training examples, for up to two rungs."""
    names = list(dict.fromkeys(point.rung for point in curve.points))[:2]
    if not names:
        return None
    series = [
        Series(kind, tuple(Point(p.n_train, p.value, p.low, p.high) for p in curve.points if p.rung == n))
        for kind, n in zip(KINDS, names, strict=False)
    ]
    said = "; ".join(
        f"{p.rung} with {words.count(p.n_train)} examples {words.shown(p.value, metric)}"
        for p in curve.points
    )
    picture = lines(
        series,
        x_ticks=sorted({p.n_train for p in curve.points}),
        write_x=words.count,
        write_y=lambda v: _short(v, metric),
        least=0.02,
        within=_within(metric),
        label=f"Dev score by number of training examples: {said}",
        logarithmic=True,
    )
    title = f"{words.metric_title(metric)} on dev, by training examples"
    return Panel(title, picture, tuple(zip(KINDS, names, strict=False)))


def _within(metric: str) -> tuple[float, float]:
    return (-float("inf"), float("inf")) if metric == "cost" else (0.0, 1.0)


def _short(value: float, metric: str) -> str:
    if metric == "cost":
        return words.minus(f"{value:g}")
    return f"{100 * value:.10g}{words.NBSP}%"


def training_panels(rung: Measured, metric: str) -> list[Panel]:
    """Loss and dev score over the steps of one rung's training."""
    sign = -1.0 if metric == "cost" else 1.0
    loss = [("first", "loss", "loss on train"), ("second", "dev_loss", "loss on dev")]
    score = [("first", "dev_score", f"{words.metric_name(metric)} on dev")]
    return [
        panel
        for panel in (
            _over_steps(rung, loss, "Loss", 1.0, words.plain, (0.0, float("inf"))),
            _over_steps(
                rung,
                score,
                f"{words.metric_title(metric)} on dev",
                sign,
                lambda v: _short(v, metric),
                _within(metric),
            ),
        )
        if panel
    ]


def _over_steps(
    rung: Measured,
    columns: Sequence[tuple[str, str, str]],
    title: str,
    sign: float,
    write: Any,
    within: tuple[float, float],
) -> Panel | None:
    series, legend = [], []
    for kind, key, meaning in columns:
        rows = [r for r in rung.curve if "step" in r and math.isfinite(r.get(key, math.nan))]
        points = tuple(Point(r["step"], sign * r[key]) for r in rows)
        if points:
            series.append(Series(kind, points))
            legend.append((kind, meaning))
    if not series:
        return None
    steps = sorted({p.x for one in series for p in one.points})
    picture = lines(
        series,
        x_ticks=_thin(steps),
        write_x=words.count,
        write_y=write,
        least=0.02,
        within=within,
        label=f"{title} of {rung.name} over training steps",
    )
    return Panel(f"{title}, by step", picture, tuple(legend) if len(legend) > 1 else ())


def _thin(steps: Sequence[float], most: int = 5) -> list[float]:
    """At most ``most`` of the steps, the first and the last among them."""
    if len(steps) <= most:
        return list(steps)
    return [steps[round(k * (len(steps) - 1) / (most - 1))] for k in range(most)]


def model_rows(models: Iterable[Model]) -> list[dict[str, str]]:
    return [
        {
            "name": model.name,
            "licence": model.licence,
            "parameters": words.many(model.parameters) if model.parameters else words.NONE,
            "dim": words.count(model.dim) if model.dim else words.NONE,
            "context": words.count(model.context) if 0 < model.context < NO_LIMIT else words.NONE,
            "sha256": model.sha256 or words.NONE,
        }
        for model in models
    ]


def choice_rows(rungs: Sequence[Measured]) -> list[tuple[str, list[tuple[str, str]]]]:
    """What each rung chose on dev; rungs without a choice are left out."""
    shown = {rung.name: {k: v for k, v in rung.choices.items() if k != "instruction"} for rung in rungs}
    return [(name, words.flat(choices)) for name, choices in shown.items() if choices]


def prompt_changes(rungs: Sequence[Measured]) -> list[tuple[str, list[tuple[str, str]]]]:
    """What each rung changed in what is said to the model: lines that are ``gone``, ``new`` or ``kept``."""
    changed = [rung for rung in rungs if rung.prompt]
    return [(rung.name, _changes(rung.prompt["before"], rung.prompt["after"])) for rung in changed]


def _changes(before: str, after: str) -> list[tuple[str, str]]:
    old, new = before.split("\n"), after.split("\n")
    found: list[tuple[str, str]] = []
    for what, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what == "equal":
            found += [("kept", line) for line in old[a:b]]
        else:
            found += [("gone", line) for line in old[a:b]] + [("new", line) for line in new[c:d]]
    return found


def step_rows(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The run's steps with the files they wrote."""
    return [
        {
            "name": name,
            "seconds": words.duration(float(step.get("seconds", 0.0))),
            "at": str(step.get("at", "")).replace("T", " ").replace("+00:00", " UTC"),
            "files": sorted(step.get("files", {}).items()),
        }
        for name, step in manifest.get("steps", {}).items()
    ]


def setting_rows(manifest: Mapping[str, Any], seed: int) -> list[tuple[str, str]]:
    """Versions and machine, as far as figures may depend on them."""
    libraries = manifest.get("libraries", {})
    rows = [
        ("whet", manifest.get("whet", "")),
        ("Python", manifest.get("python", "")),
        ("Libraries", ", ".join(f"{name} {version}" for name, version in libraries.items())),
        ("Machine", manifest.get("platform", "")),
        ("Processors", " × ".join(str(manifest[key]) for key in ("cpus", "processor") if key in manifest)),
        ("Seed", seed),
    ]
    return [(name, str(value)) for name, value in rows if value not in ("", None)]


def date_of(manifest: Mapping[str, Any]) -> str:
    """The day of the last step."""
    days = [str(step.get("at", ""))[:10] for step in manifest.get("steps", {}).values()]
    return max(days, default="")


def head_facts(verdict: Verdict) -> list[tuple[str, str, str]]:
    """Term, value and a word beside it, for the box under the verdict."""
    metric, seen = verdict["metric"], verdict["smallest_detectable_difference"]
    names = (
        [("Winner", verdict["winner"])]
        if verdict["winner"]
        else [
            ("Winner", "none yet"),
            ("Provisionally", verdict["provisional"]),
        ]
    )
    rows = [(term, str(name), words.RUNGS.get(str(name), "")) for term, name in names]
    rows.append(("Fine-tuning warranted?", words.WARRANTED[verdict["fine_tuning_warranted"]], ""))
    if verdict["target"] is not None:
        rows.append(("Target", words.shown(verdict["target"], metric), words.TARGET[verdict["target_met"]]))
    rung = next(r for r in verdict["rungs"] if r["name"] == answering(verdict))
    interval = words.span(rung["low"], rung["high"], metric)
    rows.append((words.metric_title(metric), words.shown(rung["value"], metric), interval))
    rows.append(
        (
            "Price of 1,000 answers",
            words.usd(rung["usd_per_1k"]),
            f"{words.millis(rung['p50_ms'])} each, p95 {words.millis(rung['p95_ms'])}",
        )
    )
    if rung["usd_per_month"] is not None:
        rows.append(("A month's requests", words.usd(rung["usd_per_month"]), "at the task's volume"))
    if saved := rung["saved_against_prompt"]:
        less = "less" if saved["usd"] >= 0 else "more"
        note = f"of a request, against prompt; {words.usd(abs(1000 * saved['usd']))} {less} per 1,000"
        rows.append(("Tokens saved", words.minus(words.count(saved["tokens"])), note))
    rows.append(
        (
            "Held-out examples",
            words.count(verdict["n_test"]),
            f"train {words.count(verdict['n_train'])}, dev {words.count(verdict['n_dev'])}",
        )
    )
    rows.append(("Margin", words.apart(verdict["margin"], metric), "the loss accepted for a cheaper rung"))
    if seen is not None:
        rows.append(("Smallest detectable difference", words.apart(seen, metric), "found four times in five"))
    times = verdict["test_openings"]
    rows.append(("Test set opened", "once" if times == 1 else f"{words.count(times)} times", ""))
    return rows
