"""Rows for ``complaints.yaml``: the complaints whose narrative its author let be published.

    python examples/worked/complaints_rows.py COMPLAINTS.csv examples/worked/complaints

The others have no text, and a row needs an input.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

TEXT = "Consumer complaint narrative"


def main() -> None:
    source, out = Path(sys.argv[1]), Path(sys.argv[2])
    with source.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if whole(row) and row[TEXT].strip()]
    out.mkdir(parents=True, exist_ok=True)
    with (out / "rows.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def whole(row: dict[str, str]) -> bool:
    """Whether a line has as many values as the header: the file's last one is cut off."""
    return None not in row and None not in row.values()


if __name__ == "__main__":
    main()
