"""What a pattern is: a shape, the rule it must pass, and the words that must stand near it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from whet.check.subject import Span

BEFORE, AFTER = 48, 16  # characters in which a word of the context is looked for
_NOT_BARE = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Pattern:
    """One kind of value."""

    kind: str
    shape: re.Pattern[str]
    valid: Callable[[str], bool] = lambda bare: True
    """Says of the bare value (letters and digits only, upper case) whether it can be one."""
    near: re.Pattern[str] | None = None
    """What must stand near, where the shape alone says too little."""

    def find(self, text: str, start: int = 0, end: int | None = None) -> Iterator[Span]:
        """Its values that lie within a stretch of the text."""
        for match in self.shape.finditer(text, start, len(text) if end is None else end):
            if self.valid(bare(match.group())) and (self.near is None or is_near(self.near, text, match)):
                yield match.start(), match.end(), self.kind


def whole(shape: str, flags: re.RegexFlag = re.IGNORECASE) -> re.Pattern[str]:
    """A shape that neither begins nor ends inside a word or a number."""
    return re.compile(rf"(?<!\w)(?<!\d[.,-])(?:{shape})(?!\w|[.,-]\d)", flags)


def words(*known: str) -> re.Pattern[str]:
    """Any of these words, whole, in any case."""
    return re.compile(rf"\b(?:{'|'.join(known)})\b", re.IGNORECASE)


def bare(value: str) -> str:
    """Letters and digits alone, upper case."""
    return _NOT_BARE.sub("", value).upper()


def is_near(context: re.Pattern[str], text: str, match: re.Match[str]) -> bool:
    """Whether the context stands in the ``BEFORE`` characters before a match or the ``AFTER`` behind it."""
    after = text[match.end() : match.end() + AFTER].partition("\n\n")[0]
    return bool(context.search(said_before(text, match.start(), BEFORE)) or context.search(after))


def said_before(text: str, start: int, reach: int) -> str:
    """At most ``reach`` characters before a place, of the same paragraph."""
    return text[max(0, start - reach) : start].rpartition("\n\n")[2]
