"""A report as plain JSON: what ``03-check.json`` holds, the page draws and ``--json`` prints.

Texts of rows are shown short and with what looks like personal data masked, so that a report can be sent
on. Knows no checks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Literal

from whet.check.findings import STANDARDS, Finding, Flag, Report, Standard

if TYPE_CHECKING:
    from whet.check.subject import Subject

SHOWN = 240  # characters of a row's text
Status = Literal["met", "advice", "accepted", "blocks", "not checked"]
Mask = Callable[[str], str]
"""Text to the same with personal data masked."""


def as_json(report: Report, subject: Subject, *, mask: Mask, accepted: Iterable[str] = ()) -> dict[str, Any]:
    """Everything a reader may want to know, standards first."""
    taken = sorted(set(accepted) & {f.check for f in report.findings})
    return {
        "rows": report.rows,
        "broken": len(subject.broken),
        "kind": subject.kind,
        "passes": not report.blocking(accepted),
        "accepted": taken,
        "standards": [_standard(report, name, taken) for name in STANDARDS],
        "findings": [_finding(f, subject, mask, f.check in taken) for f in report.findings],
        "skipped": dict(report.skipped),
        "seconds": {name: round(seconds, 3) for name, seconds in report.seconds.items()},
    }


def _standard(report: Report, name: Standard, accepted: list[str]) -> dict[str, Any]:
    found = report.of(name)
    rows = {flag.row for finding in found for flag in finding.flags}
    return {
        "name": name,
        "status": status(report, name, accepted),
        "findings": len(found),
        "rows": len(rows),
        "ran": [check for check in report.ran if _standard_of(report, check) == name],
        "skipped": [check for check in _wanting(report) if _standard_of(report, check) == name],
    }


def status(report: Report, name: Standard, accepted: Iterable[str] = ()) -> Status:
    """Where a standard stands; blocking findings that the task accepts are said to be accepted."""
    found = report.of(name)
    if any(f.standard == name for f in report.blocking(accepted)):
        return "blocks"
    if any(f.severity == "blocks" for f in found):
        return "accepted"
    if found:
        return "advice"
    ran = any(_standard_of(report, check) == name for check in report.ran)
    return "met" if ran else "not checked"


def _wanting(report: Report) -> list[str]:
    """Checks that would have run, had something been at hand."""
    return [check for check, why in report.skipped.items() if why.startswith("needs")]


def _standard_of(report: Report, check: str) -> str:
    return report.standards.get(check, "")


def _finding(finding: Finding, subject: Subject, mask: Mask, accepted: bool) -> dict[str, Any]:
    figures = finding.figures.items()
    return {
        "check": finding.check,
        "standard": finding.standard,
        "severity": finding.severity,
        "accepted": accepted,
        "what": finding.what,
        "why": finding.why,
        "repair": finding.repair,
        "figures": {key: mask(value) if isinstance(value, str) else value for key, value in figures},
        "rows": [_flag(flag, subject, mask) for flag in finding.flags],
    }


def _flag(flag: Flag, subject: Subject, mask: Mask) -> dict[str, Any]:
    row: dict[str, Any] = {
        "source": subject.source(flag.row),
        "field": flag.field,
        "note": flag.note,
        "input": short(mask(subject.inputs[flag.row])),
        "output": short(mask(subject.outputs[flag.row])),
    }
    if flag.others:
        row["others"] = [subject.source(other) for other in flag.others]
        row["other_input"] = short(mask(subject.inputs[flag.others[0]]))
        row["other_output"] = short(mask(subject.outputs[flag.others[0]]))
    if flag.score is not None:
        row["score"] = round(float(flag.score), 4)
    if flag.proposal is not None:
        row["proposal"] = short(mask(flag.proposal))
    return row


def short(text: str) -> str:
    """One line of at most ``SHOWN`` characters."""
    line = " ".join(text[: 4 * SHOWN].split())
    return line if len(line) <= SHOWN else line[: SHOWN - 1] + "…"
