"""Rungs that ask a model that writes: what it is shown, what is chosen on dev, how its answer is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.conftest import examples, tickets
from whet.models.base import Answer, Request
from whet.models.scripted import Scripted
from whet.records import Example, Label
from whet.rungs.asked import FEW, Asked
from whet.rungs.base import CHOOSES, WRITES, Setting, opened
from whet.rungs.fewshot import Fewshot
from whet.rungs.floor import Floor
from whet.rungs.frame import Frame, Shot, frame_of
from whet.rungs.head import Head
from whet.rungs.prompt import Prompt
from whet.rungs.retrieve import Retrieve
from whet.rungs.shots import diverse, fixed, neighbours
from whet.rungs.template import Template
from whet.rungs.vectors import default_encoder

ROWS = tickets(30, seed=3)
TRAIN, DEV = examples(ROWS[:54]), examples(ROWS[54:72], 54)
TRUTH = dict(ROWS)
NAMES = ("login", "parcel", "refund")
SETTING = Setting(labels=tuple(Label(name) for name in NAMES))


def asked_text(request: Request) -> str:
    return request.turns[-1].text


def reads_the_list(request: Request) -> str:
    """A model that answers right only where the labels stand in the instruction."""
    return TRUTH[asked_text(request)] if "- login" in request.turns[0].text else "I cannot say."


def copies(request: Request) -> str:
    """A model that gives the answer of the demonstration with most words in common."""
    words = set(asked_text(request).split())
    turns = request.turns[1:-1]
    shown = [(turns[n].text, turns[n + 1].text) for n in range(0, len(turns), 2)]
    return max(shown, key=lambda pair: len(words & set(pair[0].split())))[1] if shown else "login"


def with_writer(script: object) -> Setting:
    return replace(SETTING, writers=[Scripted(script)])  # type: ignore[arg-type]


def fitted(rung: type, setting: Setting) -> Asked:
    found = rung(setting=setting, choices={"model": "scripted"}).fit(TRAIN, DEV)
    assert isinstance(found, Asked)
    return found


def gain(specialist: Asked, rows: Sequence[Example]) -> float:
    answers = specialist.predict([row.input for row in rows])
    return sum(a.output == row.output for a, row in zip(answers, rows, strict=True)) / len(rows)


def test_the_wording_that_helps_is_chosen_on_dev() -> None:
    found = fitted(Prompt, with_writer(reads_the_list))
    assert found.info.choices["wording"] == "with labels"
    assert found.info.dev_score == gain(found, DEV) == 1.0
    plain = Asked("prompt", found.writer, replace(found.frame, list_labels=False), found.info)
    assert gain(plain, DEV) == 0.0  # the control: the choice is what made it right


def test_the_best_of_encoder_and_writer_is_kept() -> None:
    encoders = [default_encoder()]
    right = Prompt(setting=replace(with_writer(reads_the_list), encoders=encoders)).fit(TRAIN, DEV)
    assert isinstance(right, Asked)
    wrong = Prompt(setting=replace(with_writer(["nonsense"]), encoders=encoders)).fit(TRAIN, DEV)
    assert not isinstance(wrong, Asked)


def test_demonstrations_are_shown_as_turns_and_help_a_model_that_copies() -> None:
    found = fitted(Fewshot, with_writer(copies))
    few = len(found.frame.shots)
    assert few == found.info.choices["k"] >= 2
    shown = found.frame.request("text").turns
    assert [turn.role for turn in shown] == ["system", *["user", "assistant"] * few, "user"]
    assert found.info.dev_score > gain(Asked("", found.writer, Frame(labels=SETTING.labels), found.info), DEV)


def test_the_nearest_examples_are_found_for_each_input_nearest_last() -> None:
    found = fitted(Retrieve, with_writer(copies))
    assert found.neighbours is not None
    near = found.neighbours.find([TRAIN[0].input])[0]
    assert near[-1].input == TRAIN[0].input
    assert gain(found, DEV) > 0.8


def test_only_training_examples_are_ever_shown() -> None:
    seen: set[str] = set()

    def remembers(request: Request) -> str:
        seen.update(turn.text for turn in request.turns[:-1] if turn.role == "user")
        return "login"

    for rung in (Fewshot, Retrieve, Template):
        fitted(rung, with_writer(lambda r: remembers(r)))
    assert seen
    assert seen <= {row.input for row in TRAIN}
    assert not seen & {row.input for row in DEV} - {row.input for row in TRAIN}


def test_template_holds_the_answer_to_the_labels_and_tempers_their_probabilities() -> None:
    def unsure(request: Request) -> Answer:
        assert request.form is not None
        right = TRUTH[asked_text(request)]
        spread = tuple(0.4 if name == right else 0.3 for name in request.form.choices)
        return Answer(right, choices=spread)

    found = fitted(Template, with_writer(unsure))
    assert found.decider is not None
    assert found.info.dev_score == 1.0
    first = found.predict([DEV[0].input])[0]
    assert first.output == DEV[0].output
    assert first.confidence > 0.9  # 0.4 before the temperature that dev chose


def test_an_answer_that_failed_is_wrong_counted_and_said() -> None:
    def breaks(request: Request) -> Answer:
        return Answer("", ended="failed", failed="the server is down; try later.")

    found = fitted(Prompt, with_writer(breaks))
    prediction = found.predict(["a text"])[0]
    assert (prediction.output, prediction.confidence) == ("", 0.0)
    assert prediction.failed == "the server is down; try later."
    assert any("18 of 18 dev rows were not answered" in note for note in found.info.notes)


def test_choices_given_back_are_not_searched_again() -> None:
    first = fitted(Fewshot, with_writer(copies))
    scripted = Scripted(copies)
    again = Fewshot(setting=replace(SETTING, writers=[scripted]), choices=first.info.choices).fit(TRAIN, DEV)
    assert again.info.choices == first.info.choices
    assert len(scripted.asked) == len(DEV) <= FEW


def test_extraction_is_held_to_the_schema_and_compared_as_values() -> None:
    setting = Setting(kind="extract", schema={"type": "object"}, writers=[Scripted(['{"b": 1,\n"a": 2}'])])
    rows = [Example(str(n), f"text {n}", '{"a": 2, "b": 1}', f"f:{n}") for n in range(6)]
    found = Template(setting=setting).fit(rows[:3], rows[3:])
    assert found.info.dev_score == 1.0
    form = found.frame.request("text").form
    assert form is not None
    assert form.schema == {"type": "object"}


def test_a_frame_is_the_same_after_json() -> None:
    shots = (Shot("in", "out"), Shot("two", ("a", "b")))
    frame = Frame("classify", "Say which.", SETTING.labels, shots=shots, several=True, list_labels=True)
    import json

    assert frame_of(json.loads(json.dumps(frame.as_json()))) == frame


def test_what_opens_a_rung() -> None:
    chooses, writes = {CHOOSES: True, WRITES: False}, {CHOOSES: False, WRITES: True}
    assert not opened(Template, "classify", chooses)
    assert opened(Template, "write", writes)
    assert opened(Head, "write", chooses)
    assert not opened(Head, "write", writes)  # replies that do not repeat are no list to choose from
    assert opened(Floor, "extract", {CHOOSES: False, WRITES: False})


@pytest.fixture(scope="module")
def vectors() -> object:
    return default_encoder().encode([row.input for row in TRAIN]).vectors


def test_fixed_shots_show_every_label_before_any_twice(vectors: object) -> None:
    assert {shot.output for shot in fixed(TRAIN, 3, seed=1)} == set(NAMES)
    assert fixed(TRAIN, 4, seed=1) == fixed(TRAIN, 4, seed=1) != fixed(TRAIN, 4, seed=2)


def test_diverse_shots_are_farther_apart_than_fixed_ones(vectors: object) -> None:
    def spread(shots: Sequence[Shot]) -> float:
        found = default_encoder().encode([shot.input for shot in shots]).vectors
        near = found @ found.T
        return float(sum(near[n, m] for n in range(len(shots)) for m in range(n)))

    assert spread(diverse(TRAIN, vectors, 6)) < spread(fixed(TRAIN, 6, seed=0))  # type: ignore[arg-type]


class Narrow(Scripted):
    """A model that reads few turns."""

    def too_long(self, requests: Sequence[Request]) -> list[bool]:
        return [len(one.turns) > 2 * self.most + 2 for one in requests]

    most = 3


@pytest.mark.parametrize("rung", [Fewshot, Retrieve])
def test_examples_that_a_model_has_no_room_for_are_left_out_and_said(rung: type) -> None:
    writer = Narrow(copies)
    choices = {"model": "scripted", "k": 8}
    found = rung(setting=replace(SETTING, writers=[writer]), choices=choices).fit(TRAIN, DEV)
    writer.asked.clear()
    posed = found.posed([DEV[0].input])[0]
    assert len(posed.shots) == Narrow.most
    assert len(posed.request.turns) == 2 * Narrow.most + 2
    nearest = found.neighbours.find([DEV[0].input])[0] if found.neighbours else found.frame.shots
    assert posed.shots == nearest[-Narrow.most :]
    assert any("18 of 18 dev rows left room for fewer examples than 8" in note for note in found.info.notes)


def test_neighbours_do_not_outnumber_the_pool() -> None:
    found = neighbours(TRAIN[:2], default_encoder(), 8)
    assert len(found.find(["parcel"])[0]) == 2
