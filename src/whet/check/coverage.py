"""What real traffic asks and the examples do not show, by a sentence encoder.

An example's distance to its nearest other example says how near is near in this task; a request farther
from every example than 95 % of the examples are from each other has no near example. Requests of the same
kind as the examples would be 5 % such. The rest is grouped by average linkage, cut at the same distance.
Texts are shown masked and short. It does not know whether an example, though near, says the right thing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from whet.check.findings import Finding
from whet.evaluate.stats import wilson

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from whet.check.subject import Subject, Tools

    Vectors = NDArray[np.float32]

QUANTILE, MORE = 0.95, 1.5
"""Of the distances between examples; times the share that chance leaves over before it is said."""
EXAMPLES, REQUESTS, GROUPED = 20_000, 5_000, 2_000
"""Random samples that are compared and grouped: time grows no further."""
LEAST = 20
GROUPS, SHOWN, WIDE = 8, 5, 100
"""Groups that are shown, texts of each, characters of each."""
_BLOCK = 1_000


def traffic(subject: Subject, tools: Tools) -> Iterator[Finding]:
    rng = np.random.default_rng(tools.seed)
    examples = list(dict.fromkeys(filter(str.strip, subject.inputs)))
    asked = list(filter(str.strip, tools.traffic or ()))
    if tools.encode is None or min(len(examples), len(asked)) < LEAST:
        return
    examples = [examples[place] for place in _drawn(len(examples), EXAMPLES, rng)]
    asked = [asked[place] for place in _drawn(len(asked), REQUESTS, rng)]
    known, requests = tools.encode(examples), tools.encode(asked)
    near = float(np.quantile(loneliness(known, rng), QUANTILE))
    far = np.flatnonzero(distances(requests, known) > near)
    share = wilson(len(far), len(asked))
    if share.low > MORE * (1 - QUANTILE):
        groups = grouped(requests[far], near)
        shown = {
            f"group {number} ({len(group):,} requests)": _texts(
                [asked[far[at]] for at in group[:SHOWN]], tools
            )
            for number, group in enumerate(groups[:GROUPS], start=1)
        }
        yield Finding(
            "representative.traffic",
            "representative",
            "advice",
            f"{share.value:.0%} of the traffic has no near example ({share.low:.0%} to {share.high:.0%}, "
            f"n={len(asked):,}; {1 - QUANTILE:.0%} would be chance).",
            "What the examples do not show, no figure of the held-out test says anything about.",
            "Label some requests of each group in the figures, and add them as examples.",
            figures={
                "requests": len(asked),
                "without a near example": len(far),
                "groups": len(groups),
                **shown,
            },
        )


def distances(requests: Vectors, known: Vectors) -> Vectors:
    """Cosine distance of each request [n, dim] to the nearest known vector [m, dim]: [n]."""
    parts = [
        1 - (requests[start : start + _BLOCK] @ known.T).max(axis=1)
        for start in range(0, len(requests), _BLOCK)
    ]
    return np.concatenate(parts)


def loneliness(known: Vectors, rng: np.random.Generator) -> Vectors:
    """Cosine distance of examples [n, dim] to their nearest other example, of a sample [GROUPED]."""
    some = _drawn(len(known), GROUPED, rng)
    parts = []
    for start in range(0, len(some), _BLOCK):
        part = some[start : start + _BLOCK]
        similarity = known[part] @ known.T
        similarity[np.arange(len(part)), part] = -1.0
        parts.append(1 - similarity.max(axis=1))
    return np.concatenate(parts)


def grouped(vectors: Vectors, apart: float) -> list[NDArray[np.int64]]:
    """Places of vectors [n, dim] that belong together, the largest group first, each from its middle out.

    Args:
        apart: cosine distance at which groups on average stay apart.
    """
    from scipy.cluster.hierarchy import fcluster, linkage

    vectors = vectors[:GROUPED]
    if len(vectors) < 2:
        return [np.arange(len(vectors))]
    tree = linkage(vectors, method="average", metric="cosine")
    member = fcluster(tree, t=apart, criterion="distance")
    groups = [np.flatnonzero(member == number) for number in np.unique(member)]
    ordered = [group[np.argsort(-(vectors[group] @ vectors[group].mean(axis=0)))] for group in groups]
    return sorted(ordered, key=len, reverse=True)


def _drawn(count: int, most: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """At most so many places of ``count``, at random, in their order."""
    return np.sort(rng.choice(count, most, replace=False)) if count > most else np.arange(count)


def _texts(texts: Sequence[str], tools: Tools) -> str:
    """Texts in one line, short, with personal data masked."""
    from whet.check.pii.patterns import find_each
    from whet.check.pii.spans import masked

    shown = []
    for text, spans in zip(texts, find_each(texts, tools.names), strict=True):
        for start, end, kind in reversed(spans):
            text = text[:start] + masked(kind, text[start:end]) + text[end:]
        shown.append(" ".join(text.split())[:WIDE])
    return " | ".join(shown)
