"""An encoder trains on the shared loop: it goes on after a kill, ends at what is not finite, and what layers
that do not learn make of the texts is read once."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.conftest import tickets
from whet.errors import InputError
from whet.models.encoder import Windows
from whet.models.source import EncoderSource, describe
from whet.pipeline import run_task
from whet.rungs.tuned import load_weights, save_weights, tuned_encoder
from whet.train import classifier, encoders
from whet.train.classifier import Data, Trained, train_classifier
from whet.train.course import Look
from whet.train.encoders import Recipe
from whet.train.linear import LinearHead
from whet.train.optimizer import Optimizer

LABELS, DIM, LAYERS = 3, 16, 3
FULL = Recipe("full", lr=1e-3, epochs=2.0, batch=8)
LORA = Recipe("lora", lr=1e-2, epochs=2.0, batch=8, rank=4)


class Killed(BaseException):
    """What stands for a kill here: nothing in the code under test may catch it."""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> EncoderSource:
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("bert")
    torch.manual_seed(0)
    words = sorted({word for text, _ in tickets(60) for word in re.findall(r"\w+|[^\w\s]", text.lower())})
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]
    (folder / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    BertTokenizerFast(vocab_file=str(folder / "vocab.txt"), model_max_length=32).save_pretrained(folder)
    shape = {"hidden_size": DIM, "intermediate_size": 32, "num_hidden_layers": LAYERS}
    shape |= {"vocab_size": len(vocabulary), "num_attention_heads": 2, "max_position_embeddings": 32}
    BertModel(BertConfig(**shape)).save_pretrained(folder)
    return EncoderSource("tiny", folder, "0" * 64, "", 0, DIM, 32, "mean", local=True)


def data() -> Data:
    rng = random.Random(0)
    ids = [[rng.randrange(5, 60) for _ in range(rng.randrange(4, 12))] for _ in range(44)]
    table = np.zeros((44, LABELS), dtype=np.float32)
    table[np.arange(44), [text[0] % LABELS for text in ids]] = 1
    return Data(Windows(ids, list(range(44)), 44), table, False, [f"rows.csv:{n + 1}" for n in range(44)])


def trained(source: EncoderSource, recipe: Recipe, **more: object) -> Trained:
    rng = np.random.default_rng(0)
    head = LinearHead(rng.normal(size=(LABELS, DIM)).astype(np.float32), np.zeros(LABELS, np.float32))
    given: dict[str, object] = {"on_eval": judged, "start": Look(2.0, 0.1), **more}
    return train_classifier(source, data(), head, recipe, pad_id=0, seed=0, **given)  # type: ignore[arg-type]


def judged(model: object, head: LinearHead) -> Look:
    """Not what dev would say, but a function of what was learned."""
    return Look(float(np.square(head.weight).mean()), float(head.bias[0]))


def killed(source: EncoderSource, folder: Path, step: int) -> None:
    def kill(done: int, total: int) -> None:
        if done == step:
            raise Killed

    with pytest.raises(Killed):
        trained(source, LORA, folder=folder, on_step=kill)


def equal(one: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.fixture
def every_step_is_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classifier, "SAVE_SECONDS", 1e-9)


@pytest.mark.usefixtures("every_step_is_saved")
@pytest.mark.parametrize("step", [3, 9])
def test_a_killed_training_goes_on_and_ends_in_the_same_bytes(
    source: EncoderSource, tmp_path: Path, step: int
) -> None:
    straight, steps = trained(source, LORA), list[int]()
    killed(source, tmp_path, step)
    later = trained(source, LORA, folder=tmp_path, on_step=lambda done, total: steps.append(done))
    assert steps[0] == step
    assert equal(later.last, straight.last)
    assert later.curve == straight.curve
    assert later.seconds_before > 0


@pytest.mark.usefixtures("every_step_is_saved")
def test_without_the_moments_it_ends_otherwise(
    source: EncoderSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: a resume that forgets what AdamW remembers."""
    killed(source, tmp_path, 5)
    load = Optimizer.load
    monkeypatch.setattr(
        Optimizer, "load", lambda self, state: load(self, {k: v for k, v in state.items() if "|master" in k})
    )
    later = trained(source, LORA, folder=tmp_path)
    assert not equal(later.last, trained(source, LORA).last)


@pytest.mark.usefixtures("every_step_is_saved")
def test_a_killed_run_goes_on_within_its_rung(
    source: EncoderSource, tmp_path: Path, ticket_file: Path
) -> None:
    path = tmp_path / "task.yaml"
    path.write_text(
        f"task: tickets\nexamples: {ticket_file.name}\nfields: {{input: text, output: label}}\n"
        f"models: [{source.folder}]\nrungs: [floor, tune]\n"
        "tune: {methods: [lora], epochs: 4, patience: 0}\n",
        encoding="utf-8",
    )
    told = list[int]()

    def until(last: int) -> Callable[[str, int, int], None]:
        def tell(what: str, done: int, total: int) -> None:
            if what == "tune (lora)" and 0 < done < total:
                told.append(done)
                if done == last:
                    raise Killed

        return tell

    adapters = []
    for name, last in (("straight", 0), ("killed", 5)):
        if last:
            with pytest.raises(Killed):
                run_task(path, tmp_path / name, tell=until(last))
            assert (tmp_path / name / "cache" / "unfinished").is_dir()
            told.clear()
        run_task(path, tmp_path / name, tell=until(0))
        assert told[0] == (last or 1)
        assert not (tmp_path / name / "cache" / "unfinished").exists()
        adapters.append((tmp_path / name / "04-rungs/tune/adapter/adapter_model.safetensors").read_bytes())
    assert adapters[0] == adapters[1]


