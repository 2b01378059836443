"""When two records say the same: the one normal form that every shape is held to.

Shapes write the same thing differently, and that is no loss: an Alpaca instruction that stands apart
from its input, a label that is an assistant's answer, a part not to learn from (a prompt with earlier
answers) that is an assistant turn of weight 0, null for an absent key, a weight of 1 (the default), the
spacing of JSON text, ``developer`` for ``system``, a tool's name beside the id of its call. Everything
else is a difference, and a shape that would make one refuses the record (``shape.Shape.write``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from whet.data.shapes.messages import Content, calls_of, names_by_id, parsed
from whet.data.shapes.record import Record, Turns
from whet.records import Turn


def meaning(record: Record) -> Record:
    """The record in normal form. ``meaning(meaning(r)) == meaning(r)``."""
    turns = _weighted(_instructed(_answered(record)))
    chosen, rejected = record.chosen, record.rejected
    if chosen is not None and rejected is not None:
        shared = common_start(chosen, rejected)
        turns, chosen, rejected = (*turns, *chosen[:shared]), chosen[shared:], rejected[shared:]
    return replace(
        record,
        turns=_named(turns),
        tools=tuple(_tool(tool) for tool in record.tools) if record.tools else None,
        chosen=_plain(chosen),
        rejected=_plain(rejected),
        completions=None if record.completions is None else tuple(map(_named, record.completions)),
        label=None if isinstance(record.label, str) else record.label,
        instruction=None,
        learn_from=None,
        more={key: value for key, value in record.more.items() if value is not None},
    )


def differences(one: Record, other: Record) -> list[str]:
    """What the two do not share, by name: ``turns[2].weight``, ``tools``, ``more.id``."""
    one, other = meaning(one), meaning(other)
    found = _in_turns("turns", one.turns, other.turns)
    found += _in_turns("chosen", one.chosen or (), other.chosen or ())
    found += _in_turns("rejected", one.rejected or (), other.rejected or ())
    for name in ("tools", "chosen", "rejected", "completions", "marks", "desirable", "label"):
        before, after = getattr(one, name), getattr(other, name)
        if (before is None) != (after is None) or (name not in {"chosen", "rejected"} and before != after):
            found.append(name)
    keys = dict.fromkeys([*one.more, *other.more])
    return found + [f"more.{key}" for key in keys if one.more.get(key) != other.more.get(key)]


def weighted(record: Record) -> Turns:
    """The turns as a whole conversation: a label is the answer, an instruction opens the last user turn,
    and earlier answers that are not to be learned have weight 0."""
    return _weighted(_instructed(_answered(record)))


def common_start(chosen: Sequence[Turn], rejected: Sequence[Turn]) -> int:
    """How many turns two answers share at their start; each keeps its last turn."""
    shared = 0
    while shared < min(len(chosen), len(rejected)) - 1 and chosen[shared] == rejected[shared]:
        shared += 1
    return shared


def _answered(record: Record) -> Record:
    if not isinstance(record.label, str):
        return record
    return replace(record, turns=(*record.turns, Turn("assistant", record.label)))


def _instructed(record: Record) -> Record:
    """The instruction at the head of the last user turn, on a line of its own, as trainers join them."""
    if not record.instruction:
        return record
    last = max((i for i, turn in enumerate(record.turns) if turn.role == "user"), default=None)
    if last is None:
        return replace(record, turns=(Turn("user", record.instruction), *record.turns))
    turn = record.turns[last]
    joined = replace(turn, content=_joined(record.instruction, turn.content))
    return replace(record, turns=(*record.turns[:last], joined, *record.turns[last + 1 :]))


def _joined(instruction: str, content: Content) -> Content:
    if isinstance(content, tuple):
        return ({"type": "text", "text": f"{instruction}\n"}, *content)
    return f"{instruction}\n{content}" if content else instruction


def _weighted(record: Record) -> Turns:
    start = record.learn_from or 0
    return tuple(
        replace(turn, more={**turn.more, "weight": 0}) if i < start and turn.role == "assistant" else turn
        for i, turn in enumerate(record.turns)
    )


def _named(turns: Sequence[Turn]) -> Turns:
    """Turns in normal form; a tool's answer carries the name of the call that its id points to."""
    names = names_by_id(turns)
    done = []
    for turn in _plain(turns) or ():
        name = names.get(str(turn.more.get("tool_call_id")))
        known = turn.role == "tool" and name and turn.more.get("name") is None
        done.append(replace(turn, more={**turn.more, "name": name}) if known else turn)
    return tuple(done)


def _plain(turns: Sequence[Turn] | None) -> Turns | None:
    return None if turns is None else tuple(plain(turn) for turn in turns)


def plain(turn: Turn) -> Turn:
    """One turn in normal form."""
    more = {key: value for key, value in turn.more.items() if value is not None}
    if more.get("weight") == 1:
        del more["weight"]
    if "tool_calls" in more:
        more["tool_calls"] = [
            {**other, "function": {"name": name, "arguments": arguments}}
            for name, arguments, other in calls_of(turn)
        ]
        if not more["tool_calls"]:
            del more["tool_calls"]
    role = "system" if turn.role == "developer" else turn.role
    return Turn(role, _content(role, turn.content), more)


def _content(role: str, content: Content) -> Content:
    if isinstance(content, tuple) and len(content) == 1 and set(content[0]) == {"type", "text"}:
        content = str(content[0]["text"])
    if role == "tool" and isinstance(content, str) and isinstance(parsed(content), (dict, list)):
        return json.dumps(parsed(content), sort_keys=True)
    return content or ""


def _tool(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    """A bare function definition is a tool, too (LLaMA-Factory writes it so)."""
    return tool if "type" in tool or "name" not in tool else {"type": "function", "function": dict(tool)}


def _in_turns(name: str, before: Turns, after: Turns) -> list[str]:
    found = []
    for index, (one, other) in enumerate(zip(before, after, strict=False)):
        place = f"{name}[{index}]"
        found += [f"{place}.{key}" for key in ("role", "content") if getattr(one, key) != getattr(other, key)]
        keys = dict.fromkeys([*one.more, *other.more])
        found += [f"{place}.{key}" for key in keys if one.more.get(key) != other.more.get(key)]
    missing = range(min(len(before), len(after)), max(len(before), len(after)))
    return found + [f"{name}[{index}]" for index in missing]
