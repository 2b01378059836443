"""Evaluation sets: promptfoo's tests (as JSON and as CSV) and MLflow's.

Their inputs are named variables, and what is expected is a list of rules. The input that is a question and
the expectation that is an answer become turns; variables and rules that say more than that stay in
``more`` in full, so that they are written back as they were. Sources: promptfoo, "Test case
configuration" and "CSV"; MLflow, "Evaluation datasets".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from whet.data.shapes.chat import is_messages
from whet.data.shapes.meaning import weighted
from whet.data.shapes.messages import read_messages, write_messages
from whet.data.shapes.record import Problem, Record, Turns
from whet.data.shapes.shape import Shape, Writer, only
from whet.data.shapes.trl import sole_text
from whet.data.shapes.values import Values, given, mapping, objects, rest, thawed
from whet.records import Turn

MAIN = ("input", "question", "prompt", "query", "text", "message", "request")
# How an assertion of a CSV begins when it is not simply the expected text.
ASSERTION = re.compile(
    r"^(not-)?(equals|i?contains(-any|-all|-json|-sql)?|i?starts-with|regex|is-[a-z-]+|similar|levenshtein|"
    r"javascript|python|fn|eval|file|grade|llm-rubric|g-eval|factuality|model-graded-[a-z]+|answer-relevance|"
    r"context-[a-z]+|classifier|moderation|cost|latency|perplexity(-score)?|rouge-n|bleu|gleu|meteor|webhook|"
    r"select-best|pi|guardrails|trace-[a-z-]+)(\([^)]*\))?(:|$)"
)


def main_of(variables: Values) -> str | None:
    """The variable that is the question: by its name, or the only text there is."""
    texts = [key for key, value in variables.items() if isinstance(value, str)]
    named = [key for key in MAIN if key in texts]
    return named[0] if named else texts[0] if len(texts) == 1 else None


def _turns(question: str | None, answer: str | None) -> Turns:
    asked = () if question is None else (Turn("user", question),)
    return asked if answer is None else (*asked, Turn("assistant", answer))


def asked_and_answered(turns: Turns) -> tuple[str | None, str | None]:
    """(question, answer) of a conversation of one exchange.

    Raises:
        Problem: there is more to it.
    """
    if not turns:
        return None, None
    answered = turns[-1].role == "assistant"
    asked = turns[:-1] if answered else turns
    question = sole_text(asked, "user", "turns") if asked else None
    return question, sole_text(turns[-1:], "assistant", "turns") if answered else None


def _kept(lean: Mapping[str, Any], values: Values, own: set[str]) -> dict[str, Any]:
    """The row's keys, less those that writing the turns gives back as they are."""
    same = {key for key in own if key in lean and lean[key] == thawed(values.get(key))}
    return rest(values, same)


def _read_promptfoo(values: Values) -> Record:
    variables = mapping(values.get("vars"), "vars")
    name = main_of(variables)
    turns = _turns(
        variables.get(name) if name else None,
        _expected(values["assert"] if given(values, "assert") else None),
    )
    return Record(turns=turns, more=_kept(_lean_promptfoo(turns), values, {"vars", "assert"}))


def _expected(rules: Any) -> str | None:
    """The text that the answer must equal, where one rule says so."""
    if rules is None:
        return None
    for rule in objects(rules, "assert"):
        if rule.get("type") == "equals" and isinstance(rule.get("value"), str):
            return str(rule["value"])
    return None


def _lean_promptfoo(turns: Turns) -> dict[str, Any]:
    question, answer = asked_and_answered(turns)
    rules = {} if answer is None else {"assert": [{"type": "equals", "value": answer}]}
    return {"vars": {} if question is None else {"input": question}, **rules}


def _read_csv(values: Values) -> Record:
    variables = {key: value for key, value in values.items() if not key.startswith("__")}
    name = main_of(variables)
    expected = values.get("__expected")
    plain = isinstance(expected, str) and bool(expected.strip()) and not ASSERTION.match(expected.strip())
    answer = expected if plain else _after(expected, "equals:")
    turns = _turns(variables[name] if name else None, answer)
    own = {"__expected"} if _asks(values, turns, "input") else {"input", "__expected"}
    return Record(turns=turns, more=_kept(_lean_csv(turns), values, own))


