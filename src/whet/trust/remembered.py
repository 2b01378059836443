"""A model whose answers are kept in the run's cache, one by one: what was asked once is not asked again.

Items of suites, beginnings of training answers and weighed secrets go to the model behind a specialist and
to its base, which ``Context.answers`` does not reach. Kept by the model's files and all of a request, so that
another suite beside the general one asks its own items alone. Each batch is a file of its own, written whole.
Knows no measure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet.models.base import Answer, Request, Tell, Weighs
from whet.store import file_digest, make_folder, read_jsonl, value_digest, write_jsonl

if TYPE_CHECKING:
    from whet.models.base import Writer
    from whet.models.opening import Local

FORM = 1  # of what is kept; older answers are asked again
ANSWERED, WEIGHED = "answered", "weighed"
ASKING = ("*.json", "*.jinja", "*.model")
"""Files of a model beside its weights that change what it is asked, or where it ends."""


@dataclass
class Remembered:
    """A writer of this machine that remembers (``models.base.Writer`` and ``Weighs``)."""

    inner: Writer
    digest: str
    """Of all that its answers follow from."""
    folder: Path

    @property
    def name(self) -> str:
        return self.inner.name

    def answer(self, requests: Sequence[Request], tell: Tell | None = None) -> list[Answer]:
        """As ``models.base.Writer`` says; answers that failed are asked again."""

        def ask(new: Sequence[Request]) -> list[Any]:
            return [asdict(one) for one in self.inner.answer(new, tell)]

        found = self._found(ANSWERED, requests, ask)
        return [Answer(**{**one, "choices": tuple(one["choices"])}) for one in found]

    def logprobs(self, requests: Sequence[Request], tell: Tell | None = None) -> list[list[float]]:
        """As ``models.base.Weighs`` says."""

        def ask(new: Sequence[Request]) -> list[Any]:
            assert isinstance(self.inner, Weighs), "a model of this machine weighs"
            return self.inner.logprobs(new, tell)

        return self._found(WEIGHED, requests, ask)

    def _found(
        self, kind: str, requests: Sequence[Request], ask: Callable[[Sequence[Request]], list[Any]]
    ) -> list[Any]:
        keys = [value_digest([FORM, kind, asdict(request)]) for request in requests]
        new = {key: one for key, one in zip(keys, requests, strict=True) if key not in self._known}
        if new:
            told = dict(zip(new, ask(list(new.values())), strict=True))
            self._known.update(told)
            self._keep({key: one for key, one in told.items() if not _failed(one)})
        return [self._known[key] for key in keys]

    def _keep(self, told: Mapping[str, Any]) -> None:
        if told:
            make_folder(self.folder)
            batch = value_digest(sorted(told))[:16]
            rows = [{"key": key, "value": value} for key, value in told.items()]
            write_jsonl(self.folder / f"{self._start}-{batch}.jsonl", rows)

    @cached_property
    def _known(self) -> dict[str, Any]:
        files = sorted(self.folder.glob(f"{self._start}-*.jsonl"))
        return {row["key"]: row["value"] for path in files for row in read_jsonl(path)}

    @property
    def _start(self) -> str:
        return f"asked-{self.digest[:16]}"


def digest_of_base(base: Local) -> str:
    """Of a model's weights, and of its files that say how it is asked and where it ends."""
    files = {
        path.name: file_digest(path) for kind in ASKING for path in sorted(base.source.folder.glob(kind))
    }
    return value_digest([base.source.sha256, files])


def _failed(told: Any) -> bool:
    return isinstance(told, Mapping) and bool(told["failed"])
