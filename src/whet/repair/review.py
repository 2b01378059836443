"""What only a person can decide: the questions of a repair, as a file that goes out and comes back.

A question is one row with one finding. Its id has two parts: the digest of finding and place, and the
digest of what the row, and the rows it stands against, say. So an id that comes back tells a row that is
gone from one that has changed. With redaction, digests are made of masked texts and give no value away.
"""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from whet.check.places import Row, leaves, named
from whet.check.tidy import spelling_key, tidy
from whet.data.neardup import fold
from whet.repair.items import Context
from whet.repair.merging import near_texts
from whet.store import value_digest

if TYPE_CHECKING:
    from whet.check.findings import Finding, Flag
    from whet.check.subject import Subject
    from whet.repair.decisions import Answer
    from whet.repair.redacting import Redactor

COLUMNS = ("id", "finding", "row", "input", "output", "proposal", "why", "decision", "comment")
OURS = frozenset({"id", "finding", "row"})  # columns that hold nobody's text
NEAR = "repair.near-duplicates"
SPELLING = "consistent.spelling"
# Standards and checks whose findings a rule repairs, or that no decision about a single row answers.
NOBODY_ASKS = frozenset(
    {
        "privacy safe",
        "representative",
        "consistent.duplicates",
        "consistent.near-duplicates",
        "fair.outcome-gap",
    }
)
TIDIED_AWAY = frozenset({"formatted.control-characters", "formatted.encoding", "formatted.white-space"})
SHOWN = 5  # rows named that a row stands against
TWINS = 20  # rows that count in an id, of those that a row stands against
_FORMULA = re.compile(r"'*[=+\-@\t\r]")


@dataclass(frozen=True, slots=True)
class Question:
    """One row, and what a person is asked about it."""

    id: str
    finding: str
    row: int
    proposal: str
    why: str

    @property
    def place(self) -> str:
        """The part of the id that finding and place make."""
        return self.id.split("-")[0]


def questions(context: Context, rows: Sequence[Row]) -> list[Question]:
    """Every flagged row once a finding, in the order of the report.

    Args:
        context: subject, report and redactor.
        rows: the rows as they came.
    """
    asked: dict[str, list[Finding]] = defaultdict(list)
    for finding in context.report.findings:
        if finding.check not in NOBODY_ASKS and finding.standard not in NOBODY_ASKS:
            asked[finding.check].append(finding)
    found = [question for same in asked.values() for question in _of(same, context, rows)]
    return found if _contradictions_checked(context) else [*found, *_near(context, rows)]


def _mended(finding: Finding, flag: Flag, subject: Subject) -> bool:
    """Whether the rule ``normalise`` mends what was flagged."""
    if same_output(flag, subject) or (finding.check == SPELLING and subject.kind == "classify"):
        return True
    if finding.standard != "well formatted":
        return False
    text = (subject.outputs if flag.field == "output" else subject.inputs)[flag.row]
    if flag.field in {"input", "output"} and flag.proposal is not None:
        return tidy(text) == tidy(flag.proposal)
    return finding.check in TIDIED_AWAY and tidy(text) != text


def _contradictions_checked(context: Context) -> bool:
    return any(context.report.standards.get(name) == "consistent" for name in context.report.ran)


def same_output(flag: Flag, subject: Subject) -> bool:
    """Whether a proposed output is the one that stands there, in another writing."""
    if flag.field != "output" or flag.proposal is None:
        return False
    return spelling_key(flag.proposal, subject.kind) == spelling_key(subject.outputs[flag.row], subject.kind)


def _of(findings: Sequence[Finding], context: Context, rows: Sequence[Row]) -> list[Question]:
    """The questions of one check, which may have several findings."""
    flags: dict[int, list[Flag]] = defaultdict(list)
    for finding in findings:
        for flag in finding.flags:
            if not _mended(finding, flag, context.subject):
                flags[flag.row].append(flag)
    against = {row: {other for flag in given for other in flag.others} for row, given in flags.items()}
    if findings[0].standard == "consistent":  # either side of a contradiction may be the wrong one
        for row, others in list(against.items()):
            for other in others:
                against.setdefault(other, set()).add(row)
    return [
        _question(context, rows, findings[0].check, row, sorted(against[row]), flags.get(row, []))
        for row in against
    ]


