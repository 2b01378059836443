"""Rows for ``voice.yaml``: long replies in one voice, a part of them that two cores train on in minutes.

    python examples/worked/voice_rows.py BITEXT_LONG.csv examples/worked/voice [ROWS]

Draws with a fixed seed, and leaves out replies above ``LONGEST`` characters: the reader's context is short.
"""

from __future__ import annotations

import csv
import json
import random
import sys
from pathlib import Path

ROWS, LONGEST = 1500, 900


def main() -> None:
    source, out = Path(sys.argv[1]), Path(sys.argv[2])
    count = int(sys.argv[3]) if len(sys.argv) > 3 else ROWS
    with source.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if len(row["response"]) <= LONGEST]
    out.mkdir(parents=True, exist_ok=True)
    with (out / "rows.jsonl").open("w", encoding="utf-8") as file:
        for row in random.Random(0).sample(rows, min(count, len(rows))):
            kept = {"request": row["instruction"], "reply": row["response"], "intent": row["intent"]}
            file.write(json.dumps(kept, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
