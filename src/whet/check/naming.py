"""Whether two labels have one name: the same words after folding, or one letter apart.

Folding takes away case, punctuation, underscores, camel case, a few small words and the plural's s. One
letter apart counts inside a long word only, past its first letter: "typical" and "atypical" are two labels,
and so are "type a" and "type b". Knows no synonyms; centroids (``apart.py``) find those.
"""

from __future__ import annotations

import re
from functools import cache

LONG = 6
"""Letters from which a word can hold a slip of the pen."""
_CAMEL = re.compile(r"(?<=[a-zß-ÿ])(?=[A-Z])")
_WORD = re.compile(r"[^\W_]+")
_SMALL = frozenset(("and", "the", "a", "an", "of", "und", "et", "y"))


def same_name(one: str, other: str) -> str:
    """``the same words``, ``one letter apart``, or "" for two names."""
    first, second = _words(one), _words(other)
    if not first or len(first) != len(second):
        return ""
    if first == second:
        return "the same words"
    differ = [(a, b) for a, b in zip(first, second, strict=True) if a != b]
    return "one letter apart" if len(differ) == 1 and _slip(*differ[0]) else ""


@cache
def _words(name: str) -> tuple[str, ...]:
    words = _WORD.findall(_CAMEL.sub(" ", name).casefold())
    return tuple(_singular(word) for word in words if word not in _SMALL)


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    return (
        word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")) else word
    )


def _slip(one: str, other: str) -> bool:
    """Whether two long words are one edit or one swap of neighbours apart, past the first letter."""
    if max(len(one), len(other)) < LONG or not (one + other).isalpha():
        return False
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    end = 0
    while end < min(len(one), len(other)) - start and one[-1 - end] == other[-1 - end]:
        end += 1
    first, second = one[start : len(one) - end], other[start : len(other) - end]
    swapped = len(first) == 2 and first == second[::-1]
    return start > 0 and (swapped or max(len(first), len(second)) <= 1)
