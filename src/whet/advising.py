"""What ``whet advise`` asks with: from a task, a data file or a finished run to what is known of the job.

    task -> examples, split -> check -> verdict of a run -> its wrong answers on dev, sorted -> counsel

Nothing is written. A run is used where it is of this very task; where it is not, that is said. The questions
and the weighing live in ``whet.advise``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median_low
from typing import TYPE_CHECKING, Any

from whet.advise.counsel import Counsel, counsel
from whet.advise.known import Known
from whet.advise.lacking import Sorted, sort_wrong
from whet.checkup import check_task, encoder_of
from whet.config import Task, task_from
from whet.config_advice import Advice
from whet.config_parts import Cost, TuneOptions
from whet.data.load import load_examples
from whet.data.outputs import answers_of, names_of
from whet.data.split import split_examples
from whet.errors import InputError
from whet.evaluate.evidence import Sizes
from whet.ladder import as_output
from whet.measure import metric_of
from whet.models.encoder import Encoder
from whet.models.opening import elsewhere, named, open_writers
from whet.records import Example
from whet.retrieve.documents import read_documents
from whet.retrieve.passages import passages_of as cut
from whet.rungs.asked import Asked
from whet.rungs.base import Tell, load_specialist, silent
from whet.runs import MANIFEST, command_line
from whet.start import task_of
from whet.store import read_json, read_jsonl
from whet.taskfile import Hints

if TYPE_CHECKING:
    from whet.advise.lacking import Ask, Gains

RUNS = Path("whet-runs")
MOST_WRONG = 50
"""Wrong answers that are looked at; each may be asked again with its passage."""
BESIDE = {"advice", "monthly_volume", "success"}
"""Keys of a task that change nothing a run has measured."""
ASKED = {"volume": "monthly_volume", **{name: f"advice.{name}" for name in Advice.model_fields}}
"""What ``--say`` may name, and the task's key that it stands for."""


@dataclass(frozen=True)
class Advised:
    """What is known, and what follows."""

    known: Known
    found: Counsel
    run: Path | None
    """The run that was used."""
    notes: tuple[str, ...] = ()


def advise_anything(
    what: Path,
    *,
    run: Path | None = None,
    said: Mapping[str, str] | None = None,
    hints: Hints | None = None,
    model: bool = True,
    outside: bool = False,
    tell: Tell = silent,
    say: Callable[[str], None] = lambda line: None,
) -> Advised:
    """Ask the ten questions of a task file, a data file or a run.

    Args:
        what: a task file, a file of examples, or a run folder.
        run: the run of this task; by default the one that ``whet run`` makes.
        said: what people say, by the names in ``ASKED``.
        hints: about a data file.
        model: whether to check with an encoder, where no run has checked.
        outside: whether a run folder may ask the servers and run the scorers that it names; a task file may.

    Raises:
        InputError: nothing can be read; a run that is none; an answer that is none.
    """
    task, folder, place, notes = _place(what, run, hints or Hints(), say)
    task = with_answers(task, said or {})
    trusted = outside or not what.is_dir()
    if place and not trusted and _reaches(task):
        notes = (
            *notes,
            "its answers on dev were not asked for: the run reaches outside; see --allow-outside",
        )
    known = _of_run(task, folder, place, trusted) if place else _of_task(task, folder, model, tell)
    return Advised(known, counsel(known), place, notes)


def again(advised: Advised, said: Mapping[str, str]) -> Advised:
    """The same with more answers; nothing is measured anew."""
    known = replace(advised.known, task=with_answers(advised.known.task, said))
    return replace(advised, known=known, found=counsel(known))


def with_answers(task: Task, said: Mapping[str, str]) -> Task:
    """The task with what people say.

    Raises:
        InputError: not one of the things that are asked, or not an answer to it.
    """
    if unknown := [name for name in said if name not in ASKED]:
        fix = f"known: {', '.join(ASKED)}."
        raise InputError(f"nothing is asked by the name {unknown[0]!r}.", where="--say", fix=fix)
    given = {name: value for name, value in said.items() if name != "volume"}
    value: dict[str, Any] = {"task": "t", "examples": "e", "fields": {"input": "i", "output": "o"}}
    value["advice"] = {**task.advice.model_dump(), **given}
    if "volume" in said:
        value["monthly_volume"] = said["volume"].replace(",", "").replace("_", "")
    checked = task_from(value, where="--say")
    volume = checked.monthly_volume if "volume" in said else task.monthly_volume
    return task.model_copy(update={"advice": checked.advice, "monthly_volume": volume})


def _place(
    what: Path, run: Path | None, hints: Hints, say: Callable[[str], None]
) -> tuple[Task, Path, Path | None, tuple[str, ...]]:
    """The task, where its paths start, and the run to use."""
    if what.is_dir():
        task, folder = task_of_run(what)
        return task, folder, what, ()
    task, folder = task_of(what, hints, say)
    place = run or RUNS / what.stem
    if not (place / "06-verdict.json").is_file():
        if run is not None:
            raise InputError(
                "is not a finished run.", where=run, fix="name the folder that `whet run` wrote."
            )
        return task, folder, None, ()
    if _same(task, read_json(place / MANIFEST)["task"]):
        return task, folder, place, ()
    note = f"the run in {place} is of another version of this task and is not used; next: whet run {what}"
    return task, folder, None, (note,)


def _same(task: Task, other: Mapping[str, Any]) -> bool:
    own = task.model_dump(mode="json", exclude=BESIDE)
    tune = {**TuneOptions().model_dump(mode="json"), **other["tune"]}  # a manifest has what was said of it
    return own == {key: value for key, value in {**other, "tune": tune}.items() if key not in BESIDE}