def test_short_trainings_keep_no_checkpoint(source: EncoderSource, tmp_path: Path) -> None:
    trained(source, LORA, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_finite_ends_it_and_the_texts_are_named(source: EncoderSource) -> None:
    found = trained(source, Recipe("full", lr=1e30, epochs=2.0, batch=8, warmup=0.0))
    assert "rows.csv:" in found.notes[0]
    assert all(bool(tensor.isfinite().all()) for tensor in found.last.values())
    assert trained(source, FULL).notes == []


def test_it_stops_when_dev_no_longer_improves(source: EncoderSource) -> None:
    """The looks get worse from the second on; the start, which was better, does not count."""
    looks = iter([0.8, 0.7, 0.6, 0.5])
    recipe = Recipe("lora", lr=1e-3, epochs=6.0, batch=8, rank=4, patience=2)
    found = trained(source, recipe, start=Look(1.0, 0.9), on_eval=lambda model, head: Look(1.0, next(looks)))
    assert [row["step"] for row in found.curve] == [0, 6, 12, 18]
    assert [row["dev_score"] for row in found.curve] == [0.9, 0.8, 0.7, 0.6]


def test_nobody_looks_where_dev_is_not_asked(source: EncoderSource) -> None:
    blind = trained(source, LORA, on_eval=None)
    assert not blind.curve
    assert equal(blind.last, trained(source, LORA).last)


@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_step_in_several_passes_learns_the_same(
    method: str, source: EncoderSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = Recipe(method, lr=1e-3, epochs=1.0, batch=8, rank=4)
    monkeypatch.setattr(encoders, "native_bf16", lambda: False)  # 16 bits round each pass by itself
    whole = trained(source, recipe)
    monkeypatch.setattr(classifier, "PASS_TOKENS", 24)
    parts = trained(source, recipe)
    for name, value in whole.last.items():
        assert torch.allclose(parts.last[name], value, rtol=1e-4, atol=1e-6), name


@pytest.mark.parametrize("method", ["full", "lora"])
@pytest.mark.parametrize("native", [True, False])
def test_what_is_saved_reads_as_what_was_trained(
    method: str, native: bool, source: EncoderSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where 16 bits are native the base was rounded for the training: the folder must say so."""
    monkeypatch.setattr(encoders, "native_bf16", lambda: native)
    source = describe(source.folder, "tiny", local=True)
    recipe = Recipe(method, lr=1e-2, epochs=1.0, batch=8, rank=4)
    state = trained(source, recipe).last
    card = {"encoder": save_weights(tmp_path, source, recipe, state)}
    texts = [text for text, _ in tickets(12)]
    fitted = tuned_encoder(source, recipe, state).encode(texts).vectors
    base, kept = load_weights(tmp_path, card, recipe)
    loaded = tuned_encoder(base, recipe, kept).encode(texts).vectors
    assert np.array_equal(fitted, loaded)
    other = {name: value * 1.01 for name, value in state.items()}  # the control: another is another
    assert not np.array_equal(fitted, tuned_encoder(source, recipe, other).encode(texts).vectors)


def test_passes_keep_to_their_tokens_and_texts_whole() -> None:
    windows = Windows([[1] * length for length in (5, 5, 9, 4, 4, 30)], [0, 1, 2, 1, 3, 4], 5)
    assert classifier.passes(windows, [0, 1, 2, 3, 4], 100) == [[0, 1, 3, 2, 4]]
    assert classifier.passes(windows, [0, 1, 2, 3, 4, 5], 18) == [[0, 1, 3], [2, 4], [5]]


@pytest.mark.parametrize("method", ["full", "lora"])
def test_kept_states_change_nothing(source: EncoderSource, method: str) -> None:
    recipe = Recipe(method, lr=1e-3, epochs=2.0, batch=8, rank=4, top=1)
    kept, plain = (trained(source, recipe, keep=keep) for keep in (True, False))
    assert kept.notes == []
    assert all("layer.2." in name for name in kept.last)
    for name, value in plain.last.items():
        assert torch.allclose(kept.last[name], value, rtol=1e-4, atol=1e-6), name
    losses = [[row["loss"] for row in one.curve if "loss" in row] for one in (kept, plain)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_states_out_of_their_place_are_refused(
    source: EncoderSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: states of other texts do not pass the probe, and the texts are read anew."""
    from whet.train import frozen_texts

    real = frozen_texts.kept_windows

    def shifted(*given: object) -> frozen_texts.KeptWindows:
        kept = real(*given)  # type: ignore[arg-type]
        kept.states.table[:] = kept.states.table.roll(1, 0)
        return kept

    monkeypatch.setattr(frozen_texts, "kept_windows", shifted)
    recipe = Recipe("full", lr=1e-3, epochs=1.0, batch=8, top=1)
    assert trained(source, recipe).notes[0].startswith("layers that do not learn read every text anew")


def test_more_layers_than_there_are_is_an_error(source: EncoderSource) -> None:
    with pytest.raises(InputError, match="3 layers"):
        trained(source, Recipe("full", epochs=1.0, top=4))
