"""Tool calls, by name and arguments, whatever their order.

A call is ``{"name", "arguments"}``, or OpenAI's ``{"function": {"name", "arguments"}}`` whose arguments are
a JSON text; an output is one call, a list of them, or a message with ``tool_calls``. Calls of one name are
matched one to one, each worth the F1 of its arguments (``fields``); the score is 2 s / (approved + made)
with s the sum of these.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from whet.evaluate.scorers.base import ByPair, Scored, listed, text_of
from whet.evaluate.scorers.fields import compare, f1
from whet.records import Example, Output

Call = tuple[str, Any]


def tool_calls() -> ByPair:
    """How many of the approved calls were made, and no others."""

    def judge(example: Example, output: Output) -> Scored:
        made, wanted = calls_in(output), calls_in(example.output) or []
        if made is None:
            return Scored(0.0, "The output is no list of tool calls.")
        if not made and not wanted:
            return Scored(1.0, "No tool is called, and none should be.")
        worth, problems = _match(wanted, made)
        said = f"Wrong: {listed(problems)}." if problems else "All calls are right."
        return Scored(2 * worth / (len(made) + len(wanted)), said)

    return ByPair("tool_calls", judge)


def _match(wanted: list[Call], made: list[Call]) -> tuple[float, list[str]]:
    left, worth, problems = list(wanted), 0.0, []
    for name, arguments in made:
        rivals = [(f1(compare(call[1], arguments).values()), call) for call in left if call[0] == name]
        if not rivals:
            problems.append(f"{name} should not be called")
            continue
        value, call = max(rivals, key=lambda rival: rival[0])
        left.remove(call)
        worth += value
        if value < 1:
            problems.append(f"the arguments of {name}")
    return worth, problems + [f"{name} is not called" for name, _ in left]


def calls_in(output: Output) -> list[Call] | None:
    """The calls that an output makes; None where it is not of that form."""
    try:
        value = json.loads(text_of(output))
    except (ValueError, RecursionError):
        return None
    if isinstance(value, Mapping) and "tool_calls" in value:
        value = value["tool_calls"] or []
    entries = value if isinstance(value, list) else [value]
    calls = [_call(entry) for entry in entries]
    return [call for call in calls if call is not None] if all(calls) else None


def _call(entry: Any) -> Call | None:
    inside = entry.get("function", entry) if isinstance(entry, Mapping) else None
    if not isinstance(inside, Mapping) or not isinstance(inside.get("name"), str):
        return None
    arguments = inside.get("arguments", {})
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments or "{}")
        except ValueError:
            return None
    return str(inside["name"]), arguments
