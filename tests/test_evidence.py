"""Evidence, gate and review through the front door; and constructed specialists that must fail a measure."""

from __future__ import annotations

import csv
import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import Whet, examples, tickets
from whet.config import task_from
from whet.evaluate.metrics import Metric
from whet.records import Example, FitInfo, Prediction
from whet.rungs.base import load_specialist
from whet.trust.bias import bias
from whet.trust.confidence import confidence
from whet.trust.context import Asked, Context, Side
from whet.trust.evidence import sides_of
from whet.trust.forms import int8, reading
from whet.trust.gate import Judged, judge
from whet.trust.measures import Figure, Measure, from_json, not_shown
from whet.trust.overfitting import overfitting, turning
from whet.trust.parity import FormOf, parity
from whet.trust.policy import Line, default_policy, load_policy

TASK = """task: desks
examples: desks.csv
fields: {input: text, output: label}
split: {test: 0.4, dev: 0.15}
rungs: [floor, prompt, head]
"""
MEASURES = ["quality", "overfitting", "confidence", "slices", "bias"]


def desks(path: Path, seed: int = 0) -> None:
    """Tickets of three regions; in the north, half of the labels are another than the text says."""
    rng = random.Random(seed)
    rows = []
    for at, (text, label) in enumerate(tickets(110, seed)):
        region = ("north", "south", "west")[at % 3]
        wrong = region == "north" and rng.random() < 0.5
        others = [name for name in ("parcel", "refund", "login") if name != label]
        rows.append((text, rng.choice(others) if wrong else label, region))
    with path.open("w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows([("text", "label", "region"), *rows])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, whet: Whet) -> Path:
    """A finished run, with its evidence."""
    folder = tmp_path_factory.mktemp("desks")
    desks(folder / "desks.csv")
    (folder / "desks.yaml").write_text(TASK, encoding="utf-8")
    done = whet("run", folder / "desks.yaml", "--out", folder / "run")
    assert done.returncode == 0, done.stderr
    done = whet("evidence", folder / "run", "--rung", "head")
    assert done.returncode == 0, done.stderr
    return folder / "run"


def stem(run: Path, name: str) -> Path:
    return next(iter(sorted(run.glob(f"{name}*.json"))))


def found(run: Path) -> dict[str, Any]:
    return dict(json.loads(stem(run, "08-evidence").read_text(encoding="utf-8")))


def of(run: Path, name: str) -> Measure:
    return from_json(next(one for one in found(run)["measures"] if one["name"] == name))


def test_every_measure_stands_on_the_page_shown_or_not(run: Path) -> None:
    evidence = found(run)
    names = [one["name"] for one in evidence["measures"]]
    assert names[:5] == MEASURES
    assert names[-1] == "maintenance"
    assert evidence["rung"] == "head"
    assert evidence["base"] == "prompt"
    page = stem(run, "08-evidence").with_suffix(".html").read_text(encoding="utf-8")
    for one in evidence["measures"]:
        assert f'id="{one["name"]}"' in page
        assert (one["standing"] == "shown") == bool(one["said"])
        assert (one["standing"] == "not shown") == bool(one["why"])
    assert "not shown" in page


def test_every_figure_has_an_interval_and_n(run: Path) -> None:
    for one in found(run)["measures"]:
        for figure in one["figures"]:
            assert figure["low"] <= figure["value"] + 1e-9, figure
            assert figure["value"] <= figure["high"] + 1e-9, figure
            assert figure["n"] > 0


def test_it_stands_against_the_base_example_by_example(run: Path) -> None:
    quality = of(run, "quality")
    right, against = quality.figure("right"), quality.figure("against_base")
    assert right is not None
    assert against is not None
    assert right.base_value == pytest.approx(right.value - against.value)
    assert quality.rows
    assert {"approved", "base", "specialist"} == set(quality.rows[0].more)


def test_the_region_with_wrong_labels_is_found_by_its_column(run: Path) -> None:
    worst = of(run, "slices").figure("worst_gap")
    assert worst is not None
    assert "region = north" in worst.title
    assert worst.low > 0


def test_no_group_of_people_is_named_and_so_bias_is_not_shown(run: Path) -> None:
    bias = of(run, "bias")
    assert bias.standing == "not shown"
    assert "fewer than" in bias.why


def test_taken_again_it_asks_nothing_anew(run: Path, whet: Whet) -> None:
    before = found(run)["measures"]
    kept = sorted(path.name for path in (run / "cache" / "evidence").iterdir())
    told = whet.json("evidence", run, "--rung", "head")
    assert told["measures"] == before
    assert sorted(path.name for path in (run / "cache" / "evidence").iterdir()) == kept


def test_a_previous_release_is_held_against_it(run: Path, whet: Whet) -> None:
    told = whet.json("evidence", run, "--rung", "head", "--against", run)
    quality = from_json(told["measures"][0])  # type: ignore[index]
    figure = quality.figure("against_previous")
    assert figure is not None
    assert figure.low <= 0 <= figure.high
    whet("evidence", run, "--rung", "head")


def test_rows_that_the_previous_release_has_learned_say_nothing(
    run: Path, tmp_path: Path, whet: Whet
) -> None:
    """A run of the same tickets in another order has learned from some that are unseen here."""
    desks(tmp_path / "desks.csv")
    quick = "check: {skip: [accurate, consistent, relevant, representative, well labelled]}"
    text = TASK.replace("rungs: [floor, prompt, head]", f"seed: 7\nrungs: [floor]\n{quick}")
    (tmp_path / "desks.yaml").write_text(text, encoding="utf-8")
    whet("run", tmp_path / "desks.yaml", "--out", tmp_path / "old")
    told = whet.json("evidence", run, "--rung", "head", "--against", tmp_path / "old")
    figure = from_json(told["measures"][0]).figure("against_previous")  # type: ignore[index]
    assert figure is not None
    assert "learned from are left out" in figure.title
    assert figure.n < found(run)["sizes"]["test"]
    whet("evidence", run, "--rung", "head")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["evidence", "{run}", "--rung", "nothing"], "no rung 'nothing'"),
        (["evidence", "{tmp}"], "not a finished run"),
        (["gate", "{tmp}"], "not a finished run"),
        (["gate", "{run}", "--rung", "floor"], "there is no evidence yet"),
        (["gate", "{run}", "--stakes", "enormous"], "must be normal or high"),
        (["review", "{run}"], "--sample N, or --take"),
        (["review", "{tmp}", "--sample", "5"], "not a finished run"),
    ],
)
def test_wrong_use_is_told(run: Path, tmp_path: Path, whet: Whet, arguments: list[str], said: str) -> None:
    done = whet(*(one.format(run=run, tmp=tmp_path) for one in arguments))
    assert done.returncode == 2, done.stdout
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def policy(folder: Path, text: str) -> Path:
    path = folder / "gate.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_gate_opens_and_says_by_what(run: Path, tmp_path: Path, whet: Whet) -> None:
    rules = "gate:\n  slices.worst_gap: {at_most: 0.9}\n  confidence.ece: {at_most: 0.5}\n"
    rules += "  overfitting.gap: {at_most: 0.9}\n  quality.against_base: {at_least: -1}\n"
    rules += "  robustness.fall: {at_most: 1}\n  robustness.obeyed: {at_most: 1}\n"
    told = whet.json("gate", run, "--rung", "head", "--policy", policy(tmp_path, rules))
    assert told["passed"] is True, told
    written = json.loads(stem(run, "09-gate").read_text(encoding="utf-8"))
    assert written["passed"] is True
    assert len(written["policy"]) == 64
    assert {"specialist", "lines", "evidence"} <= set(written)
    states = {line["name"]: line["state"] for line in written["lines"]}
    assert states["bias.swap_gap"] == "not shown"  # and never passed
    assert states["maintenance.overdue"] == "passed"


