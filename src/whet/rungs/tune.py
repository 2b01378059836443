"""tune: the encoder itself is trained, by LoRA or in full, whichever dev prefers.

First the frozen encoders compete with a head each; the best one is tuned. Then each recipe runs for a
short trial, the recipe with the lowest dev loss is trained in full, and the best state on dev is kept.
The loop is ``whet.train.classifier``; here are the choice, the specialist and its folder.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from whet.models.encoder import Encoder, load_model
from whet.models.source import EncoderSource, describe
from whet.records import Example, FitInfo, Prediction
from whet.rungs.base import Setting
from whet.rungs.deciding import Decider, fitted, targets
from whet.rungs.head import Head, score
from whet.rungs.vectors import (
    VectorSpecialist,
    load_decider,
    load_encoder,
    save_encoder,
    write_card,
)
from whet.store import make_folder, write_bytes
from whet.train.classifier import Data, Evaluation, Recipe, Trained, train_classifier, with_adapter
from whet.train.linear import LinearHead, total_loss

if TYPE_CHECKING:
    import torch

RECIPES = (
    Recipe("full", lr=1e-4),
    Recipe("full", lr=3e-4),
    Recipe("lora", lr=1e-3),
    Recipe("lora", lr=3e-3),
)
TRIAL_ROWS = 1280  # rows a recipe sees in its trial
TRIAL_DEV = 400


@dataclass(frozen=True)
class TunedSpecialist:
    """An encoder with trained weights and its head."""

    encoder: Encoder
    base: EncoderSource
    recipe: Recipe
    state: Mapping[str, torch.Tensor]
    head: LinearHead
    decider: Decider
    info: FitInfo

    def predict(self, inputs: Sequence[str]) -> list[Prediction]:
        if not inputs:
            return []
        encoded = self.encoder.encode(inputs)
        arrays = {"weight": self.head.weight, "bias": self.head.bias}
        return self.decider.predictions(score(arrays, encoded.vectors), encoded)

    def save(self, folder: Path) -> None:
        """LoRA: a stock PEFT adapter and a reference to the base. Full: a Hugging Face folder."""
        from safetensors.numpy import save

        make_folder(folder)
        arrays = {"weight": self.head.weight, "bias": self.head.bias}
        write_bytes(folder / "head.safetensors", save(arrays))
        if self.recipe.method == "lora":
            encoder = save_encoder(folder, self.base)
            _save_adapter(folder / "adapter", self.base, self.recipe, self.state)
        else:
            encoder = _save_full(folder / "encoder", self.base, self.state)
        more = {"decider": asdict(self.decider), "recipe": asdict(self.recipe), "encoder": encoder}
        write_card(folder, "tune", self.info, **more)


@dataclass(frozen=True)
class Tune:
    """Fine-tune the encoder that serves best frozen."""

    name: ClassVar[str] = "tune"
    kinds: ClassVar[tuple[str, ...]] = ("classify",)
    trains: ClassVar[bool] = True

    setting: Setting = field(default_factory=Setting)
    choices: Mapping[str, Any] = field(default_factory=dict)
    recipes: tuple[Recipe, ...] = RECIPES

    def fit(self, train: Sequence[Example], dev: Sequence[Example]) -> TunedSpecialist:
        start = time.perf_counter()
        frozen = Head(self.setting, self._head_choices()).fit(train, dev)
        work = _Work(self.setting, frozen, train, dev)
        recipe, tried = self._recipe(work)
        trained = work.train(recipe, range(len(train)), "tune")
        seconds = time.perf_counter() - start
        return work.specialist(recipe, trained, tried, frozen.info.seconds, seconds)

    def _head_choices(self) -> dict[str, Any]:
        return {name: self.choices[name] for name in ("encoder", "C") if name in self.choices}

    def _recipe(self, work: _Work) -> tuple[Recipe, list[dict[str, Any]]]:
        """The recipe chosen before, or the one with the lowest dev loss after a short trial."""
        if "recipe" in self.choices:
            return Recipe(**self.choices["recipe"]), []
        if len(self.recipes) == 1:
            return self.recipes[0], []
        tried = []
        for number, recipe in enumerate(self.recipes):
            loss = work.trial(recipe, f"tune: trial {number + 1} of {len(self.recipes)}")
            tried.append({"method": recipe.method, "lr": recipe.lr, "dev_loss": loss})
        best = min(range(len(tried)), key=lambda i: (tried[i]["dev_loss"], i))
        return self.recipes[best], tried

    @classmethod
    def load(cls, folder: Path, card: Mapping[str, Any]) -> TunedSpecialist:
        from safetensors.numpy import load_file

        recipe = Recipe(**card["recipe"])
        arrays = load_file(folder / "head.safetensors")
        if recipe.method == "lora":
            base = load_encoder(folder, card["encoder"]).source
            state = _read_adapter(folder / "adapter")
        else:
            base, state = describe(folder / "encoder", str(card["encoder"]["name"]), local=True), {}
        return TunedSpecialist(
            encoder=tuned_encoder(base, recipe, state),
            base=base,
            recipe=recipe,
            state=state,
            head=LinearHead(arrays["weight"], arrays["bias"]),
            decider=load_decider(card["decider"]),
            info=FitInfo(**card["info"]),
        )


class _Work:
    """One fit: the frozen start, the data as tokens, and dev scoring."""

    def __init__(
        self,
        setting: Setting,
        frozen: VectorSpecialist,
        train: Sequence[Example],
        dev: Sequence[Example],
    ):
        self.setting = setting
        self.base = frozen.encoder.source
        self.start = LinearHead(frozen.arrays["weight"], frozen.arrays["bias"])
        self.frozen = frozen
        self.reader = Encoder(self.base)
        self.train_texts = [example.input for example in train]
        self.table = targets([example.output for example in train], frozen.decider.labels)
        self.dev = list(dev)

    def train(self, recipe: Recipe, rows: Sequence[int], what: str, dev_rows: int = 0) -> Trained:
        """Train on ``rows``; dev is scored on its first ``dev_rows`` examples (0: all)."""
        windows = self.reader.tokenize([self.train_texts[row] for row in rows])
        data = Data(windows, self.table[list(rows)], self.setting.multi_label)
        dev = self.dev[: dev_rows or len(self.dev)]

        def on_eval(model: Any, head: LinearHead) -> Evaluation:
            return self._evaluate(model, head, dev)

        return train_classifier(
            self.base, data, self.start, recipe, pad_id=self.reader.pad_id,
            seed=self.setting.seed, on_eval=on_eval,
            on_step=lambda done, total: self.setting.tell(what, done, total),
        )

    def trial(self, recipe: Recipe, what: str) -> float:
        """Dev loss after one short epoch; infinite if the loss was not finite."""
        rows = np.random.default_rng(self.setting.seed).permutation(len(self.train_texts))
        short = replace(recipe, epochs=1.0, evals_per_epoch=1)
        trained = self.train(short, [int(r) for r in rows[:TRIAL_ROWS]], what, TRIAL_DEV)
        last = trained.curve[-1]
        return float("inf") if "failed" in last else last["dev_loss"]

    def _evaluate(self, model: Any, head: LinearHead, dev: list[Example]) -> Evaluation:
        """Metric and log loss on dev, in the training's precision."""
        import torch

        reader = Encoder(self.base, models={"fp32": model, "bf16": model})
        vectors = reader.encode([example.input for example in dev]).vectors
        logits = score({"weight": head.weight, "bias": head.bias}, vectors)
        truths = [example.output for example in dev]
        decider = Decider(self.frozen.decider.labels, self.setting.multi_label)
        wanted = torch.from_numpy(targets(truths, decider.labels))
        loss = total_loss(torch.from_numpy(logits), wanted, several=decider.multi_label)
        gain = self.setting.metric.gain(truths, decider.outputs(logits)[0])
        return Evaluation(gain, float(loss) / max(len(dev), 1))

    def specialist(
        self,
        recipe: Recipe,
        trained: Trained,
        tried: list[dict[str, Any]],
        head_seconds: float,
        seconds: float,
    ) -> TunedSpecialist:
        """The best state as a specialist, its confidence fitted on dev in fp32."""
        encoder = tuned_encoder(self.base, recipe, trained.state)
        vectors = encoder.encode([example.input for example in self.dev]).vectors
        logits = score({"weight": trained.head.weight, "bias": trained.head.bias}, vectors)
        truths = [example.output for example in self.dev]
        labels = self.frozen.decider.labels
        decider = fitted(
            Decider(labels, self.setting.multi_label), logits, truths, self.setting.metric
        )
        notes = []
        if trained.curve[-1].get("failed"):
            notes.append(f"the loss was not finite at step {int(trained.curve[-1]['step'])}")
        info = FitInfo(
            choices={**self.frozen.info.choices, "recipe": asdict(recipe)},
            dev_score=self.setting.metric.gain(truths, decider.outputs(logits)[0]),
            parameters_trained=trained.parameters,
            seconds=seconds,
            curve=trained.curve,
            notes=notes,
            tried=tried,
        )
        return TunedSpecialist(
            encoder, self.base, recipe, trained.state, trained.head, decider, info
        )


