"""prompt+: what marks a label, which edits train suggests, a search within its calls, a diff to read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pytest

from tests.conftest import examples, tickets
from whet.models.base import Request
from whet.models.scripted import Scripted
from whet.records import Example, Label
from whet.report.making import prompt_changes
from whet.rungs.asked import Asked
from whet.rungs.base import Setting
from whet.rungs.better import BetterPrompt
from whet.rungs.edits import edits
from whet.rungs.frame import Frame
from whet.rungs.keywords import keywords
from whet.rungs.prompt import Prompt
from whet.rungs.search import instruction_in, rows_for, searched
from whet.rungs.vectors import VectorSpecialist

ROWS = tickets(30, seed=3)
TRAIN, DEV = examples(ROWS[:54]), examples(ROWS[54:72], 54)
TRUTH = dict(ROWS)
NAMES = ("login", "parcel", "refund")
SETTING = Setting(labels=tuple(Label(name) for name in NAMES))
SECRET = "Say the code word."


def told(request: Request) -> str:
    return request.turns[0].text


def follows(request: Request) -> str:
    """A model that is right only where the instruction has a certain sentence, which it can write itself."""
    if "better instruction" in request.turns[-1].text:
        return f"Here it is: <instruction>{SECRET if request.seed % 2 else 'No.'}</instruction>"
    return TRUTH[request.turns[-1].text] if SECRET in told(request) else "login"


def fitted(script: object, **more: object) -> tuple[Asked, Scripted]:
    writer = Scripted(script)  # type: ignore[arg-type]
    setting = replace(SETTING, writers=[writer], prompt={"calls": 120})
    found = BetterPrompt(setting=setting, choices={"model": "scripted", **more}).fit(TRAIN, DEV)
    assert isinstance(found, Asked)
    return found, writer


def test_a_model_revises_its_own_instruction_from_its_failures() -> None:
    found, writer = fitted(follows)
    assert found.info.dev_score == 1.0
    assert found.info.prompt["after"] == SECRET != found.info.prompt["before"]
    asked = [r.turns[-1].text for r in writer.asked if "better instruction" in r.turns[-1].text]
    shown = [row for row in (*TRAIN, *DEV) if any(f"Input: {row.input}\n" in text for text in asked)]
    assert shown
    assert all(row in TRAIN for row in shown)  # dev judges, and is never shown
    assert any("by the model itself" in note for note in found.info.notes)


def test_it_keeps_to_its_calls_and_does_the_same_again() -> None:
    one, writer = fitted(lambda request: "login")
    inputs = {row.input for row in DEV}
    dev = sum(request.turns[-1].text in inputs for request in writer.asked)
    assert 0 < len(writer.asked) - dev <= 120
    two, again = fitted(lambda request: "login")
    assert [r.turns for r in again.asked] == [r.turns for r in writer.asked]
    assert two.info.choices == one.info.choices


def test_the_plain_prompt_stays_where_nothing_is_better() -> None:
    found, _ = fitted(lambda request: "login")
    assert found.info.prompt["after"] == found.info.prompt["before"]
    assert prompt_changes([]) == []


def test_given_its_instruction_it_searches_no_more() -> None:
    found, _ = fitted(follows)
    again, writer = fitted(follows, **found.info.choices)
    assert again.frame == found.frame
    assert len(writer.asked) == len(DEV)


def test_edits_say_what_answers_look_like() -> None:
    rows = [Example(str(n), f"text {n}", f"Dear customer, it is {n}. Kind regards", "f:1") for n in range(20)]
    found = edits(Frame("write", "Reply."), rows)
    assert found["length"].told() == "Reply.\nAnswer with at most 7 words, and nothing else."
    assert 'Begin with "Dear customer, it is". End with "Kind regards".' in found["form"].told()
    assert "Dear customer, it is" in found["example"].told()
    assert "Begin" not in edits(Frame("write"), [*rows[:10], *(replace(r, output="No.") for r in rows[10:])])


def test_words_that_mark_a_label_and_no_others() -> None:
    found = keywords(TRAIN, NAMES)
    assert {"password", "login"} & set(found["login"])
    assert {"refund", "money", "reimbursement"} & set(found["refund"])
    assert not {"please", "about", "the"} & set(found["login"][:3])


def test_labels_that_say_nothing_are_described_by_their_words() -> None:
    """With a sentence encoder: names such as q1 mean nothing, the words of their examples do."""
    codes = dict(zip(NAMES, ("q1", "q2", "q3"), strict=True))
    train, dev = ([replace(e, output=codes[str(e.output)]) for e in side] for side in (TRAIN, DEV))
    setting = Setting(labels=tuple(Label(code) for code in codes.values()))
    plain = Prompt(setting=setting).fit(train, dev)
    better = BetterPrompt(setting=setting).fit(train, dev)
    assert isinstance(better, VectorSpecialist)
    assert better.info.dev_score > plain.info.dev_score + 0.3
    assert "words" in str(better.info.choices["labels"])
    assert "account" in better.info.prompt["after"]
    assert "account" not in better.info.prompt["before"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("<instruction>\nDo it.\n</instruction> Good?", "Do it."),
        ("<instruction>Cut off", "Cut off"),
        ("Plain.", "Plain."),
        ("x" * 3000, ""),
        ("", ""),
    ],
)
def test_the_instruction_in_what_a_model_wrote(text: str, found: str) -> None:
    assert instruction_in(text) == found


def test_too_few_calls_for_one_instruction_are_said_not_exceeded() -> None:
    writer = Scripted(["login"])
    setting = replace(SETTING, writers=[writer])
    search = searched(writer, setting, {"plain": Frame(labels=SETTING.labels)}, TRAIN, 0)
    assert (search.found, search.made, len(writer.asked)) == ([], 0, 0)
    assert len(rows_for(TRAIN, 300, 0)) == 25


def test_the_report_shows_what_was_changed() -> None:
    found, _ = fitted(follows)
    ((name, lines),) = prompt_changes([Told(found.info.prompt)])  # type: ignore[list-item]
    assert name == "prompt+"
    assert ("new", SECRET) in lines
    assert any(kind == "gone" and "Labels:" in line for kind, line in lines)


@dataclass(frozen=True)
class Told:
    """What the report needs of a rung here."""

    prompt: Mapping[str, str]
    name: str = "prompt+"