@pytest.mark.parametrize("stakes", ["normal", "high"])
def test_canaries_are_held_to_a_line_where_they_were_planted(stakes: Any) -> None:
    """A secret that stood once and is known by heart shuts the gate; where none was planted, nothing is asked
    unless the policy asks."""

    def line(*bits: float, needed: bool | None = None) -> Judged:
        known = [Figure("exposure_1", bit, bit - 1, bit + 1, 48, "lower", unit="bits") for bit in bits]
        measures = {"memorization": Measure("memorization", "shown", tuple(known))}
        (asked,) = (one for one in default_policy(stakes).lines if one.name == "memorization.exposure_1")
        return judge(asked if needed is None else replace(asked, needed=needed), measures)

    assert line(2.0).state == "passed"
    assert line(9.5).state == "failed"
    assert line(9.5).stops
    assert line().state == "not shown"
    assert not line().stops
    assert line(needed=True).stops


def test_a_line_that_fails_shuts_the_gate_unless_the_policy_takes_its_power(tmp_path: Path) -> None:
    figure = Figure("fall", 0.4, 0.3, 0.5, 200, "lower", unit="points")
    measures = {"robustness": Measure("robustness", "shown", (figure,))}

    def line(text: str) -> Judged:
        rules = load_policy(policy(tmp_path, f"gate:\n  overfitting.gap: {{at_most: 1}}\n{text}"))
        return judge(next(one for one in rules.lines if one.name == "robustness.fall"), measures)

    assert not line("").needed
    assert line("").stops
    assert not line("  robustness.fall: {needed: false}\n").stops
    assert not line("  robustness.fall: {at_most: 0.5}\n").stops


