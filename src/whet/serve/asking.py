"""What is asked of a specialist and what it replies, whoever asked and whatever it is.

Routes turn bodies into ``Ask``; whatever answers is an ``Answering``: a batch of encoders, the engine of a
decoder, a server elsewhere. A reply comes in pieces through ``emit``, if it comes in pieces at all;
cancelling ``answer`` frees its place. Knows no HTTP.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from whet.records import Output, Passage, Turn

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Ends = Literal["stop", "length", "tool_calls", "content_filter"]


@dataclass(frozen=True, slots=True)
class Chance:
    """A token that was written, and what stood beside it."""

    text: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()
    """The likeliest at this place with their log-probabilities, the likeliest first."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One thing to answer."""

    turns: tuple[Turn, ...]
    tools: tuple[Mapping[str, Any], ...] = ()
    forced: tuple[str, ...] = ()
    """Tools of which one must be called; empty: none need be."""
    schema: Mapping[str, Any] | None = None
    """JSON Schema of the answer."""
    tokens: int | None = None
    """Written at most; None: what the specialist was made for."""
    stop: tuple[str, ...] = ()
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    top: int | None = None
    """Log-probabilities are wanted, with so many of the likeliest beside; None: they are not."""
    owner: str = ""
    """Whose request it is: what only one caller's requests share is not shared with others."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The whole answer."""

    text: str
    output: Output
    ended: Ends = "stop"
    confidence: float | None = None
    """Calibrated probability that it is right; None: not known."""
    labels: tuple[tuple[str, float], ...] = ()
    """Probability of each label, the likeliest first, where the answer is one of a list."""
    chances: tuple[Chance, ...] = ()
    calls: tuple[Mapping[str, Any], ...] = ()
    """Tools that it calls, as OpenAI has them."""
    tokens_in: int = 0
    tokens_out: int = 0
    usd: float = 0.0
    passages: tuple[Passage, ...] = ()
    notes: tuple[str, ...] = ()
    """What of the request had no effect."""
    asked: str = ""
    """The specialist's input."""
    vector: NDArray[np.floating[Any]] | None = field(default=None, compare=False)
    """Of the input [dim], where it was encoded anyway."""


Emit = Callable[[str, Sequence[Chance]], None]
"""A piece of the text, and its tokens where they are wanted."""


def unheard(_text: str, _chances: Sequence[Chance]) -> None:
    """The Emit of an answer that is wanted whole."""


class Answering(Protocol):
    """Whatever answers."""

    chooses: bool
    """Its answers come from a list, so that a confidence says something."""

    async def answer(self, ask: Ask, emit: Emit = unheard) -> Reply:
        """Answer, or raise a ``Fault``.

        The pieces that ``emit`` is given are the reply's text in the end; where it is never called, the text
        comes whole.
        """

    async def vectors(self, texts: Sequence[str]) -> tuple[NDArray[np.float32], int]:
        """Unit vectors [n, dim], and tokens that were read; raises a ``Fault`` where there are none."""

    def stuck(self) -> float:
        """Seconds since anything moved while there is work; 0: all is well."""

    def close(self) -> None:
        """Take no more work and let go of what is held."""
