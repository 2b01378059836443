"""Finds the passages for an input: by words (BM25), by meaning (vectors), and both fused.

BM25 is that of SQLite's FTS5 (k1 1.2, b 0.75; words are stemmed, accents folded, headings searched too). The
vectors are an encoder's, compared with every passage. Both rankings are fused by reciprocal rank: a passage
gets 1 / (60 + rank) from each (Cormack, Clarke and Büttcher, SIGIR 2009). Ties go to the earlier passage, and
cosines are compared to five digits, so that rounding decides nothing.

The table of words is made anew in memory when an index is opened: that takes a moment, and a folder then
holds JSON and safetensors only, and no database that somebody else may have written. Knows no task, no rung.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from whet.errors import InputError
from whet.records import Passage
from whet.retrieve.passages import passages_of
from whet.store import make_folder, read_json, write_bytes, write_json

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from whet.models.encoder import TextEncoder
    from whet.retrieve.documents import Documents

DEPTH = 50
"""Passages of each ranking that are fused."""
FLAT = 60
"""The constant of reciprocal rank fusion."""
DIGITS = 5
MOST_WORDS = 200
"""Different words of an input that are searched; of a longer one, the first."""
WAYS = ("bm25", "vectors", "fused")


@dataclass(frozen=True)
class Index:
    """Passages that can be searched."""

    passages: tuple[Passage, ...]
    vectors: NDArray[np.float32]
    """Unit vectors of the passages with their headings [n, dim]."""
    encoder: TextEncoder
    digest: str
    """Of the documents."""
    documents: int
    words: int
    overlap: int

    def find(self, inputs: Sequence[str], k: int) -> list[tuple[Passage, ...]]:
        """The k best passages for each input, best first."""
        return [tuple(self.passages[n] for n in row) for row in self.ranked(inputs, k)]

    def ranked(self, inputs: Sequence[str], k: int, way: str = "fused") -> list[list[int]]:
        """Numbers of the k best passages for each input, best first; of ``bm25`` alone, those that share a
        word with it."""
        deep = max(DEPTH, k)
        words = [self._by_words(text, deep) for text in inputs] if way != "vectors" else []
        meant = self._by_vectors(inputs, deep) if way != "bm25" else []
        if way == "fused":
            return [fused(pair)[:k] for pair in zip(words, meant, strict=True)]
        return [row[:k] for row in (words or meant)]

    def _by_words(self, text: str, most: int) -> list[int]:
        asked = match(text)
        if not asked:
            return []
        found = self._table.execute(
            "SELECT rowid FROM passage WHERE passage MATCH ? ORDER BY bm25(passage), rowid LIMIT ?",
            (asked, most),
        )
        return [int(row[0]) for row in found]

    def _by_vectors(self, inputs: Sequence[str], most: int) -> list[list[int]]:
        if not inputs:
            return []
        near = np.round(self.encoder.encode(inputs).vectors @ self.vectors.T, DIGITS)
        order = np.argsort(-near, axis=1, kind="stable")[:, :most]
        return [[int(n) for n in row] for row in order]

    @cached_property
    def _table(self) -> sqlite3.Connection:
        table = sqlite3.connect(":memory:", check_same_thread=False)
        table.execute(
            "CREATE VIRTUAL TABLE passage USING fts5"
            "(heading, text, tokenize = 'porter unicode61 remove_diacritics 2')"
        )
        rows = [(n, clean(one.heading), clean(one.text)) for n, one in enumerate(self.passages)]
        table.executemany("INSERT INTO passage(rowid, heading, text) VALUES (?, ?, ?)", rows)
        return table

    def save(self, folder: Path) -> dict[str, Any]:
        """Write the passages and their vectors; what ``load_index`` needs to know besides. The files are
        named by their documents: those of others in the folder stay as they are."""
        from safetensors.numpy import save

        make_folder(folder)
        name = named(self.digest)
        write_json(folder / f"{name}.json", [asdict(passage) for passage in self.passages])
        write_bytes(folder / f"{name}.safetensors", save({"vectors": self.vectors}))
        return {
            "digest": self.digest,
            "documents": self.documents,
            "passages": len(self.passages),
            "words": self.words,
            "overlap": self.overlap,
        }


def build_index(documents: Documents, encoder: TextEncoder) -> Index:
    """Cut the documents, and read every passage once."""
    passages = passages_of(documents)
    vectors = encoder.encode([passage.shown for passage in passages]).vectors
    names = len({document.name for document in documents.found})
    return Index(passages, vectors, encoder, documents.digest, names, documents.words, documents.overlap)


def load_index(folder: Path, card: Mapping[str, Any], encoder: TextEncoder) -> Index:
    """An index back from its folder.

    Raises:
        InputError: its files are damaged.
    """
    from safetensors.numpy import load_file

    name = named(str(card["digest"]))
    passages = tuple(Passage(**row) for row in read_json(folder / f"{name}.json"))
    vectors = load_file(folder / f"{name}.safetensors")["vectors"]
    if vectors.shape != (len(passages), encoder.source.dim):
        raise InputError(
            f"{len(passages):,} passages do not fit vectors of the shape {vectors.shape}.",
            where=folder / f"{name}.json",
            fix="index the documents again: `whet index`.",
        )
    more = (str(card["digest"]), int(card["documents"]), int(card["words"]), int(card["overlap"]))
    return Index(passages, vectors, encoder, *more)


def named(digest: str) -> str:
    """What the files of an index are called. A card may come from anybody: a digest that is none is refused,
    so that it leads to no other file.

    Raises:
        InputError: it is none.
    """
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise InputError(f"{digest!r} is no SHA-256 of documents.", where="specialist.json: knowledge.digest")
    return f"passages-{digest[:12]}"


def fused(rankings: Sequence[Sequence[int]]) -> list[int]:
    """Numbers by the sum of their reciprocal ranks; of equals the lower number first."""
    score: dict[int, float] = {}
    for ranking in rankings:
        for rank, number in enumerate(ranking, start=1):
            score[number] = score.get(number, 0.0) + 1.0 / (FLAT + rank)
    return sorted(score, key=lambda number: (-score[number], number))


def match(text: str) -> str:
    """An input as a question to FTS5: any of its words, each in quotes, so that none is an operator."""
    words = dict.fromkeys(re.findall(r"\w+", clean(text).lower()))
    return " OR ".join(f'"{word}"' for word in list(words)[:MOST_WORDS])


def clean(text: str) -> str:
    """Without the sign that ends a text for SQLite, and without halves of letters, which it cannot hold."""
    return text.replace("\0", " ").encode("utf-8", "replace").decode("utf-8")
