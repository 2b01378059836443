"""Train again: why, on what, and what has to be shown before anybody may use it.

    reasons -> proposal, once an event -> merged examples -> the whole ladder again -> gate against the live
    release
            -> candidate, before the approver

Reviewed examples join the training set; three in ten of them are held out instead and join the old test set,
so that the live release and the new specialist are compared (``compare.py``) on rows that neither has learned
from. The ladder may find that a simpler rung is enough by now. Nothing goes into production by itself unless
the task says ``monitor.promote: gate``, the store's policy approves by itself (``approval.automatic``), and
the new one is surely no worse.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import update

from whet.data.neardup import near_groups
from whet.database import writing
from whet.errors import InputError, Refused
from whet.monitor.compare import FAIR, NEW, PICKED, Compared, compare
from whet.monitor.reasons import new_examples, run_rows
from whet.monitor.reviewed import Reviewed
from whet.monitor.tables import PROPOSALS
from whet.pipeline import run_task
from whet.records import Label
from whet.release import audit
from whet.release.registry import Registry
from whet.rungs.base import silent
from whet.store import make_folder, read_jsonl, write_jsonl

if TYPE_CHECKING:
    from whet.config import Task
    from whet.monitor.subject import Subject
    from whet.release.releases import Release
    from whet.rungs.base import Tell

HELD_OUT = 0.3  # of the reviewed examples: they test
EXAMPLES, TEST = "examples.jsonl", "test.jsonl"
Gate = Callable[[Path, str], bool]
"""(run, rung) -> whether it passed; leaves its result in the run as ``09-gate*.json``."""


@dataclass(frozen=True)
class Retrained:
    """What a retraining came to."""

    run: Path
    rung: str
    was: str
    """The live release's rung."""
    compared: Compared
    """The new specialist beside the live release, on rows that neither has learned from."""
    passed: bool
    said: str
    candidate: Release | None
    merged: dict[str, int]
    """Rows by where they came from and went."""


def without(run: Path, rung: str) -> bool:
    """The gate that is left to the approval, which asks for a passed one anyway."""
    return True


def retrain(
    subject: Subject,
    out: Path,
    *,
    by: str,
    gate: Gate = without,
    tell: Tell = silent,
    margin: float | None = None,
) -> Retrained:
    """Train on merged data, and put a candidate forward if it may take the live release's place.

    Args:
        out: a new run folder.
        by: who starts it, and so may not approve it.
        gate: what a specialist must show by itself, before it is put forward.
        margin: how much worse than the live release it may be; default: the task's margin.

    Raises:
        InputError: nobody is named, the folder is the release's own, the run's examples are gone, there is
            nothing new to learn.
    """
    if not by.strip():
        raise InputError("nobody is named who starts it.", fix="--by NAME.")
    if out.resolve() == subject.run.resolve():
        raise InputError(
            "is the run of the release itself.", where=out, fix="choose another folder with --out."
        )
    task, counts = merged(subject, make_folder(out.parent / f"{out.name}-data"))
    outcome = run_task(task, out, folder=out.parent / f"{out.name}-data", tell=tell)
    rung = str(outcome.verdict["winner"] or outcome.verdict["provisional"] or outcome.verdict["best"])
    compared = beside_live(subject, out, rung, subject.task.margin_value if margin is None else margin)
    passed = compared.promotes and gate(out, rung)
    said = compared.sentence if passed or not compared.promotes else "The gate was not passed: see whet gate."
    candidate = _put_forward(subject, out, rung, by, compared.surely) if passed else None
    _note(subject, out, candidate, said)
    return Retrained(out, rung, subject.release.rung, compared, passed, said, candidate, counts)


def merged(subject: Subject, folder: Path) -> tuple[Task, dict[str, int]]:
    """The task on merged data, written to a folder: the run's own rows, each on its side, and reviewed ones.

    Raises:
        InputError: the run's examples are gone; nothing was reviewed since.
    """
    old, new = run_rows(subject), new_examples(subject)
    if not old:
        raise InputError(
            "the examples of its run are gone.", where=subject.run, fix="whet run the task anew."
        )
    if not new:
        raise InputError(
            "nothing was reviewed since the release.", where=subject.release.id, fix="review first."
        )
    newer = {row.input for row in new}
    kept = [row for row in old if row["input"] not in newer]  # what was reviewed later holds
    train = [_row(row["id"], row["input"], row["output"]) for row in kept if row["side"] != "test"]
    test = [_row(row["id"], row["input"], row["output"]) for row in kept if row["side"] == "test"]
    held = held_out(new, train, test)
    for one in new:
        side = test if one.request in held else train
        side.append(_row(one.source, one.input, one.output))
    write_jsonl(folder / EXAMPLES, train)
    write_jsonl(folder / TEST, test)
    counts = {"before": len(kept), "replaced": len(old) - len(kept), "reviewed": len(new)}
    return _task(subject, new), counts | {"train": len(train), "test": len(test)}


