"""The model card: valid for the hub, every figure traced and worked out anew, nothing claimed beyond them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import DatasetCard, ModelCard, RepoCard

from tests.conftest import Whet
from tests.releases import APPROVER, TRAINER, approved, copy_of, small_run
from whet.errors import Refused
from whet.release.card import card, of_release, of_run
from whet.release.card_page import data_sheet, page
from whet.release.figures import disagrees, recomputed, untrue
from whet.release.frameworks import ACT, FIELDS, ISO, NIST, lines
from whet.release.registry import Registry
from whet.store import file_digest, read_json, read_jsonl, write_json, write_jsonl

ABOUT = """
provider: The desk's owner, desk at example dot org
intended_use: Sorting tickets into three queues.
licence: apache-2.0
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_run(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="module")
def told(run: Path) -> dict[str, Any]:
    return card(of_run(run))


def metadata(found: RepoCard) -> dict[str, Any]:
    return dict(found.data.to_dict())  # type: ignore[no-untyped-call]


def touched_up(run: Path) -> Path:
    """Somebody wrote a better figure into the verdict."""
    verdict = read_json(run / "06-verdict.json")
    for rung in verdict["rungs"]:
        rung["value"] = 0.999
    write_json(run / "06-verdict.json", verdict)
    return run


def in_manifest(run: Path, name: str) -> None:
    """And made the manifest fit."""
    manifest = read_json(run / "manifest.json")
    for step in manifest["steps"].values():
        if name in step["files"]:
            step["files"][name] = file_digest(run / name)
    write_json(run / "manifest.json", manifest)


def test_the_hub_reads_its_metadata(told: dict[str, Any]) -> None:
    found = ModelCard(page(told))
    data = metadata(found)
    assert data["base_model"] == "sentence-transformers/all-MiniLM-L6-v2"
    assert data["pipeline_tag"] == "text-classification"
    assert data["license"] == "unknown"
    result = data["model-index"][0]["results"][0]
    value = next(f["value"] for f in told["figures"] if f["at"].endswith("/value"))
    assert result["metrics"][0] == {"type": "accuracy", "value": value, "name": "accuracy"}
    assert found.content == str(found)
    sheet = DatasetCard(data_sheet(told))
    assert metadata(sheet)["task_categories"] == ["text-classification"]


def test_every_figure_stands_where_it_says_and_is_what_the_answers_give(
    told: dict[str, Any], run: Path
) -> None:
    assert len(told["figures"]) >= 10
    assert untrue(told["figures"], run) == []
    anew = recomputed(run, told["rung"])
    assert anew is not None
    shown = {f["at"].rpartition("/")[2]: f["value"] for f in told["figures"]}
    assert (anew.value, anew.low, anew.high, anew.n) == pytest.approx(
        (shown["value"], shown["low"], shown["high"], shown["n"])
    )


def test_a_figure_that_was_touched_up_is_found(told: dict[str, Any], run: Path, tmp_path: Path) -> None:
    """The control, in the card, in the verdict, and in both with the answers left as they were."""
    figures = [dict(f) for f in told["figures"]]
    figures[0]["value"] = 0.999
    assert untrue(figures, run) != []
    run = touched_up(copy_of(run, tmp_path / "run"))
    assert untrue(told["figures"], run) != []
    with pytest.raises(Refused, match=r"not what was measured: 06-verdict\.json"):
        of_run(run)
    in_manifest(run, "06-verdict.json")
    assert untrue(card(of_run(run))["figures"], run) == []
    assert "answers give" in disagrees(run, told["rung"])


def test_answers_that_were_touched_up_disagree_with_the_verdict(
    told: dict[str, Any], run: Path, tmp_path: Path
) -> None:
    run = copy_of(run, tmp_path / "run")
    rows = read_jsonl(run / "05-scores.jsonl")
    for row in rows[1:]:
        row["rungs"][told["rung"]]["output"] = "no label"
    write_jsonl(run / "05-scores.jsonl", rows)
    in_manifest(run, "05-scores.jsonl")
    assert disagrees(run, told["rung"])


