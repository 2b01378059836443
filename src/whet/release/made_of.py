"""What a release is made of: the specialist's files, its base models, its data and how it was evaluated.

Read from a run folder (``whet run``) or from the folder of a training (``whet tune``). Knows no registry and
no state. A base model that another machine finds by its name is not copied; its files are bound by digest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from whet.errors import InputError, Refused
from whet.rungs.base import CARD, reaches
from whet.runs import MANIFEST
from whet.store import file_digest, folder_digests, read_json, value_digest

RUNGS, VERDICT = "04-rungs", "06-verdict.json"
TRAINED = "card.json"
EVIDENCE = ("03-check.json", VERDICT, "08-*.json", "09-*.json", MANIFEST, "made-from.json")
"""Files of a run that go along with a release; rows and answers stay where they are."""
EVALUATION = ("03-check.json", "05-scores.jsonl", VERDICT, "08-*.json")
MEASURED = ("01-examples.jsonl", "03-check.json", "05-scores.jsonl", VERDICT)
"""Files whose digests a run's manifest has."""
OF_TRAINING = (TRAINED, "weights/*")
"""What ``whet tune`` leaves that answers need; its checkpoints stay behind."""


@dataclass(frozen=True, slots=True)
class Base:
    """A model that a specialist needs and does not hold itself."""

    name: str
    """A Hugging Face id, or ``MODEL at ADDRESS``."""
    sha256: str
    """Of its weights, as ``models.folder`` counts; of how it is asked, where it is a server's."""
    files: Mapping[str, str]
    """Digest of every file that is read of it; empty where it is a server's."""


@dataclass(frozen=True, slots=True)
class Digests:
    """What an approval binds, as far as a release itself has it."""

    specialist: str
    base: str
    data: str
    evaluation: str


@dataclass(frozen=True, slots=True)
class MadeOf:
    """Everything that a candidate is."""

    source: Path
    """The run folder, or that of the training."""
    specialist: Path
    task: str
    rung: str
    files: Mapping[str, str]
    bases: tuple[Base, ...]
    evidence: Mapping[str, str]
    """SHA-256 of every file that it was evaluated by."""
    digests: Digests
    reaches: str
    """What it would run or call outside this machine; empty: nothing."""

    def as_dict(self) -> dict[str, Any]:
        told: dict[str, Any] = {"files": dict(self.files), "bases": [asdict(base) for base in self.bases]}
        told["evidence"] = dict(self.evidence)
        return {**told, "digests": asdict(self.digests), "reaches": self.reaches}


def made_of(folder: Path, rung: str = "") -> MadeOf:
    """Look at what shall be released.

    Args:
        folder: a run folder, ``RUN/04-rungs/NAME``, or the folder of a training.
        rung: which specialist of a run; default: the one that the verdict names.

    Raises:
        InputError: no such folder or rung, not finished, or the verdict names none.
        Refused: it was changed after it was measured.
    """
    if folder.parent.name == RUNGS and (folder / CARD).is_file():
        folder, rung = folder.parent.parent, rung or folder.name
    if (folder / VERDICT).is_file():
        return _of_run(folder, rung)
    if (folder / TRAINED).is_file():
        return _of_training(folder)
    raise InputError(
        "is no finished run, and no training: there is no 06-verdict.json and no card.json.",
        where=folder,
        fix="name the folder that `whet run` or `whet tune` wrote, once it has ended.",
    )


def bases_of(card: Any, files: Mapping[str, str]) -> tuple[Base, ...]:
    """The models that a specialist's card names, each once; what lies in its own folder is none.

    Raises:
        InputError: one is not on this machine.
    """
    found = {base.name: base for base in _bases(card, files)}
    return tuple(found[name] for name in sorted(found))


def files_of_base(name: str) -> dict[str, Path]:
    """The files of a base model that are read, by name; errors as in ``models.finding.find_folder``."""
    from whet.models.finding import FILES, find_folder
    from whet.models.source import PACKAGES

    folder, _ = find_folder(name, PACKAGES)
    paths = sorted({path for pattern in FILES for path in folder.glob(pattern) if path.is_file()})
    return {path.relative_to(folder).as_posix(): path for path in paths if path.name != "README.md"}


