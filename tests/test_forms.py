"""Answers with a form have it, whatever the model would rather say and however few tokens are left."""

from __future__ import annotations

import json
import os
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests import random_schemas
from whet.errors import InputError
from whet.models.base import Form, Request
from whet.models.bounds import moved_in
from whet.models.generate import Row, write
from whet.models.guides import Guided
from whet.models.writer import DecoderWriter, open_writer
from whet.records import Turn

COUNT = int(os.environ.get("WHET_FORMS", "24"))
"""Random schemas; the long form has 10,000."""
TOKENS = 200
pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def stories() -> DecoderWriter:
    """A really pretrained tiny model, which would tell stories."""
    path = Path(__file__).resolve().parent.parent.parent / "shared/data/weights/stories260k/hf"
    if not path.is_dir():
        pytest.skip("the data set weights/stories260k is not at hand")
    return open_writer(str(path))


def ask(text: str, form: Form | None = None, **more: Any) -> Request:
    return Request((Turn("user", text),), form=form, **more)


def said(rng: random.Random) -> str:
    return " ".join(rng.choice(["Lily", "saw", "a", "big", "red", "ball", "{", '"x"', "."]) for _ in range(9))


def test_random_schemas_are_kept_in_all_answers(stories: DecoderWriter) -> None:
    rng = random.Random(int(os.environ.get("WHET_SEED", "0")))
    for start in range(0, COUNT, 500):
        schemas = [random_schemas.schema(rng) for _ in range(min(500, COUNT - start))]
        requests = [
            ask(
                said(rng),
                Form(schema=one),
                tokens=TOKENS,
                temperature=rng.choice([0.0, 1.0, 3.0]),
                seed=rng.randrange(99),
            )
            for one in schemas
        ]
        for one, answer in zip(schemas, stories.answer(requests), strict=True):
            assert answer.ended == "end", (one, answer)
            jsonschema.Draft202012Validator(one).validate(json.loads(answer.text))
            assert json.dumps(json.loads(answer.text)) or answer.text


def follows(writer: DecoderWriter, schema: dict[str, Any], text: str) -> bool:
    """Whether a text may be written where that schema is asked for."""
    guide = writer.forms.guide(Form(schema=schema))
    ids = writer.forms.tokens.tokenize_str(text)
    return guide.matcher.try_consume_tokens(ids) == len(ids) and bool(guide.matcher.is_accepting())


@pytest.mark.parametrize(
    ("bound", "inside", "rounds_to_it"),
    [
        ({"minimum": -4, "exclusiveMaximum": -2.5}, "-2.51", "-2.50000000000000000000001"),
        ({"exclusiveMinimum": 3}, "3.01", "3.00000000000000000000001"),
    ],
)
def test_no_number_is_written_that_a_reader_rounds_to_an_excluded_one(
    stories: DecoderWriter, bound: dict[str, Any], inside: str, rounds_to_it: str
) -> None:
    schema = {"type": "number", **bound}
    assert follows(stories, schema, inside)
    assert not follows(stories, schema, rounds_to_it)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(json.loads(rounds_to_it), schema)


