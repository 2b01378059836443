"""One JSON object that holds the rows: ``{"data": [...]}``, columns as ``pandas`` writes them, SQuAD.

Only a file of one record is looked into, and only where that record says clearly where its rows are. The
rows are numbered from 1; the note says where they were found. Knows no columns by meaning, but for
SQuAD's (Rajpurkar et al., 2016), whose paragraphs become rows as Hugging Face lays them out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Any

from whet.data.rows import Faults, Row

SPLIT = "split"
TURN = frozenset({"role", "from", "parts"})
ABOUT = frozenset(
    {
        "version",
        "name",
        "title",
        "description",
        "license",
        "licence",
        "source",
        "url",
        "date",
        "created",
        "count",
        "total",
        "size",
        "info",
        "meta",
        "metadata",
        "schema",
        "type",
        "dataset",
        "language",
        "object",
        "page",
        "has_more",
    }
)
"""What may stand beside the rows and says nothing of any one of them."""
DEPTH = 4  # objects around the one that holds the rows
Objects = list[dict[str, Any]]


def unwrapped(rows: Iterator[Row], faults: Faults) -> Iterator[Row]:
    """The rows themselves, or, of a single one that holds them, those inside."""
    first, number = list(islice(rows, 2)), 0
    if len(first) == 1 and not faults.broken and (found := _inside(first[0].values)):
        place, values = found
        faults.notes.append(f"{faults.path.name}: the rows are those in {place}")
        rows, first = iter(()), [Row(number, one) for number, one in enumerate(values, start=1)]
    for row in chain(first, rows):
        if questions := _questions(row.values):
            yield from (Row(number + n, one) for n, one in enumerate(questions, start=1))
            number += len(questions)
        else:
            yield row


def _inside(values: Mapping[str, Any], depth: int = DEPTH) -> tuple[str, Objects] | None:
    """Where the rows of a record are, and the rows."""
    lists = {key: value for key, value in values.items() if _is_rows(value)}
    rest = {key: value for key, value in values.items() if key not in lists}
    if len(lists) == 1 and all(not value or key.lower() in ABOUT for key, value in rest.items()):
        return f"{next(iter(lists))!r}", next(iter(lists.values()))
    if len(lists) > 1 and not rest and any("train" in key.lower() for key in lists):
        together = [{SPLIT: key, **row} for key, rows in lists.items() for row in rows]
        return ", ".join(map(repr, lists)), together
    if len(values) == 1 and depth and isinstance(inner := next(iter(values.values())), dict):
        return _inside(inner, depth - 1)
    return _columns(values)


def _is_rows(value: Any) -> bool:
    """Whether a value is a list of objects; the turns of one conversation are no rows."""
    if not isinstance(value, list) or len(value) < 2 or not all(isinstance(item, dict) for item in value):
        return False
    return not all(item.keys() & TURN for item in value)


def _columns(values: Mapping[str, Any]) -> tuple[str, Objects] | None:
    """Columns of equal length: ``{"text": ["a", "b"], ...}`` or ``{"text": {"0": "a", "1": "b"}, ...}``."""
    columns = {k: list(v.values()) if isinstance(v, dict) else v for k, v in values.items()}
    if len(columns) < 2 or not all(isinstance(column, list) for column in columns.values()):
        return None
    keys = {tuple(v) for v in values.values() if isinstance(v, dict)}
    numbered = not keys or (len(keys) == 1 and all(key.isdigit() for key in next(iter(keys))))
    sizes = {len(column) for column in columns.values()}
    plain = not any(isinstance(cell, dict) for column in columns.values() for cell in column)
    if len(sizes) > 1 or sizes & {0, 1} or not numbered or not plain:
        return None
    cells = zip(*columns.values(), strict=True)
    return "columns", [dict(zip(columns, row, strict=True)) for row in cells]


def _questions(values: Mapping[str, Any]) -> Objects:
    """The questions of a SQuAD article; of any other record, none."""
    paragraphs = values.get("paragraphs")
    if not isinstance(paragraphs, list) or not all(map(_has_questions, paragraphs)):
        return []
    return [
        {
            "id": one.get("id"),
            "title": values.get("title"),
            "context": paragraph["context"],
            "question": one["question"],
            "answers": {key: _each(one.get("answers") or (), key) for key in ("text", "answer_start")},
        }
        for paragraph in paragraphs
        for one in paragraph["qas"]
    ]


def _has_questions(paragraph: Any) -> bool:
    questions = paragraph.get("qas") if isinstance(paragraph, dict) else None
    return (
        isinstance(questions, list)
        and isinstance(paragraph.get("context"), str)
        and all(isinstance(one, dict) and "question" in one for one in questions)
    )


def _each(answers: Iterable[Any], key: str) -> list[Any]:
    return [answer.get(key) for answer in answers if isinstance(answer, dict)]