def test_fields_of_frameworks_are_complete_and_say_when_nothing_is_there(told: dict[str, Any]) -> None:
    numbers = {name: [field[0] for field in fields] for name, fields in FIELDS.items()}
    assert set(numbers) == {ACT, NIST, ISO}
    assert {number[0] for number in numbers[ACT]} == set("123456789")
    said = {(line.framework, line.field): line.said for line in lines(told)}
    assert len(said) == sum(map(len, numbers.values()))  # no field twice
    assert said[(ACT, "2(d)")] == "data"
    for missing in ("1(f)", "5", "8", "9"):
        assert said[(ACT, missing)] == "not provided"
    assert said[(NIST, "MEASURE 2.11")] == "not provided"  # no evidence of slices was taken
    assert page(told).count("| not provided |") == sum(s == "not provided" for s in said.values())


def test_what_is_not_shown_speaks_to_no_field(told: dict[str, Any], run: Path, tmp_path: Path) -> None:
    run = copy_of(run, tmp_path / "run")
    figure = {"name": "worst_gap", "value": 0.1, "low": 0.0, "high": 0.2, "n": 30, "of": "examples"}
    shown = {"name": "slices", "standing": "shown", "said": "No gap.", "why": "", "figures": [figure]}
    missing = {"name": "safety", "standing": "not shown", "said": "", "why": "no model writes", "figures": []}
    write_json(run / "08-evidence.json", {"measures": [shown, missing]})
    found = card(of_run(run))
    said = {(line.framework, line.field): line.said for line in lines(found)}
    assert said[(NIST, "MEASURE 2.11")] == "measures.slices"
    assert said[(NIST, "MEASURE 2.6")] == "not provided"
    assert untrue(found["measures"]["slices"]["figures"], run) == []
    assert "safety, not shown: no model writes" in page(found)


def test_a_release_has_its_approval_and_its_log(run: Path, tmp_path: Path) -> None:
    run = copy_of(run, tmp_path / "run")
    registry = Registry(tmp_path / "store")
    release = approved(registry, run, "fewshot")
    found = card(of_release(registry, release.id))
    assert found["release"]["approved_by"] == APPROVER
    assert [entry["event"] for entry in found["release"]["log"]] == [
        "release.added",
        "release.approved",
        "release.live",
    ]
    assert set(found["release"]["digests"]) == {"specialist", "base", "data", "evaluation", "policy", "gate"}
    assert untrue(found["figures"], release.evidence) == []
    assert found["data"] == json.loads(json.dumps(card(of_run(run))["data"]))
    text = page(found)
    assert TRAINER in text
    assert metadata(ModelCard(text))["model-index"]


def test_no_row_of_the_data_is_in_a_release_but_through_its_findings(run: Path, tmp_path: Path) -> None:
    registry = Registry(tmp_path / "store")
    release = registry.add(run, trained_by=TRAINER)
    texts = [row["input"] for row in read_jsonl(run / "01-examples.jsonl")]
    for name in ("datasheet.json", "06-verdict.json", "manifest.json"):
        kept = (release.evidence / name).read_text(encoding="utf-8")
        assert not any(text in kept for text in texts), name


def test_the_command(whet: Whet, run: Path, tmp_path: Path) -> None:
    about = tmp_path / "about.yaml"
    about.write_text(ABOUT)
    done = whet("card", run, "--about", about, "--out", tmp_path / "card")
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "card" / "README.md").read_text(encoding="utf-8")
    assert "license: apache-2.0" in text
    assert "Sorting tickets into three queues." in text
    assert (tmp_path / "card" / "DATASHEET.md").is_file()
    assert json.loads((tmp_path / "card" / "card.json").read_text())["rung"] == "fewshot"
    assert whet.json("card", run, "--check") == {"figures": 14, "recomputed": True, "wrong": []}
    about.write_text("provider: x\nlicense: mit\n")
    failed = whet("card", run, "--about", about)
    assert failed.returncode == 2
    assert "about.yaml:2: license: Did you mean 'licence'?" in failed.stderr


def test_a_touched_up_run_fails_the_check(whet: Whet, run: Path, tmp_path: Path) -> None:
    run = touched_up(copy_of(run, tmp_path / "run"))
    in_manifest(run, "06-verdict.json")
    done = whet("card", run, "--check")
    assert done.returncode == 1
    assert "figures are not true" in done.stderr
