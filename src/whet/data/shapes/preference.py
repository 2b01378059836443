"""Preferences and several answers, in the shapes of OpenAI, LLaMA-Factory and Axolotl; TRL's steps.

OpenAI and Together keep the conversation under ``input``; LLaMA-Factory and Axolotl keep it whole and add
one message for each answer; nectar ranks many answers. Sources: OpenAI, "Direct preference optimization";
LLaMA-Factory, "data/README.md"; Axolotl, "docs/rlhf.qmd"; TRL, "Dataset formats".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from whet.data.shapes.chat import is_messages, read_tools, with_tools
from whet.data.shapes.meaning import weighted
from whet.data.shapes.messages import read_message, read_messages, write_message, write_messages
from whet.data.shapes.record import Problem, Record, Turns
from whet.data.shapes.shape import Shape, only
from whet.data.shapes.sharegpt import (
    is_conversation,
    read_definitions,
    read_turn,
    read_turns,
    write_conversation,
    write_turn,
)
from whet.data.shapes.trl import answers, sole_text
from whet.data.shapes.values import (
    Values,
    is_objects,
    is_text,
    mapping,
    maybe_text,
    objects,
    rest,
    text,
    thawed,
)
from whet.records import Turn

PREFERRED, WORSE = "preferred_output", "non_preferred_output"
INSIDE = ("messages", "tools", "parallel_tool_calls")  # keys of ``input``


def _read_openai(values: Values) -> Record:
    inner = mapping(values.get("input"), "input")
    for key in INSIDE:
        if values.get(key) is not None:
            raise Problem(key, values[key], "stands beside `input`; it belongs inside.", "move it.")
    more = rest(values, {"input", PREFERRED, WORSE})
    if inner.get("parallel_tool_calls") is not None:
        more["parallel_tool_calls"] = inner["parallel_tool_calls"]
    other = {key: value for key, value in inner.items() if key not in INSIDE}
    return Record(
        turns=read_messages(inner.get("messages"), "input.messages"),
        tools=read_tools(inner),
        chosen=read_messages(values.get(PREFERRED), PREFERRED),
        rejected=read_messages(values.get(WORSE), WORSE),
        more={**more, "input": other} if other else more,
    )


def _write_openai(record: Record) -> dict[str, Any]:
    only(record, "tools", "chosen", "rejected")
    chosen, rejected = answers(record)
    inner = with_tools(record, {"messages": write_messages(weighted(record))})
    if record.more.get("parallel_tool_calls") is not None:
        inner["parallel_tool_calls"] = record.more["parallel_tool_calls"]
    inner |= mapping(record.more.get("input") or {}, "more.input")
    return {"input": inner, PREFERRED: write_messages(chosen), WORSE: write_messages(rejected)}


def _looks_openai(values: Values) -> bool:
    inner = thawed(values.get("input"))
    return (
        isinstance(inner, Mapping)
        and is_messages(inner.get("messages"))
        and is_objects(values.get(PREFERRED))
        and is_objects(values.get(WORSE))
    )


def _read_messages_preference(values: Values) -> Record:
    return Record(
        turns=read_messages(values.get("messages"), "messages"),
        tools=read_tools(values),
        chosen=(read_message(mapping(values.get("chosen"), "chosen"), "chosen"),),
        rejected=(read_message(mapping(values.get("rejected"), "rejected"), "rejected"),),
        more=rest(values, {"messages", "tools", "chosen", "rejected"}),
    )


def _write_messages_preference(record: Record) -> dict[str, Any]:
    only(record, "tools", "chosen", "rejected")
    chosen, rejected = map(_single, answers(record))
    values: dict[str, Any] = {"messages": write_messages(weighted(record))}
    values |= {"chosen": write_message(chosen), "rejected": write_message(rejected)}
    return with_tools(record, values)


def _single(answer: Turns) -> Turn:
    if len(answer) != 1:
        raise Problem("chosen", [turn.role for turn in answer], "an answer must be one message.")
    return answer[0]


def _read_sharegpt(values: Values) -> Record:
    system = maybe_text(values, "system")
    turns = read_turns(values.get("conversations"), "conversations")
    return Record(
        turns=(*([Turn("system", system)] if system else ()), *turns),
        tools=read_definitions(values),
        chosen=(read_turn(mapping(values.get("chosen"), "chosen"), "chosen"),),
        rejected=(read_turn(mapping(values.get("rejected"), "rejected"), "rejected"),),
        more=rest(values, {"conversations", "system", "tools", "chosen", "rejected"}),
    )


def _write_sharegpt(record: Record) -> dict[str, Any]:
    only(record, "tools", "chosen", "rejected")
    chosen, rejected = map(_single, answers(record))
    values = write_conversation(weighted(record), record.tools)
    return {**values, "chosen": write_turn(chosen), "rejected": write_turn(rejected)}


def _read_ranked(values: Values) -> Record:
    completions, marks = [], []
    for index, item in enumerate(objects(values.get("answers"), "answers")):
        at = f"answers[{index}]."
        rank = item.get("rank")
        if not isinstance(rank, int) or isinstance(rank, bool):
            raise Problem(f"{at}rank", rank, "must be a whole number, 1 for the best.", "mend the answer.")
        completions.append((Turn("assistant", text(item, "answer", at), rest(item, {"answer", "rank"})),))
        marks.append(rank)
    return Record(
        turns=(Turn("user", text(values, "prompt")),),
        completions=tuple(completions),
        marks=tuple(marks),
        more=rest(values, {"prompt", "answers"}),
    )


def _write_ranked(record: Record) -> dict[str, Any]:
    only(record, "completions", "marks")
    ranked = []
    for answer, rank in _marked(record):
        turn = _single(answer)
        ranked.append({"answer": turn.content, **turn.more, "rank": rank})
    return {"prompt": sole_text(weighted(record), "user", "turns"), "answers": ranked}


def _marked(record: Record) -> list[tuple[Turns, bool | int]]:
    completions, marks = record.completions, record.marks
    if completions is None or marks is None or len(completions) != len(marks):
        raise Problem("completions", completions, "this shape needs several answers, each with its mark.")
    return list(zip(completions, marks, strict=True))


def _read_steps(values: Values, *, chat: bool) -> Record:
    steps, marks = thawed(values.get("completions")), thawed(values.get("labels"))
    if not isinstance(steps, list):
        raise Problem("completions", steps, "must be a list of steps.", "mend or remove the row.")
    right = isinstance(marks, list) and all(isinstance(mark, bool) for mark in marks)
    if not isinstance(marks, list) or not right or len(marks) != len(steps):
        raise Problem("labels", marks, "must hold true or false for each step.", "mend or remove the row.")
    prompt = (
        read_messages(values.get("prompt"), "prompt") if chat else (Turn("user", text(values, "prompt")),)
    )
    return Record(
        turns=prompt,
        completions=tuple(_step(step, f"completions[{i}]", chat=chat) for i, step in enumerate(steps)),
        marks=tuple(marks),
        more=rest(values, {"prompt", "completions", "labels"}),
    )


def _step(step: Any, at: str, *, chat: bool) -> Turns:
    return read_messages(step, at) if chat else (Turn("assistant", text({at: step}, at)),)


def _write_steps(record: Record, *, chat: bool) -> dict[str, Any]:
    only(record, "completions", "marks")
    marked, turns = _marked(record), weighted(record)
    for _, mark in marked:
        if not isinstance(mark, bool):
            raise Problem("marks", mark, "a step is right or wrong; it has no rank.")
    return {
        "prompt": write_messages(turns) if chat else sole_text(turns, "user", "turns"),
        "completions": [
            write_messages(step) if chat else sole_text(step, "assistant", "completions")
            for step, _ in marked
        ],
        "labels": [mark for _, mark in marked],
    }


def _steps(values: Values, prompt: Callable[[Any], bool], step: Callable[[Any], bool]) -> bool:
    steps, marks = thawed(values.get("completions")), thawed(values.get("labels"))
    if not isinstance(steps, list) or not isinstance(marks, list) or not steps:
        return False
    return prompt(values.get("prompt")) and all(map(step, steps))


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_ranked(values: Values) -> bool:
    found = thawed(values.get("answers"))
    return is_text(values, "prompt") and is_objects(found) and all("rank" in item for item in found)


ANSWERS = {"chosen": "chosen", "rejected": "rejected"}
STEPS = {"prompt": "turns", "completions": "completions", "labels": "marks"}
SHAPES = (
    Shape(
        "openai_preference",
        "OpenAI and Together for DPO: input.messages and two outputs",
        {"input": "turns, tools", PREFERRED: "chosen", WORSE: "rejected"},
        _looks_openai,
        _read_openai,
        _write_openai,
        rank=3,
        folds=frozenset({"input", "parallel_tool_calls"}),
    ),
    Shape(
        "messages_preference",
        "Axolotl (chat_template): messages, and one message for each answer",
        {"messages": "turns", **ANSWERS, "tools?": "tools"},
        lambda v: is_messages(v.get("messages")) and is_messages([thawed(v.get(key)) for key in ANSWERS]),
        _read_messages_preference,
        _write_messages_preference,
        rank=4,
    ),
    Shape(
        "sharegpt_preference",
        "LLaMA-Factory for DPO: conversations, and one message for each answer",
        {"conversations": "turns", **ANSWERS, "system?": "turns", "tools?": "tools"},
        lambda v: is_conversation(v) and is_objects([thawed(v.get(key)) for key in ANSWERS]),
        _read_sharegpt,
        _write_sharegpt,
        rank=3,
    ),
    Shape(
        "ranked_answers",
        "Axolotl (nectar): a prompt, and many answers with their rank",
        {"prompt": "user turn", "answers": "completions, marks"},
        _is_ranked,
        _read_ranked,
        _write_ranked,
        rank=3,
    ),
    Shape(
        "stepwise",
        "TRL for process rewards: a prompt, steps, and whether each is right",
        STEPS,
        lambda values: _steps(values, _is_text, _is_text),
        lambda values: _read_steps(values, chat=False),
        lambda record: _write_steps(record, chat=False),
        rank=3,
    ),
    Shape(
        "stepwise_chat",
        "the same as messages",
        STEPS,
        lambda values: _steps(values, is_messages, is_messages),
        lambda values: _read_steps(values, chat=True),
        lambda record: _write_steps(record, chat=True),
        rank=4,
    ),
)
