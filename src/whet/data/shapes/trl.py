"""TRL's shapes whose prompts and answers are message lists, and its shapes without a counterpart elsewhere.

TRL tells a type (language modeling, prompt only, preference, ...) from a format (texts or messages). Texts
that are a prompt and an answer are in ``texts``; here are ``text``, ``prompt``, stepwise supervision, the
preferences whose prompt stands inside both answers, and every ``..._chat``. Source: TRL, "Dataset formats".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from whet.data.shapes.chat import is_messages, read_tools, with_tools
from whet.data.shapes.meaning import common_start, plain, weighted
from whet.data.shapes.messages import read_messages, write_messages
from whet.data.shapes.record import Problem, Record, Turns
from whet.data.shapes.shape import Shape, only
from whet.data.shapes.values import Values, flag, is_text, maybe_text, rest, text, thawed
from whet.records import Turn


def sole_text(turns: Sequence[Turn], role: str, key: str) -> str:
    """The text of one turn that is all there is."""
    if len(turns) == 1 and turns[0].role == role:
        turn = plain(turns[0])
        if isinstance(turn.content, str) and not turn.more:
            return turn.content
    raise Problem(key, [turn.role for turn in turns], f"this shape holds one plain {role} text here.")


def _one_text(name: str, about: str, key: str, role: str, looks: Callable[[Values], bool]) -> Shape:
    def write(record: Record) -> dict[str, Any]:
        only(record)
        return {key: sole_text(weighted(record), role, "turns")}

    return Shape(
        name=name,
        about=about,
        keys={key: f"{role} turn"},
        looks=looks,
        reader=lambda values: Record(turns=(Turn(role, text(values, key)),), more=rest(values, {key})),
        writer=write,
        rank=1,
    )


ABOUT_A_TEXT = frozenset(
    {"id", "meta", "metadata", "source", "url", "timestamp", "date", "split", "language"}
)
TEXT = _one_text(
    "text",
    "TRL and LLaMA-Factory for language modeling: a text, learned whole",
    "text",
    "assistant",
    lambda values: is_text(values, "text") and set(values) <= {"text", *ABOUT_A_TEXT},
)
PROMPT = _one_text(
    "prompt",
    "TRL for online methods: a prompt, as text",
    "prompt",
    "user",
    lambda values: is_text(values, "prompt"),
)


def _read_prompt_chat(values: Values) -> Record:
    turns = read_messages(values.get("prompt"), "prompt")
    return Record(turns=turns, tools=read_tools(values), more=rest(values, {"prompt", "tools"}))


def _write_prompt_chat(record: Record) -> dict[str, Any]:
    only(record, "tools")
    return with_tools(record, {"prompt": write_messages(weighted(record))})


def _read_completion_chat(values: Values) -> Record:
    asked = read_messages(values.get("prompt"), "prompt")
    answer = read_messages(values.get("completion"), "completion")
    plainly = all(turn.role != "assistant" for turn in asked) and answer and answer[0].role == "assistant"
    return Record(
        turns=asked + answer,
        tools=read_tools(values),
        learn_from=None if plainly else len(asked),
        more=rest(values, {"prompt", "completion", "tools"}),
    )


def _write_completion_chat(record: Record) -> dict[str, Any]:
    """Split where the row says, or before the first answer."""
    only(record, "tools", "desirable")
    turns = weighted(replace(record, learn_from=None))
    first = next((i for i, turn in enumerate(turns) if turn.role == "assistant"), len(turns))
    at = first if record.learn_from is None else record.learn_from
    if not turns[at:]:
        raise Problem("turns", None, "there is no answer in the conversation.")
    values = {"prompt": write_messages(turns[:at]), "completion": write_messages(turns[at:])}
    return with_tools(record, values)


def _read_kto_chat(values: Values) -> Record:
    record = _read_completion_chat(values)
    more = rest(record.more, {"label"})
    return replace(record, desirable=flag(values, "label"), more=more)


def _write_kto_chat(record: Record) -> dict[str, Any]:
    if record.desirable is None:
        raise Problem("desirable", None, "this shape needs to know whether the answer is a good one.")
    return {**_write_completion_chat(record), "label": record.desirable}


def _read_preference_chat(values: Values) -> Record:
    return Record(
        turns=read_messages(values.get("prompt"), "prompt"),
        tools=read_tools(values),
        chosen=read_messages(values.get("chosen"), "chosen"),
        rejected=read_messages(values.get("rejected"), "rejected"),
        more=rest(values, {"prompt", "chosen", "rejected", "tools"}),
    )


def _write_preference_chat(record: Record) -> dict[str, Any]:
    only(record, "tools", "chosen", "rejected")
    chosen, rejected = answers(record)
    values = {"prompt": write_messages(weighted(record))}
    values |= {"chosen": write_messages(chosen), "rejected": write_messages(rejected)}
    return with_tools(record, values)


def answers(record: Record) -> tuple[Turns, Turns]:
    if record.chosen is None or record.rejected is None:
        raise Problem("chosen", record.chosen, "this shape needs a better and a worse answer.")
    return record.chosen, record.rejected


def _read_implicit_chat(values: Values) -> Record:
    chosen = read_messages(values.get("chosen"), "chosen")
    rejected = read_messages(values.get("rejected"), "rejected")
    at = common_start(chosen, rejected)
    return Record(
        turns=chosen[:at],
        tools=read_tools(values),
        chosen=chosen[at:],
        rejected=rejected[at:],
        more=rest(values, {"chosen", "rejected", "tools"}),
    )


def _write_implicit_chat(record: Record) -> dict[str, Any]:
    only(record, "tools", "chosen", "rejected")
    turns, (chosen, rejected) = weighted(record), answers(record)
    values = {"chosen": write_messages(turns + chosen), "rejected": write_messages(turns + rejected)}
    return with_tools(record, values)


def _read_whole(values: Values) -> Record:
    record = _read_implicit_chat(values)
    asked, system = text(values, "prompt"), maybe_text(values, "system")
    if not any(turn.role == "user" and turn.content == asked for turn in record.turns):
        rule = "must be a user message that both answers begin with."
        raise Problem("prompt", asked, rule, "mend or remove the row.")
    turns = (*([Turn("system", system)] if system else ()), *record.turns)
    return replace(record, turns=turns, more=rest(record.more, {"prompt", "system"}))


def _write_whole(record: Record) -> dict[str, Any]:
    values = _write_implicit_chat(record)
    first = next((turn for turn in weighted(record) if turn.role == "user"), None)
    return {"prompt": sole_text([first] if first else [], "user", "turns"), **values}


def _read_implicit(values: Values) -> Record:
    return Record(
        chosen=(Turn("assistant", text(values, "chosen")),),
        rejected=(Turn("assistant", text(values, "rejected")),),
        more=rest(values, {"chosen", "rejected"}),
    )


def _write_implicit(record: Record) -> dict[str, Any]:
    only(record, "chosen", "rejected")
    chosen, rejected = answers(record)
    return {
        "chosen": sole_text(chosen, "assistant", "chosen"),
        "rejected": sole_text(rejected, "assistant", "rejected"),
    }


def _lists(*keys: str) -> Callable[[Values], bool]:
    return lambda values: all(is_messages(values.get(key)) for key in keys)


def _tagged(values: Values) -> bool:
    label = str(values.get("label")).strip().lower()
    return label in {"true", "false"} and _lists("prompt", "completion")(values)


def _whole(values: Values) -> bool:
    prompt = values.get("prompt")
    return (
        isinstance(prompt, str)
        and not isinstance(thawed(prompt), list)
        and _lists("chosen", "rejected")(values)
    )


PREFERENCE_KEYS = {"chosen": "chosen", "rejected": "rejected"}
SHAPES = (
    TEXT,
    PROMPT,
    Shape(
        "prompt_chat",
        "TRL for online methods: a prompt, as messages",
        {"prompt": "turns", "tools?": "tools"},
        _lists("prompt"),
        _read_prompt_chat,
        _write_prompt_chat,
    ),
    Shape(
        "prompt_completion_chat",
        "TRL: prompt and completion, as messages",
        {"prompt": "turns", "completion": "turns", "tools?": "tools"},
        _lists("prompt", "completion"),
        _read_completion_chat,
        _write_completion_chat,
        rank=3,
    ),
    Shape(
        "kto_chat",
        "TRL for KTO: prompt, completion, and whether it is a good one, as messages",
        {"prompt": "turns", "completion": "turns", "label": "desirable", "tools?": "tools"},
        _tagged,
        _read_kto_chat,
        _write_kto_chat,
        rank=4,
    ),
    Shape(
        "preference_chat",
        "TRL for DPO: a prompt and two answers, as messages",
        {"prompt": "turns", **PREFERENCE_KEYS, "tools?": "tools"},
        _lists("prompt", "chosen", "rejected"),
        _read_preference_chat,
        _write_preference_chat,
        rank=4,
    ),
    Shape(
        "preference_implicit",
        "TRL for reward models: two whole texts, the better and the worse",
        PREFERENCE_KEYS,
        lambda values: is_text(values, "chosen", "rejected"),
        _read_implicit,
        _write_implicit,
    ),
    Shape(
        "preference_implicit_chat",
        "TRL and Axolotl (argilla_chat): two whole conversations with the same beginning",
        {**PREFERENCE_KEYS, "tools?": "tools"},
        _lists("chosen", "rejected"),
        _read_implicit_chat,
        _write_implicit_chat,
        rank=3,
    ),
    Shape(
        "preference_whole",
        "Axolotl (ultra), UltraFeedback: a prompt as text, and two whole conversations that begin with it",
        {"prompt": "turns", **PREFERENCE_KEYS, "system?": "system turn", "tools?": "tools"},
        _whole,
        _read_whole,
        _write_whole,
        rank=4,
    ),
)
