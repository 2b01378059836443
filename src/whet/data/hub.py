"""Data sets of Hugging Face: a folder written by ``save_to_disk``, or an id of the hub.

A folder is read with pyarrow alone. An id, ``owner/name``, is streamed by the library ``datasets``, which
is not installed with whet. Of several splits all rows are read, and the column ``split`` says which one a row
is of; ``owner/name::train`` and ``folder::train`` read one.
"""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet.data.columnar import class_names, read_arrow, refuse_clash, with_names
from whet.data.lines import whole_text
from whet.data.rows import Faults, Row, needed
from whet.data.unpack import ENDINGS, open_file
from whet.errors import InputError, WhetError, WorldError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

SPLIT = "split"
_ID = re.compile(r"\w[\w.-]*/\w[\w.-]*")


def is_hub_id(path: Path) -> bool:
    """Whether ``path`` is no file of this machine but reads like ``owner/name``."""
    fits = _ID.fullmatch(str(path)) and path.suffix.lower() not in {*ENDINGS, ".zip", ".txt", ".yaml"}
    return bool(fits) and not path.exists() and not path.parent.exists()


def is_saved(folder: Path) -> bool:
    """Whether ``save_to_disk`` has written this folder."""
    return (folder / "state.json").is_file() or (folder / "dataset_dict.json").is_file()


def read_saved(folder: Path, part: str | None, faults: Faults) -> Iterator[Row]:
    """Rows of a folder written by ``save_to_disk``, numbered through all its files.

    Raises:
        InputError: the folder is not whole; there is no such split.
    """
    if not (folder / "dataset_dict.json").is_file():
        _refuse_part(part, [], folder)
        yield from _saved_rows(folder, faults, 1, {})
        return
    splits = _names(_json(folder / "dataset_dict.json").get("splits"), folder)
    _refuse_part(part, splits, folder)
    start = 1
    for split in [part] if part else splits:
        more = {SPLIT: split} if len(splits) > 1 and not part else {}
        start = yield from _saved_rows(folder / split, faults, start, more)


def _saved_rows(folder: Path, faults: Faults, start: int, more: dict[str, str]) -> Generator[Row, None, int]:
    """Rows of the files that ``state.json`` lists; returns the number that follows the last."""
    state = _json(folder / "state.json")
    if state.get("_indices_data_files") or state.get("_indices_files"):
        raise InputError(
            "holds a selection of rows beside the rows.", where=folder, fix="save ds.flatten_indices()."
        )
    for name in _listed(state.get("_data_files"), folder):
        if not (folder / name).is_file():
            raise InputError(f"its file {name} is missing.", where=folder, fix="copy the whole folder.")
        start = yield from read_arrow(folder / name, faults, start=start, more=more)
    return start


def _listed(files: Any, folder: Path) -> list[str]:
    """The file names in the ``_data_files`` of a ``state.json``."""
    files = files if isinstance(files, list) else [files]
    return _names([file.get("filename") if isinstance(file, dict) else file for file in files], folder)


def _json(path: Path) -> dict[str, Any]:
    with open_file(path) as stream:
        text = whole_text(stream, path)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"is not valid JSON: {error}.", where=path, fix="save the data set again."
        ) from error
    if not isinstance(value, dict):
        raise InputError("is not a JSON object.", where=path, fix="save the data set again.")
    return value


def _names(values: Any, folder: Path) -> list[str]:
    """Names of files or folders that lie in ``folder`` itself."""
    names = values if isinstance(values, list) else [values]
    for name in names:
        if not isinstance(name, str) or not name or Path(name).name != name or "\0" in name:
            raise InputError(
                f"names the file {name!r}, which is not in it.", where=folder, fix="save it again."
            )
    return names


def _refuse_part(part: str | None, splits: list[str], where: object) -> None:
    if part is not None and part not in splits:
        raise InputError(
            f"there is no split {part!r}; there are: {', '.join(splits) or 'none'}.",
            where=where,
            fix="name one behind `::`, or none of them.",
        )


def read_hub(name: str, part: str | None) -> Iterator[Row]:
    """Rows of a data set of the hub, as they arrive.

    Raises:
        InputError: ``datasets`` is not installed; no such data set or split.
        WorldError: the hub cannot be reached.
    """
    datasets = needed("datasets", f"the hub's data set {name}")
    with _hub_errors(name):
        loaded = datasets.load_dataset(name, split=part, streaming=True)
        splits = {part: loaded} if part else dict(loaded)
        number = 0
        for split, examples in splits.items():
            classes = class_names(examples.features.arrow_schema) if examples.features else {}
            more = {SPLIT: split} if len(splits) > 1 else {}
            for example in examples:
                number += 1
                if number == 1:
                    refuse_clash(Path(name), list(example), more)
                yield Row(number, {**with_names(example, classes), **more})


@contextmanager
def _hub_errors(name: str) -> Iterator[None]:
    """``datasets`` lets through what its own libraries raise: httpx, fsspec, pyarrow."""
    try:
        yield
    except WhetError:
        raise
    except (FileNotFoundError, ValueError) as error:
        raise InputError(
            f"{error}.", where=name, fix="check the id at https://huggingface.co/datasets"
        ) from error
    except Exception as error:
        raise WorldError(
            f"cannot be read from the hub: {error}.",
            where=name,
            fix="check the network, or give a file. A relative path must exist.",
        ) from error