def test_the_gate_stays_shut_for_a_gap_and_exits_1(run: Path, whet: Whet) -> None:
    done = whet("gate", run, "--rung", "head")
    assert done.returncode == 1
    assert "slices.worst_gap (failed)" in done.stdout
    assert "region = north" in done.stdout


def test_what_is_needed_and_not_shown_shuts_it(run: Path, tmp_path: Path, whet: Whet) -> None:
    rules = "gate:\n  slices.worst_gap: {at_most: 0.9}\n  bias.swap_gap: {needed: true}\n"
    done = whet("gate", run, "--rung", "head", "--policy", policy(tmp_path, rules))
    assert done.returncode == 1
    assert "bias.swap_gap (not shown)" in done.stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stakes: enormous\n", "gate.yaml:1: stakes"),
        ("stakes: high\ngates: {}\n", "gate.yaml:2"),
        ("gate:\n  confidence: {at_most: 0.1}\n", "gate.yaml:2: gate.confidence"),
        ("gate:\n  confidence.ece: {at_mots: 0.1}\n", "Did you mean 'at_most'"),
        ("gate:\n  confidence.ece: {at_most: 0.1, at_least: 0}\n", "not both"),
        ("gate:\n  quality.right: {surely: true}\n", "has no limit"),
    ],
)
def test_a_policy_that_is_wrong_says_where(
    run: Path, tmp_path: Path, whet: Whet, text: str, said: str
) -> None:
    done = whet("gate", run, "--rung", "head", "--policy", policy(tmp_path, text))
    assert done.returncode == 2
    assert said in done.stderr


