"""relevant: rows far from the task, rows in a language that hardly any other is in, and boilerplate.

Far means far from its nearest neighbours among the rows themselves, by the encoder. So it does not see
off-task rows that come in crowds of like ones: those look like a part of the task. Languages are guessed
(``language``); boilerplate is a long sentence that many different inputs share word for word.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from whet.check.confident import nearest
from whet.check.findings import Check, Finding, Flag
from whet.check.language import NAMES, languages
from whet.check.subject import drawn
from whet.data.neardup import fold

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from whet.check.subject import Subject, Tools

LEAST = 100
"""Rows under which nothing can be called far from the rest."""
CUT = 3.5
"""Modified z-score of an outlier: Iglewicz, Hoaglin, "How to Detect and Handle Outliers" (1993)."""
APART = 0.55
"""Mean cosine distance under which no row is called far, however close together the others are."""
FEW, STRAYS = 0.005, 2
"""A language of at most this share of the rows, or of so many rows, is a stray; more are a minority."""
LONG = 8
"""Words of a sentence that is long enough to be boilerplate."""
COPIED, COPIES = 0.01, (20, 1000)
"""Share of the different inputs that must have a sentence: at least so many, and no more than so many."""
OPENING = 0.5
"""What more than this share of the inputs begin with is the task's own prompt, not boilerplate."""

_SENTENCE = re.compile(r"[^\n]*?(?:[.!?]+(?=\s)|\n|$)")


def off_task(subject: Subject, tools: Tools) -> Iterator[Finding]:
    """``relevant.off-task``: rows far from all others, farthest first."""
    assert tools.encode is not None
    filled = [row for row, text in enumerate(subject.inputs) if text.strip()]
    rows = drawn(filled, tools.seed)
    if len(rows) < LEAST:
        return
    distance = distances(tools.encode([subject.inputs[row] for row in rows]))
    middle = float(np.median(distance))
    spread = 1.4826 * float(np.median(np.abs(distance - middle)))
    cut = max(middle + CUT * spread, APART)
    far = np.flatnonzero(distance > cut)
    if len(far):
        order = far[np.argsort(-distance[far], kind="stable")]
        more = f" (drawn from {len(filled):,})" if len(filled) > len(rows) else ""
        note = f"farther from its nearest neighbours than {cut:.2f}; half of the rows are within {middle:.2f}"
        yield Finding(
            check="relevant.off-task",
            standard="relevant",
            severity="advice",
            what=f"{len(far):,} of {len(rows):,} rows{more} are far from all others.",
            why="What is not the task teaches nothing about it, and takes room in training and in test.",
            repair="Read them, farthest first; drop what is not the task, add more rows like those that are.",
            flags=tuple(Flag(rows[i], "input", note, score=float(distance[i])) for i in order),
            figures={"median_distance": round(middle, 4), "cut": round(cut, 4)},
        )


