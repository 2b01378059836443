"""Repair: rows, their subject and a report go in; new rows, a log and open questions come out.

A pure function: it reads no file, writes none and changes none of what it is given. ``repair/rules.py`` has
the rules and their order. Repairing twice gives the same, and a repaired file needs no repair. What only a
person can decide is asked in a review, never guessed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from whet.check.places import Row
from whet.errors import InputError, Refused
from whet.repair.decisions import settle
from whet.repair.items import Change, Choices, Context, Item
from whet.repair.redacting import Redactor
from whet.repair.review import OURS, Question, questions, review_rows
from whet.repair.rules import active

if TYPE_CHECKING:
    from whet.check.findings import Report
    from whet.check.subject import Broken, Subject

AT_ONCE = 200  # questions of one finding: more than that nobody decides in one go
NOT_SHOWN = "(not shown: personal data)"


@dataclass(frozen=True, slots=True)
class Repaired:
    """What a repair makes. With redaction, no text of it holds personal data that was found."""

    rows: list[Row]
    """What is to be written, every column of the source kept."""
    log: list[Change]
    review: list[dict[str, str]]
    """Open questions, at most ``AT_ONCE`` a finding, and those that were answered with their answers."""
    waiting: int
    """Open questions that are asked when these are answered."""
    rejects: list[dict[str, Any]]
    """Records that could not be read."""
    subject: Subject
    """The repaired rows as a subject; ``files`` and ``lines`` are those of the source."""
    clean: Callable[[str], str] = str
    """Takes personal data that was found out of any other text."""

    @property
    def open(self) -> int:
        """How many questions a person has not answered."""
        return self.waiting + sum(1 for row in self.review if not row["decision"])


def repair(
    rows: Sequence[Row],
    subject: Subject,
    report: Report,
    choices: Choices,
    *,
    unread: Mapping[str, str] | None = None,
) -> Repaired:
    """Apply the rules that were asked for, in their order.

    Args:
        rows: records as they came from the file, one for each row of ``subject``, in its order.
        subject: the same rows as examples.
        report: what the checks found in ``subject``.
        choices: rules, accepted proposals, decisions, redaction.
        unread: ``file:line`` of a broken record to its whole text, where it is at hand.

    Raises:
        InputError: decisions that do not fit; balance without labels; proposals that are not there.
        Refused: personal data would have been left.
    """
    _fits(rows, subject, choices)
    _known(report, subject, choices)
    rejects = [_reject(found, unread or {}) for found in subject.broken]
    context = _context(rows, subject, report, choices, rejects)
    asked = questions(context, rows)
    decided, kept = settle(choices.decisions, asked, rows, context)
    context = replace(context, decided=decided, kept=kept)
    items, log = _applied(rows, context)
    asked, waiting = _still_asked(asked, items, log, context)
    repaired = Repaired(
        rows=[item.values for item in items],
        log=log,
        review=review_rows(asked, subject, choices.decisions, context.redactor),
        waiting=waiting,
        rejects=_redacted(rejects, context.redactor),
        subject=_subject(items, subject),
        clean=context.redactor.text if context.redactor else str,
    )
    _nothing_left(repaired, context.redactor)
    return repaired


def _applied(rows: Sequence[Row], context: Context) -> tuple[list[Item], list[Change]]:
    """The rows after every rule, and all changes; with redaction, without personal data."""
    subject = context.subject
    items = [Item(n, row, subject.inputs[n], subject.outputs[n]) for n, row in enumerate(rows)]
    log: list[Change] = []
    for rule in active(context.choices):
        items, changes = rule.apply(items, context)
        log = _without_values(log, context.redactor) if rule.name == "redact" else log
        log.extend(changes)
    return items, log


def _fits(rows: Sequence[Row], subject: Subject, choices: Choices) -> None:
    if len(rows) != len(subject):
        raise ValueError(f"{len(rows)} rows for {len(subject)} examples")
    if "balance" in choices.rules and subject.kind != "classify":
        raise InputError(
            f"balance needs labels; the task is `{subject.kind}`.", where="--balance", fix="leave it out."
        )


def _known(report: Report, subject: Subject, choices: Choices) -> None:
    """What was accepted must be there: a check that did not run proposes nothing."""
    ran = {name.split(".")[-1] for name in report.ran}
    for fault in choices.accept:
        if fault not in ran:
            reasons = [why for name, why in report.skipped.items() if name.endswith(f".{fault}")]
            why = (reasons or ["it did not run"])[0]
            raise InputError(f"{fault!r} proposes nothing: {why}.", where="--accept", fix="run its check.")
    proposed = {subject.source(f.row) for found in report.findings for f in found.flags if f.proposal}
    for row in sorted(choices.accept_rows - proposed):
        fix = "name a row that the check proposes another label for."
        raise InputError(f"there is no proposal for {row}.", where="--accept", fix=fix)


def _reject(found: Broken, unread: Mapping[str, str]) -> dict[str, Any]:
    text = unread.get(found.source, found.value)
    about = {"row": found.source, "field": found.field, "value": found.value}
    return {**about, "rule": found.rule, "fix": found.fix, "text": text}


def _redacted(records: list[dict[str, Any]], redactor: Redactor | None) -> list[dict[str, Any]]:
    if redactor is None:
        return records
    return [{n: t if n in OURS else redactor.value(t) for n, t in record.items()} for record in records]


def _context(
    rows: Sequence[Row], subject: Subject, report: Report, choices: Choices, rejects: Sequence[Any]
) -> Context:
    """With redaction, every text is learned here, the rows first."""
    if choices.redacting is None:
        return Context(subject, report, choices)
    redactor = Redactor(choices.redacting)
    redactor.learn(rows)
    redactor.learn(subject.inputs)
    redactor.learn(rejects)
    redactor.learn(text for a in choices.decisions for text in (a.label, a.input, a.output, a.comment))
    return Context(subject, report, choices, redactor=redactor)


def _without_values(log: Sequence[Change], redactor: Redactor | None) -> list[Change]:
    """Records of rules before redaction, without personal data.

    What stood there before is left out where either text holds some: an invisible character inside an
    address hides it from every pattern, and not from a reader.
    """
    if redactor is None:
        return list(log)
    redactor.learn(text for change in log for text in (change.before, change.after, change.why))
    return [_clean(change, redactor) for change in log]


def _clean(change: Change, redactor: Redactor) -> Change:
    personal = any(redactor.spans(str(text)) for text in (change.before, change.after) if text is not None)
    return replace(
        change,
        column=redactor.text(change.column),
        before=NOT_SHOWN if personal else change.before,
        after=redactor.value(change.after),
        why=redactor.text(change.why),
    )


def _still_asked(
    asked: Sequence[Question], items: Sequence[Item], log: Sequence[Change], context: Context
) -> tuple[list[Question], int]:
    """(Answered questions, and open ones about rows that stand and were not relabelled; how many more)."""
    answered = {answer.id for answer in context.choices.decisions}
    standing = {item.row for item in items}
    relabelled = {change.row for change in log if change.rule == "relabel"}
    counts: Counter[str] = Counter()
    shown = []
    for question in asked:
        row = question.row
        is_open = row in standing and context.subject.source(row) not in relabelled
        if question.id in answered:
            shown.append(question)
        elif is_open:
            counts[question.finding] += 1
            shown += [question] if counts[question.finding] <= AT_ONCE else []
    return shown, sum(max(count - AT_ONCE, 0) for count in counts.values())


def _subject(items: Sequence[Item], subject: Subject) -> Subject:
    """The subject of the rows as they are now; conversations stay with the rows, not with it."""
    picked = subject.only([item.row for item in items])
    meta = {
        name: [str(item.values.get(name, old)) for item, old in zip(items, column, strict=True)]
        for name, column in picked.meta.items()
    }
    inputs, outputs = [item.input for item in items], [item.output for item in items]
    return replace(picked, inputs=inputs, outputs=outputs, meta=meta, turns=None, tools=None)


def _nothing_left(repaired: Repaired, redactor: Redactor | None) -> None:
    """The promise of redaction, held before anything can be written."""
    if redactor is None:
        return
    files = [{n: t for n, t in row.items() if n not in OURS} for row in (*repaired.review, *repaired.rejects)]
    log = [(change.before, change.after) for change in repaired.log]
    left = sum(redactor.left_in(part) for part in (*repaired.rows, *files, *log))
    if left:
        raise Refused(
            f"{left:,} text(s) would still hold personal data after redaction; nothing was written.",
            fix="please report this: the same value must be found wherever it stands.",
        )
