"""What a measure may look at: one run, the specialist and its base, their held-out answers, and the examples.

A measure is a function ``(Context) -> Measure``. Answers to other inputs go through ``Context.answers``,
which keeps them in the run's cache, so that the page is made again at once. Knows no measure and no page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet.evaluate.metrics import Metric
from whet.ladder import as_output, with_cache
from whet.measure import wrong_by
from whet.records import Example, Output, Passage, Prediction, Specialist
from whet.rungs.base import CARD, Setting, Tell, load_specialist, silent
from whet.store import folder_digests, make_folder, read_json, read_jsonl, value_digest, write_jsonl
from whet.trust.measures import Measure

if TYPE_CHECKING:
    from whet.config import Task
    from whet.models.encoder import TextEncoder

KEPT = Path("cache") / "evidence"
ANSWERS = 1  # of the form of kept answers; older ones are asked again


@dataclass(frozen=True)
class Side:
    """A specialist as it is measured: the tuned one, its base, or the previous release."""

    name: str
    """Of its rung."""
    folder: Path
    test: tuple[Prediction, ...]
    """Its held-out answers, as the run has them: output, confidence, failed."""
    learned: frozenset[str] = frozenset()
    """Ids of held-out rows that it has learned from, which therefore say nothing of it: a previous release
    may have been trained on what is unseen now."""
    outside: bool = False
    """Whether it may run the command or call the address that it names."""

    @cached_property
    def specialist(self) -> Specialist:
        """Loaded when it is first needed."""
        return load_specialist(self.folder, outside=self.outside)

    @cached_property
    def digest(self) -> str:
        """Of every file of its folder, as a release has it."""
        return value_digest(folder_digests(self.folder))

    @cached_property
    def card(self) -> Mapping[str, Any]:
        path = self.folder / CARD
        return dict(read_json(path)) if path.is_file() else {}

    @property
    def outputs(self) -> tuple[Output, ...]:
        return tuple(answer.output for answer in self.test)


@dataclass(frozen=True)
class Asked:
    """What the user asks of the evidence beyond what every run can show."""

    suite: Path | None = None
    """An evaluation file of the user's own, for *forgetting*."""
    precision: float = 0.98
    """Wanted of answers that go out without a person."""
    canaries: Path | None = None
    """What was planted before training, for *memorization*."""
    form: Path | None = None
    """An exported or merged form, for *parity*."""
    endpoint: str = ""
    """Where the specialist is served, for *parity*."""
    samples: int = 0
    """Answers drawn for each row, for agreement between samples; 0: none is asked for."""
    temperature: float = 0.7
    """At which they are drawn."""
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Context:
    """All that stands behind one page."""

    run: Path
    task: Task
    folder: Path
    """Where the task's relative paths start."""
    tuned: Side
    base: Side | None
    """The untrained counterpart on the same examples; None: the run has none."""
    previous: Side | None
    """The release before, on the same unseen examples."""
    train: tuple[Example, ...]
    dev: tuple[Example, ...]
    test: tuple[Example, ...]
    metric: Metric
    encoders: Sequence[TextEncoder] = ()
    """Of the task, or the offline default; for topics and closeness."""
    asked: Asked = field(default_factory=Asked)
    seed: int = 0
    tell: Tell = silent

    def answers(self, side: Side, inputs: Sequence[str]) -> list[Prediction]:
        """What ``side`` answers, one an input, kept in the run's cache by specialist and inputs."""

        def ask() -> list[dict[str, Any]]:
            reader = with_cache(side.specialist, Setting(encoders=self.encoders))
            return [asdict(one) for one in (reader.predict(list(inputs)) if inputs else [])]

        rows = self.kept(side.name, [ANSWERS, side.digest, list(inputs)], ask)
        return [_prediction(row) for row in rows]

    def kept(
        self, name: str, key: Sequence[Any], ask: Callable[[], Sequence[Mapping[str, Any]]]
    ) -> list[Mapping[str, Any]]:
        """What ``ask`` gives, kept in the run's cache.

        Args:
            name: what the file's name begins with.
            key: all that the rows follow from.
        """
        path = self.run / KEPT / f"{name}-{value_digest(list(key))[:16]}.jsonl"
        if not path.is_file():
            rows = list(ask())
            make_folder(path.parent)
            write_jsonl(path, rows)
        return list(read_jsonl(path))

    def right(self, side: Side) -> list[bool]:
        """Which of its held-out answers the metric calls right."""
        return self.is_right(self.test, side.outputs)

    def is_right(self, examples: Sequence[Example], outputs: Sequence[Output]) -> list[bool]:
        """Which of these answers the metric calls right; by macro-F1 and cost, those that are approved."""
        if not examples:
            return []
        truths, inputs = [e.output for e in examples], [e.input for e in examples]
        return [
            not wrong for wrong in wrong_by(self.metric, self.metric.per_example(truths, outputs, inputs))
        ]


Take = Callable[[Context], Measure]
"""What takes one measure."""


def _prediction(row: Mapping[str, Any]) -> Prediction:
    passages = tuple(Passage(**passage) for passage in row.get("passages", ()))
    return Prediction(**{**row, "output": as_output(row["output"]), "passages": passages})
