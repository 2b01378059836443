"""Where a run or a check starts: a task file, or a data file whose task is guessed and shown.

Between the command line (and ``whet.run``) and the pipeline. Knows no rungs.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import yaml

from whet.checkup import Checked, check_task, encoder_of
from whet.config import Task, load_task, task_from
from whet.data.formats import Broken, Table, read_rows, read_table
from whet.data.guess import Guess, guess_any, guess_task, label_beside
from whet.data.load import load_examples
from whet.data.shapes import guessable
from whet.errors import InputError
from whet.models.encoder import Encoder
from whet.pipeline import Outcome, run_task
from whet.records import Example
from whet.rungs.base import Tell, silent
from whet.runs import command_line, now
from whet.store import write_text
from whet.taskfile import Hints, task_text

TASK_ENDINGS = {".yaml", ".yml"}
SHOWN_TEXT = 90  # characters of an example's text
SAMPLE = 5000  # rows that a guess rests on


@dataclass(frozen=True)
class Draft:
    """A guessed task, its file's text, and three of its examples."""

    task: Task
    text: str
    examples: tuple[Example, ...]
    said: tuple[str, ...]


def run_anything(
    path: Path,
    out: Path,
    hints: Hints | None = None,
    *,
    tell: Tell = silent,
    say: Callable[[str], None] = lambda line: None,
    fresh: bool = False,
) -> Outcome:
    """Run a task file, or a data file with the task that it suggests.

    Args:
        fresh: ask served models anew, even what is kept from before.

    Raises:
        InputError, WorldError: as ``whet.pipeline.run_task``.
    """
    if path.suffix.lower() in TASK_ENDINGS:
        _no_hints(path, hints)
        return run_task(path, out, tell=tell, fresh=fresh)
    known = out / "task.yaml"
    if known.is_file() and (hints is None or hints == Hints()) and _same_file(known, path):
        say(f"going on with the task file {known}")
        return run_task(known, out, tell=tell, fresh=fresh)
    found = draft(path, out, hints or Hints())
    for line in found.said:
        say(line)

    def write(folder: Path) -> None:
        write_text(folder / "task.yaml", found.text)
        say(f"wrote the task file {folder / 'task.yaml'}: correct it there and run it again")

    return run_task(found.task, out, folder=out, tell=tell, before_writing=write, fresh=fresh)


def check_anything(
    path: Path,
    out: Path,
    hints: Hints,
    *,
    model: bool = True,
    tell: Tell = silent,
    say: Callable[[str], None] = lambda line: None,
) -> Checked:
    """Check a task's examples, or a data file of any kind with the task that it suggests.

    Args:
        model: whether to use an encoder, for the checks that need one.

    Raises:
        InputError: nothing can be read; nothing was written.
    """
    task, folder = task_of(path, hints, say)
    encoder = Encoder(encoder_of(task, folder)) if model else None
    if task.check.traffic and not model:
        say("the traffic file is not used: without a model nothing says which requests are like the examples")
    return check_task(task, folder, out, encoder=encoder, tell=tell, command=command_line(), date=now())


def _no_hints(path: Path, hints: Hints | None) -> None:
    if hints is not None and hints != Hints():
        raise InputError(
            "--input, --output, --time, --group, --test and --traffic are for data files; this is a task "
            "file.",
            where=path,
            fix="set `fields`, `split` and `check` in it.",
        )


def task_of(path: Path, hints: Hints, say: Callable[[str], None]) -> tuple[Task, Path]:
    """The task of a task file, or the one that a data file suggests; and where its paths start."""
    if path.suffix.lower() in TASK_ENDINGS:
        _no_hints(path, hints)
        return load_task(path), path.parent
    return guessed_task(path, hints, say), Path()


def guessed_task(path: Path, hints: Hints, say: Callable[[str], None]) -> Task:
    """The task that a data file suggests, of any kind."""
    table = guessable(sample_table(path), named_in(hints))
    guess = guess_any(table, inputs=hints.inputs, output=hints.output, time=hints.time)
    fields: dict[str, object] = {"input": guess.input_field, "output": guess.output}
    if guess.id:
        fields["id"] = guess.id
    split = {"group_by": hints.group, "time": guess.time, "test": hints.test and str(hints.test)}
    value: dict[str, object] = {
        "task": path.stem,
        "kind": guess.kind,
        "examples": str(path),
        "fields": fields,
        "multi_label": guess.multi_label,
        "label_separator": guess.separator,
        "rare_labels": "drop" if guess.rare else "refuse",
        "split": {key: given for key, given in split.items() if given},
    }
    if hints.traffic:
        value["check"] = {"traffic": str(hints.traffic)}
    for line in guess_said(path, guess, table):
        say(line)
    return task_from(value, where="the guessed task")


