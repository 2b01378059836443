"""The models of a server, asked from another thread: what the evals of the fine-tuning API ask.

    (model, messages) -> the server's loop -> catalogue, room, deadline -> text

An answer of an eval is no traffic: it is neither kept nor shadowed, and a canary has no share of it. Where
there is no room, it waits and asks again: an eval gives way to those who wait for an answer. Knows no eval.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from whet.records import Turn
from whet.serve.asking import Ask
from whet.serve.faults import Fault, busy

if TYPE_CHECKING:
    from whet.serve.serving import Serving

ROLES = ("system", "user", "assistant")
PATIENCE = 120.0
"""Seconds for which an answer waits for room."""
LABEL = "label"


@dataclass(frozen=True, slots=True)
class Models:
    """What is served, as functions that a thread may call."""

    serving: Serving

    def answers(self, model: str, messages: Sequence[Mapping[str, str]]) -> str:
        """What a model answers (``evals.Answers``).

        Raises:
            Fault: no such model, or it does not answer.
        """
        return self._asked(model, Ask(_turns(messages)))

    def asks(self, model: str, messages: Sequence[Mapping[str, str]], labels: Sequence[str]) -> str:
        """Which of some labels a model gives (``graders.Asks``): it is held to them.

        Raises:
            Fault: as in ``answers``; its answer is none of them.
        """
        schema: dict[str, Any] = {"type": "object", "properties": {LABEL: {"enum": list(labels)}}}
        schema |= {"required": [LABEL], "additionalProperties": False}
        said = self._asked(model, Ask(_turns(messages), schema=schema))
        try:
            return str(json.loads(said)[LABEL])
        except (ValueError, TypeError, KeyError):
            raise Fault(400, f"{model[:80]} gave none of the labels.", code="no_label") from None

    def _asked(self, model: str, ask: Ask) -> str:
        loop, until = self.serving.loop, time.monotonic() + PATIENCE
        if loop is None or loop.is_closed():
            raise busy("The server is not up.")
        while True:
            try:
                return asyncio.run_coroutine_threadsafe(self.serving.alone(model, ask), loop).result().text
            except Fault as fault:
                if fault.code != "overloaded" or self.serving.door.draining or time.monotonic() > until:
                    raise
                time.sleep(max(1.0, fault.after))


def _turns(messages: Sequence[Mapping[str, str]]) -> tuple[Turn, ...]:
    said = [("system" if one["role"] == "developer" else one["role"], one["content"]) for one in messages]
    if other := [role for role, _ in said if role not in ROLES]:
        raise Fault(400, f"A message has the role {other[0][:40]!r}, which is none.", code="invalid_value")
    return tuple(Turn(role, content) for role, content in said)
