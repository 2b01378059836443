"""Rows for the two SQL tasks out of the advising questions of ``text2sql-data``.

    python examples/worked/sql_rows.py ADVISING.json OUT

A question and its query keep the names of their variables (``number0``): finding the values is another step.
``seen.jsonl`` is split by question, so that every query of the test was asked before in other words;
``unseen-*.jsonl`` by query, so that none was; of its questions to choose and to measure with, a fixed draw of
``MOST``, since a model has to write each answer. Columns: question, sql, part.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

Row = dict[str, str]
MOST = {"dev": 100, "test": 300}


def main() -> None:
    source, out = Path(sys.argv[1]), Path(sys.argv[2])
    queries = json.loads(source.read_text(encoding="utf-8"))
    out.mkdir(parents=True, exist_ok=True)
    for by in ("question-split", "query-split"):
        rows = [row for query in queries for row in rows_of(query, by)]
        for part in ("train", "dev", "test"):
            chosen = [row for row in rows if row["part"] == part]
            if by == "query-split" and part in MOST:
                chosen = random.Random(0).sample(chosen, MOST[part])
            name = f"{'seen' if by == 'question-split' else 'unseen'}-{part}.jsonl"
            (out / name).write_text("".join(json.dumps(row) + "\n" for row in chosen), encoding="utf-8")


def rows_of(query: Mapping[str, Any], by: str) -> Iterator[Row]:
    """Each question of a query with the query's first form; rows that the split leaves out have no part."""
    for asked in query["sentences"]:
        part = query[by] if by == "query-split" else asked[by]
        yield {"question": asked["text"], "sql": query["sql"][0], "part": part}


if __name__ == "__main__":
    main()
