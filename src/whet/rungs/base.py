"""The rung contract, and how rungs are found.

A rung is a frozen dataclass with a ``setting`` (what the task says) and ``choices`` (what an earlier
fit chose on dev; empty means search). Its promises, which ``tests/contracts`` holds all rungs to:

- ``Rung()`` works: every argument has a default;
- fitting twice equals fitting once;
- one prediction an input, in order, whatever the batch and its order;
- save, then load, predicts the same;
- it sees the outputs of train and dev only.

To add one, write one file and name it in the entry-point group ``whet.rungs``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable
from urllib.parse import urlsplit

from whet.errors import InputError, nearest
from whet.evaluate.metrics import Metric
from whet.records import Example, Label, Specialist
from whet.store import read_json

if TYPE_CHECKING:
    from whet.models.base import Writer
    from whet.models.encoder import TextEncoder
    from whet.retrieve.documents import Documents
    from whet.rungs.taught import Teach

# Cheapest first. An outsider's rung stands where its own ``order`` puts it.
ORDER = {
    "existing": 0,
    "floor": 10,
    "prompt": 20,
    "prompt+": 30,
    "fewshot": 40,
    "template": 50,
    "retrieve": 60,
    "head": 70,
    "tune": 80,
    "tune+retrieve": 90,
}

CARD = "specialist.json"
FORMAT = 1
LOOPBACK = ("localhost", "127.0.0.1", "::1")

Tell = Callable[[str, int, int], None]
"""Progress: what is being done, how far, of how much."""


def silent(_what: str, _done: int, _total: int) -> None:
    """The Tell that says nothing."""


@dataclass(frozen=True)
class Setting:
    """What a rung may know of the task. Everything has a default, so that ``Rung()`` works."""

    kind: str = "classify"
    labels: tuple[Label, ...] = ()
    """In the task's order; empty means those that train shows. Where a task's replies or values repeat, each
    is a label to the rungs that choose."""
    multi_label: bool = False
    label_separator: str = "|"
    """Of several labels in one text."""
    instruction: str = ""
    encoders: Sequence[TextEncoder] = ()
    """Candidates; a rung with several chooses on dev. Empty means the offline default, where no model
    that writes is given."""
    writers: Sequence[Writer] = ()
    """Models that write; a rung that asks chooses among them on dev."""
    schema: Mapping[str, Any] | None = None
    """JSON Schema of an output (``extract``)."""
    answer_tokens: int = 0
    """Written at most in one answer; 0: what the kind usually needs."""
    pattern: str = ""
    """Regular expression of a whole reply (``write``)."""
    metric: Metric = field(default_factory=Metric)
    documents: Documents | None = None
    """What the task knows; None: nothing but its examples."""
    existing: Mapping[str, Any] = field(default_factory=dict)
    """The task's ``existing`` section."""
    prompt: Mapping[str, Any] = field(default_factory=dict)
    """The task's ``prompt`` section."""
    tune: Mapping[str, Any] = field(default_factory=dict)
    """The task's ``tune`` section."""
    folder: Path = Path()
    """Where relative paths of the task start."""
    work: Path | None = None
    """Where a rung may keep what it has not finished, to go on there after a kill; None: nowhere."""
    teach: Teach | None = None
    """Trains a local model that writes; None: none can be trained here."""
    seed: int = 0
    tell: Tell = silent

    @property
    def chooses(self) -> bool:
        """Whether the rungs on encoders can do the task: an answer is one of a list."""
        listed = self.kind == "classify" or bool(self.labels)
        return listed and bool(self.encoders or not self.writers)

    @property
    def finds(self) -> bool:
        """Whether the rungs on encoders may look for the values of JSON answers in the inputs."""
        return self.kind == "extract" and bool(self.encoders or not self.writers)


@runtime_checkable
class Rung(Protocol):
    """One way to do the task."""

    name: ClassVar[str]
    kinds: ClassVar[tuple[str, ...]]
    trains: ClassVar[bool]
    """Whether parameters are learned, so that labelling and review count in its price."""

    def fit(self, train: Sequence[Example], dev: Sequence[Example]) -> Specialist: ...

    @classmethod
    def load(cls, folder: Path, card: Mapping[str, Any]) -> Specialist: ...


CHOOSES, FINDS, WRITES, LEARNS, LOOKS_UP = (
    "an encoder and a list of answers",
    "an encoder and answers whose values stand in the inputs",
    "a model that writes",
    "a model that writes on this machine",
    "a model that writes on this machine and documents (`knowledge`)",
)


def opened(rung: type[Rung], kind: str, there: Mapping[str, bool]) -> bool:
    """Whether a task's kind and models open a rung: one of its ``forms`` is enough; a rung that names none
    is always open."""
    forms = getattr(rung, "forms", None)
    return kind in rung.kinds and (forms is None or any(there.get(form) for form in forms))


def order_of(rung: type[Rung]) -> int:
    return int(getattr(rung, "order", ORDER.get(rung.name, 1000)))


def all_rungs() -> dict[str, type[Rung]]:
    """Every installed rung by name, lowest first."""
    found = [point.load() for point in entry_points(group="whet.rungs")]
    return {rung.name: rung for rung in sorted(found, key=order_of)}


def find_rung(name: str) -> type[Rung]:
    rungs = all_rungs()
    if name not in rungs:
        raise InputError(f"there is no rung {name!r}. {nearest(name, rungs)}", where="rungs")
    return rungs[name]


def load_specialist(folder: Path, *, outside: bool = False) -> Specialist:
    """Load any rung's specialist, or the model that ``whet tune`` left in a folder.

    Args:
        outside: whether it may run the command or call the address that it names. Folders are passed on, and
            one from a stranger must not run a program or be sent a key merely because it was tried.

    Raises:
        InputError: not a specialist, made by a newer version, damaged; it reaches outside and may not.
    """
    path = folder / CARD
    if not path.is_file() and (folder / "card.json").is_file():
        from whet.rungs.written import load_written

        return load_written(folder)
    if not path.is_file():
        raise InputError(
            "is not a specialist: it has no specialist.json, and no card.json of `whet tune`.",
            where=folder,
            fix="name a folder such as RUN/04-rungs/head, or one that `whet tune` wrote.",
        )
    card = read_json(path)
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        raise InputError(
            "was made by another version of whet.", where=path, fix="fit it again with this version."
        )
    if not outside and (reached := reaches(card)):
        raise InputError(
            f"this specialist {reached}.",
            where=path,
            fix="if you trust who made it, say so: --allow-outside (in Python: allow_outside=True).",
        )
    return find_rung(str(card.get("rung"))).load(folder, card)


def reaches(card: Any) -> str:
    """What a specialist's card would have this machine run or call, wherever it stands in it; this machine's
    own addresses do not count. Empty: nothing."""
    if isinstance(card, Mapping):
        if command := card.get("command"):
            return f"runs the command {command}"
        address = card.get("url") or card.get("endpoint")
        if isinstance(address, str) and (urlsplit(address).hostname or "") not in LOOPBACK:
            key = f", with the key in {card['api_key_env']}" if card.get("api_key_env") else ""
            return f"sends its inputs to {address}{key}"
    inside = card.values() if isinstance(card, Mapping) else card if isinstance(card, list) else ()
    return next(filter(None, map(reaches, inside)), "")
