"""``whet repair``: the whole way from a file to the folder that holds its repair.

    task -> subject -> checks -> repair -> repaired rows -> checks again -> card

Nothing is written in place: the source is read only, and OUT is a folder of its own, written whole or not
at all. Only the file of examples is repaired; files of their own for test and dev stay as they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from whet.check.load import load_subject
from whet.check.places import Places, seen
from whet.checkup import encoder_of, examine, names_of
from whet.cli.options import AsJson, Debug, GroupColumn, InputColumns, OutputColumn, TimeColumn, print_json
from whet.cli.progress import progress
from whet.cli.repair_files import (
    CARD,
    REVIEW,
    STAGE,
    Material,
    Writing,
    container,
    files_of,
    fresh,
    publish,
    raw_rows,
    secret_of,
    unread_lines,
    usable,
    way,
)
from whet.cli.repair_options import Options, choices_from
from whet.data.load import place_of
from whet.repair.card import About, Repair, Source, card
from whet.repair.card_page import page
from whet.repair.changes import changes_page
from whet.repair.redacting import Redacting
from whet.repair.review import as_csv
from whet.repair.whole import Repaired, repair
from whet.start import task_of
from whet.store import exclusive, file_digest, make_folder, write_json, write_jsonl, write_text
from whet.taskfile import Hints

if TYPE_CHECKING:
    from collections.abc import Callable

    from whet.check.findings import Report
    from whet.check.subject import Subject
    from whet.config import Task
    from whet.models.encoder import TextEncoder
    from whet.repair.items import Choices
    from whet.rungs.base import Tell


def command(
    what: Annotated[Path, typer.Argument(help="A file of examples, or a task file.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder to write; default: whet-runs/NAME-repair.")
    ] = None,
    rules: Annotated[str | None, typer.Option(help="Only these rules, with commas.")] = None,
    accept: Annotated[
        list[str] | None, typer.Option(help="label-errors[:SCORE], or FILE:LINE: take the proposed label.")
    ] = None,
    redact: Annotated[bool, typer.Option("--redact", help="Replace personal data by stand-ins.")] = False,
    balance: Annotated[bool, typer.Option("--balance", help="Add weights that even out labels.")] = False,
    decisions: Annotated[Path | None, typer.Option(help="A review file, filled in.")] = None,
    inputs: InputColumns = None,
    output: OutputColumn = None,
    time: TimeColumn = None,
    group: GroupColumn = None,
    model: Annotated[bool, typer.Option(help="Use the task's encoder.")] = True,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Write a repaired copy, a log of every change, a review file and a data card; never in place."""
    folder = out or Path("whet-runs") / f"{what.stem}-repair"
    hints = Hints(tuple(inputs or ()), output, time, group)
    options = Options(
        rules, tuple(accept or ()), redact=redact, balance=balance, decisions=decisions, model=model
    )
    with progress() as shown:
        told = repair_anything(what, folder, hints, options, tell=shown.tell, say=shown.say)
    if as_json:
        print_json(told)
        return
    for line in spoken(told):
        typer.echo(line)


def repair_anything(
    what: Path, out: Path, hints: Hints, options: Options, *, tell: Tell, say: Callable[[str], None]
) -> dict[str, Any]:
    """Repair a task's examples, or a data file with the task that it suggests; what was done.

    Raises:
        InputError: nothing can be read; options or decisions that do not fit; OUT holds other things.
        Refused: personal data would have been left.
    """
    task, folder = task_of(what, hints, say)
    task = _without_files(task)
    source, encoder = place_of(folder, task.examples), _encoder(task, folder) if options.model else None

    def checked(path: Path) -> tuple[Subject, Report]:
        subject = load_subject(task.model_copy(update={"examples": str(path)}), folder)
        return subject, examine(task, folder, subject, encoder=encoder, tell=tell)

    subject, report = checked(source)
    about = About(task.task, origin=task.check.origin, licence=task.check.licence)
    unread = unread_lines(source, subject.broken)
    rows = raw_rows(source, subject)
    material = Material(source, rows, subject, report, about, unread, tuple(task.check.accept))
    choices = choices_from(options, _places(task, material), _redacting(task, source, encoder))
    return repair_into(material, choices, out, Writing(container(source), recheck=checked))


def _without_files(task: Task) -> Task:
    """The task with its test and dev as shares, so that its file of examples stands alone."""
    shares = {n: 0.1 for n in ("test", "dev") if isinstance(getattr(task.split, n), str)}
    return task.model_copy(update={"split": task.split.model_copy(update=shares)})


