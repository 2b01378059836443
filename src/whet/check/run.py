"""Run the checks that a subject allows, in the order of the ten standards.

A check that needs what is not at hand is skipped and named. Held-out rows are looked at for form, leaks
and personal data only: every other check gets the subject without them, and its flags are put back to
the rows they belong to. Knows no check by meaning; yours are found by the entry-point group
``whet.checks`` (a function that returns ``Check`` objects).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points

from whet.check.findings import STANDARDS, Check, Finding, Flag, Report
from whet.check.subject import Subject, Tools

MODULES = (
    "accurate",
    "doubtful",
    "consistent",
    "relevant",
    "representative",
    "labelled",
    "aligned",
    "formatted",
    "private",
    "fair",
    "leaks",
)
NEEDS = {
    "encoder": "needs an encoder (--model)",
    "tokenizer": "needs a model whose tokens count (--model)",
    "names": "needs the tagger of names (--names)",
    "traffic": "needs a file of real inputs (check.traffic)",
    "split": "needs a split: files for test or dev (split.test, split.dev)",
}


@cache
def all_checks() -> tuple[Check, ...]:
    """Every installed check, in the order of the standards."""
    ours = [check for name in MODULES for check in import_module(f"whet.check.{name}").CHECKS]
    others = [check for point in entry_points(group="whet.checks") for check in point.load()()]
    return tuple(sorted((*ours, *others), key=lambda check: STANDARDS.index(check.standard)))


def run_checks(
    subject: Subject, tools: Tools, checks: Sequence[Check] | None = None, skip: Iterable[str] = ()
) -> Report:
    """Every check that can run, its findings with rows of ``subject``.

    Args:
        subject: what is checked.
        tools: what the checks may use.
        checks: which; all that are installed unless given.
        skip: names of checks, or of standards, to leave out.
    """
    chosen = all_checks() if checks is None else tuple(checks)
    left, skipped, seconds = frozenset(skip), dict[str, str](), dict[str, float]()
    findings: list[Finding] = []
    learning, rows = _without_test(subject)
    for number, check in enumerate(chosen):
        if why := _why_not(check, subject, tools, left):
            skipped[check.name] = why
            continue
        tools.tell(f"checking: {check.name}", number, len(chosen))
        start = time.perf_counter()
        found = check.find(subject if check.on_test else learning, tools)
        findings += found if check.on_test else [_put_back(finding, rows) for finding in found]
        seconds[check.name] = time.perf_counter() - start
    tools.tell("checking", len(chosen), len(chosen))
    standards = {check.name: check.standard for check in chosen}
    return Report(len(subject), tuple(findings), tuple(seconds), skipped, seconds, standards)


def _why_not(check: Check, subject: Subject, tools: Tools, left: frozenset[str]) -> str:
    """Why a check cannot run here, or the empty text."""
    if check.name in left or check.standard in left:
        return "left out by the task"
    if subject.kind not in check.kinds:
        return f"is not for `{subject.kind}`"
    have: Mapping[str, object] = {
        "encoder": tools.encode,
        "tokenizer": tools.count_tokens,
        "names": tools.names,
        "traffic": tools.traffic,
        "split": subject.sides,
    }
    missing = [NEEDS[need] for need in check.needs if have[need] is None]
    return "; ".join(missing)


def _without_test(subject: Subject) -> tuple[Subject, Sequence[int]]:
    """The rows that may be learned from, and their places in the whole."""
    sides = subject.sides
    if sides is None or "test" not in sides:
        return subject, range(len(subject))
    rows = [row for row, side in enumerate(sides) if side != "test"]
    return subject.only(rows), rows


def _put_back(finding: Finding, rows: Sequence[int]) -> Finding:
    if isinstance(rows, range):
        return finding
    return replace(finding, flags=tuple(_moved(flag, rows) for flag in finding.flags))


def _moved(flag: Flag, rows: Sequence[int]) -> Flag:
    return replace(flag, row=rows[flag.row], others=tuple(rows[other] for other in flag.others))
