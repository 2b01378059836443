"""Instructions that contradict each other: system messages that are all but equal and ask for opposites.

A message's demands are read by patterns, in English and German: the language of the answer, JSON or prose,
Markdown or none, short or detailed, at most or at least so many words, formal or informal. Two messages
contradict each other where they are the same but for their demands, and demand different things. It does
not know demands in other words, nor rows whose input says what holds: that may be meant, so it is advice.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from whet.check.conversations import SYSTEM
from whet.check.findings import Finding, Flag
from whet.check.saying import counted
from whet.check.subject import Subject, Tools
from whet.records import Turn

MOST = 300
"""Different messages that are compared with each other, the most frequent first."""
ALIKE = 0.8
"""Share of words that two messages must have in common, their demands left out."""

_LANGUAGES = {
    "english": "English", "englisch": "English", "german": "German", "deutsch": "German",
    "french": "French", "französisch": "French", "spanish": "Spanish", "spanisch": "Spanish",
    "italian": "Italian", "italienisch": "Italian", "dutch": "Dutch", "portuguese": "Portuguese",
    "danish": "Danish", "swedish": "Swedish", "polish": "Polish", "chinese": "Chinese",
    "japanese": "Japanese",
}  # fmt: skip
_ASK = r"(?:answer|reply|respond|write|speak|antworte\w*|schreib\w*)"
_NO = r"(?:no|not|never|without|avoid|kein\w*|ohne|nicht)\b[^.;\n]{0,20}"
_DEMANDS = tuple(
    (slot, value, re.compile(pattern, re.IGNORECASE))
    for slot, value, pattern in (
        ("language", "", rf"\b{_ASK}\b[^.;\n]{{0,30}}\b(?:in|auf) ({'|'.join(_LANGUAGES)})\b"),
        ("format", "prose", rf"\b{_NO}\bjson\b|\b(?:in|as|als) (?:plain text|prose|fließtext)\b"),
        ("format", "JSON", r"\b(?:as|in|valid|only|return|output|als|nur)\b[^.;\n]{0,20}\bjson\b"),
        ("Markdown", "none", rf"\b{_NO}\bmarkdown\b"),
        ("Markdown", "Markdown", r"\b(?:use|in|as|with)\b[^.;\n]{0,12}\bmarkdown\b"),
        ("length", "short", r"\b(?:brief(?:ly)?|concise(?:ly)?|be short|short (?:answer|repl)\w*|kurz)\b"),
        (
            "length",
            "long",
            r"\b(?:in (?:great )?detail|detailed|at length|comprehensive(?:ly)?|ausführlich)\b",
        ),
        ("tone", "informal", r"\b(?:informal(?:ly)?|casual(?:ly)?|duze\w*)\b"),
        ("tone", "formal", r"\b(?:formal(?:ly)?|sieze\w*|förmlich)\b"),
    )
)
_LIMIT = re.compile(
    r"\b(at most|no more than|up to|maximum of|höchstens|at least|no fewer than|minimum of|mindestens)"
    r" (\d{1,4}) (words?|sentences?|characters?|wörter|sätze|zeichen)\b",
    re.IGNORECASE,
)
NO_LIMIT = 10**9
_AT_LEAST = ("at least", "no fewer than", "minimum of", "mindestens")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One system message: what it demands, and the words around the demands."""

    demands: Mapping[str, frozenset[str]]
    """Slot to what is asked for: ``{"language": {"German"}}``."""
    limits: Mapping[str, tuple[int, int]]
    """Unit to the least and the most of it: ``{"words": (0, 50)}``."""
    rest: frozenset[str]
    rows: tuple[int, ...]
    """Rows that have it; none for the task's own."""


def contradicting_instructions(subject: Subject, tools: Tools) -> Iterator[Finding]:
    flags: dict[int, Flag] = {}
    for first, second in combinations(_instructions(subject), 2):
        slot = _opposed(first, second)
        if slot and (first.rows or second.rows):
            few, many = sorted((first, second), key=lambda one: len(one.rows) or float("inf"))
            where = counted(len(many.rows), "row asks", "rows ask") if many.rows else "the task asks"
            note = f"asks for {_said(few, slot)}, where {where} for {_said(many, slot)}"
            for row in few.rows:
                flags.setdefault(row, Flag(row, "turns", note, others=many.rows[:1]))
    if flags:
        yield Finding(
            "aligned.contradicting-instructions",
            "task aligned",
            "advice",
            f"{counted(len(flags), 'row has', 'rows have')} an instruction that contradicts that of others.",
            "The model cannot follow both, and learns to follow neither.",
            "Decide which holds, and write one instruction for all rows.",
            tuple(flags[row] for row in sorted(flags)),
        )


def _instructions(subject: Subject) -> list[Instruction]:
    """The different system messages, the most frequent first, and the task's own instruction."""
    rows: dict[str, list[int]] = defaultdict(list)
    for row, turns in enumerate(subject.turns or ()):
        message = _system(turns)
        if message:
            rows[message].append(row)
    frequent = sorted(rows, key=lambda message: -len(rows[message]))[:MOST]
    found = [instruction(message, tuple(rows[message])) for message in frequent]
    own = [instruction(subject.instruction, ())] if subject.instruction else []
    return [one for one in (*own, *found) if one.demands or one.limits]


def _system(turns: Sequence[Turn]) -> str:
    return turns[0].text.strip() if turns and turns[0].role in SYSTEM else ""


def instruction(message: str, rows: tuple[int, ...]) -> Instruction:
    """A message taken apart."""
    demands: dict[str, set[str]] = defaultdict(set)
    rest = message
    for slot, value, pattern in _DEMANDS:
        for found in pattern.finditer(rest):
            demands[slot].add(value or _LANGUAGES[found[1].lower()])
        rest = pattern.sub(" ", rest)
    words = frozenset(re.findall(r"\w+", _LIMIT.sub(" ", rest).lower()))
    asked = {slot: frozenset(values) for slot, values in demands.items()}
    return Instruction(asked, _limits(rest), words, rows)


def _limits(message: str) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for limit in _LIMIT.finditer(message):
        unit, count = limit[3].lower().rstrip("s") + "s", int(limit[2])
        least, most = found.get(unit, (0, NO_LIMIT))
        found[unit] = (count, most) if limit[1].lower() in _AT_LEAST else (least, count)
    return found


def _opposed(first: Instruction, second: Instruction) -> str:
    """What two messages of the same words demand differently, or ""."""
    shared, every = len(first.rest & second.rest), len(first.rest | second.rest)
    if shared < ALIKE * every:
        return ""
    for slot in first.demands.keys() & second.demands.keys():
        if not first.demands[slot] & second.demands[slot]:
            return slot
    for unit in first.limits.keys() & second.limits.keys():
        (least, most), (low, high) = first.limits[unit], second.limits[unit]
        if least > high or low > most:
            return unit
    return ""


def _said(one: Instruction, slot: str) -> str:
    if slot in one.demands:
        return f"{slot}: {' and '.join(sorted(one.demands[slot]))}"
    least, most = one.limits[slot]
    return f"at least {least:,} {slot}" if least else f"at most {most:,} {slot}"
