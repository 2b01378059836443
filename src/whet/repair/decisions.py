"""What a person decided, read from the review file and held against the rows as they are now.

Nothing is guessed: an id that is not known, a row that has changed since, a label that does not exist and
two decisions that contradict each other are errors with the line of the review file, the first twenty and
a count, and then nothing is repaired.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from whet.check.subject import labels_of
from whet.check.tidy import tidy
from whet.data.formats import Row as Line
from whet.data.formats import read_table, read_text
from whet.errors import InputError, many, nearest
from whet.repair.items import Context
from whet.repair.review import Question, unguarded

if TYPE_CHECKING:
    from whet.check.places import Row

Verdict = Literal["keep", "drop", "relabel", "edit"]
ALLOWED = "keep, drop, relabel:VALUE or edit"
CELL = 32_767  # characters: a spreadsheet cuts a longer cell


@dataclass(frozen=True, slots=True)
class Answer:
    """One decided line of a review file."""

    id: str
    verdict: Verdict
    label: str
    """What to relabel to."""
    input: str
    output: str
    comment: str
    where: str
    """``review.csv:12``"""

    @property
    def written(self) -> str:
        """The decision as the file has it."""
        return f"{self.verdict}:{self.label}" if self.verdict == "relabel" else self.verdict


@dataclass(frozen=True, slots=True)
class Decision:
    """What happens to a row because a person said so."""

    verdict: Verdict
    reason: str
    where: str
    input: str | None = None
    """The new input; None: as it is."""
    output: str | None = None


def read_answers(path: Path) -> tuple[Answer, ...]:
    """The decided lines of a review file (CSV, TSV or JSONL), in its order.

    Raises:
        InputError: no review file; an unknown decision; an id that is there twice.
    """
    if _nothing_asked(path):
        return ()
    table = read_table(path)
    for name in ("id", "decision"):
        if name not in table.columns:
            fix = f"give the review file that `whet repair` wrote. {nearest(name, table.columns)}"
            raise InputError(f"there is no column {name!r}.", where=path, fix=fix)
    answers, errors = list[Answer](), list[str]()
    seen: dict[str, int] = {}
    for row in table.rows:
        if not row.text("decision"):
            continue
        first = seen.setdefault(row.text("id"), row.line)
        problem = _problem(row) or (f"id: is already at line {first}" if first != row.line else "")
        if problem:
            errors.append(f"{table.where(row)}: {problem}.")
        else:
            answers.append(_answer(row, table.where(row)))
    if errors:
        raise many(errors, what=f"{len(errors):,} line(s) cannot be used:", where=path, fix="mend them.")
    return tuple(answers)


def _nothing_asked(path: Path) -> bool:
    """Whether the review holds no question: an empty file, or the head of a table alone."""
    if path.suffix.lower() not in {".csv", ".jsonl"}:
        return False
    text = read_text(path).strip()
    return not text or ("\n" not in text and text.startswith("id"))


def _problem(row: Line) -> str:
    verdict, colon, label = unguarded(row.text("decision")).partition(":")
    if verdict.strip() == "relabel" and colon and label.strip():
        return ""
    if verdict.strip() in {"keep", "drop", "edit"} and not colon:
        return ""
    return f"decision: {row.text('decision')!r}: must be {ALLOWED}"


def _answer(row: Line, where: str) -> Answer:
    verdict, _, label = unguarded(row.text("decision")).partition(":")
    said: Any = verdict.strip()

    def cell(name: str) -> str:
        value = row.values.get(name)
        return "" if value is None else unguarded(str(value))

    return Answer(row.text("id"), said, label.strip(), cell("input"), cell("output"), cell("comment"), where)


def settle(
    answers: Sequence[Answer], asked: Iterable[Question], rows: Sequence[Row], context: Context
) -> tuple[dict[int, Decision], dict[int, str]]:
    """(row to what happens to it, row that is kept to why).

    Raises:
        InputError: the first twenty lines that do not fit the rows, and a count.
    """
    by_id = {question.id: question for question in asked}
    places = {question.place: question for question in by_id.values()}
    decided: dict[int, Decision] = {}
    kept: dict[int, str] = {}
    errors = []
    for answer in answers:
        question = by_id.get(answer.id)
        try:
            if question is None:
                raise _Unfit(_unknown(answer, places.get(answer.id.split("-")[0])))
            reason = f"{question.finding}: {answer.comment or answer.written}"
            if answer.verdict == "keep":
                kept[question.row] = reason
            else:
                decision = _decision(answer, question, reason, rows[question.row], context)
                _agree(decided.setdefault(question.row, decision), decision)
        except _Unfit as unfit:
            errors.append(f"{answer.where}: {unfit}")
    if errors:
        fix = "mend these lines, or empty their decision; then run the same command again."
        raise many(errors, what=f"{len(errors):,} decision(s) do not fit:", where="--decisions", fix=fix)
    return decided, {row: why for row, why in kept.items() if row not in decided}


class _Unfit(Exception):
    """A decision that does not fit the rows; its text says why."""


def _unknown(answer: Answer, question: Question | None) -> str:
    if question is None:
        return (
            f"id: {answer.id!r}: no finding has it: the row has moved or is no longer flagged, or the review "
            "is of another file."
        )
    return (
        "the row, or one that it stands against, has changed since the review was written (or only one of "
        "the two runs had --redact): decide again in a new review."
    )


def _decision(answer: Answer, question: Question, reason: str, row: Row, context: Context) -> Decision:
    if answer.verdict == "drop":
        return Decision("drop", reason, answer.where)
    places, subject = context.choices.places, context.subject
    if places.of_output(row, subject.outputs[question.row]) is None:
        raise _Unfit("decision: this row's output stands in no single place: mend the source file instead.")
    if answer.verdict == "relabel":
        return Decision("relabel", reason, answer.where, output=_known_label(answer.label, context))
    new_input, new_output = _edited(answer, question, context)
    if new_input is not None and places.of_input(row, subject.inputs[question.row]) is None:
        raise _Unfit("input: it stands in no single place: mend the source file instead.")
    return Decision("edit", reason, answer.where, new_input, new_output)


def _known_label(label: str, context: Context) -> str:
    """A label that the task or another row has: a slip of the pen would be a label of its own."""
    subject = context.subject
    if subject.kind != "classify":
        raise _Unfit("decision: relabel is for labels; write the new output into its cell and say edit.")
    known = set(subject.labels or ()) or {n for names in subject.label_sets() for n in names}
    for name in labels_of(label, subject.separator):
        if name not in known:
            raise _Unfit(f"decision: {name!r} is no label. {nearest(name, sorted(known))}")
    return label


def _edited(answer: Answer, question: Question, context: Context) -> tuple[str | None, str | None]:
    """(new input, new output), None where the cell says what was shown."""
    if max(len(answer.input), len(answer.output)) >= CELL:
        raise _Unfit(f"a cell of {CELL:,} characters was cut by the spreadsheet: use review.jsonl.")
    subject, redactor = context.subject, context.redactor
    cells = []
    for cell, source in ((answer.input, subject.inputs), (answer.output, subject.outputs)):
        shown = source[question.row] if redactor is None else redactor.text(source[question.row])
        cells.append(None if tidy(cell) == tidy(shown) else cell)
    if cells == [None, None]:
        raise _Unfit("decision: edit, but input and output are as they were: write the new text into them.")
    return cells[0], cells[1]


def _agree(first: Decision, other: Decision) -> None:
    """Two findings may ask about one row; what is decided must be the same."""
    same = (first.verdict == "drop") == (other.verdict == "drop")
    if not same or (first.output, first.input) != (other.output, other.input):
        raise _Unfit(f"decision: {first.where} decides otherwise about the same row.")
