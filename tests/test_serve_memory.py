"""What is loaded to be served is out of the collector's way, and gone when nobody needs it."""

from __future__ import annotations

import gc
import shutil
import weakref
from pathlib import Path

import pytest

from whet.models.decoder import find_decoder, load_tokenizer
from whet.models.layout import layout_of
from whet.serve import answers
from whet.serve.answers import Engines
from whet.serve.decoders import Decoding
from whet.store import write_json


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """What a full training of the reader would leave: its own weights."""
    source = find_decoder("reader")
    shutil.copytree(source.folder, tmp_path / "weights")
    base = {"name": "reader", "sha256": source.sha256, "licence": source.licence}
    card = {"format": 1, "task": "t", "instruction": "", "base": base, "adapter": None, "ends": [2]}
    card |= {"template": layout_of(load_tokenizer(source)).digest, "plan": {}, "curve": []}
    write_json(tmp_path / "card.json", card)
    return tmp_path


def test_a_model_is_frozen_while_it_serves_and_freed_after_it(trained: Path) -> None:
    gc.unfreeze()
    engines = Engines()
    answering = engines.answering(trained)
    assert isinstance(answering, Decoding)
    assert gc.get_freeze_count() > 10_000
    model = weakref.ref(next(iter(engines._models.values())).writer.model.model.layers[0].mlp.up_proj)
    answering.close()
    del answering
    answers._settle()
    assert model() is None
    gc.unfreeze()


def test_what_stays_frozen_is_not_freed(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: a model holds itself by its layers, and only the collector can free it."""
    engines = Engines()
    answering = engines.answering(trained)
    model = weakref.ref(next(iter(engines._models.values())).writer.model.model.layers[0].mlp.up_proj)
    monkeypatch.setattr(answers, "_settle", lambda: gc.collect())
    answering.close()
    del answering
    gc.collect()
    assert model() is not None
    gc.unfreeze()
    gc.collect()
    assert model() is None
