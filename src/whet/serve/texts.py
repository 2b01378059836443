"""From a body to what is asked, checked before any work begins.

    ChatBody | CompletionBody -> Ask, one for each answer that is wanted

What the shapes cannot say is checked here: depth and bytes of schemas, parts that are no text, tools that are
chosen and not there. Knows no specialist.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from whet.records import Turn
from whet.serve import caps
from whet.serve.asking import Ask
from whet.serve.faults import bad, unsupported
from whet.serve.shapes import ChatBody, Choice, CompletionBody, Format, Message, Sampling

ANY_OBJECT: Mapping[str, Any] = {"type": "object"}


def asks_of_chat(body: ChatBody) -> list[Ask]:
    """One ``Ask`` for each of ``n``."""
    _check_done(body)
    tools, forced = _tools(body)
    top = (body.top_logprobs or 0) if body.logprobs else None
    if body.top_logprobs is not None and not body.logprobs:
        raise bad("top_logprobs needs logprobs: true.", "top_logprobs")
    one = Ask(
        turns=tuple(_turn(message, n) for n, message in enumerate(body.messages)),
        tools=tools,
        forced=forced,
        schema=schema_of(body.response_format),
        tokens=body.max_completion_tokens or body.max_tokens,
        top=top,
        **_sampled(body),
    )
    return list(_repeated(one, body.n or 1))


def asks_of_completion(body: CompletionBody) -> list[Ask]:
    """``n`` for each prompt, in the order that OpenAI counts choices."""
    _check_done(body)
    prompts = [body.prompt] if isinstance(body.prompt, str) else body.prompt
    if len(prompts) * (body.n or 1) > caps.N:
        raise bad(f"prompts times n is at most {caps.N}.", "n")
    if "" in prompts:
        raise bad("a prompt is empty.", "prompt")
    tokens = body.max_tokens or 16  # OpenAI's default
    found = [
        Ask((Turn("user", text),), tokens=tokens, top=body.logprobs, **_sampled(body)) for text in prompts
    ]
    return [ask for one in found for ask in _repeated(one, body.n or 1)]


def _sampled(body: Sampling) -> dict[str, Any]:
    seed = secrets.randbits(32) if body.seed is None else body.seed
    heat, share = body.temperature or 0.0, body.top_p or 1.0
    return {"stop": tuple(body.stop or ()), "temperature": heat, "top_p": share, "seed": seed}


def _repeated(ask: Ask, n: int) -> Iterator[Ask]:
    return (replace(ask, seed=ask.seed + number) for number in range(n))


def _check_done(body: Sampling) -> None:
    if name := body.refused():
        raise unsupported(f"{name} is not done here; leave it out.", name)
    if body.stream_options is not None and not body.stream:
        raise bad("stream_options needs stream: true.", "stream_options")


def _turn(message: Message, number: int) -> Turn:
    at = f"messages[{number}].content"
    for part in message.content if isinstance(message.content, list) else ():
        if part.type != "text" or part.text is None:
            raise unsupported(f"a part of the type {part.type[:40]!r} is not read; text is.", at)
    text = message.content if isinstance(message.content, str | None) else _joined(message)
    if text is None and not message.tool_calls:
        raise bad("a message needs content.", at)
    role = "system" if message.role == "developer" else message.role
    more = message.model_dump(include={"name", "tool_calls", "tool_call_id"}, exclude_none=True)
    return Turn(role, text, more)


def _joined(message: Message) -> str:
    return "".join(part.text or "" for part in message.content or () if not isinstance(part, str))


def schema_of(form: Format | None) -> Mapping[str, Any] | None:
    """The schema of a ``response_format``; None: any text."""
    if form is None or form.type == "text":
        return None
    if form.type == "json_object":
        return ANY_OBJECT
    if form.json_schema is None or form.json_schema.schema_ is None:
        raise bad("response_format of type json_schema needs json_schema.schema.", "response_format")
    check_json(form.json_schema.schema_, "response_format.json_schema.schema")
    return form.json_schema.schema_


def _tools(body: ChatBody) -> tuple[tuple[Mapping[str, Any], ...], tuple[str, ...]]:
    """The tools that may be called, and those of which one must be."""
    tools, choice = body.tools or [], body.tool_choice
    if not tools:
        if choice not in (None, "none", "auto"):
            raise bad("tool_choice names a tool, and there are no tools.", "tool_choice")
        return (), ()
    given = [tool.model_dump(exclude_none=True) for tool in tools]
    check_json(given, "tools")
    if choice == "none":
        return (), ()
    names = [tool.function.name for tool in tools]
    if len(set(names)) < len(names):
        raise bad("two tools have the same name.", "tools")
    return tuple(given), _forced(choice, names)


def _forced(choice: str | Choice | None, names: Sequence[str]) -> tuple[str, ...]:
    if choice == "required":
        return tuple(names)
    if isinstance(choice, Choice):
        if choice.function.name not in names:
            raise bad(f"tool_choice names {choice.function.name!r}, which is no tool here.", "tool_choice")
        return (choice.function.name,)
    return ()


def check_json(value: Any, param: str) -> None:
    """A schema that a stranger sends: so many bytes, so deep.

    Raises:
        Fault: more than that.
    """
    if depth(value) > caps.DEEPEST:
        raise bad(f"is deeper than {caps.DEEPEST} levels.", param)
    size = len(json.dumps(value))
    if size > caps.SCHEMA_BYTES:
        raise bad(f"has {size:,} bytes; {caps.SCHEMA_BYTES:,} are allowed.", param)


def depth(value: Any) -> int:
    """Objects and lists within each other; counted level by level, so that no depth can end the stack."""
    level, count = [value], 0
    while level := [inner for one in level for inner in _inside(one)]:
        count += 1
    return count


def _inside(value: Any) -> Sequence[Any]:
    if isinstance(value, Mapping):
        return list(value.values())
    return value if isinstance(value, list) else ()
