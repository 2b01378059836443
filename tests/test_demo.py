"""The demo's tickets are what the list of planted faults says, and can be written again byte for byte."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "src" / "whet" / "demo"


def rows() -> dict[str, dict[str, str]]:
    with (DEMO / "tickets.csv").open(encoding="utf-8", newline="") as stream:
        return {row["ticket_id"]: row for row in csv.DictReader(stream)}


def test_there_are_enough_tickets_of_twelve_queues() -> None:
    found = rows()
    assert len(found) >= 2_000
    assert len({row["queue"] for row in found.values()}) == 12
    assert len({row["language"] for row in found.values()}) >= 4


def test_what_was_planted_is_there() -> None:
    found, planted = rows(), json.loads((DEMO / "planted.json").read_text(encoding="utf-8"))
    assert planted["exact_duplicates"]
    for first, second in planted["exact_duplicates"]:
        assert found[first]["text"] == found[second]["text"]
    for first, second in planted["contradictions"]:
        assert found[first]["queue"] != found[second]["queue"]
    for wrong in planted["wrong_labels"]:
        assert found[wrong["ticket_id"]]["queue"] == wrong["given"] != wrong["true"]
    for item in planted["personal_data"]:
        assert item["value"] in found[item["ticket_id"]]["text"]


def test_the_generator_writes_the_same_bytes_again(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "tools", tmp_path / "tools")
    (tmp_path / "src" / "whet" / "demo").mkdir(parents=True)
    subprocess.run([sys.executable, str(tmp_path / "tools" / "make_tickets.py")], check=True, timeout=120)
    for name in ("tickets.csv", "planted.json"):
        again = (tmp_path / "src" / "whet" / "demo" / name).read_bytes()
        assert again == (DEMO / name).read_bytes()
