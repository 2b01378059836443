"""What a client may send that must cost the server little: schemas that never end, halves of characters,
forms beside log-probabilities, more releases than stay in memory."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from whet.data.outputs import extracted
from whet.models.base import Request
from whet.records import Turn
from whet.serve.calling import calls_in
from whet.serve.catalogue import LOADED, About, Catalogue
from whet.serve.elsewhere import _Heard
from whet.serve.faults import Fault
from whet.serve.jobs.asked import NewEval
from whet.serve.jobs.graders import check_messages, text_of
from whet.serve.tokens import likeliest
from whet.serve.wrapping import wrapped


def endless(depth: int) -> dict[str, Any]:
    """Each definition leads to the next one twice."""
    parts: dict[str, Any] = {f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(depth)}
    return {"$defs": {**parts, f"d{depth}": {"type": "null"}}, "$ref": "#/$defs/d0"}


@pytest.mark.parametrize("dialect", ["", "https://json-schema.org/draft/2020-12/schema"])
def test_a_schema_that_never_ends_is_refused_at_once(dialect: str) -> None:
    schema = endless(40)
    if dialect:  # a part of a dialect of its own would choose a validator that does not count
        schema["$defs"]["d1"]["$schema"] = schema["$schema"] = dialect
    start = time.perf_counter()
    with pytest.raises(Fault, match="too often"):
        wrapped("refund", schema)
    assert time.perf_counter() - start < 5


def test_references_that_end_are_followed() -> None:
    schema = {
        "$defs": {"l": {"enum": ["refund"]}},
        "type": "object",
        "properties": {"x": {"$ref": "#/$defs/l"}},
    }
    assert json.loads(wrapped("refund", {**schema, "required": ["x"]})) == {"x": "refund"}


def test_tokens_that_a_form_rules_out_are_not_among_the_likeliest() -> None:
    values = torch.full((10,), -math.inf)
    values[3] = 0.0
    assert likeliest(values, 5) == ((3, 0.0),)


def test_halves_of_characters_are_refused_or_made_whole() -> None:
    with pytest.raises(ValidationError, match="half of a surrogate pair"):
        NewEval(data_source_config={"type": "custom"}, testing_criteria=[{"name": "\ud83d"}])
    (call,) = calls_in('{"name": "pay", "arguments": {"to": "\\ud83d"}}', ["pay"])
    call["function"]["arguments"].encode()
    extracted('{"to": "\\ud83d"}').encode()


def test_nesting_without_end_is_no_call() -> None:
    assert calls_in("[" * 100_000, ["pay"]) == ()
    assert extracted("[" * 20_000) == "[" * 20_000


def test_messages_of_evals_come_as_texts_or_in_parts() -> None:
    part = {"type": "input_text", "text": "{{item.q}}"}
    assert [text_of(one) for one in ("{{item.q}}", part, [part, part])] == ["{{item.q}}"] * 2 + [
        "{{item.q}}" * 2
    ]
    check_messages([{"role": "user", "content": part}], "at")
    for wrong in ("text", [], ["text"], [{"role": "user"}], [{"content": {"type": "input_image"}}]):
        with pytest.raises(Fault):
            check_messages(wrong, "at")


@pytest.mark.parametrize(("arguments", "read"), [('{"a": 1}', {"a": 1}), ('{"a": "cut', '{"a": "cut')])
def test_calls_of_an_engine_elsewhere_are_kept(arguments: str, read: object) -> None:
    heard = _Heard(
        Request((Turn("user", "pay"),)), text="\n", calls={0: {"name": "pay", "arguments": arguments}}
    )
    assert json.loads(heard.answer().text) == [{"name": "pay", "arguments": read}]


class Loaded:
    """An answering that says when it was closed."""

    chooses = True

    def __init__(self, name: str, closed: list[str]) -> None:
        self._name, self._closed = name, closed

    def close(self) -> None:
        self._closed.append(self._name)


class Source:
    """As many releases as are asked for."""

    def __init__(self) -> None:
        self.closed: list[str] = []

    def names(self) -> Sequence[About]:
        return []

    def stamp(self) -> object:
        return 0

    def release(self, name: str) -> About:
        return About(name, name, "")

    def open(self, about: About) -> Any:
        return Loaded(about.id, self.closed)


@pytest.mark.parametrize(("quiet", "closed"), [(-1.0, ["r1"]), (60.0, [])])
def test_what_was_not_asked_for_longest_goes_unless_it_may_be_at_work(
    quiet: float, closed: list[str]
) -> None:
    source = Source()
    catalogue = Catalogue(source, quiet=quiet)  # type: ignore[arg-type]

    async def ask() -> None:
        for number in range(LOADED):
            await catalogue.find(f"r{number}")
        await catalogue.find("r0")  # the first that was loaded is asked for again
        await catalogue.find("more")

    asyncio.run(ask())
    assert source.closed == closed
