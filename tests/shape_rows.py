"""Rows of every shape as people write them, other spellings of the same, and strategies for records."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from whet.data.shapes import SHAPES, Record
from whet.records import Turn

# What the shapes are asked to keep.

TOOLS: list[dict[str, Any]] = [
    {
        "type": "function",
        "function": {
            "name": "find_order",
            "description": "Looks an order up.",
            "parameters": {
                "type": "object",
                "properties": {"order": {"type": "string"}},
                "required": ["order"],
            },
        },
    },
    {"type": "function", "function": {"name": "carrier_status", "parameters": {"type": "object"}}},
]
ARGUMENTS = '{"order":"A-17", "deep": [1, {"x": null}]}'  # spaced as no library writes it
CALLING: dict[str, Any] = {
    "messages": [
        {"role": "system", "content": "You are the order desk."},
        {"role": "user", "content": "Where is A-17?", "name": "ada"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "find_order", "arguments": ARGUMENTS},
                },
                {
                    "id": "call_2",
                    "type": "function",
                    "function": {"name": "carrier_status", "arguments": "{}"},
                },
            ],
        },
        {"role": "tool", "content": '{"state": "shipped"}', "tool_call_id": "call_1"},
        {"role": "tool", "content": "on the road", "tool_call_id": "call_2"},
        {"role": "assistant", "content": "It arrives on Monday.", "weight": 1},
    ],
    "tools": TOOLS,
    "parallel_tool_calls": True,
    "split": "TRAIN",
}
CALLING["messages"][3]["weight"] = 0
LEGACY: dict[str, Any] = {
    "messages": [
        {"role": "user", "content": "How warm is it?"},
        {"role": "assistant", "function_call": {"name": "thermometer", "arguments": "{}"}, "weight": 0},
        {"role": "function", "content": "21", "name": "thermometer"},
        {"role": "assistant", "content": "21 degrees.", "thinking": "The tool says 21."},
    ],
    "functions": [{"name": "thermometer", "parameters": {"type": "object"}}],
}
SEEING: dict[str, Any] = {
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is on this label?"},
                {"type": "image_url", "image_url": {"url": "https://example.org/label.png", "detail": "low"}},
            ],
        },
        {"role": "assistant", "content": "Fragile."},
    ]
}


def said(*texts: str) -> list[dict[str, Any]]:
    """Messages of user and assistant in turn."""
    return [{"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(texts)]


def spoken(*texts: str) -> list[dict[str, Any]]:
    """The same in ShareGPT's words."""
    return [{"from": ("human", "gpt")[i % 2], "value": text} for i, text in enumerate(texts)]


def answered(text: str) -> list[dict[str, Any]]:
    return [{"role": "assistant", "content": text}]


