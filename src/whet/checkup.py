"""The check of the data, from a task to findings and a page: alone (``whet check``) or before a climb.

    examples -> subject -> checks -> 03-check.json -> page

The checks live in ``whet.check``, one module a standard; here they meet the models and the files. In a
run the check comes after the split and looks at what will be used: rows that the split left out are gone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet.check.load import load_inputs_of, load_subject
from whet.check.result import as_json
from whet.check.run import run_checks
from whet.config import DEFAULT_ENCODER
from whet.errors import Refused, WhetError
from whet.halves import whole
from whet.models.cache import CachedEncoder
from whet.models.opening import named
from whet.models.source import find_encoder
from whet.report.checkpage import render_check, sentence
from whet.runs import now
from whet.store import make_folder, read_json, value_digest, write_json, write_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from whet.check.findings import Report
    from whet.check.subject import Span, Subject, Tools
    from whet.config import Task
    from whet.data.split import Splits
    from whet.models.decoder import DecoderSource
    from whet.models.encoder import TextEncoder
    from whet.models.source import EncoderSource
    from whet.rungs.base import Setting
    from whet.runs import Run

    FindSpans = Callable[[Sequence[str]], list[list[Span]]]

Tell = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Checked:
    """What was checked, what was found, and where it stands on disk."""

    subject: Subject
    report: Report
    found: dict[str, Any]
    """``03-check.json``"""
    folder: Path | None
    seconds: float

    @property
    def passes(self) -> bool:
        return bool(self.found["passes"])

    @property
    def sentence(self) -> str:
        return sentence(self.found)


def check_task(
    task: Task,
    folder: Path,
    out: Path | None,
    *,
    encoder: TextEncoder | None,
    tell: Tell,
    command: str = "",
    date: str = "",
) -> Checked:
    """Check a task's files as they are; the split files it names are checked against each other.

    Args:
        folder: where the task's relative paths start.
        out: folder for ``03-check.json`` and ``check.html``; None writes nothing.
        encoder: for the checks that need one; None skips them.

    Raises:
        InputError: nothing can be read.
    """
    start = time.perf_counter()
    subject = load_subject(task, folder)
    report = examine(task, folder, subject, encoder=encoder, tell=tell)
    found = result(task, subject, report)
    if out is not None:
        make_folder(out)
        write_json(out / "03-check.json", found)
        page = render_check(found, name=task.task, command=command, date=date)
        write_text(out / "check.html", page)
    return Checked(subject, report, found, out, time.perf_counter() - start)


def encoder_of(task: Task, folder: Path) -> EncoderSource:
    """The encoder that checks a task: its own first one, or, where its models write, the default."""
    own = named(task, folder).encoders
    return own[0] if own else find_encoder(DEFAULT_ENCODER)


def examine(task: Task, folder: Path, subject: Subject, *, encoder: TextEncoder | None, tell: Tell) -> Report:
    """Run every check that the task and the tools allow."""
    tools = _tools(task, folder, encoder, tell)
    return run_checks(subject, tools, skip=task.check.skip)


def check_run(run: Run, task: Task, splits: Splits, setting: Setting, command: str) -> dict[str, Any]:
    """The check as a step of a run: 03-check.json and its page, over the rows that the split kept.

    Raises:
        Refused: a finding blocks and the task does not accept it.
    """
    names = ["03-check.json", "03-check.html"]
    keys = {"kind", "labels", "instruction", "json_schema", "check", "split", "fields", "seed"}
    made = {
        "examples": run.digest("01-examples.jsonl"),
        "task": value_digest(task.model_dump(mode="json", include=keys)),
        "encoder": setting.encoders[0].source.sha256 if setting.encoders else "",
    }
    if not run.fresh("check", made):
        start = time.perf_counter()
        subject = of_splits(load_subject(task, setting.folder), splits)
        encoder = setting.encoders[0] if setting.encoders else None
        report = examine(task, setting.folder, subject, encoder=encoder, tell=setting.tell)
        found = result(task, subject, report)
        write_json(run.path(names[0]), found)
        write_text(run.path(names[1]), render_check(found, name=task.task, command=command, date=now()))
        run.record("check", made, names, time.perf_counter() - start)
    found = dict(read_json(run.path(names[0])))
    refuse_blocked(found, run.path(names[1]))
    return found


def of_splits(subject: Subject, splits: Splits) -> Subject:
    """The rows that a split kept, each with its side."""
    sides = {example.source: side for side in ("train", "dev", "test") for example in getattr(splits, side)}
    rows = [row for row in range(len(subject)) if subject.source(row) in sides]
    return replace(subject.only(rows), sides=[sides[subject.source(row)] for row in rows])


def result(task: Task, subject: Subject, report: Report) -> dict[str, Any]:
    """``03-check.json``, with the blocking findings that the task accepts marked so."""
    return as_json(report, subject, mask=mask, accepted=task.check.accept)


def refuse_blocked(found: dict[str, Any], page: Path) -> None:
    """Stop a run on data that block.

    Raises:
        Refused: a finding blocks and the task does not accept it.
    """
    blocking = [f for f in found["findings"] if f["severity"] == "blocks" and not f["accepted"]]
    if not blocking:
        return
    names = ", ".join(finding["check"] for finding in blocking)
    lines = "".join(f"\n  {finding['check']}: {finding['what']}" for finding in blocking)
    raise Refused(
        f"the data do not pass the check:{lines}",
        where=page,
        fix=f"mend the rows (`whet repair`), or go on with them: set check: {{accept: [{names}]}}.",
    )


def _tools(task: Task, folder: Path, encoder: TextEncoder | None, tell: Tell) -> Tools:

    traffic = load_inputs_of(task, folder / task.check.traffic) if task.check.traffic else None
    plain = replace(_lengths(task, folder, encoder), traffic=traffic, tell=tell, seed=task.seed)
    if encoder is None:
        return plain
    cached = CachedEncoder(encoder)

    def encode(texts: Sequence[str]) -> NDArray[np.float32]:
        return cached.encode(texts, precise=False).vectors

    return replace(plain, encode=encode, names=names_of(encoder.source))


def _decoders(task: Task, folder: Path, *, needed: bool) -> Sequence[DecoderSource]:
    """The task's models that write; a check without a model goes on without those that are not here."""
    if "models" not in task.model_fields_set:
        return ()
    try:
        return named(task, folder).decoders
    except WhetError:
        if needed:
            raise
        return ()