def held_out(
    new: Sequence[Reviewed], train: Sequence[dict[str, Any]], test: Sequence[dict[str, Any]]
) -> frozenset[str]:
    """Requests of reviewed rows that test: three in ten of each output, near-copies together.

    A row that is like one of the old sets goes where that is, for whatever is like a test row does not train.
    One group of an output always stays to be learned from; digests decide, so that it is the same again.
    """
    texts = [*(row["input"] for row in train), *(row["input"] for row in test), *(row.input for row in new)]
    groups = near_groups(texts)
    learned, tested = set(groups[: len(train)]), set(groups[len(train) : len(train) + len(test)])
    members = defaultdict[int, list["Reviewed"]](list)
    for row, group in zip(new, groups[len(train) + len(test) :], strict=True):
        members[group].append(row)
    held = {row.request for group, rows in members.items() if group in tested for row in rows}
    free = {group: rows for group, rows in members.items() if group not in tested | learned}
    by_output = defaultdict[str, list[list["Reviewed"]]](list)
    for rows in free.values():
        by_output[str(rows[0].output)].append(sorted(rows, key=lambda row: digest(row.request)))
    for alike in by_output.values():
        wanted = round(HELD_OUT * sum(map(len, alike)))
        for rows in sorted(alike, key=lambda rows: digest(rows[0].request))[:-1]:
            if len(rows) <= wanted:
                held |= {row.request for row in rows}
                wanted -= len(rows)
    return frozenset(held)


def digest(request: str) -> str:
    return hashlib.sha256(f"held out\0{request}".encode()).hexdigest()


def _row(one: str, text: str, output: Any) -> dict[str, Any]:
    return {"id": one, "input": text, "output": output}


def _task(subject: Subject, new: Sequence[Reviewed]) -> Task:
    """The task, of the merged files; labels that reviewers brought in join its list."""
    task = subject.task
    fields = task.fields.model_copy(update={"input": "input", "output": "output", "id": "id"})
    split = task.split.model_copy(update={"test": TEST, "dev": 0.1, "group_by": None, "time": None})
    changes: dict[str, Any] = {"examples": EXAMPLES, "fields": fields, "split": split, "rare_labels": "drop"}
    if task.labels is not None:
        known = {label.name for label in task.labels}
        more = sorted({str(row.output) for row in new} - known)
        changes["labels"] = [*task.labels, *(Label(name) for name in more)]
    if task.knowledge is not None:
        documents = [str(subject.folder / name) for name in task.knowledge.documents]
        changes["knowledge"] = task.knowledge.model_copy(update={"documents": documents})
    rungs = task.rungs if task.rungs == "auto" else [name for name in task.rungs if name != "existing"]
    return task.model_copy(update={**changes, "existing": None, "rungs": rungs})


def beside_live(subject: Subject, run: Path, rung: str, margin: float) -> Compared:
    """Both on the same held-out rows, right or wrong, row by row; however often that is looked at."""
    rows = read_jsonl(run / "05-scores.jsonl")[1:]
    _, live = Registry(subject.home).load(subject.release.id)
    answers = live.predict([row["input"] for row in rows])
    old = np.array([float(_plain(a.output) == row["truth"]) for a, row in zip(answers, rows, strict=True)])
    new = np.array([float(row["rungs"][rung]["output"] == row["truth"]) for row in rows])
    parts = _parts(subject, rows)
    return compare(new, old, parts, [str(row["truth"]) for row in rows], margin=margin)


def _parts(subject: Subject, rows: Sequence[dict[str, Any]]) -> list[str]:
    """What each held-out row may tell."""
    learned = {str(row["output"]) for row in run_rows(subject)}
    given = {row.source: row for row in new_examples(subject)}

    def part(row: dict[str, Any]) -> str:
        if subject.task.kind == "classify" and str(row["truth"]) not in learned:
            return NEW
        one = given.get(row["id"])
        return FAIR if one is None or one.weight is not None else PICKED

    return [part(row) for row in rows]


def _plain(output: Any) -> Any:
    return list(output) if isinstance(output, tuple) else output


def _put_forward(subject: Subject, run: Path, rung: str, by: str, surely: bool) -> Release:
    """A candidate; where it is surely no worse, and task and policy both say so, it goes live by itself."""
    registry = Registry(subject.home)
    candidate = registry.add(run, rung, trained_by=by, name=subject.release.name)
    if surely and subject.task.monitor.promote == "gate":
        try:
            registry.approve_by_policy(candidate.id)
            return registry.go_live(candidate.id, by="the policy", instead_of=subject.release.id)
        except Refused:  # it waits for a person: the policy wants one, or it was held to another than is live
            return registry.find(candidate.id)
    return candidate


def _note(subject: Subject, run: Path, candidate: Release | None, said: str) -> None:
    state = "candidate" if candidate else "refused"
    values = {"state": state, "run": str(run), "candidate": candidate.id if candidate else None, "said": said}
    with writing(subject.traffic.engine) as connection:
        mine = (PROPOSALS.c.release == subject.release.id) & (PROPOSALS.c.state == "proposed")
        connection.execute(update(PROPOSALS).where(mine).values(values))
    about = {"release": subject.release.id, "candidate": values["candidate"], "said": said}
    audit.append(subject.home, "retraining.ended", "whet retrain", about)


def as_dict(done: Retrained) -> dict[str, Any]:
    """For ``--json``."""
    return {
        **{
            "run": str(done.run),
            "rung": done.rung,
            "was": done.was,
            "passed": done.passed,
            "said": done.said,
        },
        "candidate": done.candidate.id if done.candidate else None,
        "compared": {
            **asdict(done.compared),
            "surely": done.compared.surely,
            "sentence": done.compared.sentence,
        },
        "merged": done.merged,
    }
