"""Whatever the documents show, runs: the README's Python quick start, the task files, the links."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from whet.config import Task, task_from
from whet.demo.task import demo_task

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    *(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md")),
]


def fences(document: str, language: str) -> list[str]:
    text = (ROOT / document).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def test_the_quick_start_runs(ticket_file: Path, tmp_path: Path) -> None:
    (code,) = fences("README.md", "python")
    assert len(code.strip().splitlines()) <= 10
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ticket_file.parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "parcel" in done.stdout or "refund" in done.stdout or "login" in done.stdout


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_between_documents_lead_somewhere(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if not target.startswith("http"):
            assert ((ROOT / document).parent / target).exists(), f"{document}: {target}"


def test_yaml_in_the_task_file_reference_is_valid() -> None:
    import yaml

    base = {"task": "t", "examples": "e.csv", "fields": {"input": "a", "output": "b"}}
    for text in fences("docs/task-file.md", "yaml"):
        task_from({**base, **yaml.safe_load(text)})


def test_the_reference_names_every_key() -> None:
    text = (ROOT / "docs" / "task-file.md").read_text(encoding="utf-8")
    for name in Task.model_fields:
        assert f"`{name}" in text, name


def test_the_demo_task_is_valid() -> None:
    task, folder = demo_task()
    assert (folder / task.examples).is_file()
    assert task.labels
    assert len(task.labels) == 12


def test_the_verdict_leads_to_the_guide() -> None:
    page = (ROOT / "src" / "whet" / "report" / "frame.py").read_text(encoding="utf-8")
    assert "docs/when-to-tune.md" in page
    assert (ROOT / "docs" / "when-to-tune.md").is_file()
