"""A model's folder of Hugging Face's kind: checked before anything of it is loaded.

A folder comes from anybody. Only safetensors are read; links may not leave the folder; no JSON file may lead
to code or to other files; sizes must be possible. The same for encoders and decoders, whose own facts
``source.py`` and ``decoder.py`` read. The rules for JSON and for weights are in ``distrust.py`` and
``tensorfile.py``.
"""

from __future__ import annotations

import math
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet.errors import InputError
from whet.models.distrust import (
    LARGEST_TEMPLATE,
    VOCABULARIES,
    check_config,
    check_template,
    read_config,
    read_text,
)
from whet.models.tensorfile import check_safetensors as check_safetensors
from whet.models.tensorfile import tensor_shapes
from whet.store import file_digest, value_digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# JSON files that transformers reads, beside config.json; others are of other programs.
OTHER_JSON = (
    *("tokenizer_config.json", "special_tokens_map.json", *sorted(VOCABULARIES)),
    *("generation_config.json", "processor_config.json", "preprocessor_config.json"),
    *("video_preprocessor_config.json", "chat_template.json", "sentence_bert_config.json"),
)
SUBFOLDERS = ("1_Pooling", "additional_chat_templates")
WEIGHTS = "model.safetensors"
INDEX = f"{WEIGHTS}.index.json"
# Weights that are code, or that need a parser which has been broken into before.
OTHER_WEIGHTS = {".bin", ".pt", ".pth", ".ckpt", ".pkl", ".h5", ".msgpack", ".gguf", ".onnx"}
UNSET_LENGTH = 1_000_000  # tokenizers without a limit say 1e30
NEXT_MODEL = "convert the model to safetensors where you trust it, or choose another."
TRUSTED_COPY = "delete this copy and fetch it again; do not use it."


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A checked folder: what may be loaded of it."""

    folder: Path
    config: dict[str, Any]
    """``config.json``."""
    weights: tuple[Path, ...]
    """One file, or the shards of one model by name."""
    parameters: int
    licence: str

    def digest(self) -> str:
        """SHA-256 of the one file, or of the shards' names and digests."""
        if len(self.weights) == 1:
            return file_digest(self.weights[0])
        return value_digest([(path.name, file_digest(path)) for path in self.weights])


def check_folder(folder: Path) -> ModelFiles:
    """Read and check everything of a model's folder but the numbers themselves.

    Raises:
        InputError: there is something in it that could run, lie or lead elsewhere.
    """
    check_links(folder)
    config = read_config(folder / "config.json")
    check_config(folder / "config.json", config)
    if (folder / "adapter_config.json").exists():
        raise InputError(
            "the model folder holds an adapter too, which transformers would load as well.",
            where=folder / "adapter_config.json",
            fix="put the adapter into a folder of its own.",
        )
    for name in OTHER_JSON:
        if (folder / name).exists():
            _check_json(folder / name)
    for path in (*folder.glob("*.jinja"), *folder.glob("additional_chat_templates/*.jinja")):
        fix = "take the template of the model's maker, or remove it."
        check_template(str(path), read_text(path, 4 * LARGEST_TEMPLATE, fix=fix))
    weights, parameters = _weights(folder)
    return ModelFiles(folder, config, weights, parameters, read_licence(folder))


def check_kind(folder: Path) -> str:
    """The ``model_type`` of a folder, which transformers must know without code of the model's own.

    Raises:
        InputError: it does not.
    """
    from whet.models.quiet import quiet_transformers

    kind = read_config(folder / "config.json").get("model_type")
    with quiet_transformers() as transformers:
        from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES
    if not isinstance(kind, str) or kind not in CONFIG_MAPPING_NAMES:
        what = f"transformers {transformers.__version__} knows no model of the type {str(kind)[:60]!r}"
        raise InputError(
            f"{what}; code that comes with a model is never run.",
            where=f"{folder / 'config.json'}: model_type",
            fix="choose another model, or a newer transformers.",
        )
    return kind


def check_links(folder: Path) -> None:
    """Refuse links that lead out of the folder, and what is neither file nor folder.

    In the hub's cache, ``snapshots/x/file`` is a link to ``../../blobs/y``, which may itself be one to the
    store that all repositories share: no other places outside are allowed.

    Raises:
        InputError: says which entry.
    """
    home = folder.resolve()
    for path in _entries(folder):
        try:
            target = path.resolve()
        except (OSError, RuntimeError) as error:  # a link that leads to itself
            raise InputError("is a link that leads nowhere.", where=path, fix="remove it.") from error
        if not target.is_relative_to(home) and not _in_hub_cache(home, target):
            raise InputError(
                f"is a link out of the model's folder, to {target}.",
                where=path,
                fix="copy the file into the folder, if it belongs to the model.",
            )
        if target.exists() and stat.S_IFMT(target.stat().st_mode) not in {stat.S_IFREG, stat.S_IFDIR}:
            raise InputError("is neither a file nor a folder.", where=path, fix="remove it.")


