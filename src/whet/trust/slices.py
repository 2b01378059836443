"""Parts of the held-out rows, and where a specialist errs more often than elsewhere.

Rows are cut by every metadata column, by length, language, topic and by groups of people that they mention;
each part is compared with the rest by the exact tests and the one correction of ``check.gaps``. Knows
columns and texts, no run and no model; topics come in as vectors. It does not look at two columns at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from whet.check.gaps import GROUP, Gap, Group, compared, detectable
from whet.check.identity import mentions
from whet.check.language import NAMES, languages
from whet.data.load import is_time

if TYPE_CHECKING:
    from numpy.typing import NDArray

    BoolArray = NDArray[np.bool_]
    Vectors = NDArray[np.float32]

MOST = 30
"""Values of one column that are compared, the most frequent."""
THIRDS = ("lowest third", "middle third", "highest third")
ROUNDS = 25  # of k-means


def slices_of(
    inputs: Sequence[str], columns: Mapping[str, Sequence[str]], vectors: Vectors | None = None
) -> list[Group]:
    """Every part that is large enough to say anything.

    Args:
        inputs: of the held-out rows [n].
        columns: metadata by name, one text a row [n].
        vectors: unit vectors of the inputs [n, dim], for topics.
    """
    parts = [group for name, values in columns.items() for group in _by_column(name, values)]
    parts += _by_rank("length", [len(text.split()) for text in inputs], ("shortest", "middle", "longest"))
    codes = [NAMES.get(code, "") for code in languages(inputs)]
    parts += _by_value("language", codes)
    parts += _by_mention(inputs)
    if vectors is not None:
        parts += _by_topic(inputs, vectors)
    return [part for part in parts if min(part.inside.sum(), part.rest.sum()) >= GROUP]


def compare(parts: Sequence[Group], right: Sequence[bool]) -> list[Gap]:
    """The share of wrong answers in each part against the rest, Holm over all parts."""
    given = [frozenset({"right" if ok else "wrong"}) for ok in right]
    if len(set(given)) < 2:
        return []
    gaps = compared(parts, given, np.ones(len(right), bool))
    return [gap if gap.label == "wrong" else _turned(gap) for gap in gaps]


def smallest(gaps: Sequence[Gap]) -> tuple[float, float]:
    """The gap that would have been found in the largest part, and the one in every part."""
    seen = [detectable(gap, len(gaps)) for gap in gaps]
    return (min(seen), max(seen)) if seen else (1.0, 1.0)


def _turned(gap: Gap) -> Gap:
    """The same gap counted by wrong answers."""
    k, n, rest_k, rest_n = gap.counts
    return Gap(gap.group, "wrong", (n - k, n, rest_n - rest_k, rest_n), gap.p, gap.adjusted, gap.level)


def _by_column(name: str, values: Sequence[str]) -> Iterator[Group]:
    """Values of a column; thirds of numbers and dates that take many values."""
    filled = [value.strip() for value in values]
    distinct = {value for value in filled if value}
    if len(distinct) > MOST and (numbers := _as_numbers(filled)) is not None:
        yield from _by_rank(name, numbers, THIRDS)
    elif len(distinct) > MOST and all(is_time(value) for value in distinct):
        yield from _by_rank(name, filled, ("earliest third", "middle third", "latest third"))
    else:
        yield from _by_value(name, filled)


def _as_numbers(values: Sequence[str]) -> list[float] | None:
    try:
        return [float(value or "nan") for value in values]
    except ValueError:
        return None


def _by_value(kind: str, values: Sequence[str]) -> Iterator[Group]:
    column = np.array(values, dtype=object)
    counts = Counter(value for value in values if value)
    common = [name for name, n in counts.most_common(MOST) if n >= GROUP]
    for name in sorted(common, key=lambda name: counts[name])[: 1 if len(counts) == 2 else None]:
        inside = np.asarray(column == name, bool)
        yield Group(kind, name, inside, ~inside & np.asarray(column != "", bool), True)


def _by_rank(kind: str, values: Sequence[float] | Sequence[str], names: Sequence[str]) -> list[Group]:
    """Thirds of the rows by value; equal values stay together."""
    column = np.array(values)
    known = column == column  # not a number is not itself
    ordered = np.sort(column[known])
    if not len(ordered) or ordered[0] == ordered[-1]:
        return []
    cuts = ordered[[len(ordered) // 3, 2 * len(ordered) // 3]]
    place = np.searchsorted(cuts, column, side="right")
    return [
        Group(kind, name, known & (place == at), known & (place != at), True) for at, name in enumerate(names)
    ]


def _by_mention(inputs: Sequence[str]) -> Iterator[Group]:
    """Rows that mention a group of people, against the rows that mention none or another."""
    read = [mentions(text) for text in inputs]
    for kind, name in sorted({group for found in read if found for group in found.groups}):
        inside = np.array([bool(found and (kind, name) in found.groups) for found in read])
        yield Group(kind, name, inside, ~inside, False)


def _by_topic(inputs: Sequence[str], vectors: Vectors) -> Iterator[Group]:
    """Rows of like meaning, called by the words that set them apart."""
    count = min(12, len(inputs) // 60)
    if count < 2:
        return
    place = clusters(vectors, count)
    words = [set(text.lower().split()) for text in inputs]
    everywhere = Counter(word for row in words for word in row)
    for at in range(count):
        inside = place == at
        own = Counter(word for row, on in zip(words, inside, strict=True) if on for word in row)
        yield Group("topic", _named(own, everywhere, int(inside.sum()), len(inputs)), inside, ~inside, True)


def _named(own: Counter[str], everywhere: Counter[str], n: int, total: int) -> str:
    """The three words that are most over-represented."""
    ahead = {word: k / max(n, 1) - (everywhere[word] - k) / max(total - n, 1) for word, k in own.items()}
    best = sorted((word for word in ahead if len(word) > 2), key=lambda word: (-ahead[word], word))[:3]
    return ", ".join(best) or "(no words)"


def clusters(vectors: Vectors, count: int, seed: int = 0) -> NDArray[np.int64]:
    """Cluster of each unit vector [n]: spherical k-means (Dhillon and Modha 2001) with spread-out starts."""
    rng = np.random.default_rng(seed)
    starts = [int(rng.integers(len(vectors)))]
    far = 1 - vectors @ vectors[starts[0]]
    for _ in range(count - 1):
        chance = np.maximum(far, 0).astype(np.float64) ** 2
        even = np.full(len(vectors), 1 / len(vectors))
        starts.append(int(rng.choice(len(vectors), p=chance / chance.sum() if chance.sum() > 0 else even)))
        far = np.minimum(far, 1 - vectors @ vectors[starts[-1]])
    centres = vectors[starts]
    for _ in range(ROUNDS):
        place = (vectors @ centres.T).argmax(axis=1)
        sums = np.stack([vectors[place == at].sum(axis=0) for at in range(count)])
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        centres = np.where(lengths > 0, sums / np.maximum(lengths, 1e-12), centres)
    return np.asarray((vectors @ centres.T).argmax(axis=1))
