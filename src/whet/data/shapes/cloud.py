"""The shapes of two clouds: Vertex AI's Gemini and Amazon Bedrock.

Both write a message as a list of parts, and tool calls and their results are parts. Both are read by one
walk over the parts and told apart by a ``Dialect``. Arguments and results are objects there and JSON text
in OpenAI's terms; their spacing is no meaning. Sources: Google Cloud, "Prepare supervised fine-tuning data
for Gemini models" and "Tune a model for function calling"; Amazon Bedrock, "Converse API" and
``bedrock-conversation-2024``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from whet.data.shapes.messages import Content, call_of, calls_of, names_by_id, parsed
from whet.data.shapes.record import Problem, Turns
from whet.data.shapes.values import frozen, mapping, messages, objects
from whet.records import Turn

Part = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one cloud writes what OpenAI's terms say."""

    parts: str
    """The key of a message's parts."""
    roles: Mapping[str, str]
    """Its roles to OpenAI's."""
    call: str
    """The key of a part that calls a tool."""
    result: str
    """The key of a part that holds a tool's answer."""
    media: frozenset[str]
    """Keys of parts that hold images, documents and the like."""
    read_call: Callable[[Part, str], dict[str, Any]]
    write_call: Callable[[str, Any, Mapping[str, Any]], dict[str, Any]]
    read_result: Callable[[Part, str], Turn]
    write_result: Callable[[Turn, str], dict[str, Any]]


def read_dialogue(dialect: Dialect, value: Any, at: str) -> Turns:
    """Messages to turns. A message with several tool results is several turns."""
    turns: list[Turn] = []
    for index, message in enumerate(messages(value, at)):
        place = f"{at}[{index}]"
        role = message.get("role", "user")
        if not isinstance(role, str) or role not in dialect.roles:
            known = ", ".join(dialect.roles)
            raise Problem(f"{place}.role", role, "is not a role.", f"Known: {known}.")
        other = {key: value for key, value in message.items() if key not in {"role", dialect.parts}}
        key = f"{place}.{dialect.parts}"
        read = _read_parts(dialect, dialect.roles[role], objects(message.get(dialect.parts), key), key)
        turns += [replace(turn, more={**turn.more, **other}) for turn in read]
    return tuple(turns)


def _read_parts(dialect: Dialect, role: str, parts: Sequence[Part], at: str) -> list[Turn]:
    """One turn for each result, one for each stretch of content followed by calls."""
    turns: list[Turn] = []
    content: list[Part] = []
    calls: list[dict[str, Any]] = []

    def close() -> None:
        if content or calls:
            turns.append(Turn(role, _content(content), {"tool_calls": list(calls)} if calls else {}))
        content.clear()
        calls.clear()

    for index, part in enumerate(parts):
        place = f"{at}[{index}]"
        if dialect.result in part:
            close()
            turns.append(dialect.read_result(part, place))
        elif dialect.call in part:
            calls.append(dialect.read_call(part, place))
        else:
            if calls:
                close()
            content.append(_read_part(dialect, part, place))
    close()
    return turns or [Turn(role, None)]


def _content(parts: Sequence[Part]) -> Content:
    if len(parts) == 1 and set(parts[0]) == {"type", "text"}:
        return str(parts[0]["text"])
    return tuple(parts) or None


def _read_part(dialect: Dialect, part: Part, at: str) -> Part:
    kinds = {"text", *dialect.media} & set(part)
    if len(kinds) != 1 or "type" in part:
        known = ", ".join(["text", dialect.call, dialect.result, *sorted(dialect.media)])
        raise Problem(at, part, "is not a part.", f"a part holds one of: {known}.")
    kind = kinds.pop()
    if kind == "text" and not isinstance(part["text"], str):
        raise Problem(f"{at}.text", part["text"], "must be a text.", "mend the part.")
    return {"type": kind, **part}


def write_dialogue(dialect: Dialect, turns: Sequence[Turn]) -> list[dict[str, Any]]:
    """Turns to messages; results that follow each other share one message."""
    words = {ours: theirs for theirs, ours in reversed(tuple(dialect.roles.items()))}
    names = names_by_id(turns)
    written = []
    for is_result, group in groupby(turns, lambda turn: turn.role == "tool"):
        if is_result:
            results = [
                dialect.write_result(turn, names.get(str(turn.more.get("tool_call_id")), ""))
                for turn in group
            ]
            written.append({"role": words["user"], dialect.parts: results})
            continue
        for turn in group:
            if turn.role not in words:
                raise Problem(
                    "turns.role", turn.role, f"there is no such role here, only {', '.join(words)}."
                )
            written.append({"role": words[turn.role], dialect.parts: _write_parts(dialect, turn)})
    return written


def _write_parts(dialect: Dialect, turn: Turn) -> list[dict[str, Any]]:
    calls = calls_of(turn) if turn.more.get("tool_calls") else []
    silent = turn.content is None or (calls and not turn.content)
    parts = [] if silent else write_content(turn.content, dialect.media)
    return parts + [dialect.write_call(*call) for call in calls]


def write_content(content: Content, media: Iterable[str]) -> list[dict[str, Any]]:
    """Content as parts; a part of a kind that this cloud does not have is refused."""
    if not isinstance(content, tuple):
        return [{"text": content or ""}]
    for part in content:
        if part.get("type") not in {"text", *media}:
            raise Problem("turns.content", part, "there is no part of this type here.")
    return [{key: value for key, value in part.items() if key != "type"} for part in content]


def read_text_parts(value: Any, at: str) -> Content:
    """The parts of a system message: text only."""
    parts = []
    for index, part in enumerate(objects(value, at)):
        if set(part) != {"text"} or not isinstance(part["text"], str):
            raise Problem(f"{at}[{index}]", part, "must be a part with `text` alone.", "mend the part.")
        parts.append({"type": "text", "text": part["text"]})
    return _content(parts)


def system_apart(turns: Turns) -> tuple[list[dict[str, Any]], Turns]:
    """(the parts of a leading system turn, the other turns)."""
    if turns and turns[0].role in {"system", "developer"} and turns[0].content:
        return write_content(turns[0].content, ()), turns[1:]
    return [], turns


def read_arguments(call: Any, name: str, arguments: str, at: str) -> tuple[str, Any]:
    """The name and the arguments of a call."""
    call = mapping(call, at)
    if not isinstance(call.get(name), str):
        raise Problem(f"{at}.{name}", call.get(name), "must be a text.", "mend the call.")
    return call[name], call.get(arguments, {})


def made_call(name: str, arguments: Any, call_id: Any, other: Mapping[str, Any]) -> dict[str, Any]:
    return call_of(name, arguments, {**({"id": call_id} if call_id is not None else {}), **other})


def as_object(arguments: Any) -> Mapping[str, Any]:
    """Arguments as an object, which both clouds ask for."""
    if not isinstance(arguments, Mapping):
        raise Problem("turns.tool_calls", arguments, "the arguments of a call must be a JSON object.")
    return arguments


def result_value(turn: Turn) -> Any:
    """A tool's answer: the object or list that its JSON text says, or the text."""
    if turn.content is not None and not isinstance(turn.content, str):
        raise Problem("turns.content", turn.content, "a tool's answer must be a text here.")
    value = parsed(turn.content or "")
    return value if isinstance(value, (dict, list)) else turn.content or ""


def result_text(value: Any) -> str:
    return value if isinstance(value, str) else frozen(value)
