"""Wrong input gives one clear message, exit 2 and nothing written; a failing disk gives exit 3."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Whet, tickets
from whet.cli.commands import ENTRIES as COMMANDS
from whet.cli.commands import built

GOOD = [f'"{text}",{label}' for text, label in tickets(20)]


def write(path: Path, lines: list[str], header: str = "text,label", encoding: str = "utf-8") -> None:
    path.write_bytes(("\n".join([header, *lines]) + "\n").encode(encoding))


def missing(path: Path) -> None:
    pass


def empty(path: Path) -> None:
    path.write_bytes(b"")


def header_only(path: Path) -> None:
    write(path, [])


def one_label(path: Path) -> None:
    write(path, [f"hello number {i} of the day,parcel" for i in range(30)])


def lonely_label(path: Path) -> None:
    write(path, [*GOOD, "an odd one out,strange"])


def duplicate_ids(path: Path) -> None:
    lines = [f"{i},{line}" for i, line in enumerate(GOOD)]
    write(path, [*lines, f"3,{GOOD[0]}"], header="id,text,label")


def latin1(path: Path) -> None:
    write(path, [*GOOD, '"où est mon colis, désolé",parcel'], encoding="iso-8859-1")


def utf16(path: Path) -> None:
    write(path, GOOD, encoding="utf-16")


def long_line(path: Path) -> None:
    write(path, [*GOOD, f"{'x' * 50_000_000},parcel"])


def broken_json(path: Path) -> None:
    path.write_text('{"text": "a", "label": "b"}\n{"text": "a", "label"\n', encoding="utf-8")


def no_text(path: Path) -> None:
    write(path, [f"{i},{label}" for i, label in enumerate(["a", "b"] * 20)], header="number,label")


FILES: list[tuple[Callable[[Path], None], str]] = [
    (missing, "no such file"),
    (empty, "empty"),
    (header_only, "no row"),
    (one_label, "tickets.csv: label: there is one label only: 'parcel'"),
    (lonely_label, "'strange' has one example"),
    (duplicate_ids, "'3' is already at"),
    (latin1, "iconv -f ISO-8859-1 -t UTF-8"),
    (utf16, "iconv -f UTF-16 -t UTF-8"),
    (long_line, "50,000,007 bytes"),
    (broken_json, "tickets.csv"),
    (no_text, "--input COLUMN"),
]


@pytest.mark.parametrize(("make", "message"), FILES, ids=[make.__name__ for make, _ in FILES])
def test_a_wrong_file(make: Callable[[Path], None], message: str, tmp_path: Path, whet: Whet) -> None:
    path = tmp_path / "tickets.csv"
    make(path)
    refused(whet("run", path, "--out", tmp_path / "out"), message, tmp_path / "out")


def refused(done: subprocess.CompletedProcess[str], message: str, out: Path) -> None:
    """One message on standard error, exit 2, no folder."""
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert done.stderr.count("error:") == 1
    assert "Traceback" not in done.stderr
    assert not out.exists()


TASK = """task: tickets
examples: tickets.csv
fields: {input: text, output: label}
"""

TASKS = [
    ("unknown key", TASK + "lables: [a, b]\n", "task.yaml:4: lables: unknown key. Did you mean 'labels'?"),
    (
        "nested key",
        TASK + "split:\n  tset: 0.2\n",
        "task.yaml:5: split.tset: unknown key. Did you mean 'test'?",
    ),
    ("no column", TASK.replace("input: text", "input: txt"), "no column 'txt'"),
    ("label not listed", TASK + "labels: [login, parcel]\n", "'refund' is not in the task's labels"),
    ("one label listed", TASK + "labels: [login]\n", "one label only"),
    ("unknown rung", TASK + "rungs: [floor, haed]\n", "Did you mean 'head'?"),
    (
        "unknown metric",
        TASK + "metric: acuracy\n",
        "task.yaml:4: metric: must be a metric's name or a cost matrix. Did you mean 'accuracy'?",
    ),
    ("unknown model folder", TASK + "models: [./no-such-folder]\n", "no such model folder"),
    ("hub model without a network", TASK + "models: [some-org/some-encoder]\n", "cannot be reached"),
    ("model name", TASK + "models: ['what is this?']\n", "neither a model folder nor"),
    ("existing without a source", TASK + "rungs: [existing, floor]\n", "existing: {command"),
    ("bad yaml", TASK + "split: [1, 2\n", "not valid YAML"),
    ("no such test file", TASK + "split: {test: test.csv}\n", "no such file"),
    ("bad time", TASK.replace("}\n", "}\nsplit: {time: text}\n"), "is not an ISO date"),
    ("no program", TASK + "existing: {command: [./no-such-program]}\n", "no program './no-such-program'"),
    ("no predictions", TASK + "existing: {predictions: today.csv}\n", "no such file"),
    (
        "margin in percent",
        TASK + "margin: 3\n",
        "task.yaml:4: margin: must be a share, at most 1: 3 percent is 0.03",
    ),
    ("share", TASK + "split: {test: 1.5}\n", "below 0.9"),
    ("kind", TASK + "kind: translate\n", "kind"),
    ("labels where JSON is due", TASK + "kind: extract\n", "row(s) cannot be used"),
]


@pytest.mark.parametrize(("text", "message"), [c[1:] for c in TASKS], ids=[c[0] for c in TASKS])
def test_a_wrong_task_file(text: str, message: str, tmp_path: Path, whet: Whet) -> None:
    write(tmp_path / "tickets.csv", GOOD)
    (tmp_path / "task.yaml").write_text(text, encoding="utf-8")
    done = whet("run", tmp_path / "task.yaml", "--out", tmp_path / "out")
    refused(done, message, tmp_path / "out")


def test_bom_and_crlf_are_accepted(tmp_path: Path, whet: Whet) -> None:
    text = "\ufefftext,label\r\n" + "\r\n".join(GOOD) + "\r\n"
    (tmp_path / "tickets.csv").write_bytes(text.encode("utf-8"))
    done = whet("init", tmp_path / "tickets.csv")
    assert done.returncode == 0, done.stderr
    assert "input = text, output = label, 3 labels" in done.stdout


def test_an_error_as_json(tmp_path: Path, whet: Whet) -> None:
    done = whet("run", tmp_path / "none.csv", "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["what"] == "no such file."


def test_a_folder_that_cannot_be_written_is_exit_3(tmp_path: Path, whet: Whet) -> None:
    """/proc takes no folders, whoever asks: a read-only place on every Linux machine."""
    write(tmp_path / "tickets.csv", GOOD)
    done = whet("run", tmp_path / "tickets.csv", "--out", "/proc/whet-cannot-write-here")
    assert done.returncode == 3, done.stderr
    assert "cannot write" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_full_disk_is_exit_3_and_leaves_nothing_half_written(tmp_path: Path, whet: Whet) -> None:
    """A file-size limit stands in for the full disk: the first artifact does not fit."""
    write(tmp_path / "tickets.csv", GOOD)
    out = tmp_path / "out"
    code = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))\n"
        "from whet.cli.main import main\n"
        f"main(['run', {str(tmp_path / 'tickets.csv')!r}, '--out', {str(out)!r}])\n"
    )
    import sys

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 3, done.stderr
    assert "cannot write" in done.stderr
    for path in out.rglob("*.json*"):
        for line in path.read_text(encoding="utf-8").splitlines() if path.suffix == ".jsonl" else []:
            json.loads(line)
    assert not list(out.rglob(".*.tmp"))
    assert not list(out.rglob(".01-*"))


def test_a_run_folder_that_holds_other_things_is_left_alone(tmp_path: Path, whet: Whet) -> None:
    write(tmp_path / "tickets.csv", GOOD)
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("mine", encoding="utf-8")
    done = whet("run", tmp_path / "tickets.csv", "--out", tmp_path / "thesis")
    assert done.returncode == 2
    assert [p.name for p in (tmp_path / "thesis").iterdir()] == ["chapter.txt"]


def test_a_task_file_with_column_options_speaks_up(tmp_path: Path, whet: Whet) -> None:
    (tmp_path / "task.yaml").write_text(TASK, encoding="utf-8")
    done = whet("run", tmp_path / "task.yaml", "--input", "text")
    assert done.returncode == 2
    assert "are for data files" in done.stderr


@pytest.mark.parametrize(
    ("option", "message"),
    [("--output=lable", "Did you mean 'label'?"), ("--input=txt", "Did you mean 'text'?")],
)
def test_a_column_named_wrongly(option: str, message: str, tmp_path: Path, whet: Whet) -> None:
    write(tmp_path / "tickets.csv", GOOD)
    done = whet("run", tmp_path / "tickets.csv", option, "--out", tmp_path / "out")
    refused(done, message, tmp_path / "out")


def test_an_unknown_command_and_option_are_exit_2(whet: Whet) -> None:
    assert whet("rnu").returncode == 2
    assert whet("run", "x.csv", "--frobnicate").returncode == 2


def test_debug_shows_the_traceback(tmp_path: Path, whet: Whet) -> None:
    done = whet("run", tmp_path / "none.csv", "--debug")
    assert "Traceback" in done.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there_and_says_what_it_does(name: str) -> None:
    command = built(name, COMMANDS[name].place)
    assert command.name == name
    assert command.help
    assert any(one.name == "as_json" for one in _params(command)), "every command has --json"


def _params(command: Any) -> list[Any]:
    """Of the command, or of the commands of its group."""
    return [
        *command.params,
        *(one for sub in getattr(command, "commands", {}).values() for one in sub.params),
    ]


def test_a_mistyped_command_is_answered_with_the_nearest(whet: Whet) -> None:
    done = whet("chek")
    assert done.returncode == 2
    assert "Did you mean 'check'" in done.stderr
