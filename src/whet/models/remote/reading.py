"""What comes back: the body of an answer, read with care, because servers differ and answers break.

Probabilities of choices come from the alternatives that the server names at each token; the log probability
of an answer is without its end, which no server names. Knows no money.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from whet.models.base import Answer, Ended, Request
from whet.models.remote.body import FIELD

ENDS: dict[str, Ended] = {"stop": "end", "length": "length", "tool_calls": "end", "function_call": "end"}


class Unreadable(ValueError):
    """The server's answer is not what the protocol promises."""


def read_answer(value: Any, request: Request) -> tuple[Answer, bool]:
    """The answer in ``value``, the decoded body, and whether the server counted its tokens.

    Raises:
        Unreadable: not a chat completion.
    """
    choice = _first_choice(value)
    message = choice.get("message")
    if not isinstance(message, Mapping):
        raise Unreadable("its answer has no message")
    usage = value.get("usage")
    usage = usage if isinstance(usage, Mapping) else {}
    text, ended = _text(message, choice, request)
    tokens = _tokens(choice)
    answer = Answer(
        text=_chosen(text, request),
        ended=ended,
        logprob=sum(_logprob(token) for token in tokens) if tokens else None,
        choices=choice_probabilities(tokens, request.form.choices) if request.form else (),
        tokens_in=_count(usage.get("prompt_tokens")),
        tokens_out=_count(usage.get("completion_tokens")),
        failed=_refusal(message, choice),
    )
    counted = "prompt_tokens" in usage and "completion_tokens" in usage
    return answer, counted


def _first_choice(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise Unreadable(f"its answer is not JSON: {str(value)[:80]!r}")
    if value.get("error") and not value.get("choices"):
        raise Unreadable(f"it answers with an error: {str(value['error'])[:160]}")
    choices = value.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], Mapping):
        raise Unreadable("its answer is no chat completion: it has no choices")
    return choices[0]


def _text(message: Mapping[str, Any], choice: Mapping[str, Any], request: Request) -> tuple[str, Ended]:
    """The text up to the first stop text, and how it ended."""
    text = str(message.get("content") or "")
    ended: Ended = ENDS.get(str(choice.get("finish_reason")), "end")
    if choice.get("stop_reason") in request.stop and request.stop:  # vLLM says which
        ended = "stop"
    places = [place for stop in request.stop if (place := text.find(stop)) >= 0]
    if places:
        text, ended = text[: min(places)], "stop"
    return text, "failed" if _refusal(message, choice) else ended


def _refusal(message: Mapping[str, Any], choice: Mapping[str, Any]) -> str:
    if choice.get("finish_reason") == "content_filter":
        return "the provider's content filter stopped the answer; look at the input, or ask another model"
    if message.get("refusal"):
        said = str(message["refusal"])[:160]
        return f"the model refuses ({said}); look at the input, or ask another model"
    return ""


def _chosen(text: str, request: Request) -> str:
    """The choice inside the object that was asked for; the text itself where the server sent plain text."""
    if not request.form or not request.form.choices:
        return text
    try:
        value = json.loads(text)
    except ValueError:
        return text.strip()
    return str(value[FIELD]) if isinstance(value, dict) and FIELD in value else text.strip()


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value >= 0 else 0


def _tokens(choice: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The tokens with their log probabilities; empty where the server gives none."""
    about = choice.get("logprobs")
    content = about.get("content") if isinstance(about, Mapping) else None
    tokens = [token for token in content or () if isinstance(token, Mapping) and "token" in token]
    return tokens if content and len(tokens) == len(content) else []


def _logprob(token: Mapping[str, Any]) -> float:
    value = token.get("logprob")
    return float(value) if isinstance(value, int | float) else -math.inf


def choice_probabilities(tokens: Sequence[Mapping[str, Any]], choices: Sequence[str]) -> tuple[float, ...]:
    """Probability of each choice, as far as the named alternatives tell; empty where they tell nothing.

    The way that was taken is followed token by token. An alternative at a token carries the probability of
    the way so far times its own to the choices that begin like it, in equal shares; what the server does
    not name is lost, and the rest is scaled to one.
    """
    text = "".join(str(token["token"]) for token in tokens)
    start, ends = _place(text, choices)
    if not any(token.get("top_logprobs") for token in tokens) or not choices:
        return ()
    mass, found, offset = 1.0, [0.0] * len(ends), 0
    for token in tokens:
        said = str(token["token"])
        lead, offset = max(start - offset, 0), offset + len(said)
        if offset <= start:
            continue
        before = text[start : max(offset - len(said), start)]
        for other, p in _others(token, said, lead):
            _share(found, _fitting(ends, before + other), mass * p)
        mass *= math.exp(_logprob(token))
        if len(left := _fitting(ends, text[start:offset])) <= 1:
            break
    _share(found, left if len(left) == 1 else [i for i in left if text[start:] == ends[i]] or left, mass)
    total = sum(found)
    return tuple(value / total for value in found) if total else ()


def _place(text: str, choices: Sequence[str]) -> tuple[int, list[str]]:
    """Where the choice begins in ``text``, and how each choice is written there."""
    try:
        inside = FIELD in json.loads(text)
    except (ValueError, TypeError):
        inside = False
    if not inside:
        return len(text) - len(text.lstrip()), list(choices)
    colon = text.index(":", text.index(f'"{FIELD}"'))
    return text.index('"', colon), [json.dumps(choice, ensure_ascii=False) for choice in choices]


def _others(token: Mapping[str, Any], said: str, lead: int) -> Iterator[tuple[str, float]]:
    """The alternatives to ``said``, less its first ``lead`` letters, with their probabilities."""
    for other in token.get("top_logprobs") or ():
        text = str(other.get("token", ""))
        if text != said and text[:lead] == said[:lead]:
            yield text[lead:], math.exp(_logprob(other))


def _fitting(ends: Sequence[str], begun: str) -> list[int]:
    """The choices that begin so; else the longest one that ``begun`` has gone beyond."""
    inside = [i for i, end in enumerate(ends) if end.startswith(begun)]
    if inside:
        return inside
    beyond = [i for i, end in enumerate(ends) if begun.startswith(end)]
    return [max(beyond, key=lambda i: len(ends[i]))] if beyond else []


def _share(found: list[float], among: Sequence[int], mass: float) -> None:
    for index in among:
        found[index] += mass / len(among)
