"""``whet repair`` from end to end: read, check, repair, write, check again.

The rules live in ``whet.check``; here they meet the file, the models and the stand-ins for personal data.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet.check.card import About
from whet.check.items import Choices
from whet.check.load import load_subject, subject_of_rows
from whet.check.places import seen
from whet.check.redacting import Redacting
from whet.checkup import examine, names_of
from whet.cli.repair import choices_from, repair_into
from whet.cli.repair_files import Material, Writing, container, raw_rows, secret_of, unread_lines
from whet.config import Split
from whet.data.load import place_of
from whet.models.encoder import Encoder
from whet.pipeline import find_model
from whet.start import Hints, task_of

if TYPE_CHECKING:
    from whet.check.findings import Report
    from whet.check.subject import Span, Subject
    from whet.config import Task
    from whet.models.encoder import TextEncoder
    from whet.rungs.base import Tell

    FindSpans = Callable[[Sequence[str]], list[list[Span]]]


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user asks of a repair."""

    rules: str | None = None
    """Names of rules, with commas; None: those that are certain."""
    accept: Sequence[str] = ()
    redact: bool = False
    balance: bool = False
    decisions: Path | None = None
    model: bool = True
    """Whether the task's encoder may be used."""


def repair_anything(
    path: Path, out: Path, hints: Hints, wish: Wish, *, tell: Tell, say: Callable[[str], None]
) -> dict[str, Any]:
    """Repair a task's examples, or a data file with the task that it suggests, into the folder ``out``.

    Raises:
        InputError: what cannot be read or used; nothing was written.
        Refused: personal data would have been left.
        WorldError: the disk; ``out`` is as it was.
    """
    task, folder = task_of(path, hints, say)
    task = _one_file(task)
    encoder = Encoder(find_model(task.models[0], folder)) if wish.model else None
    subject, source = load_subject(task, folder), place_of(folder, task.examples)

    def check(checked: Subject) -> tuple[Subject, Report]:
        return checked, examine(task, folder, checked, encoder=encoder, tell=tell)

    rows = raw_rows(source, subject)
    material = Material(
        source=source,
        rows=rows,
        subject=subject,
        report=check(subject)[1],
        about=About(task.task, task.success, task.check.origin, licence=task.check.licence),
        unread=unread_lines(source, subject.broken),
        accepted=tuple(task.check.accept),
    )
    choices = choices_from(
        Choices(places=seen(rows, subject.inputs, subject.outputs, subject.separator)),
        rules=wish.rules,
        accept=wish.accept,
        balance=wish.balance,
        decisions=wish.decisions,
        redacting=_redacting(task, source, encoder) if wish.redact else None,
    )
    recheck = partial(subject_of_rows, task, source)
    writing = Writing(container(source), recheck=lambda repaired: check(recheck(repaired)))
    return repair_into(material, choices, out, writing)


def _one_file(task: Task) -> Task:
    """The task on its examples alone: files of their own for test or dev are repaired by themselves."""
    kept = task.split.model_dump(include={"group_by", "time"})
    return task.model_copy(update={"split": Split(**kept)})


def _redacting(task: Task, source: Path, encoder: TextEncoder | None) -> Redacting:
    """Patterns, and names where the encoder is at hand; the same file gives the same stand-ins."""
    from whet.check.pii.pseudonyms import Pseudonyms

    names = names_of(encoder.source) if encoder else None
    secret = secret_of(source)
    keep = frozenset(name for name in (task.split.time,) if name)
    return Redacting(partial(_spans, names), lambda: Pseudonyms(secret).stand_in, keep)


def _spans(names: FindSpans | None, texts: Sequence[str]) -> list[list[Span]]:
    from whet.check.pii.patterns import find_each
    from whet.check.pii.spans import GROUP_OF, QUIET, apart

    named: list[list[Span]] = names(texts) if names else [[] for _ in texts]
    return [
        apart(span for span in (*one, *two) if GROUP_OF[span[2]] not in QUIET)
        for one, two in zip(find_each(texts), named, strict=True)
    ]
