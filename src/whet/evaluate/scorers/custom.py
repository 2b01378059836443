"""Any Python function as a scorer: ``(example, prediction) -> float`` or ``{"score", "feedback"}``.

It is named ``package.module:function`` or ``file.py:function``, the file relative to the task. The code is
the user's own and runs as the user; a function that does not keep to the contract is told so.
"""

from __future__ import annotations

import importlib
import importlib.util
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from whet.errors import InputError, nearest
from whet.evaluate.scorers.base import ByPair, Scored
from whet.records import Example, Output

Function = Callable[[Example, Output], Any]


def function(name: str, folder: Path) -> ByPair:
    """The scorer that ``name`` names.

    Raises:
        InputError: no such module, file or function; later, a result that is no score.
    """
    found = _find(name, folder)

    def judge(example: Example, output: Output) -> Scored:
        try:
            value = found(example, output)
        except Exception as error:
            raise InputError(
                f"it fails on {example.source}: {type(error).__name__}: {error}.", where=f"scorer {name}"
            ) from error
        return _scored(value, name)

    return ByPair(name.rpartition(":")[2], judge)


def _scored(value: Any, name: str) -> Scored:
    said = ""
    if isinstance(value, Mapping):
        value, said = value.get("score"), str(value.get("feedback") or "")
    number = isinstance(value, int | float) and math.isfinite(value)  # True and False are 1 and 0
    if not number or not 0 <= float(value) <= 1:
        raise InputError(
            f"it gave {value!r}.",
            where=f"scorer {name}",
            fix='give a number from 0 to 1, or {"score": number, "feedback": text}.',
        )
    return Scored(float(value), said or f"The function gives {float(value):.2f}.")


def _find(name: str, folder: Path) -> Function:
    place, _, attribute = name.rpartition(":")
    if not place:
        place, _, attribute = name.rpartition(".")
    module = _from_file(folder / place) if place.endswith(".py") else _by_name(place, name)
    found = getattr(module, attribute, None)
    if not callable(found):
        known = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
        raise InputError(
            f"{place} has no function {attribute!r}. {nearest(attribute, known)}", where=f"scorer {name}"
        )
    function: Function = found
    return function


def _by_name(place: str, name: str) -> Any:
    try:
        return importlib.import_module(place)
    except (ImportError, ValueError) as error:
        raise InputError(
            f"cannot import {place!r}: {error}.",
            where=f"scorer {name}",
            fix="name it package.module:function, or file.py:function.",
        ) from error


def _from_file(path: Path) -> Any:
    if not path.is_file():
        raise InputError("no such file.", where=path)
    spec = importlib.util.spec_from_file_location(f"whet_scorer_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise InputError("cannot be loaded as Python.", where=path)
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise InputError(f"fails when loaded: {type(error).__name__}: {error}.", where=path) from error
    return module