def sample_table(path: Path) -> Table:
    """The first good rows of a file, enough for a guess."""
    notes: list[str] = []
    broken: list[Broken] = []
    rows = tuple(islice(read_rows(path, broken=broken, notes=notes), SAMPLE))
    if not rows:
        raise InputError("no row can be read.", where=path, fix=f"the first fault is {broken[0]}")
    return Table(path, tuple(dict.fromkeys(key for row in rows for key in row.values)), rows, tuple(notes))


def named_in(hints: Hints) -> list[str]:
    """The columns that the user named."""
    return [name for name in (*hints.inputs, hints.output, hints.time, hints.group) if name]


def guess_said(path: Path, guess: Guess, table: Table) -> list[str]:
    """What was guessed, one example, and which labels could be checked instead of the answers."""
    several = " (several labels)" if guess.multi_label else ""
    inputs = " + ".join(guess.inputs)
    lines = [f"{path.name}: {guess.kind}, input = {inputs}, output = {guess.output}{several}", *table.notes]
    filled = [row for row in table.rows if row.text(guess.inputs[0]) and row.text(guess.output)]
    if not filled:
        lines.append("  no row has an answer: what is asked is checked alone")
    for row in filled[:1]:
        text = " | ".join(" ".join(row.text(name).split()) for name in guess.inputs)
        answer = " ".join(row.text(guess.output).split())
        lines.append(f"  {cut(text)}  ->  {cut(answer)}")
    if guess.kind != "classify" and (label := label_beside(table, {*guess.inputs, guess.output})):
        lines.append(f"  to check the labels in {label!r} instead: --output {shlex.quote(label)}")
    return lines


def cut(text: str) -> str:
    return text if len(text) <= SHOWN_TEXT else f"{text[: SHOWN_TEXT - 1]}…"


def _same_file(task_file: Path, data: Path) -> bool:
    examples = task_file.parent / load_task(task_file).examples
    return examples.resolve() == data.resolve()


def draft(path: Path, out: Path, hints: Hints) -> Draft:
    """Guess the task of a data file, for a task file in the folder ``out``."""
    table = guessable(read_table(path), named_in(hints))
    guess = _guessed(table, hints)
    if guess.kind == "classify":
        _need_a_choice(path, guess)
    text = task_text(path, out, table, guess, hints)
    task = task_from(yaml.safe_load(text), where="the guessed task")
    loaded = load_examples(task, out)
    return Draft(task, text, loaded.examples[:3], tuple(_said(path, guess, loaded.examples[:3])))


def _guessed(table: Table, hints: Hints) -> Guess:
    """Labels where a column has them, else JSON or replies; the column that the user names, as it is."""
    given: dict[str, Any] = {"inputs": hints.inputs, "output": hints.output, "time": hints.time}
    if hints.output is not None:
        return guess_any(table, **given)
    try:
        return guess_task(table, **given)
    except InputError as error:
        try:
            return guess_any(table, **given)
        except InputError:
            raise error from None


def _need_a_choice(path: Path, guess: Guess) -> None:
    if len(guess.labels) < 2:
        raise InputError(
            f"{guess.output}: there is one label only: {', '.join(guess.labels) or '(none)'!r}.",
            where=path,
            fix="a choice needs examples of at least two labels; is it another column? --output COLUMN.",
        )


def _said(path: Path, guess: Guess, examples: Sequence[Example]) -> list[str]:
    kinds = {"extract": "JSON to extract", "write": "replies to write"}
    lines = [
        f"{path.name}: input = {' + '.join(guess.inputs)}, output = {guess.output}"
        f"{' (several labels)' if guess.multi_label else ''}, "
        f"{kinds.get(guess.kind, f'{len(guess.labels)} labels')}"
        f"{f', split by {guess.time}' if guess.time else ''}"
    ]
    for example in examples:
        output = example.output if isinstance(example.output, str) else ", ".join(example.output)
        lines.append(f"  {cut(' '.join(example.input.split()))}  ->  {cut(output)}")
    if guess.rare:
        lines.append(f"  labels with one example are set aside: {', '.join(guess.rare)}")
    return lines
