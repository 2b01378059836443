"""A writer for tests: it answers from a script, and fails where it is told to.

Real in all that rungs rely on: answers in order, one for each request, forms and stop texts kept, tokens and
money counted. It thinks nothing. Knows no model.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from whet.models.base import Answer, Request, Tell

Line = str | Answer | Exception
"""What to answer; an exception is raised when its request comes."""


@dataclass
class Scripted:
    """``whet.models.base.Writer`` from a list, of which each request takes the next line and the last stays,
    or from a function of the request."""

    script: Sequence[Line] | Callable[[Request], Line]
    name: str = "scripted"
    usd: float = 0.0
    """Price of each answer."""
    asked: list[Request] = field(default_factory=list)
    """All requests, as they came."""

    def answer(self, requests: Sequence[Request], tell: Tell | None = None) -> list[Answer]:
        found = list[Answer]()
        for request in requests:
            found.append(self._answer(request))
            if tell is not None:
                tell("answering", len(found), len(requests))
        return found

    def _answer(self, request: Request) -> Answer:
        self.asked.append(request)
        line = self._line(request)
        if isinstance(line, Exception):
            raise line
        if isinstance(line, Answer):
            return dataclasses.replace(line, usd=line.usd + self.usd)
        cuts = [place for stop in request.stop if (place := line.find(stop)) >= 0]
        text = line[: min(cuts)] if cuts else line
        words = text.split()
        if not cuts and len(words) > request.tokens:
            text = " ".join(words[: request.tokens])
        return Answer(
            text,
            ended="stop" if cuts else "length" if len(words) > request.tokens else "end",
            choices=_certain(text, request),
            tokens_in=sum(len(turn.text.split()) for turn in request.turns),
            tokens_out=min(len(words), request.tokens),
            usd=self.usd,
        )

    def _line(self, request: Request) -> Line:
        if callable(self.script):
            return self.script(request)
        return self.script[min(len(self.asked), len(self.script)) - 1]


def _certain(text: str, request: Request) -> tuple[float, ...]:
    """All probability on the choice that is answered, where choices are given.

    Raises:
        ValueError: the script answers none of them, which no model could.
    """
    choices = request.form.choices if request.form else ()
    if choices and text not in choices:
        raise ValueError(f"the script answers {text!r}, which is none of {choices!r}")
    return tuple(float(choice == text) for choice in choices)