def _lengths(task: Task, folder: Path, encoder: TextEncoder | None) -> Tools:
    """How texts are counted in the tokens of the model that will read them, where one is known."""
    from whet.check.subject import Tools
    from whet.models.decoder import load_tokenizer
    from whet.models.encoder import Encoder
    from whet.models.folder import UNSET_LENGTH

    decoders = _decoders(task, folder, needed=encoder is not None)
    if not decoders:
        if encoder is None or task.kind != "classify":
            return Tools()
        reader = Encoder(encoder.source)
        return Tools(
            count_tokens=lambda texts: reader.tokenize(texts).tokens().tolist(),
            context=encoder.source.context,
        )
    source = decoders[0]
    tokenizer = load_tokenizer(source)
    return Tools(
        count_tokens=lambda texts: [len(ids) for ids in tokenizer(list(map(whole, texts)))["input_ids"]],
        context=None if source.context >= UNSET_LENGTH else source.context,
    )


def names_of(source: EncoderSource) -> FindSpans | None:
    """The tagger of names that comes with whet; None where the encoder is not the one it stands on."""
    from whet.check.pii.names import ADAPTER, CARD, names_finder

    card = ADAPTER / CARD
    same = card.is_file() and read_json(card)["base"]["sha256"] == source.sha256
    return names_finder(source) if same else None


def mask(text: str) -> str:
    """A text with what looks like personal data or a secret masked."""
    from whet.check.pii.patterns import find
    from whet.check.pii.spans import GROUP_OF, QUIET, masked

    for start, end, kind in reversed(find(text)):
        if GROUP_OF[kind] not in QUIET:
            text = text[:start] + masked(kind, text[start:end]) + text[end:]
    return text
