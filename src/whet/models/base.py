"""What a model that writes is, whoever runs it: requests in, answers out, one for each, in order.

A request is a conversation and, where it matters, the form that the answer must have. The model may be a
decoder on this machine, a server that speaks OpenAI's protocol, or a script in a test: rungs know only
this. Knows no task and no rung.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    from whet.records import Turn

Tell = Callable[[str, int, int], None]
"""Progress: what is being done, how far, of how much."""

Ended = Literal["end", "stop", "length", "failed"]
"""The model ended its turn (or the form was complete), a stop text came, the limit was reached, no answer."""


@dataclass(frozen=True, slots=True)
class Form:
    """What an answer must look like. One of these is set; a model without constraints says so."""

    schema: Mapping[str, Any] | None = None
    """JSON Schema; the answer is one JSON value without needless space."""
    regex: str | None = None
    """The whole answer matches."""
    grammar: str | None = None
    """Lark, as llguidance reads it."""
    choices: tuple[str, ...] = ()
    """The answer is one of these."""


@dataclass(frozen=True, slots=True)
class Request:
    """One thing to answer."""

    turns: tuple[Turn, ...]
    tokens: int = 256
    """Written at most."""
    form: Form | None = None
    stop: tuple[str, ...] = ()
    """Texts that end the answer and are not part of it."""
    temperature: float = 0.0
    """0: always the likeliest token."""
    seed: int = 0
    begun: str = ""
    """What the answer begins with already, and is not part of what comes back; models behind a server
    refuse it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, and what it cost."""

    text: str
    ended: Ended = "end"
    logprob: float | None = None
    """Summed over the answer's tokens, its end included; None where the model does not say."""
    choices: tuple[float, ...] = ()
    """Probability of each of the form's choices, in their order; empty where not known."""
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float = 0.0
    """Share of the batch's wall-clock time."""
    usd: float = 0.0
    """Paid to a provider for this answer, now: 0 where it came from the cache."""
    cached: bool = False
    """Whether the answer was kept from before."""
    failed: str = ""
    """Why there is no answer: cause, whose side, next step."""


class Writer(Protocol):
    """A model that answers requests.

    One that runs here also has ``logprobs`` (``Weighs``).
    """

    @property
    def name(self) -> str:
        """As the task file names it."""

    def answer(self, requests: Sequence[Request], tell: Tell | None = None) -> list[Answer]:
        """One answer a request, in the same order; results do not depend on what else is asked.

        Raises:
            InputError: a request that can never be answered: longer than the model reads, a broken form.
            WorldError: nothing can be answered any more: budget, disk, a key that is refused.
        """


@runtime_checkable
class Weighs(Protocol):
    """A model that says how likely it finds an answer."""

    def logprobs(self, requests: Sequence[Request], tell: Tell | None = None) -> list[list[float]]:
        """The log-probability (nats) of each choice of each request's form, its end included and not
        normalised.

        Raises:
            InputError: a request that is longer than the model reads.
        """