def test_with_the_bounds_as_they_stand_it_would_be(
    stories: DecoderWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control."""
    monkeypatch.setattr("whet.models.guides.moved_in", lambda schema: schema)
    assert follows(
        stories, {"type": "number", "minimum": -4, "exclusiveMaximum": -2.25}, "-2.250000000000000000000001"
    )


def test_bounds_move_where_they_are_bounds_alone() -> None:
    schema = {"properties": {"exclusiveMaximum": {"type": "number", "exclusiveMinimum": 2}}, "enum": [1.0]}
    moved = moved_in({"anyOf": [schema, {"type": "integer", "exclusiveMaximum": 7}, {"exclusiveMinimum": 0}]})
    inner = moved["anyOf"][0]["properties"]["exclusiveMaximum"]
    assert inner == {"type": "number", "minimum": 2 + 2e-9}
    assert moved["anyOf"][1:] == [{"type": "integer", "exclusiveMaximum": 7}, {"exclusiveMinimum": 0}]
    assert moved_in({"exclusiveMaximum": 5, "maximum": 3}) == {"maximum": 3}


def test_without_the_way_to_the_end_answers_break_off(
    stories: DecoderWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: a text that nothing ends is cut at the limit, and is no JSON."""
    form = Form(schema={"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]})
    request = ask("Tell a long story.", form, tokens=40)
    (whole,) = stories.answer([request])
    assert json.loads(whole.text)["a"]
    monkeypatch.setattr(Guided, "_find", lambda self, most: None)
    (broken,) = stories.answer([request])
    assert broken.ended == "length"
    with pytest.raises(ValueError):
        json.loads(broken.text)


@pytest.mark.parametrize(
    "items",
    [
        {"type": "string", "format": "email"},
        {"enum": ["green", "ein größeres Maß", "null"]},
        {"type": "object", "properties": {"items": {"type": "string", "minLength": 3, "maxLength": 12}}},
        {"anyOf": [{"type": "string", "format": "date"}, {"type": "number"}]},
        {"type": "string", "format": "uuid"},
    ],
)
def test_a_list_without_end_ends(stories: DecoderWriter, items: dict[str, Any]) -> None:
    """What a hot model would go on with for ever is closed in time, whatever it has just begun."""
    schema = {"type": "array", "items": items, "minItems": 1}
    requests = [
        ask(f"Lily {n}", Form(schema=schema), tokens=60 + n, temperature=[1.0, 3.0][n % 2], seed=n)
        for n in range(40)
    ]
    for answer in stories.answer(requests):
        assert answer.ended == "end", answer
        jsonschema.Draft202012Validator(schema).validate(json.loads(answer.text))


@pytest.mark.parametrize("pattern", [r"[a-c]{2,5}\d", "(?s:.){7,9}", "yes|no", r"a+b"])
def test_a_regex_matches_the_whole_answer(stories: DecoderWriter, pattern: str) -> None:
    requests = [ask(f"number {n}", Form(regex=pattern), tokens=30, temperature=2.0, seed=n) for n in range(8)]
    for answer in stories.answer(requests):
        assert answer.ended == "end"
        assert re.fullmatch(pattern, answer.text), answer


def test_a_grammar_is_followed(stories: DecoderWriter) -> None:
    form = Form(grammar='start: "SELECT " NAME ("," NAME)* " FROM " NAME\nNAME: /[a-z]{1,8}/')
    for answer in stories.answer([ask("all names", form), ask("cities", form, temperature=2.0)]):
        assert re.fullmatch(r"SELECT [a-z]+(,[a-z]+)* FROM [a-z]+", answer.text)


def test_where_the_form_does_not_bind_the_answer_is_the_free_one(stories: DecoderWriter) -> None:
    texts = ["Once upon a time", "Lily had a ball", "The dog"]
    free = stories.answer([ask(text, tokens=60) for text in texts])
    formed = stories.answer([ask(text, Form(regex="(?s:.)*"), tokens=60) for text in texts])
    assert [answer.text for answer in formed] == [answer.text for answer in free]
    assert len(free[0].text) > 50


@pytest.mark.parametrize(
    ("form", "says"),
    [
        (Form(regex="a{2,"), "unclosed"),
        (Form(schema={"type": "foo"}), "Invalid type"),
        (Form(schema={"not": {}}), "not"),
        (Form(grammar='strt: "a"'), "start"),
        (Form(), "none"),
        (Form(regex="a", choices=("a",)), "regex, choices"),
        (Form(choices=("a", "a")), "twice"),
    ],
)
def test_a_broken_form_is_refused_before_any_work(stories: DecoderWriter, form: Form, says: str) -> None:
    with pytest.raises(InputError, match=says):
        stories.answer([ask("a"), ask("b", form)])


def test_a_vocabulary_without_braces_is_refused(shared: Callable[[str], Path]) -> None:
    writer = open_writer(str(shared("weights/tinystories-656k")))
    with pytest.raises(InputError, match=r"cannot write"):
        writer.answer([ask("a", Form(schema={"type": "object"}))])


def test_forced_tokens_are_not_asked_for_one_by_one(
    stories: DecoderWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema = {"type": "object", "properties": {"number": {"type": "integer"}}, "required": ["number"]}
    form = Form(schema={**schema, "additionalProperties": False})
    steps = list[int]()
    stories.model.register_forward_pre_hook(lambda *given: steps.append(1))
    (answer,) = stories.answer([ask("How many?", form, tokens=200)])
    assert answer.text.startswith('{"number":')
    ids = stories.layout.tokenizer(answer.text, add_special_tokens=False)["input_ids"]
    assert len(steps) < len(ids)


def test_guides_hold_for_readers_of_one_length_too(stories: DecoderWriter) -> None:
    from whet.models.readers import Cached

    guide = stories.forms.guide(Form(regex="Lily (saw|had) a [a-z]{3,6}"))
    row = Row((1, 40, 50), 30, guide=guide)
    (found,), _ = write(stories.model, [row], stories.ends, make=Cached)
    assert re.fullmatch("Lily (saw|had) a [a-z]{3,6}", stories.forms.tokens.decode_str(list(found.ids)))
