"""What the page needs of the steps before it, as protocols: the report knows no ladder and no verdict.

``whet.ladder`` has the records that fit, and ``whet.verdict`` the mapping; a test or another producer
may bring its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from whet.records import Output

Verdict = Mapping[str, Any]
"""``06-verdict.json``."""


class Measured(Protocol):
    """One rung's answers on the test set, and how it was fitted."""

    @property
    def name(self) -> str: ...
    @property
    def outputs(self) -> Sequence[Output]: ...
    @property
    def confidences(self) -> Sequence[float]: ...
    @property
    def trains(self) -> bool: ...
    @property
    def choices(self) -> Mapping[str, Any]: ...
    @property
    def curve(self) -> Sequence[Mapping[str, float]]: ...
    @property
    def prompt(self) -> Mapping[str, str]:
        """What is said to the model ``before`` and ``after`` the fit, where the rung changed it."""


class CurvePoint(Protocol):
    """The dev score of a rung fitted on a share of train."""

    @property
    def rung(self) -> str: ...
    @property
    def n_train(self) -> int: ...
    @property
    def value(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...


class LearningCurve(Protocol):
    """Would more examples help?"""

    @property
    def points(self) -> Sequence[CurvePoint]: ...
    @property
    def answer(self) -> str: ...


def answering(verdict: Verdict) -> str:
    """The rung the page is about: the winner, else the provisional one, else the best."""
    return str(verdict["winner"] or verdict["provisional"] or verdict["best"])


def rival(verdict: Verdict) -> str | None:
    """The rung to hold it against: the best, or, if it is the best, the next best on test."""
    answer = answering(verdict)
    if answer != verdict["best"]:
        return str(verdict["best"])
    sign = 1.0 if verdict["higher_is_better"] else -1.0
    others = [rung for rung in verdict["rungs"] if rung["name"] != answer]
    return str(max(others, key=lambda rung: sign * rung["value"])["name"]) if others else None
