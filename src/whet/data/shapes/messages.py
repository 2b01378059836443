"""Messages as OpenAI writes them, to turns and back.

``{"role", "content", ...}``: the content is text, a list of parts, or null where an assistant only calls
tools; every other key (``weight``, ``name``, ``tool_calls``, ``tool_call_id``, ``thinking``) stays in
``Turn.more`` as it came. A null content that is written out stands there, too, so that it is written
again. Source: the OpenAI API reference, "Create chat completion" and "Supervised fine-tuning".
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from whet.data.shapes.record import Problem, Turns
from whet.data.shapes.values import messages, objects, thawed
from whet.errors import nearest
from whet.records import Turn

ROLES = ("system", "developer", "user", "assistant", "tool", "function")
Content = str | tuple[Mapping[str, Any], ...] | None


def read_messages(value: Any, at: str) -> Turns:
    """A list of messages to turns.

    Raises:
        Problem: not a list of objects, an unknown role, a content or calls of another kind.
    """
    return tuple(read_message(item, f"{at}[{index}]") for index, item in enumerate(messages(value, at)))


def read_message(message: Mapping[str, Any], at: str) -> Turn:
    role = read_role(message.get("role"), at)
    content = read_content(message.get("content"), f"{at}.content")
    more = {key: value for key, value in message.items() if key not in {"role", "content"}}
    if "content" in message and content is None:
        more = {"content": None, **more}
    check_calls(more, at)
    return Turn(role, content, more)


def read_role(role: Any, at: str) -> str:
    if isinstance(role, str) and role in ROLES:
        return role
    hint = nearest(str(role), ROLES) if role else f"Known: {', '.join(ROLES)}."
    raise Problem(f"{at}.role", role, "is not a role.", hint)


def read_content(content: Any, at: str) -> Content:
    """Text, null, or parts that each say their type."""
    if content is None or isinstance(content, str):
        return content
    parts = objects(content, at)
    for index, part in enumerate(parts):
        if not isinstance(part.get("type"), str):
            raise Problem(f"{at}[{index}].type", part.get("type"), "a part must say its type.", "add it.")
        if part["type"] == "text" and not isinstance(part.get("text"), str):
            raise Problem(f"{at}[{index}].text", part.get("text"), "must be a text.", "mend the part.")
    return tuple(parts)


def check_calls(more: Mapping[str, Any], at: str) -> None:
    if more.get("tool_calls") is not None:
        for index, call in enumerate(objects(more["tool_calls"], f"{at}.tool_calls")):
            if not isinstance(call.get("function", {}), dict):
                place = f"{at}.tool_calls[{index}].function"
                raise Problem(place, call["function"], "must be an object.", "mend the call.")


def write_messages(turns: Sequence[Turn]) -> list[dict[str, Any]]:
    return [write_message(turn) for turn in turns]


def write_message(turn: Turn) -> dict[str, Any]:
    """``role`` and ``content`` first, then the rest in its order."""
    message: dict[str, Any] = {"role": turn.role}
    if turn.content is not None or "content" in turn.more:
        message["content"] = written_content(turn.content)
    return {**message, **{key: value for key, value in turn.more.items() if key != "content"}}


def written_content(content: Content) -> Any:
    return list(content) if isinstance(content, tuple) else content


def call_of(name: str, arguments: Any, more: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A tool call as OpenAI writes it: the arguments are JSON text."""
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments, ensure_ascii=False)
    return {**(more or {}), "type": "function", "function": {"name": name, "arguments": arguments}}


def calls_of(turn: Turn) -> list[tuple[str, Any, dict[str, Any]]]:
    """(name, arguments parsed, the call's other keys) of each tool call; a legacy call counts as one."""
    found = []
    calls = [thawed(call) for call in thawed(turn.more.get("tool_calls")) or []]
    legacy = turn.more.get("function_call")
    if not calls and isinstance(legacy, Mapping):
        calls = [{"function": legacy}]
    for call in calls:
        function = call.get("function") or {}
        other = {key: value for key, value in call.items() if key not in {"type", "function"}}
        found.append((str(function.get("name", "")), parsed(function.get("arguments")), other))
    return found


def names_by_id(turns: Sequence[Turn]) -> dict[str, str]:
    """The id of each call to the name of its tool."""
    return {
        other["id"]: name
        for turn in turns
        for name, _, other in calls_of(turn)
        if isinstance(other.get("id"), str)
    }


def parsed(arguments: Any) -> Any:
    """Arguments as the value that their JSON text says; a text that is no JSON stays a text."""
    if not isinstance(arguments, str):
        return arguments
    try:
        return json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments
