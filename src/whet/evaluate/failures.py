"""What kind of failure a wrong answer is: another label, a field missing, invalid JSON, a broken rule, ...

Kinds say where to look next: what a template mends, what only examples mend. One answer may fail in several
ways. Knows no rung; which answers are wrong is the metric's word, not this module's.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from whet.evaluate.scorers.base import Scorer, text_of
from whet.evaluate.scorers.fields import compare
from whet.records import Example, Output

UNANSWERED, EMPTY = "not answered", "empty"
OTHER_LABEL, NO_LABEL = "another label", "no label of the list"
MISSED, TOO_MANY = "a label missed", "a label too many"
NO_JSON, SCHEMA = "invalid JSON", "breaks the schema"
LACKS, WRONG, INVENTED = "field missing", "field wrong", "field invented"
RULE, TOO_LONG, TOO_SHORT = "format rule broken", "too long", "too short"
WORDED = "other words"

FORM = frozenset({EMPTY, NO_LABEL, NO_JSON, SCHEMA, RULE, TOO_LONG, TOO_SHORT})
"""What is wrong with how an answer looks, whatever it says."""
TWICE, SPARE_WORDS = 2.0, 5
"""Too long: over twice the words of the approved reply, and five more; too short: under half, less five."""

Part = tuple[str, str]
"""Kind, and what it is about: a field, a rule, the pair of labels."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One wrong answer."""

    at: int
    """Its place among the examples."""
    parts: tuple[Part, ...]

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(kind for kind, _ in self.parts))


@dataclass(frozen=True, slots=True)
class Rules:
    """What an answer of the task must be, beyond being the approved one."""

    kind: str
    labels: frozenset[str] = frozenset()
    form: Sequence[Scorer] = ()
    """Scorers of form alone; an answer breaks a rule where its approved output does not."""


def failures(
    rules: Rules,
    examples: Sequence[Example],
    outputs: Sequence[Output],
    wrong: Sequence[bool],
    unanswered: Mapping[int, str] | None = None,
) -> list[Failure]:
    """Every wrong answer with its kinds.

    Args:
        wrong: whether each answer is, by the task's metric.
        unanswered: places without an answer, and why.
    """
    missing = unanswered or {}
    broken = _broken(rules.form, examples, outputs)
    found = []
    for at, (example, output) in enumerate(zip(examples, outputs, strict=True)):
        if at in missing:
            found.append(Failure(at, ((UNANSWERED, missing[at]),)))
        elif wrong[at]:
            found.append(Failure(at, tuple(_parts(rules, example.output, output, broken[at]))))
    return found


def grouped(found: Sequence[Failure], examples: Sequence[Example], named: int = 5) -> list[dict[str, Any]]:
    """By kind, most frequent first: how many answers, what they are about, the ids of the first."""
    kinds = Counter(kind for one in found for kind in one.kinds)
    groups = []
    for kind, count in sorted(kinds.items(), key=lambda item: (-item[1], item[0])):
        about = Counter(what for one in found for k, what in one.parts if k == kind and what)
        ids = [examples[one.at].id for one in found if kind in one.kinds]
        groups.append({"kind": kind, "count": count, "about": about.most_common(3), "first": ids[:named]})
    return groups


def _parts(rules: Rules, truth: Output, output: Output, broken: Sequence[str]) -> list[Part]:
    if rules.kind == "classify":
        return _labels(rules.labels, truth, output)
    if not text_of(output).strip():
        return [(EMPTY, "")]
    rest = [(SCHEMA if rules.kind == "extract" else RULE, what) for what in broken]
    if rules.kind == "extract":
        return [*_fields(truth, output), *rest] or [(WORDED, "")]
    return [*_length(text_of(truth), text_of(output)), *rest] or [(WORDED, "")]


def _labels(known: frozenset[str], truth: Output, output: Output) -> list[Part]:
    if isinstance(truth, tuple) or isinstance(output, tuple):
        true, given = set(_names(truth)), set(_names(output))
        missed = [(MISSED, name) for name in sorted(true - given)]
        return [*missed, *((TOO_MANY, name) for name in sorted(given - true))]
    if not output:
        return [(EMPTY, "")]
    if known and output not in known:
        return [(NO_LABEL, "")]
    return [(OTHER_LABEL, f"{truth} → {output}")]


def _names(output: Output) -> tuple[str, ...]:
    return output if isinstance(output, tuple) else (output,)


def _fields(truth: Output, output: Output) -> list[Part]:
    try:
        given = json.loads(text_of(output))
    except (ValueError, RecursionError):
        return [(NO_JSON, "")]
    found: list[Part] = []
    for path, tally in compare(_json(truth), given).items():
        if tally.missing:
            found.append((WRONG if tally.extra else LACKS, path or "value"))
        elif tally.extra:
            found.append((INVENTED, path or "value"))
    return found


def _json(truth: Output) -> Any:
    try:
        return json.loads(text_of(truth))
    except (ValueError, RecursionError):
        return None


def _length(truth: str, output: str) -> list[Part]:
    approved, given = len(truth.split()), len(output.split())
    if given > TWICE * approved + SPARE_WORDS:
        return [(TOO_LONG, "")]
    return [(TOO_SHORT, "")] if given < approved / TWICE - SPARE_WORDS else []


def _broken(
    form: Sequence[Scorer], examples: Sequence[Example], outputs: Sequence[Output]
) -> list[list[str]]:
    """For each answer, the rules that it breaks and its approved output does not."""
    found: list[list[str]] = [[] for _ in examples]
    for scorer in form:
        truths = scorer.score(examples, [example.output for example in examples])
        for at, (given, true) in enumerate(zip(scorer.score(examples, outputs), truths, strict=True)):
            if given.score < 1.0 <= true.score:
                found[at].append(scorer.name)
    return found