ROWS: dict[str, list[dict[str, Any]]] = {
    "openai_chat": [
        {"messages": said("My parcel is late.", "I am sorry. Which order is it?")},
        {"messages": said("Hi", "Hello!", "Refund please", "Of course."), "kto_tag": False, "id": "t-2"},
        CALLING,
        LEGACY,
        SEEING,
    ],
    "openai_rft": [
        {"messages": said("How many hours in 3 days?"), "reference_answer": 72},
        {"messages": said("Capital of Peru?"), "tools": TOOLS, "answers": ["Lima"], "difficulty": "easy"},
    ],
    "sharegpt": [
        {"conversations": spoken("Name a color.", "Blue.", "Another.", "Red.")},
        {
            "conversations": [
                {"from": "human", "value": "Is it raining in Oslo?"},
                {"from": "function_call", "value": '{"name": "weather", "arguments": {"city": "Oslo"}}'},
                {"from": "observation", "value": '{"rain": true}'},
                {"from": "gpt", "value": "Yes."},
            ],
            "system": "You know the weather.",
            "tools": '[{"name": "weather", "parameters": {"type": "object"}}]',
            "kto_tag": True,
            "source": "desk",
        },
    ],
    "alpaca": [
        {
            "instruction": "Which queue does this ticket belong to?",
            "input": "My card was declined.",
            "output": "pay",
        },
        {
            "instruction": "And the second?",
            "input": "",
            "output": "Venus.",
            "system": "You are an astronomer.",
            "history": [["Which planet is first?", "Mercury."]],
            "kto_tag": True,
            "text": "### Instruction: ...",
        },
    ],
    "alpaca_response": [
        {
            "instruction": "cancel my order",
            "input": "",
            "response": "Open your orders and choose Cancel.",
            "category": "ORDER",
            "intent": "cancel_order",
        }
    ],
    "dolly": [
        {
            "instruction": "When did it begin?",
            "context": "The airline began in 2000.",
            "response": "In 2000.",
            "category": "closed_qa",
        },
        {"instruction": "Name a fish.", "context": "", "response": "Cod.", "category": "open_qa"},
    ],
    "alpaca_upper": [{"INSTRUCTION": "Translate to French", "INPUT": "good day", "RESPONSE": "bonjour"}],
    "instruction_completion": [
        {"instruction": "Say hi.", "completion": "hi", "system": "Be short.", "label": True}
    ],
    "question_completion": [{"question": "2 + 2?", "completion": "5", "label": False}],
    "question_answer": [{"question": "When are you open?", "answer": "Nine to five.", "topic": "hours"}],
    "question_response": [
        {"question": "What is 3 times 3?", "response": "9", "system_prompt": "You teach.", "id": "cot.1"}
    ],
    "article_summary": [{"article": "The council met on Monday and agreed.", "summary": "Council agrees."}],
    "prompt_response": [{"prompt": "Write a haiku.", "response": "Old pond / a frog / splash", "lang": "en"}],
    "h2o": [
        {"prompt": "What is a loan?", "answer": "Borrowed money.", "id": 1, "parent_id": None},
        {"prompt": "And interest?", "answer": "Its price.", "id": 2, "parent_id": 1},
    ],
    "kiln": [
        {
            "input": "The food was cold.",
            "output": "negative",
            "reasoning": "Cold food is bad.",
            "tags": "eval,hard",
        },
        {"input": "Lovely!", "output": "positive", "tags": "eval"},
    ],
    "prompt_completion": [{"prompt": "The sky is", "completion": " blue.", "id": 3}],
    "kto": [{"prompt": "The sky is", "completion": " green.", "label": False}],
    "preference": [{"prompt": "The sky is", "chosen": "Blue.", "rejected": "Green.", "system": "Be true."}],
    "alpaca_preference": [
        {"instruction": "Sum up.", "input": "It rained all day.", "chosen": "Rain.", "rejected": "Sun."}
    ],
    "chosen_response": [{"instruction": "Say hi.", "chosen_response": "Hi!", "rejected_response": "No."}],
    "question_preference": [{"question": "2 + 2?", "chosen": "4", "rejected": "5", "system": "Count."}],
    "input_preference": [{"input": "2 + 2?", "chosen": "4", "rejected": "5"}],
    "text": [
        {"text": "The sky is blue, and so is the sea."},
        {"text": "A text with its source.", "source": "web"},
    ],
    "prompt": [{"prompt": "Write a limerick.", "difficulty": 2}],
    "prompt_chat": [{"prompt": said("What color is the sky?"), "answer": "blue"}],
    "prompt_completion_chat": [
        {"prompt": said("What color is the sky?"), "completion": answered("Blue.")},
        {"prompt": said("One?", "1", "Two?"), "completion": answered("2"), "tools": TOOLS},
    ],
    "kto_chat": [
        {"prompt": said("What color is the sky?"), "completion": answered("Green."), "label": False}
    ],
    "preference_chat": [
        {
            "prompt": said("What color is the sky?"),
            "chosen": answered("Blue."),
            "rejected": answered("Green."),
        }
    ],
    "preference_implicit": [
        {"chosen": "Human: hi Assistant: hello", "rejected": "Human: hi Assistant: go away"}
    ],
    "preference_implicit_chat": [
        {"chosen": said("Hi", "Hello", "Sky?", "Blue."), "rejected": said("Hi", "Hello", "Sky?", "Green.")}
    ],
    "preference_whole": [
        {
            "prompt": "What color is the sky?",
            "chosen": said("What color is the sky?", "Blue."),
            "rejected": said("What color is the sky?", "Green."),
            "score_chosen": 9.0,
        }
    ],
    "openai_preference": [
        {
            "input": {
                "messages": said("Is it cold in Rome?"),
                "tools": TOOLS,
                "parallel_tool_calls": False,
            },
            "preferred_output": answered("No, 20 degrees."),
            "non_preferred_output": answered("It is not super cold."),
        }
    ],
    "messages_preference": [
        {
            "messages": said("Hi", "Hello", "Sky?"),
            "chosen": {"role": "assistant", "content": "Blue."},
            "rejected": {"role": "assistant", "content": "Green."},
        }
    ],
    "sharegpt_preference": [
        {
            "conversations": spoken("Hi", "Hello", "Sky?"),
            "system": "Be true.",
            "chosen": {"from": "gpt", "value": "Blue."},
            "rejected": {"from": "gpt", "value": "Green."},
        }
    ],
    "ranked_answers": [
        {
            "prompt": "Capital of France?",
            "answers": [
                {"answer": "Paris.", "model": "m1", "rank": 1},
                {"answer": "Lyon.", "model": "m2", "rank": 2},
            ],
            "good_natured": True,
        }
    ],
    "stepwise": [
        {
            "prompt": "Which is larger, 9.8 or 9.11?",
            "completions": ["9.11 is 9 and 11 hundredths.", "9.9 is 9 and 90 hundredths."],
            "labels": [True, False],
        }
    ],
    "stepwise_chat": [
        {
            "prompt": said("9.8 or 9.11?"),
            "completions": [answered("Compare."), answered("9.8")],
            "labels": [True, True],
        }
    ],
    "vertex": [
        {
            "systemInstruction": {"role": "system", "parts": [{"text": "You sort tickets."}]},
            "contents": [
                {"role": "user", "parts": [{"text": "My card was declined."}]},
                {"role": "model", "parts": [{"text": "payments"}]},
            ],
        },
        {
            "contents": [
                {
                    "role": "user",
                    "parts": [
                        {"fileData": {"mimeType": "image/png", "fileUri": "gs://b/1.png"}},
                        {"text": "Which lamp is lit?"},
                    ],
                },
                {"role": "model", "parts": [{"functionCall": {"name": "lamp", "args": {"row": 2}}}]},
                {
                    "role": "user",
                    "parts": [{"functionResponse": {"name": "lamp", "response": {"lit": "red"}}}],
                },
                {"role": "model", "parts": [{"text": "The red one."}]},
            ],
            "tools": [{"functionDeclarations": [{"name": "lamp", "parameters": {"type": "OBJECT"}}]}],
            "labels": {"team": "a"},
        },
    ],
    "bedrock": [
        {
            "schemaVersion": "bedrock-conversation-2024",
            "system": [{"text": "You sort tickets."}],
            "messages": [
                {"role": "user", "content": [{"text": "My card was declined."}]},
                {"role": "assistant", "content": [{"text": "payments"}]},
            ],
        },
        {
            "schemaVersion": "bedrock-conversation-2024",
            "messages": [
                {"role": "user", "content": [{"text": "Which song leads?"}]},
                {
                    "role": "assistant",
                    "content": [
                        {"text": "I look it up."},
                        {"toolUse": {"toolUseId": "u1", "name": "top_song", "input": {"sign": "WZPZ"}}},
                    ],
                },
                {
                    "role": "user",
                    "content": [
                        {"toolResult": {"toolUseId": "u1", "content": [{"json": {"song": "Elemental"}}]}}
                    ],
                },
                {"role": "assistant", "content": [{"text": "Elemental."}]},
            ],
            "toolConfig": {
                "tools": [{"toolSpec": {"name": "top_song", "inputSchema": {"json": {"type": "object"}}}}],
                "toolChoice": {"auto": {}},
            },
        },
    ],
    "text_label": [
        {"text": "where is my parcel", "label": "parcel"},
        {"text": "i forgot my password", "label": 3},
    ],
    "text_labels": [{"text": "charged twice", "labels": ["billing", "refund"]}, {"text": "ok", "labels": []}],
    "table": [{"ticket": "My parcel is late.", "queue": "delivery", "opened": "2026-01-31"}],
    "promptfoo": [
        {
            "vars": {"input": "Capital of France?"},
            "assert": [{"type": "equals", "value": "Paris"}],
            "description": "geo",
        },
        {
            "vars": {"language": "French", "question": "How do you say hello?"},
            "assert": [{"type": "icontains", "value": "bonjour"}, {"type": "latency", "threshold": 500}],
        },
    ],
    "promptfoo_csv": [
        {
            "input": "Capital of France?",
            "__expected": "Paris",
            "__expected2": "latency(500)",
            "__metadata:topic": "geo",
        },
        {"input": "Hello in French?", "__expected": "contains:bonjour"},
    ],
    "mlflow": [
        {
            "inputs": {"input": "What is MLflow?"},
            "expectations": {"expected_response": "A platform."},
            "outputs": "A tool.",
        },
        {
            "inputs": {"messages": said("Hi", "Hello", "What can you do?")},
            "expectations": {"expected_response": "Much.", "expected_facts": ["much"]},
            "tags": {"source": "desk"},
        },
    ],
}

