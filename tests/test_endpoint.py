"""Endpoint models against a real server process that fails by script: nothing is lost, nothing paid twice."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.standin import KEY, MODEL, StandIn
from whet.config_models import Budget, EndpointModel
from whet.errors import InputError, WorldError
from whet.ladder import with_cache
from whet.models.base import Answer, Form, Request
from whet.models.endpoint import Endpoint, Unanswered
from whet.models.remote.kept import FILE, Kept
from whet.models.remote.pace import Patience
from whet.records import FitInfo, Turn
from whet.rungs.asked import Asked
from whet.rungs.base import Setting
from whet.rungs.frame import Frame

QUICK = Patience(tries=4, first=0.01, longest=2.0)
PRICES = {"in": 1.0, "out": 2.0}
PAID = (10 * 1.0 + 5 * 2.0) / 1e6  # the stand-in counts 10 tokens in and 5 out
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}},
    "required": ["name"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def server() -> Iterator[StandIn]:
    running = StandIn()
    yield running
    running.close()


def spec(server: StandIn, **more: Any) -> EndpointModel:
    return EndpointModel.model_validate({"endpoint": server.url, "model": MODEL, **more})


def endpoint(server: StandIn, folder: Path | None = None, **more: Any) -> Endpoint:
    return Endpoint(spec(server, **more), folder, patience=QUICK)


def say(*texts: str, **more: Any) -> list[Request]:
    return [Request((Turn("system", "Be short."), Turn("user", text)), tokens=20, **more) for text in texts]


def texts(answers: list[Answer]) -> list[str]:
    return [answer.text for answer in answers]


TEN = [f"t{i}" for i in range(10)]
WANTED = [f"answer to {text}" for text in TEN]


# Answers.


def test_answers_come_in_order_with_what_they_cost(server: StandIn) -> None:
    server.script(latency=0.01)
    told: list[tuple[int, int]] = []
    found = endpoint(server, usd_per_million=PRICES).answer(
        say(*TEN), lambda what, done, total: told.append((done, total))
    )
    assert texts(found) == WANTED
    assert {(a.tokens_in, a.tokens_out, a.ended, a.cached, a.failed) for a in found} == {
        (10, 5, "end", False, "")
    }
    assert [a.usd for a in found] == [pytest.approx(PAID)] * 10
    assert told[-1] == (10, 10)


def test_no_more_calls_are_under_way_than_allowed(server: StandIn) -> None:
    server.script(latency=0.03)
    endpoint(server, concurrency=3).answer(say(*TEN))
    assert server.seen()["most"] == 3


def test_the_same_request_is_asked_once_and_paid_once(server: StandIn) -> None:
    server.script()
    found = endpoint(server, usd_per_million=PRICES).answer(say("a", "b", "a"))
    assert server.seen()["calls"] == {"a": 1, "b": 1}
    assert [(a.cached, a.usd > 0) for a in found] == [(False, True), (False, True), (True, False)]


def test_it_works_inside_a_running_loop_as_in_a_notebook(server: StandIn) -> None:
    server.script()

    async def cell() -> list[Answer]:
        return endpoint(server).answer(say("a"))

    assert texts(asyncio.run(cell())) == ["answer to a"]


# Kept answers.


def test_answers_are_kept_and_marked(server: StandIn, tmp_path: Path) -> None:
    server.script()
    endpoint(server, tmp_path, usd_per_million=PRICES).answer(say(*TEN))
    again = endpoint(server, tmp_path, usd_per_million=PRICES)
    found = again.answer(say(*TEN))
    assert texts(found) == WANTED
    assert all(a.cached and a.usd == 0 and a.tokens_in == 10 for a in found)
    assert again.usd(10, 5) == pytest.approx(PAID)
    assert sum(server.seen()["calls"].values()) == 10


def test_fresh_asks_once_more_and_replaces_what_was_kept(server: StandIn, tmp_path: Path) -> None:
    server.script()
    endpoint(server, tmp_path).answer(say("a"))
    fresh = Endpoint(spec(server), tmp_path, fresh=True)
    assert not fresh.answer(say("a"))[0].cached
    assert fresh.answer(say("a"))[0].cached
    assert server.seen()["calls"] == {"a": 2}


@pytest.mark.parametrize(
    ("change", "request_change"),
    [
        ({"parameters": {"top_p": 0.5}}, {}),
        ({"model": "standin-1", "endpoint": "other"}, {}),
        ({}, {"temperature": 0.7}),
        ({}, {"seed": 3}),
        ({}, {"stop": ("x",)}),
        ({}, {"form": Form(schema=SCHEMA)}),
        ({}, {"form": Form(regex="a+")}),
    ],
)
def test_whatever_is_asked_otherwise_is_asked_anew(
    server: StandIn, tmp_path: Path, change: dict[str, Any], request_change: dict[str, Any]
) -> None:
    server.script()
    endpoint(server, tmp_path).answer(say("a"))
    if change.get("endpoint"):
        change = {**change, "endpoint": server.url.replace("127.0.0.1", "localhost")}
    assert not endpoint(server, tmp_path, **change).answer(say("a", **request_change))[0].cached


# Faults.


def test_what_passes_is_tried_again_and_no_example_is_lost_or_paid_twice(
    server: StandIn, tmp_path: Path
) -> None:
    faults = {
        "t0": ["500", "500"],
        "t1": ["429:0.05"],
        "t2": ["slow:0.6"],
        "t3": ["cut"],
        "t4": ["garbage", "html", "sorry"],
        "t5": ["429", "500", "cut"],
    }
    server.script(faults)
    found = endpoint(server, tmp_path, timeout_seconds=0.3, usd_per_million=PRICES).answer(say(*TEN))
    assert texts(found) == WANTED
    seen = server.seen()
    assert seen["paid"] == {**dict.fromkeys(TEN, 1), **{"t2": seen["paid"]["t2"]}}
    assert seen["calls"] == {**dict.fromkeys(TEN, 1), **{k: len(v) + 1 for k, v in faults.items()}}
    endpoint(server, tmp_path).answer(say(*TEN))
    assert server.seen()["calls"] == seen["calls"]


def test_calls_whose_answer_was_lost_count_at_the_most_that_they_can_cost(
    server: StandIn, tmp_path: Path
) -> None:
    server.script({"a": ["cut"], "b": ["500"]})
    endpoint(server, tmp_path, usd_per_million=PRICES).answer(say("a", "b"))
    (account,) = Kept(tmp_path).account().values()
    assert (account["requests"], account["open"]) == (4, 1)
    assert account["usd"] > 2 * PAID + 20 * 2.0 / 1e6


def test_a_server_that_asks_for_time_gets_it_from_everybody(server: StandIn) -> None:
    server.script({"a": ["429:0.4"]})
    endpoint(server, concurrency=1).answer(say("a", "b"))
    starts = server.seen()["starts"]
    assert starts[1] - starts[0] >= 0.39


@pytest.mark.parametrize(
    ("script", "options", "change", "said"),
    [
        ([], {"key": "other"}, {"api_key_env": "WHET_TEST_KEY"}, "refuses the key in WHET_TEST_KEY"),
        ([], {"key": "other"}, {}, "name the environment variable that holds it as `api_key_env`"),
        ([], {}, {"model": "standin-2"}, "the server has no model 'standin-2'"),
        ([], {}, {"endpoint": "/"}, "most addresses end in /v1"),
        ([], {}, {"endpoint": "http://127.0.0.1:9/v1"}, "nobody answers at http://127.0.0.1:9/v1"),
        (["quota"] * 9, {}, {}, "no credit left"),
        (["429"] * 99, {}, {}, "lower requests_per_minute"),
        (["429:3600"] * 99, {}, {}, "asks us to wait 3,600 s"),
        (["500"] * 99, {}, {}, "fails (500: The server had an error)"),
        (["html"] * 99, {}, {}, "its answer is not JSON"),
    ],
)
def test_what_does_not_pass_stops_with_cause_side_and_next_step(
    server: StandIn,
    script: list[str],
    options: dict[str, Any],
    change: dict[str, Any],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WHET_TEST_KEY", KEY)
    server.script({"*": script}, **options)
    if change.get("endpoint") == "/":
        change = {"endpoint": server.url.removesuffix("/v1")}
    model = Endpoint(spec(server, **change), again="whet run task.yaml", patience=QUICK)
    with pytest.raises(Unanswered) as caught:
        model.answer(say("a", "b", "c", "d"))
    told = str(caught.value)
    assert said in told
    assert "side" in told or "limit" in told
    assert "4 of 4 requests have no answer: 'a', 'b', 'c' and 1 more." in told
    assert "Then run whet run task.yaml again" in told
    assert caught.value.exit_code == 3
    assert caught.value.positions == (0, 1, 2, 3)
    assert KEY not in told


def test_one_bad_request_fails_alone_and_is_asked_again_next_time(server: StandIn, tmp_path: Path) -> None:
    server.script({"b": ["400"], "c": ["500"] * 4})
    found = endpoint(server, tmp_path).answer(say("a", "b", "c"))
    assert texts(found) == ["answer to a", "", ""]
    assert [a.ended for a in found] == ["end", "failed", "failed"]
    assert found[1].failed == (
        "the server refuses the request (400: Invalid content) (your side); "
        "look at the input, or at `parameters` in the task file"
    )
    assert texts(endpoint(server, tmp_path).answer(say("a", "b", "c"))) == [
        f"answer to {t}" for t in ("a", "b", "c")
    ]


def test_a_filtered_answer_is_paid_kept_and_told(server: StandIn, tmp_path: Path) -> None:
    server.script({"a": ["filter"]})
    for _ in range(2):
        (answer,) = endpoint(server, tmp_path).answer(say("a"))
        assert "content filter" in answer.failed
    assert server.seen()["calls"] == {"a": 1}


def test_a_request_that_is_too_long_is_wrong_input(server: StandIn) -> None:
    server.script({"a": ["long"]})
    with pytest.raises(InputError, match="longer than standin-1 reads") as caught:
        endpoint(server).answer(say("a"))
    assert caught.value.exit_code == 2


# The budget.


def test_the_budget_in_requests_is_hard_and_the_run_goes_on(server: StandIn, tmp_path: Path) -> None:
    server.script()
    with pytest.raises(WorldError, match=r"budget.requests of 4 is used up\. 6 of 10 requests"):
        endpoint(server, tmp_path, budget={"requests": 4}).answer(say(*TEN))
    assert sum(server.seen()["calls"].values()) == 4
    found = endpoint(server, tmp_path, budget={"requests": 10}).answer(say(*TEN))
    assert texts(found) == WANTED
    assert server.seen()["paid"] == dict.fromkeys(TEN, 1)


def test_tries_count_as_requests(server: StandIn) -> None:
    server.script({"a": ["500"] * 3})
    with pytest.raises(WorldError, match="used up"):
        endpoint(server, budget={"requests": 2}).answer(say("a"))
    assert server.seen()["calls"] == {"a": 2}


def test_the_budget_in_usd_is_never_passed_and_is_used(server: StandIn, tmp_path: Path) -> None:
    """One call costs PAID, and may cost much more: calls wait for those under way rather than give up."""
    server.script(latency=0.01)
    most = 20 * 2.0 / 1e6 + 180 * 1.0 / 1e6
    budget = 5.5 * PAID + most
    with pytest.raises(WorldError, match=r"budget.usd of .* does not cover the next call") as caught:
        endpoint(server, tmp_path, usd_per_million=PRICES, budget={"usd": budget}).answer(say(*TEN))
    paid = len(server.seen()["paid"])
    assert 5 <= paid <= 7
    assert Kept(tmp_path).spent(f"{MODEL} at {server.url}").usd <= budget
    assert isinstance(caught.value, Unanswered)
    assert len(caught.value.positions) == 10 - paid


def test_what_an_earlier_process_spent_counts(server: StandIn, tmp_path: Path) -> None:
    server.script()
    endpoint(server, tmp_path, budget={"requests": 2}).answer(say("a", "b"))
    with pytest.raises(WorldError, match="used up"):
        endpoint(server, tmp_path, budget={"requests": 2}).answer(say("a", "b", "c"))


def test_without_a_count_of_tokens_the_most_is_paid_and_it_is_said(server: StandIn) -> None:
    server.script(usage=False)
    model = endpoint(server, usd_per_million=PRICES)
    (answer,) = model.answer(say("a"))
    assert answer.tokens_out == 20
    assert answer.usd > PAID
    assert any("does not count tokens" in note for note in model.notes)


# Interruptions.

CHILD = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.test_endpoint import *
class At: url = sys.argv[1]
endpoint(At(), Path(sys.argv[2]), concurrency=2).answer(say(*TEN))
"""


