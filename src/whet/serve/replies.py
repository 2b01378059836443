"""Replies in OpenAI's shapes, whole and in pieces, with what whet adds under ``whet``.

Source: the OpenAI API reference (chat completion object, chunk object, completion object). Knows no
specialist and no HTTP.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from whet.records import Passage
from whet.serve.asking import Chance, Reply

UNSURE = "The confidence is below the threshold: a person should look at this answer."


@dataclass(frozen=True, slots=True)
class Head:
    """What all parts of one response begin with."""

    id: str
    model: str
    release: str
    """Id of the release that answered."""
    digest: str
    trial: bool = False
    threshold: float = 0.0
    """Answers below it are unsure."""
    chat: bool = True
    created: int = 0

    def start(self, part: str = "") -> dict[str, Any]:
        kind = f"chat.completion{part}" if self.chat else "text_completion"
        created = self.created or int(time.time())
        return {
            "id": self.id,
            "object": kind,
            "created": created,
            "model": self.model,
            "system_fingerprint": f"fp_{self.digest[:12]}",
        }

    def unsure(self, reply: Reply) -> bool:
        return reply.confidence is not None and reply.confidence < self.threshold


def new_id(prefix: str) -> str:
    return f"{prefix}-{secrets.token_hex(12)}"


def usage_of(replies: Sequence[Reply], prompts: int = 1) -> dict[str, int]:
    """A prompt that is answered several times is counted once, as OpenAI does."""
    read = sum(reply.tokens_in for reply in replies[:: max(1, len(replies) // prompts)])
    written = sum(reply.tokens_out for reply in replies)
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}


def whole(head: Head, replies: Sequence[Reply], *, prompts: int = 1) -> dict[str, Any]:
    """The response to a request that does not stream."""
    make = _chat_choice if head.chat else _text_choice
    choices = [make(number, reply) for number, reply in enumerate(replies)]
    usage = usage_of(replies, prompts)
    return {**head.start(), "choices": choices, "usage": usage, "whet": added(head, replies)}


def added(head: Head, replies: Sequence[Reply]) -> dict[str, Any]:
    """What OpenAI's shapes have no place for: which release, how sure, what it was shown."""
    sure = [reply.confidence for reply in replies if reply.confidence is not None]
    unsure = any(head.unsure(reply) for reply in replies)
    found: dict[str, Any] = {"release": head.release, "confidence": min(sure) if sure else None}
    found |= {"unsure": unsure, "review": UNSURE if unsure else None, "trial": head.trial}
    if notes := list(dict.fromkeys(note for reply in replies for note in reply.notes)):
        found["notes"] = notes
    if passages := [one for reply in replies[:1] for one in reply.passages]:
        found["passages"] = [passage(one) for one in passages]
    return found


def passage(one: Passage) -> dict[str, str]:
    return {"source": one.source, "heading": one.heading, "text": one.text}


def _chat_choice(number: int, reply: Reply) -> dict[str, Any]:
    refused = reply.ended == "content_filter"
    message: dict[str, Any] = {"role": "assistant", "content": None if refused else reply.text}
    message["refusal"] = reply.text if refused else None
    if reply.calls:
        message |= {"content": None, "tool_calls": [dict(call) for call in reply.calls]}
    ended = "stop" if refused else reply.ended
    logprobs = {"content": [chance(one) for one in reply.chances], "refusal": None} if reply.chances else None
    return {"index": number, "message": message, "logprobs": logprobs, "finish_reason": ended}


def _text_choice(number: int, reply: Reply) -> dict[str, Any]:
    logprobs = text_chances(reply.chances) if reply.chances else None
    return {"index": number, "text": reply.text, "logprobs": logprobs, "finish_reason": reply.ended}


def chance(one: Chance) -> dict[str, Any]:
    """A token's log-probability, as chats have it."""
    top = [{"token": text, "logprob": value, "bytes": list(text.encode())} for text, value in one.top]
    return {
        "token": one.text,
        "logprob": one.logprob,
        "bytes": list(one.text.encode()),
        "top_logprobs": top,
    }


def text_chances(found: Sequence[Chance], start: int = 0) -> dict[str, Any]:
    """Tokens' log-probabilities, as completions have them."""
    offsets = [start + sum(len(one.text) for one in found[:n]) for n in range(len(found))]
    return {
        "tokens": [one.text for one in found],
        "token_logprobs": [one.logprob for one in found],
        "top_logprobs": [dict(one.top) for one in found],
        "text_offset": offsets,
    }


class Chunks:
    """The parts of a stream, each as the bytes of one server-sent event."""

    def __init__(self, head: Head, *, usage: bool):
        self._head, self._usage = head, usage
        self._start = head.start(".chunk")

    def opening(self, number: int) -> bytes:
        if not self._head.chat:
            return b""
        return self._choice(number, {"role": "assistant", "content": "", "refusal": None})

    def piece(self, number: int, text: str, found: Sequence[Chance]) -> bytes:
        logprobs = None
        if found and self._head.chat:
            logprobs = {"content": [chance(one) for one in found], "refusal": None}
        elif found:
            logprobs = text_chances(found)
        return self._choice(number, {"content": text}, logprobs)

    def last(self, number: int, reply: Reply, *, whole: bool) -> bytes:
        """The end of one choice, with what whet adds; ``whole``: nothing of it was sent yet."""
        before, ended = b"", str(reply.ended)
        if reply.ended == "content_filter":
            before, ended = self._choice(number, {"refusal": reply.text}), "stop"
        elif reply.calls:
            calls = [{"index": n, **call} for n, call in enumerate(reply.calls)]
            before = self._choice(number, {"tool_calls": calls})
        elif whole and reply.text:
            before = self.piece(number, reply.text, reply.chances)
        return before + self._choice(number, {}, ended=ended, whet=added(self._head, [reply]))

    def end(self, replies: Sequence[Reply], prompts: int = 1) -> bytes:
        """The usage, where it is wanted; then the end."""
        if not self._usage:
            return DONE
        return event({**self._start, "choices": [], "usage": usage_of(replies, prompts)}) + DONE

    def _choice(
        self,
        number: int,
        delta: Mapping[str, Any],
        logprobs: Any = None,
        ended: str | None = None,
        **more: Any,
    ) -> bytes:
        choice: dict[str, Any] = {"index": number, "delta": delta}
        if not self._head.chat:
            choice = {"index": number, "text": delta.get("content", "")}
        choice |= {"logprobs": logprobs, "finish_reason": ended}
        return event({**self._start, "choices": [choice], **more})


DONE = b"data: [DONE]\n\n"


def event(value: Mapping[str, Any]) -> bytes:
    return b"data: " + json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"