# (what people also write, the same in the shape's own words)
SPELLINGS: dict[str, list[tuple[dict[str, Any], dict[str, Any]]]] = {
    "openai_chat": [
        (
            {"messages": json.dumps(said("a", "b")), "tools": json.dumps(TOOLS)},
            {"messages": said("a", "b"), "tools": TOOLS},
        ),
        (
            {
                "messages": [{**message, "tool_calls": None, "name": None} for message in said("a", "b")],
                "tools": None,
            },
            {"messages": said("a", "b")},
        ),
        (
            {"system": "s", "messages": said("a", "b")},
            {"messages": [{"role": "system", "content": "s"}, *said("a", "b")]},
        ),
        (
            {"messages": [{"role": "developer", "content": "s"}]},
            {"messages": [{"role": "system", "content": "s"}]},
        ),
    ],
    "sharegpt": [
        ({"conversations": said("a", "b")}, {"conversations": spoken("a", "b")}),
        ({"messages": spoken("a", "b")}, {"conversations": spoken("a", "b")}),
        (
            {"conversation": [{"from": "user", "value": "a"}, {"from": "Assistant", "value": "b"}]},
            {"conversations": spoken("a", "b")},
        ),
        (
            {"conversations": [{"from": "system", "value": "s"}, *spoken("a", "b")], "tools": TOOLS},
            {"conversations": spoken("a", "b"), "system": "s", "tools": json.dumps(TOOLS)},
        ),
    ],
    "alpaca": [
        (
            {"instruction": "a", "output": "b", "input": None},
            {"instruction": "a", "input": "", "output": "b"},
        ),
        (
            {"instruction": "a", "output": "b", "system_prompt": "s"},
            {"instruction": "a", "output": "b", "system": "s"},
        ),
        (
            {"instruction": "a", "output": "b", "history": '[["c", "d"]]', "kto_tag": "True"},
            {"instruction": "a", "output": "b", "history": [["c", "d"]], "kto_tag": True},
        ),
    ],
    "alpaca_response": [
        ({"instruction": "a", "response": "b"}, {"instruction": "a", "input": "", "response": "b"}),
        (
            {"instruction": "a", "context": "support", "response": "b", "intent": "x"},
            {"instruction": "a", "input": "", "response": "b", "context": "support", "intent": "x"},
        ),
    ],
    "kto": [
        (
            {"prompt": "a", "completion": "b", "label": "false"},
            {"prompt": "a", "completion": "b", "label": False},
        )
    ],
    "preference_chat": [
        (
            {"prompt": json.dumps(said("a")), "chosen": json.dumps(answered("b")), "rejected": answered("c")},
            {"prompt": said("a"), "chosen": answered("b"), "rejected": answered("c")},
        )
    ],
    "vertex": [
        (
            {
                "system_instruction": {"parts": [{"text": "s"}]},
                "contents": [{"parts": [{"text": "a"}]}, {"role": "model", "parts": [{"text": "b"}]}],
            },
            {
                "systemInstruction": {"parts": [{"text": "s"}]},
                "contents": [
                    {"role": "user", "parts": [{"text": "a"}]},
                    {"role": "model", "parts": [{"text": "b"}]},
                ],
            },
        )
    ],
    "text_labels": [({"text": "a", "labels": '["x", "y"]'}, {"text": "a", "labels": ["x", "y"]})],
    "promptfoo_csv": [
        (
            {"question": "a?", "context": "b", "__expected": "equals: c"},
            {"question": "a?", "context": "b", "__expected": "equals: c"},
        )
    ],
}

