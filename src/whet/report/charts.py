"""Charts as SVG, drawn from Python: pure functions from figures to markup.

Widths are percentages and heights are pixels, so that a chart fills a phone, a screen and a sheet of
paper with text and marks of one size. Colours are classes of ``style.css``; every state also has a
shape of its own. Knows no rungs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from whet.report.markup import join, tag

HEIGHT = 28  # of one row, in pixels
PLOT = 190  # of a line chart's plot
TOP, BOTTOM = 16, 26  # around it
LEFT, RIGHT = 15.0, 96.0  # of it, in percent


@dataclass(frozen=True, slots=True)
class Scale:
    """Values to places in percent."""

    low: float
    high: float
    start: float = 2.0
    end: float = 98.0

    def at(self, value: float) -> float:
        """Place in percent; values off the scale stand at its ends."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self, most: int = 6) -> list[float]:
        """Round values, at most ``most`` of them."""
        rough = (self.high - self.low) / most
        size = 10.0 ** math.floor(math.log10(rough))
        step = next(size * k for k in (1, 2, 2.5, 5, 10, 20) if size * k >= rough * (1 - 1e-9))
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [k * step for k in range(first, last + 1)][: most + 1]


def scale_over(values: Sequence[float], *, within: tuple[float, float], least: float) -> Scale:
    """A scale with a little air around ``values``, at least ``least`` wide, inside ``within``."""
    low, high = min(values), max(values)
    air = max(0.04 * (high - low), (least - (high - low)) / 2)
    bottom, top = max(within[0], low - air), min(within[1], high + air)
    return Scale(bottom, top if top > bottom else bottom + least)


@dataclass(frozen=True, slots=True)
class Guide:
    """A line (``low`` equals ``high``) or a band across all rows of a chart."""

    kind: str
    """Its class: ``band``, ``target``, ``baseline``, ``zero``, ``margin``."""
    low: float
    high: float


def strip(
    scale: Scale,
    guides: Sequence[Guide],
    *,
    low: float,
    value: float,
    high: float,
    shape: str,
    strong: bool,
    label: str,
) -> Markup:
    """One row: a dot at ``value`` with a whisker, over the guides. What is off the scale is an arrow."""
    middle = HEIGHT / 2
    parts = [_guide(guide, scale) for guide in guides]
    if low <= scale.high and high >= scale.low:
        ends = [x for x in (low, high) if scale.low <= x <= scale.high]
        parts.append(_whisker(scale.at(low), scale.at(high), middle, shape, [scale.at(x) for x in ends]))
    if scale.low <= value <= scale.high:
        parts.append(mark(shape, f"{scale.at(value):.2f}%", middle, strong=strong))
    else:
        parts.append(_arrow(scale.at(value), middle, leftward=value < scale.low))
    return tag("svg", *parts, class_="strip", role="img", aria_label=label, height=HEIGHT, width="100%")


def _guide(guide: Guide, scale: Scale) -> Markup:
    start, end = scale.at(guide.low), scale.at(guide.high)
    if guide.low == guide.high:
        place = f"{start:.2f}%"
        return tag("line", x1=place, x2=place, y1=0, y2=HEIGHT, class_=f"guide {guide.kind}")
    return tag(
        "rect",
        x=f"{start:.2f}%",
        width=f"{end - start:.2f}%",
        y=0,
        height=HEIGHT,
        class_=f"guide {guide.kind}",
    )


def _whisker(start: float, end: float, y: float, shape: str, ends: Sequence[float]) -> Markup:
    """A line with a cap at each of ``ends``: an end off the scale has none."""
    caps = [tag("line", x1=f"{x:.2f}%", x2=f"{x:.2f}%", y1=y - 4, y2=y + 4) for x in ends]
    body = tag("line", x1=f"{start:.2f}%", x2=f"{end:.2f}%", y1=y, y2=y)
    return tag("g", body, *caps, class_=f"whisker {slug(shape)}")


def _arrow(x: float, y: float, *, leftward: bool) -> Markup:
    points = "8,-6 0,0 8,6" if leftward else "-8,-6 0,0 -8,6"
    return _placed(f"{x:.2f}%", y, tag("polyline", points=points, class_="arrow"))


SHAPES = {
    "good_enough": lambda r: tag("circle", r=r),
    "worse": lambda r: tag("circle", r=r),
    "unclear": lambda r: tag("polygon", points=f"0,{-r - 1} {r + 1},0 0,{r + 1} {-r - 1},0"),
    "best": lambda r: tag("rect", x=-r, y=-r, width=2 * r, height=2 * r),
    "above the best": lambda r: tag("rect", x=-r, y=-r, width=2 * r, height=2 * r),
}


def slug(shape: str) -> str:
    """A class name."""
    return shape.replace("_", "-").replace(" ", "-")


def mark(shape: str, x: str | float, y: float, *, strong: bool = False) -> Markup:
    """The shape of a reading; ``strong`` puts a ring around it."""
    draw: Callable[[float], Markup] = SHAPES[shape]
    ring = [tag("circle", r=10, class_="ring")] if strong else []
    return _placed(x, y, *ring, tag("g", draw(5.0), class_=f"mark {slug(shape)}"))


def _placed(x: str | float, y: float, *children: Markup) -> Markup:
    """Paths know no percentages; an inner picture does."""
    return tag("svg", *children, x=x, y=y, overflow="visible")


def glyph(shape: str) -> Markup:
    """A reading's shape, for use within text."""
    return tag(
        "svg",
        mark(shape, 8, 8),
        class_="glyph",
        width=16,
        height=16,
        viewBox="0 0 16 16",
        aria_hidden="true",
    )


