"""The standard *privacy safe*: personal data and secrets that a model would learn by heart.

Structured values by pattern and check digit (``pii/patterns.py``), names by the names adapter where it is
at hand. Every column is read, held-out rows as well: what is in the file gets out with the file. Values
are shown masked and nothing proposes one. Countries, firms, links and plain dates say little of a person
and are no finding. Names come in as a function; on great data a sample is read, and the finding says so.
"""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from whet.check.findings import Check, Finding, Flag, Severity
from whet.check.pii.patterns import find_each
from whet.check.pii.spans import GROUP_OF, masked
from whet.check.saying import counted
from whet.check.subject import Span, Subject, Tools

SHOWN = 4  # masked values in a note
SAMPLE = 20_000  # texts read for names; the encoder reads some hundred a second
AT_ONCE = 50_000  # texts whose spans are held together

Column = tuple[str, Sequence[str]]
Found = Mapping[tuple[int, str], Sequence[str]]
"""Row and column to masked values."""


@dataclass(frozen=True, slots=True)
class Group:
    """How one group of kinds is told."""

    name: str
    severity: Severity
    what: str
    why: str
    repair: str = "Replace them by stand-ins: `whet repair --redact`."


_LEARNT = "A model repeats what it has learned by heart, to whoever asks."
GROUPS: Mapping[str, Group] = {
    "secrets": Group(
        "private.secrets",
        "blocks",
        "a key or token",
        "A secret in training data is a secret given away: the model can repeat it.",
        "Revoke the secrets where they came from, then `whet repair --redact`.",
    ),
    "cards": Group(
        "private.cards",
        "blocks",
        "a payment card number",
        "Card numbers may be stored only under PCI DSS, and a model cannot keep them so.",
    ),
    "accounts": Group("private.accounts", "advice", "a bank account or wallet", _LEARNT),
    "ids": Group(
        "private.ids",
        "advice",
        "an identity or tax number",
        "Such numbers open accounts in a person's name, and a model can repeat them.",
    ),
    "contacts": Group("private.contacts", "advice", "an e-mail address or telephone number", _LEARNT),
    "passwords": Group(
        "private.passwords",
        "blocks",
        "a password or PIN",
        "A password in training data is a password given away: the model can repeat it.",
        "Have them changed, then `whet repair --redact`.",
    ),
    "devices": Group(
        "private.devices",
        "advice",
        "an address of a machine (IP or MAC)",
        "It stands for a household or a person's device, and is personal data in Europe (GDPR, recital 30).",
    ),
    "birth dates": Group("private.birth-dates", "advice", "a date of birth", _LEARNT),
    "postcodes": Group("private.postcodes", "advice", "a postcode", _LEARNT),
    "addresses": Group("private.addresses", "advice", "a postal address", _LEARNT),
    "people": Group(
        "private.names",
        "advice",
        "the name of a person",
        "The model may answer with these people to anybody, and learn names where it should learn the task.",
    ),
}


def personal_data(subject: Subject, tools: Tools) -> Iterator[Finding]:
    """Structured values: one finding a group of kinds."""
    found: dict[str, dict[tuple[int, str], list[str]]] = defaultdict(dict)
    kinds: dict[str, Counter[str]] = defaultdict(Counter)
    for name, column in _columns(subject):
        for start in range(0, len(column), AT_ONCE):
            part = column[start : start + AT_ONCE]
            for row, spans in enumerate(find_each(part), start):
                _note(found, kinds, (row, name), column[row], spans)
    yield from _told(found, kinds, {})


def names(subject: Subject, tools: Tools) -> Iterator[Finding]:
    """People and addresses, by the names adapter."""
    assert tools.names is not None
    columns = [(name, column) for name, column in _columns(subject) if name in {"input", "output"}]
    texts = list(dict.fromkeys(text for _, column in columns for text in column if text))
    read = texts
    if len(texts) > SAMPLE:
        read = random.Random(tools.seed).sample(texts, SAMPLE)
    known = {text: spans for text, spans in zip(read, tools.names(read), strict=True) if spans}
    found: dict[str, dict[tuple[int, str], list[str]]] = defaultdict(dict)
    kinds: dict[str, Counter[str]] = defaultdict(Counter)
    for name, column in columns:
        for row, text in enumerate(column):
            _note(found, kinds, (row, name), text, known.get(text, ()))
    figures = {"texts read": len(read), "texts in all": len(texts)} if len(read) < len(texts) else {}
    yield from _told(found, kinds, figures)


def _columns(subject: Subject) -> Iterable[Column]:
    """Every column of texts, by name."""
    yield "input", subject.inputs
    yield "output", subject.outputs
    yield from subject.meta.items()
    if subject.turns is not None:
        yield "turns", [_beside(subject, row) for row in range(len(subject))]
    if subject.tools is not None:
        yield "tools", [json.dumps(tools, ensure_ascii=False) if tools else "" for tools in subject.tools]


def _beside(subject: Subject, row: int) -> str:
    """What is learned or read of a conversation and stands in neither input nor output: an instruction that
    all rows share, thoughts, calls."""
    assert subject.turns is not None
    seen = subject.inputs[row], subject.outputs[row]
    texts = [turn.text for turn in subject.turns[row] if not any(turn.text in text for text in seen)]
    kept = [turn.more for turn in subject.turns[row] if turn.more]
    more = [json.dumps(one, ensure_ascii=False, default=str) for one in kept]
    return "\n".join([*texts, *more])


def _note(
    found: dict[str, dict[tuple[int, str], list[str]]],
    kinds: dict[str, Counter[str]],
    place: tuple[int, str],
    text: str,
    spans: Sequence[Span],
) -> None:
    """Put the spans of one text under their groups, masked."""
    for start, end, kind in spans:
        group = GROUP_OF[kind]
        if group in GROUPS:
            found[group].setdefault(place, []).append(f"{kind} {masked(kind, text[start:end])}")
            kinds[group][kind] += 1


def _told(
    found: Mapping[str, Found], kinds: Mapping[str, Counter[str]], figures: Mapping[str, int]
) -> Iterator[Finding]:
    for key, group in GROUPS.items():
        places = found.get(key)
        if places:
            rows = len({row for row, _ in places})
            yield Finding(
                group.name,
                "privacy safe",
                group.severity,
                f"{counted(rows, 'row holds', 'rows hold')} {group.what}.",
                group.why,
                group.repair,
                tuple(Flag(row, column, _listed(values)) for (row, column), values in sorted(places.items())),
                {**figures, **dict(kinds[key].most_common())},
            )


def _listed(values: Sequence[str]) -> str:
    """The first few masked values, and how many more there are."""
    more = f" and {len(values) - SHOWN} more" if len(values) > SHOWN else ""
    return "; ".join(values[:SHOWN]) + more


CHECKS: tuple[Check, ...] = (
    Check("private.personal-data", "privacy safe", personal_data, on_test=True),
    Check("private.names", "privacy safe", names, needs=("names",), on_test=True),
)
