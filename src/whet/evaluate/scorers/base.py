"""What a scorer is: examples and outputs in, a score from 0 to 1 and a sentence for each out.

A scorer is deterministic, gives the approved output 1 where it compares with it, and sees one example at a
time, unless it says otherwise (consistency). Knows no rung and no metric.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from whet.records import Example, Output


@dataclass(frozen=True, slots=True)
class Scored:
    """How good one output is."""

    score: float
    """0..1"""
    feedback: str
    """A sentence for a person, or for whoever improves a prompt."""


class Scorer(Protocol):
    """One way to score outputs."""

    @property
    def name(self) -> str: ...

    def score(self, examples: Sequence[Example], outputs: Sequence[Output]) -> list[Scored]:
        """One score an output, in order."""


@dataclass(frozen=True)
class ByPair:
    """A scorer that looks at one example and its output at a time."""

    name: str
    judge: Callable[[Example, Output], Scored]

    def score(self, examples: Sequence[Example], outputs: Sequence[Output]) -> list[Scored]:
        return [self.judge(example, output) for example, output in zip(examples, outputs, strict=True)]


def text_of(output: Output) -> str:
    """An output as one text; labels in their order."""
    return output if isinstance(output, str) else ", ".join(output)


def plain(text: str) -> str:
    """A text without what does not change its meaning: form of letters, case, spaces, a full stop."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split()).rstrip(".")


def shown(value: object, most: int = 60) -> str:
    """A value, short enough for a sentence."""
    text = repr(value)
    return text if len(text) <= most else f"{text[: most - 4]}...{text[-1]}"


def listed(names: Sequence[object], most: int = 4) -> str:
    """``a, b and 3 more``"""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(str(name) for name in names[:most]) + more
