"""What reading gives: rows with their place, and the records that could not be read.

Shared by the readers of every container (``formats.py`` is the door). Knows no container, no columns by
meaning and no task.
"""

from __future__ import annotations

import base64
import importlib
import json
from dataclasses import dataclass, field
from datetime import date, time
from typing import TYPE_CHECKING, Any

from whet.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

MAX_LINE = 10_000_000  # bytes; a longer line is a broken file, not an example
MISSING = frozenset({"", "null", "none", "nan", "na", "n/a"})
SHOWN_CHARACTERS = 80  # of a value in a message
EXTRAS = {"pyarrow": "'whet[formats]'", "openpyxl": "'whet[formats]'", "datasets": "datasets"}


@dataclass(frozen=True, slots=True)
class Row:
    """One record and where it starts, 1-based.

    That is the line of a text file or a sheet (the header is line 1), and the number of the record where
    there are no lines: JSON arrays, Parquet, Arrow, tables.
    """

    line: int
    values: dict[str, Any]

    def text(self, column: str) -> str:
        """The value as stripped text: what is nested as JSON; missing values are the empty text."""
        return text_of(self.values.get(column)).strip()


def text_of(value: Any) -> str:
    """A value as one text."""
    if value is None:
        return ""
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, ensure_ascii=False)
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass(frozen=True, slots=True)
class Broken:
    """A record that could not be read as an example: it is reported, and the good ones go on."""

    source: str
    """``file:line``"""
    field: str
    value: str
    """As it stands, cut to 80 characters."""
    rule: str
    """What is asked: "each line must be a JSON object"."""
    fix: str

    def __str__(self) -> str:
        field = f"{self.field}: " if self.field else ""
        value = f"{self.value!r}: " if self.value else ""
        return f"{self.source}: {field}{value}{self.rule} {self.fix}".rstrip()


@dataclass(frozen=True, slots=True)
class Table:
    """All rows of a file, in its order."""

    path: Path
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    """What was set aside, for the user to know."""
    name: str = ""
    """What the file is called in places of rows; its name unless given."""

    def where(self, row: Row) -> str:
        return f"{self.name or self.path.name}:{row.line}"


@dataclass(frozen=True, slots=True)
class Faults:
    """Where a reader puts what is wrong with single records, so that it can go on with the next."""

    path: Path
    broken: list[Broken] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    strict: bool = False
    """Whether a fault that leaves in doubt where records end stops the reading."""

    def add(self, line: int, rule: str, fix: str, *, column: str = "", value: object = "") -> None:
        shown = str(value)[:SHOWN_CHARACTERS]
        self.broken.append(Broken(f"{self.path.name}:{line}", column, shown, rule, fix))

    def doubt(self, line: int, rule: str, fix: str, *, value: object = "") -> None:
        """A fault after which it is a guess where the next record starts.

        Raises:
            InputError: where reading is strict.
        """
        if self.strict:
            raise InputError(rule, where=f"{self.path}:{line}", fix=fix)
        self.add(line, rule, fix, value=value)


def column_names(path: Path, line: int, names: list[str]) -> list[str]:
    """The header's names, stripped; a column without a name is ``column_N``.

    Raises:
        InputError: a name that is there twice.
    """
    names = [name.strip() for name in names]
    twice = sorted({name for name in names if names.count(name) > 1 and name})
    if twice:
        raise InputError(
            f"the column {twice[0]!r} is there twice.", where=f"{path}:{line}", fix="rename one."
        )
    return [name or f"column_{index + 1}" for index, name in enumerate(names)]


def plain(value: Any) -> Any:
    """A value as JSON can hold it: dates and times as ISO 8601 text, decimals as text, bytes as text
    (base64 where they are not UTF-8).

    Inside a struct, a key without a value goes: Arrow gives every record all keys of all records, so that
    a tool call would grow arguments that nobody passed.
    """
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return _bytes_as_text(value)
    return str(value)


def _bytes_as_text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return base64.b64encode(value).decode("ascii")


def kind_of(value: Any) -> str:
    """What a JSON value is, in words: ``a list``."""
    names = {list: "a list", str: "a text", int: "a number", float: "a number", type(None): "null"}
    return names.get(type(value), type(value).__name__)


def needed(module: str, what: str) -> ModuleType:
    """An optional library, imported when a file asks for it.

    Raises:
        InputError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        extra = EXTRAS[module.split(".")[0]]
        raise InputError(
            f"{what} cannot be read or written without {module.split('.')[0]}, which is not installed.",
            fix=f"pip install {extra}",
        ) from error
