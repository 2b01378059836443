"""Accuracy over time, drawn: right answers by day, by what came to be known of them.

Labels that came later and decisions of reviewers both count; where both speak of a request, the reviewer
does. Each day has its interval (Wilson). Knows no page: it gives figures and one picture.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from whet.evaluate.stats import Interval, wilson
from whet.monitor.reviewed import reviewed
from whet.report.charts import Point, Series, lines

if TYPE_CHECKING:
    from whet.monitor.traffic import Traffic


@dataclass(frozen=True, slots=True)
class Day:
    """One day of one task."""

    day: str
    """``2026-01-05``"""
    release: str
    """The release that answered most."""
    accuracy: Interval


def accuracy_by_day(traffic: Traffic, task: str) -> list[Day]:
    """Every day of which something is known, in order."""
    decided = {row.request: row.right for row in reviewed(traffic, task) if row.right is not None}
    right: dict[str, list[bool]] = defaultdict(list)
    releases: dict[str, list[str]] = defaultdict(list)
    for row in traffic.since(task=task):
        told = decided.get(row.id)
        if told is None and row.truth is not None:
            told = row.truth == row.output
        if told is not None:
            right[row.time[:10]].append(told)
            releases[row.time[:10]].append(row.release)
    return [
        Day(day, max(set(names), key=names.count), wilson(sum(right[day]), len(right[day])))
        for day, names in sorted(releases.items())
    ]


def accuracy_chart(days: Sequence[Day]) -> Markup:
    """The days as one picture: accuracy with its interval, a line where another release begins to answer."""
    if not days:
        return Markup("")
    found = [day.accuracy for day in days]
    points = tuple(Point(place, one.value, one.low, one.high) for place, one in enumerate(found))
    changes = [n for n in range(1, len(days)) if days[n].release != days[n - 1].release]
    return lines(
        [Series("first", points)],
        x_ticks=sorted({0, len(days) // 2, len(days) - 1}),
        write_x=lambda x: days[int(x)].day,
        write_y=lambda y: f"{y:.0%}",
        least=0.1,
        within=(0.0, 1.0),
        label=f"accuracy by day, from {found[0].value:.0%} to {found[-1].value:.0%}",
        marked=[(float(n), days[n].release) for n in changes],
    )