def _encoder(task: Task, folder: Path) -> TextEncoder:
    """The task's encoder, with a memory: most texts are the same when they are checked again."""
    from whet.models.cache import CachedEncoder
    from whet.models.encoder import Encoder

    return CachedEncoder(Encoder(encoder_of(task, folder)))


def _places(task: Task, material: Material) -> Places:
    """The task's columns where every row has them; else where the rows say what the examples say."""
    fields, separator = task.fields, material.subject.separator
    if all(fields.output in row for row in material.rows):
        single = isinstance(fields.input, str) and all(fields.input in row for row in material.rows)
        return Places((str(fields.input),) if single else None, (fields.output,), separator)
    return seen(material.rows, material.subject.inputs, material.subject.outputs, separator)


def _redacting(task: Task, source: Path, encoder: TextEncoder | None) -> Redacting:
    """Patterns, and the tagger of names where the encoder is the one it stands on."""
    from whet.check.pii.patterns import find_personal
    from whet.check.pii.pseudonyms import Pseudonyms

    names = names_of(encoder.source) if encoder else None
    dates = frozenset({task.split.time} if task.split.time else ())
    secret = secret_of(source)
    return Redacting(
        lambda texts: find_personal(texts, names), lambda: Pseudonyms(secret).stand_in, keep=dates
    )


def repair_into(material: Material, choices: Choices, out: Path, writing: Writing) -> dict[str, Any]:
    """Repair and write the folder; what was done, as plain JSON.

    Raises:
        InputError: OUT holds other things, or decisions that were not given; decisions that do not fit.
        Refused: personal data would have been left.
        WorldError: the disk; OUT is as it was.
    """
    usable(out, material, choices)
    done = repair(material.rows, material.subject, material.report, choices, unread=material.unread)
    make_folder(out)
    with exclusive(out):
        stage = fresh(out / STAGE)
        writing.write(stage / writing.name, done.rows)
        made = _card(material, choices, done, writing, stage / writing.name)
        write_json(stage / CARD, {**made, "repair_of": way(out, material.source)})
        write_text(stage / "data-card.md", page(made))
        write_jsonl(stage / "changes.jsonl", (asdict(change) for change in done.log))
        write_text(stage / "changes.md", changes_page(done, material.source.name, len(material.rows)))
        write_text(stage / REVIEW, as_csv(done.review))
        write_jsonl(stage / "review.jsonl", done.review)
        write_jsonl(stage / "rejects.jsonl", done.rejects)
        publish(stage, out)
    return summary(done, material, out, writing.name)


def _card(
    material: Material, choices: Choices, done: Repaired, writing: Writing, written: Path
) -> dict[str, Any]:
    """The card of the rows that were written, checked again where that is possible."""
    again = writing.recheck(written) if writing.recheck else None
    subject, report = again or (done.subject, material.report)
    return card(
        subject,
        report,
        material.about,
        [_source(path) for path in files_of(material.source)],
        Repair(done.log, done.open, len(choices.decisions)),
        file=_source(written),
        accepted=material.accepted,
        checked="the repaired rows" if again else "the rows before the repair",
        clean=done.clean,
    )


def _source(path: Path) -> Source:
    return Source(path.name, path.stat().st_size, file_digest(path))


def summary(done: Repaired, material: Material, out: Path, name: str) -> dict[str, Any]:
    """What ``--json`` prints."""
    return {
        "folder": str(out),
        "file": str(out / name),
        "rows_before": len(material.rows),
        "rows_after": len(done.rows),
        "unreadable": len(done.rejects),
        "changes": dict(Counter(change.rule for change in done.log)),
        "open_questions": done.open,
        "review": str(out / REVIEW),
    }


def spoken(told: Mapping[str, Any]) -> list[str]:
    """The same as lines for a person."""
    changes = [f"  {rule}: {count:,}" for rule, count in told["changes"].items()] or ["  nothing"]
    before, after, unreadable = told["rows_before"], told["rows_after"], told["unreadable"]
    asked = f"{told['open_questions']:,} question(s) are yours to decide: {told['review']}"
    return [
        f"{before:,} rows read, {after:,} written, {unreadable:,} unreadable",
        "changes by rule:",
        *changes,
        *([asked] if told["open_questions"] else []),
        f"wrote {told['file']}; every change stands in {Path(told['folder']) / 'changes.md'}",
    ]
