"""``whet advise`` on constructed tasks whose truth is known: each has one thing that decides, and a control.

The tasks are generated; where a verdict decides, it is that of a small real run on the offline encoder.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ABOUT, Whet, tickets
from tests.standin import MODEL, StandIn
from whet.advise.checklist import fair
from whet.advise.counsel import DOCUMENTS
from whet.advise.known import Known
from whet.advise.lacking import SIGN, TRIED, sort_wrong, values
from whet.advising import Advised, advise_anything
from whet.config import task_from
from whet.errors import InputError
from whet.evaluate.evidence import Sizes
from whet.models.scripted import Scripted
from whet.pipeline import run_task
from whet.records import Example, FitInfo
from whet.rungs.asked import Asked
from whet.rungs.frame import Frame
from whet.taskfile import Hints

Rows = Sequence[tuple[str, str]]
ANSWERED = {"reviewer": "the desk's lead", "affects_people": False}
DESCRIBED = {label: ", ".join(things) for label, things in ABOUT.items()}
FURNITURE = ("lamp", "chair", "table", "sofa", "shelf", "desk", "bench", "stool", "cupboard", "mirror")
FOOD = ("bread", "cheese", "apple", "rice", "butter", "honey", "tomato", "pasta", "onion", "yoghurt")


def task_in(folder: Path, rows: Rows, **keys: Any) -> Path:
    """A task file that answers what can only be told, and its examples."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps({"ask": ask, "answer": answer}) for ask, answer in rows]
    (folder / "rows.jsonl").write_text("\n".join(lines), encoding="utf-8")
    fields = {"input": "ask", "output": "answer"}
    task = {"task": "constructed", "examples": "rows.jsonl", "fields": fields, "monthly_volume": 200_000}
    text = yaml.safe_dump({**task, "advice": ANSWERED, **keys})
    (folder / "task.yaml").write_text(text, encoding="utf-8")
    return folder / "task.yaml"


def states(found: Advised) -> dict[str, str]:
    return {answer.name: answer.state for answer in found.found.answers}


def flipped(rows: Rows, share: float) -> list[tuple[str, str]]:
    """The same with this share of labels wrong."""
    rng, names = random.Random(1), sorted(ABOUT)
    return [
        (text, rng.choice([n for n in names if n != label]) if rng.random() < share else label)
        for text, label in rows
    ]


def poems(n: int) -> list[tuple[str, str]]:
    """Replies that are never alike."""
    rng = random.Random(2)
    words = [f"{a}{b}" for a in ("sil", "mor", "tan", "vel", "lur") for b in ("ver", "ning", "der", "ow")]
    return [
        (f"write me a line about {' '.join(rng.sample(words, 3))}", " ".join(rng.sample(words, 9)))
        for _ in range(n)
    ]


LOADING = (
    ("load the {0} first and the {1} after it", 0),
    ("first the {0}, then the {1}", 0),
    ("the {0} goes in only after the {1}", 1),
    ("no {0} before the {1} is in", 1),
)


def loads(n: int) -> list[tuple[str, str]]:
    """Which of two things goes in first: a matter of word order, which frozen vectors hardly hold."""
    rng, rows = random.Random(0), []
    for _ in range(n):
        kinds = [(rng.choice(FURNITURE), "furniture"), (rng.choice(FOOD), "food")]
        rng.shuffle(kinds)
        said, first = rng.choice(LOADING)
        text = said.format(kinds[0][0], kinds[1][0])
        rows.append((text, kinds[first][1]))
    return rows


def measured(folder: Path, rows: Rows, **keys: Any) -> Path:
    """A finished run of the task."""
    return run_task(task_in(folder, rows, **keys), folder / "run").folder


# The eight.


@pytest.mark.parametrize("each", [10, 18])
def test_too_few_rows_is_not_yet(tmp_path: Path, each: int) -> None:
    found = advise_anything(task_in(tmp_path, tickets(each)), model=False).found
    assert found.advice == "not yet"
    assert "collect at least 50" in found.because


def test_what_cannot_be_measured_is_not_yet(tmp_path: Path) -> None:
    keys = {"kind": "write", "models": ["sentence-transformers/all-MiniLM-L6-v2"]}
    found = advise_anything(task_in(tmp_path, poems(200), **keys), model=False)
    assert found.found.advice == "not yet"
    assert "name a scorer" in found.found.because
    control = task_in(tmp_path / "b", poems(200), metric={"score": "format", "max_words": 20}, **keys)
    assert states(advise_anything(control, model=False))["measurable success"] == "yes"