def _entries(folder: Path) -> Iterator[Path]:
    """What is read of a folder: its own entries and those of two folders in it."""
    if not folder.is_dir():
        raise InputError("there is no such model folder.", where=folder, fix="check the name of the model.")
    yield from folder.iterdir()
    for name in SUBFOLDERS:
        if (folder / name).is_dir():
            yield from (folder / name).iterdir()


def _in_hub_cache(snapshot: Path, target: Path) -> bool:
    repository = snapshot.parent.parent
    if snapshot.parent.name != "snapshots" or not repository.name.startswith("models--"):
        return False
    shared = repository.parent / "blobs"
    own = target.parent == repository / "blobs"
    return own or (target.parent.parent == shared and re.fullmatch("[0-9a-f]{64}", target.name) is not None)


def _check_json(path: Path) -> None:
    value = read_config(path)
    check_config(path, value)
    if path.name == "tokenizer_config.json":
        for template in _templates(value.get("chat_template")):
            check_template(f"{path}: chat_template", template)


def _templates(value: Any) -> list[Any]:
    """One template, or several by name."""
    if isinstance(value, list):
        return [item.get("template") if isinstance(item, dict) else item for item in value]
    if isinstance(value, dict):
        return list(value.values())
    return [] if value is None else [value]


def _weights(folder: Path) -> tuple[tuple[Path, ...], int]:
    """The files of the weights, checked, and their parameters together."""
    if (folder / WEIGHTS).is_file():
        files: tuple[Path, ...] = (folder / WEIGHTS,)
        parameters = check_safetensors(files[0])
    elif (folder / INDEX).is_file():
        files, parameters = _shards(folder / INDEX)
    else:
        raise _no_weights(folder)
    if not parameters:
        raise InputError("the weights hold no parameters.", where=files[0], fix=TRUSTED_COPY)
    return files, parameters


def _no_weights(folder: Path) -> InputError:
    others = sorted(path.name for path in folder.iterdir() if path.suffix in OTHER_WEIGHTS)
    only = f"; it has only {', '.join(others[:3])}" if others else ""
    what = f"there are no safetensors weights{only}. Other formats can run code and are not read."
    return InputError(what, where=folder, fix=NEXT_MODEL)


def _shards(index: Path) -> tuple[tuple[Path, ...], int]:
    """The shards that an index names, each in the folder and with the tensors that the index says."""
    places = read_config(index).get("weight_map")
    if not isinstance(places, dict) or not places:
        raise InputError("has no `weight_map`.", where=index, fix=TRUSTED_COPY)
    parameters, held = 0, set[str]()
    names = sorted({str(place) for place in places.values()})
    for name in names:
        if not re.fullmatch(r"[\w\-][\w.\-]*\.safetensors", name):
            what = f"names {name[:80]!r}, which is no safetensors file of this folder."
            raise InputError(what, where=index, fix=TRUSTED_COPY)
    for name in names:
        shapes = tensor_shapes(index.parent / name)
        if twice := held & shapes.keys():
            what = f"the tensor {min(twice)!r} stands in another shard too."
            raise InputError(what, where=index.parent / name, fix=TRUSTED_COPY)
        if absent := {tensor for tensor, place in places.items() if place == name} - shapes.keys():
            what = f"says that {name} holds {min(absent)!r}, which it does not."
            raise InputError(what, where=index, fix=TRUSTED_COPY)
        held |= shapes.keys()
        parameters += sum(math.prod(shape) for shape in shapes.values())
    return tuple(index.parent / name for name in names), parameters


def read_licence(folder: Path) -> str:
    """The licence that the model's card names, or ``not stated``."""
    readme = folder / "README.md"
    if readme.is_file():
        with readme.open(encoding="utf-8", errors="replace") as stream:
            head = stream.read(4000)
        found = re.search(r"^license:\s*(\S+)", head, flags=re.MULTILINE)
        if found:
            return found.group(1)
    return "not stated"


def length_limits(folder: Path, files: Mapping[str, str]) -> list[int]:
    """The limits on a text's tokens that JSON files of a folder state, by file and key."""
    limits = []
    for name, key in files.items():
        if (folder / name).is_file():
            value = read_config(folder / name).get(key)
            if isinstance(value, int) and 0 < value < UNSET_LENGTH:
                limits.append(value)
    return limits
