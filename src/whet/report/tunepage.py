"""The page of one training: what learned what, how the loss went, what was tried afterwards, how fast.

Made from ``card.json`` and ``training.jsonl``. The dev curve shows learning by heart: where it turns up, the
line of the best step stands. Knows no models.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

from whet.report import words
from whet.report.charts import Point, Scale, Series, lines
from whet.report.frame import GUIDE, fill
from whet.report.markup import join, tag

POINTS = 60  # of the training curve; the loss of single steps jumps
UNITS = ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))
CLEARLY = 1.02  # a dev loss this much above the best is no noise


def render_tuned(
    card: Mapping[str, Any], steps: Sequence[Mapping[str, Any]], example: str, *, command: str, date: str
) -> str:
    """The page.

    Args:
        card: ``card.json``.
        steps: ``training.jsonl``.
        example: a row with what is learned in ⟦brackets⟧.
        command: what made it.
        date: when.
    """
    failed = [check for check in card["after"] if not check["ok"]]
    head, _, text = example.partition("\n")
    return fill(
        "tune.html.j2",
        guide=GUIDE,
        c=card,
        date=date,
        command=command,
        state=("missed", "Do not use") if failed else ("decided", "Trained"),
        sentence=sentence(card),
        failed=failed,
        rest=overfitting(card),
        facts=_facts(card),
        chart=curve(card, steps),
        scored=[look for look in card["curve"] if "score" in look],
        example_head=head,
        example=_marked(text),
        settings=words.flat(_settings(card)),
        estimated=_estimated(card),
    )


def sentence(card: Mapping[str, Any]) -> str:
    """What came of it, in one plain sentence."""
    first, best = card["curve"][0], card["best"]
    if not best["step"]:
        return "Training brought nothing: dev was never better than before it."
    where = f"best at step {words.count(best['step'])} of {words.count(card['steps'])}"
    if best.get("score") is not None and best["score"] > first["score"]:
        before, reached = (words.percent(look["score"]) for look in (first, best))
        return f"Right answers on dev went from {before} to {reached}, {where}."
    return f"The loss on dev fell from {first['loss']:.3f} to {best['loss']:.3f}, {where}."


def overfitting(card: Mapping[str, Any]) -> str:
    """What the dev curve says of learning by heart; nothing where it still falls."""
    best, last = card["best"], card["curve"][-1]
    after = [look["loss"] for look in card["curve"] if look["step"] > best["step"]]
    if after and last["loss"] > CLEARLY * best["loss"]:
        return (
            f"After step {words.count(best['step'])} the loss on dev rose to {last['loss']:.3f}: the model "
            "began to learn the rows by heart. The weights of the best step were kept."
        )
    if best["step"] == card["steps"]:
        return "It was still getting better at the end: more epochs may help."
    return ""


def curve(card: Mapping[str, Any], steps: Sequence[Mapping[str, Any]]) -> Markup:
    """Loss of training (means of some steps) and of dev, over steps."""
    dev = tuple(Point(look["step"], look["loss"]) for look in card["curve"])
    series = [Series("first", dev), Series("second", tuple(binned(steps)), dots=False)]
    series = [one for one in series if one.points]
    heights = [point.y for one in series for point in one.points]
    end = max(card["steps"], 1)
    return lines(
        series,
        x_ticks=[tick for tick in Scale(0, end).ticks(6) if tick == int(tick)],
        write_x=words.count,
        write_y=lambda value: f"{value:g}",
        least=0.1 * max(heights),
        within=(0.0, math.inf),
        label="Loss on dev and in training over the steps",
        marked=[(card["best"]["step"], "best")],
    )


def binned(steps: Sequence[Mapping[str, Any]]) -> list[Point]:
    """Means of neighbouring steps."""
    size = max(1, math.ceil(len(steps) / POINTS))
    parts = [steps[at : at + size] for at in range(0, len(steps), size)]
    return [
        Point(sum(s["step"] for s in part) / len(part), sum(s["loss"] for s in part) / len(part))
        for part in parts
    ]


def _facts(card: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(what, figure, what it means)."""
    speed, rows = card["speed"], card["rows"]
    adapter = card["adapter"]
    how = f"adapter of rank {adapter['rank']}" if adapter else "all weights"
    found = [
        ("Model", "/".join(card["base"]["name"].rstrip("/").split("/")[-2:]), f"{how}, {card['precision']}"),
        ("Examples", words.count(rows["train"]), f"and {words.count(rows['dev'])} to judge by"),
        (
            "Tokens learned",
            words.percent(card["learned"] / card["tokens"]),
            f"{words.count(card['learned'])} of {words.count(card['tokens'])}; the others are only read",
        ),
    ]
    if speed:
        found += [
            ("Speed", f"{speed['examples_per_second']:,.1f} examples/s", words.duration(speed["seconds"])),
            (
                "Of the limit",
                words.percent(speed["share_of_limit"]),
                "of what this machine's arithmetic allows on these rows",
            ),
        ]
    return found


def _marked(text: str) -> Markup:
    """⟦learned⟧ pieces set apart."""
    parts = re.split(r"⟦(.*?)⟧", text, flags=re.DOTALL)
    return join(
        tag("span", part, class_="learned") if n % 2 else escape(part) for n, part in enumerate(parts)
    )


def _settings(card: Mapping[str, Any]) -> dict[str, Any]:
    plan = {name: value for name, value in card["plan"].items() if name != "rates"}
    rates = {name: value for name, value in card["plan"]["rates"].items() if name != "betas"}
    return {**plan, **rates, **({"adapter": card["adapter"]} if card["adapter"] else {})}


def _estimated(card: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(what, said before, found)."""
    needs, found = card["needs"], card["measured"]
    return [
        ("memory", _bytes(needs["memory"]), _bytes(found["memory"])),
        ("disk", _bytes(needs["disk"]), _bytes(found["disk"])),
        ("training", words.duration(needs["seconds"]), words.duration(found["seconds"])),
    ]


def _bytes(count: float) -> str:
    unit, name = next(pair for pair in UNITS if count >= pair[0] or pair is UNITS[-1])
    return f"{count / unit:,.{1 if count < 10 * unit else 0}f}{words.NBSP}{name}"
