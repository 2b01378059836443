"""Answers to another question than their own, seen by a sentence encoder.

Three robust z scores a row, each against random other rows: how near the answer is to its own input; how
near the input is to the inputs of the answers most like this one; how near the answer is to the answers of
the inputs most like this one. A row is flagged where all three are low: a short answer that says nothing of
its input ("Unremarkable.") is near to the answers of like inputs, a rare topic is near to its own answer.
Measured with 2 % of the answers exchanged in real files, see ``tests/test_aligned.py``. It does not know
whether an answer is right, only whether it is about the same thing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from whet.check.findings import Finding, Flag
from whet.check.saying import counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from whet.check.subject import Subject, Tools

    Scores = NDArray[np.float64]
    Vectors = NDArray[np.float32]

MOST, LEAST = 10_000, 50
"""Rows that are compared: a random sample of more, nothing at all of fewer."""
OWN, LIKE = 1.0, 2.5
"""z scores below which an answer is no nearer to its input, or to what like rows say, than by chance."""
TELLING = 1.5
"""The median row must be this near to its own input, or nearness says nothing in this file."""
NEAREST, REFERENCE, BLOCK = 5, 1_000, 1_000
_MAD_TO_SD = 1.4826  # of a normal distribution


def other_question(subject: Subject, tools: Tools) -> Iterator[Finding]:
    rng = np.random.default_rng(tools.seed)
    rows = np.array(
        [r for r, said in enumerate(subject.outputs) if said.strip() and subject.inputs[r].strip()]
    )
    if tools.encode is None or len(rows) < LEAST:
        return
    if len(rows) > MOST:
        rows = np.sort(rng.choice(rows, MOST, replace=False))
    asked = tools.encode([subject.inputs[row] for row in rows])
    said = tools.encode([subject.outputs[row] for row in rows])
    scores = fit(asked, said, rng)
    if np.median(scores[:, 0]) < TELLING:
        return
    wrong = (scores < [OWN, LIKE, LIKE]).all(axis=1)
    flags = [
        Flag(int(row), "output", f"no nearer to its input than to others (z {own:.1f})", score=float(-own))
        for row, own in zip(rows[wrong], scores[wrong, 0], strict=True)
    ]
    if flags:
        yield Finding(
            "aligned.other-question",
            "task aligned",
            "advice",
            f"{counted(len(flags), 'output seems', 'outputs seem')} to answer another question.",
            "Rows that were shifted or mixed up teach the model that any answer will do.",
            "Read them, the surest first; then write the right answer or drop the row by "
            "`whet repair --decisions`.",
            tuple(flags),
            {"rows compared": len(rows), "median z of all rows": round(float(np.median(scores[:, 0])), 2)},
        )


def fit(asked: Vectors, said: Vectors, rng: np.random.Generator) -> Scores:
    """z scores of each row [n, 3]: answer to input, input to inputs of like answers, answer to answers of
    like inputs.

    Args:
        asked: unit vectors of the inputs [n, dim].
        said: unit vectors of the outputs [n, dim].
        rng: draws the rows that stand for "any other".
    """
    count = len(asked)
    others = rng.choice(count, min(REFERENCE, count), replace=False)
    scores = np.empty((count, 3))
    for start in range(0, count, BLOCK):
        part = np.arange(start, min(start + BLOCK, count))
        own = (asked[part] * said[part]).sum(axis=1)
        scores[part, 0] = _z(own, said[part] @ asked[others].T)
        scores[part, 1] = _z(_best(asked, part, _like(said, part)), asked[part] @ asked[others].T)
        scores[part, 2] = _z(_best(said, part, _like(asked, part)), said[part] @ said[others].T)
    return scores


def _like(vectors: Vectors, part: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rows nearest to each of these, without themselves [part, NEAREST]."""
    similarity = vectors[part] @ vectors.T
    similarity[np.arange(len(part)), part] = -2.0
    return np.argpartition(similarity, -NEAREST, axis=1)[:, -NEAREST:]


def _best(vectors: Vectors, part: NDArray[np.int64], near: NDArray[np.int64]) -> Scores:
    """The greatest similarity of each row to any of its ``near`` ones [part]."""
    best: Scores = np.einsum("id,ikd->ik", vectors[part], vectors[near]).max(axis=1)
    return best


def _z(own: Scores | Vectors, others: Vectors) -> Scores:
    """How many robust standard deviations ``own`` [n] lies above the median of ``others`` [n, m]."""
    middle = np.median(others, axis=1)
    spread = _MAD_TO_SD * np.median(np.abs(others - middle[:, None]), axis=1)
    scores: Scores = (own - middle) / np.maximum(spread, 1e-6)
    return scores
