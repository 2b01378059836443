"""ShareGPT: ``{"conversations": [{"from": "human", "value": ...}], "system", "tools"}``.

The terms are LLaMA-Factory's (``function_call`` and ``observation`` around a tool, ``tools`` as JSON text);
names that other files mix in (``user``, ``assistant``, ``role`` and ``content``) are read as well. What a
message of this shape has no word for (the id of a call, a weight, parts) stands beside ``from`` and
``value`` under OpenAI's name, where trainers overlook it and the way back finds it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from whet.data.shapes.meaning import plain, weighted
from whet.data.shapes.messages import (
    ROLES,
    call_of,
    calls_of,
    check_calls,
    read_content,
    read_role,
    written_content,
)
from whet.data.shapes.record import Problem, Record, Turns
from whet.data.shapes.shape import Shape, only
from whet.data.shapes.values import Values, flag, frozen, given, maybe_text, messages, objects, rest, thawed
from whet.errors import nearest
from whet.records import Turn

SPEAKERS = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "chatgpt": "assistant",
    "bing": "assistant",
    "bard": "assistant",
    "bot": "assistant",
    "model": "assistant",
    "system": "system",
    "developer": "developer",
    "function_call": "assistant",
    "observation": "tool",
    "tool": "tool",
    "tool_response": "tool",
    "function_response": "tool",
    "function": "function",
}
WORDS = {"user": "human", "assistant": "gpt", "tool": "observation", "developer": "system"}
KEYS = ("conversations", "conversation", "messages")
OWN = frozenset({"from", "value", "role"})


def read_turns(value: Any, at: str) -> Turns:
    return tuple(read_turn(item, f"{at}[{index}]") for index, item in enumerate(messages(value, at)))


def read_turn(message: Mapping[str, Any], at: str) -> Turn:
    """One message. ``role``, ``content`` and ``tool_calls``, where they are there, say more than ``from``
    and ``value``.

    Raises:
        Problem: an unknown speaker, a value of another kind, a function call that is no JSON.
    """
    speaker = message.get("from", message.get("role"))
    role = _role(speaker, message, at)
    more = {k: v for k, v in message.items() if k not in {"from", "value", "role", "content"}}
    called = speaker == "function_call"
    if called and more.get("tool_calls") is None:
        more["tool_calls"] = read_calls(message.get("value"), f"{at}.value")
    check_calls(more, at)
    key = "content" if called or "content" in message else "value"
    if key not in message and not more.get("tool_calls"):
        raise Problem(f"{at}.value", None, "is missing; a message says something.", "mend or remove the row.")
    content = read_content(message.get(key), f"{at}.{key}")
    return Turn(role, content, more)


def _role(speaker: Any, message: Mapping[str, Any], at: str) -> str:
    if "from" in message and "role" in message:
        return read_role(message["role"], at)
    if isinstance(speaker, str) and speaker.lower() in SPEAKERS:
        return SPEAKERS[speaker.lower()]
    hint = nearest(speaker, SPEAKERS) if isinstance(speaker, str) else f"Known: {', '.join(SPEAKERS)}."
    raise Problem(f"{at}.from", speaker, "is not a speaker.", hint)


def read_calls(value: Any, at: str) -> list[dict[str, Any]]:
    """The calls in the text of a ``function_call``: ``{"name", "arguments"}``, or a list of these."""
    found = thawed(value)
    calls = found if isinstance(found, list) else [found]
    for call in calls:
        if not isinstance(call, Mapping) or not isinstance(call.get("name"), str):
            rule = 'must be JSON: {"name": ..., "arguments": {...}}, or a list of these.'
            raise Problem(at, value, rule, "mend the call.")
    return [_call(call) for call in calls]


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    other = {key: value for key, value in call.items() if key not in {"name", "arguments"}}
    return call_of(call["name"], call.get("arguments", {}), other)


def write_turns(turns: Sequence[Turn]) -> list[dict[str, Any]]:
    return [write_turn(turn) for turn in turns]


def write_turn(turn: Turn) -> dict[str, Any]:
    """The words of this shape, and beside them what they cannot say."""
    calls = calls_of(turn) if turn.more.get("tool_calls") else []
    kept = {key: value for key, value in turn.more.items() if key not in {"content", "tool_calls"}}
    for key in OWN & set(kept):
        raise Problem(key, kept[key], "a message of this shape uses a key of this name itself.")
    if calls and not plain(turn).content and turn.role == "assistant":
        called = [{"name": name, "arguments": arguments} for name, arguments, _ in calls]
        lean = {"from": "function_call", "value": frozen(called if len(called) > 1 else called[0])}
    else:
        lean = {"from": WORDS.get(turn.role, turn.role), "value": turn.text}
    return {**lean, **kept, **_beside(turn, {**lean, **kept})}


def _beside(turn: Turn, lean: Mapping[str, Any]) -> dict[str, Any]:
    """What reading the lean message would not give back."""
    said, meant = plain(read_turn(lean, "")), plain(turn)
    extra: dict[str, Any] = {}
    if SPEAKERS[lean["from"]] != turn.role:
        extra["role"] = turn.role
    if said.content != meant.content:
        extra["content"] = written_content(turn.content)
    if said.more.get("tool_calls") != meant.more.get("tool_calls"):
        extra["tool_calls"] = turn.more["tool_calls"]
    return extra


def _read(values: Values) -> Record:
    key = _key(values)
    system = maybe_text(values, "system")
    turns = read_turns(values.get(key), key)
    return Record(
        turns=(*([Turn("system", system)] if system else ()), *turns),
        tools=read_definitions(values),
        desirable=flag(values, "kto_tag") if given(values, "kto_tag") else None,
        more=rest(values, {key, "system", "tools", "kto_tag"}),
    )


def _key(values: Values) -> str:
    return next((key for key in KEYS if values.get(key) is not None), KEYS[0])


def read_definitions(values: Values) -> tuple[Mapping[str, Any], ...] | None:
    """``tools``: JSON text of function definitions, bare or wrapped as OpenAI has them."""
    if not given(values, "tools"):
        return None
    return tuple(
        {"type": "function", "function": tool} if "name" in tool and "type" not in tool else tool
        for tool in objects(values["tools"], "tools")
    )


def _write(record: Record) -> dict[str, Any]:
    only(record, "tools", "desirable")
    values = write_conversation(weighted(record), record.tools)
    return values if record.desirable is None else {**values, "kto_tag": record.desirable}


def write_conversation(turns: Turns, tools: Sequence[Mapping[str, Any]] | None) -> dict[str, Any]:
    system = _system(turns)
    values: dict[str, Any] = {"conversations": write_turns(turns[1:] if system else turns)}
    if system:
        values["system"] = system
    if tools is not None:
        values["tools"] = json.dumps([_bare(tool) for tool in tools], ensure_ascii=False)
    return values


def _system(turns: Turns) -> str:
    """The text of a leading system turn that the key ``system`` can hold."""
    if (
        len(turns) > 1
        and turns[0].role == "system"
        and isinstance(turns[0].content, str)
        and not turns[0].more
    ):
        return turns[0].content
    return ""


def _bare(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    function = tool.get("function")
    wrapped = set(tool) == {"type", "function"} and tool["type"] == "function"
    bare = isinstance(function, Mapping) and "name" in function and "type" not in function
    return function if wrapped and bare and isinstance(function, Mapping) else tool


def is_conversation(values: Values) -> bool:
    """Whether a row holds a list of messages with speakers, and is not OpenAI's own."""
    value = thawed(values.get(_key(values)))
    if not isinstance(value, list) or not value or not all(isinstance(item, Mapping) for item in value):
        return False
    if _key(values) == "messages" and all("from" not in m and m.get("role") in ROLES for m in value):
        return False
    return all(isinstance(m.get("from", m.get("role")), str) for m in value)


SHAREGPT = Shape(
    name="sharegpt",
    about="ShareGPT, LLaMA-Factory and Axolotl with conversations: human, gpt, function_call, observation",
    keys={
        "conversations": "turns",
        **{f"{key}?": "turns" for key in KEYS[1:]},
        "system?": "system turn",
        "tools?": "tools",
        "kto_tag?": "desirable",
    },
    looks=is_conversation,
    reader=_read,
    writer=_write,
)
SHAPES = (SHAREGPT,)
