"""The data card of the names adapter, as Markdown, from what its JSON card says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ANEW = "    python tools/train_names.py --data generated_large.json\n"
# The adapter that training went on from stands in the history of its folder.
FIRST = "38e9605"
GOES_ON = f"""Training went on from an earlier adapter (weights' SHA-256 `{{start}}`), which had seen 8,000
rows of the same templates and 13,000 of our own, twice:

    git archive {FIRST} src/whet/check/pii/names | tar -x -C /tmp
    python tools/train_names.py --data generated_large.json --start /tmp/src/whet/check/pii/names
"""

HEAD = """# The names adapter

Finds names of people, places, organisations, addresses and job titles in a text, for `whet check` and
`whet repair --redact`. A LoRA adapter of rank {rank} on every linear layer, an embedding of 24 word shapes
and a BIO head, on the frozen base `{base}` (weights' SHA-256 `{base_sha}`, {base_licence}). Stock PEFT files,
fp16, safetensors and JSON only. SHA-256 of both weight files, one after the other: `{digest}`.

## Made from

- `generated_large.json` of [presidio-research](https://github.com/microsoft/presidio-research) (SHA-256
  `{data_sha}`),
  {licence}: sentences from templates, filled with
  generated names and places. {train_count} templates train, {test_count} are kept apart for the figures
  below; templates that are near-copies of each other are on one side. Rows seen in training: {data_rows:,},
  a quarter as they are, the rest with other names from word lists.
- Sentences written for this purpose (`tools/names/tagged.txt`, `varied.txt`, `plain.txt`, `ordinary.txt`:
  {tagged:,} rows with names, {plain:,} without), filled from lists of common names, towns, streets and
  well-known firms, and from towns, addresses in the formats of some thirty countries, and firms that are made
  up (`tools/names/words.txt`, `towns.txt`, `firms.txt`). The list of templates is public and was seen
  when they were written; none has four words in a row from a test template (`tests/test_private.py`).
- One row in five in small letters, some in capitals, some cut short, some with slips of the keyboard; one
  piece in twelve was replaced by another.

No rows of the data set are in this repository. Nothing here came from real people's data.

## Rebuild

{rebuild}
Took {seconds:,} seconds with torch {torch} on two cores. The same machine and versions give the same bytes.

## Measured

On the {rows:,} rows of the test templates, patterns and adapter together, by kind and overlap (intersection
over union of at least 0.7), with 95 % Wilson intervals. The names and places of the data set stand in both
halves; what is new in test is what they are said in. Structured kinds are the work of patterns, whose rules
were written with both halves in sight.

| kind | n | recall | precision |
|---|---:|---|---|
{table}

Train templates: {train}.
Test templates: {test}.

## Not for

Languages other than English (German, French and Spanish are known a little), historical or literary names in
running prose, and any decision about a person. It misses some names: what it does not find may still be one.
"""


def readme(card: Mapping[str, Any]) -> str:
    """The card's README."""
    data, measured = card["data"], card["measured"]
    lines = [_line(kind, figures) for kind, figures in measured["kinds"].items() if figures["recall"]["n"]]
    return HEAD.format(
        rank=card["recipe"]["rank"],
        base=card["base"]["name"],
        base_sha=card["base"]["sha256"],
        base_licence=card["base"]["licence"],
        digest=card["weights_sha256"],
        data_sha=data["sha256"],
        licence=data["licence"],
        train_count=len(data["train_templates"]),
        test_count=len(data["test_templates"]),
        data_rows=card["rows"]["data"],
        tagged=card["rows"]["tagged"],
        plain=card["rows"]["plain"],
        rebuild=GOES_ON.format(start=card["start"]) if card["start"] else ANEW,
        seconds=card["made_with"]["seconds"],
        torch=card["made_with"]["torch"],
        rows=measured["rows"],
        table="\n".join([*lines, _line("all", measured["all"])]),
        train=", ".join(map(str, data["train_templates"])),
        test=", ".join(map(str, data["test_templates"])),
    )


def _line(kind: str, figures: Mapping[str, Any]) -> str:
    shares = " | ".join(share(figures[name]) for name in ("recall", "precision"))
    return f"| {kind} | {figures['recall']['n']} | {shares} |"


def share(figure: Mapping[str, float]) -> str:
    """``0.981 (0.970 to 0.988)``; nothing where there is nothing to divide by."""
    if not figure["n"]:
        return "none found"
    return f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"
