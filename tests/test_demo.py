"""The demo's tickets are what the list of planted faults says, can be written again byte for byte, and the
check finds what was planted."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from whet.check.accurate import label_errors
from whet.check.doubtful import doubtful_labels
from whet.check.load import load_subject
from whet.check.subject import Tools
from whet.checkup import Checked, check_task
from whet.data.formats import read_table
from whet.demo.task import demo_task
from whet.models.cache import CachedEncoder
from whet.rungs.vectors import default_encoder

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


@pytest.fixture(scope="module")
def checked() -> Checked:
    """What the check finds in the demo's tickets without a model."""
    task, folder = demo_task()
    return check_task(task, folder, None, encoder=None, tell=lambda *_: None)


def flagged(found: dict[str, Any], *checks: str) -> list[dict[str, Any]]:
    return [row for f in found["findings"] if f["check"].startswith(checks) for row in f["rows"]]


def places() -> dict[str, str]:
    """Ticket to ``file:line``."""
    table = read_table(DEMO / "tickets.csv")
    return {row.values["ticket_id"]: table.where(row) for row in table.rows}


def counted(kind: str, hits: int, all_of_them: int) -> str:
    return f"{kind}: {hits} of {all_of_them}"


@pytest.mark.parametrize(
    ("kind", "checks"),
    [
        ("exact_duplicates", ["consistent.duplicates"]),
        ("near_duplicates", ["consistent.near-duplicates"]),
        ("contradictions", ["consistent.contradiction", "consistent.near-contradiction"]),
    ],
)
def test_every_planted_pair_is_found(checked: Checked, kind: str, checks: list[str]) -> None:
    place = places()
    planted = json.loads((DEMO / "planted.json").read_text(encoding="utf-8"))[kind]
    wanted = {frozenset((place[one], place[other])) for one, other in planted}
    pairs = {
        frozenset((r["source"], o)) for r in flagged(checked.found, *checks) for o in r.get("others", ())
    }
    print(f"\n{counted(kind, len(wanted & pairs), len(wanted))}, {len(pairs):,} pairs named")
    assert wanted <= pairs
    # The control: a check that is looked at for another fault does not name them.
    other = {
        frozenset((r["source"], o))
        for r in flagged(checked.found, "relevant", "private")
        for o in r.get("others", ())
    }
    assert not wanted & other


@pytest.mark.long
def test_every_planted_wrong_label_is_found() -> None:
    """68 of 78 looked wrong when this was written, and the other ten came next in doubt, among as many rows
    again: they hang on a few words, often misspelt, in long tickets (``docs/proofs/demo-faults.jsonl``)."""
    task, folder = demo_task()
    subject, encoder, place = load_subject(task, folder), CachedEncoder(default_encoder()), places()
    tools = Tools(encode=lambda texts: encoder.encode(texts, precise=False).vectors)
    planted = json.loads((DEMO / "planted.json").read_text(encoding="utf-8"))["wrong_labels"]
    truth = {place[wrong["ticket_id"]]: wrong["true"] for wrong in planted}

    def found(outputs: Sequence[str]) -> list[dict[str, str | None]]:
        given = replace(subject, outputs=outputs)
        lists = [next(iter(check(given, tools))).flags for check in (label_errors, doubtful_labels)]
        return [{subject.source(flag.row): flag.proposal for flag in flags} for flags in lists]

    flags, doubted = found(subject.outputs)
    hits, more = truth.keys() & flags.keys(), truth.keys() & doubted.keys()
    right = sum(flags[where] == truth[where] for where in hits)
    print(f"\n{counted('wrong_labels', len(hits), len(truth))}, {right} proposals right, {len(flags)} flags")
    print(f"{counted('and next in doubt', len(more), len(truth.keys() - hits))}, {len(doubted)} rows")
    assert len(truth) == 78
    assert len(hits) >= 0.8 * len(truth)
    assert right >= 0.9 * len(hits)
    assert len(flags) == len(doubted) <= 0.06 * len(subject)
    assert hits | more == truth.keys()
    # The control: the same tickets in their right queues are left alone.
    mended = [truth.get(subject.source(row), given) for row, given in enumerate(subject.outputs)]
    assert len(truth.keys() & found(mended)[0].keys()) <= 0.1 * len(truth)


STRUCTURED = {"email", "phone", "iban", "card", "ip", "api_key"}


def test_every_planted_value_with_a_form_is_found_and_none_is_shown(checked: Checked) -> None:
    """Names and postal addresses have none: the names adapter looks for them, see ``test_private.py``."""
    place, text = places(), json.dumps(checked.found, ensure_ascii=False)
    planted = json.loads((DEMO / "planted.json").read_text(encoding="utf-8"))["personal_data"]
    rows = {row["source"] for row in flagged(checked.found, "private.")}
    by_type: dict[str, list[bool]] = {}
    for item in planted:
        if item["type"] in STRUCTURED:
            by_type.setdefault(item["type"], []).append(place[item["ticket_id"]] in rows)
            assert item["value"] not in text, "a value stands in the report in full"
    print("\n" + ", ".join(counted(kind, sum(found), len(found)) for kind, found in by_type.items()))
    assert set(by_type) == STRUCTURED
    assert all(all(found) for found in by_type.values())
