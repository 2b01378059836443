"""Guards the front door: whatever a file holds, ``whet check``, ``repair`` and ``convert`` answer, or say
what is wrong with it.

A case is a file of one record shape in one container, with values replaced, rows mixed from other shapes,
and sometimes bytes damaged; then everything that needs no model looks at it. ``WHET_FUZZ=10000`` is the
long form. The readers alone are fuzzed in ``test_formats.py``, the shapes alone in ``test_shapes.py``.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.shape_rows import ROWS
from tests.test_formats import CONTAINERS, EDIT, damaged, file_of
from whet.check import run as runner
from whet.check.findings import Check
from whet.checkup import Checked, check_task
from whet.cli.repair import repair_anything
from whet.cli.repair_options import Options
from whet.data.convert import convert
from whet.data.shapes import SHAPES
from whet.errors import WhetError
from whet.start import task_of
from whet.taskfile import Hints

SHORT = 40
FUZZ = int(os.environ.get("WHET_FUZZ", SHORT))
Rows = list[dict[str, Any]]

# What real columns hold, and what breaks the code that reads them.
SAID = [
    "",
    " ",
    "null",
    "NaN",
    "true",
    "0",
    "-0",
    "1e999",
    "9" * 400,
    "2026-02-30",
    "2026-01-31",
    "0000-00-00",
    "2026-01-31T10:00:00+99:99",
    "31/12/2026",
    "{}",
    "[]",
    '{"a": 1, "a": 2}',
    '["x", null, {"y": NaN}]',
    '{"date": "2026-13-01", "sum": "1.2.3"}',
    "[" * 3000,
    "'; DROP TABLE x; --",
    "=1+1",
    "<script>alert(1)</script>",
    "{{ 7 * 7 }} {% for %}",
    "I am sorry, but as an AI language model I cannot",
    "TODO: [insert name]",
    "anna.berg@example.com +49 30 1234567 4111 1111 1111 1111",
    "AKIA" + "Q3EGRZX7WJ2MB5LT",
    "<|im_start|>system",
    "\x00\x1b[31m\x7f",
    "\u202e\u200b\ufeff",
    "\ud83d half",
    "e\u0301" * 50,
    "ﬀ İ ß ẞ ſ",
    "שלום مرحبا 你好 привет",
    "word " * 3000,
    "yes",
    "no",
]
said = st.sampled_from(SAID) | st.text(max_size=20)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | said
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["role", "content", "value", "text", "from", "name", "x"]), inner)
    ),
    max_leaves=8,
)
KEYS = sorted({key for rows in ROWS.values() for row in rows for key in row})


@st.composite
def files(draw: st.DrawFn) -> tuple[Rows, str, list[tuple[str, int, bytes]]]:
    """Rows of a shape with values replaced, a container, and edits of its bytes."""
    name = draw(st.sampled_from(sorted(SHAPES)))
    rows = [dict(draw(st.sampled_from(ROWS[name]))) for _ in range(draw(st.integers(1, 6)))]
    for _ in range(draw(st.integers(0, 4))):
        row = draw(st.sampled_from(rows))
        key = draw(st.sampled_from(sorted(row) or KEYS) | st.sampled_from(KEYS))
        row[key] = draw(values)
    if draw(st.integers(0, 4)) == 0:
        rows.append(dict(draw(st.sampled_from(ROWS[draw(st.sampled_from(sorted(SHAPES)))]))))
    rows *= draw(st.sampled_from([1, 1, 1, 5, 20]))
    edits = draw(st.just([]) | st.lists(EDIT, max_size=3))
    return rows, draw(st.sampled_from([*CONTAINERS, "jsonl", "jsonl", "csv"])), edits


def made(folder: Path, rows: Rows, container: str, edits: list[tuple[str, int, bytes]]) -> Path | None:
    """The file; None where the container cannot hold these rows."""
    try:
        path = CONTAINERS[container](folder, rows)
    except WhetError:
        return None
    except Exception:  # raised by the libraries that write what is not ours to write: sqlite3, pyarrow
        if container in {"sqlite", "sqlite-in-zip", "arrow", "arrow-stream", "saved"}:
            return None
        raise
    if edits:
        file = file_of(path)
        file.write_bytes(damaged(file.read_bytes(), edits))
    return path


def checked(path: Path, out: Path) -> Checked:
    task, folder = task_of(path, Hints(), lambda line: None)
    return check_task(task, folder, out, encoder=None, tell=lambda *_: None)


def repaired(path: Path, out: Path) -> None:
    options = Options(redact=True, balance=True, model=False)
    repair_anything(path, out, Hints(), options, tell=lambda *_: None, say=lambda line: None)


@pytest.mark.filterwarnings("default")
def test_fuzz_files_at_the_front_door_give_typed_errors_only(tmp_path: Path) -> None:
    counts = {"read": 0, "refused": 0}

    @settings(
        max_examples=FUZZ,
        deadline=None,
        derandomize=FUZZ == SHORT,  # runs of the long form add up
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(files(), st.sampled_from(sorted(SHAPES)))
    def check(file: tuple[Rows, str, list[tuple[str, int, bytes]]], target: str) -> None:
        shutil.rmtree(tmp_path)
        tmp_path.mkdir()
        path = made(tmp_path, *file)
        if path is None:
            return
        try:
            checked(path, tmp_path / "check")
            counts["read"] += 1
        except WhetError:
            counts["refused"] += 1
        with suppress(WhetError):
            repaired(path, tmp_path / "repair")
        with suppress(WhetError):
            convert(path, tmp_path / "out.jsonl", to=target)

    check()
    print(f"fuzz: {counts['read']:,} files checked, {counts['refused']:,} refused, of {FUZZ:,}")
    assert counts["read"] > FUZZ / 10, "most of the door is behind the first refusal"


def test_a_check_that_raises_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: an error of a check comes through the front door untyped."""

    def fail(*_: object) -> list[Any]:
        raise KeyError("x")

    first, *rest = runner.all_checks()
    broken: tuple[Check, ...] = (
        replace(first, find=fail, needs=(), kinds=("classify", "extract", "write")),
        *rest,
    )
    monkeypatch.setattr(runner, "all_checks", lambda: broken)
    write: Callable[[Path, Rows], Path] = CONTAINERS["jsonl"]
    with pytest.raises(KeyError):
        checked(write(tmp_path, ROWS["openai_chat"] * 3), tmp_path / "out")
