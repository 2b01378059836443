"""existing: what the team has today, measured like everything else.

A command (JSONL ``{"id", "input"}`` on stdin, ``{"id", "output"}`` on stdout), an HTTP endpoint (POST
``{"inputs": [...]}`` answered by ``{"outputs": [...]}``) or a file of predictions. It learns nothing.
The command is run as a list of arguments, never through a shell.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from whet.data.formats import read_table
from whet.data.load import split_labels
from whet.data.neardup import fold
from whet.data.outputs import canonical, read_answer
from whet.data.rows import text_of
from whet.errors import InputError, WorldError
from whet.records import Example, FitInfo, Output, Prediction
from whet.rungs.base import Setting
from whet.rungs.vectors import write_card
from whet.store import make_folder

TIMEOUT_SECONDS = 600
UNKNOWN = "(no answer)"


@dataclass(frozen=True)
class Today:
    """The existing solution behind the specialist's interface."""

    source: Mapping[str, Any]
    folder: Path
    multi_label: bool
    info: FitInfo
    separator: str = "|"
    kind: str = ""

    def predict(self, inputs: Sequence[str]) -> list[Prediction]:
        if not inputs:
            return []
        start = time.perf_counter()
        outputs = self._answers(list(inputs))
        share = (time.perf_counter() - start) / len(inputs)
        usd = float(self.source.get("usd_per_1k", 0.0)) / 1000
        return [
            Prediction(self._typed(output), 0.0 if output == UNKNOWN else 1.0, 0, 0, share, usd)
            for output in outputs
        ]

    def _answers(self, inputs: list[str]) -> list[Any]:
        if self.source.get("command"):
            return ask_command(list(self.source["command"]), inputs, self.folder)
        if self.source.get("url"):
            return ask_url(str(self.source["url"]), inputs)
        return look_up(self.folder / str(self.source["predictions"]), inputs)

    def _typed(self, output: Any) -> Output:
        if self.multi_label:
            return split_labels(output, self.separator)
        if self.kind == "extract" and output != UNKNOWN:
            return read_answer("extract", output, []) if isinstance(output, str) else canonical(output)
        return text_of(output).strip()

    def save(self, folder: Path) -> None:
        make_folder(folder)
        place = str(self.folder.resolve())
        how = {"multi_label": self.multi_label, "separator": self.separator, "kind": self.kind}
        write_card(folder, "existing", self.info, source=dict(self.source), place=place, **how)


def ask_command(command: list[str], inputs: list[str], folder: Path) -> list[Any]:
    """Run the command once for all inputs.

    Raises:
        InputError: it cannot be started, fails, or its answers do not fit.
    """
    lines = [json.dumps({"id": str(i), "input": text}) for i, text in enumerate(inputs)]
    try:
        done = subprocess.run(
            command,
            input="\n".join(lines) + "\n",
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            cwd=folder,
            check=False,
            encoding="utf-8",
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InputError(
            f"the command {command} cannot be run: {error}.", where="existing", fix="try it by hand."
        ) from error
    if done.returncode:
        raise InputError(
            f"the command {command} ended with {done.returncode}: {done.stderr[-300:].strip()}",
            where="existing",
            fix="it must read JSONL on stdin and write JSONL on stdout.",
        )
    return _by_id(done.stdout, len(inputs))


def _by_id(text: str, count: int) -> list[Any]:
    answers: dict[str, Any] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                row = json.loads(line)
                answers[str(row["id"])] = row["output"]
            except (ValueError, KeyError, TypeError) as error:
                raise InputError(
                    f'line {number} of its answers is not {{"id", "output"}}: {line[:80]!r}.',
                    where="existing",
                ) from error
    return [answers.get(str(i), UNKNOWN) for i in range(count)]


def ask_url(url: str, inputs: list[str]) -> list[Any]:
    """POST all inputs.

    Raises:
        WorldError: no answer.
        InputError: an answer that does not fit.
    """
    _address(url)
    body = json.dumps({"inputs": inputs}).encode("utf-8")
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as reply:
            answer = json.loads(reply.read())
    except (urllib.error.URLError, TimeoutError) as error:
        raise WorldError(
            f"{url} does not answer: {error}.", where="existing", fix="start it, then run again."
        ) from error
    except ValueError as error:
        raise InputError(f"{url} does not answer with JSON.", where="existing") from error
    outputs = answer.get("outputs") if isinstance(answer, dict) else None
    if not isinstance(outputs, list) or len(outputs) != len(inputs):
        raise InputError(
            f'{url} must answer {{"outputs": [...]}} with {len(inputs)} entries.', where="existing"
        )
    return outputs


def at_hand(source: Mapping[str, Any], folder: Path) -> None:
    """Refuse what cannot be asked, before any work.

    Raises:
        InputError: no such program or file of predictions; not an address.
    """
    if source.get("command"):
        program = str(source["command"][0])
        found = (folder / program).is_file() if "/" in program else shutil.which(program)
        if not found:
            raise InputError(
                f"the command {source['command']} cannot be run: there is no program {program!r}.",
                where="existing.command",
                fix=f"try it by hand, in {folder.resolve()}.",
            )
    elif source.get("url"):
        _address(str(source["url"]))
    else:
        look_up(folder / str(source["predictions"]), [])


def _address(url: str) -> None:
    if not url.startswith(("http://", "https://")):
        raise InputError(f"{url!r} is not an http(s) address.", where="existing.url")


def look_up(path: Path, inputs: list[str]) -> list[Any]:
    """Answers from a file with the columns ``input`` and ``output``, matched by folded text."""
    table = read_table(path)
    for column in ("input", "output"):
        if column not in table.columns:
            raise InputError(
                f"there is no column {column!r}; there are {', '.join(table.columns)}.",
                where=path,
                fix="a file of predictions has the columns input and output.",
            )
    answers = {fold(row.text("input")): row.values["output"] for row in table.rows}
    return [answers.get(fold(text), UNKNOWN) for text in inputs]


@dataclass(frozen=True)
class Existing:
    """What the team has today."""

    name: ClassVar[str] = "existing"
    kinds: ClassVar[tuple[str, ...]] = ("classify", "extract", "write")
    trains: ClassVar[bool] = False

    setting: Setting = field(default_factory=Setting)
    choices: Mapping[str, Any] = field(default_factory=dict)

    def fit(self, train: Sequence[Example], dev: Sequence[Example]) -> Today:
        start = time.perf_counter()
        source = dict(self.setting.existing)
        if not source:
            raise InputError(
                "the rung `existing` needs to know what you have.",
                where="existing",
                fix="set existing: {command | url | predictions} in the task file.",
            )
        how = (self.setting.multi_label, FitInfo(), self.setting.label_separator, self.setting.kind)
        today = Today(source, self.setting.folder, *how)
        outputs = [prediction.output for prediction in today.predict([e.input for e in dev])]
        missing = sum(output in (UNKNOWN, (UNKNOWN,)) for output in outputs)
        notes = [f"{missing} of {len(dev)} dev inputs have no answer"] if missing else []
        gain = self.setting.metric.on(dev, outputs)
        info = FitInfo({}, gain, 0, time.perf_counter() - start, notes=notes)
        return replace(today, info=info)

    @classmethod
    def load(cls, folder: Path, card: Mapping[str, Any]) -> Today:
        info, separator = FitInfo(**card["info"]), card.get("separator", "|")
        several, kind = bool(card["multi_label"]), str(card.get("kind", ""))
        return Today(card["source"], Path(card["place"]), several, info, separator, kind)
