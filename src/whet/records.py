"""The nouns: what flows from one step to the next, frozen and typed.

Knows no files, no models and no statistics. ``docs/design.md`` has the words.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

# A label, the set of labels of one input as a sorted tuple, a JSON value as canonical text, or a reply.
Output = str | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Example:
    """One input with its approved output, and where it came from."""

    id: str
    input: str
    output: Output
    source: str
    """``file:line``"""
    group: str | None = None
    """The customer, document or whatever must keep to one side of the split."""
    time: str | None = None
    """ISO date or date and time, so that text order is time order."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation, as OpenAI's chat format has it."""

    role: str
    """``system``, ``user``, ``assistant`` or ``tool``"""
    content: str | tuple[Mapping[str, Any], ...] | None
    """Text, or parts as they came; None where there are tool calls only."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """Everything else, unchanged: name, weight, tool_calls, tool_call_id, thinking."""

    @property
    def text(self) -> str:
        """The content as one text; parts without text (an image) add nothing."""
        if isinstance(self.content, str):
            return self.content
        return "".join(str(part.get("text", "")) for part in self.content or ())


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document, as it is shown to a model and cited."""

    text: str
    source: str
    """``file:line`` where it begins."""
    heading: str = ""
    """All headings above it: ``Returns > Refunds``."""

    @property
    def shown(self) -> str:
        """Its headings and its text."""
        return f"{self.heading}\n{self.text}" if self.heading else self.text


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a specialist answers to one input, and what the answer cost."""

    output: Output
    confidence: float
    """Probability in 0..1 that ``output`` is right, as the specialist sees it."""
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float = 0.0
    """Share of the batch's wall-clock time."""
    usd: float = 0.0
    """Paid to a provider; the machine's own time is priced in the verdict."""
    failed: str = ""
    """Why there is no answer; the output is then empty, and wrong."""
    cached: bool = False
    """Whether the answer was kept from before, and not asked for now."""
    passages: tuple[Passage, ...] = ()
    """What the model was shown of the task's documents, in this order: number one is its ``[1]``."""
    knowledge: str = ""
    """Digest of the documents that were searched; empty where there are none."""


@dataclass(frozen=True, slots=True)
class Label:
    """One label and, where the task gives one, what it means."""

    name: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class FitInfo:
    """What fitting a rung chose and cost. Written into the specialist's folder."""

    choices: Mapping[str, Any] = field(default_factory=dict)
    """Hyper-parameters chosen on dev; given back to a rung, it searches no more."""
    dev_score: float = 0.0
    parameters_trained: int = 0
    seconds: float = 0.0
    curve: Sequence[Mapping[str, float]] = ()
    """Training curve: one mapping per dev evaluation (step, loss, dev_loss, dev_score)."""
    notes: Sequence[str] = ()
    """What the user should know: a fallback taken, a setting without effect."""
    tried: Sequence[Mapping[str, Any]] = ()
    """Every combination tried on dev, with its score: how hard the choice was."""
    dev_outputs: Sequence[Output] = ()
    """Answers to dev before dev joined the training; empty where it never did."""
    prompt: Mapping[str, str] = field(default_factory=dict)
    """What is said to the model ``before`` and ``after`` the fit, where a rung changes it."""
    cut_short: bool = False
    """Whether it was trained for less than the task asks, to keep to its time."""


class Specialist(Protocol):
    """What a fitted rung is: one folder that any machine can load and serve."""

    @property
    def info(self) -> FitInfo: ...

    def predict(self, inputs: Sequence[str]) -> list[Prediction]:
        """One prediction an input, in the same order, whatever the batch."""

    def save(self, folder: Path) -> None:
        """Write weights as safetensors and the rest as JSON; ``whet.load`` reads it back."""
