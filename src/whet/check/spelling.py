"""Consistent: one output written many ways, and which outputs are one.

Labels differ in spelling when only case, blanks against ``_`` and ``-``, or marks at their ends differ
(``tidy.spelling_key``: what ``whet repair`` unites is what is found here). JSON differs in writing when only
the order of keys or the white space between them does; values of a field are held to one spelling where they
are chosen, not copied from the input. A reply counts as it stands. Knows no synonyms.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from whet.check.findings import Finding, Flag
from whet.check.places import Path, leaves, named, put
from whet.check.saying import counted, first
from whet.check.subject import labels_of
from whet.check.tidy import one_spelling, spelling_key
from whet.check.values import answers

if TYPE_CHECKING:
    from whet.check.subject import Subject, Tools
    from whet.check.words import IntArray

NAME = "consistent.spelling"
STYLES: tuple[Mapping[str, Any], ...] = (
    {},
    {"separators": (",", ":")},
    {"indent": 2},
    {"indent": 4},
    {"indent": "\t"},
)
"""White space in JSON, as ``json.dumps`` is told of it."""
_MANY = "A model learns each spelling as an answer of its own, and is counted wrong when it picks the other."
_ONE = "`whet repair` writes the most frequent one everywhere (rule `normalise`)."


def numbers_of(subject: Subject) -> IntArray:
    """A number for each row's output [n], the same for one output whatever its writing; -1: there is none."""
    known = frozenset(subject.labels or ())
    numbers: dict[object, int] = {}

    @cache
    def number(output: str) -> int:
        parts = [part for part in labels_of(output.strip(), subject.separator) if part]
        keys = {part if part in known else spelling_key(part, subject.kind) for part in parts}
        if not keys and subject.separator is None:
            return -1
        return numbers.setdefault(tuple(sorted(keys)), len(numbers))

    return np.fromiter(map(number, subject.outputs), np.int64, len(subject))


def spelling(subject: Subject, tools: Tools) -> Iterator[Finding]:
    """Outputs that are written otherwise than most rows write them."""
    if subject.kind == "classify":
        yield from _labels(subject)
    else:
        found = dict(answers(subject))
        yield from _writing(subject, found)
        yield from _values(subject, found)


def _labels(subject: Subject) -> Iterator[Finding]:
    parts = [labels_of(output, subject.separator) for output in subject.outputs]
    counts = Counter(part for row in parts for part in row if part)
    winners = one_spelling((part for row in parts for part in row if part), "classify", subject.labels or ())
    flags = []
    for row, names in enumerate(parts):
        if lost := [name for name in names if name in winners]:
            new = (subject.separator or "").join(dict.fromkeys(winners.get(name, name) for name in names))
            flags.append(Flag(row, "output", _note(lost[0], winners, counts), proposal=new))
    if flags:
        united = set(winners.values())
        yield _found(
            f"{counted(len(flags), 'row writes', 'rows write')} a label otherwise than most do: "
            f"{counted(len(united), 'label')} in {len(united) + len(winners):,} spellings.",
            _MANY,
            _ONE,
            flags,
            {"labels": len(united), "spellings": len(united) + len(winners)},
        )


def _note(lost: str, winners: Mapping[str, str], counts: Counter[str]) -> str:
    winner = winners[lost]
    return f"{lost!r} ({counts[lost]:,}) is written {winner!r} in {counted(counts[winner], 'row')}"


def _found(what: str, why: str, repair: str, flags: list[Flag], figures: Mapping[str, int | str]) -> Finding:
    return Finding(
        NAME, "consistent", "advice", what, why, repair, tuple(flags), {"rows": len(flags), **figures}
    )


def _writing(subject: Subject, answers: Mapping[int, Any]) -> Iterator[Finding]:
    """JSON whose keys stand in another order, or between other white space, than in most rows."""
    orders: dict[frozenset[str], Counter[tuple[str, ...]]] = defaultdict(Counter)
    for value in answers.values():
        for part in _objects(value):
            orders[frozenset(part)][tuple(part)] += 1
    usual = {keys: found.most_common(1)[0][0] for keys, found in orders.items()}
    styles = {row: _style(subject.outputs[row].strip(), value) for row, value in answers.items()}
    style, _ = Counter(styles.values()).most_common(1)[0] if styles else (None, 0)
    flags = []
    for row, value in answers.items():
        moved = any(tuple(part) != usual[frozenset(part)] for part in _objects(value))
        if moved or styles[row] != style:
            note = "keys in another order" if moved else "other white space between keys and values"
            known = style is not None and styles[row] is not None
            proposal = _dumped(_ordered(value, usual), style) if known and style is not None else None
            flags.append(Flag(row, "output", note, proposal=proposal))
    if flags:
        moved_rows = sum(flag.note.startswith("keys") for flag in flags)
        yield _found(
            f"{counted(len(flags), 'answer is', 'answers are')} the same JSON as others but for writing: "
            f"{moved_rows:,} with keys in another order, {len(flags) - moved_rows:,} with other white space.",
            "The order and the white space are learned token by token. Where rows differ in them, the model "
            "spends its capacity on a coin toss.",
            "Write all answers one way; each row shows how.",
            flags,
            {"other order": moved_rows, "other white space": len(flags) - moved_rows},
        )


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every JSON object in a value, at any depth."""
    if isinstance(value, dict):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _objects(part)


def _style(output: str, value: Any) -> int | None:
    """Which of ``STYLES`` wrote this; None: none of them, or a number is written in a way of its own."""
    return next((n for n in range(len(STYLES)) if _dumped(value, n) == output), None)


def _dumped(value: Any, style: int) -> str:
    return json.dumps(value, ensure_ascii=False, **STYLES[style])


def _ordered(value: Any, usual: Mapping[frozenset[str], tuple[str, ...]]) -> Any:
    if isinstance(value, dict):
        return {key: _ordered(value[key], usual) for key in usual[frozenset(value)]}
    return [_ordered(part, usual) for part in value] if isinstance(value, list) else value


def _values(subject: Subject, answers: Mapping[int, Any]) -> Iterator[Finding]:
    """Values of a field that are one but for spelling, where they do not stand so in the input."""
    chosen: dict[str, list[tuple[int, Path, str]]] = defaultdict(list)
    for row, value in answers.items():
        for path, text in leaves(value):
            if isinstance(text, str) and text and text not in subject.inputs[row]:
                chosen[_field(path)].append((row, path, text))
    flags = []
    for field, found in chosen.items():
        counts = Counter(text for _, _, text in found)
        winners = one_spelling((text for _, _, text in found), "classify")
        for row, path, text in found:
            if text in winners:
                new = _mended(subject.outputs[row], answers[row], path, winners[text])
                flags.append(Flag(row, "output", f"{field}: {_note(text, winners, counts)}", proposal=new))
    if flags:
        fields = [flag.note.split(":")[0] for flag in flags]
        yield _found(
            f"{counted(len(flags), 'value')} in JSON answers {'is' if len(flags) == 1 else 'are'} spelled "
            f"otherwise than most rows spell the same value: {first(fields)}.",
            _MANY,
            "Write each value one way; each row shows how. Or give the field an `enum` in the task's schema.",
            flags,
            {"fields": len(set(fields))},
        )


def _field(path: Path) -> str:
    """The path without places in lists: all items of a list are one field."""
    return named(tuple(part for part in path if isinstance(part, str)))


def _mended(output: str, value: Any, path: Path, new: str) -> str | None:
    """The answer with one value replaced, written as it was; None where its writing cannot be kept."""
    style = _style(output.strip(), value)
    return None if style is None else _dumped(put(value, path, new), style)
