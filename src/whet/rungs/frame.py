"""How an input becomes a request to a model that writes: instruction, demonstrations, passages, the input.

    system: instruction, labels or schema | user, assistant: demonstrations ... | user: passages, input

A frame is text and settings, no model: it is saved as JSON and asks the same anywhere. Training lays its
rows out by the same turns, so that a trained model is asked what it has learned.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from whet.models.base import Form, Request
from whet.records import Label, Output, Turn

ANSWER_TOKENS = {"classify": 32, "extract": 256, "write": 384}
DEFAULTS = {
    "classify": "Choose the label that fits the text. Answer with the label alone.",
    "extract": "Read the text and answer with one JSON value that holds what is asked for. Nothing else.",
    "write": "Answer the text.",
}
SEVERAL = "Choose every label that fits the text. Answer with the labels, with | between them."


@dataclass(frozen=True, slots=True)
class Shot:
    """A demonstration: an input and its approved output."""

    input: str
    output: Output


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around an input."""

    kind: str = "classify"
    instruction: str = ""
    """Empty: a plain one for the kind."""
    labels: tuple[Label, ...] = ()
    list_labels: bool = False
    """Whether the labels stand in the instruction, with their descriptions."""
    several: bool = False
    """Several labels an input."""
    separator: str = "|"
    schema: Mapping[str, Any] | None = None
    show_schema: bool = False
    strict: bool = False
    """Whether the answer is held to its form: a label, the schema, or the pattern."""
    pattern: str = ""
    """Regular expression of a whole reply (`write`)."""
    shots: tuple[Shot, ...] = ()
    tokens: int = 0
    """Written at most; 0: what the kind usually needs."""

    def request(self, text: str, shots: Sequence[Shot] = (), passages: Sequence[str] = ()) -> Request:
        """The request for one input.

        Args:
            shots: demonstrations for this input, after those that every input gets.
            passages: what was found in the task's documents, best first.
        """
        turns = [Turn("system", self.told())] if self.told() else []
        for shot in (*self.shots, *shots):
            turns += [Turn("user", shot.input), Turn("assistant", self.shown(shot.output))]
        turns.append(Turn("user", with_passages(text, passages)))
        return Request(tuple(turns), tokens=self.tokens or ANSWER_TOKENS[self.kind], form=self.form())

    def told(self) -> str:
        """The instruction with the labels or the schema, where they are shown."""
        default = SEVERAL if self.several else DEFAULTS[self.kind]
        parts = [self.instruction or default]
        if self.list_labels and self.labels:
            parts.append("Labels:\n" + "\n".join(_line(label) for label in self.labels))
        if self.show_schema and self.schema is not None:
            parts.append("JSON Schema of the answer:\n" + json.dumps(self.schema, ensure_ascii=False))
        return "\n\n".join(parts)

    def shown(self, output: Output) -> str:
        """An approved output as the model should write it."""
        return output if isinstance(output, str) else self.separator.join(output)

    def form(self) -> Form | None:
        """What the answer is held to; None: nothing, or there is nothing to hold it to."""
        if not self.strict:
            return None
        if self.kind == "classify" and not self.several and self.labels:
            return Form(choices=tuple(label.name for label in self.labels))
        if self.kind == "extract":
            return Form(schema=self.schema if self.schema is not None else {"type": ["object", "array"]})
        return Form(regex=self.pattern) if self.pattern else None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def frame_of(card: Mapping[str, Any]) -> Frame:
    """A frame back from JSON."""
    shots = tuple(Shot(s["input"], _output(s["output"])) for s in card["shots"])
    labels = tuple(Label(**label) for label in card["labels"])
    return Frame(**{**card, "shots": shots, "labels": labels})


def with_passages(text: str, passages: Sequence[str]) -> str:
    """The input after what was found, each passage under its number, as it can be cited."""
    if not passages:
        return text
    found = "\n\n".join(f"[{number}] {passage}" for number, passage in enumerate(passages, start=1))
    return f"{found}\n\n{text}"


def _line(label: Label) -> str:
    return f"- {label.name}: {label.description}" if label.description else f"- {label.name}"


def _output(value: Any) -> Output:
    """JSON knows no tuples."""
    return value if isinstance(value, str) else tuple(value)
