"""One contract for all scorers: from 0 to 1, the same twice, the approved output scores 1, a sentence why."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from whet.config_scorers import NAMES
from whet.evaluate.scorers.base import Scored, Scorer
from whet.evaluate.scorers.registry import Tools, scorer_of
from whet.models.base import Answer
from whet.records import Example, Output

TEXTS = ["Your refund of 12 euros was sent.", "Please escalate the invoice to my manager.", "It is here."]
JSONS = [
    json.dumps({"a": 1, "b": ["x", "y"]}),
    json.dumps({"a": 2}),
    json.dumps({"b": [], "when": "2026-01-02"}),
]
CALLS = [json.dumps({"name": "refund", "arguments": {"order": "A1"}}), "[]", json.dumps([{"name": "log"}])]
CODE = ["def two():\n    return 2", "x = 1", "import math"]
ODD: list[Output] = ["", "{", "no", "ünïcödé 🙂", "[[1, 2], {}]", '{"a": {"b": null}}', "null", "x" * 3000]


class Kind:
    """A judge whose opinion is the length of what it reads: deterministic, and good of what is approved."""

    name = "kind"

    def answer(self, requests: Any, tell: Any = None) -> list[Answer]:
        return [Answer(json.dumps({"reason": "It reads well.", "level": self.level(r)})) for r in requests]

    def level(self, request: Any) -> str:
        judged = request.turns[-1].text.split("Answer to judge:\n")[1]
        return "bad" if judged.startswith("rude") or judged in ODD else "good"


def encode(texts: Any) -> Any:
    return np.array([[len(t) + 1.0, t.count("e") + 1.0, t.count("a")] for t in texts], dtype=np.float32)


@dataclass(frozen=True)
class Case:
    """What each family is asked with, and which outputs are approved."""

    options: dict[str, Any]
    outputs: list[str]


RULES = [{"if": {"has": ["refund"]}, "then": {"must": ["refund"]}, "name": "refunds"}]
CASES = {
    "exact": Case({}, TEXTS),
    "normalised": Case({}, TEXTS),
    "fields": Case({}, JSONS),
    "schema": Case({"json_schema": {"type": "object"}}, JSONS),
    "format": Case({"min_words": 1, "max_words": 20, "must_not": ["rude"]}, TEXTS),
    "chrf": Case({}, TEXTS),
    "rouge_l": Case({}, TEXTS),
    "closeness": Case({}, TEXTS),
    "rules": Case({"rules": RULES}, TEXTS),
    "glossary": Case({"terms": {"bill": "invoice"}, "never": ["rude"]}, TEXTS),
    "code": Case({"lint": {"no_calls": ["eval"], "no_bare_except": True}}, CODE),
    "tool_calls": Case({}, CALLS),
    "consistency": Case({}, TEXTS),
    "function": Case({"call": "tests.contracts.test_scorers:same"}, TEXTS),
    "judge": Case({"rubric": "Kind.", "model": "a/b", "labelled": "people.jsonl"}, TEXTS),
}
INPUTS = ["I want a refund", "my bill is wrong", "where is it?"]


def same(example: Example, output: Output) -> float:
    return float(example.output == output)


@pytest.fixture(scope="module", params=sorted(NAMES))
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Scorer, Case]:
    folder = tmp_path_factory.mktemp("scorer")
    people = [
        json.dumps({"input": "hi", "output": f"{word} {i}", "level": level})
        for i in range(15)
        for word, level in (("kind", "good"), ("rude", "bad"))
    ]
    (folder / "people.jsonl").write_text("\n".join(people) + "\n", encoding="utf-8")
    given = CASES[request.param]
    spec = NAMES[request.param].model_validate({"score": request.param, **given.options})
    tools = Tools(encode=encode, writer_of=lambda model: Kind(), folder=folder)
    return scorer_of(spec, tools), given  # type: ignore[arg-type]


def ask(scorer: Scorer, given: Case, outputs: list[Output]) -> list[Scored]:
    """Every output against an approved one, the inputs in turn."""
    examples = [
        Example(str(i), INPUTS[i % 3], given.outputs[i % 3], f"rows.csv:{i}") for i in range(len(outputs))
    ]
    return scorer.score(examples, outputs)


def test_the_approved_output_scores_one(case: tuple[Scorer, Case]) -> None:
    scorer, given = case
    assert [s.score for s in ask(scorer, given, list(given.outputs))] == [1.0, 1.0, 1.0]


def test_any_output_scores_from_0_to_1_with_a_sentence(case: tuple[Scorer, Case]) -> None:
    scorer, given = case
    for one in ask(scorer, given, [*ODD, *given.outputs]):
        assert 0 <= one.score <= 1
        assert math.isfinite(one.score)
        assert one.feedback.strip().endswith(".")
        assert "\n" not in one.feedback


def test_it_is_deterministic_and_does_not_depend_on_the_batch(case: tuple[Scorer, Case]) -> None:
    scorer, given = case
    outputs: list[Output] = [*ODD, *given.outputs]
    whole = ask(scorer, given, outputs)
    assert ask(scorer, given, outputs) == whole
    if scorer.name == "consistency":  # it compares answers with each other
        return
    examples = [Example(str(i), INPUTS[i % 3], given.outputs[i % 3], "") for i in range(len(outputs))]
    for example, output, found in zip(examples, outputs, whole, strict=True):
        (alone,) = scorer.score([example], [output])
        assert alone.score == pytest.approx(found.score, abs=1e-6)


def test_a_wrong_output_is_told_from_a_right_one(case: tuple[Scorer, Case]) -> None:
    """The control of the contract: a scorer that gives 1 to everything would pass the rest."""
    scorer, given = case
    wrong: list[Output] = [f"rude {{ {i}" for i in range(3)]
    if scorer.name == "consistency":
        asked = [Example(str(i), "the same", "x", "") for i in range(3)]
        assert max(s.score for s in scorer.score(asked, wrong)) == 0
    else:
        assert min(s.score for s in ask(scorer, given, wrong)) < 1


def test_nothing_to_score_is_no_trouble(case: tuple[Scorer, Case]) -> None:
    assert case[0].score([], []) == []


def test_every_family_has_a_case() -> None:
    assert set(CASES) == set(NAMES)