def test_a_prompt_that_is_enough_is_no(tmp_path: Path) -> None:
    keys = {"labels": DESCRIBED, "rungs": ["floor", "prompt"], "target": 0.7}
    found = advise_anything(measured(tmp_path, tickets(70), **keys)).found
    assert found.advice == "no"
    assert found.instead == "a good prompt"
    assert "`prompt`" in found.because


@pytest.fixture(scope="module")
def looked_up(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A task whose answers stand in its documents alone, and a model behind a server that can read."""
    folder = tmp_path_factory.mktemp("facts")
    rng = random.Random(3)
    names = [
        f"{a}{b}{c}"
        for a in ("Bo", "Ka", "Lin", "Mer")
        for b in ("da", "ro", "ti", "vu", "ze")
        for c in "lmnrst"
    ]
    codes = dict(zip(names, rng.sample(range(1000, 9999), len(names)), strict=True))
    (folder / "codes.md").write_text(
        "\n\n".join(f"The service code of {n} is {c}. Keep it dry." for n, c in codes.items()),
        encoding="utf-8",
    )
    rows = [(f"{n}: what is its service code, {n}?", str(c)) for n, c in codes.items()]
    keys = {"kind": "write", "knowledge": {"documents": ["codes.md"], "words": 12, "overlap": 0}}
    return task_in(folder, rows, metric="exact", **keys).parent


def test_facts_and_not_behaviour_is_no_by_an_oracle_passage(looked_up: Path) -> None:
    server = StandIn()
    try:
        server.script(reads=True)
        task = yaml.safe_load((looked_up / "task.yaml").read_text(encoding="utf-8"))
        task |= {"models": [{"endpoint": server.url, "model": MODEL}], "rungs": ["floor", "prompt"]}
        (looked_up / "served.yaml").write_text(yaml.safe_dump(task), encoding="utf-8")
        run = run_task(looked_up / "served.yaml", looked_up / "run").folder
        found = advise_anything(looked_up / "served.yaml", run=run)
        kept = advise_anything(run)
    finally:
        server.close()
    assert (found.found.advice, found.found.instead) == ("no", DOCUMENTS)
    assert found.known.lacking is not None
    assert (found.known.lacking.rung, found.known.lacking.how) == ("prompt", TRIED)
    assert found.known.lacking.share("fact") > 0.9
    assert kept.known.lacking is not None
    assert kept.known.lacking.how == SIGN, "a run folder asks no server unless it is allowed to"
    assert "--allow-outside" in kept.notes[0]


def test_without_a_model_that_writes_a_sign_says_the_same(looked_up: Path) -> None:
    found = advise_anything(looked_up / "task.yaml", model=False)
    assert (found.found.advice, found.found.instead) == ("no", DOCUMENTS)
    assert "a sign in the examples" in found.found.because
    without = yaml.safe_load((looked_up / "task.yaml").read_text(encoding="utf-8"))
    del without["knowledge"]
    (looked_up / "without.yaml").write_text(yaml.safe_dump(without), encoding="utf-8")
    control = advise_anything(looked_up / "without.yaml", model=False)
    assert states(control)["behaviour, not knowledge"] == "unknown"
    told = advise_anything(looked_up / "without.yaml", model=False, said={"knowledge": "true"})
    assert (told.found.advice, told.found.instead) == ("no", DOCUMENTS)


def test_dirty_labels_are_not_yet(tmp_path: Path) -> None:
    found = advise_anything(task_in(tmp_path, flipped(tickets(60), 0.25)))
    assert found.found.advice == "not yet"
    assert "whet repair" in found.found.because
    assert "labels are wrong" in found.found.because
    control = advise_anything(task_in(tmp_path / "clean", tickets(60)))
    assert states(control)["examples"] == "yes"


def test_no_volume_is_no_whatever_the_data(tmp_path: Path) -> None:
    task = task_in(tmp_path, tickets(110), monthly_volume=20)
    found = advise_anything(task, model=False).found
    assert found.advice == "no"
    assert "step of the workflow" in found.instead
    control = advise_anything(task, model=False, said={"volume": "200,000"})
    assert states(control)["volume"] == "yes"


def test_personal_data_are_not_yet(tmp_path: Path) -> None:
    rows = [(f"{text}, mail me: a.b{n}@example.org", label) for n, (text, label) in enumerate(tickets(110))]
    task = task_in(tmp_path, rows)
    found = advise_anything(task, model=False).found
    assert found.advice == "not yet"
    assert "whet repair --redact" in found.because
    cleared = advise_anything(task, model=False, said={"privacy_cleared": "true"})
    assert states(cleared)["privacy"] == "yes"
    assert states(advise_anything(task_in(tmp_path / "clean", tickets(110)), model=False))["privacy"] == "yes"


def test_training_that_is_warranted_is_yes(warranted: Path) -> None:
    found = advise_anything(warranted)
    assert found.found.advice == "yes", found.found.sentence
    assert set(states(found).values()) == {"yes"}


def test_a_yes_needs_all_ten(warranted: Path) -> None:
    """The control: what only people know is part of it."""
    found = advise_anything(warranted, said={"reviewer": ""}).found
    assert found.advice == "not yet"
    assert found.missing == (
        "resources to monitor: name somebody who does the job and can say what a good output is.",
    )


@pytest.fixture(scope="module")
def warranted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in which only training finds what decides: which of two things comes first."""
    tune = {"methods": ["full"], "epochs": 2, "minutes": None}
    keys = {"rungs": ["floor", "prompt", "tune"], "tune": tune, "split": {"test": 0.3, "dev": 0.1}}
    return measured(tmp_path_factory.mktemp("warranted"), loads(260), **keys)


# Missing facts and behaviour.

PRICES = {
    f"{a} {b}": 100 + 7 * n for n, (a, b) in enumerate((a, b) for a in FURNITURE for b in ("Oslo", "Riga"))
}
PASSAGES = [f"The {thing} is on our list. Its price is {price} euro." for thing, price in PRICES.items()]


def priced(things: Sequence[str], start: int = 0) -> list[Example]:
    return [
        Example(
            f"e{start + n}", f"what does the {thing} cost?", f"It costs {PRICES[thing]} euro, sir.", f"r:{n}"
        )
        for n, thing in enumerate(things)
    ]


def asking(reply: Callable[[str], str]) -> Asked:
    """A rung that asks a script, which sees the last turn."""
    writer = Scripted(lambda request: reply(request.turns[-1].text))
    return Asked("prompt", writer, Frame("write"), FitInfo())


def reader(text: str) -> str:
    """Answers by the passage, in the house's manner."""
    found = [word for word in text.split() if word.isdigit()]
    return f"It costs {found[-1] if '[1]' in text else 0} euro, sir."


def rude(text: str) -> str:
    """Finds the price too, and is not polite."""
    return reader(text).replace(", sir", "")


def sorted_by(reply: Callable[[str], str], how: str) -> Any:
    things = list(PRICES)
    train, dev = priced(things[:10]), priced(things[10:], start=10)
    asked = asking(reply)
    wrong = [(e, p.output) for e, p in zip(dev, asked.predict([e.input for e in dev]), strict=True)]

    def ask(inputs: Sequence[str], passages: Sequence[str]) -> list[Any]:
        requests = [asked.frame.request(i, passages=[p]) for i, p in zip(inputs, passages, strict=True)]
        return [asked.read(answer.text) for answer in asked.writer.answer(requests)]

    def gains(examples: Sequence[Example], outputs: Sequence[Any]) -> list[float]:
        return [float(e.output == o) for e, o in zip(examples, outputs, strict=True)]

    if how == SIGN:
        return sort_wrong("prompt", wrong, train, PASSAGES)
    return sort_wrong("prompt", wrong, train, PASSAGES, ask=ask, gains=gains)


def test_a_passage_that_mends_an_answer_was_a_missing_fact() -> None:
    found = sorted_by(reader, TRIED)
    assert (found.how, found.count("fact"), len(found.rows)) == (TRIED, 10, 10)
    assert all(str(PRICES[row.example.input[14:-6]]) in row.passage for row in found.rows)


def test_a_passage_that_does_not_mend_it_shows_behaviour() -> None:
    """The control: by the sign alone the same answers look like missing facts."""
    assert sorted_by(rude, TRIED).count("behaviour") == 10
    assert sorted_by(rude, SIGN).count("fact") == 10


def test_values_that_stand_nowhere_have_to_be_looked_up() -> None:
    dev = [Example("a", "where is order 7?", "Order 7 is in Hall 93, sir.", "r:1")]
    (row,) = sort_wrong("", [(dev[0], None)], priced(list(PRICES)[:5]), PASSAGES).rows
    assert (row.what, row.values) == ("elsewhere", ("93", "hall"))


def test_answers_that_repeat_are_chosen_in_a_file_that_is_only_guessed(tmp_path: Path) -> None:
    lines = [
        json.dumps({"ask": text, "reply": f"We will look after {label}."}) for text, label in tickets(110)
    ]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines), encoding="utf-8")
    hints = Hints(("ask",), "reply")
    found = advise_anything(tmp_path / "rows.jsonl", hints=hints, model=False)
    assert states(found)["behaviour, not knowledge"] == "yes"
    assert states(found)["measurable success"] == "yes"
    assert found.found.advice == "not yet"


