"""Turns as chat templates want them: messages of text, with the arguments of tool calls as objects.

Our turns are OpenAI's, whose contents may be parts and whose arguments are JSON text; templates of open
models write objects as JSON themselves, all but a few. Knows no layout.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import jinja2

from whet.data.shapes.messages import parsed
from whet.errors import InputError
from whet.records import Turn

# What an expression of a template can raise, beside Jinja's own errors.
TEMPLATE_ERRORS = (
    jinja2.TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


def message(turn: Turn, where: str, *, as_text: bool) -> dict[str, Any]:
    """The turn as templates know it; ``weight`` is ours, not the model's.

    Args:
        where: ``file:line: messages[n]``.
        as_text: whether the template wants the arguments of a call as JSON text.

    Raises:
        InputError: a part that is no text.
    """
    more = {key: value for key, value in turn.more.items() if key not in {"weight", "content"}}
    if calls := more.get("tool_calls"):
        more["tool_calls"] = [_call(call, as_text) for call in calls]
    return {"role": turn.role, "content": text_of(turn, where), **more}


def text_of(turn: Turn, where: str) -> str | None:
    """The content as one text; None where there is none.

    Raises:
        InputError: a part that is no text, which would be lost.
    """
    parts = turn.content if isinstance(turn.content, tuple) else ()
    for part in parts:
        if part.get("type") != "text":
            raise InputError(
                f"holds a part of type {part.get('type')!r}, and a language model reads text only.",
                where=where,
                fix="take the part out, or the row.",
            )
    return None if turn.content is None else turn.text


def wants_text(tokenizer: Any) -> bool:
    """Whether the chat template fails on arguments as an object and takes them as JSON text, as DeepSeek's
    templates do."""

    def taken(arguments: object) -> bool:
        function = {"name": "look", "arguments": arguments}
        call = {"id": "callabcde", "type": "function", "function": function}
        asked, called = {"role": "user", "content": "a"}, {"role": "assistant", "tool_calls": [call]}
        try:
            tokenizer.apply_chat_template([asked, called], tokenize=False)
        except TEMPLATE_ERRORS:
            return False
        return True

    return not taken({"at": "b"}) and taken('{"at": "b"}')


def _call(call: Mapping[str, Any], as_text: bool) -> dict[str, Any]:
    """OpenAI writes arguments as JSON text; most templates write an object as JSON themselves."""
    function = dict(call.get("function") or {})
    arguments = function.get("arguments")
    if as_text and not isinstance(arguments, str | None):
        arguments = json.dumps(arguments, ensure_ascii=False)
    return {**call, "function": {**function, "arguments": arguments if as_text else parsed(arguments)}}
