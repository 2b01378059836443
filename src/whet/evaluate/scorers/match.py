"""Matches: the output is the approved one, letter for letter or up to case, spaces and a full stop."""

from __future__ import annotations

from whet.evaluate.scorers.base import ByPair, Scored, plain, shown, text_of
from whet.records import Example, Output


def exact() -> ByPair:
    """1 where the output equals the approved one; labels are compared as they are."""
    return ByPair("exact", lambda example, output: _matched(example.output == output, example, output))


def normalised() -> ByPair:
    """The same after Unicode NFKC, case folding, single spaces, and without a full stop at the end."""

    def judge(example: Example, output: Output) -> Scored:
        return _matched(plain(text_of(example.output)) == plain(text_of(output)), example, output)

    return ByPair("normalised", judge)


def _matched(same: bool, example: Example, output: Output) -> Scored:
    if same:
        return Scored(1.0, "The output is the approved one.")
    return Scored(0.0, f"The output is {shown(output)}, approved is {shown(example.output)}.")