def decide(path: Path, rejects: int) -> None:
    """Fill the file in as a person would."""
    with path.open(newline="", encoding="utf-8-sig") as source:
        rows = list(csv.DictReader(source))
    for at, row in enumerate(rows):
        row["decision"] = "reject" if at < rejects else "accept"
    with path.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def test_high_stakes_need_a_named_reviewer(run: Path, tmp_path: Path, whet: Whet) -> None:
    rules = policy(tmp_path, "stakes: high\nreview: {sample: 40}\n")
    done = whet("gate", run, "--rung", "head", "--policy", rules)
    assert done.returncode == 1
    assert "review.accepted (not shown)" in done.stdout
    file = tmp_path / "review.csv"
    told = whet.json("review", run, "--rung", "head", "--sample", 40, "--out", file)
    assert told["outputs"] == 40
    undecided = whet("review", run, "--rung", "head", "--take", file, "--by", "Ana Lima")
    assert undecided.returncode == 2
    assert "not decided" in undecided.stderr
    decide(file, rejects=0)
    nobody = whet("review", run, "--rung", "head", "--take", file)
    assert nobody.returncode == 2
    taken = whet.json("review", run, "--rung", "head", "--take", file, "--by", "Ana Lima")
    assert taken["reviewer"] == "Ana Lima"
    lines = json.loads(whet("gate", run, "--rung", "head", "--policy", rules, "--json").stdout)["lines"]
    line = next(one for one in lines if one["name"] == "review.accepted")
    assert line["state"] == "passed"
    assert "Ana Lima" in line["found"]


def test_a_review_without_its_worst_rows_is_not_taken(run: Path, tmp_path: Path, whet: Whet) -> None:
    file = tmp_path / "review.csv"
    whet("review", run, "--rung", "head", "--sample", 30, "--out", file)
    decide(file, rejects=5)
    text = file.read_text(encoding="utf-8").splitlines()
    file.write_text("\n".join([text[0], *text[6:]]) + "\n", encoding="utf-8")
    done = whet("review", run, "--rung", "head", "--take", file, "--by", "Ana Lima")
    assert done.returncode == 2
    assert "not the sample that was drawn" in done.stderr


def test_the_evidence_is_of_these_very_files(run: Path, whet: Whet) -> None:
    """The control of the digest: one more byte in the specialist, and the gate refuses the evidence."""
    card = run / "04-rungs" / "head" / "specialist.json"
    before = card.read_bytes()
    try:
        card.write_bytes(before + b"\n")
        done = whet("gate", run, "--rung", "head")
        assert done.returncode == 2
        assert "another specialist" in done.stderr
    finally:
        card.write_bytes(before)


def damaged(model: Any) -> Any:
    """The weights in 8 bits, after a third of each layer's outputs was lost."""
    import torch

    with torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, torch.nn.Linear):
                layer.weight[::3] = 0
    return int8(model)


def test_a_form_in_8_bits_answers_alike_and_a_damaged_one_does_not(run: Path) -> None:
    """On the page, and with weights that were damaged on the way: told with the metric's fall."""
    of_page = of(run, "parity")
    forms = {name: of_page.figure(f"alike_{name}") for name in ("loaded_again", "in_16_bits", "in_8_bits")}
    assert all(figure is not None and figure.value >= 0.95 for figure in forms.values()), forms
    assert state(of_page, "parity.alike") == "passed"
    made, rows = load_specialist(run / "04-rungs" / "head"), sides_of(run)["test"][:30]
    plain = FormOf("as tested", lambda texts: [one.output for one in made.predict(texts)])
    found = parity([plain, reading("in 8 bits", made, damaged)], rows, Metric())
    alike, fall = found.figure("alike_in_8_bits"), found.figure("fall_in_8_bits")
    assert alike is not None
    assert fall is not None
    assert alike.value < 0.9
    assert state(found, "parity.alike") == "failed"
    assert fall.value > 0.05
    assert f"in 8 bits {alike.value:.1%} (metric {-100 * fall.value:+.1f} points)" in found.said


# Constructed specialists.


class Knows:
    """Answers by a function of the input, with a confidence."""

    def __init__(self, answer: Any, sure: float = 0.9, info: FitInfo | None = None):
        self.answer, self.sure, self.info = answer, sure, info or FitInfo()

    def predict(self, inputs: Any) -> list[Prediction]:
        return [Prediction(self.answer(text), self.sure) for text in inputs]

    def save(self, folder: Path) -> None:
        raise NotImplementedError


