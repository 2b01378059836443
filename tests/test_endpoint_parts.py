"""The parts of an endpoint whose values can be worked out by hand: pace, patience, prices, probabilities."""

from __future__ import annotations

import asyncio
import math
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from tests.test_config import load, refused
from whet.config_models import EndpointModel
from whet.models.base import Form, Request
from whet.models.remote.body import body_of, is_strict, key_of, most_tokens_in, refused_part
from whet.models.remote.faults import mask, retry_after
from whet.models.remote.pace import Pace, Patience
from whet.models.remote.reading import Unreadable, choice_probabilities, read_answer
from whet.records import Turn

SPEC = EndpointModel(endpoint="http://127.0.0.1:1/v1", model="m")


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.time = 100.0

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds


def starts(pace: Pace, clock: Clock, tokens: list[int]) -> list[float]:
    async def run() -> list[float]:
        found = []
        for count in tokens:
            await pace.turn(count)
            found.append(clock.time - 100.0)
        return found

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("requests", "per_minute", "tokens", "wanted"),
    [
        (None, None, [100, 100, 100], [0, 0, 0]),
        (30, None, [100, 100, 100], [0, 2, 4]),
        (None, 6000, [100, 300, 100], [0, 1, 4]),  # 100 tokens take a second of the line
        (30, 6000, [100, 300, 100], [0, 2, 5]),
    ],
)
def test_calls_are_spread_over_the_minute(
    requests: float | None, per_minute: float | None, tokens: list[int], wanted: list[float]
) -> None:
    clock = Clock()
    pace = Pace(requests, per_minute, clock.now, clock.sleep)
    assert starts(pace, clock, tokens) == wanted


def test_a_held_line_waits() -> None:
    clock = Clock()
    pace = Pace(None, None, clock.now, clock.sleep)
    pace.hold(7.0)
    assert starts(pace, clock, [1, 1]) == [7.0, 7.0]


def test_waits_double_with_half_of_it_chance_up_to_the_most() -> None:
    patience = Patience(first=0.5, most=3.0)
    for tried, whole in [(1, 0.5), (2, 1.0), (3, 2.0), (4, 3.0), (9, 3.0)]:
        waits = {patience.wait(tried) for _ in range(200)}
        assert whole / 2 <= min(waits) < max(waits) <= whole
        assert len(waits) > 100
    assert 9.25 <= patience.wait(1, asked=9.0) <= 9.5


class Refusal(Exception):
    def __init__(self, **headers: str) -> None:
        super().__init__()
        self.response = type(
            "Response", (), {"headers": {k.replace("_", "-"): v for k, v in headers.items()}}
        )


def test_retry_after_is_seconds_milliseconds_or_a_date() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert retry_after(Refusal(retry_after="7")) == 7.0
    assert retry_after(Refusal(retry_after_ms="250")) == 0.25
    assert retry_after(Refusal(retry_after=later)) == pytest.approx(30, abs=2)
    assert retry_after(Refusal(retry_after="soon")) is None
    assert retry_after(Exception()) is None


def test_keys_are_masked() -> None:
    said = "Incorrect API key provided: sk-ab***********cdEF. Bearer abc.def and topsecret"
    assert mask(said, "topsecret") == "Incorrect API key provided: *** *** and ***"


# What is sent.


def ask(text: str, **more: Any) -> Request:
    return Request((Turn("user", text, {"name": "ada", "weight": 1, "thinking": "no"}),), **more)


def test_a_body_holds_what_the_protocol_knows() -> None:
    body = body_of(ask("hi", tokens=9, stop=("x",), seed=2), SPEC)
    assert body == {
        "model": "m",
        "messages": [{"role": "user", "content": "hi", "name": "ada"}],
        "max_tokens": 9,
        "temperature": 0.0,
        "seed": 2,
        "stop": ["x"],
        "logprobs": True,
    }


def test_the_most_is_never_below_the_bytes_of_the_text() -> None:
    text = "日本語 and ümläute " * 50
    assert most_tokens_in(body_of(ask(text), SPEC)) > len(text.encode())


def test_the_key_of_a_request_knows_server_model_and_parameters_but_no_secret() -> None:
    first = key_of(ask("hi"), SPEC)
    others = [
        SPEC.model_copy(update={"model": "n"}),
        SPEC.model_copy(update={"endpoint": "http://127.0.0.1:2/v1"}),
        SPEC.model_copy(update={"parameters": {"top_p": 0.1}}),
    ]
    assert len({first, *(key_of(ask("hi"), other) for other in others)}) == 4
    assert key_of(ask("hi"), SPEC.model_copy(update={"api_key_env": "KEY", "concurrency": 1})) == first


@pytest.mark.parametrize(
    ("said", "part"),
    [
        ("'max_tokens' is not supported with this model", "max_tokens"),
        ("temperature does not support 0", "temperature"),
        ("extra inputs are not permitted: top_logprobs", "top_logprobs"),
        ("invalid schema for response_format", "json_schema"),
        ("the moon is too full", None),
    ],
)
def test_a_refusal_names_what_is_left_out(said: str, part: str | None) -> None:
    body = {**body_of(ask("x", form=Form(schema={"type": "object"})), SPEC), "top_logprobs": 5}
    assert refused_part(said, body) == part


