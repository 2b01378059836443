"""Documents as passages: whole sentences up to so many words, a few of them repeated from the one before.

No passage crosses a heading, and each keeps the headings above it: a rule under "Refunds > Abroad" that only
says "within 30 days" is found and understood by them. A sentence that is longer than a passage is cut between
words. Words are counted at spaces; where a script has none, ten letters count as one. Knows no index.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from whet.records import Passage
from whet.retrieve.sections import parts

if TYPE_CHECKING:
    from whet.retrieve.documents import Documents
    from whet.retrieve.sections import Part

_ENDS = re.compile(
    r"(?:(?<=[.!?…])|(?<=[.!?…][\"')\]]))\s+|(?<=[。！？])|\n[ \t]*\n\s*|\n(?=\s*(?:[-*•|]\s|\d+[.)]\s))"
)
_WORDS = re.compile(r"\S{1,60}\s*|\s+")
LETTERS = 10
"""Letters of a word, where nothing else says where one ends."""


def passages_of(documents: Documents) -> tuple[Passage, ...]:
    """All passages, in the order of the documents."""
    return tuple(
        passage
        for document in documents.found
        for part in parts(document)
        for passage in _passages(document.name, part, documents.words, documents.overlap)
    )


def _passages(name: str, part: Part, words: int, overlap: int) -> Iterator[Passage]:
    pieces = [piece for sentence in sentences(part.text) for piece in _short(sentence, words)]
    place, lines = 0, list[int]()
    for piece in pieces:
        blank = len(piece) - len(piece.lstrip())
        lines.append(part.line + part.text.count("\n", 0, place + blank))
        place += len(piece)
    for first, last in spans([weight(piece) for piece in pieces], words, overlap):
        if text := "".join(pieces[first:last]).strip():
            yield Passage(text, f"{name}:{lines[first]}", part.heading)


def spans(weights: Sequence[int], most: int, overlap: int) -> Iterator[tuple[int, int]]:
    """Runs of pieces [first, last) of at most ``most`` words; the last pieces of a run, up to ``overlap``
    words, begin the next one. Each run has a piece that none before it had."""
    first = last = 0
    while last < len(weights):
        new, held = last, sum(weights[first:last])
        while first < last and held + weights[new] > most:
            held, first = held - weights[first], first + 1
        while last < len(weights) and (last == new or held + weights[last] <= most):
            held, last = held + weights[last], last + 1
        yield first, last
        first = last
        while first > new and sum(weights[first - 1 : last]) <= overlap:
            first -= 1


def sentences(text: str) -> list[str]:
    """The text cut behind sentences, paragraphs and items of a list; joined, it is the text again."""
    cuts = [0, *(found.end() for found in _ENDS.finditer(text)), len(text)]
    return [text[a:b] for a, b in pairwise(cuts) if b > a]


def _short(sentence: str, most: int) -> list[str]:
    """A sentence in pieces of at most ``most`` words."""
    if weight(sentence) <= most:
        return [sentence]
    found, held = [""], 0
    for word in _WORDS.findall(sentence):
        if held + weight(word) > most and found[-1]:
            found.append("")
            held = 0
        found[-1] += word
        held += weight(word)
    return found


def weight(text: str) -> int:
    """Words of a text."""
    return max(len(text.split()), len(text.strip()) // LETTERS)