def start_child(server: StandIn, folder: Path) -> subprocess.Popen[str]:
    code = CHILD.format(root=str(Path(__file__).resolve().parent.parent))
    return subprocess.Popen(
        [sys.executable, "-c", code, server.url, str(folder)], stderr=subprocess.PIPE, text=True
    )


def kept_answers(server: StandIn, folder: Path) -> int:
    """How many of the ten are on the disk."""
    import sqlite3

    try:
        database = sqlite3.connect(folder / FILE)
        found = database.execute("SELECT count(*) FROM answers").fetchone()[0]
        database.close()
    except sqlite3.OperationalError:
        return 0
    return int(found)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_run_goes_on_and_pays_nothing_twice(
    server: StandIn, tmp_path: Path, how: signal.Signals
) -> None:
    """Six answers are there and two calls hang when the process is ended, at once or by Ctrl-C."""
    hang = ["slow:8"] if how == signal.SIGINT else ["slow:20"]
    server.script({"t6": hang, "t7": hang})
    child = start_child(server, tmp_path)
    deadline = time.monotonic() + 30
    while kept_answers(server, tmp_path) < 6 or len(server.seen()["starts"]) < 8:
        assert time.monotonic() < deadline, child.poll()
        time.sleep(0.02)
    child.send_signal(how)
    child.communicate(timeout=30)
    assert kept_answers(server, tmp_path) == (8 if how == signal.SIGINT else 6)
    server.script()
    assert texts(endpoint(server, tmp_path).answer(say(*TEN))) == WANTED
    asked = server.seen()["calls"]
    assert sorted(asked) == TEN[8 if how == signal.SIGINT else 6 :]
    (account,) = Kept(tmp_path).account().values()
    assert account["open"] == (0 if how == signal.SIGINT else 2)


