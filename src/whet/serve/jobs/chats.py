"""The rows of a training file, as OpenAI's fine-tuning takes them: read, checked, and told apart.

    {"messages": [...]} | {"prompt": ..., "completion": ...}

Every fault is named with its line. Rows of one question and one answer can be learned by any rung;
conversations of more turns, with tools, or under different system messages need a model that writes. Knows no
model.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whet.data.shapes.messages import read_messages
from whet.data.shapes.record import Problem, Turns
from whet.errors import InputError, many
from whet.records import Turn

LEAST = 10
"""Rows of a training file, as OpenAI asks for."""
LONGEST_LINE = 4 << 20  # characters
FIX = 'each line is {"messages": [{"role": "user", "content": ...}, {"role": "assistant", "content": ...}]}.'


@dataclass(frozen=True, slots=True)
class Chats:
    """A file's rows."""

    rows: tuple[Turns, ...]
    tools: bool
    """Whether a row brings tools or calls them."""

    @property
    def systems(self) -> set[str]:
        """The different system messages; empty texts where there is none."""
        return {
            "\n".join(turn.text for turn in row if turn.role in ("system", "developer")) for row in self.rows
        }

    @property
    def plain(self) -> bool:
        """Whether every row is one question and one answer, all under the same system message."""
        single = all([turn.role for turn in _said(row)] == ["user", "assistant"] for row in self.rows)
        return single and not self.tools and len(self.systems) == 1

    def pairs(self) -> list[dict[str, str]]:
        """Question and answer of plain rows."""
        return [{"input": said[-2].text, "output": said[-1].text} for said in map(_said, self.rows)]


def read_chats(path: Path, name: str, *, least: int = LEAST) -> Chats:
    """Read a file.

    Args:
        name: as its errors call it.

    Raises:
        InputError: no JSON in a line, no chat, no answer at its end, too few rows.
    """
    rows, faults, tools = list[Turns](), list[str](), False
    for number, line in enumerate(_lines(path, name), start=1):
        if not line.strip():
            continue
        try:
            value = _value(line, number)
            rows.append(_row(value, number))
            tools = tools or bool(value.get("tools") or value.get("functions"))
        except InputError as error:
            faults.append(error.what)
    if faults:
        raise many(faults, what="the file cannot be learned from:", where=name, fix=FIX)
    if len(rows) < least:
        what = f"has {len(rows)} example(s), but must have at least {least} examples."
        raise InputError(what, where=name, fix="add more.")
    calls = any(turn.more.get("tool_calls") or turn.role == "tool" for row in rows for turn in row)
    return Chats(tuple(rows), tools or calls)


def _lines(path: Path, name: str) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8", newline="\n") as stream:
            yield from stream
    except UnicodeDecodeError as error:
        raise InputError("is not UTF-8 text.", where=name, fix="save it as UTF-8.") from error


def _value(line: str, number: int) -> Any:
    if len(line) > LONGEST_LINE:
        raise InputError(f"line {number} is longer than {LONGEST_LINE:,} characters")
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"line {number} is no JSON ({error})") from None


def _row(value: Any, number: int) -> Turns:
    if isinstance(value, dict) and isinstance(value.get("prompt"), str) and "messages" not in value:
        answer = value.get("completion")
        if not isinstance(answer, str) or not answer.strip():
            raise InputError(f"line {number}: `completion` is no text")
        return Turn("user", value["prompt"]), Turn("assistant", answer.strip())
    if not isinstance(value, dict) or not isinstance(value.get("messages"), list):
        raise InputError(f"line {number} has no list `messages`")
    try:
        turns = read_messages(value["messages"], "messages")
    except Problem as problem:
        raise InputError(f"line {number}: {problem.what}") from None
    if not turns or turns[-1].role != "assistant":
        raise InputError(f"line {number} does not end with a message of the assistant")
    if not turns[-1].text.strip() and not turns[-1].more.get("tool_calls"):
        raise InputError(f"line {number}: the assistant's last message is empty")
    return turns


def _said(row: Sequence[Turn]) -> list[Turn]:
    return [turn for turn in row if turn.role not in ("system", "developer")]
