"""One row as the model reads it, with what is learned marked: to be looked at before training.

Text goes to a terminal here, so control characters of the data are shown, not sent. Knows no layout.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from whet.errors import InputError
from whet.train.tokens import Tokenized

OPEN, CLOSE = "⟦", "⟧"
GREEN, DIM, PLAIN = "\x1b[1;32m", "\x1b[2m", "\x1b[0m"
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def shown(tokenized: Tokenized, tokenizer: Any, row: int = 0, *, colour: bool = False) -> str:
    """The row as text under a line that says how much of it is learned. Learned tokens stand in ⟦brackets⟧,
    or green among dim ones; a weight other than 1 follows them.

    Raises:
        InputError: there is no such row.
    """
    if not 0 <= row < len(tokenized.rows):
        rule = f"there are rows 0 to {len(tokenized.rows) - 1:,}."
        raise InputError(f"there is no row {row:,}.", where="row", fix=rule)
    one = tokenized.rows[row]
    learned = len(one.ids) - one.weights.count(0.0)
    head = f"{tokenized.sources[row]}: {learned:,} of {len(one.ids):,} tokens are learned"
    body = "".join(_piece(text, weight, colour) for text, weight in _pieces(one.ids, one.weights, tokenizer))
    return f"{head} ({learned / len(one.ids):.1%})\n{body}"


def _pieces(ids: Sequence[int], weights: Sequence[float], tokenizer: Any) -> Iterator[tuple[str, float]]:
    """(text, weight) of each run of tokens of one weight. A run is what it adds to all before it, since
    tokenizers drop the space that a text begins with."""
    stop, before = 0, ""
    for weight, run in groupby(weights):
        stop += len(list(run))
        text: str = tokenizer.decode(ids[:stop], clean_up_tokenization_spaces=False)
        yield text[len(before) :], weight
        before = text


def _piece(text: str, weight: float, colour: bool) -> str:
    text = _CONTROLS.sub(lambda found: f"\\x{ord(found[0]):02x}", text)
    times = "" if weight in (0, 1) else f"×{weight:g}"
    if colour:
        return f"{GREEN if weight else DIM}{text}{times}{PLAIN}"
    return f"{OPEN}{text}{CLOSE}{times}" if weight else text
