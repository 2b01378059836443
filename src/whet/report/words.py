"""Figures and readings as people read them: 92.7 %, 1.5 points, 13 ms, $0.0001, 10.6 M.

Numbers and their units are held together by a no-break space; a minus is a minus, not a hyphen. Knows
no HTML.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

NBSP = "\u00a0"
NONE = "–"
POINTS = NBSP + "points"

READINGS = {
    "good_enough": "good enough",
    "worse": "worse",
    "unclear": "unclear",
    "best": "best on dev",
    "above the best": "above the best",
}
"""``06-verdict.json``'s readings in plain words."""

RUNGS = {
    "existing": "what you have today",
    "floor": "always the most frequent answer",
    "prompt": "label names and descriptions, no examples",
    "prompt+": "the same, in better words found on train",
    "fewshot": "a few examples of each label",
    "template": "a strict output template",
    "retrieve": "the most similar known examples, or passages",
    "head": "a small layer trained on a frozen model",
    "tune": "the model itself is fine-tuned",
    "tune+retrieve": "a fine-tuned model with passages to read",
}

WARRANTED = {"yes": "Yes", "no": "No", "undecided": "Undecided"}

TARGET = {
    "yes": "met, surely",
    "probably": "probably met",
    "probably not": "probably missed",
    "no": "missed, surely",
}


def minus(text: str) -> str:
    return text.replace("-", "−")


def percent(share: float, digits: int = 1) -> str:
    return minus(f"{100 * share:.{digits}f}") + NBSP + "%"


def metric_name(metric: str) -> str:
    return {"macro_f1": "macro-F1"}.get(metric, metric)


def metric_title(metric: str) -> str:
    name = metric_name(metric)
    return name[:1].upper() + name[1:]


def shown(value: float, metric: str) -> str:
    """A value of the metric: 92.7 %, or a cost."""
    return minus(f"{value:.3f}") if metric == "cost" else percent(value)


def apart(value: float, metric: str) -> str:
    """A difference in the metric: 1.5 points, or a cost."""
    if metric == "cost":
        return minus(f"{_zero(value, 3):.3f}")
    return minus(f"{_zero(100 * value, 1):.1f}") + POINTS


def span(low: float, high: float, metric: str) -> str:
    """An interval of values: 90.8 % to 92.7 %."""
    return f"{shown(low, metric)} to {shown(high, metric)}"


def span_apart(low: float, high: float, metric: str) -> str:
    """An interval of differences: −0.3 to 1.5 points."""
    return f"{apart(low, metric).removesuffix(POINTS)} to {apart(high, metric)}"


def typeset(text: str) -> str:
    """Units kept with their numbers, and a minus for a minus, in a sentence made elsewhere."""
    together = re.sub(r"(?<=\d)(?: ?(?=%)| (?=points?\b))", NBSP, text)
    return re.sub(r"(?<![\w`-])-(?=\d)", "−", together)


def _zero(value: float, digits: int) -> float:
    """No "−0.0"."""
    return 0.0 if round(value, digits) == 0 else value


def count(number: float) -> str:
    return f"{number:,.0f}"


def usd(amount: float) -> str:
    if amount == 0:
        return "$0"
    if amount < 0.0001:
        return "< $0.0001"
    return f"${amount:,.4f}" if amount < 0.01 else f"${amount:,.2f}"


def price(amount: float) -> str:
    """A price that someone set: $40, $0.10."""
    return f"${amount:,.0f}" if amount == int(amount) else f"${amount:,.2f}"


def millis(ms: float) -> str:
    if ms < 1:
        return f"<{NBSP}1{NBSP}ms"
    return f"{ms:,.0f}{NBSP}ms" if ms < 10_000 else f"{ms / 1000:,.1f}{NBSP}s"


def duration(seconds: float) -> str:
    if seconds < 0.1:
        return f"<{NBSP}0.1{NBSP}s"
    if seconds < 9.95:
        return f"{seconds:.1f}{NBSP}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}{NBSP}s"
    if whole < 3600:
        return f"{whole // 60}{NBSP}min {whole % 60}{NBSP}s"
    return f"{whole // 3600}{NBSP}h {whole % 3600 // 60}{NBSP}min"


def many(number: float) -> str:
    """Parameters: 29.6 k, 10.6 M."""
    for size, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            scaled = number / size
            return f"{scaled:.0f}{NBSP}{unit}" if scaled >= 100 else f"{scaled:.1f}{NBSP}{unit}"
    return count(number)


def p_value(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def months(requests: int, monthly: int) -> str:
    """How long so many requests take: 4.1 months."""
    needed = requests / monthly
    if needed < 0.1:
        return "a few days"
    if needed > 600:
        return "over 50 years"
    return f"{needed / 12:.1f}{NBSP}years" if needed >= 24 else f"{needed:.1f}{NBSP}months"


def output(value: object) -> str:
    """A label, or several."""
    if isinstance(value, str):
        return value
    return ", ".join(str(part) for part in value) if value else "(none)"  # type: ignore[attr-defined]


def shorten(text: str, limit: int = 240) -> str:
    """One paragraph, cut between words, with the length said where it was cut."""
    flat = " ".join(text.split())
    if len(flat) <= limit:
        return flat
    head = flat[:limit]
    cut = head.rsplit(" ", 1)[0] if " " in head[limit // 2 :] else head
    return f"{cut} … ({count(len(flat))} characters)"


def flat(choices: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested choices as dotted names and values."""
    rows: list[tuple[str, str]] = []
    for key, value in choices.items():
        if isinstance(value, Mapping):
            rows += flat(value, f"{prefix}{key}.")
        else:
            rows.append((f"{prefix}{key}", plain(value)))
    return rows


def plain(value: object) -> str:
    if isinstance(value, float) and math.isfinite(value):
        return minus(f"{value:g}")
    return str(value)