def context(folder: Path, specialist: Knows, test: list[Prediction] | None = None) -> Context:
    rows = examples(tickets(200, seed=3))
    train, dev, held = rows[:300], rows[300:380], rows[380:]
    answers = test or specialist.predict([e.input for e in held])
    side = Side("head", folder, tuple(answers))
    side.__dict__.update(specialist=specialist, digest=f"{id(specialist)}", card={})
    task = task_from({"task": "t", "examples": "e.csv", "fields": {"input": "i", "output": "o"}})
    return Context(folder, task, folder, side, None, None, tuple(train), tuple(dev), tuple(held), Metric())


def by_heart(train: list[Example]) -> Any:
    """What it has learned it knows; of everything else nothing."""
    known = {e.input: str(e.output) for e in train}
    return lambda text: known.get(text, "parcel")


def by_rule(text: str) -> str:
    return (
        "refund"
        if any(w in text for w in ("refund", "money", "repay", "reimb", "credit"))
        else (
            "login"
            if any(w in text for w in ("password", "login", "account", "signing", "two-step"))
            else "parcel"
        )
    )


def state(measure: Measure, line: str) -> str:
    rules = {one.name: one for one in default_policy().lines}
    return judge(rules[line], {measure.name: measure}).state


def test_a_memorized_training_set_fails_and_a_learned_rule_passes(tmp_path: Path) -> None:
    rows = examples(tickets(200, seed=3))
    heart = overfitting(context(tmp_path / "a", Knows(by_heart(rows[:300]))))
    rule = overfitting(context(tmp_path / "b", Knows(by_rule)))
    assert state(heart, "overfitting.gap") == "failed"
    assert state(rule, "overfitting.gap") == "passed"
    gap = heart.figure("gap")
    assert gap is not None
    assert gap.low > 0.5


def test_where_dev_turned_is_said() -> None:
    falls = [{"step": s, "dev_loss": 1 / (1 + s)} for s in range(5)]
    turns = [*falls, {"step": 5, "dev_loss": 0.5}]
    assert "did not turn" in turning(falls)
    assert "turned at step 4" in turning(turns)
    assert turning([]) == ""


def honest(n: int, loud: float, seed: int = 0) -> list[Prediction]:
    """Answers whose confidence is the chance that they are right, raised to overconfidence by ``loud``."""
    rng = np.random.default_rng(seed)
    held = examples(tickets(200, seed=3))[380:]
    chance = rng.uniform(0.35, 0.99, n)
    odds = loud * np.log(chance / (1 - chance))
    stated = 1 / (1 + np.exp(-odds))
    right = rng.random(n) < chance
    return [
        Prediction(str(e.output) if ok else "none", float(p))
        for e, ok, p in zip(held, right, stated, strict=True)
    ]


def test_overconfident_scores_fail_and_honest_ones_pass(tmp_path: Path) -> None:
    n = 220
    loud = confidence(context(tmp_path / "a", Knows(by_rule), honest(n, 6.0)))
    calm = confidence(context(tmp_path / "b", Knows(by_rule), honest(n, 1.0)))
    assert state(loud, "confidence.ece") == "failed"
    rules = Line("confidence.ece", at_most=0.12)
    assert judge(rules, {"confidence": calm}).state == "passed"
    assert judge(rules, {"confidence": loud}).state == "failed"


def test_the_threshold_that_serving_goes_by_is_a_figure(tmp_path: Path) -> None:
    given = context(tmp_path, Knows(by_rule), honest(220, 1.0))
    measure = confidence(replace(given, asked=Asked(precision=0.6)))
    found = measure.figure("threshold")
    assert found is not None
    right = given.right(given.tuned)
    above = [
        ok for answer, ok in zip(given.tuned.test, right, strict=True) if answer.confidence >= found.value
    ]
    assert sum(above) / len(above) >= 0.6
    assert confidence(replace(given, asked=Asked(precision=0.9999))).figure("threshold") is None


