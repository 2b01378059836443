"""The specialist of ``tune``: an encoder with trained weights, its head, and their folder.

LoRA is kept as a stock PEFT adapter beside a reference to its base; full training as a Hugging Face
folder, in the precision it was trained in. Predictions run in fp32, so that they do not depend on the
batch. Knows how the weights were trained only as far as the folder must say.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet.models.encoder import Encoder, load_model, native_bf16
from whet.models.quiet import quiet_transformers
from whet.models.source import EncoderSource, describe
from whet.records import FitInfo, Prediction
from whet.rungs.deciding import Decider
from whet.rungs.head import score
from whet.rungs.vectors import load_decider, load_encoder, save_encoder, write_card
from whet.store import make_folder, write_bytes
from whet.train.encoders import Recipe, with_adapter
from whet.train.linear import LinearHead

State = Mapping[str, "torch.Tensor"]

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from whet.models.encoder import Encoded, TextEncoder


@dataclass(frozen=True)
class TunedSpecialist:
    """An encoder with trained weights and its head."""

    encoder: TextEncoder
    base: EncoderSource
    recipe: Recipe
    state: State
    head: LinearHead
    decider: Decider
    info: FitInfo

    def predict(self, inputs: Sequence[str]) -> list[Prediction]:
        return self.decider.predictions(*self.scored(inputs)) if inputs else []

    def scored(self, inputs: Sequence[str]) -> tuple[NDArray[np.floating[Any]], Encoded]:
        """Scores of the labels [n, labels], and the vectors that they come from."""
        encoded = self.encoder.encode(inputs)
        arrays = {"weight": self.head.weight, "bias": self.head.bias}
        return score(arrays, encoded.vectors), encoded

    def save(self, folder: Path) -> None:
        """LoRA: a stock PEFT adapter and a reference to the base. Full: a Hugging Face folder."""
        from safetensors.numpy import save

        make_folder(folder)
        arrays = {"weight": self.head.weight, "bias": self.head.bias}
        write_bytes(folder / "head.safetensors", save(arrays))
        encoder = save_weights(folder, self.base, self.recipe, self.state)
        more = {"decider": asdict(self.decider), "recipe": asdict(self.recipe), "encoder": encoder}
        write_card(folder, "tune", self.info, **more)


def save_weights(folder: Path, base: EncoderSource, recipe: Recipe, state: State) -> dict[str, Any]:
    """An adapter or a whole encoder; what the card says of it."""
    if recipe.method == "lora":
        encoder = save_encoder(folder, base)
        _save_adapter(folder / "adapter", base, recipe, state)
        return encoder
    return _save_full(folder / "encoder", base, state)


def load_weights(folder: Path, card: Mapping[str, Any], recipe: Recipe) -> tuple[EncoderSource, State]:
    """The base and the adapter, or the whole encoder as a base with nothing beside it."""
    if recipe.method == "lora":
        return load_encoder(folder, card["encoder"]).source, _read_adapter(folder / "adapter")
    return describe(folder / "encoder", str(card["encoder"]["name"]), local=True), {}


def load_tuned(folder: Path, card: Mapping[str, Any]) -> TunedSpecialist:
    """Read a folder back."""
    from safetensors.numpy import load_file

    recipe = Recipe(**card["recipe"])
    arrays = load_file(folder / "head.safetensors")
    base, state = load_weights(folder, card, recipe)
    return TunedSpecialist(
        encoder=tuned_encoder(base, recipe, state),
        base=base,
        recipe=recipe,
        state=state,
        head=LinearHead(arrays["weight"], arrays["bias"]),
        decider=load_decider(card["decider"]),
        info=FitInfo(**card["info"]),
    )


def tuned_encoder(base: EncoderSource, recipe: Recipe, state: State, *, precise: bool = True) -> Encoder:
    """The encoder with its trained weights; an adapter is merged into it."""
    import torch

    model = load_model(base, _precision(state)).float()
    with torch.no_grad():
        if recipe.method == "lora":
            model = with_adapter(model, recipe.rank, recipe.top)
            _assign(model, state)
            model = model.merge_and_unload()
        else:
            _assign(model, state)
    if not precise and native_bf16():
        model = model.to(torch.bfloat16)
    return Encoder(base, models={"fp32": model.eval(), "bf16": model})


def mixed(base: EncoderSource, recipe: Recipe, state: State, share: float) -> dict[str, torch.Tensor]:
    """Weights ``share`` of the way from the base to ``state``."""
    if recipe.method == "lora":  # the update is B A, so scaling B scales it
        return {name: value * share if ".lora_B." in name else value for name, value in state.items()}
    start = dict(load_model(base, "fp32").named_parameters())
    return {
        name: (start[name].detach() * (1 - share) + value.float() * share).to(value.dtype)
        for name, value in state.items()
    }


def _assign(model: Any, state: State) -> None:
    parameters = dict(model.named_parameters())
    for name, value in state.items():
        parameters[name].copy_(value)


def _precision(state: State) -> str:
    """The precision the weights were trained in; what was frozen is rounded like the rest."""
    import torch

    halves = [value.dtype == torch.bfloat16 for value in state.values()]
    return "bf16" if halves and all(halves) else "fp32"


def _save_full(folder: Path, base: EncoderSource, state: State) -> dict[str, Any]:
    """A complete Hugging Face folder in the precision of the training."""
    import torch

    model = load_model(base, _precision(state))
    with torch.no_grad():
        _assign(model, state)
    with quiet_transformers():
        model.save_pretrained(folder)
    for path in base.folder.iterdir():
        if path.is_file() and not (folder / path.name).exists() and path.suffix in {".json", ".txt"}:
            shutil.copyfile(path, folder / path.name)
    if (base.folder / "1_Pooling").is_dir():
        shutil.copytree(base.folder / "1_Pooling", folder / "1_Pooling", dirs_exist_ok=True)
    return {"name": base.name, "sha256": describe(folder, base.name, local=True).sha256}


def _save_adapter(folder: Path, base: EncoderSource, recipe: Recipe, state: State) -> None:
    import torch

    model = with_adapter(load_model(base, "fp32"), recipe.rank, recipe.top)
    with torch.no_grad():
        _assign(model, state)
    for name, value in model.named_parameters():
        if name in state:  # its precision tells how the base was read beside it (``_precision``)
            value.data = value.data.to(state[name].dtype)
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
