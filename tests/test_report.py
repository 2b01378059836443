"""The page: everything is there, everything is escaped, nothing is loaded, whatever the task is like."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from whet.config import Task, task_from
from whet.config_parts import Cost
from whet.evaluate.evidence import Evidence, Sizes
from whet.evaluate.metrics import Metric, cost_function
from whet.measure import failed
from whet.models.source import EncoderSource
from whet.records import Example, Output
from whet.report import ranking, words
from whet.report.beside import marked
from whet.report.charts import Guide, Scale, mark, strip
from whet.report.frame import GUIDE
from whet.report.markup import breakable, sentences, tag, ticked
from whet.report.page import render
from whet.verdict import verdict

NASTY = "<script>alert(1)</script>"
QUOTED = "account \"access\" & 'keys'"
SECTIONS = (
    "verdict",
    "rungs",
    "against",
    "mistakes",
    "labels",
    "learning",
    "disagreements",
    "models",
    "making",
)
LADDER = (("floor", 0.0), ("prompt", 0.6), ("fewshot", 0.8), ("head", 0.93), ("tune", 0.95))
FIVE = ("billing", "delivery", "returns", QUOTED, "other")


@dataclass(frozen=True)
class Rung:
    name: str
    outputs: tuple[Output, ...]
    confidences: tuple[float, ...]
    dev_gain: float
    fit_seconds: float = 93.0
    parameters_trained: int = 0
    trains: bool = False
    seconds_per_1k: float = 4.0
    provider_usd_per_1k: float = 0.0
    p50_ms: float = 13.4
    p95_ms: float = 18.9
    tokens_in: float = 0.0
    tokens_out: float = 0.0
    choices: Mapping[str, Any] = field(default_factory=dict)
    curve: Sequence[Mapping[str, float]] = ()
    prompt: Mapping[str, str] = field(default_factory=dict)
    cut_short: bool = False
    unanswered: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CurvePoint:
    rung: str
    n_train: int
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Curve:
    points: tuple[CurvePoint, ...] = ()
    answer: str = "No rung learns from examples here."


MODEL = EncoderSource(
    name="org/encoder",
    folder=Path("/nowhere"),
    sha256="5" * 64,
    licence="apache-2.0",
    parameters=22_713_216,
    dim=384,
    context=256,
    pooling="mean",
    local=False,
)
CURVE = Curve(
    tuple(CurvePoint(name, n, 0.7 + n / 4000, 0.65, 0.95) for name in ("tune", "head") for n in (225, 900)),
    "More examples would probably help: `tune` +4.0 points on dev.",
)
MANIFEST: dict[str, Any] = {
    "command": "whet run task.yaml --out <run>",
    "whet": "0.1.0",
    "python": "3.11.7",
    "libraries": {"torch": "2.13.0"},
    "steps": {
        "scores": {
            "files": {"05-scores.jsonl": "e9" * 32},
            "seconds": 27.9,
            "at": "2026-11-21T18:52:57+00:00",
        }
    },
}


def arguments(
    labels: Sequence[str] = FIVE,
    ladder: Sequence[tuple[str, float]] = LADDER,
    n: int = 300,
    several: bool = False,
    curve: Curve = CURVE,
    **task: Any,
) -> dict[str, Any]:
    """What ``render`` takes, for a synthetic run with the real verdict."""
    about = task_from(
        {
            "task": "tickets",
            "examples": "t.csv",
            "fields": {"input": "text", "output": "label"},
            "multi_label": several,
            **task,
        }
    )
    test, rungs = _answers(labels, ladder, n, several)
    metric = _metric(about)
    evidence = Evidence(rungs, [e.output for e in test], metric)
    largest = Counter(e.output for e in test).most_common(1)[0][1]
    found = verdict(about, evidence, Sizes(900, 120, n), 1, ["left out: 3 rows like `x`"])
    return {
        "task": about,
        "verdict": {**found, "failures": failed(about, labels, test, evidence)},
        "test": test,
        "rungs": rungs,
        "curve": curve,
        "models": [MODEL],
        "manifest": MANIFEST,
        "baseline": largest / n,
    }


def _metric(task: Task) -> Metric:
    if isinstance(task.metric, str):
        return Metric(task.metric)
    assert isinstance(task.metric, Cost)
    return Metric("cost", cost_function(task.metric.cost, task.metric.default))


def _answers(
    labels: Sequence[str], ladder: Sequence[tuple[str, float]], n: int, several: bool
) -> tuple[list[Example], list[Rung]]:
    """Test examples, and rungs that are right as often as ``ladder`` says, mostly on the same ones."""
    rng = random.Random(0)
    test = []
    for i in range(n):
        chosen = rng.choices(labels, k=rng.choice([0, 1, 2])) if several else [rng.choice(labels)]
        output: Output = tuple(sorted(set(chosen))) if several else chosen[0]
        test.append(Example(f"id{i}", f"{NASTY} text {i} " + "word " * (i % 90), output, f"t.csv:{i + 2}"))
    hard = [rng.random() for _ in test]
    rungs = []
    for name, share in ladder:
        outputs = tuple(
            example.output if how < share else _wrong(example.output, labels, rng, several)
            for example, how in zip(test, hard, strict=True)
        )
        if name == "floor":
            outputs = ((() if several else labels[0]),) * n
        trains = name in {"head", "tune"}
        rungs.append(
            Rung(
                name,
                outputs,
                tuple(0.5 + h / 2 for h in hard),
                share,
                trains=trains,
                parameters_trained=10_600_000 if trains else 0,
                choices={"k": 5, "recipe": {"lr": 0.001}} if trains else {},
                curve=[{"step": s, "loss": 1 / (s + 1), "dev_loss": 0.5, "dev_score": 0.9} for s in (1, 2)]
                if name == "tune"
                else (),
            )
        )
    return test, rungs


def _wrong(truth: Output, labels: Sequence[str], rng: random.Random, several: bool) -> Output:
    if several:
        return tuple(sorted(set(truth) ^ {rng.choice(labels)}))
    return rng.choice([label for label in labels if label != truth])


WRITING = (("floor", 0.0), ("prompt", 0.6), ("tune", 0.95))
REPLIES = [
    *(
        f"Dear {name}, your {thing} leaves on {day}. Kind regards, <the desk>"
        for name, thing, day in zip(
            ("Ada", "Bob", "Cy"),
            ("lamp & shade", "chair", "parcel"),
            ("Monday", "Friday", "2 May"),
            strict=True,
        )
    ),
    "No.",
    "We cannot tell yet; please write again " + "when the carrier has told us more " * 9,
]
VALUES = [
    '{"day": "monday", "n": 2}',
    '{"day": "friday"}',
    '{"n": 3}',
    '{"day": "monday", "n": 3, "x": 1}',
    "no JSON",
]
COST = {"cost": {"billing": {"returns": 5.0}}, "default": 1.0}
CLOSE = (("floor", 0.0), ("prompt", 0.86), ("tune", 0.885))
VARIANTS: dict[str, Callable[[], dict[str, Any]]] = {
    "plain": arguments,
    "cost": lambda: arguments(metric=COST, n=80, margin=0.05, target=0.2, monthly_volume=50_000),
    "macro f1": lambda: arguments(metric="macro_f1", n=80, ladder=LADDER[:3]),
    "not decisive": lambda: arguments(ladder=CLOSE, n=80),
    "several labels": lambda: arguments(several=True),
    "target missed": lambda: arguments(target=0.999),
    "floor and prompt": lambda: arguments(ladder=LADDER[:2], curve=Curve()),
    "floor alone": lambda: arguments(ladder=LADDER[:1], curve=Curve(), n=20),
    "two labels": lambda: arguments(labels=("ham", "spam")),
    "many labels": lambda: arguments(labels=[f"label_{i:02}" for i in range(40)]),
    "long labels": lambda: arguments(labels=["very_long_" * 20, "a label of many words " * 8, "s"]),
    "no margin": lambda: arguments(margin=0.0),
    "replies": lambda: arguments(labels=REPLIES, kind="write", ladder=WRITING, monthly_volume=9_000),
    "values": lambda: arguments(labels=VALUES, kind="extract", ladder=WRITING),
}


@cache
def given(name: str) -> dict[str, Any]:
    return VARIANTS[name]()


@cache
def page(name: str) -> str:
    return render(**given(name))


class Reader(HTMLParser):
    """Elements, attributes and text; complains of tags that do not close in order."""

    VOID = frozenset({"meta", "link", "wbr", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_has_every_section_and_every_rungs_value(name: str) -> None:
    found, reader = given(name)["verdict"], Reader(page(name))
    assert reader.open == []
    ids = {value for _, attribute, value in reader.attributes if attribute == "id"}
    assert ids >= set(SECTIONS) - ({"labels"} if name == "replies" else set())
    for rung in found["rungs"]:
        assert rung["name"] in reader.text
        assert words.shown(rung["value"], found["metric"]) in reader.text


@pytest.mark.parametrize("name", VARIANTS)
def test_nothing_is_loaded(name: str) -> None:
    reader = Reader(page(name))
    links = {v for _, attribute, v in reader.attributes if attribute in {"src", "href", "action", "data"}}
    assert links == {GUIDE, "#against", "data:,"}
    assert not re.search(r"@import|url\(", page(name))
    policy = next(v for _, attribute, v in reader.attributes if v.startswith("default-src"))
    assert policy.startswith("default-src 'none';")


@pytest.mark.parametrize("name", VARIANTS)
def test_what_users_wrote_is_escaped(name: str) -> None:
    text = page(name)
    assert NASTY not in text
    assert text.count("<script>") == 1
    assert not any(value.startswith("on") for _, value, _ in Reader(text).attributes)


def test_texts_and_labels_come_out_as_written() -> None:
    text = page("plain")
    assert "&lt;script&gt;alert(1)&lt;/script&gt; text" in text
    assert "account &#34;access&#34; &amp; &#39;keys&#39;" in text
    assert "whet run task.yaml --out &lt;run&gt;" in text


def test_prose_of_the_task_is_shown_and_escaped() -> None:
    text = render(**arguments(success="Sent to <the> right team", instruction='Say "yes"', task="<b>"))
    assert "Sent to &lt;the&gt; right team" in text
    assert "Say &#34;yes&#34;" in text
    assert "<title>&lt;b&gt;: " in text


def test_a_decisive_verdict_and_one_that_is_not_look_different() -> None:
    assert 'class="verdict decided"' in page("plain")
    assert "What would decide it" not in page("plain")
    found, undecided = given("not decisive")["verdict"], page("not decisive")
    assert found["winner"] is None
    assert 'class="verdict undecided"' in undecided
    assert f"{found['more_examples_needed']:,}</b> more test examples" in undecided
    assert words.apart(found["smallest_detectable_difference"], "accuracy") in undecided


def test_where_no_number_of_examples_would_decide_it_says_so() -> None:
    found = {**given("not decisive")["verdict"], "more_examples_needed": None}
    assert "More test examples would not" in render(**{**given("not decisive"), "verdict": found})


def test_what_training_changed_stands_there_with_its_interval() -> None:
    changed = {
        "name": "chrf",
        "before": 0.01,
        "after": 0.302,
        "difference": 0.292,
        "low": 0.27,
        "high": 0.314,
    }
    given_ = given("not decisive")
    found = render(**{**given_, "verdict": {**given_["verdict"], "changed": [changed]}})
    for said in ("What training changed", "30.2 %", "+29.2 points", "27.0 points to 31.4 points"):
        assert said in found.replace("\N{NO-BREAK SPACE}", " ")
    assert "the model as it came and as it was trained" in found
    assert "What training changed" not in render(
        **{**given_, "verdict": {**given_["verdict"], "changed": []}}
    )


def test_what_training_changed_says_where_another_model_stands_behind_it() -> None:
    one = given("not decisive")["rungs"][0]
    before, after = (replace(one, name=n, choices={"model": m}) for n, m in (("prompt", "a"), ("tune", "b")))
    assert "prompt stands on a, tune on b" in ranking.changed_by([before, after])
    assert "differ" not in ranking.changed_by([before, replace(after, choices={"model": "a"})])


def test_a_missed_target_is_said() -> None:
    assert 'class="verdict missed"' in page("target missed")
    assert "Nothing is good enough" in page("target missed")


def test_break_even_comes_with_months_and_its_assumptions() -> None:
    text = page("cost").replace(words.NBSP, " ")
    assert re.search(r"\d\.\d (months|years)</small>|a few days</small>", text)
    assert "at 50,000 requests a month" in text
    assert "whet&#39;s defaults, which are guesses" in page("cost")
    assert "come from the task file" in render(**arguments(costs={"error_usd": 2.0}))


def test_a_month_and_the_slow_requests_stand_beside_the_price() -> None:
    text = page("replies").replace(words.NBSP, " ")
    assert "/month</small>" in text
    assert "p95 19 ms" in text
    assert "/month" not in page("plain")


def test_failures_stand_by_kind_where_there_is_more_than_one() -> None:
    assert "By kind, all rungs" not in page("plain")
    for name, kinds in (
        ("values", ("field wrong", "invalid JSON")),
        ("replies", ("too short", "other words")),
    ):
        text = Reader(page(name)).text
        assert all(kind in text for kind in ("By kind, all rungs", *kinds))


def test_what_differs_from_the_approved_output_is_marked() -> None:
    assert marked("leave on Monday, sir", "leave on Friday, <sir>") == (
        "leave on <del>Monday</del><ins>Friday</ins>, <ins>&lt;</ins>sir<ins>&gt;</ins>"
    )
    assert marked("same", "same") == "same"
    assert marked("a b c d", "quite another") == "<ins>quite another</ins>"
    assert marked("a", " ") == "<em>(empty)</em>"
    assert "4 characters more" in marked("x " * 602, "x " * 602)
    assert "<del>" in page("replies").split('id="disagreements"')[1].split("adds this", 1)[1]


def test_what_was_not_answered_is_listed_by_id() -> None:
    found = given("plain")["verdict"]
    missing = {"wrong": 1, "kinds": [], "unanswered": [{"id": "id7", "why": "<the budget>"}]}
    text = render(**{**given("plain"), "verdict": {**found, "failures": {"prompt": missing}}})
    assert "did not answer 1 inputs" in text
    assert "&lt;the budget&gt; <small>id7</small>" in text


def test_tokens_that_training_saves_are_told() -> None:
    given_ = arguments(labels=REPLIES, kind="write", ladder=WRITING)
    asks = {"prompt": 412.0, "tune": 96.0}
    rungs = [
        replace(r, tokens_in=asks.get(r.name, 0.0), tokens_out=30.0 * (r.name in asks))
        for r in given_["rungs"]
    ]
    evidence = Evidence(rungs, [e.output for e in given_["test"]], Metric())
    found = verdict(given_["task"], evidence, Sizes(900, 120, 300), 1)
    tuned = next(rung for rung in found["rungs"] if rung["name"] == "tune")
    assert tuned["saved_against_prompt"] == {"tokens": 316.0, "usd": 0.0}
    assert (
        "reads 316 tokens less than one of `prompt`, and 1,000 of them cost $0.00 less" in found["sentence"]
    )
    text = render(**{**given_, "rungs": rungs, "verdict": found})
    assert "316 fewer" in text
    assert "Tokens in + out" not in page("plain")


def test_cost_is_told_to_be_better_when_lower() -> None:
    assert "lower is better" in page("cost")
    assert "lower is better" not in page("plain")


def test_many_labels_are_folded_and_few_get_a_matrix() -> None:
    assert "The other 25 labels" in page("many labels")
    assert 'class="matrix"' not in page("many labels")
    assert 'class="matrix"' in page("plain")


def test_several_labels_show_misses_and_false_alarms() -> None:
    assert "False alarms" in page("several labels")
    assert "Most frequent confusions" not in page("several labels")


def test_digests_models_choices_and_curves_are_there() -> None:
    text = Reader(page("plain")).text
    for expected in (
        "e9" * 32,
        "5" * 64,
        "apache-2.0",
        f"22.7{words.NBSP}M",
        "recipe.lr",
        "0.001",
        "2026-11-21 18:52:57 UTC",
        "Loss, by step",
        "Accuracy on dev, by training examples",
    ):
        assert expected in text


def test_long_texts_are_cut_between_words_and_say_so() -> None:
    cut = words.shorten("word " * 100)
    assert cut.endswith("word … (499 characters)")
    assert words.shorten("x" * 300).startswith("x" * 240)
    assert words.shorten(" two\n words ") == "two words"


def test_figures_as_people_read_them() -> None:
    said = [
        words.percent(0.9268),
        words.apart(0.0151, "accuracy"),
        words.apart(-0.0001, "accuracy"),
        words.millis(13.4),
        words.usd(0.00011),
        words.usd(0.0),
        words.usd(0.00002),
        words.usd(1.2),
        words.many(10_600_000),
        words.many(693_197),
        words.duration(235.9),
        words.duration(4000),
        words.span_apart(-0.003, 0.015, "accuracy"),
        words.shown(-0.5, "cost"),
        words.p_value(1e-9),
        words.typeset("91.8 %, -0.3 points, 8.8%, `a-1`"),
        words.months(410_000, 100_000),
    ]
    assert [text.replace(words.NBSP, " ") for text in said] == [
        "92.7 %",
        "1.5 points",
        "0.0 points",
        "13 ms",
        "$0.0001",
        "$0",
        "< $0.0001",
        "$1.20",
        "10.6 M",
        "693 k",
        "3 min 56 s",
        "1 h 6 min",
        "−0.3 to 1.5 points",
        "−0.500",
        "< 0.001",
        "91.8 %, −0.3 points, 8.8 %, `a-1`",
        "4.1 months",
    ]


def test_markup_escapes_text_and_attributes() -> None:
    made = tag("a", "<b>", title='"<', class_="x", hidden=None)
    assert made == '<a title="&#34;&lt;" class="x">&lt;b&gt;</a>'
    assert ticked("`<x>` & y") == "<code>&lt;x&gt;</code> &amp; y"
    assert breakable("a_<b>") == "a_&lt;b&gt;"
    assert breakable("a_b") == "a_<wbr>b"
    first, rest = sentences("`a` is enough: 9.5 %. Fine-tuning is not. So.")
    assert (first, rest) == ("<code>a</code> is enough: 9.5 %.", "Fine-tuning is not. So.")


def test_ticks_are_round_and_few() -> None:
    assert [round(t, 9) for t in Scale(0.0, 1.0).ticks()] == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    for low, high in ((0.91, 0.9301), (-3.0, 17.0), (0.0, 1e-4), (4e3, 9e6)):
        ticks = Scale(low, high).ticks()
        assert 2 <= len(ticks) <= 7
        assert low - 1e-9 <= ticks[0] < ticks[-1] <= high * (1 + 1e-9)


def test_a_value_off_the_scale_is_an_arrow_not_a_dot() -> None:
    def drawn(value: float) -> str:
        return strip(
            Scale(0.0, 1.0),
            [Guide("zero", 0.0, 0.0)],
            low=value - 0.1,
            value=value,
            high=value + 0.1,
            shape="worse",
            strong=False,
            label="x",
        )

    assert mark("worse", "50.00%", 14.0) in drawn(0.5)
    assert 'class="arrow"' in drawn(5.0)
    assert "circle" not in drawn(5.0)
