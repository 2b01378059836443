"""What tests of repairs share: small tables as subjects, reports, a search for personal data, and folders."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from whet.check.findings import Finding, Flag, Report, Severity, Standard
from whet.check.load import load_subject
from whet.check.places import Places, said, seen
from whet.check.subject import Span, Subject
from whet.cli.repair_files import Material, Writing, raw_rows, unread_lines
from whet.config import task_from
from whet.repair.card import About
from whet.repair.items import Choices
from whet.repair.redacting import Redacting
from whet.repair.review import as_csv
from whet.repair.whole import Repaired, repair
from whet.store import file_digest

Row = dict[str, Any]

TABLE = Places(("text",), ("label",))
PARCEL = "where is the parcel that I ordered last Monday at noon"
REFUND = "please pay the money for my last order back to me"


def subject_of(rows: Sequence[Mapping[str, Any]], kind: str = "classify", **more: Any) -> Subject:
    """Rows of ``text`` and ``label`` as examples; every other column is metadata."""
    names = dict.fromkeys(name for row in rows for name in row if name not in {"text", "label"})
    return Subject(
        kind=kind,
        inputs=[str(row["text"]) for row in rows],
        outputs=[said(row["label"], more.get("separator")) for row in rows],
        files=["t.csv"] * len(rows),
        lines=list(range(2, len(rows) + 2)),
        meta={name: [str(row.get(name, "")) for row in rows] for name in names},
        **more,
    )


def table(*pairs: tuple[str, str]) -> list[Row]:
    return [{"text": text, "label": label} for text, label in pairs]


def report_of(rows: Sequence[Any], *findings: Finding, ran: Mapping[str, Standard] | None = None) -> Report:
    checks = {finding.check: finding.standard for finding in findings} | dict(ran or {})
    return Report(len(rows), findings, tuple(checks), standards=checks)


def finding(check: str, standard: Standard, *flags: Flag, severity: Severity = "advice") -> Finding:
    return Finding(check, standard, severity, f"{len(flags)} rows", "it matters", "see it", flags)


def mend(rows: Sequence[Row], *findings: Finding, kind: str = "classify", **choices: Any) -> Repaired:
    """Repair a table; without findings, as if the search for contradictions had found none."""
    given = Choices(**{"places": TABLE, **choices})
    ran: dict[str, Standard] = {"consistent.contradictions": "consistent"}
    return repair(rows, subject_of(rows, kind), report_of(rows, *findings, ran=ran), given)


def told(done: Repaired) -> list[tuple[str, str, Any, Any, str]]:
    return [(c.row, c.column, c.before, c.after, c.rule) for c in done.log]


# Personal data.

EMAIL, PHONE, CARD_NUMBER, KEY = "ann.lee@mail.org", "+44 20 7946 0018", "4111111111111111", "sk-a1B2c3D4e5F6"
VALUES = (EMAIL, PHONE, CARD_NUMBER, KEY)
PATTERNS = {
    "EMAIL": re.compile(r"[\w.]+@[\w.]+\w"),
    "PHONE": re.compile(r"(?<=call )\+?\d[\d ]{7,}\d"),  # needs the word before it
    "CARD": re.compile(r"\b\d{16}\b"),
    "KEY": re.compile(r"\bsk-\w{8,}"),
}


def find_spans(given: Sequence[str]) -> list[list[Span]]:
    return [
        [(m.start(), m.end(), kind) for kind, pattern in PATTERNS.items() for m in pattern.finditer(text)]
        for text in given
    ]


def stand_ins() -> Callable[[str, str], str]:
    numbers: dict[tuple[str, str], int] = {}

    def stand_in(kind: str, value: str) -> str:
        return f"<{kind}_{numbers.setdefault((kind, value), len(numbers) + 1)}>"

    return stand_in


REDACTING = Redacting(find_spans, stand_ins)


# Decisions.

CONTRADICTION = finding(
    "consistent.contradictions", "consistent", Flag(0, "output", "", (1,)), Flag(1, "output", "", (0,))
)
OFF_TASK = finding("relevant.off-task", "relevant", Flag(2, "input", "far from the task", score=0.8))
ASKED = table(
    (PARCEL, "parcel"), (PARCEL + " please", "refund"), ("sing me a song", "refund"), (REFUND, "refund")
)


def decide(review: list[dict[str, str]], folder: Path, **decisions: str) -> Path:
    """The review with a decision a row (``t.csv:3`` as ``row3``), as a spreadsheet would save it."""
    rows = [{**row, "decision": decisions.get(f"row{row['row'].split(':')[1]}", "")} for row in review]
    path = folder / "review.csv"
    path.write_text(as_csv(rows), encoding="utf-8", newline="")
    return path


# Folders.


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(dict.fromkeys(name for row in rows for name in row)))
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(out.getvalue(), encoding="utf-8", newline="")


def holding(folder: Path, values: Iterable[str]) -> list[str]:
    """Files of a folder in which a value stands."""
    found = [p for p in sorted(folder.rglob("*")) if p.is_file()]
    return [p.name for p in found if any(value in p.read_text(encoding="utf-8") for value in values)]


def ticket_material(folder: Path, name: str = "t.csv") -> Material:
    source = folder / name
    write_csv(source, ASKED)
    report = report_of(ASKED, CONTRADICTION, OFF_TASK)
    return Material(source, ASKED, subject_of(ASKED), report, About("tickets"))


def contents(folder: Path) -> dict[str, str]:
    return {p.name: file_digest(p) for p in folder.iterdir() if p.is_file() and p.name != ".lock"}


def material_of(source: Path, **task: Any) -> Material:
    """A file as a task reads it, with no finding."""
    told = {"task": "t", "examples": source.name, **task}
    subject = load_subject(task_from(told), source.parent)
    rows = raw_rows(source, subject)
    unread = unread_lines(source, subject.broken)
    return Material(source, rows, subject, report_of(rows), About("t"), unread)


def placed(material: Material) -> Choices:
    return Choices(places=seen(material.rows, material.subject.inputs, material.subject.outputs))


CSV = Writing("repaired.csv", write_csv)