def _question(
    context: Context, rows: Sequence[Row], finding: str, row: int, others: list[int], flags: list[Flag]
) -> Question:
    proposals = [flag.proposal for flag in flags if flag.proposal is not None]
    notes = [f"{flag.field}: {flag.note}" if flag.field else flag.note for flag in flags if flag.note]
    subject = context.subject
    against = [f"against {subject.source(o)}: {subject.outputs[o]!r}" for o in others[:SHOWN]]
    more = [f"and {len(others) - SHOWN:,} more"] if len(others) > SHOWN else []
    place = value_digest([finding, subject.source(row)])[:12]
    content = value_digest([_says(rows[r], context.redactor) for r in (row, *others[:TWINS])])[:8]
    why = "; ".join(dict.fromkeys([*notes, *against, *more]))
    return Question(f"r{place}-{content}", finding, row, (proposals or [""])[0], why)


def _says(row: Row, redactor: Redactor | None) -> list[tuple[str, str]]:
    """What a row says, without what identifies a person where that is to be redacted."""
    texts = [(named(path), str(leaf)) for path, leaf in leaves(row)]
    return texts if redactor is None else [(redactor.masked(n), redactor.masked(t)) for n, t in texts]


def _near(context: Context, rows: Sequence[Row]) -> list[Question]:
    """Near-identical inputs with different outputs, where no check has looked for them."""
    subject = context.subject
    folded = [fold(text) or text for text in subject.inputs]
    first: dict[str, dict[str, int]] = defaultdict(dict)
    """Folded input to output to the first row that has both."""
    for row, text in enumerate(folded):
        first[text].setdefault(subject.outputs[row], row)
    near = near_texts(folded)
    found = []
    for row, text in enumerate(folded):
        twins = (pair for twin in near[text] for pair in first[twin].items())
        others = sorted(islice((n for output, n in twins if output != subject.outputs[row]), TWINS))
        if others:
            found.append(_question(context, rows, NEAR, row, others, []))
    return found


def review_rows(
    asked: Iterable[Question], subject: Subject, answers: Iterable[Answer], redactor: Redactor | None
) -> list[dict[str, str]]:
    """The review file's rows; what is decided already stands in it again."""
    given = {answer.id: answer for answer in answers}
    rows = [_row(question, subject, given.get(question.id)) for question in asked]
    if redactor is None:
        return rows
    redactor.learn(text for row in rows for text in row.values())
    return [{n: t if n in OURS else redactor.text(t) for n, t in row.items()} for row in rows]


def _row(question: Question, subject: Subject, answer: Answer | None) -> dict[str, str]:
    edited = answer is not None and answer.verdict == "edit"
    return {
        "id": question.id,
        "finding": question.finding,
        "row": subject.source(question.row),
        "input": answer.input if answer and edited else subject.inputs[question.row],
        "output": answer.output if answer and edited else subject.outputs[question.row],
        "proposal": question.proposal,
        "why": question.why,
        "decision": answer.written if answer else "",
        "comment": answer.comment if answer else "",
    }


def as_csv(rows: Iterable[Mapping[str, Any]]) -> str:
    """CSV that a spreadsheet opens as UTF-8, and in which no cell is a formula."""
    out = io.StringIO(newline="")
    out.write("\ufeff")
    writer = csv.DictWriter(out, COLUMNS)
    writer.writeheader()
    writer.writerows({name: guarded(str(row[name])) for name in COLUMNS} for row in rows)
    return out.getvalue()


def guarded(cell: str) -> str:
    """A cell that a spreadsheet would run as a formula, behind an apostrophe."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def unguarded(cell: str) -> str:
    """The cell as it was before ``guarded``."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