def _asks(values: Values, turns: Turns, but: str = "") -> bool:
    """Whether the named columns (without ``but``) say the same question as the turns do."""
    columns = {key: value for key, value in values.items() if not key.startswith("__") and key != but}
    name = main_of(columns)
    return name is not None and bool(turns) and columns[name] == turns[0].content


def _after(expected: Any, prefix: str) -> str | None:
    if isinstance(expected, str) and expected.strip().startswith(prefix):
        return expected.strip().removeprefix(prefix).strip()
    return None


def _lean_csv(turns: Turns) -> dict[str, Any]:
    question, answer = asked_and_answered(turns)
    if answer is not None and (not answer.strip() or ASSERTION.match(answer.strip())):
        answer = f"equals:{answer}"
    asked = {} if question is None else {"input": question}
    return asked if answer is None else {**asked, "__expected": answer}


def _read_mlflow(values: Values) -> Record:
    inputs = mapping(values.get("inputs"), "inputs")
    expected = mapping(values["expectations"], "expectations") if given(values, "expectations") else {}
    answer = expected.get("expected_response")
    if is_messages(inputs.get("messages")):
        asked = read_messages(inputs["messages"], "inputs.messages")
    else:
        name = main_of(inputs)
        asked = _turns(inputs[name] if name else None, None)
    turns = (*asked, Turn("assistant", answer)) if isinstance(answer, str) else asked
    return Record(turns=turns, more=_kept(_lean_mlflow(turns), values, {"inputs", "expectations"}))


def _lean_mlflow(turns: Turns) -> dict[str, Any]:
    answered = bool(turns) and _is_text(turns[-1], "assistant")
    asked = turns[:-1] if answered else turns
    lean: dict[str, Any] = {"inputs": {"messages": write_messages(asked)} if asked else {}}
    if len(asked) == 1 and _is_text(asked[0], "user"):
        lean["inputs"] = {"input": asked[0].content}
    return {**lean, "expectations": {"expected_response": turns[-1].content}} if answered else lean


def _is_text(turn: Turn, role: str) -> bool:
    return turn.role == role and isinstance(turn.content, str) and not turn.more


def _writer(lean: Callable[[Turns], dict[str, Any]], *own: str) -> Writer:
    """What the row said in full goes before what its turns say."""

    def write(record: Record) -> dict[str, Any]:
        only(record)
        turns = weighted(record)
        if not turns and own[0] not in record.more:
            raise Problem("turns", None, "there is no question in the row.")
        values = {**lean(turns), **{k: v for k, v in record.more.items() if k in own}}
        return {key: value for key, value in values.items() if value is not None}

    return write


def _write_csv(record: Record) -> dict[str, Any]:
    """A question that a named column already holds is not written twice."""
    only(record)
    turns = weighted(record)
    lean = _lean_csv(turns)
    if _asks(record.more, turns):
        lean.pop("input", None)
    return {**lean, **{key: value for key, value in record.more.items() if key == "__expected"}}


def _is_csv(values: Values) -> bool:
    return any(key.startswith(("__expected", "__metadata:")) for key in values)


def _is_mlflow(values: Values) -> bool:
    marks = any(isinstance(thawed(values.get(key)), dict) for key in ("outputs", "expectations"))
    return isinstance(thawed(values.get("inputs")), dict) and (marks or values.get("outputs") is not None)


SHAPES = (
    Shape(
        "promptfoo",
        "promptfoo tests: vars and assert",
        {"vars": "user turn", "assert?": "assistant turn"},
        lambda values: isinstance(thawed(values.get("vars")), dict),
        _read_promptfoo,
        _writer(_lean_promptfoo, "vars", "assert"),
        folds=frozenset({"vars", "assert"}),
    ),
    Shape(
        "promptfoo_csv",
        "promptfoo tests as CSV: variables, __expected and __metadata columns",
        {"__expected?": "assistant turn", "input": "user turn"},
        _is_csv,
        _read_csv,
        _write_csv,
        rank=4,
        folds=frozenset({"__expected"}),
    ),
    Shape(
        "mlflow",
        "MLflow evaluation: inputs, outputs, expectations",
        {"inputs": "turns", "expectations?": "assistant turn"},
        _is_mlflow,
        _read_mlflow,
        _writer(_lean_mlflow, "inputs", "expectations"),
        folds=frozenset({"inputs", "expectations"}),
    ),
)
