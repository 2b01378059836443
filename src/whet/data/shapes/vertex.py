"""Vertex AI, Gemini: ``{"systemInstruction": {"parts"}, "contents": [{"role", "parts"}], "tools"}``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from whet.data.shapes.cloud import (
    Dialect,
    Part,
    as_object,
    made_call,
    read_arguments,
    read_dialogue,
    read_text_parts,
    result_text,
    result_value,
    system_apart,
    write_dialogue,
)
from whet.data.shapes.meaning import weighted
from whet.data.shapes.record import Problem, Record
from whet.data.shapes.shape import Shape, only
from whet.data.shapes.values import Values, given, is_objects, mapping, objects, rest, thawed
from whet.records import Turn

SYSTEM = ("systemInstruction", "system_instruction")


def _read_call(part: Part, at: str) -> dict[str, Any]:
    call = mapping(part["functionCall"], f"{at}.functionCall")
    name, arguments = read_arguments(call, "name", "args", f"{at}.functionCall")
    other = {key: value for key, value in part.items() if key != "functionCall"}
    return made_call(name, arguments, call.get("id"), other)


def _write_call(name: str, arguments: Any, other: Mapping[str, Any]) -> dict[str, Any]:
    call_id = {"id": other["id"]} if other.get("id") is not None else {}
    beside = {key: value for key, value in other.items() if key != "id"}
    return {"functionCall": {**call_id, "name": name, "args": as_object(arguments)}, **beside}


def _read_result(part: Part, at: str) -> Turn:
    result = mapping(part["functionResponse"], f"{at}.functionResponse")
    said = result.get("response")
    if isinstance(said, dict) and set(said) == {"output"} and isinstance(said["output"], str):
        said = said["output"]
    more = {"tool_call_id": result["id"]} if result.get("id") is not None else {}
    return Turn("tool", result_text(said), {**more, "name": result.get("name")})


def _write_result(turn: Turn, name: str) -> dict[str, Any]:
    value = result_value(turn)
    call_id = {"id": turn.more["tool_call_id"]} if turn.more.get("tool_call_id") is not None else {}
    whole = isinstance(value, dict) and set(value) != {"output"}
    response = value if whole else {"output": turn.content or ""}
    return {"functionResponse": {**call_id, "name": turn.more.get("name") or name, "response": response}}


DIALECT = Dialect(
    parts="parts",
    roles={"user": "user", "model": "assistant", "function": "user", "tool": "user"},
    call="functionCall",
    result="functionResponse",
    media=frozenset({"inlineData", "fileData", "executableCode", "codeExecutionResult"}),
    read_call=_read_call,
    write_call=_write_call,
    read_result=_read_result,
    write_result=_write_result,
)


def _read(values: Values) -> Record:
    key = next((key for key in SYSTEM if given(values, key)), "")
    turns = read_dialogue(DIALECT, values.get("contents"), "contents")
    if key:
        parts = mapping(values[key], key).get("parts")
        turns = (Turn("system", read_text_parts(parts, f"{key}.parts")), *turns)
    return Record(
        turns=turns,
        tools=_read_tools(values),
        more=rest(values, {"contents", "tools"} | ({key} if key else set())),
    )


def _read_tools(values: Values) -> tuple[Mapping[str, Any], ...] | None:
    if not given(values, "tools"):
        return None
    tools: list[Mapping[str, Any]] = []
    for index, tool in enumerate(objects(values["tools"], "tools")):
        at = f"tools[{index}].functionDeclarations"
        if "functionDeclarations" not in tool:
            tools.append(tool)
        elif set(tool) != {"functionDeclarations"}:
            raise Problem(f"tools[{index}]", tool, "must hold one kind of tool.", "split it in two.")
        else:
            declared = objects(tool["functionDeclarations"], at)
            tools += [{"type": "function", "function": function} for function in declared]
    return tuple(tools)


def _write(record: Record) -> dict[str, Any]:
    only(record, "tools")
    system, turns = system_apart(weighted(record))
    values: dict[str, Any] = {"systemInstruction": {"role": "system", "parts": system}} if system else {}
    values["contents"] = write_dialogue(DIALECT, turns)
    if record.tools is not None:
        values["tools"] = _write_tools(record.tools)
    return values


def _write_tools(tools: tuple[Mapping[str, Any], ...]) -> list[Any]:
    declared = [tool["function"] for tool in tools if set(tool) == {"type", "function"}]
    other = [tool for tool in tools if set(tool) != {"type", "function"}]
    return [*([{"functionDeclarations": declared}] if declared else []), *other]


def _looks(values: Values) -> bool:
    contents = thawed(values.get("contents"))
    return is_objects(contents) and all(isinstance(item.get("parts"), list) for item in contents)


VERTEX = Shape(
    name="vertex",
    about="Vertex AI for Gemini: contents with parts",
    keys={"contents": "turns", **{f"{key}?": "system turn" for key in SYSTEM}, "tools?": "tools"},
    looks=_looks,
    reader=_read,
    writer=_write,
)
SHAPES = (VERTEX,)