def test_what_counts_as_a_value() -> None:
    assert values("Thank you. The Oslo lamp costs 12.50 euro, I believe.") == {"oslo", "12.50"}
    assert values("pale blue") == {"pale", "blue"}
    assert values('{"day": "monday"}') == {"day", "monday"}


def test_a_gap_between_groups_stands_until_somebody_has_looked() -> None:
    gap = {"check": "fair.outcome-gap", "standard": "reviewed for bias", "what": "A gap.", "accepted": False}
    base = {"task": "t", "examples": "e.csv", "fields": {"input": "a", "output": "b"}}
    found = {"findings": [gap], "standards": []}
    known = Known(task_from(base), Sizes(100, 20, 100), check=found)
    assert (fair(known).state, fair(known).said) == ("no", "A gap.")
    looked = replace(known, task=task_from({**base, "advice": {"affects_people": False}}))
    assert fair(looked).state == "yes"
    assert "A gap." in fair(looked).said, "it is still told"


# The command.


def test_the_command_says_no_by_its_exit_code_and_as_json(tmp_path: Path, whet: Whet) -> None:
    task = task_in(tmp_path, tickets(110), monthly_volume=20)
    found = whet.json("advise", task, "--no-model", code=1)
    assert found["advice"] == "no"
    assert [len(found["questions"]), found["errors"]] == [10, None]  # type: ignore[arg-type]


