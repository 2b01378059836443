"""The task file that a guess becomes, with a word on every line that a person should look at.

Knows tables and guesses; reads no file.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from whet.config import DEFAULT_ENCODER
from whet.data.formats import Table
from whet.data.guess import Guess

SHOWN_LABELS = 100
METRICS = {
    "classify": "metric: accuracy   # or macro_f1, or a cost matrix",
    "extract": "metric: accuracy   # the same value as a whole; or a scorer, such as fields",
    "write": "metric: accuracy   # the same reply to the letter; or a scorer, such as chrf",
}


@dataclass(frozen=True)
class Hints:
    """What the user said about a data file."""

    inputs: Sequence[str] = ()
    output: str | None = None
    time: str | None = None
    group: str | None = None
    test: Path | None = None
    """A file of held-out examples."""
    traffic: Path | None = None
    """A file of real inputs."""


def task_text(path: Path, out: Path, table: Table, guess: Guess, hints: Hints) -> str:
    """The commented task file."""
    relative = os.path.relpath(path.resolve(), out.resolve())
    fields = {"input": guess.input_field, "output": guess.output}
    if guess.id:
        fields["id"] = guess.id
    split: dict[str, object] = {"test": 0.25, "dev": 0.1}
    if hints.group:
        split["group_by"] = hints.group
    if guess.time:
        split["time"] = guess.time
    lines = [
        f"# Guessed by `whet` from {path.name} ({len(table.rows):,} rows). Correct what is wrong.",
        _yaml({"task": path.stem}),
        _yaml({"kind": guess.kind}),
        _yaml({"examples": relative}),
        _yaml({"fields": fields}),
    ]
    if guess.multi_label:
        lines += [_yaml({"multi_label": True}), _yaml({"label_separator": guess.separator})]
    if guess.rare:
        lines += ["# Labels with one example cannot be learned and tested:", "rare_labels: drop"]
    lines += [
        "",
        "# What is a good output? Shown in the report, so that everybody means the same.",
        'success: ""',
        "",
        *_label_lines(guess),
        "",
        "# Hugging Face models by id or folder, or servers. With several, the choice is made on dev.",
        _yaml({"models": [DEFAULT_ENCODER]}),
        "",
        "# Held out before anything else looks: shares, or files of their own. Near-duplicates keep to",
        "# one side; add group_by: COLUMN (customer, document) or time: COLUMN (train on the past).",
        _yaml({"split": split}),
        "",
        METRICS[guess.kind],
        "margin: 0.02       # the loss you would accept for a cheaper way",
        "# target: 0.9      # what you need",
        "# monthly_volume: 10000",
        "seed: 0",
    ]
    return "\n".join(lines) + "\n"


def _label_lines(guess: Guess) -> list[str]:
    """The list to choose from, or what a model that writes is told."""
    if guess.kind != "classify":
        return ["# What a model that writes is told. Encoders take no instruction.", 'instruction: ""']
    said = "# Labels and, best of all, what each means: `name: description`. The rung `prompt` reads them."
    return [said, *_labels(guess)]


def _labels(guess: Guess) -> list[str]:
    names = [name for name in guess.labels if name not in guess.rare]
    if len(names) > SHOWN_LABELS or guess.rare:
        return ["# labels: {}   # left out: all labels that occur"]
    return [_yaml({"labels": dict.fromkeys(names, "")})]


def _yaml(value: object) -> str:
    return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100)).rstrip("\n")