def test_strict_mode_needs_closed_objects_with_all_properties_required() -> None:
    closed = {
        "type": "object",
        "properties": {"a": {"type": "string"}},
        "required": ["a"],
        "additionalProperties": False,
    }
    assert is_strict(closed)
    assert not is_strict({**closed, "required": []})
    assert not is_strict({**closed, "properties": {"a": {"type": "object"}}})


# What comes back.


def token(said: str, p: float, **others: float) -> dict[str, Any]:
    top = [{"token": text, "logprob": math.log(q)} for text, q in {said: p, **others}.items()]
    return {"token": said, "logprob": math.log(p), "top_logprobs": top}


def test_probabilities_of_choices_by_hand() -> None:
    """`bil|l` was taken: b 0.6 against s 0.3; then `ill` 0.5 against `ox` 0.4. 0.3, 0.24, 0.3 of 0.84."""
    tokens = [token("b", 0.6, s=0.3, z=0.1), token("ill", 0.5, ox=0.4)]
    found = choice_probabilities(tokens, ("bill", "box", "ship"))
    assert found == pytest.approx((0.30 / 0.84, 0.24 / 0.84, 0.30 / 0.84))


def test_probabilities_inside_the_object_that_was_asked_for() -> None:
    """The token before the choice holds its first letter too: the alternative must share the frame."""
    tokens = [token('{"answer": "', 1.0), token("no", 0.75, yes=0.25), token('"}', 1.0)]
    assert choice_probabilities(tokens, ("yes", "no")) == pytest.approx((0.25, 0.75))
    framed = [token('{"answer":', 1.0), token(' "no', 0.75, **{' "yes': 0.25}), token('"}', 1.0)]
    assert choice_probabilities(framed, ("yes", "no")) == pytest.approx((0.25, 0.75))


def test_an_alternative_that_fits_several_choices_is_shared() -> None:
    tokens = [token("ship", 0.5, b=0.5)]
    assert choice_probabilities(tokens, ("bill", "box", "ship")) == pytest.approx((0.25, 0.25, 0.5))


def test_a_choice_that_begins_another_is_not_mistaken() -> None:
    tokens = [token("bill", 0.9, ship=0.1)]
    assert choice_probabilities(tokens, ("bill", "billing", "ship")) == pytest.approx((0.9, 0.0, 0.1))


def test_no_alternatives_no_probabilities() -> None:
    assert choice_probabilities([{"token": "a", "logprob": -1.0}], ("a", "b")) == ()


@pytest.mark.parametrize("value", ["<html>", [], {}, {"choices": []}, {"choices": [{}]}, {"error": "x"}])
def test_what_is_no_chat_completion_is_told(value: Any) -> None:
    with pytest.raises(Unreadable):
        read_answer(value, ask("x"))


# The task file.

ENDPOINT = """\
models:
  - sentence-transformers/all-MiniLM-L6-v2
  - endpoint: http://127.0.0.1:8000/v1
    model: m
"""


def test_a_task_names_models_here_and_elsewhere(tmp_path: Path) -> None:
    more = "    usd_per_million: {in: 0.15, out: 0.6}\n    budget: {usd: 2, requests: 1000}\n"
    task = load(tmp_path, ENDPOINT + more)
    assert task.local_models == ["sentence-transformers/all-MiniLM-L6-v2"]
    (model,) = task.endpoints
    assert model.usd_per_million is not None
    assert (model.usd_per_million.read, model.budget.usd, model.concurrency) == (0.15, 2.0, 8)
    assert task.model_dump(mode="json")["models"][1]["usd_per_million"] == {"in": 0.15, "out": 0.6}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("    budgett: {usd: 1}\n", "task.yaml:10: models.1.budgett: unknown key. Did you mean 'budget'?"),
        (
            "    budget: {usdd: 1}\n",
            "task.yaml:10: models.1.budget.usdd: unknown key. Did you mean 'usd'?",
        ),
        (
            "    usd_per_million: {inn: 1, out: 2}\n",
            "models.1.usd_per_million.inn: unknown key. Did you mean 'in'?",
        ),
        ("    budget: {usd: 1}\n", "models.1: budget.usd needs the prices"),
        ("    parameters: {max_tokens: 3}\n", "parameters: 'max_tokens' is set by whet"),
        ("    concurrency: 0\n", "task.yaml:10: models.1.concurrency: "),
        ("    api_key: sk-secret\n", "models.1.api_key: unknown key. Did you mean 'api_key_env'?"),
        ("    api_key_env: sk-secret\n", "must be the name of an environment variable in capitals"),
    ],
)
def test_what_is_wrong_with_an_endpoint_is_told_with_its_line(tmp_path: Path, more: str, said: str) -> None:
    told = refused(tmp_path, ENDPOINT + more)
    assert said in told
    assert "sk-secret" not in told


@pytest.mark.parametrize(
    "address", ["127.0.0.1:8000", "ftp://x/v1", "http://user:pw@x/v1", "http://x/v1?key=1"]
)
def test_an_address_is_http_and_holds_no_key(tmp_path: Path, address: str) -> None:
    told = refused(tmp_path, f"models: [{{endpoint: '{address}', model: m}}]\n")
    assert "models.0.endpoint" in told
    assert "pw@" not in told