def distances(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean cosine distance of each row to its nearest neighbours, itself left out [n].

    Neighbours: one in a hundred rows, at least 5 and at most 20.
    """
    count = int(np.clip(len(vectors) // 100, 5, 20))
    parts = [similarity for _, similarity in nearest(vectors, vectors, count + 1)]
    similarity = np.sort(np.concatenate(parts), axis=1)[:, ::-1].astype(np.float64)
    return np.asarray(1 - similarity[:, 1:].mean(axis=1))


def stray_languages(subject: Subject, tools: Tools) -> Iterator[Finding]:
    """``relevant.language``: rows in a language that hardly any other row is in."""
    found = languages(subject.inputs)
    counts = Counter(code for code in found if code)
    few = {code for code, count in counts.items() if count <= max(STRAYS, FEW * len(found))}
    flags = [
        Flag(row, "input", f"looks like {NAMES.get(code, code)}")
        for row, code in enumerate(found)
        if code in few
    ]
    if flags:
        most = counts.most_common(1)[0][0]
        names = ", ".join(f"{NAMES.get(c, c)} {counts[c]:,}" for c, _ in counts.most_common() if c in few)
        yield Finding(
            check="relevant.language",
            standard="relevant",
            severity="advice",
            what=f"{len(flags):,} of {len(subject):,} inputs are in a language that few are in: {names}.",
            why=f"Too few to learn from, too many to ignore: most rows are in {NAMES.get(most, most)}.",
            repair="Drop them, or add rows of these languages if the task gets such inputs.",
            flags=tuple(flags),
            figures={NAMES.get(code, code): count for code, count in counts.most_common()},
        )


def boilerplate(subject: Subject, tools: Tools) -> Iterator[Finding]:
    """``relevant.boilerplate``: long sentences that many different inputs share."""
    common = _common(subject.inputs)
    if not common:
        return
    found = (_boiled(row, text, common) for row, text in enumerate(subject.inputs))
    flags = tuple(flag for flag in found if flag)
    cut = sum(flag.proposal is not None for flag in flags)
    yield Finding(
        check="relevant.boilerplate",
        standard="relevant",
        severity="advice",
        what=f"{len(flags):,} inputs hold one of {len(common):,} long sentences that many inputs share.",
        why="It costs tokens in every request, and a model may take it for the sign of a label.",
        repair=f"Take it out where it comes in; {cut:,} inputs only end with it: they have a proposal.",
        flags=flags,
        figures={"sentences": len(common), "most_inputs": max(common.values())},
    )


def sentences(text: str) -> list[str]:
    """The text cut after sentences and lines; joined, it is the text again."""
    return [part for part in _SENTENCE.findall(text) if part]


def _common(inputs: Sequence[str]) -> dict[int, int]:
    """Hashes of folded sentences that many different inputs have, and how many have them.

    An input that is one sentence and nothing else is no bearer of boilerplate, and its copies are copies.
    """
    prompt, seen = _prompt(inputs), set[int]()
    counts: Counter[int] = Counter()
    for text in inputs:
        if (whole := hash(text)) in seen:
            continue
        seen.add(whole)
        parts = sentences(text)
        if len(parts) > 1:
            counts.update({hash(fold(part)) for part in parts if _is_long(part)} - prompt)
    least = np.clip(COPIED * len(seen), *COPIES)
    return {sentence: count for sentence, count in counts.items() if count >= least}


def _is_long(sentence: str) -> bool:
    return sentence.count(" ") >= LONG - 1 and len(sentence.split()) >= LONG


def _prompt(inputs: Sequence[str]) -> set[int]:
    """Hashes of the folded sentences that most inputs begin with, one after the other."""
    found = set[int]()
    begins = list(inputs)
    while True:
        firsts = [match[0] if (match := _SENTENCE.match(text)) else "" for text in begins]
        first, count = Counter(firsts).most_common(1)[0] if firsts else ("", 0)
        if not first or count <= OPENING * len(inputs):
            return found
        found.add(hash(fold(first)))
        begins = [text[len(first) :] for text, start in zip(begins, firsts, strict=True) if start == first]


def _boiled(row: int, text: str, common: dict[int, int]) -> Flag | None:
    """What of a row is boilerplate; a proposal where it is the whole end of the input and no more."""
    parts = sentences(text)
    found = [common.get(hash(fold(part)), 0) if _is_long(part) else 0 for part in parts]
    own = [place for place, part in enumerate(parts) if not found[place] and fold(part)]
    if not any(found) or not own:
        return None
    kept = own[-1] + 1
    note = f"{np.count_nonzero(found)} sentence(s) of it stand in up to {max(found):,} inputs"
    rest = None if any(found[:kept]) else "".join(parts[:kept]).rstrip()
    return Flag(row, "input", note, proposal=rest)


CHECKS: tuple[Check, ...] = (
    Check("relevant.off-task", "relevant", off_task, needs=("encoder",)),
    Check("relevant.language", "relevant", stray_languages),
    Check("relevant.boilerplate", "relevant", boilerplate),
)
