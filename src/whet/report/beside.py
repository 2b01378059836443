"""Outputs side by side: the approved one, and each different answer with what differs from it marked.

For replies and values, where two answers are seldom the same to the letter. Words are compared as they stand;
what an answer lacks is struck through where it would be, what it adds is underlined. Knows no rungs.
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from markupsafe import Markup, escape

from whet.report.markup import join, tag
from whet.report.words import count

PIECES = re.compile(r"(?:\w+|[^\w\s])\s*")
MOST = 1200
"""Characters of an output that are shown; the rest is counted."""
ALIKE = 0.4
"""Share of two texts that is the same, below which marks would only be noise."""


def marked(truth: str, answer: str) -> Markup:
    """``answer`` with its differences to ``truth``; as it is where little is the same."""
    if not answer.strip():
        return tag("em", "(empty)")
    before, after = PIECES.findall(truth[:MOST]), PIECES.findall(answer[:MOST])
    found = SequenceMatcher(None, _bare(before), _bare(after), autojunk=False)
    if found.ratio() < ALIKE:
        return tag("ins", whole(answer))
    parts: list[object] = []
    for name, a, b, c, d in found.get_opcodes():
        lost, new = "".join(before[a:b]), "".join(after[c:d])
        if name == "equal":
            parts.append(escape(new))
            continue
        bare = new.rstrip()
        parts += [tag("del", lost.rstrip())] if lost else []
        parts += [tag("ins", bare), new[len(bare) :]] if new else []
    return join([*parts, _rest(answer)])


def _bare(pieces: list[str]) -> list[str]:
    """Compared without the space behind them."""
    return [piece.rstrip() for piece in pieces]


def whole(text: str) -> Markup:
    """An output as it is, as much as is shown."""
    return join([escape(text[:MOST]), _rest(text)])


def _rest(text: str) -> Markup:
    more = len(text) - MOST
    return tag("small", f" … and {count(more)} characters more") if more > 0 else Markup("")
