"""What can be wrong with the form of one conversation: its roles, its end, its tool calls.

The rules are those that chat templates and OpenAI's chat format share: one system message, first; then
user and assistant in turn, tool results right after the call that asked for them; the assistant has the
last word. Each function gives what is wrong in plain words, nothing where all is well. Values of tool
arguments are never repeated. Knows no rows and no files.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from whet.data.shapes.values import thawed
from whet.records import Turn

SYSTEM = ("system", "developer")
RESULT = ("tool", "function")
ROLES = (*SYSTEM, "user", "assistant", *RESULT)
# The roles that may follow a role; a tool result may also follow another.
_AFTER = {
    "": ("user",),
    "user": ("assistant",),
    "assistant": ("user",),
    "call": RESULT,
    "tool": ("assistant", *RESULT),
}


def order_fault(turns: Sequence[Turn]) -> str:
    """The first turn that stands where it may not."""
    before, started = "", False
    for number, turn in enumerate(turns, start=1):
        if turn.role not in ROLES:
            return f"turn {number} has the role {turn.role!r}; known: {', '.join(ROLES)}"
        if turn.role in SYSTEM:
            if started:
                return f"turn {number} is a {turn.role} message; it must be the first and the only one"
            started = True
            continue
        if turn.role not in _AFTER[before]:
            return f"turn {number} is the {turn.role}'s, {_where(before)}"
        started = True
        before = _kind(turn)
    return "" if before else "no user ever speaks"


def _kind(turn: Turn) -> str:
    if turn.role in RESULT:
        return "tool"
    return "call" if calls(turn) else turn.role


def _where(before: str) -> str:
    follows = {
        "": "but the user must speak first",
        "user": "right after the user's; the assistant must answer",
        "assistant": "right after the assistant's; the user must speak",
        "call": "but the tool call before it has no result",
        "tool": "but the assistant must speak after a tool result",
    }
    return follows[before]


def end_fault(turns: Sequence[Turn]) -> str:
    """Why the end cannot be learned: the last turn is not the assistant's."""
    last = turns[-1].role
    return "" if last == "assistant" else f"the last turn is the {last}'s, not the assistant's"


def calls(turn: Turn) -> tuple[Mapping[str, Any], ...]:
    """The tool calls of a turn; a legacy ``function_call`` counts as one."""
    found = thawed(turn.more.get("tool_calls")) or []
    legacy = thawed(turn.more.get("function_call"))
    every = [*found, {"function": legacy}] if isinstance(legacy, Mapping) else found
    return tuple(call for call in every if isinstance(call, Mapping))


def result_faults(turns: Sequence[Turn]) -> Iterator[str]:
    """Tool results that no call asked for, and calls inside a conversation that get none."""
    asked: list[str] = []
    for number, turn in enumerate(turns, start=1):
        if turn.role in RESULT:
            wanted = str(turn.more.get("tool_call_id") or "")
            if not asked:
                yield f"turn {number} is a tool result without a call"
            elif wanted and any(asked) and wanted not in asked:
                yield f"turn {number} is a tool result for a call that nobody made"
            else:
                asked.remove(wanted if wanted in asked else asked[0])
        else:
            if asked:
                yield f"turn {number} goes on while {len(asked)} tool call(s) have no result"
            asked = [str(call.get("id") or "") for call in calls(turn)] if turn.role == "assistant" else []


def argument_faults(turns: Sequence[Turn], tools: Any) -> Iterator[str]:
    """Tool calls whose arguments are not JSON, that miss a parameter, or that name an unknown tool."""
    known = definitions(tools)
    for number, turn in enumerate(turns, start=1):
        for call in calls(turn):
            function = call.get("function")
            function = function if isinstance(function, Mapping) else call
            fault = _call_fault(str(function.get("name") or ""), function.get("arguments"), known)
            if fault:
                yield f"turn {number}: {fault}"


def _call_fault(name: str, given: Any, known: Mapping[str, Mapping[str, Any]]) -> str:
    if not name:
        return "a tool call without a name"
    if known and name not in known:
        return f"{name!r} is none of the row's tools ({', '.join(sorted(known))})"
    try:
        values = json.loads(given or "{}") if isinstance(given, str) else given or {}
    except (ValueError, RecursionError):
        return f"the arguments of {name!r} are not JSON"
    if not isinstance(values, Mapping):
        return f"the arguments of {name!r} are not a JSON object"
    missing = [str(key) for key in known.get(name, {}).get("required") or () if key not in values]
    return f"{name!r} misses its required {', '.join(missing)}" if missing else ""


def definitions(tools: Any) -> dict[str, Mapping[str, Any]]:
    """Tool name to the JSON Schema of its parameters; tools may be a list, or the JSON of one."""
    tools, known = thawed(tools), dict[str, Mapping[str, Any]]()
    for tool in tools if isinstance(tools, list | tuple) else ():
        function = tool.get("function", tool) if isinstance(tool, Mapping) else None
        if isinstance(function, Mapping) and function.get("name"):
            schema = function.get("parameters")
            known[str(function["name"])] = schema if isinstance(schema, Mapping) else {}
    return known


def teaches_nothing(turns: Sequence[Turn]) -> bool:
    """Whether every answer of the assistant has the weight 0."""
    weights = [turn.more.get("weight") for turn in turns if turn.role == "assistant"]
    return bool(weights) and all(weight == 0 for weight in weights)
