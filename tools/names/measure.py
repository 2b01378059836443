"""How well spans are found: matched with the annotated ones by kind and overlap, with Wilson intervals.

A found span is right when its kind is the annotated one and intersection over union of characters is at
least ``OVERLAP``; each annotated span is matched once, by the span that overlaps most. Both sides are
joined first (``pii/spans.py:joined``), as Presidio's own SpanEvaluator joins neighbours of one kind:
whether "42" and "Mill Row" are one address or two is a habit of the annotation, not a fault.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from whet.check.pii.spans import GROUPS
from whet.check.subject import Span
from whet.evaluate.stats import wilson

OVERLAP = 0.7
# whet's kinds to the data set's, where names differ.
KINDS = {
    "DATE_OF_BIRTH": "DATE_TIME",
    "URL": "DOMAIN_NAME",
    "ZIP_CODE": "ADDRESS",
    "DRIVER_LICENSE": "US_DRIVER_LICENSE",
    "PREFIX": "PERSON",
}
POOLED = ("CREDIT_CARD", "IBAN_CODE", "IP_ADDRESS", "EMAIL_ADDRESS", "US_SSN", "US_DRIVER_LICENSE")
# Found falsely, these count against the pooled kinds as well.
OTHER_NUMBERS = tuple(
    kind for group in ("cards", "accounts", "ids", "devices") for kind in GROUPS[group] if kind not in POOLED
)
NAMES = ("PERSON", "LOCATION", "ORGANIZATION", "ADDRESS", "TITLE")


@dataclass
class Counts:
    """Annotated, found and matched spans by kind."""

    wanted: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    wrong: list[tuple[int, Span]] = field(default_factory=list)
    """Text and span of what was missed or found falsely."""

    def recall(self, kinds: Sequence[str]) -> dict[str, float | int]:
        return self._share(kinds, self.wanted)

    def precision(self, kinds: Sequence[str]) -> dict[str, float | int]:
        return self._share(kinds, self.found)

    def _share(self, kinds: Sequence[str], of: Mapping[str, int]) -> dict[str, float | int]:
        """Share with its 95 % Wilson interval; of nothing, no share."""
        right, n = sum(self.right[kind] for kind in kinds), sum(of.get(kind, 0) for kind in kinds)
        if n == 0:
            return {"n": 0}
        interval = wilson(right, n)
        return {
            "n": n,
            "value": round(right / n, 4),
            "low": round(interval.low, 4),
            "high": round(interval.high, 4),
        }


def count(wanted: Sequence[Sequence[Span]], found: Sequence[Sequence[Span]]) -> Counts:
    """Match the spans of each text. Kinds are the data set's on both sides."""
    counts = Counts()
    for text, (gold, ours) in enumerate(zip(wanted, found, strict=True)):
        counts.wanted.update(kind for *_, kind in gold)
        counts.found.update(kind for *_, kind in ours)
        free = list(ours)
        for span in gold:
            best = max(free, key=lambda other: overlap(span, other), default=None)
            if best is not None and overlap(span, best) >= OVERLAP:
                counts.right[span[2]] += 1
                free.remove(best)
            else:
                counts.wrong.append((text, span))
        counts.wrong += [(text, span) for span in free]
    return counts


def overlap(one: Span, other: Span) -> float:
    """Intersection over union in characters; 0 for different kinds."""
    if one[2] != other[2]:
        return 0.0
    shared = min(one[1], other[1]) - max(one[0], other[0])
    return max(shared, 0) / (max(one[1], other[1]) - min(one[0], other[0]))


def renamed(spans: Sequence[Span]) -> list[Span]:
    """Spans with the data set's names of kinds."""
    return [(start, end, KINDS.get(kind, kind)) for start, end, kind in spans]