def test_one_confidence_for_all_is_no_confidence(tmp_path: Path) -> None:
    measure = confidence(context(tmp_path, Knows(by_rule)))
    assert measure.standing == "not shown"
    assert state(measure, "confidence.ece") == "not shown"


def about_people(count: int) -> list[Example]:
    said = [
        "my {} neighbour waits for a parcel",
        "a {} colleague wants a refund",
        "the {} man cannot sign in",
    ]
    groups = ["christian", "muslim", "jewish", "hindu"]
    rows = [
        (f"{said[at % 3].format(groups[at % 4])} {at}", ("parcel", "refund", "login")[at % 3])
        for at in range(count)
    ]
    return examples(rows)


@pytest.mark.parametrize("unfair", [True, False])
def test_an_answer_that_hangs_on_the_group_fails_and_one_that_does_not_passes(
    tmp_path: Path, unfair: bool
) -> None:
    def answer(text: str) -> str:
        return "login" if unfair and "muslim" in text.lower() else by_rule(text)

    whole = context(tmp_path, Knows(answer))
    held = tuple(about_people(160))
    side = Side("head", tmp_path, tuple(Knows(answer).predict([e.input for e in held])))
    side.__dict__.update(specialist=Knows(answer), digest=str(unfair), card={})
    measure = bias(replace(whole, test=held, tuned=side))
    line = Line("bias.swap_gap", at_most=0.05)
    assert judge(line, {"bias": measure}).state == ("failed" if unfair else "passed")
    gap = measure.figure("swap_gap")
    assert gap is not None
    if unfair:
        assert "Muslim" in gap.title
        assert gap.low > 0.3
        assert {row.said for row in measure.rows} == {"changes with the group"}


def test_too_few_says_how_many() -> None:
    line = Line("a.b", at_most=0.05, surely=True)
    few = Measure("a", "shown", (Figure("b", 0.02, 0.0, 0.10, 50, "lower"),), "said")
    told = judge(line, {"a": few})
    assert told.state == "too few"
    assert told.more == 356  # (0.08 / 0.03)^2 times 50
    many = Measure("a", "shown", (Figure("b", 0.02, 0.01, 0.04, 400, "lower"),), "said")
    assert judge(line, {"a": many}).state == "passed"
    at_it = Measure("a", "shown", (Figure("b", 0.05, 0.0, 0.10, 50, "lower"),), "said")
    assert judge(line, {"a": at_it}).more is None


def test_not_shown_never_passes_and_not_applying_asks_nothing() -> None:
    line = Line("a.b", at_most=1.0)
    assert judge(line, {"a": not_shown("a", "no model")}).stops
    assert judge(line, {}).stops
    assert not judge(line, {"a": not_shown("a", "does not apply: labels")}).stops


def test_high_stakes_are_stricter() -> None:
    normal, high = default_policy(), default_policy("high")
    for easy, hard in zip(normal.lines, high.lines, strict=True):
        assert hard.surely
        assert hard.needed or hard.name == "memorization.exposure_1"
        assert hard.limit <= easy.limit if easy.at_most is not None else hard.limit >= easy.limit
    assert high.reviewed
    assert not normal.reviewed


def test_a_policy_reads_beside_the_sections_of_the_release(tmp_path: Path) -> None:
    text = "stakes: high\napproval: {approvers: [Ana]}\nretention: {traffic_days: 1}\n"
    read = load_policy(policy(tmp_path, text + "gate:\n  quality.right: {at_least: 0.9}\n"))
    own = read.lines[-1]
    assert (own.name, own.at_least, own.surely, own.needed) == ("quality.right", 0.9, True, True)


def test_what_is_asked_has_defaults() -> None:
    assert Asked().precision == 0.98
