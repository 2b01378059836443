"""What is checked: examples as columns, so that a million rows fit, and the tools a check may use.

A subject is made once, by ``check.run``, from any file or task; checks read it and never change it.
Models come in as functions (``Tools``), so that no check knows one.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from whet.data.formats import Broken as Broken
from whet.records import Turn

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

T = TypeVar("T")
READ = 20_000
"""Rows that an encoder reads for one check, drawn at random from more: it reads some hundred a second."""


@dataclass(frozen=True, slots=True)
class Subject:
    """n examples as parallel columns of length n."""

    kind: str
    """``classify``, ``extract`` or ``write``"""
    inputs: Sequence[str]
    """What the model reads, as one text; of a conversation, everything before the last answer."""
    outputs: Sequence[str]
    """What it must answer, as one text: a label (several joined by ``separator``), JSON, or a reply."""
    files: Sequence[str]
    """File name of each row."""
    lines: Sequence[int]
    """Line in that file, 1-based."""
    meta: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Every other column as text, by name: customer, date, language, annotator."""
    turns: Sequence[tuple[Turn, ...]] | None = None
    """Whole conversations, where the data hold them."""
    tools: Sequence[Any] | None = None
    """Tool definitions of each row, where the data hold them."""
    sides: Sequence[str] | None = None
    """``train``, ``dev`` or ``test`` of each row, where a split is given or made."""
    broken: Sequence[Broken] = ()
    separator: str | None = None
    """What separates several labels in one output; None: one label."""
    labels: Sequence[str] | None = None
    """The task's own list of allowed labels, where it has one."""
    drops_rare: bool = False
    """Whether the task sets labels with one example aside (``rare_labels: drop``)."""
    schema: Mapping[str, Any] | None = None
    """JSON Schema of an output (``extract``), where the task has one."""
    instruction: str = ""
    """What the task tells the model to do."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Meaning to metadata column, where the task names one: time, group, annotator, policy_date."""
    groups: Sequence[str] = ()
    """Metadata columns whose groups are compared for bias."""
    path: Path = field(default_factory=Path)
    worked: dict[tuple[Any, ...], Any] = field(default_factory=dict, init=False, compare=False, repr=False)
    """What one check has worked out and another needs as well, by what it is and what it was made with."""

    def __len__(self) -> int:
        return len(self.inputs)

    def source(self, row: int) -> str:
        """``file:line`` of a row."""
        return f"{self.files[row]}:{self.lines[row]}"

    def label_sets(self) -> list[tuple[str, ...]]:
        """The labels of each row: one, or several (``classify``)."""
        if self.separator is None:
            return [(output,) if output else () for output in self.outputs]
        return [
            tuple(sorted({part.strip() for part in output.split(self.separator)} - {""}))
            for output in self.outputs
        ]

    def none_is_meant(self) -> bool:
        """Whether an empty output is an answer: of several labels none, of a list of findings no item; and
        texts that no row answers are not meant to be."""
        filled = [output.lstrip()[:1] for output in self.outputs if output.strip()]
        lists = self.kind == "extract" and 2 * filled.count("[") > len(filled)
        unasked = self.kind == "write" and not filled and self.turns is None
        return self.separator is not None or lists or unasked

    def only(self, rows: Sequence[int]) -> Subject:
        """The same with these rows alone, in this order."""

        def pick(column: Sequence[T]) -> list[T]:
            return [column[row] for row in rows]

        return replace(
            self,
            inputs=pick(self.inputs),
            outputs=pick(self.outputs),
            files=pick(self.files),
            lines=pick(self.lines),
            meta={name: pick(column) for name, column in self.meta.items()},
            turns=None if self.turns is None else pick(self.turns),
            tools=None if self.tools is None else pick(self.tools),
            sides=None if self.sides is None else pick(self.sides),
        )


Span = tuple[int, int, str]
"""Start, end (exclusive, in characters) and type of something found in a text."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What a check may use beyond the subject. What is None is not at hand."""

    encode: Callable[[Sequence[str]], NDArray[np.float32]] | None = None
    """Texts to unit vectors [n, dim]."""
    count_tokens: Callable[[Sequence[str]], list[int]] | None = None
    """Tokens of each text for the chosen model."""
    context: int | None = None
    """Tokens that the chosen model reads at once."""
    names: Callable[[Sequence[str]], list[list[Span]]] | None = None
    """Names of people, places, organisations and addresses in each text."""
    traffic: Sequence[str] | None = None
    """Inputs of real use, to compare the examples with."""
    tell: Callable[[str, int, int], None] = lambda what, done, total: None
    """Is told of progress: what, how much is done, of how much."""
    seed: int = 0


def drawn(rows: Sequence[int], seed: int) -> Sequence[int]:
    """The rows themselves, or ``READ`` of them drawn at random, in their order."""
    return rows if len(rows) <= READ else sorted(random.Random(seed).sample(rows, READ))


def labels_of(output: str, separator: str | None) -> list[str]:
    """The labels in an output: one, or several."""
    return [output] if separator is None else [part.strip() for part in output.split(separator)]
