"""What was saved is tried by stock PEFT and transformers; a broken adapter is found, whatever is broken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests import training
from tests.architectures import tiny
from whet.models.decoder import DecoderSource, describe_decoder, load_decoder
from whet.train.adapters import LoraRecipe
from whet.train.after import Check, Trained, checked, seen
from whet.train.causal import prepared
from whet.train.job import CausalJob
from whet.train.step import Settings

RECIPES = {
    "lora": LoraRecipe(4, 8.0),
    "rslora": LoraRecipe(4, 8.0, rslora=True),
    "dora": LoraRecipe(4, 8.0, dora=True),
    "full": None,
}
pytestmark = [
    pytest.mark.filterwarnings(f"error:{what}:UserWarning")  # PEFT asked the hub about the base
    for what in ("Unable to fetch remote file", "Could not find a config file")
]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> DecoderSource:
    folder = tmp_path_factory.mktemp("base")
    tiny("llama").save_pretrained(folder)
    return describe_decoder(folder, str(folder), local=True)


class Tokenizer:
    """A model saved whole takes its tokenizer along; this one has no files."""

    def save_pretrained(self, folder: Path) -> None:
        (folder / "tokenizer_config.json").write_text("{}")


def saved(source: DecoderSource, recipe: LoraRecipe | None, folder: Path, *, moved: float = 0.1) -> Trained:
    """Weights that learned something, here by chance, as training leaves and saves them."""
    ready = prepared(load_decoder(source, "fp32"), recipe, Settings(), seed=1)
    job = CausalJob(ready.model, training.rows(4, 0), ["a"] * 4, training.rows(6, 1), ready.form)
    torch.manual_seed(5)
    with torch.no_grad():
        for tensor in job.live.values():
            tensor += moved * torch.randn_like(tensor)
    job.publish(folder, source.name, Tokenizer())
    return seen(ready.model, job.dev, "fp32", wide=True)


def by_name(checks: list[Check]) -> dict[str, bool]:
    return {check.name: check.ok for check in checks}


@pytest.mark.parametrize("name", RECIPES)
def test_what_is_saved_answers_as_it_was_trained(tmp_path: Path, source: DecoderSource, name: str) -> None:
    recipe = RECIPES[name]
    trained = saved(source, recipe, tmp_path / "weights")
    found = by_name(checked(trained, source, tmp_path / "weights", adapter=recipe is not None))
    assert found == {"loads": True, "changes": True, **({"merges": True} if recipe else {})}


def doubled(folder: Path) -> None:
    path = folder / "adapter_model.safetensors"
    tensors = load_file(path)
    name = next(name for name in tensors if "lora_B" in name)
    tensors[name] *= 2
    save_file(tensors, path)


def without_a_layer(folder: Path) -> None:
    path = folder / "adapter_model.safetensors"
    tensors = load_file(path)
    del tensors[next(name for name in tensors if "lora_B" in name)]
    save_file(tensors, path)


def cut_short(folder: Path) -> None:
    path = folder / "adapter_model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


@pytest.mark.filterwarnings("ignore:Found missing adapter keys")
@pytest.mark.parametrize("spoil", [doubled, without_a_layer, cut_short])
def test_an_adapter_that_was_spoilt_is_found(
    tmp_path: Path, source: DecoderSource, spoil: Callable[[Path], None]
) -> None:
    trained = saved(source, RECIPES["lora"], tmp_path / "weights")
    spoil(tmp_path / "weights")
    checks = checked(trained, source, tmp_path / "weights", adapter=True)
    assert not by_name(checks)["loads"]
    assert "PEFT" in checks[0].said


def test_weights_that_learned_nothing_are_found(tmp_path: Path, source: DecoderSource) -> None:
    for recipe, name in ((RECIPES["lora"], "lora"), (None, "full")):
        trained = saved(source, recipe, tmp_path / name, moved=0.0)
        found = by_name(checked(trained, source, tmp_path / name, adapter=recipe is not None))
        assert found["loads"]
        assert not found["changes"]


def test_a_merge_that_loses_the_adapter_is_found(
    tmp_path: Path, source: DecoderSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    from peft.tuners.lora import Linear

    trained = saved(source, RECIPES["lora"], tmp_path / "weights")
    nothing: Any = lambda self, adapter: torch.zeros_like(self.base_layer.weight)  # noqa: E731
    monkeypatch.setattr(Linear, "get_delta_weight", nothing)
    found = by_name(checked(trained, source, tmp_path / "weights", adapter=True))
    assert found == {"loads": True, "changes": True, "merges": False}


def test_a_failure_to_save_leaves_what_stood_there(tmp_path: Path, source: DecoderSource) -> None:
    saved(source, RECIPES["lora"], tmp_path / "weights")
    before = {path.name: path.read_bytes() for path in (tmp_path / "weights").iterdir()}

    def fail(folder: Path) -> None:
        (folder / "adapter_model.safetensors").write_bytes(b"half")
        raise KeyboardInterrupt

    ready = prepared(load_decoder(source, "fp32"), RECIPES["lora"], Settings(), seed=1)
    job = CausalJob(ready.model, [], [], [], ready.form)
    job.write = fail  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        job.publish(tmp_path / "weights", source.name, None)
    assert {path.name: path.read_bytes() for path in (tmp_path / "weights").iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["weights"]
