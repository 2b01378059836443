"""What a model was asked once for the evidence is not asked again, and another model is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from whet.models.base import Answer, Form, Request, Tell
from whet.models.scripted import Scripted
from whet.records import Turn
from whet.trust.items import graded, suite
from whet.trust.remembered import Remembered

ITEMS = [item for item in suite("general") if not item.choices][:30]


@dataclass
class Weighing(Scripted):
    """Weighs a choice by its length, and counts what it was asked."""

    weighed: list[Request] = field(default_factory=list)

    def logprobs(self, requests: Sequence[Request], tell: Tell | None = None) -> list[list[float]]:
        self.weighed += requests
        return [[-float(len(choice)) for choice in one.form.choices] for one in requests if one.form]


def test_items_are_asked_once_and_beside_new_ones_not_again(tmp_path: Path) -> None:
    model = Scripted(lambda request: f"to {request.turns[-1].text}: 42")
    first = graded(ITEMS[:20], Remembered(model, "a" * 64, tmp_path))
    assert len(model.asked) == 20
    again = graded(ITEMS, Remembered(model, "a" * 64, tmp_path))
    assert len(model.asked) == 30
    assert again[:20] == first
    graded(ITEMS[:20], Remembered(model, "b" * 64, tmp_path))
    assert len(model.asked) == 50, "the control: other weights are another model"


def test_all_of_a_request_counts(tmp_path: Path) -> None:
    model = Scripted(["yes"])
    writer = Remembered(model, "a" * 64, tmp_path)
    turn = (Turn("user", "Is it?"),)
    writer.answer([Request(turn), Request(turn, seed=1), Request(turn, begun="It"), Request(turn)])
    assert len(model.asked) == 3


def test_what_failed_is_asked_again(tmp_path: Path) -> None:
    lines = [Answer("", failed="the form could not be followed"), Answer("fine", logprob=-1.0)]
    model = Scripted(lines)
    request = Request((Turn("user", "Is it?"),))
    assert Remembered(model, "a" * 64, tmp_path).answer([request])[0].failed
    for _ in range(2):
        assert Remembered(model, "a" * 64, tmp_path).answer([request]) == [lines[1]]
    assert len(model.asked) == 2


def test_weighed_secrets_are_kept(tmp_path: Path) -> None:
    model = Weighing(["yes"])
    request = Request((Turn("user", "Which?"),), form=Form(choices=("one", "three")))
    for _ in range(2):
        found = Remembered(model, "a" * 64, tmp_path).logprobs([request])
    assert found == [[-3.0, -5.0]]
    assert len(model.weighed) == 1
