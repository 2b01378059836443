"""Values of JSON answers found in their inputs, tagged by head and tune, filled in as training wrote them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SHARED, Whet, examples, trips
from whet.data.fields import NoFields, flat, form_of
from whet.data.filling import Found, filling_from, filling_of
from whet.data.outputs import canonical
from whet.data.spans import align, occurrences, why_not
from whet.models.bio import tags_for
from whet.models.words import Words
from whet.rungs.base import Setting, load_specialist
from whet.rungs.head import Head
from whet.rungs.spans import SpanSpecialist, tags_of
from whet.rungs.tune import Tune

BENCH = Path(__file__).resolve().parent.parent / "bench"


def test_a_value_is_found_as_written_then_in_any_case_and_spacing() -> None:
    assert occurrences("New York, new york", "New York") == [(0, 8)]
    assert occurrences("to NEW\n york today", "New York") == [(3, 12)]
    assert occurrences("to York", "New York") == []


def test_borders_of_words_go_first() -> None:
    assert occurrences("in Minsk in", "in") == [(0, 2), (9, 11)]
    assert occurrences("at 7pm", "7") == [(3, 4)]


def placed(inputs: list[str], answers: list[dict[str, Any]]) -> list[set[tuple[str, str, int]]]:
    aligned = align(inputs, [canonical(a) for a in answers])
    return [
        {(".".join(p.path), text[p.start : p.end], p.start) for p in places}
        for text, places in zip(inputs, aligned.places, strict=True)
    ]


CLEAR = [
    ("table for 4 people at 7 pm", {"people": "4", "time": "7"}),
    ("we are 3 people, at 9 pm", {"people": "3", "time": "9"}),
]


def test_of_several_places_the_words_beside_decide() -> None:
    inputs = [text for text, _ in CLEAR] + ["at 2 pm for 2 people", "for 5 people at 5 pm"]
    answers = [a for _, a in CLEAR] + [{"people": "2", "time": "2"}, {"time": "5", "people": "5"}]
    found = placed(inputs, answers)
    assert found[2] == {("time", "2", 3), ("people", "2", 12)}
    assert found[3] == {("people", "5", 4), ("time", "5", 16)}


def test_without_a_hint_the_leftmost_and_longer_values_first() -> None:
    found = placed(["x York and New York and York"], [{"a": "York", "b": "New York"}])
    assert found == [{("a", "York", 2), ("b", "New York", 11)}]


def test_what_does_not_occur_is_counted_and_told() -> None:
    inputs = ["to Oslo", "to Graz", "to Lyon", "home"]
    answers = [
        canonical({"to": to, "mood": mood})
        for to, mood in (("Oslo", "glad"), ("Graz", "sad"), ("Lyon", "glad"), ("Bern", "glad"))
    ]
    aligned = align(inputs, answers)
    assert aligned.found == {("mood",): (0, 4), ("to",): (3, 4)}
    assert aligned.taggable == (("to",),)
    assert aligned.whole == (True, True, True, False)
    assert aligned.told() == [
        "the field `mood` is not taggable: only 0 of 4 values stand in the inputs",
        "1 of 4 values of `to` stand nowhere in the inputs",
    ]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (["a"], "not of objects with start, end and label"),
        ([{"start": 0, "end": 1, "label": "x", "sure": 0.5}], "not start, end and label of a place"),
        ("a", "no objects with fields"),
        ({"items": [{"name": "a"}]}, "`items` is a list of more than plain values"),
        ({}, "no answer has a field"),
        ({"mood": "glad"}, "do not stand in the inputs"),
    ],
)
def test_what_cannot_be_tagged_is_refused_with_a_reason(answer: Any, reason: str) -> None:
    assert reason in why_not(["a text"], [canonical(answer)])
    with pytest.raises(NoFields):
        align(["a text"], [canonical(answer)])


ANSWERS = [
    {"who": {"name": "Ana", "age": 5}, "tags": ["x"], "note": None},
    {"who": {"name": "Bo"}, "tags": [], "note": "n"},
    {"who": {}, "tags": [], "note": None},
]


def test_an_answer_is_taken_apart_and_written_again() -> None:
    """Objects, numbers, lists, and what is missing: null, an empty list, left out."""
    form = form_of([canonical(answer) for answer in ANSWERS])
    for answer in ANSWERS:
        values = {
            path: [str(one) for one in (value if isinstance(value, list) else [value]) if one is not None]
            for path, value in flat(canonical(answer)).items()
        }
        assert json.loads(form.written(values)) == answer


def test_answers_that_say_where_values_stand_are_taken_as_they_are() -> None:
    item = {"label": "to", "span": {"from": 7, "to": 11}, "value": "Oslo"}
    text = "Oslo > Oslo now"
    aligned = align([text, "no"], [canonical([item]), "[]"])
    assert [(p.start, p.end, p.path) for p in aligned.places[0]] == [(7, 11, ("to",))]
    filling = filling_of(aligned.form, aligned.taggable, [], [])
    assert filling.answer(text, [Found(7, 11, "to", 0.9)]) == canonical([item])
    assert filling_from(json.loads(json.dumps(filling.as_json()))) == filling


def test_values_are_written_as_training_wrote_them() -> None:
    outputs = [canonical({"to": "oslo", "mood": "glad"})]
    seen = [("to", "Oslo", "oslo"), ("to", "GRAZ", "graz"), ("to", "5pm", "5")]
    filling = filling_of(form_of(outputs), [("to",)], seen, outputs)
    place = [Found(0, 4, "to", 0.9)]
    assert filling.answer("LYON", place) == canonical({"to": "lyon", "mood": "glad"})
    assert filling.answer("5PM", [Found(0, 3, "to", 0.9)]) == canonical({"to": "5", "mood": "glad"})


def test_a_field_without_lists_keeps_its_surest_place() -> None:
    outputs = [canonical({"to": "a"})]
    filling = filling_of(form_of(outputs), [("to",)], [("to", "a", "a")], outputs)
    both = [Found(0, 4, "to", 0.4), Found(5, 9, "to", 0.8)]
    assert filling.answer("Oslo Graz", both) == canonical({"to": "Graz"})


def test_tags_begin_and_go_on() -> None:
    aligned = align(["to New York now"], [canonical({"to": "New York"})])
    words = Words([(0, 0, 2), (0, 3, 6), (0, 7, 11), (0, 12, 15)], [], [], [])
    assert tags_of(words, aligned.places, tags_for(["to"])) == (0, 1, 2, 0)


def right(specialist: Any, rows: list[tuple[str, str]]) -> float:
    answers = specialist.predict([text for text, _ in rows])
    hits = [bool(a.output == output) for a, (_, output) in zip(answers, rows, strict=True)]
    return sum(hits) / len(rows)


ROWS = trips(260, seed=1)


def test_head_and_tune_fill_in_what_they_have_learned(tmp_path: Path) -> None:
    train, dev, test = examples(ROWS[:140]), examples(ROWS[140:180], 140), ROWS[180:]
    head = Head(setting=Setting(kind="extract")).fit(train, dev)
    options = {"methods": ["full"], "epochs": 9}
    tuned = Tune(setting=Setting(kind="extract", tune=options)).fit(train, dev)
    assert right(head, test) >= 0.6
    assert right(tuned, test) >= 0.9
    texts = [text for text, _ in test]
    assert max(p.confidence for p in tuned.predict(texts)) > 0.9
    tuned.save(tmp_path / "it")
    assert places(load_specialist(tmp_path / "it"), texts) == places(tuned, texts)


def places(specialist: Any, texts: list[str]) -> list[list[tuple[int, int, str]]]:
    assert isinstance(specialist, SpanSpecialist)
    return [[(f.start, f.end, f.field) for f in row] for row in specialist.spans(texts)]


def test_the_places_are_learned_not_the_rows() -> None:
    """The control: answers of other rows, whose values stand nowhere in the inputs, open nothing."""
    moved = [output for _, output in ROWS[1:]] + [ROWS[0][1]]
    inputs = [text.upper().translate({ord(c): "x" for c in "AEIOU"}) for text, _ in ROWS]
    assert "do not stand in the inputs" in why_not(inputs, moved)


def test_a_run_climbs_with_the_encoder_alone(tmp_path: Path, whet: Whet) -> None:
    """From a file with JSON answers to a verdict; then one question."""
    lines = [
        json.dumps({"text": f"{text} ({n})", "answer": output}) for n, (text, output) in enumerate(ROWS[:160])
    ]
    (tmp_path / "trips.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "task.yaml").write_text(
        "task: trips\nkind: extract\nexamples: trips.jsonl\nfields: {input: text, output: answer}\n"
        "rungs: [floor, head]\nsplit: {test: 0.3}\ncheck: {skip: [representative, relevant]}\n",
        encoding="utf-8",
    )
    found = whet.json("run", tmp_path / "task.yaml", "--out", tmp_path / "run")
    assert found["winner"] == "head"
    done = whet("try", tmp_path / "run" / "04-rungs" / "head", "a ticket for Ana, Oslo to Graz")
    assert json.loads(done.stdout.split("  (")[0])["who"] == "Ana"


@pytest.mark.data
@pytest.mark.parametrize(("name", "least"), [("restaurant8k", 0.65), ("snips", 0.5)])
def test_head_on_real_slots(name: str, least: float, shared: Callable[[str], Path]) -> None:
    """A few hundred rows of each: span F1 of a frozen encoder, on rows that it has not seen."""
    shared({"restaurant8k": "restaurant8k_slots", "snips": "snips"}[name])
    sys.path.insert(0, str(BENCH))
    from slots import read

    train, test = read(name, SHARED)
    step = len(train) // 350
    rows = examples([(row.text, row.output) for row in train[::step]][:350])
    specialist = Head(setting=Setting(kind="extract"), choices={"spans": True, "C": 100.0}).fit(
        rows[:300], rows[300:]
    )
    assert isinstance(specialist, SpanSpecialist)
    held = test[:: len(test) // 150][:150]
    found = specialist.spans([row.text for row in held])
    given = [{(f.start, f.end, f.field) for f in row} for row in found]
    hits = sum(len(set(row.spans) & g) for row, g in zip(held, given, strict=True))
    assert 2 * hits / (sum(len(row.spans) for row in held) + sum(map(len, given))) >= least
