"""The data sheet of a run: what its examples are, told from its artifacts, without a single row.

The shape is that of ``repair.card`` (after "Datasheets for Datasets", Gebru et al., arXiv 1803.09010), so
that the same page draws it. A release keeps it in place of the rows. It checks nothing anew: findings are
those of ``03-check.json``, with their counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from whet.check.findings import STANDARDS, Finding, Flag, Report
from whet.check.subject import Subject
from whet.repair.card import About, Source, card
from whet.store import file_digest, read_json, read_jsonl

ROWS, CHECK, SPLIT, MANIFEST = "01-examples.jsonl", "03-check.json", "02-split.json", "manifest.json"
KEPT = "datasheet.json"


def datasheet(run: Path) -> dict[str, Any]:
    """The data sheet of a run folder; of a release, the one that was kept. Empty where there is neither.

    Raises:
        InputError: an artifact is damaged.
    """
    if (run / KEPT).is_file():
        return dict(read_json(run / KEPT))
    if not all((run / name).is_file() for name in (ROWS, CHECK, SPLIT, MANIFEST)):
        return {}
    task = read_json(run / MANIFEST)["task"]
    rows, split = read_jsonl(run / ROWS), read_json(run / SPLIT)
    path = run / ROWS
    told = card(
        _subject(task, rows),
        _report(read_json(run / CHECK)),
        _about(task),
        [],
        file=Source(ROWS, path.stat().st_size, file_digest(path)),
        accepted=read_json(run / CHECK)["accepted"],
        checked="the rows that the split kept",
    )
    left_out = {str(why): many for why, many in dict(split["left_out"]).items()}
    return {**told, "left_out": left_out, "notes": list(split["notes"])}


def _subject(task: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Subject:
    separator = task["label_separator"] if task["multi_label"] else None
    places = [row["source"].rpartition(":") for row in rows]
    return Subject(
        kind=task["kind"],
        inputs=[row["input"] for row in rows],
        outputs=[_text(row["output"], separator) for row in rows],
        files=[file for file, _, _ in places],
        lines=[int(line) if line.isdigit() else 0 for _, _, line in places],
        sides=[row["side"] for row in rows],
        separator=separator,
        instruction=task["instruction"],
    )


def _text(output: Any, separator: str | None) -> str:
    return (separator or "|").join(output) if isinstance(output, list) else str(output)


def _about(task: Mapping[str, Any]) -> About:
    check = task["check"]
    return About(task["task"], purpose=task["success"], origin=check["origin"], licence=check["licence"])


def _report(found: Mapping[str, Any]) -> Report:
    """The findings of a check as they were kept: their counts, not their rows."""
    findings = tuple(
        Finding(
            **{
                key: one[key] for key in ("check", "standard", "severity", "what", "why", "repair", "figures")
            },
            flags=_flags(one["rows"]),
        )
        for one in found["findings"]
    )
    standards = {check: one["name"] for one in found["standards"] for check in (*one["ran"], *one["skipped"])}
    ran = tuple(check for one in found["standards"] for check in one["ran"])
    skipped = {check: why for check, why in found["skipped"].items() if check in standards}
    assert set(standards.values()) <= set(STANDARDS)
    return Report(found["rows"], findings, ran, skipped, standards=standards)


def _flags(rows: Sequence[Mapping[str, Any]]) -> tuple[Flag, ...]:
    """One flag a row: rows are told apart by their place alone."""
    places = dict.fromkeys(row["source"] for row in rows)
    return tuple(Flag(number) for number, _ in enumerate(places))
