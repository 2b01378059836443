"""What the routes of the fine-tuning API share: the store's books, which base a model's name stands for, the
worker.

    hosted = Hosted(home, {"gpt-4o-mini": "models/qwen3-0.6b"})
    app_of(serving, routers=routers(hosted))

A name is looked up as it is, then without its date; any other stands for the offline encoder. Whoever looks
at a job also sees to it that somebody works on it. Knows no HTTP.
"""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from whet.database import opened
from whet.errors import InputError
from whet.serve.faults import Fault, unsupported
from whet.serve.jobs import worker
from whet.serve.jobs.book import Book
from whet.serve.jobs.evals import Evals
from whet.serve.jobs.files import Files
from whet.serve.jobs.tables import METADATA

if TYPE_CHECKING:
    from whet.serve.jobs.asked import NewJob

DATED = re.compile(r"-\d{4}-\d{2}-\d{2}$")


class Hosted:
    """The fine-tuning API of one store."""

    def __init__(self, home: Path, bases: Mapping[str, str] | None = None, *, tend: bool = True) -> None:
        """
        Args:
            bases: what a model's name in a job stands for: a folder, or a Hugging Face id.
            tend: whether a worker is started when a job waits.
        """
        engine = opened(home, METADATA)
        self.home, self.bases = home, dict(bases or {})
        self.files, self.book = Files(home, engine), Book(home, engine)
        self.evals = Evals(engine, self.files)
        self._tend, self._lock = tend, threading.Lock()
        self._started: subprocess.Popen[bytes] | None = None

    def base_of(self, model: str) -> str:
        """What a model's name stands for; empty: the offline encoder.

        Raises:
            Fault: a model that was fine-tuned before.
        """
        if model.startswith("ft:"):
            raise unsupported("A fine-tuned model cannot be fine-tuned again here: name its base.", "model")
        return self.bases.get(model) or self.bases.get(DATED.sub("", model), "")

    def create(self, asked: NewJob, *, owner: str) -> dict[str, object]:
        """A new job, with a worker for it.

        Raises:
            Fault: a file that there is not, or of another purpose; what nothing here does.
        """
        _check_method(asked)
        base = self.base_of(asked.model)
        for param in ("training_file", "validation_file"):
            if (id_ := getattr(asked, param)) is not None:
                self._check_file(id_, param)
        job = self.book.create(asked, base, owner=owner)
        self.tend()
        return job

    def tend(self) -> None:
        """Start a worker where a job waits and none works here."""
        if not self._tend:
            return
        with self._lock:
            if self._started is not None and self._started.poll() is None:
                return  # it is at work, or on its way
            if self.book.waiting() and not worker.at_work(self.home):
                self._started = worker.start(self.home)

    def _check_file(self, id_: str, param: str) -> None:
        try:
            kept = self.files.get(id_)
        except Fault:
            said = f"File '{id_[:60]}' does not exist."
            raise Fault(400, said, code="file_not_found", param=param) from None
        if kept.purpose != "fine-tune":
            said = f"File '{id_}' has the purpose {kept.purpose!r}; 'fine-tune' is needed."
            raise Fault(400, said, code="invalid_file_purpose", param=param)


def bases_of(given: list[str]) -> dict[str, str]:
    """``NAME=FOLDER`` as the command line has them.

    Raises:
        InputError: no name, no folder, or a name twice.
    """
    found: dict[str, str] = {}
    for one in given:
        name, _, place = one.partition("=")
        if not name or not place or name in found:
            raise InputError(f"{one!r} is no NAME=FOLDER, or comes twice.", where="--base")
        found[name] = str(Path(place).resolve()) if Path(place).is_dir() else place
    return found


def _check_method(asked: NewJob) -> None:
    kind = asked.method.type if asked.method else "supervised"
    if kind != "supervised":
        raise unsupported(f"The method {kind!r} is not run here; 'supervised' is.", "method.type")
    if asked.method and asked.method.supervised and asked.hyperparameters:
        raise unsupported(
            "Give hyperparameters once: in `method.supervised`, or beside it.", "hyperparameters"
        )
    if asked.integrations:
        raise unsupported("Integrations are not run here: nothing leaves this machine.", "integrations")
