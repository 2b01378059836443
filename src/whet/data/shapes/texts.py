"""The rows of plain texts that people bring, by their keys: Alpaca and its variants, prompt and
completion, question and answer, Kiln's and H2O's tables, and the preferences among them.

Only names stand here; ``exchange`` reads and writes them all.
"""

from __future__ import annotations

from whet.data.shapes.exchange import Names, exchange

SYSTEM = ("system", "system_prompt")

ALPACA = exchange(
    "alpaca",
    "Alpaca, LLaMA-Factory: an instruction, what it is about, the answer, earlier exchanges",
    Names("instruction", "output", input="input", system=SYSTEM, history="history", tag="kto_tag"),
)
PROMPT_COMPLETION = exchange(
    "prompt_completion",
    "TRL and OpenAI's first fine-tuning format: two texts",
    Names("prompt", "completion", system=SYSTEM),
)
KTO = exchange(
    "kto",
    "TRL and Axolotl for KTO: prompt, completion, and whether it is a good one",
    Names("prompt", "completion", system=SYSTEM, tag="label", tagged=True),
    rank=3,
)
PREFERENCE = exchange(
    "preference",
    "TRL and Axolotl for DPO: a prompt and two answers, as texts",
    Names("prompt", chosen="chosen", rejected="rejected", system=SYSTEM),
    rank=3,
)
SHAPES = (
    ALPACA,
    exchange(
        "alpaca_response",
        "Alpaca with `response`: an instruction and its answer",
        Names("instruction", "response", input="input", system=SYSTEM, history="history", tag="kto_tag"),
    ),
    exchange(
        "dolly",
        "Databricks Dolly: an instruction, its context, the response",
        Names("instruction", "response", input="context", system=SYSTEM),
        rank=3,
        keys=frozenset({"instruction", "context", "response", "category"}),
    ),
    exchange(
        "alpaca_upper",
        "Alpaca in capitals: INSTRUCTION, RESPONSE",
        Names("INSTRUCTION", "RESPONSE", input="INPUT", system=("SYSTEM",)),
    ),
    exchange(
        "instruction_completion",
        "Axolotl for KTO: instruction, completion, label",
        Names("instruction", "completion", system=SYSTEM, tag="label", tagged=True),
        rank=3,
    ),
    exchange(
        "question_completion",
        "Axolotl for KTO: question, completion, label",
        Names("question", "completion", system=SYSTEM, tag="label", tagged=True),
        rank=3,
    ),
    exchange("question_answer", "a question and its answer", Names("question", "answer", system=SYSTEM)),
    exchange(
        "question_response",
        "OpenOrca: system_prompt, question, response",
        Names("question", "response", system=("system_prompt", "system")),
    ),
    exchange("article_summary", "an article and its summary", Names("article", "summary", system=SYSTEM)),
    exchange("prompt_response", "a prompt and its response", Names("prompt", "response", system=SYSTEM)),
    exchange(
        "h2o",
        "H2O LLM Studio: prompt and answer; id and parent_id stay beside them, rows are not joined",
        Names("prompt", "answer", system=SYSTEM),
    ),
    exchange(
        "kiln",
        "Kiln's table: input, output, reasoning; tags stay beside them",
        Names("input", "output", thinking="reasoning"),
        rank=1,
    ),
    PROMPT_COMPLETION,
    KTO,
    PREFERENCE,
    exchange(
        "alpaca_preference",
        "LLaMA-Factory for DPO: an instruction and two answers",
        Names(
            "instruction",
            chosen="chosen",
            rejected="rejected",
            input="input",
            system=SYSTEM,
            history="history",
        ),
        rank=4,
    ),
    exchange(
        "chosen_response",
        "Axolotl (argilla): instruction, chosen_response, rejected_response",
        Names("instruction", chosen="chosen_response", rejected="rejected_response", system=SYSTEM),
        rank=3,
    ),
    exchange(
        "question_preference",
        "Axolotl (intel): question, chosen, rejected",
        Names("question", chosen="chosen", rejected="rejected", system=SYSTEM),
        rank=3,
    ),
    exchange(
        "input_preference",
        "Axolotl (icr): input, chosen, rejected",
        Names("input", chosen="chosen", rejected="rejected", system=SYSTEM),
        rank=3,
    ),
)