def tuned_encoder(base: EncoderSource, recipe: Recipe, state: Mapping[str, torch.Tensor]) -> Encoder:
    """The encoder with its trained weights, in fp32; an adapter is merged into it."""
    import torch

    model = load_model(base, _precision(state)).float()
    with torch.no_grad():
        if recipe.method == "lora":
            model = with_adapter(model, recipe.rank)
            _assign(model, state)
            model = model.merge_and_unload()
        else:
            _assign(model, state)
    return Encoder(base, models={"fp32": model.eval(), "bf16": model})


def _assign(model: Any, state: Mapping[str, torch.Tensor]) -> None:
    parameters = dict(model.named_parameters())
    for name, value in state.items():
        parameters[name].copy_(value)


def _precision(state: Mapping[str, torch.Tensor]) -> str:
    """The precision the weights were trained in; what was frozen is rounded like the rest."""
    import torch

    halves = [value.dtype == torch.bfloat16 for value in state.values()]
    return "bf16" if halves and all(halves) else "fp32"


def _save_full(folder: Path, base: EncoderSource, state: Mapping[str, torch.Tensor]) -> dict[str, Any]:
    """A complete Hugging Face folder in the precision of the training."""
    import shutil

    import torch

    model = load_model(base, _precision(state))
    with torch.no_grad():
        _assign(model, state)
    model.save_pretrained(folder)
    for path in base.folder.iterdir():
        if path.is_file() and not (folder / path.name).exists() and path.suffix in {".json", ".txt"}:
            shutil.copyfile(path, folder / path.name)
    if (base.folder / "1_Pooling").is_dir():
        shutil.copytree(base.folder / "1_Pooling", folder / "1_Pooling", dirs_exist_ok=True)
    return {"name": base.name, "sha256": describe(folder, base.name, local=True).sha256}


def _save_adapter(
    folder: Path, base: EncoderSource, recipe: Recipe, state: Mapping[str, torch.Tensor]
) -> None:
    import torch

    model = with_adapter(load_model(base, "fp32"), recipe.rank)
    with torch.no_grad():
        _assign(model, state)
    model.peft_config["default"].base_model_name_or_path = base.name
    # Without this argument, PEFT asks the hub whether the vocabulary has changed.
    model.save_pretrained(folder, save_embedding_layers=False)


def _read_adapter(folder: Path) -> dict[str, torch.Tensor]:
    """PEFT's file names leave the adapter's own name out; the model's names have it."""
    from safetensors.torch import load_file

    tensors = load_file(folder / "adapter_model.safetensors")
    return {
        name.replace(".lora_A.weight", ".lora_A.default.weight").replace(
            ".lora_B.weight", ".lora_B.default.weight"
        ): value
        for name, value in tensors.items()
    }
