"""Tools that a decoder calls: what holds it to a call, and how a call is read from what it wrote.

A call that must be made is a form: one JSON object with the tool's name and its arguments. One that may be
made is read in the ways in which open models write them: ``<tool_call>{...}</tool_call>`` (Hermes, Qwen), or
one object with ``name`` and ``arguments`` or ``parameters`` (Llama). Knows no model.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from whet.halves import whole

MARKED = re.compile(r"<tool_call>\s*(.*?)\s*</tool_call>", re.DOTALL)


def schema_of_call(tools: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[str, Any]:
    """The JSON Schema of a call to one of some tools."""
    ways = [_way(tool["function"]) for tool in tools if tool["function"]["name"] in names]
    return ways[0] if len(ways) == 1 else {"anyOf": ways}


def _way(function: Mapping[str, Any]) -> dict[str, Any]:
    arguments = function.get("parameters") or {"type": "object"}
    return {
        "type": "object",
        "properties": {"name": {"const": function["name"]}, "arguments": arguments},
        "required": ["name", "arguments"],
        "additionalProperties": False,
    }


def told(tools: Sequence[Mapping[str, Any]]) -> str:
    """Tools in words, for a model whose template has no place for them."""
    lines = [json.dumps(tool["function"], ensure_ascii=False) for tool in tools]
    return "You can call these functions. Answer with a JSON object: name, arguments.\n" + "\n".join(lines)


def calls_in(text: str, names: Sequence[str]) -> tuple[dict[str, Any], ...]:
    """The calls that a text makes, as OpenAI has them; empty: it makes none."""
    found = MARKED.findall(text) or [text]
    return tuple(call for one in found for call in _read(one, names))


def _read(text: str, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, dict) and one.get("name") in names:
            arguments = one.get("arguments", one.get("parameters", {}))
            said = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
            function = {"name": one["name"], "arguments": whole(said)}
            yield {"id": f"call_{secrets.token_hex(12)}", "type": "function", "function": function}
