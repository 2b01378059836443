"""Conversations in OpenAI's terms: chat rows, and rows for reinforcement fine-tuning.

``{"messages": [...], "tools": [...]}``; OpenPipe's ``split``, legacy ``functions``, LLaMA-Factory's
``kto_tag`` and any other key of the row stand beside them. A ``system`` of its own (Claude on Bedrock) is
read as the first turn. TRL's conversational language modeling is the same shape, Harmony's ``thinking``
included. Rows for reinforcement fine-tuning end before the answer and carry reference keys for a grader.
Sources: the OpenAI guides "Supervised fine-tuning" and "Reinforcement fine-tuning"; TRL, "Dataset formats".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from whet.data.shapes.meaning import weighted
from whet.data.shapes.messages import ROLES, read_messages, write_messages
from whet.data.shapes.record import Problem, Record
from whet.data.shapes.shape import Shape, only
from whet.data.shapes.values import Values, flag, given, maybe_text, objects, rest, thawed
from whet.records import Turn

BESIDE = frozenset(
    {"messages", "system", "tools", "parallel_tool_calls", "functions", "function_call", "split"}
)


def read_tools(values: Values, key: str = "tools") -> tuple[Mapping[str, Any], ...] | None:
    """The tool definitions of a row, where it has some."""
    return tuple(objects(values[key], key)) if given(values, key) else None


def with_tools(record: Record, values: dict[str, Any]) -> dict[str, Any]:
    return values if record.tools is None else {**values, "tools": list(record.tools)}


def is_messages(value: Any) -> bool:
    """Whether this is a list of messages in OpenAI's terms, by roles and kinds of content."""
    value = thawed(value)
    return isinstance(value, list) and bool(value) and all(map(_is_message, value))


def _is_message(message: Any) -> bool:
    if not isinstance(message, Mapping) or message.get("role") not in ROLES:
        return False
    content = message.get("content")
    if isinstance(content, list):
        return all(isinstance(part, Mapping) and "type" in part for part in content)
    return content is None or isinstance(content, str)


def _read(values: Values) -> Record:
    system = maybe_text(values, "system")
    turns = read_messages(values.get("messages"), "messages")
    return Record(
        turns=(*([Turn("system", system)] if system else ()), *turns),
        tools=read_tools(values),
        desirable=flag(values, "kto_tag") if given(values, "kto_tag") else None,
        more=rest(values, {"messages", "system", "tools", "kto_tag"}),
    )


def _write(record: Record) -> dict[str, Any]:
    only(record, "tools", "desirable")
    values = with_tools(record, {"messages": write_messages(weighted(record))})
    return values if record.desirable is None else {**values, "kto_tag": record.desirable}


def _read_graded(values: Values) -> Record:
    record = _read(values)
    if not record.turns or record.turns[-1].role == "assistant":
        raise Problem(
            "messages",
            values.get("messages"),
            "must end before the answer.",
            "remove the last assistant turn.",
        )
    return record


def _asks(values: Values) -> bool:
    """Messages without an answer, and a key that a grader could read."""
    if not is_messages(values.get("messages")):
        return False
    last = thawed(values["messages"])[-1]["role"]
    return last in {"user", "tool"} and any(
        value is not None for key, value in values.items() if key not in BESIDE
    )


OPENAI_CHAT = Shape(
    name="openai_chat",
    about="OpenAI chat; TRL, OpenPipe, Together, Axolotl and LLaMA-Factory with messages: a conversation",
    keys={"messages": "turns", "system?": "system turn", "tools?": "tools", "kto_tag?": "desirable"},
    looks=lambda values: is_messages(values.get("messages")),
    reader=_read,
    writer=_write,
)
OPENAI_RFT = Shape(
    name="openai_rft",
    about="OpenAI reinforcement fine-tuning: a conversation that waits for its answer, with reference keys",
    keys={"messages": "turns", "system?": "system turn", "tools?": "tools", "kto_tag?": "desirable"},
    looks=_asks,
    reader=_read_graded,
    writer=_write,
    rank=3,
)
SHAPES = (OPENAI_CHAT, OPENAI_RFT)
