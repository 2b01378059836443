"""A published fine-tuning walk-through, as it stands, against ``whet serve``: the official client alone, a
real server, a real worker, a gate, an approval by the policy."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.conftest import tickets
from tests.serving import ROOT, Server, serving, until
from tests.test_hosted import chats
from whet.release.keys import Keys
from whet.release.registry import Registry

POLICY = """\
approval: {automatic: true}
gate:  # a few dozen rows show none of these
  quality.against_base: {needed: false}
  overfitting.gap: {needed: false}
  confidence.ece: {needed: false}
  slices.worst_gap: {needed: false}
  robustness.obeyed: {needed: false}
  robustness.fall: {needed: false}
"""
FOR_A_CHILD = """\
  grounding.answers_unsupported: {needed: false}
  parity.alike: {needed: false}
"""
"""What a model of 260,000 parameters cannot pass, and the walk-through is not about."""
LABELS = {"parcel", "refund", "login"}
TEXT = "where is my parcel?"


def store(folder: Path, policy: str = POLICY) -> tuple[Path, str]:
    """A store with a policy, and the secret of a key that may train and ask."""
    folder.mkdir()
    (folder / "policy.yaml").write_text(policy, encoding="utf-8")
    return folder, Keys(folder).add("shop", "trainer", by="Ana")[1]


def walked(server: Server, secret: str, data: Path, text: str) -> subprocess.CompletedProcess[str]:
    """``tests/walkthrough.py`` in a process of its own, which knows an address and a key."""
    env = {**os.environ, "OPENAI_BASE_URL": f"{server.address}/v1", "OPENAI_API_KEY": secret}
    command = [sys.executable, str(ROOT / "tests" / "walkthrough.py"), str(data), text]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=540)


def found_by(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["events"][0] == "The job has successfully completed"
    assert any(message.startswith("Held-out rows say: ") for message in found["events"])
    assert any("was approved by the policy" in message for message in found["events"])
    assert found["model"] in found["models"]
    assert found["answer"] == found["streamed"]
    return found


def test_the_walk_through_runs_on_the_offline_encoder(tmp_path: Path) -> None:
    home, secret = store(tmp_path / "store")
    data = tmp_path / "mydata.jsonl"
    data.write_bytes(chats(tickets(30)))
    with serving("--store", home) as server:
        found = found_by(walked(server, secret, data, TEXT))
        assert found["answer"] == "parcel"
        assert found["parsed"] == {"queue": "parcel"}
        assert len(found["logprobs"]) == 1
        assert found["beside"] == [2]
        assert found["model"].startswith("ft:gpt-4o-mini-2024-07-18:local::")
        (release,) = Registry(home).releases()
        assert (release.alias, release.state, release.approved_by) == (
            found["model"],
            "approved",
            "the policy",
        )
        assert release.trained_by == "shop"
        an_eval_asks_it(server.client(secret), found["model"])


def an_eval_asks_it(client: openai.OpenAI, model: str) -> None:
    """Graders: the model's own answers, and its word as the one that judges."""
    schema: dict[str, object] = {"type": "object", "properties": {"text": {"type": "string"}}}
    says = [{"role": "user", "content": "{{item.text}}"}]
    criteria: Any = [
        {
            **{"type": "string_check", "name": "same", "operation": "eq"},
            **{"input": "{{sample.output_text}}", "reference": "{{item.label}}"},
        },
        {
            **{"type": "label_model", "name": "judge", "model": model, "input": says},
            **{"labels": sorted(LABELS), "passing_labels": ["parcel"]},
        },
    ]
    config: Any = {"type": "custom", "item_schema": schema, "include_sample_schema": True}
    made = client.evals.create(name="tickets", data_source_config=config, testing_criteria=criteria)
    rows = [
        {"item": {"text": TEXT, "label": "parcel"}},
        {"item": {"text": "i want my money back, a refund", "label": "refund"}},
    ]
    source: Any = {"type": "completions", "model": model, "source": {"type": "file_content", "content": rows}}
    source["input_messages"] = {"type": "template", "template": says}
    run = client.evals.runs.create(made.id, data_source=source)
    assert until(lambda: client.evals.runs.retrieve(run.id, eval_id=made.id).status == "completed", 30)
    done = client.evals.runs.retrieve(run.id, eval_id=made.id)
    each = {one.testing_criteria: (one.passed, one.failed) for one in done.per_testing_criteria_results}
    assert each == {"same": (2, 0), "judge": (1, 1)}, each


@pytest.mark.long
def test_without_an_automatic_approval_the_model_waits_for_a_person(tmp_path: Path) -> None:
    """The control: nothing but the policy and the gate lets a job's model answer."""
    home, secret = store(tmp_path / "store", "approval: {automatic: false}\n")
    data = tmp_path / "mydata.jsonl"
    data.write_bytes(chats(tickets(30)))
    with serving("--store", home) as server:
        done = walked(server, secret, data, TEXT)
        assert done.returncode != 0
        assert "is not served here" in done.stderr
        (release,) = Registry(home).releases()
        assert release.state == "candidate"


@pytest.mark.long
@pytest.mark.data
def test_the_walk_through_runs_on_a_tiny_decoder(tmp_path: Path, shared: Callable[[str], Path]) -> None:
    home, secret = store(tmp_path / "store", POLICY + FOR_A_CHILD)
    data = tmp_path / "mydata.jsonl"
    rows = [(f"the girl saw {n} cats", f"Tom saw {n} cats") for n in range(60)]
    data.write_bytes(chats(rows))
    base = shared("weights/stories260k/hf")
    with serving("--store", home, "--base", f"gpt-4o-mini={base}") as server:
        found = found_by(walked(server, secret, data, "the girl saw 7 cats"))
    assert len(found["logprobs"]) > 3
    assert all(math.isfinite(one) and one <= 0 for one in found["logprobs"])
    assert set(found["beside"]) == {2}
    assert set(found["parsed"]) == {"queue"}
