"""A judge is used only after its agreement with people was measured; kappa is worked out by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from whet.config_scorers import JudgeScorer
from whet.errors import InputError, Refused, WorldError
from whet.evaluate.scorers.judge import Labelled, Rubric, kappa, kappa_interval, measure, trusted
from whet.evaluate.scorers.registry import Tools, scorer_of
from whet.models.base import Answer, Request, Tell
from whet.records import Example

RUBRIC = Rubric("The answer is kind.")


class Says:
    """A writer whose opinion is a rule: good where the judged answer holds ``word``."""

    name = "says"

    def __init__(self, word: str, raw: str = ""):
        self.word, self.raw = word, raw
        self.asked: list[Request] = []

    def answer(self, requests: Sequence[Request], tell: Tell | None = None) -> list[Answer]:
        self.asked += requests
        return [Answer(self.raw or json.dumps(self._opinion(request))) for request in requests]

    def _opinion(self, request: Request) -> dict[str, str]:
        judged = request.turns[-1].text.split("Answer to judge:\n")[1]
        return {"reason": "So it reads.", "level": "good" if self.word in judged else "bad"}


def sample(n: int = 40, wrong: int = 0) -> list[Labelled]:
    """Half kind, half not; people say otherwise than the word tells in ``wrong`` of them."""
    found = []
    for at in range(n):
        kind = at % 2 == 0
        level = "good" if kind != (at < wrong) else "bad"
        text = f"thank you {at}" if kind else f"go away {at}"
        found.append(Labelled(Example(str(at), "hello", "", ""), text, level))
    return found


def test_kappa_by_hand() -> None:
    """20, 5, 10, 15 of 50: observed 0.7, by chance 0.5, kappa 0.4 (Cohen's own form of example)."""
    assert float(kappa(np.array([[20.0, 5.0], [10.0, 15.0]]))) == pytest.approx(0.4)


def test_weighted_kappa_forgives_a_near_miss() -> None:
    """Three levels, ten right on each, and ten misses: by one step they weigh 1, by two 4."""
    near = np.diag([10.0, 10.0, 10.0]) + 10 * np.eye(3, k=1) * [[1], [0], [0]]
    far = np.diag([10.0, 10.0, 10.0])
    far[0, 2] = 10
    # Margins of `near`: people 20, 10, 10, judge 10, 20, 10 of 40. sum(w e) = 40 * (1*(20*20+10*10+10*10
    # + 10*20) + 4*(20*10+10*10)) / 1600 = 50; kappa = 1 - 10/50.
    assert float(kappa(near)) == pytest.approx(0.8)
    assert float(kappa(far)) < float(kappa(near))


def test_kappa_of_chance_is_zero_and_of_one_level_too() -> None:
    assert float(kappa(np.full((2, 2), 5.0))) == pytest.approx(0)
    assert float(kappa(np.array([[9.0, 0.0], [0.0, 0.0]]))) == 0


def test_the_interval_holds_the_value_and_narrows_with_n() -> None:
    table = np.array([[20.0, 5.0], [10.0, 15.0]])
    small, large = kappa_interval(table), kappa_interval(table * 10)
    assert small.low < 0.4 < small.high
    assert large.high - large.low < 0.5 * (small.high - small.low)


def test_a_judge_that_agrees_with_people_scores() -> None:
    judge = trusted(RUBRIC, Says("thank"), sample(wrong=2), least_kappa=0.4)
    assert judge.agreement.same == pytest.approx(38 / 40)
    assert judge.agreement.kappa.value == pytest.approx(0.9)
    assert "with kappa 0.90 (95 % interval" in judge.agreement.sentence
    found = judge.score([Example("1", "hello", "", "")] * 2, ["thank you", "no"])
    assert [(s.score, s.feedback) for s in found] == [
        (1.0, "Judged 'good': So it reads."),
        (0.0, "Judged 'bad': So it reads."),
    ]


def test_a_judge_that_does_not_agree_is_refused() -> None:
    """The control: the same judge on labels that have nothing to do with what it looks at."""
    with pytest.raises(Refused, match=r"The interval begins below 0\.4") as caught:
        trusted(RUBRIC, Says("thank"), sample(wrong=16), least_kappa=0.4)
    assert caught.value.exit_code == 1


def test_too_small_a_sample_tells_nothing() -> None:
    with pytest.raises(InputError, match="label at least 20 outputs"):
        measure(RUBRIC, Says("thank"), sample(8))
    one_level = [Labelled(item.example, item.output, "good") for item in sample()]
    with pytest.raises(InputError, match="two or more of bad, good"):
        measure(RUBRIC, Says("thank"), one_level)


def test_an_unknown_level_is_named() -> None:
    with pytest.raises(InputError, match="unknown levels: fine"):
        measure(RUBRIC, Says("thank"), [*sample(), Labelled(Example("x", "a", "", ""), "b", "fine")])


@pytest.mark.parametrize("raw", ["well", '{"level": "great"}', "[]"])
def test_a_judge_that_gives_no_level_stops_the_scoring(raw: str) -> None:
    with pytest.raises(WorldError, match="gives no level"):
        measure(RUBRIC, Says("thank", raw), sample())


def test_the_judge_of_a_task_file(tmp_path: Path) -> None:
    rows = [json.dumps({"input": "hello", "output": i.output, "level": i.level}) for i in sample()]
    (tmp_path / "people.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    spec = JudgeScorer(rubric=RUBRIC.text, model="some/model", labelled="people.jsonl")
    writer = Says("thank")
    scorer = scorer_of(spec, Tools(writer_of=lambda model: writer, folder=tmp_path))
    assert scorer.score([Example("1", "hello", "", "")], ["thank you"])[0].score == 1
    assert writer.asked[0].form is not None
    with pytest.raises(InputError, match="no model to judge"):
        scorer_of(spec, Tools(folder=tmp_path))
