"""Amazon Bedrock: ``{"schemaVersion": "bedrock-conversation-2024", "system", "messages", "toolConfig"}``."""

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
    result_value,
    system_apart,
    write_dialogue,
)
from whet.data.shapes.meaning import weighted
from whet.data.shapes.record import Problem, Record
from whet.data.shapes.shape import Shape, only
from whet.data.shapes.values import Values, frozen, given, is_objects, mapping, objects, rest
from whet.records import Turn

VERSION = "bedrock-conversation-2024"


def _read_call(part: Part, at: str) -> dict[str, Any]:
    call = mapping(part["toolUse"], f"{at}.toolUse")
    name, arguments = read_arguments(call, "name", "input", f"{at}.toolUse")
    return made_call(name, arguments, call.get("toolUseId"), {})


def _write_call(name: str, arguments: Any, other: Mapping[str, Any]) -> dict[str, Any]:
    return {"toolUse": {"toolUseId": other.get("id"), "name": name, "input": as_object(arguments)}}


def _read_result(part: Part, at: str) -> Turn:
    at = f"{at}.toolResult"
    result = mapping(part["toolResult"], at)
    blocks = objects(result.get("content"), f"{at}.content")
    if len(blocks) != 1 or set(blocks[0]) not in ({"text"}, {"json"}):
        raise Problem(f"{at}.content", blocks, "must be one block of text or json.", "join the blocks.")
    said = blocks[0].get("text", frozen(blocks[0].get("json")))
    if not isinstance(said, str):
        raise Problem(f"{at}.content[0].text", said, "must be a text.", "mend the block.")
    other = {key: value for key, value in result.items() if key not in {"toolUseId", "content"}}
    return Turn("tool", said, {"tool_call_id": result.get("toolUseId"), **other})


def _write_result(turn: Turn, name: str) -> dict[str, Any]:
    value = result_value(turn)
    block = {"text": value} if isinstance(value, str) else {"json": value}
    status = {"status": turn.more["status"]} if "status" in turn.more else {}
    return {"toolResult": {"toolUseId": turn.more.get("tool_call_id"), "content": [block], **status}}


DIALECT = Dialect(
    parts="content",
    roles={"user": "user", "assistant": "assistant"},
    call="toolUse",
    result="toolResult",
    media=frozenset({"image", "document", "video"}),
    read_call=_read_call,
    write_call=_write_call,
    read_result=_read_result,
    write_result=_write_result,
)


def _read(values: Values) -> Record:
    if values.get("schemaVersion") != VERSION:
        raise Problem("schemaVersion", values.get("schemaVersion"), f"must be {VERSION!r}.", "set it.")
    turns = read_dialogue(DIALECT, values.get("messages"), "messages")
    if given(values, "system"):
        system = read_text_parts(values["system"], "system")
        turns = (*([Turn("system", system)] if system is not None else ()), *turns)
    config = mapping(values["toolConfig"], "toolConfig") if given(values, "toolConfig") else {}
    tools, other = _read_config(config)
    more = rest(values, {"schemaVersion", "messages", "system", "toolConfig"})
    return Record(turns=turns, tools=tools, more={**more, "toolConfig": other} if other else more)


def _read_config(config: Mapping[str, Any]) -> tuple[tuple[Mapping[str, Any], ...] | None, dict[str, Any]]:
    """(tools in OpenAI's terms, what else the configuration says)."""
    other = {key: value for key, value in config.items() if key != "tools"}
    if config.get("tools") is None:
        return None, other
    tools = objects(config["tools"], "toolConfig.tools")
    return tuple(_read_tool(tool, f"toolConfig.tools[{i}]") for i, tool in enumerate(tools)), other


def _read_tool(tool: Mapping[str, Any], at: str) -> Mapping[str, Any]:
    if set(tool) != {"toolSpec"}:
        return tool
    spec = mapping(tool["toolSpec"], f"{at}.toolSpec")
    function = {key: value for key, value in spec.items() if key != "inputSchema"}
    if "inputSchema" in spec:
        function["parameters"] = mapping(spec["inputSchema"], f"{at}.toolSpec.inputSchema").get("json")
    return {"type": "function", "function": function}


def _write_tool(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    function = tool.get("function")
    if set(tool) != {"type", "function"} or not isinstance(function, Mapping):
        return tool
    spec = {key: value for key, value in function.items() if key != "parameters"}
    if "parameters" in function:
        spec["inputSchema"] = {"json": function["parameters"]}
    return {"toolSpec": spec}


def _write(record: Record) -> dict[str, Any]:
    only(record, "tools")
    system, turns = system_apart(weighted(record))
    values: dict[str, Any] = {"schemaVersion": VERSION, **({"system": system} if system else {})}
    values["messages"] = write_dialogue(DIALECT, turns)
    config = mapping(record.more.get("toolConfig") or {}, "more.toolConfig")
    if record.tools is not None:
        config = {"tools": [_write_tool(tool) for tool in record.tools], **config}
    return {**values, "toolConfig": config} if config else values


def _looks(values: Values) -> bool:
    return values.get("schemaVersion") == VERSION and is_objects(values.get("messages"))


BEDROCK = Shape(
    name="bedrock",
    about="Amazon Bedrock: messages with content blocks, and a schemaVersion",
    keys={
        "schemaVersion": "fixed",
        "messages": "turns",
        "system?": "system turn",
        "toolConfig?": "tools",
    },
    looks=_looks,
    reader=_read,
    writer=_write,
    rank=3,
    folds=frozenset({"toolConfig"}),
)
SHAPES = (BEDROCK,)
