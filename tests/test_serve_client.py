"""The official ``openai`` client, as published code uses it, against ``whet serve`` in its own process."""

from __future__ import annotations

import json
import math
import os
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest
from pydantic import BaseModel

from tests.releases import small_run
from tests.serving import ROOT, Server, serving, stubbed
from tests.test_trained import tuned
from whet.cli.serve import PORT
from whet.pipeline import Outcome

TEXT = "where is my parcel?"
LABELS = {"parcel", "refund", "login"}
SCHEMA = {
    "type": "object",
    "properties": {"queue": {"enum": sorted(LABELS)}},
    "required": ["queue"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_run(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def encoder(run: Path) -> Iterator[Server]:
    with serving(run, "--trial") as server:
        yield server


def asked(text: str = TEXT) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def test_a_chat_is_answered_with_the_label(encoder: Server) -> None:
    found = encoder.client().chat.completions.create(model="small-tickets", messages=asked())
    assert found.choices[0].message.content == "parcel"
    assert found.choices[0].finish_reason == "stop"
    assert found.usage.prompt_tokens > 0
    told = found.model_extra["whet"]
    assert told["release"] == "trial:small-tickets"
    assert told["trial"] is True
    assert 0 < told["confidence"] <= 1


def test_every_reply_of_a_trial_says_so(encoder: Server) -> None:
    raw = encoder.client().chat.completions.with_raw_response.create(model="small-tickets", messages=asked())
    assert raw.headers["x-whet-trial"] == "true"
    assert raw.headers["x-whet-release"] == "trial:small-tickets"
    assert raw.headers["x-request-id"].startswith("req_")


def test_a_stream_gives_the_same_in_pieces(encoder: Server) -> None:
    stream = encoder.client().chat.completions.create(
        model="small-tickets", messages=asked(), stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "parcel"
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert chunks[-1].usage.total_tokens > 0
    without = encoder.client().chat.completions.create(model="small-tickets", messages=asked(), stream=True)
    assert all(chunk.choices for chunk in without), "published code reads choices[0] of every chunk"


def test_logprobs_are_the_probabilities_of_the_labels(encoder: Server) -> None:
    found = encoder.client().chat.completions.create(
        model="small-tickets", messages=asked(), logprobs=True, top_logprobs=3
    )
    (token,) = found.choices[0].logprobs.content
    assert token.token == "parcel"
    assert {one.token for one in token.top_logprobs} == LABELS
    assert sum(math.exp(one.logprob) for one in token.top_logprobs) == pytest.approx(1)
    assert math.exp(token.logprob) == pytest.approx(found.model_extra["whet"]["confidence"])


def test_a_label_fits_a_schema_or_is_refused(encoder: Server) -> None:
    class Answer(BaseModel):
        queue: str

    parsed = encoder.client().chat.completions.parse(
        model="small-tickets", messages=asked(), response_format=Answer
    )
    assert parsed.choices[0].message.parsed == Answer(queue="parcel")
    other = {"type": "object", "properties": {"queue": {"enum": ["red"]}}, "required": ["queue"]}
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": other}}
    found = encoder.client().chat.completions.create(
        model="small-tickets", messages=asked(), response_format=form
    )
    assert found.choices[0].message.content is None
    assert "parcel" in found.choices[0].message.refusal


def test_what_has_no_effect_is_said(encoder: Server) -> None:
    messages = [{"role": "system", "content": "Be brief."}, *asked()]
    found = encoder.client().chat.completions.create(
        model="small-tickets", messages=messages, temperature=1, n=2
    )
    assert [choice.message.content for choice in found.choices] == ["parcel", "parcel"]
    notes = " ".join(found.model_extra["whet"]["notes"])
    assert "system message" in notes
    assert "temperature" in notes


def test_models_embeddings_completions_and_predictions(encoder: Server) -> None:
    client = encoder.client()
    assert [one.id for one in client.models.list()] == ["small-tickets"]
    assert client.models.retrieve("small-tickets").id == "small-tickets"
    vectors = client.embeddings.create(model="small-tickets", input=[TEXT, "a refund"]).data
    assert [len(one.embedding) for one in vectors] == [384, 384]
    assert sum(value**2 for value in vectors[0].embedding) == pytest.approx(1, abs=1e-5)
    assert client.completions.create(model="small-tickets", prompt=TEXT).choices[0].text == "parcel"
    found = client.post("/predict", cast_to=object, body={"input": [TEXT, "i want my refund"]})
    assert [row["output"] for row in found["data"]] == ["parcel", "refund"]
    assert {one["label"] for one in found["data"][0]["labels"]} == LABELS
    assert found["release"] == "trial:small-tickets"


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        ({"model": "other"}, 404, "model_not_found"),
        ({"messages": []}, 400, None),
        ({"n": 99}, 400, None),
        ({"frequency_penalty": 1.0}, 400, "unsupported_parameter"),
        ({"extra_body": {"logit": 1}}, 400, "unknown_parameter"),
        ({"tools": [{"type": "function", "function": {"name": "x"}}]}, 400, "unsupported_parameter"),
        ({"messages": [{"role": "user", "content": " "}]}, 400, "invalid_value"),
    ],
)
def test_errors_have_the_shape_that_the_client_knows(
    encoder: Server, more: dict[str, object], status: int, code: str | None
) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        encoder.client().chat.completions.create(**{"model": "small-tickets", "messages": asked(), **more})
    assert caught.value.status_code == status
    assert caught.value.body["message"]  # type: ignore[index]
    assert code is None or caught.value.code == code


def printed(said: str) -> tuple[str, str]:
    """The two lines at the end of what ``whet demo`` prints: serve it, call it."""
    *_, serve, _, curl = said.rstrip().splitlines()
    return serve.removeprefix("serve it: "), curl


def test_the_two_lines_of_the_demo_work(
    run: Path, encoder: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    """As they are printed, for a smaller run, with a free port in place of their own."""
    from whet.cli.show import show_serving

    verdict = json.loads((run / "06-verdict.json").read_text())
    show_serving(Outcome(run, verdict, (), 0.0), TEXT)
    serve, curl = printed(capsys.readouterr().out)
    assert shlex.split(serve)[-3:] == ["serve", str(run), "--trial"]
    done = shell(curl.replace(":8080", f":{encoder.port}"))
    assert json.loads(done)["choices"][0]["message"]["content"] == "parcel"


@pytest.mark.parametrize(
    ("called", "found", "said"),
    [
        (".venv/bin/whet", None, ".venv/bin/whet"),
        (".venv/bin/whet", "/usr/bin/whet", "whet"),
        ("/x/whet/__main__.py", None, f"{shlex.quote(sys.executable)} -m whet"),
    ],
)
def test_what_is_printed_is_called_as_a_shell_here_finds_it(
    called: str, found: str | None, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from whet.cli import show

    monkeypatch.setattr("sys.argv", [called])
    monkeypatch.setattr("shutil.which", lambda name: found)
    assert show.program() == said


def shell(line: str) -> str:
    return subprocess.run(line, shell=True, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.mark.long
def test_whet_demo_ends_with_two_lines_that_work(tmp_path: Path) -> None:
    """The demo itself, and its lines letter by letter, in a shell that finds ``whet``."""
    with socket.socket() as free:
        if free.connect_ex(("127.0.0.1", PORT)) == 0:
            pytest.skip(f"port {PORT} is taken")
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    env["PYTHONPATH"] = str(ROOT / "src")
    command = ["whet", "demo", "--out", str(tmp_path / "demo run")]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True, timeout=1800)
    serve, curl = printed(done.stdout)
    with subprocess.Popen(["bash", "-c", f"exec {serve}"], env=env, stdout=subprocess.PIPE) as server:
        try:
            assert server.stdout is not None
            assert b"serving" in server.stdout.readline()
            found = json.loads(shell(curl))
            assert found["choices"][0]["message"]["content"]
            assert found["whet"]["trial"] is True
        finally:
            server.terminate()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tuned(tmp_path_factory.mktemp("tuned"), "lora")


@pytest.fixture(scope="module")
def decoder(trained: Path) -> Iterator[Server]:
    with serving(trained, "--trial") as server:
        yield server


@pytest.mark.data
def test_a_trained_decoder_chats_streams_and_tells_its_tokens(decoder: Server) -> None:
    client, messages = decoder.client(), asked("the girl saw 3 cats")
    whole = client.chat.completions.create(
        model="names", messages=messages, max_tokens=24, logprobs=True, top_logprobs=2
    )
    text = whole.choices[0].message.content
    assert text.startswith("Tom and Tim")
    tokens = whole.choices[0].logprobs.content
    assert "".join(token.token for token in tokens).strip() == text.strip()
    assert all(token.top_logprobs[0].logprob >= token.logprob - 1e-6 for token in tokens)
    chunks = list(
        client.chat.completions.create(model="names", messages=messages, max_tokens=24, stream=True)
    )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == text
    assert len(chunks) > 3


@pytest.mark.data
def test_a_trained_decoder_keeps_to_seeds_stops_and_lengths(decoder: Server) -> None:
    client, messages = decoder.client(), asked("the girl saw 3 cats")
    more = {"model": "names", "messages": messages, "max_tokens": 40}
    again = [client.chat.completions.create(**more, temperature=1.5, seed=5, n=2).choices for _ in range(2)]
    texts = [[choice.message.content for choice in choices] for choices in again]
    assert texts[0] == texts[1]
    assert texts[0][0] != texts[0][1]
    stopped = client.chat.completions.create(**more, stop=["and"]).choices[0]
    assert stopped.message.content == "Tom "
    short = client.chat.completions.create(**{**more, "max_tokens": 2}).choices[0]
    assert short.finish_reason == "length"


@pytest.mark.data
def test_another_engine_writes_behind_the_same_front(trained: Path) -> None:
    with stubbed(3) as engine:
        behind = ("--engine", f"{engine.address}/v1", "--engine-model", "stub")
        with serving(trained, "--trial", *behind) as server:
            client, more = server.client(), {"model": "names", "messages": asked("hello"), "logprobs": True}
            found = client.chat.completions.create(**more)
            assert len(found.choices[0].message.content.split()) == 3
            assert [token.logprob for token in found.choices[0].logprobs.content] == [-0.5] * 3
            assert found.model_extra["whet"]["confidence"] == pytest.approx(math.exp(-1.5))
            assert found.model_extra["whet"]["trial"] is True
            chunks = list(client.chat.completions.create(**more, stream=True))
            assert sum(bool(chunk.choices[0].delta.content) for chunk in chunks) == 3
            engine.end()
            with pytest.raises(openai.InternalServerError) as caught:
                client.chat.completions.create(**more)
            assert (caught.value.status_code, caught.value.code) == (502, "upstream")
