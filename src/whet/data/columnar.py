"""Parquet and Arrow to rows, by pyarrow, a batch at a time.

Values that JSON cannot hold become text (``rows.plain``); a class label becomes its name where the file
itself gives names, as those of the library ``datasets`` do. Arrow files are validated before they are
used: pyarrow trusts their offsets otherwise.
"""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from whet.data.rows import Faults, Row, column_names, needed, plain
from whet.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping
    from pathlib import Path

BATCH = 1000  # rows in memory at a time
AGAIN = "write the file again."
Classes = dict[str, list[str]]
"""Column to the names of its class labels, by number."""


def read_parquet(file: Path, faults: Faults) -> Iterator[Row]:
    """Rows of a Parquet file; a row group that cannot be read is reported, the others are read.

    Raises:
        InputError: no Parquet file, pyarrow not installed.
    """
    parquet = needed("pyarrow.parquet", "Parquet")
    try:
        found = parquet.ParquetFile(str(file))
        schema = found.schema_arrow
        sizes = [found.metadata.row_group(group).num_rows for group in range(found.num_row_groups)]
    except _damage() as error:
        raise _unreadable(faults.path, "Parquet", error) from error
    start = 1
    with found:
        for group, size in enumerate(sizes):
            batches = found.iter_batches(batch_size=BATCH, row_groups=[group], use_threads=False)
            yield from _rows(batches, schema, start, faults, {})
            start += size


def read_arrow(
    file: Path, faults: Faults, *, start: int = 1, more: Mapping[str, str] = MappingProxyType({})
) -> Generator[Row, None, int]:
    """Rows of an Arrow file (Feather, version 2) or an Arrow stream.

    Args:
        file: the file itself; ``faults`` has the name that messages show.
        start: the number of the first row. The number that follows the last is returned.
        more: columns that every row gets.

    Raises:
        InputError: no Arrow file, pyarrow not installed.
    """
    arrow, ipc = needed("pyarrow", "Arrow"), needed("pyarrow.ipc", "Arrow")
    try:
        source = arrow.OSFile(str(file))
        if source.read(6) == b"ARROW1":
            found = ipc.open_file(source)
            batches = (found.get_batch(index) for index in range(found.num_record_batches))
        else:
            source.seek(0)
            found = batches = ipc.open_stream(source)
        schema = found.schema
    except _damage() as error:
        raise _unreadable(faults.path, "Arrow", error) from error
    with source:
        return (yield from _rows(batches, schema, start, faults, more, doubtful=True))


def _damage() -> tuple[type[Exception], ...]:
    """What pyarrow raises on damaged files, and on values that Python cannot hold."""
    own: type[Exception] = needed("pyarrow", "Arrow").ArrowException
    return (own, OSError, ValueError, LookupError, TypeError, ArithmeticError, RuntimeError, MemoryError)


def _unreadable(path: Path, kind: str, error: BaseException) -> InputError:
    return InputError(f"is not a whole {kind} file: {_first_line(error)}", where=path, fix=AGAIN)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def refuse_clash(path: Path, names: list[str], more: Mapping[str, str]) -> None:
    """Refuse columns that are there twice, by themselves or with those of ``more``.

    Raises:
        InputError: the name, and what to do.
    """
    for name in more.keys() & set(names):
        raise InputError(
            f"there is a column {name!r} already, and several splits.",
            where=path,
            fix=f"read one of them alone: {path.name}::{more[name]}",
        )
    column_names(path, 1, names)


def _rows(
    batches: Iterable[Any],
    schema: Any,
    start: int,
    faults: Faults,
    more: Mapping[str, str],
    *,
    doubtful: bool = False,
) -> Generator[Row, None, int]:
    """Rows of the batches; what cannot be read is one fault, and ends them. Returns the next number."""
    try:
        names, classes, number = list(schema.names), class_names(schema), start
    except _damage() as error:
        raise _unreadable(faults.path, "Arrow", error) from error
    refuse_clash(faults.path, names, more)
    try:
        for batch in batches:
            batch.validate(full=doubtful)
            for offset in range(0, batch.num_rows, BATCH):
                part = _to_microseconds(batch.slice(offset, BATCH))
                for row in _batch_rows(part, classes, number, faults):
                    yield Row(row.line, {**row.values, **more}) if more else row
                number += part.num_rows
    except _damage() as error:
        faults.add(number, f"cannot be read from here on: {_first_line(error)}.", AGAIN)
        number += 1
    return number


def _to_microseconds(batch: Any) -> Any:
    """Nanoseconds do not fit Python's times; the digits below a microsecond go."""
    arrow = needed("pyarrow", "Arrow")
    for index, field in enumerate(batch.schema):
        if arrow.types.is_timestamp(field.type) and field.type.unit == "ns":
            shorter = arrow.timestamp("us", field.type.tz)
            column = batch.column(index).cast(shorter, safe=False)
            batch = batch.set_column(index, field.with_type(shorter), column)
    return batch


def _batch_rows(batch: Any, classes: Classes, start: int, faults: Faults) -> Iterator[Row]:
    try:
        records = batch.to_pylist()
    except _damage():
        yield from _one_by_one(batch, classes, start, faults)
        return
    for number, record in enumerate(records, start):
        yield Row(number, with_names(record, classes))


def _one_by_one(batch: Any, classes: Classes, start: int, faults: Faults) -> Iterator[Row]:
    """The rows of a batch in which some value cannot be read."""
    for index in range(batch.num_rows):
        record: dict[str, Any] = {}
        try:
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                record[name] = column[index].as_py()
        except _damage() as error:
            rule = f"the value cannot be read: {_first_line(error)}."
            faults.add(start + index, rule, "mend this value.", column=name)
            continue
        yield Row(start + index, with_names(record, classes))


def class_names(schema: Any) -> Classes:
    """The names of class labels that ``datasets`` keeps in an Arrow schema."""
    try:
        features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
        kinds = {column: feature.get("feature") or feature for column, feature in features.items()}
        labels = {column: kind for column, kind in kinds.items() if kind.get("_type") == "ClassLabel"}
        return {column: [str(name) for name in kind["names"]] for column, kind in labels.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}  # no such metadata, or of a shape that names no labels: numbers stay numbers


def with_names(record: dict[str, Any], classes: Classes) -> dict[str, Any]:
    """A record with plain values, and with names in place of class numbers."""
    return {
        column: _named(value, classes[column]) if column in classes else plain(value)
        for column, value in record.items()
    }


def _named(value: Any, names: list[str]) -> Any:
    if isinstance(value, list):
        return [_named(inner, names) for inner in value]
    if isinstance(value, int) and 0 <= value < len(names):
        return names[value]
    return None if value == -1 else plain(value)  # -1: ``datasets`` says "no label"
