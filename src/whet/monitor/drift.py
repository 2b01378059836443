"""One look at a release's traffic: what moved, since when, and what the confidence of its answers implies.

    reference (its first rows) -> signals -> scan of every hour that was not looked at -> moved
                               -> vectors, once a day -> permutation test                -> moved
                               -> confidence -> implied accuracy; feedback, labels -> quality

All of it spends one budget: the chance of a false alarm in a week is the task's ``monitor.alarms_per_week``,
three quarters of it for the signals (split evenly), a quarter for the seven tests of the vectors. It reads
the traffic and writes nothing: ``watch.py`` keeps what was found.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from whet.evaluate.sequential import always_valid
from whet.monitor import advice
from whet.monitor.advice import SHOWN, VECTORS, Moved
from whet.monitor.implied import Calibrated, Implied, calibrated, implied
from whet.monitor.kinds import USUAL, in_turn, kinds
from whet.monitor.level import limit
from whet.monitor.looking import Found, Kind, Look, Span, State, hour
from whet.monitor.scan import DAY, WEEK, baseline, scan
from whet.monitor.signals import far_of, hourly, signals_of
from whet.monitor.tables import moment
from whet.monitor.vectors import apart

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from whet.evaluate.stats import Interval
    from whet.monitor.scan import Scan
    from whet.monitor.signals import Signal, Signals
    from whet.monitor.traffic import Columns, Traffic

    Floats = NDArray[np.floating[Any]]

REFERENCE = 1_000  # rows, at least, and a whole day
MOST = 20_000  # rows of a reference
FOR_SIGNALS = 0.75  # of the budget
TESTS = 7  # of the vectors in a week
LEAST_VECTORS = 100
RECENT = DAY  # hours that confidence is averaged over


def settle(traffic: Traffic, release: str, at: str) -> Span | None:
    """The first whole hours of a release that together are a reference; None: there are too few rows yet."""
    columns = traffic.columns(release=release, until=at)
    if len(columns) < REFERENCE:
        return None
    first = float(np.floor(columns.hours[0]))
    last = max(first + DAY, float(np.floor(columns.hours[REFERENCE - 1])) + 1)
    return Span(hour(first), hour(last)) if last <= moment(at).timestamp() / 3600 else None


def look(this: Look) -> Found:
    """Look once."""
    before = this.traffic.columns(this.reference.first, release=this.release, until=this.reference.last)
    now = this.traffic.columns(hour(this.start), release=this.release, until=hour(this.at))
    watched = signals_of(before)
    moved, states = _scanned(this, watched, before, now)
    far = watched.far
    drifted, vectors = _vectors(this)
    moved = (*moved, *drifted)
    kind = _kind(this, before, now, moved) if moved or this.seek else Kind()
    examples, said = _told(moved, watched, now, kind) if moved else ((), None)
    return Found(
        moved,
        examples,
        said,
        states,
        _implied(this, before, now, far),
        quality(this.traffic, this.release),
        len(now),
        len(before),
        _notes(watched, before),
        vectors,
        float("inf") if np.isnan(far) else far,
        kind.ids,
    )


def _scanned(
    this: Look, watched: Signals, before: Columns, now: Columns
) -> tuple[tuple[Moved, ...], tuple[State, ...]]:
    """Signals that passed the limit in an hour not looked at, and how all of them stand."""
    first, many = int(this.start), int(this.at - this.start)
    if not watched.signals or not many or not len(now):
        return (), ()
    known = baseline(watched.values(before), before.hours, watched.shares)
    sums, counts = hourly(watched.values(now), now.hours, first, many)
    found = scan(known, sums, counts, np.arange(first, first + many) + 0.5)
    level = limit(len(watched.signals), this.alpha * FOR_SIGNALS, len(now) / many, len(before))
    greatest = found.greatest()
    new = np.arange(first, first + many) >= this.looked
    raw = watched.raw(before), watched.raw(now)
    moved = [
        _moved(signal, place, found, int(np.flatnonzero(over)[0]), first, raw, now.hours)
        for place, signal in enumerate(watched.signals)
        if (over := (greatest[place] > level) & new).any() and signal.name not in this.known
    ]
    return tuple(sorted(moved, key=lambda one: -abs(one.z))), _states(
        watched, greatest, level, raw, now.hours
    )


def _moved(
    signal: Signal, place: int, found: Scan, end: int, first: int, raw: tuple[Floats, Floats], hours: Floats
) -> Moved:
    begins = found.since(place, end) + first
    stretch = raw[1][(hours >= begins) & (hours < first + end + 1), place]
    z = found.z[place, :, end]
    return Moved(
        signal.name,
        signal.group,
        ("share of " if signal.share else "") + signal.about,
        hour(begins),
        _middle(raw[0][:, place], signal),
        _middle(stretch, signal),
        signal.unit,
        signal.share,
        float(z[np.nanargmax(np.abs(z))]),
    )


def _middle(values: Floats, signal: Signal) -> float:
    """Share, or median."""
    values = values[~np.isnan(values)]
    if not len(values):
        return float("nan")
    return float(values.mean() if signal.share else np.median(values))


def _states(
    watched: Signals, greatest: Floats, level: float, raw: tuple[Floats, Floats], hours: Floats
) -> tuple[State, ...]:
    recent = hours >= (hours.max() - RECENT if len(hours) else 0)
    return tuple(
        State(
            *(signal.name, signal.about, signal.group, signal.unit, signal.share),
            _middle(raw[0][:, place], signal),
            _middle(raw[1][recent, place], signal),
            float(greatest[place, -1]),
            level,
        )
        for place, signal in enumerate(watched.signals)
    )


def _vectors(this: Look) -> tuple[tuple[Moved, ...], bool]:
    """The inputs of the last day beside those of the reference; whether there were enough to test.

    A part of a day is not tested: nights would be held against days.
    """
    reference = this.reference
    if not this.test_vectors or this.at - DAY < moment(reference.last).timestamp() / 3600:
        return (), False
    before = this.traffic.vectors(reference.first, release=this.release, until=reference.last)
    now = this.traffic.vectors(hour(this.at - DAY), release=this.release, until=hour(this.at))
    if min(len(before), len(now)) < LEAST_VECTORS:
        return (), False
    blocks = tuple(np.floor(side.hours).astype(np.int64) for side in (before, now))
    found = apart(before.rows, now.rows, (blocks[0], blocks[1]))
    if found.p > this.alpha * (1 - FOR_SIGNALS) / TESTS or VECTORS in this.known:
        return (), True
    about = "what requests are about is not what it was"
    begins = hour(this.at - DAY)
    return (Moved(VECTORS, "input", about, begins, 0.0, found.distance, "", False, 0.0, found.p),), True


def _told(
    moved: Sequence[Moved], watched: Signals, now: Columns, kind: Kind
) -> tuple[tuple[str, ...], advice.Advice]:
    """Examples of what moved, and what to do."""
    said = advice.advise(moved, kind.name, kind.share)
    if said.kind == "new label":
        return kind.first[:SHOWN], said
    return _shown(watched, moved, now, now.hours >= _begins(moved)), said


def _begins(moved: Sequence[Moved]) -> float:
    return moment(min(one.since for one in moved)).timestamp() / 3600


def _kind(this: Look, before: Columns, now: Columns, moved: Sequence[Moved]) -> Kind:
    """Requests since the change, or of the last day, that are alike and unlike what was learned."""
    begins = max(min(_begins(moved), this.at - RECENT) if moved else this.at - RECENT, this.start)
    vectors = this.traffic.vectors(hour(begins), release=this.release, until=hour(this.at))
    usual = far_of(before, USUAL)
    if not len(vectors) or np.isnan(usual):
        return Kind()
    far = dict(zip(now.ids, now.figures["novelty"], strict=True))
    found = kinds(vectors.rows, np.array([far.get(one, np.nan) for one in vectors.ids]), usual)
    if not found:
        return Kind()
    largest = max(found, key=len)
    first = tuple(vectors.ids[row] for row in largest)
    every = [vectors.ids[row] for row in in_turn(found)]
    others = sorted(set(vectors.ids) - set(every))
    texts, beside = ([row.input for row in this.traffic.rows(some)] for some in (first[:200], others[:500]))
    return Kind(tuple(every), first, advice.name_of(texts, beside), len(every) / len(vectors))


def _shown(
    watched: Signals, moved: Sequence[Moved], now: Columns, inside: NDArray[np.bool_]
) -> tuple[str, ...]:
    """Requests that show best how the first signal moved; of vectors alone, the newest."""
    place = next((i for i, s in enumerate(watched.signals) if s.name == moved[0].signal), None)
    if place is None:
        return tuple(now.ids[-SHOWN:])
    values = np.where(inside, watched.raw(now)[:, place], np.nan)
    return tuple(now.ids[row] for row in advice.typical(values, watched.signals[place], moved[0].up))


def _implied(this: Look, before: Columns, now: Columns, far: float) -> Implied | None:
    """What the confidence of the last day implies; None where confidence was never held against labels."""
    known = this.calibrated or _from_labels(before)
    if known is None:
        return None
    recent = now.hours >= this.at - RECENT
    known = Calibrated(known.confidence, known.accuracy, known.spread, known.n, far)
    return implied(now.figures["confidence"][recent], now.figures["novelty"][recent], known)


def _from_labels(before: Columns) -> Calibrated | None:
    """Calibration from the reference's own late labels, where it has enough."""
    told = np.array([bool(t and x) for t, x in zip(before.truths, before.labels, strict=True)], bool)
    told &= ~np.isnan(before.figures["confidence"])
    if told.sum() < LEAST_VECTORS:
        return None
    right = np.array([float(t == x) for t, x in zip(before.truths, before.labels, strict=True)])
    return calibrated(before.figures["confidence"][told], right[told])


def quality(traffic: Traffic, release: str) -> dict[str, Interval]:
    """Right answers by feedback and by labels that came later, always valid. Neither is a fair sample:
    callers say more of what is bad. The review queue's random sample is (``review.py``)."""
    told = traffic.columns(release=release, told=True)
    found = {}
    given = told.figures["feedback"]
    if (~np.isnan(given)).any():
        found["feedback"] = always_valid(given[~np.isnan(given)])
    right = [float(t == x) for t, x in zip(told.truths, told.labels, strict=True) if t and x]
    if right:
        found["labels"] = always_valid(np.array(right))
    return found


def _notes(watched: Signals, before: Columns) -> tuple[str, ...]:
    days = (before.hours[-1] - before.hours[0]) / DAY if len(before) else 0.0
    notes = []
    if days < WEEK / DAY - 0.5:
        notes.append(f"the reference spans {days:.1f} days: how a week-end differs is not known yet")
    if watched.left_out:
        notes.append(f"not watched, for want of values: {', '.join(watched.left_out)}")
    return tuple(notes)
