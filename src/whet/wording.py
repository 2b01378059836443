"""A verdict in plain words. Takes the verdict's own record, so words and figures cannot differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TUNED = ("tune", "tune+retrieve")


def shown(value: float, metric: str) -> str:
    """A figure as people read it: 92.7 %, or a cost."""
    return f"{value:.3f}" if metric == "cost" else f"{100 * value:.1f} %"


def apart(value: float, metric: str) -> str:
    """A difference as people read it: 1.5 points, or a cost."""
    return f"{value:.3f}" if metric == "cost" else f"{100 * value:.1f} points"


def sentence(v: Mapping[str, Any]) -> str:
    """The verdict in plain words."""
    nothing = v.get("nothing_good_enough", False)  # a record of an older run does not say
    parts = [*([_nothing(v)] if nothing else []), _who(v), *_unlucky(v), _tuning(v), *_saved(v)]
    if v["target"] is not None and not nothing:
        parts.append(_about_target(v))
    if v["test_openings"] > 1:
        parts.append(
            f"This test set has been opened {v['test_openings']} times; over all openings a wrong call "
            f"has a chance of up to {v['error_over_all_openings']:.1%}."
        )
    return " ".join(parts)


def _nothing(v: Mapping[str, Any]) -> str:
    """Where every rung surely misses the target."""
    goal, count = shown(v["target"], v["metric"]), len(v["rungs"])
    said = "the one rung that was measured misses" if count == 1 else f"all {count} rungs miss"
    return f"Nothing here is good enough: {said} the target of {goal}, and surely so."


def _who(v: Mapping[str, Any]) -> str:
    figures = {rung["name"]: rung for rung in v["rungs"]}
    metric, name = v["metric"], v["winner"] or v["provisional"]
    rung = figures[name]
    measured = (
        f"{shown(rung['value'], metric)} {metric.replace('_', '-')} "
        f"({shown(rung['low'], metric)} to {shown(rung['high'], metric)}, n={v['n_test']:,})"
    )
    if v["winner"] is None:
        more = v["more_examples_needed"]
        advice = (
            f"about {more:,} more test examples would probably decide"
            if more
            else ("no number of test examples would decide a difference this near the margin")
        )
        compared = next(c for c in v["comparisons"] if c["b"] == name)
        return (
            f"Not decisive: `{name}`, provisionally, reaches {measured}, but against `{v['best']}` the "
            f"difference lies between {apart(compared['low'], metric)} and "
            f"{apart(compared['high'], metric)}, and the margin is {apart(v['margin'], metric)}; "
            f"{advice}."
        )
    if name == v["best"]:
        if v["comparisons"]:
            return f"`{name}` is worth it: {measured}, and every lower rung is worse."
        if len(v["rungs"]) == 1:
            return f"`{name}` reaches {measured}; no other rung was measured."
        return f"`{name}` is as good as any: {measured}, and on dev no higher rung is better."
    compared = next(c for c in v["comparisons"] if c["b"] == name)
    trails = (
        "at least as good as"
        if compared["high"] <= 0
        else (f"at most {apart(compared['high'], metric)} behind")
    )
    return f"`{name}` is enough: {measured}, {trails} the best rung, `{v['best']}`."


def _unlucky(v: Mapping[str, Any]) -> list[str]:
    """Where dev chose one rung and the test set shows a higher one ahead."""
    return [
        f"But dev, {v['n_dev']:,} examples, may have chosen badly: on these `{rung['name']}` is "
        f"{apart(rung['difference'], v['metric'])} ahead of `{v['best']}` "
        f"(at least {apart(rung['low'], v['metric'])}); a larger dev set would choose more surely."
        for rung in v["ahead_after_all"]
    ]


def _tuning(v: Mapping[str, Any]) -> str:
    if not any(rung["name"] in TUNED for rung in v["rungs"]):
        return "Fine-tuning was not measured."
    answers = {
        "yes": "Fine-tuning is warranted.",
        "no": "Fine-tuning is not warranted.",
        "undecided": "Whether fine-tuning is warranted stays undecided.",
    }
    return answers[str(v["fine_tuning_warranted"])] + _cut_short(v)


def _saved(v: Mapping[str, Any]) -> list[str]:
    """What the winner need not read, because it has learned it."""
    saved = next((r.get("saved_against_prompt") for r in v["rungs"] if r["name"] == v["winner"]), None)
    if not saved or saved["tokens"] < 0.5:
        return []
    change, usd = "less" if saved["usd"] >= 0 else "more", abs(1000 * saved["usd"])
    amount = f"${usd:,.2f}" if usd >= 0.01 or not usd else f"${usd:,.4f}"
    return [
        f"A request reads {saved['tokens']:,.0f} tokens less than one of `prompt`, and 1,000 of them cost "
        f"{amount} {change}."
    ]


def _cut_short(v: Mapping[str, Any]) -> str:
    """What a training that had to keep to its minutes leaves open."""
    cut = [rung["name"] for rung in v["rungs"] if rung["cut_short"]]
    if not cut or v["fine_tuning_warranted"] == "no":
        return ""
    return f" `{cut[0]}` was cut short to keep to its minutes: with more (`tune.minutes`) it may get better."


def _about_target(v: Mapping[str, Any]) -> str:
    goal = shown(v["target"], v["metric"])
    words = {
        "yes": f"It meets the target of {goal}, and surely so.",
        "probably": f"It probably meets the target of {goal}: the interval reaches past it.",
        "probably not": f"It probably misses the target of {goal}: only the interval reaches it.",
        "no": f"It misses the target of {goal}, and surely so.",
    }
    return words[str(v["target_met"])]