def task_of_run(run: Path) -> tuple[Task, Path]:
    """The task that a run was made of.

    Raises:
        InputError: not a finished run.
    """
    if not (run / "06-verdict.json").is_file() or not (run / MANIFEST).is_file():
        raise InputError("is not a finished run.", where=run, fix="name the folder that `whet run` wrote.")
    manifest = read_json(run / MANIFEST)
    value = dict(manifest["task"])
    if value.get("labels"):
        value["labels"] = {label["name"]: label["description"] for label in value["labels"]}
    return task_from(value, where=str(run / MANIFEST)), run / manifest.get("folder", ".")


def _reaches(task: Task) -> bool:
    """Whether asking and judging may call a server or run code: a run folder may come from anybody."""
    return bool(task.endpoints) or not isinstance(task.metric, str | Cost)


def _of_run(task: Task, folder: Path, run: Path, trusted: bool) -> Known:
    """From a run's own artifacts."""
    sides: dict[str, list[Example]] = {"train": [], "dev": [], "test": []}
    for row in read_jsonl(run / "01-examples.jsonl"):
        side = row.pop("side")
        sides[side].append(Example(**{**row, "output": as_output(row["output"])}))
    known = _counted(task, sides["train"], sides["dev"], len(sides["test"]))
    verdict = read_json(run / "06-verdict.json")
    known = replace(known, check=read_json(run / "03-check.json"), verdict=verdict)
    asked = run if trusted or not _reaches(task) else None
    return replace(known, lacking=_lacking(known, folder, asked, sides["train"], sides["dev"], trusted))


def _of_task(task: Task, folder: Path, model: bool, tell: Tell) -> Known:
    """From the task's files: its split, and the check made now."""
    try:
        splits = split_examples(task, load_examples(task, folder), folder)
    except InputError as error:
        if not (folder / task.examples).is_file():
            raise
        return Known(task, Sizes(0, 0, 0), refused=f"{error.what} {error.fix}".strip())
    encoder = Encoder(encoder_of(task, folder)) if model else None
    check = check_task(task, folder, None, encoder=encoder, tell=tell).found
    known = replace(_counted(task, splits.train, splits.dev, len(splits.test)), check=check)
    return replace(known, lacking=_lacking(known, folder, None, splits.train, splits.dev))


def _counted(task: Task, train: Sequence[Example], dev: Sequence[Example], test: int) -> Known:
    labels = Counter(name for example in train for name in names_of(example.output))
    fewest = median_low(labels.values()) if task.kind == "classify" and labels else 0
    repeats = task.kind == "classify" or bool(answers_of(train, dev))
    return Known(task, Sizes(len(train), len(dev), test), fewest, repeats)


def _lacking(
    known: Known,
    folder: Path,
    run: Path | None,
    train: Sequence[Example],
    dev: Sequence[Example],
    outside: bool = False,
) -> Sorted | None:
    """Wrong answers on dev, sorted; without a run, dev's outputs. A label lacks no fact."""
    task, name = known.task, known.best_prompting
    if task.kind == "classify":
        return None
    passages = passages_of(task, folder)
    if run is None or name is None:
        return sort_wrong("", [(example, None) for example in dev], train, passages) if passages else None
    specialist = load_specialist(run / "04-rungs" / name, outside=outside)
    if isinstance(specialist, Asked):
        specialist = _with_account(specialist, task, folder, run)
    outputs = [prediction.output for prediction in specialist.predict([e.input for e in dev])]
    gains = _gains(task, folder, run)
    scores = gains(dev, outputs)
    wrong = [(e, o) for e, o, gain in zip(dev, outputs, scores, strict=True) if gain < 1.0 - 1e-9]
    ask = _ask(specialist) if isinstance(specialist, Asked) else None
    return sort_wrong(name, wrong[:MOST_WRONG], train, passages, ask=ask, gains=gains)


def _with_account(asked: Asked, task: Task, folder: Path, run: Path) -> Asked:
    """The same, asking a server by the run's own account: within its budget, and nothing twice."""
    if not elsewhere(asked.writer):
        return asked
    writers = open_writers(named(task, folder), run / "cache", again=command_line())
    return replace(asked, writer=next(w for w in writers if w.name == asked.writer.name))


def _gains(task: Task, folder: Path, run: Path) -> Gains:
    """How good answers are by the task's metric; a right one has 1."""
    metric = metric_of(task, folder, run / "cache", _encoders(task, folder), command_line())

    def gains(examples: Sequence[Example], outputs: Sequence[Any]) -> Sequence[float]:
        if not examples:
            return []
        found = metric.per_example([e.output for e in examples], outputs, [e.input for e in examples])
        return [float(gain) for gain in found]

    return gains


def _encoders(task: Task, folder: Path) -> list[Encoder]:
    return [Encoder(source) for source in named(task, folder).encoders]


def _ask(asked: Asked) -> Ask:
    """Asks again, with a passage before each input."""

    def ask(inputs: Sequence[str], passages: Sequence[str]) -> list[Any]:
        near = asked.neighbours.find(inputs) if asked.neighbours else [()] * len(inputs)
        given = zip(inputs, near, passages, strict=True)
        requests = [asked.frame.request(text, shots, [passage]) for text, shots, passage in given]
        return [asked.read(answer.text) for answer in asked.writer.answer(requests)]

    return ask


def passages_of(task: Task, folder: Path) -> list[str]:
    """The texts that the task's answers may rest on; none where it names no documents."""
    if task.knowledge is None:
        return []
    return [passage.shown for passage in cut(read_documents(task.knowledge, folder))]
