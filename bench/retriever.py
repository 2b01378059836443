"""The retriever alone: how often the right passage is among the first 1, 5 and 20, on XQuAD in English.

    python bench/retriever.py --data ../shared/data/xquad_en/xquad.en.json

A hit is a passage of the paragraph that the question was written for. All paragraphs of all articles are
searched at once, by BM25, by vectors and by both fused: whole (one passage a paragraph) and cut as ``whet``
cuts by default, where a passage counts only if it holds the answer, letter for letter. Prints one JSON line:
recall with Wilson intervals, and exact McNemar tests of fused against each of its parts. The questions are
SQuAD's: their authors saw the paragraph, so that words are shared more often than in a search box.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from whet.evaluate.stats import paired_right, wilson
from whet.retrieve.documents import Document, Documents
from whet.retrieve.index import WAYS, Index, build_index
from whet.rungs.vectors import default_encoder
from whet.store import file_digest

DEPTHS = (1, 5, 20)
WHOLE = 2000  # words; longer than any paragraph


@dataclass(frozen=True)
class Question:
    """What is asked, of which paragraph, and what answers it."""

    text: str
    paragraph: str
    answers: tuple[str, ...]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/xquad_en/xquad.en.json"))
    arguments = parser.parse_args()
    documents, questions = read(arguments.data)
    line = {
        "bench": "retriever",
        "data": arguments.data.name,
        "sha256": file_digest(arguments.data),
        "paragraphs": len(documents),
        "questions": len(questions),
        "encoder": default_encoder().source.name,
        "whole": measured(Documents(documents, WHOLE, 0), questions, cut=False),
        "cut": measured(Documents(documents), questions, cut=True),
    }
    print(json.dumps(line))


def read(path: Path) -> tuple[tuple[Document, ...], list[Question]]:
    """A document a paragraph, and the questions."""
    documents, questions = [], []
    for number, article in enumerate(json.loads(path.read_text(encoding="utf-8"))["data"]):
        for place, paragraph in enumerate(article["paragraphs"]):
            name = f"{number}-{place}"
            documents.append(Document(name, paragraph["context"]))
            for asked in paragraph["qas"]:
                answers = tuple(answer["text"] for answer in asked["answers"])
                questions.append(Question(asked["question"], name, answers))
    return tuple(documents), questions


def measured(documents: Documents, questions: list[Question], *, cut: bool) -> dict[str, Any]:
    start = time.perf_counter()
    index = build_index(documents, default_encoder())
    built = time.perf_counter() - start
    hits = {way: hits_of(index, questions, way, cut=cut) for way in WAYS}
    return {
        "words": documents.words,
        "passages": len(index.passages),
        "seconds_to_index": round(built, 1),
        "recall": {way: {f"at_{k}": recall(found, k) for k in DEPTHS} for way, found in hits.items()},
        "fused_against": {
            way: {f"at_{k}": against(hits["fused"], hits[way], k) for k in DEPTHS} for way in WAYS[:2]
        },
    }


def hits_of(index: Index, questions: list[Question], way: str, *, cut: bool) -> list[int]:
    """The rank at which each question finds its passage, from 1; 0: not among the deepest."""
    rows = index.ranked([question.text for question in questions], max(DEPTHS), way)
    found = []
    for question, row in zip(questions, rows, strict=True):
        right = [n + 1 for n, number in enumerate(row) if holds(index, number, question, cut=cut)]
        found.append(right[0] if right else 0)
    return found


def holds(index: Index, number: int, question: Question, *, cut: bool) -> bool:
    passage = index.passages[number]
    same = passage.source.rpartition(":")[0] == question.paragraph
    return same and (not cut or any(answer in passage.text for answer in question.answers))


def recall(ranks: list[int], k: int) -> dict[str, float]:
    found = wilson(sum(0 < rank <= k for rank in ranks), len(ranks))
    return {name: round(getattr(found, name), 4) for name in ("value", "low", "high")} | {"n": found.n}


def against(fused: list[int], other: list[int], k: int) -> dict[str, float]:
    one, two = (np.array([float(0 < rank <= k) for rank in ranks]) for ranks in (fused, other))
    pair = paired_right(one, two)
    return {"difference": round(pair.difference, 4), "p_ahead": round(pair.p_ahead, 6)}


if __name__ == "__main__":
    main()
