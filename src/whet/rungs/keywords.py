"""What marks the examples of a label: words that stand in them more often than elsewhere.

A word's weight is its share of the divergence between a label's examples and all of them, p log(p / q), with
p and q the shares of examples that hold it: words of every label weigh nothing, and neither do words of one
example. Knows no model.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

from whet.records import Example

MOST = 8
LEAST = 2
"""Examples of a label that a word must stand in."""


def keywords(train: Sequence[Example], labels: Sequence[str]) -> dict[str, list[str]]:
    """The words that mark each label, strongest first; none where it has too few examples."""
    held = [set(re.findall(r"[^\W\d_]{2,}", example.input.lower())) for example in train]
    everywhere = Counter(word for words in held for word in words)
    shares = {word: count / len(train) for word, count in everywhere.items()}
    rows = list(zip(held, train, strict=True))
    return {
        label: _marks([words for words, example in rows if _has(example, label)], shares) for label in labels
    }


def _marks(held: Sequence[set[str]], everywhere: dict[str, float]) -> list[str]:
    here = Counter(word for words in held for word in words)
    weights = {
        word: count / len(held) * math.log(count / len(held) / everywhere[word])
        for word, count in here.items()
        if count >= LEAST
    }
    best = sorted((word for word in weights if weights[word] > 0), key=lambda word: (-weights[word], word))
    return best[:MOST]


def _has(example: Example, label: str) -> bool:
    return example.output == label if isinstance(example.output, str) else label in example.output