def axis(scale: Scale, write: Callable[[float], str], guides: Sequence[Guide] = ()) -> Markup:
    """Ticks and their figures, to stand under the rows."""
    parts = []
    for value in scale.ticks():
        x = scale.at(value)
        anchor = "start" if x < 6 else "end" if x > 94 else "middle"
        parts.append(tag("line", x1=f"{x:.2f}%", x2=f"{x:.2f}%", y1=0, y2=5, class_="tick"))
        parts.append(tag("text", write(value), x=f"{x:.2f}%", y=19, text_anchor=anchor))
    return tag("svg", *parts, class_="strip axis", height=24, width="100%", aria_hidden="true")


def bar(value: float, low: float | None, high: float | None, label: str) -> Markup:
    """A share as a bar, with its interval where there is one."""
    scale = Scale(0.0, 1.0, 0.0, 100.0)
    parts = [
        tag("rect", x=0, y=6, height=8, width="100%", class_="trough"),
        tag("rect", x=0, y=6, height=8, width=f"{scale.at(value):.2f}%", class_="bar"),
    ]
    if low is not None and high is not None:
        places = scale.at(low), scale.at(high)
        parts.append(_whisker(*places, 10, "bars", places))
    return tag("svg", *parts, class_="strip", height=20, width="100%", role="img", aria_label=label)


@dataclass(frozen=True, slots=True)
class Point:
    x: float
    y: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """Points joined by a line; ``kind`` is ``first`` or ``second``."""

    kind: str
    points: tuple[Point, ...]
    dots: bool = True
    """Whether each point is marked."""


def lines(
    series: Sequence[Series],
    *,
    x_ticks: Sequence[float],
    write_x: Callable[[float], str],
    write_y: Callable[[float], str],
    least: float,
    within: tuple[float, float],
    label: str,
    logarithmic: bool = False,
    marked: Sequence[tuple[float, str]] = (),
) -> Markup:
    """A line chart. Its figures stand on the grid lines, so that it needs no margin.

    Args:
        marked: places along x that an upright line marks, each with a word at its top.
    """
    points = [point for one in series for point in one.points]
    heights = [v for p in points for v in (p.y, p.low, p.high) if v is not None]
    found = scale_over(heights, within=within, least=least)
    upright = Scale(found.low, found.high, TOP + PLOT, TOP)
    place = math.log if logarithmic else float
    ends = sorted(place(p.x) for p in points)
    width = Scale(ends[0], ends[-1] if ends[-1] > ends[0] else ends[0] + 1, LEFT, RIGHT)

    def across(x: float) -> float:
        return width.at(place(x))

    parts = [_level(value, upright, write_y) for value in upright.ticks(5)]
    parts += [_foot(value, across(value), write_x) for value in x_ticks]
    parts += [_upright(across(value), word) for value, word in marked]
    barred = any(point.low is not None for point in points)  # bars would lie on each other
    for number, one in enumerate(series):
        parts.append(_line(one, across, upright, shift=0.7 * number if barred else 0.0))
    return tag(
        "svg",
        *parts,
        class_="lines",
        role="img",
        aria_label=label,
        width="100%",
        height=TOP + PLOT + BOTTOM,
    )


def _level(value: float, upright: Scale, write: Callable[[float], str]) -> Markup:
    y = round(upright.at(value), 1)
    return join(
        [
            tag("line", x1="0%", x2="100%", y1=y, y2=y, class_="grid"),
            tag("text", write(value), x="0%", y=y - 4),
        ]
    )


def _foot(value: float, x: float, write: Callable[[float], str]) -> Markup:
    anchor = "end" if x > 90 else "middle"
    edge = min(x + 3, 100.0) if anchor == "end" else x
    base = TOP + PLOT
    return join(
        [
            tag("line", x1=f"{x:.2f}%", x2=f"{x:.2f}%", y1=base, y2=base + 5, class_="tick"),
            tag("text", write(value), x=f"{edge:.2f}%", y=base + 19, text_anchor=anchor),
        ]
    )


def _upright(x: float, word: str) -> Markup:
    left = x > 80
    return join(
        [
            tag("line", x1=f"{x:.2f}%", x2=f"{x:.2f}%", y1=TOP, y2=TOP + PLOT, class_="guide margin"),
            tag(
                "text",
                word,
                x=f"{x + (-0.7 if left else 0.7):.2f}%",
                y=TOP + 2,
                text_anchor="end" if left else "start",
            ),
        ]
    )


def _line(series: Series, across: Callable[[float], float], upright: Scale, shift: float) -> Markup:
    places = [(across(p.x) + shift, round(upright.at(p.y), 1)) for p in series.points]
    parts = [
        tag("line", x1=f"{a:.2f}%", y1=b, x2=f"{c:.2f}%", y2=d, class_="path")
        for (a, b), (c, d) in pairwise(places)
    ]
    for (x, y), point in zip(places, series.points, strict=True):
        if point.low is not None and point.high is not None and point.low < point.high:
            ends = round(upright.at(point.low), 1), round(upright.at(point.high), 1)
            parts.append(tag("line", x1=f"{x:.2f}%", x2=f"{x:.2f}%", y1=ends[0], y2=ends[1]))
        if series.dots:
            parts.append(tag("circle", cx=f"{x:.2f}%", cy=y, r=4, class_="point"))
    return tag("g", *parts, class_=f"series {series.kind}")
