"""Kinds of failure, worked out by hand; a right answer has none."""

from __future__ import annotations

import pytest

from whet.config import task_from
from whet.evaluate import failures as kinds
from whet.evaluate.failures import Rules, failures, grouped
from whet.measure import rules_of
from whet.records import Example, Output

TASK = {"task": "t", "examples": "e.csv", "fields": {"input": "a", "output": "b"}}


def kinds_of(rules: Rules, truth: Output, output: Output) -> tuple[str, ...]:
    (found,) = failures(rules, [Example("a", "what?", truth, "f:1")], [output], [True])
    return found.kinds


LABELS = Rules("classify", frozenset({"spam", "ham"}))
VALUES, REPLIES = Rules("extract"), Rules("write")


@pytest.mark.parametrize(
    ("rules", "truth", "output", "expected"),
    [
        (LABELS, "spam", "ham", (kinds.OTHER_LABEL,)),
        (LABELS, "spam", "I think spam or ham", (kinds.NO_LABEL,)),
        (LABELS, "spam", "", (kinds.EMPTY,)),
        (LABELS, ("a", "b"), ("b", "c"), (kinds.MISSED, kinds.TOO_MANY)),
        (VALUES, '{"day": "monday"}', "monday", (kinds.NO_JSON,)),
        (
            VALUES,
            '{"day": "monday", "n": 2}',
            '{"day": "friday", "x": 1}',
            (kinds.WRONG, kinds.LACKS, kinds.INVENTED),
        ),
        (VALUES, '{"day": "monday"}', " ", (kinds.EMPTY,)),
        (REPLIES, "one two three", "one two four", (kinds.WORDED,)),
        (REPLIES, "yes", "so " * 8, (kinds.TOO_LONG,)),
        (REPLIES, "word " * 20, "word", (kinds.TOO_SHORT,)),
    ],
)
def test_kinds(rules: Rules, truth: Output, output: Output, expected: tuple[str, ...]) -> None:
    assert kinds_of(rules, truth, output) == expected


def test_rules_of_the_task_are_broken_only_by_what_breaks_them() -> None:
    rules = rules_of(
        task_from({**TASK, "kind": "write", "scorers": [{"score": "format", "must": ["sir"]}]}), []
    )
    assert kinds_of(rules, "Thank you, sir", "Thank you") == (kinds.RULE,)
    assert kinds_of(rules, "Thank you, sir", "Thanks, sir") == (kinds.WORDED,)
    assert kinds_of(rules, "Thank you", "Thanks") == (kinds.WORDED,), "its approved output breaks it too"
    held = rules_of(task_from({**TASK, "kind": "write", "pattern": "[A-Z].*"}), [])
    assert kinds_of(held, "Yes", "no") == (kinds.RULE,)
    typed = rules_of(task_from({**TASK, "kind": "extract", "json_schema": {"required": ["n"]}}), [])
    assert kinds_of(typed, '{"n": 1}', "{}") == (kinds.LACKS, kinds.SCHEMA)


def test_groups_count_answers_and_name_the_first() -> None:
    examples = [Example(str(n), "?", "spam", f"f:{n}") for n in range(4)]
    found = failures(LABELS, examples, ["ham", "ham", "spam", ""], [True, True, False, True], {3: "no money"})
    assert grouped(found, examples) == [
        {"kind": kinds.OTHER_LABEL, "count": 2, "about": [("spam → ham", 2)], "first": ["0", "1"]},
        {"kind": kinds.UNANSWERED, "count": 1, "about": [("no money", 1)], "first": ["3"]},
    ]
