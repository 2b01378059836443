"""Several encoders in one task, through the front door: dev chooses, and the page says what each one is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.conftest import Whet
from whet.config import DEFAULT_ENCODER
from whet.models.source import find_encoder

TASK = """task: tickets
examples: {file}
fields: {{input: text, output: label}}
models: [./tiny, {default}]
rungs: [floor, head]
check: {{skip: [private.names]}}
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """An encoder that knows nothing yet: one layer of 32, random, with the default's tokenizer."""
    import torch
    from transformers import BertConfig, BertModel

    folder = tmp_path / "tiny"
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=30522,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=128,
    )
    BertModel(config).save_pretrained(folder)
    for path in find_encoder(DEFAULT_ENCODER).folder.glob("*token*.json"):
        shutil.copyfile(path, folder / path.name)
    shutil.copyfile(find_encoder(DEFAULT_ENCODER).folder / "vocab.txt", folder / "vocab.txt")
    (folder / "README.md").write_text("---\nlicense: cc0-1.0\n---\n", encoding="utf-8")
    return folder


def test_dev_chooses_among_encoders_and_the_page_names_them(
    tiny: Path, ticket_file: Path, whet: Whet, tmp_path: Path
) -> None:
    task = tmp_path / "t.yaml"
    task.write_text(TASK.format(file=ticket_file, default=DEFAULT_ENCODER), encoding="utf-8")
    done = whet("run", task, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    card = json.loads((tmp_path / "run/04-rungs/head/specialist.json").read_text("utf-8"))
    assert card["info"]["choices"]["encoder"] == DEFAULT_ENCODER
    assert {row["encoder"] for row in card["info"]["tried"]} == {str(tiny), DEFAULT_ENCODER}
    page = (tmp_path / "run/07-report.html").read_text("utf-8")
    for said in (tiny.name, "cc0-1.0", "128", DEFAULT_ENCODER, "apache-2.0", "256"):
        assert said in page