def test_what_is_said_is_checked(tmp_path: Path) -> None:
    task = task_in(tmp_path, tickets(20))
    with pytest.raises(InputError, match="nothing is asked by the name 'volum'"):
        advise_anything(task, model=False, said={"volum": "3"})
    with pytest.raises(InputError, match="monthly_volume"):
        advise_anything(task, model=False, said={"volume": "many"})


def test_a_run_of_another_task_is_not_used(warranted: Path, tmp_path: Path) -> None:
    task = task_in(tmp_path, loads(260), seed=1)
    found = advise_anything(task, run=warranted, model=False)
    assert found.run is None
    assert "another version of this task" in found.notes[0]


def test_a_terminal_is_asked_what_cannot_be_measured(tmp_path: Path) -> None:
    task = task_in(tmp_path, tickets(30), monthly_volume=None, advice={"affects_people": False})
    said, shown = in_terminal(["advise", str(task), "--no-model"], "20\nthe desk\n")
    assert "monthly_volume:" in said
    assert "advice.reviewer:" in said
    assert "✗  1 volume" in shown
    assert "monthly_volume: 20\n" in shown


def in_terminal(arguments: Sequence[str], typed: str) -> tuple[str, str]:
    """What a command asks on a terminal where this is typed, and what it then shows."""
    leader, follower = os.openpty()
    os.write(leader, typed.encode())
    command = [sys.executable, "-m", "whet", *arguments]
    plain = {**os.environ, "NO_COLOR": "1", "TERM": "dumb"}
    started = subprocess.Popen(command, stdin=follower, stdout=follower, stderr=subprocess.PIPE, env=plain)
    os.close(follower)
    shown = b""
    with started:
        with contextlib.suppress(OSError):  # the end of a terminal is an error
            while part := os.read(leader, 65536):
                shown += part
        os.close(leader)
        assert started.stderr is not None
        said = started.stderr.read().decode()
    return said, shown.decode().replace("\r\n", "\n")