# Records that a shape can hold.

words = st.text(max_size=10)
some = st.text(min_size=1, max_size=10)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | words,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(words, inner, max_size=2),
    max_leaves=4,
)
more = st.dictionaries(st.sampled_from(["id", "when", "m1", "m2"]), values, max_size=2)
objects = st.dictionaries(words, values, max_size=2)
spaced = st.sampled_from([(",", ":"), (", ", ": "), (" ,", " : ")])
arguments = st.builds(lambda value, gaps: json.dumps(value, separators=gaps), objects, spaced)
ids = st.sampled_from(["c1", "c2", "c3"])
parts = st.lists(
    st.builds(lambda text: {"type": "text", "text": text}, words)
    | st.just({"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}),
    min_size=1,
    max_size=3,
).map(tuple)


def calls(said: st.SearchStrategy[Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    call = st.builds(
        lambda name, id, arguments: {
            "id": id,
            "type": "function",
            "function": {"name": name, "arguments": arguments},
        },
        some,
        ids,
        said,
    )
    return st.lists(call, min_size=1, max_size=2, unique_by=lambda call: call["id"])


def turn(
    role: str, content: st.SearchStrategy[Any], **extra: st.SearchStrategy[Any]
) -> st.SearchStrategy[Turn]:
    beside = st.fixed_dictionaries({}, optional=extra)
    return st.builds(lambda content, beside: Turn(role, content, beside), content, beside)


plain_user, plain_assistant = turn("user", words), turn("assistant", words)
users = turn("user", words | parts, name=words)
assistants = turn(
    "assistant",
    words | st.none() | parts,
    weight=st.sampled_from([0, 1]),
    tool_calls=calls(arguments | words | objects),
    thinking=some,
)
tools_said = turn("tool", words | arguments, tool_call_id=ids, name=words)
systems = turn("system", words) | turn("developer", words)
chat_turns = st.lists(systems | users | assistants | tools_said, min_size=1, max_size=4).map(tuple)
definitions = st.none() | st.lists(
    st.builds(
        lambda name, schema: {"type": "function", "function": {"name": name, "parameters": schema}},
        some,
        objects,
    ),
    max_size=2,
).map(tuple)
answers = st.lists(assistants | tools_said, min_size=1, max_size=2).map(tuple)
one_answer = assistants.map(lambda said: (said,))


def records(name: str) -> st.SearchStrategy[Record]:
    """Records that the shape holds in full."""
    found: st.SearchStrategy[Record] = FITTING[name] if name in FITTING else exchanges(name)
    return found


def exchanges(name: str) -> st.SearchStrategy[Record]:
    """Of a shape of texts: what its keys say that it can hold."""
    keys = dict(SHAPES[name].keys)
    meanings = {meaning: key for key, meaning in keys.items()}
    tag = meanings.get("desirable", "")
    apart = sum(meaning == "user turn" for meaning in keys.values()) == 2

    @st.composite
    def build(draw: st.DrawFn) -> Record:
        turns = []
        if "system turn" in meanings and draw(st.booleans()):
            turns.append(Turn("system", draw(some)))
        if "earlier turns" in meanings:
            for _ in range(draw(st.integers(0, 2))):
                turns += [draw(plain_user), draw(plain_assistant)]
        instruction = draw(st.none() | some) if apart else None
        turns.append(Turn("user", draw(some)))
        thinking = (
            {"thinking": draw(some)}
            if meanings.get("thinking of the assistant turn") and draw(st.booleans())
            else {}
        )
        if "assistant turn" in meanings:
            turns.append(Turn("assistant", draw(words), thinking))
        good = draw(st.booleans()) if tag and (not tag.endswith("?") or draw(st.booleans())) else None
        two = [(draw(plain_assistant),) if "chosen" in meanings else None for _ in range(2)]
        return Record(
            turns=tuple(turns),
            chosen=two[0],
            rejected=two[1],
            desirable=good,
            instruction=instruction,
            more=draw(more),
        )

    return build()


def cloud(ids_only: bool) -> st.SearchStrategy[Record]:
    """Of a cloud: system first, arguments that are objects, no weights."""
    named: dict[str, Any] = {"tool_call_id": ids} if ids_only else {"name": some}
    text_parts = st.lists(
        st.builds(lambda text: {"type": "text", "text": text}, words), min_size=1, max_size=2
    ).map(tuple)
    said = st.lists(
        turn("user", words | text_parts)
        | turn("assistant", words | st.none() | text_parts, tool_calls=calls(arguments))
        | st.builds(
            lambda content, beside: Turn("tool", content, beside),
            words | arguments,
            st.fixed_dictionaries(named),
        ),
        min_size=1,
        max_size=4,
    )
    first = st.lists(turn("system", some), max_size=1)
    return st.builds(
        lambda system, turns, tools, more: Record(turns=(*system, *turns), tools=tools or None, more=more),
        first,
        said,
        definitions,
        more,
    )


def chat(**extra: Any) -> st.SearchStrategy[Record]:
    given = {"turns": chat_turns, "tools": definitions, "more": more, **extra}
    return st.builds(Record, **given)


def completed(**extra: Any) -> st.SearchStrategy[Record]:
    """A prompt, and from some turn on a completion."""

    @st.composite
    def build(draw: st.DrawFn) -> Record:
        asked, said = draw(chat_turns), draw(answers)
        start = (
            None if all(t.role != "assistant" for t in asked) and said[0].role == "assistant" else len(asked)
        )
        good = draw(st.booleans()) if extra else None
        return Record(
            turns=asked + said, tools=draw(definitions), learn_from=start, desirable=good, more=draw(more)
        )

    return build()


def asked_by(text: Any = some) -> Any:
    return st.builds(lambda content: (Turn("user", content),), text)


def steps(prompt: Any, step: Any, marks: Any) -> st.SearchStrategy[Record]:
    marked = st.lists(st.tuples(step, marks), min_size=1, max_size=3)
    return st.builds(
        lambda turns, marked, more: Record(
            turns=turns,
            completions=tuple(step for step, _ in marked),
            marks=tuple(mark for _, mark in marked),
            more=more,
        ),
        prompt,
        marked,
        more,
    )


two_answers = {"chosen": answers, "rejected": answers}
single_answers = {"chosen": one_answer, "rejected": one_answer}
labelled = st.builds(
    Record,
    turns=asked_by(words),
    label=some | st.integers() | st.lists(words | st.integers(), max_size=3).map(tuple),
    more=more,
)
evaluated = st.builds(
    lambda asked, answer, more: Record(turns=asked + answer, more=more),
    asked_by(),
    st.just(()) | st.builds(lambda text: (Turn("assistant", text),), words),
    more,
)
FITTING: dict[str, Any] = {
    "openai_chat": chat(desirable=st.none() | st.booleans()),
    "openai_rft": chat(turns=st.builds(lambda turns, last: (*turns, last), chat_turns, users)),
    "sharegpt": chat(desirable=st.none() | st.booleans()),
    "text": st.builds(lambda text, more: Record(turns=(Turn("assistant", text),), more=more), words, more),
    "prompt": st.builds(Record, turns=asked_by(words), more=more),
    "prompt_chat": chat(),
    "prompt_completion_chat": completed(),
    "kto_chat": completed(desirable=True),
    "preference_chat": chat(**two_answers),
    "preference_implicit": st.builds(
        Record,
        chosen=plain_assistant.map(lambda said: (said,)),
        rejected=plain_assistant.map(lambda said: (said,)),
        more=more,
    ),
    "preference_implicit_chat": chat(**two_answers),
    "preference_whole": st.builds(
        lambda asked, system, record: Record(
            turns=(*system, *asked, *record.turns),
            tools=record.tools,
            chosen=record.chosen,
            rejected=record.rejected,
            more=record.more,
        ),
        asked_by(words),
        st.lists(turn("system", some), max_size=1),
        chat(**two_answers),
    ),
    "openai_preference": chat(**two_answers),
    "messages_preference": chat(**single_answers),
    "sharegpt_preference": chat(**single_answers),
    "ranked_answers": steps(
        asked_by(words),
        st.builds(lambda text, more: (Turn("assistant", text, more),), words, more),
        st.integers(1, 9),
    ),
    "stepwise": steps(asked_by(words), plain_assistant.map(lambda said: (said,)), st.booleans()),
    "stepwise_chat": steps(chat_turns, answers, st.booleans()),
    "vertex": cloud(ids_only=False),
    "bedrock": cloud(ids_only=True),
    "text_label": labelled,
    "text_labels": labelled,
    "promptfoo": evaluated,
    "promptfoo_csv": evaluated,
    "mlflow": st.builds(
        lambda turns, answer, more: Record(turns=turns + answer, more=more),
        chat_turns,
        st.just(()) | st.builds(lambda text: (Turn("assistant", text),), words),
        more,
    ),
}
