"""Several LoRA adapters on one base, each for its own tokens of one pass.

    y = W x + (alpha / r) B A x      for the tokens of rows that belong to the adapter; else y = W x

Rows of several specialists lie in one flat row, and the large product is done once for all; only the two thin
ones are done apart (the idea of S-LoRA and Punica, arXiv 2311.03285 and 2310.18547). An adapter that is more
than plain LoRA on linear layers is not shared: its specialist gets a model of its own. Knows no text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from whet.models.adapter_folder import CONFIG, WEIGHTS, check_adapter
from whet.store import read_json

PLAIN = {
    "use_dora": False,
    "fan_in_fan_out": False,
    "lora_bias": False,
    "rank_pattern": {},
    "alpha_pattern": {},
}
"""What the adapter's config must say, or leave out."""
START, DOWN, UP = "base_model.model.", ".lora_A.weight", ".lora_B.weight"


@dataclass(frozen=True, slots=True)
class Pair:
    """What one adapter adds to one layer."""

    down: Tensor
    """[r, in]"""
    up: Tensor
    """[out, r], the scale in it."""


Segments = Sequence[tuple[slice, str]]
"""Places in the flat row, and whose adapter they are read with."""
_SEGMENTS: ContextVar[Segments] = ContextVar("adapters", default=())


class Adapters:
    """The adapters of one model, by name."""

    def __init__(self, model: Any):
        self._model = model
        self._layers: dict[str, dict[str, Pair]] = {}
        """Layer -> adapter -> pair."""
        self._modules = {
            name: module for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)
        }

    def add(self, name: str, folder: Path, base: str | Path = "") -> bool:
        """Read an adapter; False where it is more than is shared, or does not fit.

        Raises:
            InputError: something in the folder could run or lead elsewhere.
        """
        check_adapter(folder, base)
        config = read_json(folder / CONFIG)
        if any((config.get(key) or usual) != usual for key, usual in PLAIN.items()):
            return False
        if config.get("bias", "none") != "none":
            return False
        pairs = self._pairs(
            folder, float(config["lora_alpha"]), int(config["r"]), bool(config.get("use_rslora"))
        )
        head = self._model.get_output_embeddings()
        if pairs is None or any(self._modules.get(layer) in (None, head) for layer in pairs):
            return False
        for layer, pair in pairs.items():
            if layer not in self._layers:
                self._layers[layer] = {}
                self._modules[layer].register_forward_hook(_hook(self._layers[layer]))
            self._layers[layer][name] = pair
        return True

    def remove(self, name: str) -> None:
        for of in self._layers.values():
            of.pop(name, None)

    def _pairs(self, folder: Path, alpha: float, rank: int, stable: bool) -> Mapping[str, Pair] | None:
        from safetensors.torch import load_file

        tensors = load_file(folder / WEIGHTS)
        scale = alpha / (rank**0.5 if stable else rank)
        weight = next(self._model.parameters())
        pairs = {}
        for name, down in tensors.items():
            layer = name.removeprefix(START).removesuffix(DOWN)
            if not name.endswith(DOWN):
                continue
            up = tensors.get(START + layer + UP)
            module = self._modules.get(layer)
            if up is None or module is None or (*up.shape[:1], *down.shape[1:]) != tuple(module.weight.shape):
                return None
            pairs[layer] = Pair(down.to(weight), (up.float() * scale).to(weight))
        return pairs if 2 * len(pairs) == len(tensors) else None


def _hook(pairs: dict[str, Pair]) -> Any:
    """Adds what adapters add, each to its own tokens."""

    def add(module: Any, given: tuple[Tensor, ...], out: Tensor) -> Tensor:
        if out.dim() != 3 and _SEGMENTS.get():
            raise RuntimeError("the layer does not read tokens in their order")  # as experts do
        for place, name in _SEGMENTS.get():
            if (pair := pairs.get(name)) is not None:
                out[:, place] += (given[0][:, place] @ pair.down.T) @ pair.up.T
        return out

    return add


class under:  # noqa: N801
    """Within the block, tokens are read with their adapters."""

    def __init__(self, segments: Segments):
        self._segments = segments

    def __enter__(self) -> None:
        self._token = _SEGMENTS.set(self._segments)

    def __exit__(self, *_: object) -> None:
        _SEGMENTS.reset(self._token)
