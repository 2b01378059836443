"""What is sent: a request as the body of ``POST /chat/completions``, in the server's own dialect.

Servers that speak OpenAI's protocol speak different parts of it. Everything optional is asked for until the
server refuses it by name; it is then left out for good, and said. Source: OpenAI's API reference, "Create
chat completion"; vLLM, llama.cpp and Ollama document which parts they know. Sends nothing itself.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from whet.config_models import EndpointModel
from whet.errors import InputError
from whet.models.base import Request
from whet.records import Turn
from whet.store import value_digest

FIELD = "answer"
"""The property that holds a choice: a server's schema must be an object."""
CHOICE = "one_of"
"""The name of the schema around a choice."""
TOP = 5
"""Alternatives asked for at each token; more are refused by some servers."""
SENT_OF_TURN = ("name", "tool_calls", "tool_call_id")

REFUSED = {
    "json_schema": "the server takes no JSON Schema: it is asked for JSON, the form is not enforced",
    "response_format": "the server takes no `response_format`: the form of answers is not enforced",
    "logprobs": "the server gives no probabilities of tokens",
    "top_logprobs": "the server gives no probabilities of other tokens: choices have none",
    "temperature": "the server chooses the temperature itself: two calls may answer differently",
    "seed": "the server takes no seed: answers drawn by chance cannot be drawn again",
    "stop": "the server takes no stop texts: answers are written to their end, cut here, and paid in full",
    "max_tokens": "",  # the newer name is used then; nothing is lost
}
"""What may be left out, and what is then different."""
NO_FORM = "a regex or a grammar cannot be asked for over this protocol: the form of answers is not enforced"


def body_of(request: Request, spec: EndpointModel, without: Collection[str] = frozenset()) -> dict[str, Any]:
    """The body of the call, less what the server has refused.

    Raises:
        InputError: the answer has begun already, which this protocol cannot say.
    """
    if request.begun:
        fix = "use a model that runs on this machine."
        raise InputError("a server does not go on with an answer that has begun.", where=spec.model, fix=fix)
    limit = "max_completion_tokens" if "max_tokens" in without else "max_tokens"
    wanted: dict[str, Any] = {
        "temperature": request.temperature,
        "seed": request.seed if request.temperature or request.seed else None,
        "stop": list(request.stop) or None,
        "logprobs": True,
        "top_logprobs": TOP if request.form and request.form.choices and "logprobs" not in without else None,
        "response_format": _format(request, without),
    }
    optional = {name: value for name, value in wanted.items() if value is not None and name not in without}
    return {
        **spec.parameters,
        "model": spec.model,
        "messages": [_message(turn) for turn in request.turns],
        limit: request.tokens,
        **optional,
    }


def key_of(request: Request, spec: EndpointModel) -> str:
    """Digest of everything that is asked: server, model, messages, all parameters."""
    form = request.form
    unsent = [form.regex, form.grammar] if form else []
    return value_digest(["endpoint", 1, spec.endpoint, body_of(request, spec), unsent])


def most_tokens_in(body: Mapping[str, Any]) -> int:
    """Tokens that the text of ``body`` can be at the most.

    A token of a byte-level vocabulary covers at least one byte; the JSON around the messages covers what
    the server's chat template adds.
    """
    text = json.dumps([body["messages"], body.get("response_format")], ensure_ascii=False)
    return len(text.encode("utf-8", errors="surrogatepass")) + 64


def refused_part(said: str, body: Mapping[str, Any]) -> str | None:
    """The optional part of ``body`` that a refusal names; None where it names none."""
    said = said.lower()
    form = body.get("response_format") or {}
    if any(word in said for word in ("response_format", "json_schema", "schema", "guided", "grammar")):
        whole = form.get("type") == "json_schema" and form["json_schema"]["name"] != CHOICE
        return ("json_schema" if whole else "response_format") if form else None
    for name in ("top_logprobs", "logprobs", "temperature", "seed", "stop", "max_tokens"):
        if name in body and name in said:
            return name
    return None


def _message(turn: Turn) -> dict[str, Any]:
    content = turn.content if isinstance(turn.content, str | None) else [dict(part) for part in turn.content]
    more = {name: turn.more[name] for name in SENT_OF_TURN if name in turn.more}
    return {"role": turn.role, "content": content, **more}


def _format(request: Request, without: Collection[str]) -> dict[str, Any] | None:
    form = request.form
    if form is None or "response_format" in without:
        return None
    if form.choices:
        return _schema_format(choice_schema(form.choices), CHOICE)
    if form.schema is None:
        return None
    if "json_schema" in without:
        return {"type": "json_object"}
    return _schema_format(dict(form.schema), "answer")


def choice_schema(choices: tuple[str, ...]) -> dict[str, Any]:
    """An object whose one property is one of ``choices``."""
    value = {"type": "string", "enum": list(choices)}
    return {
        "type": "object",
        "properties": {FIELD: value},
        "required": [FIELD],
        "additionalProperties": False,
    }


def _schema_format(schema: dict[str, Any], name: str) -> dict[str, Any]:
    inside: dict[str, Any] = {"name": name, "schema": schema}
    if is_strict(schema):
        inside["strict"] = True
    return {"type": "json_schema", "json_schema": inside}


def is_strict(schema: Any) -> bool:
    """Whether OpenAI's strict mode takes it: every object closed, every property required."""
    if isinstance(schema, list):
        return all(is_strict(part) for part in schema)
    if not isinstance(schema, Mapping):
        return True
    if schema.get("type") == "object" or "properties" in schema:
        closed = schema.get("additionalProperties") is False
        if not closed or set(schema.get("required", ())) != set(schema.get("properties", ())):
            return False
    return all(is_strict(part) for part in schema.values())
