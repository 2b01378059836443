"""Scorers: what each family gives, worked out by hand; and what the task file may say of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.test_config import load, refused
from whet.config import task_from
from whet.errors import InputError, WorldError
from whet.evaluate.evidence import Evidence
from whet.evaluate.metrics import Metric
from whet.evaluate.scorers import sandbox
from whet.evaluate.scorers.base import Scored, Scorer
from whet.evaluate.scorers.closeness import Closeness
from whet.evaluate.scorers.code import CodeRules, Lint, code, unfenced
from whet.evaluate.scorers.fields import fields, figures, same_value
from whet.evaluate.scorers.form import Format, format_rules, schema
from whet.evaluate.scorers.match import exact, normalised
from whet.evaluate.scorers.overlap import chrf_of, rouge_l_of
from whet.evaluate.scorers.registry import Tools, scorer_of
from whet.evaluate.scorers.rules import Glossary, If, Rule, conditional, glossary
from whet.evaluate.scorers.steady import Consistency, asked_again
from whet.evaluate.scorers.tools import tool_calls
from whet.evaluate.stats import paired_right, wilson
from whet.measure import changed, evidence_of, judged, metric_of, scorers_of
from whet.records import Example, Output


def example(output: Any, text: str = "the input") -> Example:
    value = output if isinstance(output, str | tuple) else json.dumps(output)
    return Example(f"e {text}", text, value, "rows.csv:2")


def one(scorer: Scorer, approved: Any, output: Any, text: str = "the input") -> Scored:
    given: Output = output if isinstance(output, str | tuple) else json.dumps(output)
    return scorer.score([example(approved, text)], [given])[0]


# Matches.


def test_a_match_is_exact_or_normalised() -> None:
    assert one(exact(), "Paris", "paris.").score == 0
    assert one(normalised(), "Paris", "  PARIS. ").score == 1
    assert one(normalised(), "ﬁne", "fine").score == 1
    assert one(exact(), ("a", "b"), ("a", "b")).score == 1
    assert one(exact(), "Paris", "Rome").feedback == "The output is 'Rome', approved is 'Paris'."


# Fields.


@pytest.mark.parametrize(
    ("true", "given", "same"),
    [
        (1200.5, "1.200,50", True),
        ("1200", 1200, True),
        ("12 EUR", "12 USD", False),
        ("12 EUR", "12", True),
        ("-5", "5", False),
        (3, 4, False),
        ("2026-03-04", "March 4, 2026", True),
        ("2026-03-04", "2026-03-05", False),
        ("4 March", "a day in March", False),
        (True, "true", True),
        (True, 1, False),
        ("Main St.", "main st", True),
    ],
)
def test_values_are_compared_by_what_they_are(true: Any, given: Any, same: bool) -> None:
    assert same_value(true, given) is same


def test_numbers_may_differ_by_the_tolerance() -> None:
    assert same_value(100, 101, tolerance=0.01)
    assert not same_value(100, 102, tolerance=0.01)


def test_f1_over_fields_by_hand() -> None:
    """Three of four approved values match, one of the four given is wrong and one is extra: 2*3/(2*3+2+1)."""
    approved = {"name": "Ada", "total": 12, "items": ["pen", "ink"], "note": None}
    given = {"name": "ada", "total": 13, "items": ["ink", "pen"], "more": "x"}
    found = one(fields(), approved, given)
    assert found.score == pytest.approx(6 / 9)
    assert found.feedback == "Wrong: total (13 for 12); not asked for: more."


def test_an_output_that_is_not_json_has_no_right_field() -> None:
    assert one(fields(), {"a": 1}, "a is 1").score == 0
    assert "not JSON" in one(fields(), {"a": 1}, "a is 1").feedback


def test_figures_of_each_field_over_examples_by_hand() -> None:
    approved = [example({"a": 1, "b": 2}), example({"a": 1})]
    found = {f.field: f for f in figures(approved, ['{"a": 1, "b": 3}', '{"a": 2, "b": 2}'])}
    assert (found["a"].n, found["a"].precision, found["a"].recall, found["a"].f1) == (2, 0.5, 0.5, 0.5)
    assert (found["b"].n, found["b"].precision, found["b"].recall, found["b"].f1) == (1, 0.0, 0.0, 0.0)


def test_a_declared_date_is_a_day_however_it_is_written() -> None:
    assert one(fields(dates=["when"]), {"when": "4 Mar 2026"}, {"when": "04.03.2026"}).score == 1
    assert one(fields(), {"when": "4 Mar 2026"}, {"when": "04.03.2026"}).score == 0


# Form.

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


def test_validity_by_the_schema() -> None:
    assert one(schema(SCHEMA), "", {"n": 1}).score == 1
    assert one(schema(SCHEMA), "", {"n": "1"}).score == 0
    assert "$.n" in one(schema(SCHEMA), "", {"n": "1"}).feedback
    assert one(schema(SCHEMA), "", "no").score == 0


def test_the_share_of_format_rules_that_hold() -> None:
    rules = Format(
        regex=r"Dear .*", max_words=8, sections=("Plan", "Risk"), must=("regards",), must_not=("sorry",)
    )
    good = "Dear Ada,\n## Plan\ngo\nRisk: none\nRegards"
    assert one(format_rules(rules), "", good).score == 1
    found = one(format_rules(rules), "", "Dear Ada, sorry.\nRisk: none\nPlan: go\nRegards and so on and on")
    assert found.score == pytest.approx(2 / 5)  # regex and must hold; length, order and a phrase do not
    assert "the section 'Risk' is missing or out of order" in found.feedback


# Overlap: the values are those of sacrebleu 2.6.0 and rouge-score 0.1.2.


@pytest.mark.parametrize(
    ("text", "reference", "chrf", "rouge"),
    [
        ("the cat sat on the mat", "the cat is on the mat", 0.645779, 0.833333),
        (
            "Your refund was sent on Monday.",
            "We sent your refund on Monday, thank you for waiting.",
            0.372164,
            0.5,
        ),
        ("abc", "xyz", 0.0, 0.0),
        ("a", "a b c", 0.384615, 0.5),
        ("", "nothing", 0.0, 0.0),
        ("ok", "ok", 1.0, 1.0),
    ],
)
def test_overlap_equals_its_references(text: str, reference: str, chrf: float, rouge: float) -> None:
    assert chrf_of(text, reference) == pytest.approx(chrf, abs=1e-6)
    assert rouge_l_of(text, reference) == pytest.approx(rouge, abs=1e-6)


def test_words_of_every_language_count_where_the_reference_knows_ascii_only() -> None:
    assert rouge_l_of("Frau Müller kommt", "Frau Möller kommt") == pytest.approx(2 / 3)


# Closeness.


def test_closeness_is_the_cosine_by_hand() -> None:
    vectors = {"a": [3.0, 4.0], "b": [4.0, 3.0], "c": [-3.0, -4.0]}
    scorer = Closeness(lambda texts: np.array([vectors[text] for text in texts]))
    found = scorer.score([example("a"), example("a"), example("a")], ["b", "c", "a"])
    assert [s.score for s in found] == [pytest.approx(24 / 25), 0.0, 1.0]


# Rules.

ESCALATES = Rule(If(has=("refund",), number_over=500), Format(), matches="(?i)escalat", name="large refund")


@pytest.mark.parametrize(
    ("text", "output", "score"),
    [
        ("I want a refund of 750 euros", "We escalate this to my manager.", 1.0),
        ("I want a refund of 750 euros", "Done.", 0.0),
        ("I want a refund of 50 euros", "Done.", 1.0),
        ("I paid 750 euros", "Done.", 1.0),
        ("A refund of 1,200 please", "Done.", 0.0),
    ],
)
def test_if_the_input_says_so_the_output_must_say_so(text: str, output: str, score: float) -> None:
    assert one(conditional([ESCALATES]), "x", output, text).score == score


def test_the_share_of_the_rules_that_apply() -> None:
    polite = Rule(If(matches="hello"), Format(must=("hello",)), name="greet")
    found = one(conditional([ESCALATES, polite]), "x", "Hello, done.", "hello, a refund of 600")
    assert found.score == 0.5
    assert found.feedback == "Broken: large refund (nothing in it matches '(?i)escalat')."


def test_terms_of_a_glossary() -> None:
    scorer = glossary(Glossary({"parcel": "shipment", "bill": "invoice"}, never=("cheap",)))
    assert one(scorer, "x", "Your shipment is on its way.", "Where is my parcel?").score == 1
    assert one(scorer, "x", "Your parcel was cheap.", "Where is my parcel?").score == 0
    assert one(scorer, "x", "It is on its way.", "Was billing right about my parcel?").score == 0.5


# Code.

TWO = "def two():\n    return 2\n"


def test_code_parses_or_scores_nothing() -> None:
    assert one(code(CodeRules()), "", TWO).score == 1
    assert one(code(CodeRules()), "", f"```python\n{TWO}```").score == 1
    found = one(code(CodeRules()), "", "def two(:\n")
    assert found.score == 0
    assert "in line 1" in found.feedback
    assert one(code(CodeRules(language="json")), "", "[1, 2").score == 0


def test_lint_by_hand() -> None:
    rules = Lint(must_define=("two", "three"), no_imports=("os",), no_calls=("eval",), no_bare_except=True)
    bad = "import os.path\ndef two():\n    try:\n        pass\n    except:\n        eval('1')\n"
    found = one(code(CodeRules(lint=rules)), "", bad)
    assert found.score == pytest.approx(2 / 6)  # it parses and defines `two`
    assert "three is not defined" in found.feedback
    assert one(code(CodeRules(lint=Lint(docstrings=True))), "", TWO).score == 0.5


def test_sql_is_compiled_on_the_schema_and_not_run() -> None:
    rules = CodeRules(language="sql", sql_schema="CREATE TABLE course (id INT, title TEXT);")
    assert one(code(rules), "", "SELECT title FROM course WHERE id = 3;").score == 1
    assert "no such column" in one(code(rules), "", "SELECT name FROM course").feedback
    assert one(code(rules), "", "SELECT 1; DROP TABLE course").score == 0
    assert one(code(rules), "", "").score == 0


def test_sql_without_a_schema_is_only_parsed() -> None:
    """Names cannot be known then; the control is a statement that is none."""
    rules = CodeRules(language="sql")
    assert one(code(rules), "", "SELECT c.title FROM course AS c WHERE c.id = number0;").score == 1
    assert one(code(rules), "", "SELECT c.title FROM course AS WHERE").score == 0


def test_a_fence_is_taken_off_only_where_it_is_the_whole() -> None:
    assert unfenced("```sql\nSELECT 1\n```") == "SELECT 1"
    assert unfenced("so: ```SELECT 1```") == "so: ```SELECT 1```"


def shut_in(text: str, **limits: Any) -> Scored:
    if problem := sandbox.missing():
        pytest.skip(problem)
    rules = CodeRules(command=("python3", "-S", "{file}"), limits=sandbox.Limits(**limits))
    return one(code(rules), "", text)


def test_a_command_passes_or_fails() -> None:
    assert shut_in("print(2)").score == 1
    found = shut_in("import sys\nsys.exit('wrong sum')")
    assert found.score == 0.5
    assert "ended with 1 (wrong sum)" in found.feedback


def test_a_command_has_no_network() -> None:
    """With its control: the same code finds a listener when it is not shut in."""
    import socket
    import subprocess
    import sys

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        text = f"import socket\nsocket.create_connection(('127.0.0.1', {port}), 2)\n"
        assert shut_in(text).score == 0.5
        assert subprocess.run([sys.executable, "-S", "-c", text], check=False).returncode == 0


def test_a_command_is_held_in_time_memory_and_files() -> None:
    assert "took longer" in shut_in("while True: pass", seconds=0.7).feedback
    assert shut_in("x = bytearray(400_000_000)", memory_mb=200).score == 0.5
    assert shut_in("open('big', 'wb').write(bytes(3_000_000))", file_mb=1).score == 0.5
    assert shut_in("import os\nassert 'PATH' in os.environ and 'WHET' not in os.environ").score == 1


def test_where_a_command_cannot_be_shut_in_it_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "missing", lambda: "no namespaces")
    with pytest.raises(WorldError, match="without network here: no namespaces"):
        one(code(CodeRules(command=("true",))), "", TWO)


# Tool calls.

CALL = {"name": "refund", "arguments": {"order": "A1", "amount": 12}}


def test_tool_calls_by_name_and_arguments_by_hand() -> None:
    scorer = tool_calls()
    openai = {
        "tool_calls": [{"function": {"name": "refund", "arguments": '{"amount": 12.0, "order": "a1"}'}}]
    }
    assert one(scorer, CALL, openai).score == 1
    half = {"name": "refund", "arguments": {"order": "A1", "amount": 13}}
    assert one(scorer, CALL, half).score == pytest.approx(0.5)  # F1 of the arguments: 2 / (2 + 1 + 1)
    assert one(scorer, [CALL], [CALL, {"name": "log"}]).score == pytest.approx(2 / 3)
    assert one(scorer, [CALL], []).score == 0
    assert one(scorer, [], []).score == 1
    assert one(scorer, CALL, "I will refund it.").feedback == "The output is no list of tool calls."


# Consistency.


def test_consistency_is_the_share_of_other_answers_that_are_the_same() -> None:
    asked = asked_again([example("x", "how long?"), example("y", "why?")], 3, lambda text, i: f"{text} ({i})")
    assert [e.input for e in asked[:3]] == ["how long?", "how long? (1)", "how long? (2)"]
    found = Consistency().score(asked, ["Two days", "two days.", "a week", "because", "because", "because"])
    assert [s.score for s in found] == [0.5, 0.5, 0.0, 1.0, 1.0, 1.0]
    assert "asked once" in Consistency().score([example("x")], ["x"])[0].feedback


# Functions of the user.


def test_any_function_by_file_or_by_name(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "def long(example, output):\n"
        "    return {'score': min(len(output) / 10, 1), 'feedback': example.input + ' is long.'}\n"
        "def same(example, output):\n    return example.output == output\n"
        "def broken(example, output):\n    return 7\n"
    )

    def use(call: str) -> Scored:
        task = task_from({**TASK, "scorers": [{"score": "function", "call": call}]})
        return one(scorer_of(task.scorers[0], Tools(folder=tmp_path)), "x", "12345")

    assert use("mine.py:long") == Scored(0.5, "the input is long.")
    assert use("mine.py:same").score == 0
    assert use("tests.test_scorers:always").score == 1
    with pytest.raises(InputError, match=r"it gave 7\."):
        use("mine.py:broken")
    with pytest.raises(InputError, match=r"no function 'lon'\. Did you mean 'long'"):
        use("mine.py:lon")
    with pytest.raises(InputError, match="no such file"):
        use("yours.py:long")


def always(example: Example, output: Output) -> float:
    return 1.0


# As a metric.


class Rung:
    """As much of a rung as evidence looks at."""

    def __init__(self, name: str, outputs: tuple[str, ...]):
        self.name, self.outputs = name, outputs
        self.dev_gain = self.fit_seconds = self.seconds_per_1k = self.provider_usd_per_1k = 0.0
        self.p50_ms = self.p95_ms = self.tokens_in = self.tokens_out = 0.0
        self.unanswered: Mapping[int, str] = {}
        self.parameters_trained, self.trains, self.cut_short = 0, False, False


def test_a_scorer_gives_paired_comparisons_by_the_bootstrap() -> None:
    truths = [f"the answer number {i} is here" for i in range(40)]
    good, bad = Rung("good", tuple(truths)), Rung("bad", ("the answer",) * 40)
    metric = Metric("rouge_l", scorer=scorer_of(task_from({**TASK, "scorers": ["rouge_l"]}).scorers[0]))
    evidence = Evidence([good, bad], truths, metric, 0, ["?"] * 40)
    pair = evidence.pair(good, bad)
    mean = float(np.mean([rouge_l_of("the answer", truth) for truth in truths]))
    assert pair.difference == pytest.approx(1 - mean)
    assert pair.lower(0.05) > 0
    assert evidence.interval(good).value == 1.0
    assert evidence.interval(bad).low <= mean <= evidence.interval(bad).high


def test_a_scorer_of_right_and_wrong_is_counted_and_none_right_is_not_surely_none() -> None:
    truths = [f"the answer number {i} is here" for i in range(40)]
    right, wrong = Rung("right", tuple(truths)), Rung("wrong", ("another",) * 40)
    scorer = scorer_of(task_from({**TASK, "scorers": ["normalised"]}).scorers[0])
    evidence = Evidence([right, wrong], truths, Metric("normalised", scorer=scorer), 0, ["?"] * 40)
    assert evidence.interval(wrong) == wilson(0, 40)
    assert evidence.interval(wrong).high > 0.05
    counted = paired_right(np.ones(40), np.zeros(40))
    assert evidence.pair(right, wrong).lower(0.05) == counted.lower(0.05) < 1.0


def test_what_training_changed_is_paired_and_nothing_where_it_changed_nothing() -> None:
    test = [Example(str(i), "?", f"the answer number {i} is here", "t") for i in range(40)]
    truths = tuple(str(one.output) for one in test)
    half = tuple(truth if n % 2 else "another" for n, truth in enumerate(truths))
    scorer = scorer_of(task_from({**TASK, "scorers": ["rouge_l"]}).scorers[0])
    right = Metric("normalised", scorer=scorer_of(task_from({**TASK, "scorers": ["normalised"]}).scorers[0]))
    rungs = [Rung("prompt", half), Rung("tune", truths)]
    first, by_scorer = evidence_of(rungs, test, right, 0), judged([scorer], test, rungs, 0)
    by_exact, by_words = changed([first, *by_scorer])
    assert (by_exact["name"], by_exact["before"], by_exact["after"]) == ("normalised", 0.5, 1.0)
    assert 0 < by_exact["low"] < by_exact["difference"] == 0.5 < by_exact["high"]
    assert by_words["name"] == "rouge_l"
    assert by_words["low"] > 0
    same = changed([evidence_of([Rung("prompt", half), Rung("tune", half)], test, right, 0)])
    assert same[0]["low"] <= 0 <= same[0]["high"]
    assert changed([evidence_of(rungs[:1], test, right, 0)]) == []


def test_a_scorer_without_inputs_is_refused_rather_than_wrong() -> None:
    metric = Metric("rules", scorer=conditional([ESCALATES]))
    with pytest.raises(ValueError, match="needs the inputs of all 1 examples"):
        metric.per_example(["x"], ["y"])


# The task file.

TASK: dict[str, Any] = {
    "task": "t",
    "kind": "write",
    "examples": "a.csv",
    "fields": {"input": "a", "output": "b"},
}
WRITE = "kind: write\n"


def test_a_scorer_is_a_metric_or_stands_beside_it(tmp_path: Path) -> None:
    task = load(
        tmp_path, WRITE + "metric: {score: fields, dates: [when]}\nscorers: [chrf, {score: rouge_l}]\n"
    )
    assert task.metric_name == "fields"
    assert [scorer.score for scorer in task.scorers] == ["chrf", "rouge_l"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("scorers: [chrff]\n", "task.yaml:7: scorers.0: there is no scorer 'chrff'. Did you mean 'chrf'?"),
        ("scorers: [{max_words: 3}]\n", "scorers.0: name the scorer with `score`."),
        (
            "metric:\n  score: format\n  max_word: 3\n",
            "task.yaml:9: metric.max_word: unknown key. Did you mean 'max_words'?",
        ),
        (
            "scorers:\n  - score: rules\n    rules:\n      - if: {hass: [a]}\n        then: {must: [b]}\n",
            "task.yaml:10: scorers.0.rules.0.if.hass: unknown key. Did you mean 'has'?",
        ),
        ("scorers: [{score: format, regex: '('}]\n", "is not a regex"),
        ("scorers: [format]\n", "names no rule"),
        ("scorers: [{score: code, command: [pytest]}]\n", "say `allow_commands: true` if it may"),
        ("scorers: [{score: judge, labelled: a.csv}]\n", "scorers.0.rubric: is required"),
    ],
)
def test_what_is_wrong_with_a_scorer_is_told_with_its_line(tmp_path: Path, more: str, said: str) -> None:
    assert said in refused(tmp_path, WRITE + more)


def test_scorers_are_not_for_labels(tmp_path: Path) -> None:
    assert "a `classify` task takes accuracy" in refused(tmp_path, "scorers: [chrf]\n")


def test_the_metric_of_a_task_is_its_scorer(tmp_path: Path) -> None:
    """As the pipeline makes it: rules read the input, closeness takes the encoder, a schema is the task's."""

    class Reader:
        def encode(self, texts: list[str]) -> Any:
            return type("Encoded", (), {"vectors": np.eye(2)[[len(text) % 2 for text in texts]]})

    def value(metric: Any, truth: str, output: str) -> float:
        task = task_from({**TASK, "metric": metric, "json_schema": {"type": "object"}})
        return metric_of(task, tmp_path, tmp_path, [Reader()], "x").value([truth], [output], ["say hello"])  # type: ignore[list-item]

    rule = {"if": {"has": ["hello"]}, "then": {"must": ["hello"]}}
    assert value({"score": "rules", "rules": [rule]}, "x", "bye") == 0
    assert value("closeness", "ab", "cd") == 1
    assert value("closeness", "ab", "c") == 0
    assert value("schema", "", "[]") == 0
    also = task_from({**TASK, "scorers": ["exact", "chrf"]})
    assert [s.name for s in scorers_of(also, tmp_path, tmp_path, [], "x")] == ["exact", "chrf"]
    judge = {"score": "judge", "rubric": "Kind.", "model": "./no-such-judge", "labelled": "people.csv"}
    (tmp_path / "people.csv").write_text("input,output,level\na,b,good\n")
    with pytest.raises(InputError, match="no-such-judge"):
        value(judge, "x", "y")
