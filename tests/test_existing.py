"""``existing`` in its three forms: a command, an endpoint, a file of predictions; one label or several."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from whet.cli.main import main
from whet.data.outputs import canonical
from whet.errors import InputError, WorldError
from whet.records import Example, FitInfo
from whet.rungs.base import Setting, load_specialist, reaches
from whet.rungs.existing import UNKNOWN, Existing, Today, at_hand

ECHO = (
    "import sys, json\nfor l in sys.stdin:\n"
    " r = json.loads(l); print(json.dumps({'id': r['id'], 'output': 'b;a'}))"
)
DEV = [Example("1", "where is it?", ("a", "b"), "d.csv:2"), Example("2", "never heard of", ("a",), "d.csv:3")]


class Answering(BaseHTTPRequestHandler):
    """POST {"inputs"} -> {"outputs"}, each a list of two labels."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = json.dumps({"outputs": [["b", "a"] for _ in asked["inputs"]]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        """Nothing on the terminal."""


@pytest.fixture
def address() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Answering)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/route"
    server.shutdown()
    server.server_close()


def fitted(folder: Path, **existing: Any) -> Today:
    setting = Setting(existing=existing, multi_label=True, label_separator=";", folder=folder)
    at_hand(existing, folder)
    return Existing(setting).fit([], DEV)


def test_a_command_a_file_and_an_endpoint_answer_alike(tmp_path: Path, address: str) -> None:
    (tmp_path / "today.csv").write_text("input,output\nWhere is it,b;a\n", encoding="utf-8")
    forms: list[dict[str, Any]] = [
        {"command": [sys.executable, "-c", ECHO]},
        {"predictions": "today.csv"},
        {"url": address},
    ]
    for number, form in enumerate(forms):
        today = fitted(tmp_path, **form)
        assert today.predict(["where is it?"])[0].output == ("a", "b")
        today.save(tmp_path / str(number))
        again = load_specialist(tmp_path / str(number), outside=True)
        assert again.predict(["where is it?"])[0].output == ("a", "b")


def ended(arguments: list[str]) -> int:
    """The exit code of a command."""
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    return int(exit_.value.code or 0)


def test_a_folder_from_somebody_runs_nothing_unless_allowed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = tmp_path / "ran"
    touch = f"{ECHO}; open({str(ran)!r}, 'w')"
    fitted(tmp_path, command=[sys.executable, "-c", ECHO]).save(tmp_path / "it")
    card = tmp_path / "it" / "specialist.json"
    text = card.read_text(encoding="utf-8").replace(json.dumps(ECHO), json.dumps(touch))
    card.write_text(text, encoding="utf-8")
    asked = ["try", str(tmp_path / "it"), "where is it?"]
    assert ended(asked) == 2
    told = capsys.readouterr().err
    assert "runs the command" in told
    assert "--allow-outside" in told
    assert not ran.exists()
    assert ended([*asked, "--allow-outside"]) == 0  # the control: it would
    assert ran.exists()


def test_what_reaches_outside_is_seen_wherever_it_stands() -> None:
    served = {"endpoint": "https://models.example/v1", "model": "m", "api_key_env": "KEY"}
    assert "https://models.example/v1, with the key in KEY" in reaches(
        {"frame": [{"writer": {"endpoint": served}}]}
    )
    assert "https://a.example" in reaches({"source": {"url": "https://a.example/x"}})
    assert not reaches({"source": {"url": "http://127.0.0.1:8000/v1"}, "choices": {"k": 3}})
    assert "evil" in reaches({"source": {"url": "http://127.0.0.1:80@evil.example/"}})


def test_an_input_without_an_answer_is_wrong_and_counted(tmp_path: Path) -> None:
    (tmp_path / "today.csv").write_text("input,output\nWhere is it,b;a\n", encoding="utf-8")
    today = fitted(tmp_path, predictions="today.csv")
    assert today.predict(["never heard of"])[0].output == (UNKNOWN,)
    assert today.info.notes == ["1 of 2 dev inputs have no answer"]
    assert today.info.dev_score == pytest.approx(0.5)


def test_an_endpoint_that_is_down_is_the_worlds_fault(tmp_path: Path) -> None:
    with pytest.raises(WorldError, match="does not answer"):
        fitted(tmp_path, url="http://127.0.0.1:9/route")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"command": ["./nothing-here"]}, "no program './nothing-here'"),
        ({"url": "ftp://example.org"}, "is not an http"),
        ({"predictions": "today.csv"}, "there is no column 'output'"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_any_work(
    source: dict[str, Any], message: str, tmp_path: Path
) -> None:
    (tmp_path / "today.csv").write_text("input,answer\na,b\n", encoding="utf-8")
    with pytest.raises(InputError, match=message):
        at_hand(source, tmp_path)


@pytest.mark.parametrize(
    "output", [{"b": 1, "a": [2]}, '{"b":1,"a":[2]}', '```json\n{"b": 1, "a": [2]}\n```']
)
def test_found_values_come_as_json_or_as_its_text(output: object, tmp_path: Path) -> None:
    known = Today({}, tmp_path, False, FitInfo(), kind="extract")
    assert known._typed(output) == canonical({"a": [2], "b": 1})
    assert known._typed(UNKNOWN) == UNKNOWN
    assert Today({}, tmp_path, False, FitInfo())._typed(True) == "true", "as a label in a file is read"
