"""Overlap with the approved text: chrF and ROUGE-L, by hand, checked against their references.

chrF2 (Popović 2015) as sacreBLEU computes it for one sentence: character n-grams of 1 to 6 without spaces,
precision and recall averaged over the orders that both texts have, then F with beta 2. ROUGE-L (Lin 2004)
as rouge-score computes it: the longest common subsequence of words as F1; words here are letters and digits
of every language, where rouge-score knows a-z and 0-9 only. Both are from 0 to 1.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence

from whet.evaluate.scorers.base import ByPair, Scored, text_of
from whet.records import Example, Output

ORDERS = range(1, 7)
BETA = 2.0
WORD = re.compile(r"[^\W_]+")


def chrf() -> ByPair:
    return _overlap("chrf", chrf_of, "character n-grams (chrF)")


def rouge_l() -> ByPair:
    return _overlap("rouge_l", rouge_l_of, "words in order (ROUGE-L)")


def chrf_of(text: str, reference: str) -> float:
    """chrF2 of ``text`` against ``reference``."""
    first, second = ("".join(t.split()) for t in (text, reference))
    if first == second:
        return 1.0  # two empty texts included
    shares = []
    for n in ORDERS:
        given, wanted = _grams(first, n), _grams(second, n)
        if given and wanted:
            matched = (given & wanted).total()
            shares.append((matched / given.total(), matched / wanted.total()))
    if not shares:
        return 0.0
    precision, recall = (sum(column) / len(shares) for column in zip(*shares, strict=True))
    below = BETA**2 * precision + recall
    return (1 + BETA**2) * precision * recall / below if below else 0.0


def _grams(text: str, n: int) -> Counter[str]:
    return Counter(text[i : i + n] for i in range(len(text) - n + 1))


def rouge_l_of(text: str, reference: str) -> float:
    """F1 of the longest common subsequence of words."""
    first, second = (WORD.findall(t.lower()) for t in (text, reference))
    if not first and not second:
        return 1.0
    return 2 * common(first, second) / (len(first) + len(second))


def common(first: Sequence[str], second: Sequence[str]) -> int:
    """Length of the longest common subsequence."""
    row = [0] * (len(second) + 1)
    for word in first:
        before = 0  # the cell up and to the left
        for at, other in enumerate(second, start=1):
            here = before + 1 if word == other else max(row[at], row[at - 1])
            before, row[at] = row[at], here
    return row[-1]


def _overlap(name: str, measure: Callable[[str, str], float], what: str) -> ByPair:
    def judge(example: Example, output: Output) -> Scored:
        score = measure(text_of(output), text_of(example.output))
        return Scored(score, f"The output shares {100 * score:.0f} % of its {what} with the approved one.")

    return ByPair(name, judge)
