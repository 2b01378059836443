"""A model by its name: a folder, a model that a package carries, the hub's cache, or the hub.

Downloads only what nothing local has. What a folder must be is the affair of ``folder.py``.
"""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import TYPE_CHECKING

from whet.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

# What is fetched from the hub.
FILES = [
    "*.json",
    "*.safetensors",
    "*.txt",
    "*.model",
    "*.jinja",
    "README.md",
    "1_Pooling/*.json",
    "additional_chat_templates/*.jinja",
]
READER = "reader"
# Models that can stand in the package, by the name that tasks give them: (package, folder inside it).
OWN = {READER: ("whet", "models/reader")}


def model_place(name: str, folder: Path) -> str:
    """A model as a task names it: a path relative to the task's folder, or an id."""
    local = folder / name
    return str(local) if local.is_dir() else name


def find_folder(name: str, packages: Mapping[str, tuple[str, str]] | None = None) -> tuple[Path, bool]:
    """A model's folder, and whether it was named by its path; downloads only what nothing local has.

    Args:
        name: a folder, a Hugging Face id, or a model of ``OWN`` that is there.
        packages: installed packages that carry a model, by model id: (package, folder inside it).

    Raises:
        InputError: unknown name, no network, gated.
    """
    packages = packages or {}
    own = _package_folder(*OWN.get(name, ("", "")))
    if own is not None and own.is_dir():
        return own, False
    if local := _local_folder(name):
        return local, True
    return _package_folder(*packages.get(name, ("", ""))) or _hub_folder(name, name in packages), False


def _local_folder(name: str) -> Path | None:
    path = Path(name).expanduser()
    if path.is_dir():
        return path.resolve()
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise InputError("there is no such model folder.", where=path, fix="check `models` in the task file.")
    return None


def _package_folder(package: str, inside: str) -> Path | None:
    spec = importlib.util.find_spec(package) if package else None
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / inside


def _hub_folder(name: str, packaged: bool) -> Path:
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
            fix=_offline_fix(name, packaged),
        ) from error


def _offline_fix(name: str, packaged: bool) -> str:
    if packaged:
        return "pip install 'whet[offline]' (brings this model), or name a local folder."
    return f"with a network: hf download {name}; or name a local folder in `models`."
