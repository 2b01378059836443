"""What tests of checks share: a subject from pairs, the rows that a check flags, and the encoder."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whet.check.findings import Check, Finding
from whet.check.subject import Subject, Tools
from whet.config import DEFAULT_ENCODER
from whet.models.cache import CachedEncoder
from whet.models.encoder import Encoder
from whet.models.source import find_encoder
from whet.records import Turn

Pair = tuple[str, str]

# Support replies, each to its own question: nothing in them is a fault of any kind.
REPLIES: list[Pair] = [
    (f"Hello, {asked} My order number is {number}.", f"Thank you for writing about order {number}. {told}")
    for number, (asked, told) in enumerate(
        [
            ("where is my parcel?", "It left our house on Monday and will reach you by Thursday evening."),
            ("can I still change the size?", "We have changed the size; you need not do anything else."),
            ("the lamp came broken.", "We are sorry to hear that, and a new lamp is on its way to you."),
            (
                "I want my money back.",
                "The money was sent to your card today and takes three days to arrive.",
            ),
        ]
        * 10,
        start=4100,
    )
]


def subject(rows: Sequence[Pair], kind: str = "write", **more: Any) -> Subject:
    """Rows as they stand in a file, the first on line 2."""
    return Subject(
        kind=kind,
        inputs=[given for given, _ in rows],
        outputs=[answer for _, answer in rows],
        files=["rows.csv"] * len(rows),
        lines=range(2, len(rows) + 2),
        **more,
    )


def talks(conversations: Sequence[Sequence[Turn]], **more: Any) -> Subject:
    """Conversations; the last turn is the output."""
    rows = [
        ("\n".join(t.text for t in turns[:-1]), turns[-1].text if turns else "") for turns in conversations
    ]
    return subject(rows, turns=[tuple(turns) for turns in conversations], **more)


def findings(checks: Sequence[Check], of: Subject, tools: Tools | None = None) -> dict[str, list[Finding]]:
    """What every check says that can run; one without findings has no entry."""
    tools = tools or Tools()
    have = {"encoder": tools.encode, "tokenizer": tools.count_tokens, "traffic": tools.traffic}
    ready = [c for c in checks if of.kind in c.kinds and all(have.get(need) is not None for need in c.needs)]
    said = {check.name: list(check.find(of, tools)) for check in ready}
    for name, some in said.items():
        assert {finding.check for finding in some} <= {name}
    return {name: some for name, some in said.items() if some}


def flagged(checks: Sequence[Check], of: Subject, tools: Tools | None = None) -> dict[str, list[int]]:
    """Name of a check to the rows it flags, in order."""
    return {
        name: sorted({flag.row for finding in some for flag in finding.flags})
        for name, some in findings(checks, of, tools).items()
    }


def planted(rows: Sequence[Pair], faults: dict[int, Pair]) -> list[Pair]:
    """The rows with some of them replaced."""
    return [faults.get(row, pair) for row, pair in enumerate(rows)]


def pairs_of(path: Path, given: str, answer: str) -> list[Pair]:
    """Two columns of a CSV."""
    with path.open(encoding="utf-8", errors="replace", newline="") as stream:
        return [(row[given], row[answer]) for row in csv.DictReader(stream)]


@cache
def _encoder() -> CachedEncoder:
    return CachedEncoder(Encoder(find_encoder(DEFAULT_ENCODER)))


def encode(texts: Sequence[str]) -> NDArray[np.float32]:
    """Texts to unit vectors, by the default encoder; each text is read once a session."""
    return _encoder().encode(texts, precise=False).vectors


Shared = Callable[[str], Path]
