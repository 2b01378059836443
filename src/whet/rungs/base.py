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

from whet.errors import InputError, nearest
from whet.evaluate.metrics import Metric
from whet.records import Example, Label, Specialist
from whet.store import read_json

if TYPE_CHECKING:
    from whet.models.encoder import TextEncoder

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

Tell = Callable[[str, int, int], None]
"""Progress: what is being done, how far, of how much."""


def silent(_what: str, _done: int, _total: int) -> None:
    """The Tell that says nothing."""


@dataclass(frozen=True)
class Setting:
    """What a rung may know of the task. Everything has a default, so that ``Rung()`` works."""

    labels: tuple[Label, ...] = ()
    """In the task's order; empty means those that train shows."""
    multi_label: bool = False
    label_separator: str = "|"
    """Of several labels in one text."""
    instruction: str = ""
    encoders: Sequence[TextEncoder] = ()
    """Candidates; a rung with several chooses on dev. Empty means the offline default."""
    metric: Metric = field(default_factory=Metric)
    existing: Mapping[str, Any] = field(default_factory=dict)
    """The task's ``existing`` section."""
    tune: Mapping[str, Any] = field(default_factory=dict)
    """The task's ``tune`` section."""
    folder: Path = Path()
    """Where relative paths of the task start."""
    work: Path | None = None
    """Where a rung may keep what it has not finished, to go on there after a kill; None: nowhere."""
    seed: int = 0
    tell: Tell = silent


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


def load_specialist(folder: Path) -> Specialist:
    """Load any rung's specialist, or the model that ``whet tune`` left in a folder.

    Raises:
        InputError: not a specialist, made by a newer version, damaged.
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
    return find_rung(str(card.get("rung"))).load(folder, card)
