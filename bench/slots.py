"""Two public data sets of slots as rows: a text, the spans in it, and the same as JSON.

``restaurant8k`` (PolyAI, CC BY 4.0): what a booking bot was told; what it had asked for, where that is known,
is part of the input. ``snips`` (Sonos, CC0): commands to an assistant, seven files that are read as one job.
A field that occurs more than once in a row has a list. Knows no training.

    python bench/slots.py snips FOLDER    # writes train.jsonl, test.jsonl and task.yaml for `whet run`
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whet.data.outputs import canonical

SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
Place = tuple[int, int, str]
"""Start, end and field."""


@dataclass(frozen=True)
class Row:
    """One text with what is to be found in it."""

    text: str
    spans: tuple[Place, ...]

    @property
    def output(self) -> str:
        """The fields as canonical JSON."""
        found: dict[str, list[str]] = {}
        for start, end, field in self.spans:
            found.setdefault(field, []).append(self.text[start:end])
        return canonical({name: values[0] if len(values) == 1 else values for name, values in found.items()})


def read(name: str, folder: Path = SHARED) -> tuple[list[Row], list[Row]]:
    """Train and test rows of a data set, as its makers split them."""
    return {"restaurant8k": _restaurant8k, "snips": _snips}[name](folder)


def write(rows: Sequence[Row], path: Path) -> None:
    """As JSONL with the columns text and output."""
    lines = [json.dumps({"text": row.text, "output": row.output}, ensure_ascii=False) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


TASK = """\
task: {name}
kind: extract
examples: train.jsonl
fields: {{input: text, output: output}}
split: {{test: test.jsonl}}
metric: fields
"""


def main() -> None:
    name, folder = sys.argv[1], Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    train, test = read(name)
    write(train, folder / "train.jsonl")
    write(test, folder / "test.jsonl")
    (folder / "task.yaml").write_text(TASK.format(name=name), encoding="utf-8")


def _restaurant8k(folder: Path) -> tuple[list[Row], list[Row]]:
    files = (folder / "restaurant8k_slots" / name for name in ("train_0.json", "test.json"))
    train, test = ([_booking(row) for row in json.loads(path.read_text("utf-8"))] for path in files)
    return train, test


def _booking(row: Mapping[str, Any]) -> Row:
    asked = ", ".join(row.get("context", {}).get("requestedSlots", []))
    before = f"asked for {asked.replace('_', ' ')}: " if asked else ""
    spans = []
    for label in row.get("labels", []):
        value = label["valueSpan"]
        start, end = value.get("startIndex", 0), value["endIndex"]
        spans.append((len(before) + start, len(before) + end, label["slot"]))
    return _stripped(before + row["userInput"]["text"], sorted(spans))


def _snips(folder: Path) -> tuple[list[Row], list[Row]]:
    files = [sorted((folder / "snips").glob(f"{side}_*.json")) for side in ("train", "validate")]
    train, test = ([row for path in side for row in _commands(path)] for side in files)
    return train, test


def _commands(path: Path) -> list[Row]:
    (rows,) = json.loads(_decoded(path.read_bytes())).values()
    return [_command(row["data"]) for row in rows]


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _command(parts: Sequence[Mapping[str, str]]) -> Row:
    text, spans = "", []
    for part in parts:
        if "entity" in part:
            spans.append((len(text), len(text) + len(part["text"]), part["entity"]))
        text += part["text"]
    return _stripped(text, spans)


def _stripped(text: str, spans: Sequence[Place]) -> Row:
    """Without space around the text and around each span; two spans on the same words are both kept."""
    gone, kept = len(text) - len(text.lstrip()), []
    for start, end, field in spans:
        value = text[start:end]
        start += len(value) - len(value.lstrip())
        kept.append((start - gone, start - gone + len(value.strip()), field))
    return Row(text.strip(), tuple(kept))


if __name__ == "__main__":
    main()