# Keys.


def test_a_key_that_is_not_set_is_told_before_anything_is_sent(
    server: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WHET_TEST_KEY", raising=False)
    with pytest.raises(InputError, match="WHET_TEST_KEY is not set"):
        endpoint(server, api_key_env="WHET_TEST_KEY")


def test_the_key_goes_to_the_server_and_nowhere_else(
    server: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHET_TEST_KEY", KEY)
    server.script(key=KEY)
    model = endpoint(server, tmp_path, api_key_env="WHET_TEST_KEY")
    assert texts(model.answer(say("a"))) == ["answer to a"]
    assert server.seen()["headers"][0]["authorization"] == f"Bearer {KEY}"
    assert KEY not in repr(model.__dict__["_asker"])
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert written
    assert not any(KEY.encode() in data for data in written)


def test_a_key_of_another_service_is_not_sent(server: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_ORG_ID", "org-secret")
    server.script()
    endpoint(server).answer(say("a"))
    headers = str(server.seen()["headers"])
    assert KEY not in headers
    assert "org-secret" not in headers


# Form.


def test_a_schema_is_asked_for_and_enforced_by_the_server(server: StandIn) -> None:
    server.script()
    (answer,) = endpoint(server).answer(say("Ada", form=Form(schema=SCHEMA)))
    assert answer.text == '{"name": "Ada"}'
    sent = server.seen()["bodies"][0]["response_format"]["json_schema"]
    assert (sent["schema"], sent["strict"]) == (SCHEMA, True)


def test_choices_come_with_their_probabilities(server: StandIn) -> None:
    server.script()
    (answer,) = endpoint(server).answer(say("x", form=Form(choices=("bill", "ship", "login"))))
    assert answer.text == "bill"
    assert sum(answer.choices) == pytest.approx(1)
    # The taken way: e^-0.1 for each of its letters up to the first that decides; the rivals: e^-2.
    assert answer.choices[0] > 5 * answer.choices[1] == pytest.approx(5 * answer.choices[2])


def test_what_the_server_refuses_is_left_out_and_said(server: StandIn, tmp_path: Path) -> None:
    refuses = ["json_schema", "temperature", "logprobs", "max_tokens"]
    server.script(refuses=refuses)
    model = endpoint(server, tmp_path, concurrency=1)
    model.answer(say("a", "b", form=Form(schema=SCHEMA)))
    last = server.seen()["bodies"][-1]
    assert last["response_format"] == {"type": "json_object"}
    assert last["max_completion_tokens"] == 20
    assert not {"temperature", "logprobs", "max_tokens"} & set(last)
    assert server.seen()["calls"] == {"a": 5, "b": 1}
    assert any("takes no JSON Schema" in note for note in model.notes)
    again = endpoint(server, tmp_path)
    again.answer(say("a", form=Form(schema=SCHEMA)))
    assert again.notes == model.notes


def test_a_choice_in_plain_text_is_taken_as_it_is(server: StandIn) -> None:
    server.script(plain=True)
    (answer,) = endpoint(server).answer(say("x", form=Form(choices=("bill", "ship"))))
    assert answer.text == "answer to x"


def test_a_form_that_the_protocol_does_not_have_is_said(server: StandIn) -> None:
    server.script()
    model = endpoint(server)
    model.answer(say("a", form=Form(regex="a+")))
    assert any("a regex or a grammar cannot be asked for" in note for note in model.notes)


def test_stop_texts_end_the_answer(server: StandIn) -> None:
    server.script()
    (answer,) = endpoint(server).answer(say("a", stop=(" to",)))
    assert (answer.text, answer.ended) == ("answer", "stop")


# The control: were answers kept only at the end, a killed run would pay again.


def test_a_store_that_forgets_is_noticed(
    server: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.script()
    monkeypatch.setattr(Kept, "find", lambda self, key: None)
    for _ in range(2):
        endpoint(server, tmp_path).answer(say("a"))
    assert server.seen()["paid"] == {"a": 2}


def test_a_store_that_is_none_is_told(server: StandIn, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("no database at all, but long enough to be looked at" * 20)
    with pytest.raises(InputError, match="is not a store of answers"):
        endpoint(server, tmp_path)


def test_importing_the_module_does_not_import_the_sdk() -> None:
    code = "import sys, whet.models.endpoint; print('openai' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ}
    )
    assert done.stdout.strip() == "False"


def test_held_out_answers_are_asked_through_the_runs_own_writer(server: StandIn, tmp_path: Path) -> None:
    """A specialist that is loaded brings a writer without a store, with the price and budget of then."""
    spec = EndpointModel(endpoint=server.url, model=MODEL, budget=Budget(requests=7))
    then = spec.model_copy(update={"budget": Budget(requests=1)})
    mine, other = Endpoint(spec, tmp_path), Endpoint(spec.model_copy(update={"model": "other"}), tmp_path)
    loaded = Asked("prompt", Endpoint(then), Frame("write"), FitInfo())
    found = with_cache(loaded, Setting(writers=[other, mine]))
    assert isinstance(found, Asked)
    assert found.writer is mine
    unknown = with_cache(loaded, Setting(writers=[other]))
    assert isinstance(unknown, Asked)
    assert unknown.writer is loaded.writer