def evidence_files(folder: Path, patterns: Sequence[str] = EVIDENCE) -> list[Path]:
    return sorted({path for pattern in patterns for path in folder.glob(pattern) if path.is_file()})


def _of_run(run: Path, rung: str) -> MadeOf:
    verdict = read_json(run / VERDICT)
    rung = rung or _named(verdict, run)
    folder = run / RUNGS / rung
    if not (folder / CARD).is_file():
        known = ", ".join(sorted(path.parent.name for path in (run / RUNGS).glob(f"*/{CARD}")))
        raise InputError(f"the run has no specialist {rung!r}.", where=run, fix=f"one of: {known}.")
    files = folder_digests(folder)
    _as_measured(run, rung, files)
    data = file_digest(run / "01-examples.jsonl")
    return _made_of(run, folder, str(verdict["task"]), rung, files, data)


def _of_training(folder: Path) -> MadeOf:
    card = read_json(folder / TRAINED)
    paths = evidence_files(folder, OF_TRAINING)
    files = {path.relative_to(folder).as_posix(): file_digest(path) for path in paths}
    made_from = folder / "made-from.json"
    data = str(read_json(made_from).get("examples", "")) if made_from.is_file() else ""
    return _made_of(folder, folder, str(card.get("task", folder.name)), "tune", files, data)


def _made_of(
    source: Path, specialist: Path, task: str, rung: str, files: Mapping[str, str], data: str
) -> MadeOf:
    card = read_json(specialist / (CARD if CARD in files else TRAINED))
    bases = bases_of(card, files)
    shown = [*evidence_files(source, EVALUATION), *([] if CARD in files else [source / TRAINED])]
    evaluation = {path.name: file_digest(path) for path in shown}
    digests = Digests(
        specialist=value_digest(dict(files)),
        base=value_digest([asdict(base) for base in bases]),
        data=data,
        evaluation=value_digest(evaluation),
    )
    return MadeOf(source, specialist, task, rung, files, bases, evaluation, digests, reaches(card))


def _named(verdict: Mapping[str, Any], run: Path) -> str:
    if winner := verdict.get("winner"):
        return str(winner)
    raise InputError(
        "the verdict names no winner: which specialist is meant?",
        where=run / VERDICT,
        fix="whet release RUN --rung NAME.",
    )


def _as_measured(run: Path, rung: str, files: Mapping[str, str]) -> None:
    """The manifest has the digests of what was measured and of what was found; anything else has no figures.

    Raises:
        Refused: a file was changed, added or removed since.
    """
    prefix = f"{RUNGS}/{rung}/"
    steps = read_json(run / MANIFEST).get("steps", {})
    named = {name: digest for step in steps.values() for name, digest in step.get("files", {}).items()}
    found = {path.name: file_digest(path) for path in evidence_files(run, MEASURED)}
    found |= {f"{prefix}{name}": digest for name, digest in files.items()}
    measured = {name: d for name, d in named.items() if name in MEASURED or name.startswith(prefix)}
    differs = sorted(name for name in {**measured, **found} if measured.get(name) != found.get(name))
    if differs:
        raise Refused(
            f"this is not what was measured: {', '.join(differs[:3])} changed since.",
            where=run,
            fix="run the task again: figures must be of what is released.",
        )


def _bases(card: Any, files: Mapping[str, str]) -> Iterator[Base]:
    """Walk a card: a mapping with a name and a digest of weights is a model, one with an address a server."""
    if isinstance(card, Mapping):
        if isinstance(card.get("endpoint"), Mapping):
            asked = card["endpoint"]
            yield Base(f"{asked.get('model')} at {asked.get('endpoint')}", value_digest(dict(asked)), {})
        name, sha256 = card.get("name") or card.get("decoder"), card.get("sha256")
        named = isinstance(name, str) and isinstance(sha256, str) and not card.get("copied")
        if named and sha256 not in files.values():
            yield _base(str(name), str(sha256))
    inside = card.values() if isinstance(card, Mapping) else card if isinstance(card, list) else ()
    for one in inside:
        yield from _bases(one, files)


def _base(name: str, sha256: str) -> Base:
    return Base(name, sha256, {inside: file_digest(path) for inside, path in files_of_base(name).items()})
