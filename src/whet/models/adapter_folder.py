"""A folder with an adapter of PEFT's kind, checked before PEFT sees it.

PEFT follows ``adapter_config.json`` to a base model, to modules to import and to layers to copy, and some of
its fields are regular expressions. Only the fields of a plain LoRA (with rsLoRA and DoRA) may be set; all
others must stand at PEFT's own defaults. Knows no model.
"""

from __future__ import annotations

import math
import re
import warnings
from pathlib import Path
from typing import Any

from whet.errors import InputError
from whet.models.distrust import check_config, read_config
from whet.models.folder import TRUSTED_COPY, check_links
from whet.models.tensorfile import tensor_shapes

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
OWN_KIND = "train an adapter of plain LoRA, or merge this one with the tool that made it."
# Fields that may differ from PEFT's defaults; what some of them may say is checked one by one.
PLAIN = {
    *("peft_type", "task_type", "peft_version", "base_model_name_or_path", "revision", "inference_mode"),
    *("r", "lora_alpha", "lora_dropout", "target_modules", "exclude_modules", "fan_in_fan_out"),
    *("bias", "lora_bias", "use_rslora", "use_dora", "init_lora_weights"),
    *("layers_to_transform", "rank_pattern", "alpha_pattern"),
}
WHY_NOT = {
    "auto_mapping": "names a library to import",
    "megatron_config": "names a library to import",
    "modules_to_save": "replaces whole modules of the base, not only adds to them",
}
LAYER = re.compile(r"[\w.\-]+")  # a name, not a regular expression that never ends
HUB_ID = re.compile(r"\w[\w.\-]*(/[\w.\-]+)?")
LARGEST_RANK = 4096


def check_adapter(folder: Path, base: str | Path = "") -> int:
    """Check an adapter's folder, and count its parameters.

    Args:
        base: the name or folder of the model it shall go onto.

    Raises:
        InputError: something in it could run or lead elsewhere, or it is no plain LoRA.
    """
    check_links(folder)
    path = folder / CONFIG
    config = read_config(path)
    check_config(path, config)
    _check_fields(path, config)
    _check_base(path, config.get("base_model_name_or_path"), base)
    _check_names(path, config)
    return _check_weights(folder)


def _check_fields(path: Path, config: dict[str, Any]) -> None:
    if config.get("peft_type") != "LORA":
        what = f"an adapter of the kind {str(config.get('peft_type'))[:40]!r} is not read; LORA is."
        raise InputError(what, where=f"{path}: peft_type", fix=OWN_KIND)
    from peft import LoraConfig

    usual = LoraConfig().to_dict()
    for key, value in config.items():
        if key not in PLAIN and value and value != usual.get(key):
            why = WHY_NOT.get(key, "is beyond plain LoRA")
            raise InputError(f"the adapter sets `{key}`, which {why}.", where=f"{path}: {key}", fix=OWN_KIND)


def _check_base(path: Path, said: Any, base: str | Path) -> None:
    """A base named by its path may be anybody's folder; one that the user named too is the user's."""
    if said is None or said == str(base):
        return
    if isinstance(said, str) and (HUB_ID.fullmatch(said) or _same_folder(said, base)):
        return
    raise InputError(
        f"the adapter names its base by a path, {str(said)[:120]!r}.",
        where=f"{path}: base_model_name_or_path",
        fix="write the model's Hugging Face id there, or the folder that you load it onto.",
    )


def _same_folder(said: str, base: str | Path) -> bool:
    return bool(str(base)) and Path(base).is_dir() and Path(said).resolve() == Path(base).resolve()


def _check_names(path: Path, config: dict[str, Any]) -> None:
    """Names of layers, which PEFT otherwise takes for regular expressions."""
    for key in ("target_modules", "exclude_modules", "rank_pattern", "alpha_pattern"):
        names = config.get(key) or []
        plain = isinstance(names, (list, dict)) or names == "all-linear"
        if not plain or not all(isinstance(name, str) and LAYER.fullmatch(name) for name in names):
            what = f"`{key}` is no list of plain names of layers: {str(names)[:80]!r}."
            raise InputError(what, where=f"{path}: {key}", fix="list the layers by name.")
    pattern = config.get("rank_pattern")
    ranks = [config.get("r"), *(pattern.values() if isinstance(pattern, dict) else [])]
    if not all(type(rank) is int and 0 < rank <= LARGEST_RANK for rank in ranks):
        what = f"a rank is a whole number from 1 to {LARGEST_RANK:,}; the adapter says {str(ranks)[:60]}."
        raise InputError(what, where=f"{path}: r", fix=TRUSTED_COPY)


def _check_weights(folder: Path) -> int:
    path = folder / WEIGHTS
    if not path.is_file():
        raise InputError(
            f"there is no {WEIGHTS}; other formats can run code and are not read.",
            where=folder,
            fix="convert the adapter to safetensors where you trust it.",
        )
    shapes = tensor_shapes(path)
    if other := next((name for name in shapes if ".lora_" not in name), None):
        what = f"the tensor {other[:120]!r} is no part of a LoRA."
        raise InputError(what, where=path, fix=OWN_KIND)
    return sum(math.prod(shape) for shape in shapes.values())


def with_adapter(model: Any, folder: Path, base: str | Path, *, merge: bool) -> Any:
    """The model with an adapter on it; ``merge`` adds it into the weights, which must not round it away.

    Raises:
        InputError: as ``check_adapter``; it does not fit the model.
    """
    check_adapter(folder, base)
    from peft import PeftModel

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # PEFT asks transformers in an old way
            warnings.filterwarnings("error", message="Found missing adapter keys")
            wrapped = PeftModel.from_pretrained(model, folder).eval()
    except (RuntimeError, ValueError, UserWarning) as error:
        said = str(error).strip().split("\n")[0][:200]
        what = f"the adapter does not fit the model ({said})."
        raise InputError(what, where=folder, fix="name the model that it was trained on.") from error
    return wrapped.merge_and_unload() if merge else wrapped
